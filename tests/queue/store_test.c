#include "queue/store.h"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/queue/spool.h"

static struct store store;
static id_text name;

static int
load(enum place place, struct queued *q)
{
    const char *why;

    return store_load(&store, place, SAMPLE_ID, q, &why);
}

/* Whether a load gives back what the sample is made of. */
static bool
intact(const struct queued *q, const struct sample *s)
{
    return q->id == SAMPLE_ID &&
           q->header.content_length == s->content.len &&
           q->header.birth_ms == s->header.birth_ms &&
           memcmp(&q->header, &s->header, sizeof q->header) == 0 &&
           q->envelope.rcpt_count == 2 &&
           view_is(q->envelope.sender, "ann@example.org") &&
           view_is(q->envelope.rcpts[0].address, "bob@example.org") &&
           view_is(q->envelope.rcpts[1].address, "cyd@example.net");
}

static struct sample
good(void)
{
    return (struct sample){
        .content = view_of("Subject: x\n\nthe text\n"),
        .slot = {.next = 1795384800, .attempts = 3},
        .state = DELIVERED,
    };
}

static void
whole(void)
{
    struct sample s = good();
    struct queued q;

    sample_put(&store, PLACE_INFO, &s);
    ok(load(PLACE_INFO, &q) == 0 && intact(&q, &s), "a good file is read");
    ok(q.slot_ok && q.slot.next == 1795384800 && q.slot.attempts == 3 &&
       !q.slot.hold, "with its slot");
    ok(q.states[0].state == DELIVERED && q.states[1].state == DELIVERED,
       "and its state records");
    ok(store_verify(&q) == 0, "its content agrees with its digest");
    queued_free(&q);
    ok(load(PLACE_TODO, &q) == -ENOENT, "in another folder it is not");
    ok(store_has(&store, PLACE_INFO, SAMPLE_ID) == 1 &&
       store_has(&store, PLACE_TODO, SAMPLE_ID) == 0, "store_has says so too");
}

/* What flipping one byte may make of a file. */
struct flips {
    unsigned damaged, content, lost, wrong;
};

static void
flip_one(struct flips *f, const struct sample *s)
{
    struct queued q;
    int r = load(PLACE_TODO, &q);

    if (r == -EBADMSG) {
        f->damaged++;
        return;
    }
    if (r < 0 || !intact(&q, s)) {
        f->wrong++;
    } else {
        bool lost = !q.slot_ok;

        for (uint32_t i = 0; i < 2; i++) {
            lost |= q.states[i].state != s->state;
            f->wrong += q.states[i].state != OWED &&
                        q.states[i].state != s->state;
        }
        f->lost += lost;
        f->content += store_verify(&q) == -EBADMSG;
    }
    if (r == 0)
        queued_free(&q);
}

static void
flips(enum rcpt_state state)
{
    struct sample s = good();
    struct flips f = {0};
    struct buf b = {0};
    unsigned checked;

    s.state = state;
    sample_print(&b, &s);
    for (size_t at = 0; at < b.len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            b.data[at] = (char)(b.data[at] ^ (1 << bit));
            spool_put(store.dirs[PLACE_TODO], name, buf_view(&b));
            flip_one(&f, &s);
            b.data[at] = (char)(b.data[at] ^ (1 << bit));
        }
    checked = (unsigned)(HEADER_LEN + s.header.envelope_length) * 8;
    ok(f.wrong == 0, "'%c': a file with one bit changed is damage or says the "
       "same (%u did not)", state, f.wrong);
    ok(f.damaged == checked, "each bit of header and envelope counts");
    ok(f.content == s.content.len * 8, "each bit of the content is seen by "
       "its digest");
    ok(f.lost == (SLOT_LEN + (state == OWED ? 0 : 2 * STATE_LEN)) * 8,
       "each bit of a slot or record costs what it said and no more");
    buf_free(&b);
}

static void
cuts(void)
{
    struct sample s = good();
    struct buf b = {0};
    unsigned taken = 0;
    struct queued q;
    int r;

    sample_print(&b, &s);
    for (size_t len = 0; len <= b.len + 20; len++) {
        struct buf cut = {0};

        if (len == b.len)
            continue;
        buf_add(&cut, b.data, len < b.len ? len : b.len);
        while (cut.len < len)
            buf_addbyte(&cut, 0);
        spool_put(store.dirs[PLACE_TODO], name, buf_view(&cut));
        r = load(PLACE_TODO, &q);
        taken += r != -EBADMSG;
        if (r == 0)
            queued_free(&q);
        buf_free(&cut);
    }
    ok(taken == 0, "a file of any other length is damage");
    spool_put(store.dirs[PLACE_TODO], name, buf_view(&b));
    ok(store_load(&store, PLACE_TODO, SAMPLE_ID, &q, &(const char *){""}) ==
       0, "of its own length it is read");
    queued_free(&q);
    buf_free(&b);
}

