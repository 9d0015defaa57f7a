#include "remote/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static char folder[] = "/tmp/token-test.XXXXXX";

static int
read_of(const char *name, const char *content, mode_t mode, struct buf *out)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY), fd, r;

    if (content) {
        fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (write(fd, content, strlen(content)) < 0)
            perror(name);
        fchmod(fd, mode);
        close(fd);
    }
    buf_clear(out);
    r = token_read(dir, view_of(name), out);
    unlinkat(dir, name, 0);
    close(dir);
    return r;
}

int
main(void)
{
    static char large[TOKEN_MAX + 2];
    struct buf out = {0};

    if (!mkdtemp(folder))
        return 1;
    ok(read_of("a", "ya29.a0_-~+/=\n", 0600, &out) == 0 &&
           view_is(buf_view(&out), "ya29.a0_-~+/="),
       "a token is the first line of its file");
    ok(read_of("a", " x \r\ny\n", 0400, &out) == 0 &&
           view_is(buf_view(&out), "x"),
       "without blanks, and what follows");
    ok(read_of("a", "", 0600, &out) == -EBADMSG, "an empty file has none");
    ok(read_of("a", "two words\n", 0600, &out) == -EBADMSG && out.len == 0,
       "nor has one of two words (RFC 6750 2.1)");
    ok(read_of("a", "x\1auth=\n", 0600, &out) == -EBADMSG,
       "nor one that would break out of its field");
    ok(read_of("a", "x", 0640, &out) == -EPERM &&
           read_of("a", "x", 0604, &out) == -EPERM,
       "what others may read is not used");
    ok(read_of("none", NULL, 0, &out) == -ENOENT, "a file may be missing");
    memset(large, 'x', TOKEN_MAX);
    ok(read_of("a", large, 0600, &out) == 0 && out.len == TOKEN_MAX,
       "a token may be of 8192 bytes");
    large[TOKEN_MAX] = 'x';
    ok(read_of("a", large, 0600, &out) == -EBADMSG, "not of one more");
    ok(token_name(view_of("google-1")) && !token_name(view_of("a/b")) &&
           !token_name(view_of("..")) && !token_name(view_of("")) &&
           !token_name(view_of(".a")),
       "a file's name has no slash, and no dot in front");
    rmdir(folder);
    buf_free(&out);
    return tap_end();
}
