#include "remote/tlspolicy.h"

#include <string.h>

#include "base/addr.h"
#include "remote/idna.h"

static const struct {
    const char *word;
    enum tls_level level;
} levels[] = {
    {"none", TLS_NONE},     {"may", TLS_MAY},
    {"encrypt", TLS_ENCRYPT}, {"verify", TLS_VERIFY},
    {"fingerprint", TLS_FINGERPRINTS}, {"dane", TLS_DANE},
    {"dane-only", TLS_DANE_ONLY},
};
/* "mta-sts" will stand here. */

bool
tlspolicy_next(struct view *argument, struct view *item)
{
    size_t end = view_find(*argument, ',');

    *item = view_trim(view_make(argument->data, end));
    *argument = view_from(*argument, end + 1);
    return item->len > 0 || argument->len > 0;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 64 digits; openssl writes colons between them. */
static bool
read_fingerprint(struct view item, unsigned char sum[TLS_FINGERPRINT])
{
    size_t n = 0;

    for (size_t i = 0; i < item.len; i++) {
        int digit = hex(item.data[i]);

        if (item.data[i] == ':')
            continue;
        if (digit < 0 || n == 2 * TLS_FINGERPRINT)
            return false;
        sum[n / 2] = (unsigned char)(n % 2 ? sum[n / 2] << 4 | digit : digit);
        n++;
    }
    return n == 2 * TLS_FINGERPRINT;
}

bool
tlspolicy_fingerprint(struct view argument,
                      const unsigned char sum[TLS_FINGERPRINT])
{
    unsigned char one[TLS_FINGERPRINT];
    struct view item;

    while (tlspolicy_next(&argument, &item))
        if (read_fingerprint(item, one) &&
            memcmp(one, sum, TLS_FINGERPRINT) == 0)
            return true;
    return false;
}

static bool
good_argument(const struct tlspolicy *p)
{
    unsigned char sum[TLS_FINGERPRINT];
    struct view rest = p->argument, item;
    const char *why;

    if (p->level == TLS_FINGERPRINTS && rest.len == 0)
        return false;
    if (p->level != TLS_VERIFY && p->level != TLS_FINGERPRINTS)
        return rest.len == 0;
    while (tlspolicy_next(&rest, &item))
        if (p->level == TLS_VERIFY ? !addr_domain(item, &why)
                                   : !read_fingerprint(item, sum))
            return false;
    return true;
}

static bool
read_line(const char *text, struct view *domain, struct tlspolicy *p)
{
    struct view line = view_of(text), word;

    *domain = view_trim(view_make(line.data, view_find(line, ':')));
    if (domain->len == line.len)
        return false;
    line = view_from(line, view_find(line, ':') + 1);
    word = view_trim(view_make(line.data, view_find(line, ':')));
    p->argument = view_trim(view_from(line, view_find(line, ':') + 1));
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (view_is(word, levels[i].word)) {
            p->level = levels[i].level;
            return good_argument(p);
        }
    return false;
}

bool
tlspolicy_check(const struct conf_list *list, size_t *line)
{
    struct tlspolicy p;
    struct view domain;

    for (size_t i = 0; i < list->count; i++)
        if (!read_line(list->items[i], &domain, &p)) {
            *line = list->lines[i];
            return false;
        }
    return true;
}

bool
tlspolicy_names(const struct conf_list *list, enum tls_level level)
{
    struct tlspolicy p;
    struct view domain;

    for (size_t i = 0; i < list->count; i++)
        if (read_line(list->items[i], &domain, &p) && p.level == level)
            return true;
    return false;
}

/* Both in A-labels. */
static bool
fits_ascii(struct view pattern, struct view domain)
{
    if (pattern.len == 0 || view_equalcase(pattern, domain))
        return true;
    return *pattern.data == '.' && domain.len > pattern.len &&
           view_equalcase(pattern,
                          view_from(domain, domain.len - pattern.len));
}

static bool
fits(struct view pattern, struct view domain)
{
    char ascii[IDNA_NAME_MAX];
    const char *why;

    if (idna_ascii(pattern, ascii, &why))
        pattern = view_of(ascii);
    return fits_ascii(pattern, domain);
}

struct tlspolicy
tlspolicy_find(const struct conf_list *list, struct view domain,
               enum tls_level other)
{
    struct tlspolicy p;
    struct view pattern;
    char ascii[IDNA_NAME_MAX];
    const char *why;

    if (idna_ascii(domain, ascii, &why))
        domain = view_of(ascii);
    for (size_t i = 0; i < list->count; i++)
        if (read_line(list->items[i], &pattern, &p) && fits(pattern, domain))
            return p;
    return (struct tlspolicy){.level = other};
}
