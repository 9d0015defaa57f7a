"""TAP for the tests of godwit-remote; a name is a sentence on behaviour."""
import sys

count = failed = 0


def ok(good, name, got=None):
    global count, failed
    count += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, name))
    if not good and got is not None:
        for line in str(got).splitlines():
            print('#', line)
    sys.stdout.flush()
    return good


def skip(name, why):
    global count
    count += 1
    print('ok %d # SKIP %s: %s' % (count, name, why))


def end():
    print('1..%d' % count)
    sys.exit(failed != 0)
