#include "remote/dane.h"

#include <openssl/x509.h>
#include <string.h>

enum {
    USAGE_TA = 2,
    USAGE_EE = 3,
    SELECTOR_CERTIFICATE = 0,
    SELECTOR_KEY = 1,
    MATCHING_FULL = 0,
    HEAD = 3, /* bytes before the data: usage, selector, matching type */
};

/* A digest is as long as it is; what stands in full has to be one, with a key
 * that makes sense: OpenSSL takes no other. */
static bool
good_data(int selector, int matching, struct view data)
{
    static const size_t lengths[] = {[1] = 32, [2] = 64};
    const unsigned char *p = (const unsigned char *)data.data;
    const unsigned char *end = p + data.len;
    EVP_PKEY *key;
    X509 *certificate;
    bool good;

    if (matching != MATCHING_FULL)
        return data.len == lengths[matching];
    if (selector == SELECTOR_KEY) {
        key = d2i_PUBKEY(NULL, &p, (long)data.len);
        good = key && p == end;
        EVP_PKEY_free(key);
        return good;
    }
    certificate = d2i_X509(NULL, &p, (long)data.len);
    good = certificate && p == end && X509_get0_pubkey(certificate);
    X509_free(certificate);
    return good;
}

static bool
usable(struct view record)
{
    const unsigned char *p = (const unsigned char *)record.data;

    return record.len > HEAD && record.len <= UINT16_MAX &&
           (p[0] == USAGE_TA || p[0] == USAGE_EE) && p[1] <= SELECTOR_KEY &&
           p[2] <= 2 && good_data(p[1], p[2], view_from(record, HEAD));
}

void
dane_add(struct dane *d, struct view data)
{
    if (d->state == DANE_NONE)
        d->state = DANE_UNUSABLE;
    if (!usable(data) || d->records.len + 2 + data.len > DANE_BYTES_MAX)
        return;
    d->state = DANE_USABLE;
    buf_addu16(&d->records, (uint16_t)data.len);
    buf_addview(&d->records, data);
}

bool
dane_next(struct view *records, struct view *record)
{
    size_t len;

    if (records->len < 2)
        return false;
    len = get_u16(records->data);
    if (records->len < 2 + len)
        return false;
    *record = view_make(records->data + 2, len);
    *records = view_from(*records, 2 + len);
    return true;
}

void
dane_copy(struct dane *to, const struct dane *from)
{
    struct buf records = to->records;

    buf_clear(&records);
    buf_addview(&records, buf_view(&from->records));
    *to = *from;
    to->records = records;
}

void
dane_free(struct dane *d)
{
    buf_free(&d->records);
    memset(d, 0, sizeof *d);
}

static bool
has_alias(const struct dane_host *h)
{
    return !view_equalcase(view_of(h->name), view_of(h->expanded));
}

bool
dane_needs_alias(const struct dane_host *h)
{
    return !h->secure && has_alias(h);
}

unsigned
dane_bases(const struct dane_host *h, const char *bases[2])
{
    unsigned count = 0;

    if (h->secure && has_alias(h))
        bases[count++] = h->expanded;
    if (h->secure || (has_alias(h) && h->alias_secure))
        bases[count++] = h->name;
    return count;
}

bool
dane_wanted(enum tls_level wanted)
{
    return wanted == TLS_DANE || wanted == TLS_DANE_ONLY;
}

bool
dane_level(enum tls_level wanted, const struct dane *d, enum tls_level *level)
{
    static const enum tls_level levels[] = {
        [DANE_NONE] = TLS_MAY,
        [DANE_UNUSABLE] = TLS_ENCRYPT,
        [DANE_USABLE] = TLS_DANE_ONLY,
    };
    enum dane_state state = d ? d->state : DANE_NONE;

    *level = dane_wanted(wanted) ? levels[state] : wanted;
    return wanted != TLS_DANE_ONLY || state == DANE_USABLE;
}
