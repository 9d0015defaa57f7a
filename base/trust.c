#include "base/trust.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const char *
place(const char *variable, const char *fallback)
{
    const char *v = getenv(variable);

    return v && *v ? v : fallback;
}

/* A zero byte ends each file. */
static bool
read_file(struct buf *files, int dir, const char *name)
{
    struct buf text = {0};
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && file_slurp(fd, TRUST_FILE_MAX, &text) == 0;

    if (good) {
        buf_addview(files, buf_view(&text));
        buf_add(files, "", 1);
    }
    buf_free(&text);
    file_close(&fd);
    return good;
}

/* c_rehash's names: eight digits of a hash, a dot, a number. */
static bool
is_hashed(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           name[9] && strspn(name + 9, "0123456789") == strlen(name + 9);
}

static bool
read_folder(struct buf *files, const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    if (!d)
        return false;
    while ((e = readdir(d)))
        if (is_hashed(e->d_name))
            read_file(files, dirfd(d), e->d_name);
    closedir(d);
    return true;
}

bool
trust_read(struct buf *files)
{
    const char *named = getenv(X509_get_default_cert_dir_env());
    bool file = read_file(files, AT_FDCWD,
                          place(X509_get_default_cert_file_env(),
                                X509_get_default_cert_file()));

    if (file && !named)
        return true;
    return read_folder(files, place(X509_get_default_cert_dir_env(),
                                    X509_get_default_cert_dir())) || file;
}

/* One that is there already is no fault. */
static void
add_file(X509_STORE *store, const char *text, size_t len)
{
    BIO *bytes = BIO_new_mem_buf(text, (int)len);
    X509 *x;

    while (bytes && (x = PEM_read_bio_X509_AUX(bytes, NULL, NULL, NULL))) {
        X509_STORE_add_cert(store, x);
        X509_free(x);
    }
    BIO_free(bytes);
    ERR_clear_error();
}

void
trust_add(X509_STORE *store, const struct buf *files)
{
    size_t len;

    for (size_t at = 0; at < files->len; at += len + 1) {
        len = strlen(files->data + at);
        add_file(store, files->data + at, len);
    }
}
