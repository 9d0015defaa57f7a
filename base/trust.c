#include "base/trust.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
place(const char *variable, const char *fallback)
{
    const char *v = getenv(variable);

    return v && *v ? v : fallback;
}

/* All certificates of a file; one that is there already is no fault. */
static void
take_file(X509_STORE *store, FILE *f)
{
    X509 *x;

    while ((x = PEM_read_X509_AUX(f, NULL, NULL, NULL))) {
        X509_STORE_add_cert(store, x);
        X509_free(x);
    }
    ERR_clear_error();
}

static bool
read_file(X509_STORE *store, int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

    if (!f) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    take_file(store, f);
    fclose(f);
    return true;
}

/* c_rehash's names: eight digits of a hash, a dot, a number. */
static bool
is_hashed(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           name[9] && strspn(name + 9, "0123456789") == strlen(name + 9);
}

static bool
read_folder(X509_STORE *store, const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    if (!d)
        return false;
    while ((e = readdir(d)))
        if (is_hashed(e->d_name))
            read_file(store, dirfd(d), e->d_name);
    closedir(d);
    return true;
}

bool
trust_system(X509_STORE *store)
{
    const char *named = getenv(X509_get_default_cert_dir_env());
    bool file = read_file(store, AT_FDCWD,
                          place(X509_get_default_cert_file_env(),
                                X509_get_default_cert_file()));

    if (file && !named)
        return true;
    return read_folder(store, place(X509_get_default_cert_dir_env(),
                                    X509_get_default_cert_dir())) || file;
}
