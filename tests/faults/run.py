#!/usr/bin/python3 -B
"""Runs the campaign of faults: each file beside this one that has cases.

usage: tests/faults/run.py [KIND ...]
Each file runs with mounts, processes and network of its own where root may
make them, some at a time; whatever it mounted or started ends with it, also
when this program is killed.  QUICK=1: CI's share; SEED=n: the choices;
CASE=word: only cases with that word in their name; JOBS=2 (QUICK: 3, for
they mostly wait)."""
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# The longest first.
KINDS = ["flood", "ledger", "limits", "strangers", "disk", "clock", "stopped",
         "places", "user", "damage", "network", "leftover"]
WAY = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork",
       "--mount-proc", "--net", "--kill-child"]


def may_be_alone():
    return os.geteuid() == 0 and subprocess.run(
        WAY + ["ip", "link", "set", "lo", "up"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL).returncode == 0


class Run:
    def __init__(self, kinds, top):
        self.kinds, self.top = list(kinds), top
        self.alone = may_be_alone()
        self.total, self.lock = collections.Counter(), threading.Lock()
        self.running = set()

    def argv(self, kind):
        argv = [sys.executable, "-B", str(HERE / (kind + ".py"))]
        if self.alone:
            argv = WAY + ["sh", "-c", 'ip link set lo up && "$@"; exit $?',
                          "sh"] + argv
        return argv

    def one(self, kind):
        folder = self.top / kind
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        env = dict(os.environ, TMPDIR=str(folder))
        if self.alone:
            env["GODWIT_FAULTS_INSIDE"] = "1"
        p = subprocess.Popen(self.argv(kind), env=env, text=True,
                             stdout=subprocess.PIPE, start_new_session=True)
        with self.lock:
            self.running.add(p)
        counted = False
        for line in p.stdout:
            if line.startswith("COUNTS "):
                counted = True
                self.total.update(json.loads(line[7:]))
            else:
                with self.lock:
                    sys.stdout.write(line)
                    sys.stdout.flush()
        code = p.wait()
        with self.lock:
            self.running.discard(p)
        if not counted:
            self.total["wrong"] += 1
            print("not ok: %s: ended with %d before it counted" %
                  (kind, code), flush=True)

    def work(self):
        while True:
            with self.lock:
                if not self.kinds:
                    return
                kind = self.kinds.pop(0)
            self.one(kind)

    def stop(self):
        with self.lock:
            self.kinds = []
            for p in self.running:
                # unshare passes it to all that is inside.
                os.killpg(p.pid, signal.SIGKILL if self.alone
                          else signal.SIGTERM)


def main():
    kinds = sys.argv[1:] or KINDS
    os.environ.setdefault("SEED", str(random.randrange(1 << 30)))
    print("seed %s" % os.environ["SEED"], flush=True)
    for name in ("GODWIT_HOME", "QMAILQUEUE", "NOTIFY_SOCKET", "GODWITQUEUE"):
        os.environ.pop(name, None)
    top = pathlib.Path(tempfile.mkdtemp(prefix="godwit-faults.", dir="/tmp"))
    top.chmod(0o755)
    r = Run(kinds, top)

    def on_signal(*_):
        for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(s, signal.SIG_IGN)
        r.stop()
        raise KeyboardInterrupt

    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(sig, on_signal)
    begun = time.monotonic()
    if not r.alone:
        print("no namespaces here: what needs them is SKIPPED")
    jobs = os.environ.get("JOBS") or (3 if os.environ.get("QUICK") else 2)
    threads = [threading.Thread(target=r.work) for _ in range(int(jobs))]
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    except KeyboardInterrupt:
        r.total["wrong"] += 1
        for t in threads:
            t.join(30)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    t = r.total
    print("%d cases, %d faults, %d messages, %d planted mistakes, %d skipped, "
          "%d wrong (%.0f s)" %
          (t["cases"], t["faults"], t["messages"], t["planted"], t["skipped"],
           t["wrong"], time.monotonic() - begun))
    return 1 if t["wrong"] else 0


sys.exit(main())
