/* hosts.h - the system's own table of hosts, /etc/hosts
 *
 * Read once at the start, for later no file may be opened; used for the hosts
 * of routes alone. */
#ifndef REMOTE_HOSTS_H
#define REMOTE_HOSTS_H

#include "base/buf.h"

enum {
    HOSTS_FILE_MAX = 1 << 20, /* bytes that are read */
    HOSTS_MAX = 4096,         /* names that are kept */
};

struct hosts_row;

/* {0} is empty. */
struct hosts {
    struct hosts_row *rows; /* owned */
    size_t count, room;
};

/* Adds the names of text: lines of an address and names, '#' begins a
 * comment.  What cannot be read is left out, and so is the address 0. */
void hosts_parse(struct hosts *h, struct view text);

/* The same of a file; one that cannot be read adds nothing. */
void hosts_read(struct hosts *h, const char *path);

/* The address number n of name, as text; NULL: there are no more.  IPv6 comes
 * first, else they are in the table's order. */
const char *hosts_find(const struct hosts *h, struct view name, size_t n);

void hosts_free(struct hosts *h);

#endif
