#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/tap.h"

static int ends[2];

/* What the reader finds, at most size bytes of it. */
static size_t
take(char *to, size_t size)
{
    ssize_t n = read(ends[0], to, size - 1);

    to[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

int
main(void)
{
    static char bytes[1 << 20];
    int kept = dup(2);
    size_t full = 0;
    bool came, told;

    if (pipe(ends) < 0 || dup2(ends[1], 2) < 0)
        return 111;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    log_event("one n=%d", 1);
    take(bytes, sizeof bytes);
    came = strcmp(bytes, "one n=1\n") == 0;
    /* Nobody reads: this ends although nothing takes it. */
    for (int i = 0; i < 20000; i++)
        log_event("many n=%d", i);
    while (take(bytes, sizeof bytes) > 0)
        full += strlen(bytes);
    log_event("last");
    take(bytes, sizeof bytes);
    told = strncmp(bytes, "log lost=", 9) == 0 && strstr(bytes, "\nlast\n");
    dup2(kept, 2);
    ok(came, "an event is a line");
    ok(full >= 4096, "a full pipe holds up nobody (%zu bytes kept)", full);
    ok(told, "when it takes lines again the loss is told: %.40s", bytes);
    return tap_end();
}
