#include "remote/content.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/tap.h"

static const char sealed[] =
    "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n\xe4\n";
static unsigned calls;

static void
on_piece(struct content *c)
{
    (void)c;
    calls++;
}

/* A content that cannot be sent without 8BITMIME, and is read for a server
 * that does not offer it, who is gone before the pool has read it if
 * forgotten. */
static void
read_for_nobody(struct content *c, bool whole, bool forgotten)
{
    struct view text = view_of(sealed);
    struct job job = {.length = text.len};
    int fd = memfd_create("content", MFD_CLOEXEC);

    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
        printf("Bail out! no memory file\n");
    digest_of(text, job.digest);
    job.digest[0] ^= whole ? 0 : 1;
    calls = 0;
    content_init(c, &job, fd, on_piece);
    content_convert(c, JOB_8BIT_BODY, false);
    content_read(c, uv_default_loop(), 1);
    if (forgotten)
        content_forget(c);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

int
main(void)
{
    struct content c;

    read_for_nobody(&c, true, false);
    ok(calls == 1 && content_refused(&c) && !content_damaged(&c),
       "what a server's form does not allow is refused");
    content_free(&c);
    read_for_nobody(&c, true, true);
    ok(calls == 1 && c.error == 0,
       "but not where that server is gone: the next may take it");
    content_free(&c);
    read_for_nobody(&c, false, true);
    ok(calls == 1 && content_damaged(&c), "damage is damage for all servers");
    content_free(&c);
    return tap_end();
}
