"""A campaign goes on with mounts and processes of its own."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

WAY = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork",
       "--mount-proc", "--kill-child"]
MARK = "GODWIT_ALONE"


def alone(prefix, where):
    """The folder, made in where, for all that the campaign lays down, or None
    where root may not have this: then the caller cleans up itself.  Returns
    only inside.  The program outside waits, ends all processes and mounts at
    a signal, and takes the folder away."""
    if os.environ.get(MARK):
        return pathlib.Path(os.environ.pop(MARK))
    if os.geteuid() != 0 or subprocess.run(
            WAY + ["true"], stderr=subprocess.DEVNULL).returncode:
        return None
    inside = None

    def end(*unused):
        if inside:
            inside.kill()  # unshare; what it started goes with it
        else:
            sys.exit(1)

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    top = tempfile.mkdtemp(prefix=prefix, dir=where)
    try:
        os.chmod(top, 0o755)
        # A session of its own: a signal for all comes here alone.
        inside = subprocess.Popen(WAY + [sys.executable] + sys.argv,
                                  env=dict(os.environ, **{MARK: top}),
                                  start_new_session=True)
        code = inside.wait()
    finally:
        shutil.rmtree(top, ignore_errors=True)
    sys.exit(code if code >= 0 else 1)
