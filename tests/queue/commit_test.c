#include "queue/commit.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/queue/spool.h"

enum { MANY = 8 };

static struct store store;
static struct todo todo;
static struct commit commit;
static struct syncs syncs;
static struct envelope_rcpt rcpts[] = {{.address = {"bob@example.org", 15}}};
static struct envelope envelope = {.sender = {"ann@example.org", 15},
                                   .rcpt_count = 1, .rcpts = rcpts};

/* In place of the library's: 'w' a write, 'h' the disk may begin, 's' it has
 * the content, 'f' a file's sync, 'l' a name, 'd' the folder's sync, 'D' the
 * whole file system's. */
static char order[8 * MANY];
static int no_room;    /* at the nth write from now */
static int file_fails; /* at the nth sync of a file from now */
static bool folder_fails;
static int hurry_fails, settle_fails; /* at the nth from now; told once */
static void (*during_sync)(void);     /* of the folder */

static void
note(char what)
{
    size_t n = strlen(order);

    if (n + 1 < sizeof order)
        order[n] = what;
}

ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    ssize_t sum = 0;

    note('w');
    errno = ENOSPC;
    if (no_room && --no_room == 0)
        return -1;
    for (int i = 0; i < count; i++)
        sum += pwrite(fd, iov[i].iov_base, iov[i].iov_len, at + sum);
    return sum;
}

int
fsync(int fd)
{
    struct stat st;
    bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

    note(folder ? 'd' : 'f');
    if (folder && during_sync)
        during_sync();
    errno = EIO;
    return (folder && folder_fails) ||
           (!folder && file_fails && --file_fails == 0) ? -1 : 0;
}

int
syncfs(int fd)
{
    (void)fd;
    note('D');
    return 0;
}

int
sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    (void)fd;
    (void)at;
    (void)len;
    note(flags == SYNC_FILE_RANGE_WRITE ? 'h' : 's');
    errno = EIO;
    if (flags == SYNC_FILE_RANGE_WRITE)
        return hurry_fails && --hurry_fails == 0 ? -1 : 0;
    return settle_fails && --settle_fails == 0 ? -1 : 0;
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
    (void)from;
    (void)old;
    (void)flags;
    note('l');
    return symlinkat("stored", to, new);
}

/* What syncs.c asks of the kernel: it does not know of it, so that each sync
 * is seen above. */
long
syscall(long number, ...)
{
    (void)number;
    errno = ENOSYS;
    return -1;
}

static struct incoming in[MANY];
static struct envelope fields[MANY];
static struct storing list[MANY];

/* A batch of n; of the one at chosen_at the manager chose the id. */
static void
make(unsigned n, int chosen_at)
{
    memset(order, 0, sizeof order);
    for (unsigned i = 0; i < n; i++) {
        incoming_init(&in[i], &todo);
        incoming_begin(&in[i]);
        buf_addstr(&in[i].content, "x");
        fields[i] = envelope;
        if ((int)i == chosen_at)
            in[i].id = fields[i].chosenid = SAMPLE_ID;
        list[i] = (struct storing){.in = &in[i], .envelope = &fields[i],
                                   .result = 99};
        list[i].next = i + 1 < n ? &list[i + 1] : NULL;
    }
}

