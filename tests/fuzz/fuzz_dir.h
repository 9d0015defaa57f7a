/* fuzz_dir.h - a folder in memory for parsers that read files */
#ifndef TESTS_FUZZ_FUZZ_DIR_H
#define TESTS_FUZZ_FUZZ_DIR_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

static char fuzz_path[64];

static int
fuzz_drop(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st;
    (void)kind;
    (void)f;
    remove(path);
    return 0;
}

static void
fuzz_dir_remove(void)
{
    nftw(fuzz_path, fuzz_drop, 16, FTW_DEPTH | FTW_PHYS);
}

/* libFuzzer may leave by _exit: the script that runs it removes what is
 * below TMPDIR. */
static int
fuzz_dir(void)
{
    const char *top = getenv("TMPDIR");
    int dir;

    snprintf(fuzz_path, sizeof fuzz_path, "%s/fuzz.XXXXXX",
             top ? top : "/tmp");
    CLAIM(mkdtemp(fuzz_path) != NULL);
    atexit(fuzz_dir_remove);
    CLAIM(file_opendir(&dir, AT_FDCWD, fuzz_path) == 0);
    return dir;
}

static void
fuzz_put(int dir, const char *name, struct view bytes)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CLAIM(fd >= 0 && file_write(fd, bytes.data, bytes.len) == 0);
    file_close(&fd);
}

#endif
