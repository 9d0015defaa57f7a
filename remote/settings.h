/* settings.h - what remote is told by the control folder, read once */
#ifndef REMOTE_SETTINGS_H
#define REMOTE_SETTINGS_H

#include "remote/dns.h"
#include "remote/sessions.h"

struct settings {
    bool by_hand;  /* by the owner: no manager has started us */
    bool unrouted; /* by the owner: by hand, and no relay is used */
    char *me, *helo;
    struct dns_settings resolver;
};

/* What concerns sessions goes to all, which borrows helo.  Dies with one line
 * if something cannot be read or makes no sense. */
void settings_read(struct settings *s, struct sessions *all);

/* With what all was given. */
void settings_free(struct settings *s, struct sessions *all);

#endif