/* Under another id's name each file is whole, and not that message. */
static void
another_name(void)
{
    struct sample s = good();
    struct buf b = {0};
    const char *why;
    struct queued q;
    id_text other;

    sample_print(&b, &s);
    spool_put(store.dirs[PLACE_INFO], id_print(SAMPLE_ID + 1, other),
              buf_view(&b));
    ok(store_load(&store, PLACE_INFO, SAMPLE_ID + 1, &q, &why) == -EBADMSG,
       "a file under another message's name is damage");
    same(why, "name and id differ", "and that is said");
    file_remove(store.dirs[PLACE_INFO], other);
    buf_free(&b);
}

static void
no_file(enum place place)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int d = store.dirs[place], sock = socket(AF_UNIX, SOCK_STREAM, 0);
    struct queued q;

    file_remove(d, name);
    mkdirat(d, name, 0700);
    ok(load(place, &q) == -ENOTSUP, "%s: a folder is not touched",
       place_name(place));
    unlinkat(d, name, AT_REMOVEDIR);
    ok(symlinkat("/etc/passwd", d, name) == 0 && load(place, &q) == -ENOTSUP,
       "nor is a link");
    unlinkat(d, name, 0);
    ok(symlinkat("/nowhere/at/all", d, name) == 0 &&
       load(place, &q) == -ENOTSUP, "nor one to nowhere");
    unlinkat(d, name, 0);
    ok(mkfifoat(d, name, 0600) == 0 && load(place, &q) == -ENOTSUP,
       "nor a FIFO, which nobody waits on");
    unlinkat(d, name, 0);
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s/%s", spool_path,
             place_name(place), name);
    ok(bind(sock, (struct sockaddr *)&sun, sizeof sun) == 0 &&
       load(place, &q) == -ENOTSUP, "nor a socket");
    unlinkat(d, name, 0);
    close(sock);
    if (mknodat(d, name, S_IFCHR | 0600, makedev(1, 5)) < 0)
        skip("a device: %s", strerror(errno));
    else
        ok(load(place, &q) == -ENOTSUP || load(place, &q) == -EACCES,
           "nor a device");
    unlinkat(d, name, 0);
}

static bool
count_ids(void *data, uint64_t id)
{
    unsigned *n = data;

    *n += id == SAMPLE_ID;
    return true;
}

