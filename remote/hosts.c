#include "remote/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

struct hosts_row {
    char *name;                     /* owned */
    char address[INET6_ADDRSTRLEN];
};

static struct view
word(struct view *line)
{
    size_t start = 0, end;
    struct view w;

    while (start < line->len && strchr(" \t\r", line->data[start]))
        start++;
    for (end = start; end < line->len && !strchr(" \t\r", line->data[end]);)
        end++;
    w = view_make(line->data + start, end - start);
    *line = view_from(*line, end);
    return w;
}

/* The address in one form; false: it is none, or nobody's. */
static bool
read_address(struct view w, char address[INET6_ADDRSTRLEN])
{
    unsigned char bytes[16] = {0}, none[16] = {0};
    char text[INET6_ADDRSTRLEN] = "";
    int family = view_find(w, ':') < w.len ? AF_INET6 : AF_INET;

    if (w.len >= sizeof text || memchr(w.data, 0, w.len))
        return false;
    memcpy(text, w.data, w.len);
    return inet_pton(family, text, bytes) == 1 &&
           memcmp(bytes, none, sizeof none) != 0 &&
           inet_ntop(family, bytes, address, INET6_ADDRSTRLEN);
}

static void
add(struct hosts *h, const char *address, struct view name)
{
    struct hosts_row *row;

    if (h->count == h->room) {
        h->room = h->room ? h->room * 2 : 16;
        h->rows = mem_grow(h->rows, h->room * sizeof *h->rows);
    }
    row = &h->rows[h->count++];
    row->name = mem_dup(name.data, name.len);
    memcpy(row->address, address, sizeof row->address);
}

static void
read_line(struct hosts *h, struct view line)
{
    char address[INET6_ADDRSTRLEN];
    struct view name;

    line = view_make(line.data, view_find(line, '#'));
    if (!read_address(word(&line), address))
        return;
    while ((name = word(&line)).len && h->count < HOSTS_MAX)
        add(h, address, name);
}

void
hosts_parse(struct hosts *h, struct view text)
{
    while (text.len) {
        size_t end = view_find(text, '\n');

        read_line(h, view_make(text.data, end));
        text = view_from(text, end + 1);
    }
}

void
hosts_read(struct hosts *h, const char *path)
{
    struct buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && file_slurp(fd, HOSTS_FILE_MAX, &text) == 0)
        hosts_parse(h, buf_view(&text));
    file_close(&fd);
    buf_free(&text);
}

const char *
hosts_find(const struct hosts *h, struct view name, size_t n)
{
    for (int six = 1; six >= 0; six--)
        for (size_t i = 0; i < h->count; i++) {
            const struct hosts_row *row = &h->rows[i];

            if (!!strchr(row->address, ':') == six &&
                view_equalcase(view_of(row->name), name) && n-- == 0)
                return row->address;
        }
    return NULL;
}

void
hosts_free(struct hosts *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->rows[i].name);
    free(h->rows);
    memset(h, 0, sizeof *h);
}
