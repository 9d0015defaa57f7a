/* spool_fill - a queue with many deferred messages, written without syncs
 *
 * usage: spool_fill godwit FOLDER COUNT DUE BYTES UID GID
 *        spool_fill postfix FOLDER COUNT DUE SAMPLE
 * FOLDER is Godwit's info/ or Postfix's deferred/; the next attempt is in DUE
 * seconds.  Postfix's files are copies of SAMPLE, one of its own. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/envelope.h"
#include "base/id.h"
#include "base/mem.h"
#include "queue/message.h"

enum { SITES = 1000 };

static int folder;
static long due_in;

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static int
write_file(const char *name, const void *data, size_t len, mode_t mode)
{
    int fd = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY, mode);

    if (fd < 0 || fchmod(fd, mode) < 0 ||
        write(fd, data, len) != (ssize_t)len)
        fail(name);
    return fd;
}

static void
fill_godwit(long n, uint64_t now_ms, struct view content, uid_t uid, gid_t gid)
{
    struct buf b = {0}, envelope = {0}, rcpt = {0};
    struct header h = {.birth_ms = now_ms, .content_length = content.len,
                       .rcpt_count = 1};
    struct slot slot = {.next = now_ms / 1000 + (uint64_t)due_in,
                        .attempts = 1};
    struct state owed = {.state = OWED};
    unsigned char part[HEADER_LEN] = {0};
    char zeros[CONTENT_OFFSET] = {0};
    id_text name;
    int fd;

    h.id = id_make(now_ms + (uint64_t)n / 1000, (uint32_t)n);
    buf_print(&rcpt, "u%ld@d%ld.test", n, n % SITES);
    envelope_put(&envelope, TAG_SENDER, view_of("sender@src.test"));
    envelope_put(&envelope, TAG_RCPT, buf_view(&rcpt));
    h.envelope_length = envelope.len;
    digest_of(content, h.content_digest);
    digest_of(buf_view(&envelope), h.envelope_digest);
    header_print(part, &h);
    buf_add(&b, part, HEADER_LEN);
    slot_print(part, h.id, &slot);
    buf_add(&b, part, SLOT_LEN);
    buf_add(&b, zeros, CONTENT_OFFSET - b.len);
    buf_add(&b, content.data, content.len);
    buf_add(&b, envelope.data, envelope.len);
    buf_add(&b, zeros, header_states(&h) - b.len);
    state_print(part, h.id, 0, &owed);
    buf_add(&b, part, STATE_LEN);
    fd = write_file(id_print(h.id, name), b.data, b.len, 0660);
    if (fchown(fd, uid, gid) < 0)
        fail("chown");
    close(fd);
    buf_free(&rcpt);
    buf_free(&envelope);
    buf_free(&b);
}

/* Its short queue id: microseconds and the file's inode; the first letter is
 * the folder.  A moment to come as the file's own time: not due before. */
static void
fill_postfix(long n, struct view sample, const struct stat *like)
{
    char id[64], path[80];
    struct stat st;
    struct timespec due[2];
    int fd = write_file("new", sample.data, sample.len, like->st_mode & 07777);

    if (fstat(fd, &st) < 0 || fchown(fd, like->st_uid, like->st_gid) < 0)
        fail("new");
    snprintf(id, sizeof id, "%05lX%lX", n % 1000000, (long)st.st_ino);
    snprintf(path, sizeof path, "%c", id[0]);
    if (mkdirat(folder, path, 0700) == 0 &&
        fchownat(folder, path, like->st_uid, (gid_t)-1, 0) < 0)
        fail(path);
    snprintf(path, sizeof path, "%c/%s", id[0], id);
    due[0].tv_sec = due[1].tv_sec = time(NULL) + due_in;
    due[0].tv_nsec = due[1].tv_nsec = 0;
    if (futimens(fd, due) < 0 || renameat(folder, "new", folder, path) < 0)
        fail(path);
    close(fd);
}

static struct view
read_sample(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY);
    char *data;

    if (fd < 0 || fstat(fd, st) < 0)
        fail(path);
    data = mem_alloc((size_t)st->st_size);
    if (read(fd, data, (size_t)st->st_size) != st->st_size)
        fail(path);
    close(fd);
    return (struct view){data, (size_t)st->st_size};
}

static struct view
made_content(size_t len)
{
    char *data = mem_alloc(len + 1);

    memset(data, 'x', len);
    memcpy(data, "Subject: x\n\n", len < 12 ? len : 12);
    data[len ? len - 1 : 0] = '\n';
    return (struct view){data, len};
}

int
main(int argc, char **argv)
{
    bool godwit = argc == 8 && strcmp(argv[1], "godwit") == 0;
    struct stat st;
    struct view bytes;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    long count;

    if (!godwit && (argc != 6 || strcmp(argv[1], "postfix") != 0)) {
        fprintf(stderr, "usage: see the top of spool_fill.c\n");
        return 64;
    }
    if ((folder = open(argv[2], O_RDONLY | O_DIRECTORY)) < 0)
        fail(argv[2]);
    count = atol(argv[3]);
    due_in = atol(argv[4]);
    umask(0);
    bytes = godwit ? made_content((size_t)atol(argv[5]))
                   : read_sample(argv[5], &st);
    for (long n = 0; n < count; n++)
        if (godwit)
            fill_godwit(n, now_ms, bytes, (uid_t)atol(argv[6]),
                        (gid_t)atol(argv[7]));
        else
            fill_postfix(n, bytes, &st);
    return syncfs(folder) < 0;
}
