/* settings.h - what the queue's programs read from the control folder
 *
 * One table says it all: the reader, `godwit check` and `godwit config` walk
 * it. */
#ifndef QUEUE_SETTINGS_H
#define QUEUE_SETTINGS_H

#include "base/conf.h"

struct settings {
    char *me;
    struct conf_list locals;     /* of me alone if there is no such file */
    struct conf_list smtproutes, bindroutes, siterate;
    struct conf_list submitsenders, submitlimit;
    uint64_t queuelifetime;      /* seconds */
    uint64_t concurrencyremote, concurrencylocal, concurrencysite;
    uint64_t siterest;           /* seconds */
    uint64_t remoteworkers;      /* start reads it itself */
    char *bouncefrom, *bouncehost, *doublebounceto, *doublebouncehost;
    uint64_t bouncemaxbytes;
    uint64_t databytes;          /* 0: no limit */
    uint64_t ledgersegment;
    uint64_t checkpointevery;    /* seconds */
    uint64_t spoolreserve;
    uint64_t given;              /* bit n: row n of the table has a file */
};

enum setting_kind {
    SETTING_HOST,    /* a domain, char * */
    SETTING_USER,    /* the part of an address before the @, char * */
    SETTING_COUNT,   /* numbers, uint64_t */
    SETTING_SECONDS,
    SETTING_BYTES,
    SETTING_LIST,    /* struct conf_list, its lines not looked at */
};

struct setting {
    const char *name;     /* of the file and of the setting */
    enum setting_kind kind;
    const char *fallback; /* the default; NULL: the value of me */
    uint64_t min, max;    /* of a number */
    size_t where;         /* of the value within struct settings */
    const char *meaning;  /* one line */
};

extern const struct setting settings_table[];
extern const size_t settings_count;

/* Reads all rows; a file that is not there or empty means the default, but
 * me must be there.  0; -EINVAL if a value is wrong, or the errno of a file
 * that could not be read; why then has a line for each fault, such as
 * "control/queuelifetime:1: '7d' is no number of 0 to ...".  s is whole in
 * any case, with the defaults in place of what is wrong (me: ""), and is to
 * be freed. */
int settings_read(struct settings *s, int controldir, struct buf *why);

/* Appends the value of a row as text; of a list the items, blanks between. */
void settings_print(const struct settings *s, const struct setting *row,
                    struct buf *b);

/* Whether the row's value comes from a file. */
bool settings_given(const struct settings *s, const struct setting *row);

void settings_free(struct settings *s);

#endif
