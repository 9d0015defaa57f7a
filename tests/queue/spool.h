/* spool.h - a spool of the test's own, and queue files byte by byte */
#ifndef TESTS_QUEUE_SPOOL_H
#define TESTS_QUEUE_SPOOL_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/envelope.h"
#include "base/file.h"
#include "base/id.h"
#include "queue/store.h"
#include "tests/tap.h"

static char spool_path[] = "/tmp/godwit-test.XXXXXX";

#define SAMPLE_ID 0x1234567890abcdULL

static void
spool_must(bool good, const char *what)
{
    if (good)
        return;
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(2);
}

static int
spool_drop(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st;
    (void)kind;
    (void)f;
    remove(path);
    return 0;
}

__attribute__((unused)) static void
spool_remove(void)
{
    nftw(spool_path, spool_drop, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static void
spool_make(struct store *s)
{
    static const char *const folders[] = {"todo", "info", "broken", "bounce",
                                          "ledger"};
    int dir;

    spool_must(mkdtemp(spool_path) != NULL, "a folder in /tmp");
    atexit(spool_remove);
    spool_must(file_opendir(&dir, AT_FDCWD, spool_path) == 0, "open it");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        spool_must(mkdirat(dir, folders[i], 0700) == 0, folders[i]);
    file_close(&dir);
    spool_must(store_open(s, spool_path) == 0, "store_open");
}

/* What a queue file is made of; {0} fields have a default. */
struct sample {
    uint64_t id;
    struct view content;
    const char *sender;
    const char *const *rcpts; /* ends with NULL */
    const char *answers;
    struct slot slot;
    enum rcpt_state state;    /* of all */
    struct header header;     /* out */
};

/* Appends the bytes of the whole file. */
__attribute__((unused)) static void
sample_print(struct buf *b, struct sample *s)
{
    static const char *const one[] = {"bob@example.org", "cyd@example.net",
                                      NULL};
    unsigned char front[CONTENT_OFFSET] = {0}, record[STATE_LEN];
    struct envelope_rcpt rcpts[100] = {{.notify = 0}};
    struct envelope e = {.sender = view_of(s->sender ? s->sender
                                                     : "ann@example.org"),
                         .answers = view_of(s->answers), .rcpts = rcpts};
    struct state state = {.state = s->state ? s->state : OWED};
    const char *const *rcpt = s->rcpts ? s->rcpts : one;
    struct header *h = &s->header;
    struct buf envelope = {0};

    while (rcpt[e.rcpt_count]) {
        rcpts[e.rcpt_count].address = view_of(rcpt[e.rcpt_count]);
        e.rcpt_count++;
    }
    envelope_print(&envelope, &e);
    *h = (struct header){
        .id = s->id ? s->id : SAMPLE_ID,
        .birth_ms = 1795384800000,
        .content_length = s->content.len,
        .envelope_length = envelope.len,
        .rcpt_count = e.rcpt_count,
    };
    digest_of(s->content, h->content_digest);
    digest_of(buf_view(&envelope), h->envelope_digest);
    header_print(front, h);
    slot_print(front + SLOT_OFFSET, h->id, &s->slot);
    buf_add(b, front, sizeof front);
    buf_addview(b, s->content);
    buf_addview(b, buf_view(&envelope));
    while (b->len < header_states(h))
        buf_addbyte(b, 0);
    for (uint32_t i = 0; i < e.rcpt_count; i++) {
        state_print(record, h->id, i, &state);
        buf_add(b, record, sizeof record);
    }
    buf_free(&envelope);
}

/* name in dir holds exactly these bytes. */
__attribute__((unused)) static void
spool_put(int dir, const char *name, struct view bytes)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    spool_must(fd >= 0 && file_write(fd, bytes.data, bytes.len) == 0, name);
    file_close(&fd);
}

/* A sample as id's file in place. */
__attribute__((unused)) static void
sample_put(const struct store *s, enum place place, struct sample *sample)
{
    struct buf b = {0};
    id_text name;

    sample_print(&b, sample);
    spool_put(s->dirs[place], id_print(sample->header.id, name),
              buf_view(&b));
    buf_free(&b);
}

#endif
