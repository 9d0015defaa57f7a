/* settings.h - what local is told by the control folder, read once */
#ifndef LOCAL_SETTINGS_H
#define LOCAL_SETTINGS_H

#include "local/user.h"

struct settings {
    char *me;
    char *defaultdelivery;
    struct conf_list locals;
    struct conf_list own_names; /* private instance: local parts that mean us */
    struct account own;         /* private instance: us */
    bool private;               /* not root: own is the only account */
    uint64_t minuid;
    uint64_t concurrencylocal;
    uint64_t localperuser;
    uint64_t localresident;
    uint64_t localidle;         /* seconds */
    uint64_t localtimeout;      /* seconds */
};

/* Dies with one line if something cannot be read or makes no sense. */
void settings_read(struct settings *s, const char *controldir);
void settings_free(struct settings *s);

#endif
