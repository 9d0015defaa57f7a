#include "queue/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/id.h"

void
incoming_init(struct incoming *in, const struct todo *todo)
{
    memset(in, 0, sizeof *in);
    in->todo = todo;
    in->fd = -1;
    digest_init(&in->digest);
}

void
incoming_begin(struct incoming *in)
{
    static uint32_t tail;

    if (tail == 0)
        tail = randombytes_random();
    in->birth_ms = date_now();
    in->id = id_make(in->birth_ms, tail++);
}

static int
open_file(struct incoming *in)
{
    id_text name;
    char dot[ID_LEN + 2];

    if (in->fd >= 0)
        return 0;
    if (!in->todo->dots) {
        in->fd = openat(in->todo->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC,
                        0660);
        return in->fd < 0 ? -errno : 0;
    }
    /* Its own name, by chance: one that a crash left says nothing of the id
     * that the message will have. */
    in->dot = id_make(date_now(), randombytes_random());
    snprintf(dot, sizeof dot, ".%s", id_print(in->dot, name));
    in->fd = openat(in->todo->dir, dot, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
                    0660);
    if (in->fd >= 0)
        return 0;
    in->dot = 0;
    return errno == EEXIST ? -EAGAIN : -errno;
}

static void
take_in(struct incoming *in)
{
    digest_add(&in->digest, in->content.data, in->content.len);
    facts_add(&in->facts, buf_view(&in->content));
}

int
incoming_spill(struct incoming *in)
{
    int r;

    if ((r = open_file(in)) < 0)
        return r;
    take_in(in);
    r = file_pwrite(in->fd, in->content.data, in->content.len,
                    CONTENT_OFFSET + in->written);
    in->written += in->content.len;
    buf_clear(&in->content);
    return r;
}

/* All parts in one call; what a short write left goes piece by piece. */
static int
write_parts(int fd, struct iovec *iov, int count, uint64_t offset)
{
    ssize_t n = pwritev(fd, iov, count, (off_t)offset);

    if (n < 0 && errno != EINTR)
        return -errno;
    if (n < 0)
        n = 0;
    for (int i = 0; i < count; i++) {
        size_t skip = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;
        int r;

        if (skip < iov[i].iov_len &&
            (r = file_pwrite(fd, (char *)iov[i].iov_base + skip,
                             iov[i].iov_len - skip, offset + skip)) < 0)
            return r;
        n -= (ssize_t)skip;
        offset += iov[i].iov_len;
    }
    return 0;
}

static int
write_file(struct incoming *in, const struct envelope *e, uint64_t next_s)
{
    unsigned char front[CONTENT_OFFSET] = {0};
    struct slot slot = {.next = next_s, .attempts = 1,
                        .hold = e->hold.len != 0};
    struct state owed = {.state = OWED};
    struct header h = {.id = in->id, .birth_ms = in->birth_ms,
                       .rcpt_count = e->rcpt_count};
    struct buf tail = {0};
    struct iovec iov[3];
    int r;

    envelope_print(&tail, e);
    take_in(in);
    facts_end(&in->facts);
    h.facts = in->facts.seen;
    h.content_length = in->written + in->content.len;
    h.envelope_length = tail.len;
    digest_end(&in->digest, h.content_digest);
    digest_of(buf_view(&tail), h.envelope_digest);
    while (header_envelope(&h) + tail.len < header_states(&h))
        buf_addbyte(&tail, 0);
    for (uint32_t i = 0; i < e->rcpt_count; i++) {
        unsigned char record[STATE_LEN];

        state_print(record, h.id, i, &owed);
        buf_add(&tail, record, STATE_LEN);
    }
    header_print(front, &h);
    slot_print(front + SLOT_OFFSET, h.id, &slot);

    iov[0] = (struct iovec){front, sizeof front};
    iov[1] = (struct iovec){in->content.data, in->content.len};
    iov[2] = (struct iovec){tail.data, tail.len};
    if (in->written == 0)
        r = write_parts(in->fd, iov, 3, 0);
    else if ((r = write_parts(in->fd, iov + 1, 2,
                              CONTENT_OFFSET + in->written)) == 0)
        r = file_pwrite(in->fd, front, sizeof front, 0);
    buf_free(&tail);
    return r;
}

/* model: incoming-write */
int
incoming_write(struct incoming *in, const struct envelope *e, uint64_t next_s)
{
    int r;

    in->chosen = e->chosenid != 0;
    if ((r = open_file(in)) < 0)
        return r;
    return write_file(in, e, next_s);
}

bool
incoming_ordered(const struct incoming *in)
{
    return in->todo->orders && !in->chosen;
}

/* model: incoming-link */
int
incoming_link(struct incoming *in)
{
    char from[32];
    id_text name, dot;
    int r;

    /* The id is under the header's digest, so it has to be free.  One of ours
     * is, but for a chance of 1 in 4 million with another process that took a
     * message in the same millisecond; the caller is told to try again. */
    id_print(in->id, name);
    if (in->dot) {
        snprintf(from, sizeof from, ".%s", id_print(in->dot, dot));
        r = linkat(in->todo->dir, from, in->todo->dir, name, 0) < 0 ? -errno
                                                                     : 0;
        unlinkat(in->todo->dir, from, 0);
        in->dot = 0;
        return r;
    }
    /* Where the kernel gives us that (Linux 6.10) it costs less. */
    if (linkat(in->fd, "", in->todo->dir, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno == EEXIST)
        return -EEXIST;
    snprintf(from, sizeof from, "%d", in->fd);
    return linkat(in->todo->proc, from, in->todo->dir, name,
                  AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

void
incoming_unlink(struct incoming *in)
{
    id_text name;

    unlinkat(in->todo->dir, id_print(in->id, name), 0);
}

void
incoming_free(struct incoming *in)
{
    char dot[ID_LEN + 2];
    id_text name;

    if (in->dot) {
        snprintf(dot, sizeof dot, ".%s", id_print(in->dot, name));
        unlinkat(in->todo->dir, dot, 0);
    }
    file_close(&in->fd);
    buf_free(&in->content);
    buf_free(&in->envelope);
}
