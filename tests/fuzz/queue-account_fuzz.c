#include "base/id.h"
#include "queue/account.h"
#include "queue/look.h"
#include "tests/fuzz/fuzz.h"

static uint64_t faults;

static void
on_fault(void *data, const struct account_fault *f)
{
    (void)data;
    CLAIM(f->why && f->rcpt >= -1);
    faults++;
}

/* The balance over lines of any bytes; "=in PLACE ID" is a name in a folder.
 * Each fault is told, and nobody is counted out who was not accepted. */
static void
balance(struct view in, bool partial)
{
    struct account a = {.fault = on_fault, .began_ms = 5, .partial = partial};
    struct account_end end = {0};
    struct view line;
    uint64_t position = 0, id;

    faults = 0;
    account_relist(&a);
    while (view_line(&in, &line)) {
        if (line.len > 5 && memcmp(line.data, "=in ", 4) == 0) {
            if (id_parse(view_from(line, 6), &id))
                account_listed(&a, (enum place)((uint8_t)line.data[4] % 3), id);
            continue;
        }
        account_line(&a, line, position, position);
        position += line.len + 1;
    }
    account_doubts(&a);
    account_end(&a, &end);
    CLAIM(a.faults == faults);
    CLAIM(a.removed.messages <= a.accepted.messages || a.faults || partial);
    account_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view in = exact(data, size);

    balance(in, false);
    balance(in, true);
    free((void *)in.data);
    return 0;
}