static void
foreign(enum place place)
{
    char huge[256];
    struct sample s = good();
    unsigned ids = 0;
    size_t strange;
    int d = store.dirs[place];

    memset(huge, 'A', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    sample_put(&store, place, &s);
    spool_put(d, huge, view_of(""));
    spool_put(d, "0000000000000", view_of("")); /* id 0 */
    spool_put(d, "ZZZZZZZZZZZZZ", view_of("")); /* above 64 bits */
    spool_put(d, "\377\n", view_of(""));
    spool_put(d, ".hidden", view_of(""));
    ok(store_list(&store, place, count_ids, &ids, &strange) == 0 &&
       ids == 1 && strange == 4, "%s: names that are no ids are counted, not "
       "taken (%zu)", place_name(place), strange);
    unlinkat(d, name, 0);
    unlinkat(d, huge, 0);
    unlinkat(d, "0000000000000", 0);
    unlinkat(d, "ZZZZZZZZZZZZZ", 0);
    unlinkat(d, "\377\n", 0);
    unlinkat(d, ".hidden", 0);
}

/* Run by root these go on as nobody, whom modes hold back. */
static bool
as_nobody(bool (*check)(void))
{
    int status = 1;
    pid_t pid;

    fflush(stdout);
    if ((pid = fork()) == 0) {
        struct passwd *pw = getpwnam("nobody");

        if (geteuid() == 0 &&
            (!pw || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
             setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0))
            _exit(2);
        _exit(!check());
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
is_closed(void)
{
    struct queued q;

    return load(PLACE_INFO, &q) == -EACCES;
}

static void
errnos(void)
{
    struct sample s = good();
    struct queued q;
    int saved, kept;

    sample_put(&store, PLACE_INFO, &s);
    spool_must(fchmodat(store.dirs[PLACE_INFO], name, 0, 0) == 0, "chmod");
    ok(as_nobody(is_closed), "a file that may not be read is no damage");
    spool_must(fchmodat(store.dirs[PLACE_INFO], name, 0600, 0) == 0, "chmod");
    saved = store.dirs[PLACE_INFO];
    store.dirs[PLACE_INFO] = -1;
    ok(load(PLACE_INFO, &q) == -EBADF, "nor is any other errno");
    store.dirs[PLACE_INFO] = saved;
    kept = load(PLACE_INFO, &q);
    ok(kept == 0, "it is read again later");
    /* The disk fails, or the file is cut, behind the load. */
    close(q.fd);
    q.fd = -1;
    ok(store_verify(&q) == -EBADF, "nor is one while its content is read");
    queued_free(&q);
    file_remove(store.dirs[PLACE_INFO], name);
}

static void
marks(void)
{
    struct slot slot = {.next = 99, .attempts = 9, .hold = true};
    struct sample s = good();
    uint32_t which[] = {1};
    struct queued q;

    s.state = OWED;
    sample_put(&store, PLACE_INFO, &s);
    ok(load(PLACE_INFO, &q) == 0, "all is owed");
    q.states[1] = (struct state){.state = DELIVERED, .position = 77};
    ok(store_mark(&store, &q, which, 1) == 0 &&
       store_slot(&store, PLACE_INFO, SAMPLE_ID, &slot) == 0,
       "a record and the slot are written");
    queued_free(&q);
    ok(load(PLACE_INFO, &q) == 0 && intact(&q, &s) &&
       q.states[0].state == OWED && q.states[1].state == DELIVERED &&
       q.states[1].position == 77 && q.slot_ok && q.slot.next == 99 &&
       q.slot.attempts == 9 && q.slot.hold, "and read back, nothing else "
       "changed");
    ok(store_verify(&q) == 0, "nor has the content");
    queued_free(&q);
    file_remove(store.dirs[PLACE_INFO], name);
    ok(store_slot(&store, PLACE_INFO, SAMPLE_ID, &slot) == -ENOENT &&
       store_has(&store, PLACE_INFO, SAMPLE_ID) == 0,
       "a file that is gone is not made again by its slot");
}

static void
moves(void)
{
    struct sample s = good(), other = good();
    struct queued q;

    file_remove(store.dirs[PLACE_TODO], name);
    sample_put(&store, PLACE_TODO, &s);
    ok(store_link(&store, PLACE_TODO, PLACE_INFO, SAMPLE_ID) == 0 &&
       store_sync(&store, PLACE_INFO) == 0, "a file gets its second name");
    ok(store_link(&store, PLACE_TODO, PLACE_INFO, SAMPLE_ID) == 0,
       "doing it again changes nothing");
    ok(store_unlink(&store, PLACE_TODO, SAMPLE_ID) == 0 &&
       store_unlink(&store, PLACE_TODO, SAMPLE_ID) == 0,
       "its first name goes, and may be gone already");
    ok(store_link(&store, PLACE_TODO, PLACE_INFO, SAMPLE_ID) < 0,
       "without it there is nothing to move");
    other.content = view_of("another");
    sample_put(&store, PLACE_TODO, &other);
    ok(store_link(&store, PLACE_TODO, PLACE_INFO, SAMPLE_ID) == -EEXIST,
       "another file of that name is never replaced");
    ok(load(PLACE_INFO, &q) == 0 && intact(&q, &s), "and stays as it is");
    queued_free(&q);
}

static void
asides(void)
{
    struct sample s = good();
    struct stat a, b;
    char second[32];
    unsigned suffix;
    int d = store.dirs[PLACE_BROKEN];

    snprintf(second, sizeof second, "%s.1", name);
    sample_put(&store, PLACE_TODO, &s);
    spool_put(d, name, view_of("another"));
    ok(store_aside(&store, PLACE_TODO, SAMPLE_ID, &suffix) == 0 &&
       suffix == 1 && fstatat(d, second, &a, 0) == 0 &&
       fstatat(d, name, &b, 0) == 0 && b.st_size == 7,
       "where broken/ has the name, the next one is given");
    ok(store_aside(&store, PLACE_TODO, SAMPLE_ID, &suffix) == 0 &&
       suffix == 1, "again is done");
    ok(store_unaside(&store, SAMPLE_ID, suffix) == 0 &&
       fstatat(d, second, &a, 0) < 0 && fstatat(d, name, &b, 0) == 0,
       "and taken away alone");
    unlinkat(d, name, 0);
    ok(store_aside(&store, PLACE_TODO, SAMPLE_ID, &suffix) == 0 &&
       suffix == 0 && store_has(&store, PLACE_BROKEN, SAMPLE_ID) == 1,
       "where it is free it is the message's own");
    store_unaside(&store, SAMPLE_ID, suffix);
    store_unlink(&store, PLACE_TODO, SAMPLE_ID);
}

int
main(void)
{
    static const enum rcpt_state states[] = {OWED, DELIVERED, FAILED, BOUNCED};

    spool_make(&store);
    id_print(SAMPLE_ID, name);
    chmod(spool_path, 0711);
    for (int p = PLACE_TODO; p < PLACES; p++)
        fchmod(store.dirs[p], 0711);
    whole();
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        flips(states[i]);
    cuts();
    another_name();
    for (int p = PLACE_TODO; p < PLACES; p++) {
        no_file((enum place)p);
        foreign((enum place)p);
    }
    errnos();
    marks();
    moves();
    asides();
    store_close(&store);
    return tap_end();
}
