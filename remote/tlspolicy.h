/* tlspolicy.h - what TLS a site or a relay must speak
 *
 * The setting `tlspolicy`: lines DOMAIN:POLICY[:ARGUMENT], the first that
 * fits counts; ".example.org" fits all below it, an empty domain all.  Pure
 * but for reading the list. */
#ifndef REMOTE_TLSPOLICY_H
#define REMOTE_TLSPOLICY_H

#include "base/conf.h"
#include "base/tls.h"

/* From TLS_ENCRYPT on there is no mail without TLS, from TLS_VERIFY on none to
 * somebody else. */
enum tls_level {
    TLS_NONE,         /* never */
    TLS_MAY,          /* if it can be had; no matter with whom */
    TLS_DANE,         /* as the host's TLSA records ask; dane.h */
    TLS_ENCRYPT,      /* always; no matter with whom */
    TLS_VERIFY,       /* with whom the certificate is for */
    TLS_FINGERPRINTS, /* with whom shows one of the certificates */
    TLS_DANE_ONLY,    /* with whom shows what TLSA records say */
};

struct tlspolicy {
    enum tls_level level;
    struct view argument; /* names or fingerprints, by commas; borrowed */
};

/* Whether all lines of list can be read; if not, *line is the first that
 * cannot. */
bool tlspolicy_check(const struct conf_list *list, size_t *line);

/* Whether a line has that level. */
bool tlspolicy_names(const struct conf_list *list, enum tls_level level);

/* The policy for a domain or host; that of level other where no line fits. */
struct tlspolicy tlspolicy_find(const struct conf_list *list,
                                struct view domain, enum tls_level other);

/* Whether argument names the certificate of that SHA-256. */
bool tlspolicy_fingerprint(struct view argument,
                           const unsigned char sum[TLS_FINGERPRINT]);

/* Takes the next of the argument's items; false at the end. */
bool tlspolicy_next(struct view *argument, struct view *item);

#endif
