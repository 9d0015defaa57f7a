/* options.h - sendmail's arguments
 *
 * Pure. */
#ifndef INJECT_OPTIONS_H
#define INJECT_OPTIONS_H

#include <stdint.h>

#include "base/buf.h"

enum options_mode {
    MODE_SEND,    /* -bm */
    MODE_SMTP,    /* -bs */
    MODE_LIST,    /* -bp, mailq */
    MODE_ALIASES, /* -bi, -I, newaliases */
    MODE_ROUTE,   /* -bv, -bt */
    MODE_FLUSH,   /* -q, -qI -qR -qS */
    MODE_DAEMON,  /* -bd, -q30m */
    MODE_HELP,
};

/* Strings are borrowed from argv; the array is owned. */
struct options {
    enum options_mode mode;
    bool take_rcpts;      /* -t */
    const char *sender;   /* -f, NULL: not given */
    const char *fullname; /* -F */
    const char *envid;    /* -V, RFC 3461 4.4 xtext */
    uint8_t notify;       /* -N, NOTIFY_* bits */
    uint8_t ret;          /* -R, RET_* */
    uint8_t body;         /* -B, BODY_* */
    char flush_by;        /* -q: 'I', 'R', 'S'; 0: all */
    const char *flush;    /* what it must match */
    char **rcpts;
    size_t count;
};

/* argv[0]'s last part may be mailq or newaliases.  Options may stand behind
 * recipients; behind "--" stand recipients alone.  False with a line in why
 * for what sendmail doesn't know or cannot use. */
bool options_read(struct options *o, int argc, char **argv, struct buf *why);

void options_free(struct options *o);

#endif