static bool
there(unsigned i)
{
    struct stat st;
    id_text name;

    return fstatat(todo.dir, id_print(in[i].id, name), &st,
                   AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether all of n are stored with their names, but for the one at bad, which
 * got r and has no name. */
static bool
stored_but(unsigned n, int bad, int r)
{
    bool good = true;

    for (unsigned i = 0; i < n; i++) {
        bool is_bad = (int)i == bad;

        good = good && list[i].result == (is_bad ? r : 0) &&
               there(i) == !is_bad;
    }
    return good;
}

static void
forget(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        incoming_unlink(&in[i]);
        incoming_free(&in[i]);
    }
}

static bool
store_some(unsigned n, const char *steps)
{
    commit_batch(&commit, list, &syncs);
    printf("# %s\n", order);
    return strcmp(order, steps) == 0 && stored_but(n, -1, 0);
}

static void
steps(void)
{
    todo.orders = false;
    make(1, -1);
    ok(store_some(1, "wfld"), "a file is synced before it has its name, and "
       "then the folder");
    forget(1);
    make(3, -1);
    ok(store_some(3, "wwwfffllld"),
       "of several all are written, then synced, then named; the folder is "
       "synced once");
    forget(3);
    todo.orders = true;
    make(1, -1);
    ok(store_some(1, "wsldf"), "where a name never comes without its content "
       "it comes first");
    forget(1);
    make(3, -1);
    ok(store_some(3, "whwhwhsssllldfff"), "of several, too");
    forget(3);
    make(1, 0);
    ok(store_some(1, "wfld"), "but not one that the manager looks for: it "
       "comes after the sync");
    forget(1);
    make(3, 1);
    ok(store_some(3, "whwwhssfllldff"), "nor among others");
    forget(3);
    commit.whole = true;
    make(1, -1);
    ok(store_some(1, "wslDf"), "where the folder can't be opened its file "
       "system is synced");
    forget(1);
    commit.whole = false;
}

/* Each with names before syncs, and after. */
static void
failures(bool orders)
{
    const char *how = orders ? "named first" : "synced first";

    todo.orders = orders;
    make(4, -1);
    no_room = 2;
    commit_batch(&commit, list, &syncs);
    ok(stored_but(4, 1, -ENOSPC), "%s: one that can't be written is told so, "
       "and the others are stored", how);
    forget(4);
    make(4, -1);
    file_fails = 3;
    commit_batch(&commit, list, &syncs);
    ok(stored_but(4, 2, -EIO), "%s: so is one whose sync fails, and it has "
       "no name", how);
    forget(4);
    make(4, -1);
    in[3].id = in[0].id;
    commit_batch(&commit, list, &syncs);
    ok(list[3].result == -EEXIST && there(0) && list[0].result == 0 &&
       list[1].result == 0 && list[2].result == 0,
       "%s: one whose id is taken takes nothing from who has it", how);
    forget(4);
    make(4, -1);
    folder_fails = true;
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == -EIO && list[3].result == -EIO && !there(0) &&
       !there(1) && !there(2) && !there(3),
       "%s: a failed sync of the folder is told to all, and all names go",
       how);
    folder_fails = false;
    forget(4);
    make(1, -1);
    no_room = 1;
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == -ENOSPC && strcmp(order, "w") == 0,
       "%s: where no name was made nothing is synced", how);
    forget(1);
}

/* A disk may tell a fault once, to whoever asks first. */
static void
told_once(void)
{
    todo.orders = true;
    make(4, -1);
    hurry_fails = 2;
    commit_batch(&commit, list, &syncs);
    ok(stored_but(4, 1, -EIO), "one whose content found no place is not "
       "stored, though all after it went well");
    forget(4);
    make(4, -1);
    settle_fails = 3;
    commit_batch(&commit, list, &syncs);
    ok(stored_but(4, 2, -EIO), "nor is one that did not settle");
    forget(4);
}

static void
another_fails(void)
{
    static struct syncs others;
    struct incoming i;
    struct storing s = {.in = &i, .envelope = &envelope};

    during_sync = NULL;
    incoming_init(&i, &todo);
    incoming_begin(&i);
    buf_addstr(&i.content, "x");
    folder_fails = true;
    commit_batch(&commit, &s, &others);
    folder_fails = false;
    incoming_free(&i);
}

static void
fault_of_others(void)
{
    todo.orders = commit.orders = true;
    make(2, -1);
    during_sync = another_fails;
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == -EIO && list[1].result == -EIO && !there(0) &&
       !there(1), "a fault that was told to another meanwhile is of all");
    forget(2);
    make(2, -1);
    commit_batch(&commit, list, &syncs);
    ok(stored_but(2, -1, 0), "and not of those who come after it");
    forget(2);
    commit.orders = false;
}

static void
chosen(void)
{
    todo.orders = true;
    make(1, 0);
    folder_fails = true;
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == -EIO && there(0),
       "what the manager chose keeps its name: he may have found it");
    folder_fails = false;
    incoming_free(&in[0]);
    make(1, 0);
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == 0 && strcmp(order, "wfld") == 0,
       "when he asks again it is there, and the folder is synced");
    memset(order, 0, sizeof order);
    list[0] = (struct storing){.result = 99};
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == 0 && strcmp(order, "d") == 0,
       "one that was found is durable after the folder's sync");
    folder_fails = true;
    commit_batch(&commit, list, &syncs);
    ok(list[0].result == -EIO && there(0), "or he is told, and its name stays");
    folder_fails = false;
    forget(1);
}

int
main(void)
{
    spool_make(&store);
    todo.dir = store.dirs[PLACE_TODO];
    commit_init(&commit, todo.dir, false, false);
    todo.proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    todo.list = true;
    steps();
    failures(false);
    failures(true);
    told_once();
    fault_of_others();
    chosen();
    close(todo.proc);
    store_close(&store);
    return tap_end();
}
