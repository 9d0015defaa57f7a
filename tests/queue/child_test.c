#include "queue/child.h"

#include <sys/wait.h>

#include "tests/tap.h"

static void
test_delay(void)
{
    unsigned delay = 0, longest = 0;
    bool doubles = true;

    ok(child_delay(0, CHILD_PROVEN_MS + 1) == 0 &&
           child_delay(CHILD_DELAY_MAX_MS, CHILD_PROVEN_MS + 1) == 0,
       "who lived over ten seconds is started again at once");
    ok(child_delay(0, CHILD_PROVEN_MS) == 100,
       "who lived ten seconds or less waits a tenth of a second");
    for (int i = 0; i < 20; i++) {
        unsigned next = child_delay(delay, 0);

        if (delay && next != delay * 2 && next != CHILD_DELAY_MAX_MS)
            doubles = false;
        delay = next;
        longest = delay > longest ? delay : longest;
    }
    ok(doubles, "each early death doubles the wait");
    ok(longest == 30000 && delay == 30000, "up to thirty seconds");
}

static int
wait_for(struct child *c)
{
    int status = -1;

    if (c->pid <= 0 || waitpid(c->pid, &status, 0) != c->pid)
        return -1;
    return status;
}

static void
test_start(void)
{
    struct child_plan plan = {.folder = "/bin", .argument = "any"};
    struct child c = {.program = "false"};

    ok(child_start(&c, &plan, 1000) == 0 && c.pid > 0, "a program starts");
    child_ended(&c, wait_for(&c), true, 1500);
    ok(c.pid == 0 && c.due_ms == 1600, "it is due again after its wait");
    ok(child_start(&c, &plan, 1600) == 0, "it starts again");
    child_ended(&c, wait_for(&c), true, 1700);
    ok(c.due_ms == 1900, "the wait after a second early death is longer");
    ok(child_start(&c, &plan, 1900) == 0, "it starts a third time");
    child_ended(&c, wait_for(&c), false, 2000);
    ok(c.due_ms == 2000, "who ended because it was told to waits for nothing");
    child_failed(&c, 3000);
    ok(c.pid == 0 && c.due_ms == 3100, "what cannot be tried waits too");
}

static void
test_missing(void)
{
    struct child_plan plan = {.folder = "/nowhere"};
    struct child c = {.program = "no-such-program"};
    int status;

    ok(child_start(&c, &plan, 0) == 0, "a missing program forks");
    status = wait_for(&c);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 111,
       "and its process ends with 111");
}

int
main(void)
{
    test_delay();
    test_start();
    test_missing();
    return tap_end();
}
