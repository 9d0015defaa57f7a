#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
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
    size_t full = 0, full2;
    bool came, told, held, kept_order;

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
    log_gather();
    log_event("a");
    log_event("b");
    held = take(bytes, sizeof bytes) == 0;
    log_flush();
    take(bytes, sizeof bytes);
    kept_order = strcmp(bytes, "a\nb\n") == 0;
    for (full2 = 0; full2 == 0; full2 = take(bytes, sizeof bytes))
        log_event("many");
    log_flush();
    dup2(kept, 2);
    ok(came, "an event is a line");
    ok(full >= 4096, "a full pipe holds up nobody (%zu bytes kept)", full);
    ok(told, "when it takes lines again the loss is told: %.40s", bytes);
    ok(held && kept_order, "gathered lines come together, when flushed");
    ok(full2 <= PIPE_BUF && full2 > PIPE_BUF - 5 && full2 % 5 == 0,
       "as many as a pipe takes whole do not wait (%zu bytes)", full2);
    return tap_end();
}
