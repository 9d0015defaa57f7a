#include "queue/names.h"

#include <string.h>

#include "queue/settings.h"

enum { NAME_MAX_LEN = 40, DAY = 86400 };

/* In the order of the alphabet within each use. */
static const struct {
    const char *name;
    enum name_use use;
    uint64_t max;
} others[] = {
    {"canonical", NAME_TEXT, 0},
    {"defaultdelivery", NAME_TEXT, 0},
    {"defaultdomain", NAME_TEXT, 0},
    {"defaulthost", NAME_TEXT, 0},
    {"envnoathost", NAME_TEXT, 0},
    {"helohost", NAME_TEXT, 0},
    {"idhost", NAME_TEXT, 0},
    {"ledgerkey", NAME_TEXT, 0},
    {"ledgerkey.pub", NAME_TEXT, 0},
    {"localusers", NAME_TEXT, 0},
    {"masquerade", NAME_TEXT, 0},
    {"plusdomain", NAME_TEXT, 0},
    {"resolver", NAME_TEXT, 0},
    {"smtpauth", NAME_SECRET, 0},
    {"smtptoken", NAME_TEXT, 0},
    {"tlsca", NAME_TEXT, 0},
    {"tlscert", NAME_TEXT, 0},
    {"tlskey", NAME_SECRET, 0},
    {"tlspolicy", NAME_TEXT, 0},
    {"tokens", NAME_SECRETS, 0},
    {"trustanchor", NAME_TEXT, 0},
    {"localidle", NAME_NUMBER, DAY},
    {"localperuser", NAME_NUMBER, 1000},
    {"localresident", NAME_NUMBER, 10000},
    {"localtimeout", NAME_NUMBER, DAY},
    {"minuid", NAME_NUMBER, UINT32_MAX - 1},
    {"remoteage", NAME_NUMBER, DAY},
    {"remotekeep", NAME_NUMBER, DAY},
    {"submitwait", NAME_NUMBER, DAY},
    {"timeoutconnect", NAME_NUMBER, DAY},
    {"timeoutdns", NAME_NUMBER, DAY},
    {"timeoutremote", NAME_NUMBER, DAY},
    {"badhelo", NAME_UNUSED, 0},
    {"badmailfrom", NAME_UNUSED, 0},
    {"badmailto", NAME_UNUSED, 0},
    {"badrcptto", NAME_UNUSED, 0},
    {"batvkey", NAME_UNUSED, 0},
    {"concurrencyincoming", NAME_UNUSED, 0},
    {"dkimkeys", NAME_UNUSED, 0},
    {"domainbindings", NAME_UNUSED, 0},
    {"domaincerts", NAME_UNUSED, 0},
    {"domainips", NAME_UNUSED, 0},
    {"holdlocal", NAME_UNUSED, 0},
    {"holdremote", NAME_UNUSED, 0},
    {"localiphost", NAME_UNUSED, 0},
    {"maxrcpt", NAME_UNUSED, 0},
    {"maxrecipients", NAME_UNUSED, 0},
    {"morercpthosts", NAME_UNUSED, 0},
    {"morercpthosts.cdb", NAME_UNUSED, 0},
    {"outgoingip", NAME_UNUSED, 0},
    {"percenthack", NAME_UNUSED, 0},
    {"qmqpservers", NAME_UNUSED, 0},
    {"qmtproutes", NAME_UNUSED, 0},
    {"rcpthosts", NAME_UNUSED, 0},
    {"recipients", NAME_UNUSED, 0},
    {"signaturedomains", NAME_UNUSED, 0},
    {"smtpgreeting", NAME_UNUSED, 0},
    {"spfbehavior", NAME_UNUSED, 0},
    {"srs_domains", NAME_UNUSED, 0},
    {"srs_maxage", NAME_UNUSED, 0},
    {"srs_secrets", NAME_UNUSED, 0},
    {"timeoutsmtpd", NAME_UNUSED, 0},
    {"tlsadomains", NAME_UNUSED, 0},
    {"tlsdestinations", NAME_UNUSED, 0},
    {"todointerval", NAME_UNUSED, 0},
    {"validrcptto", NAME_UNUSED, 0},
    {"virtualdomains", NAME_UNUSED, 0},
};

enum { OTHERS = sizeof others / sizeof *others };

/* The names that are used, one after the other; NULL behind the last. */
static const char *
used(size_t n)
{
    if (n < settings_count)
        return settings_table[n].name;
    n -= settings_count;
    return n < OTHERS && others[n].use != NAME_UNUSED ? others[n].name : NULL;
}

enum name_use
name_use(const char *name, uint64_t *max)
{
    for (size_t i = 0; i < settings_count; i++)
        if (strcmp(name, settings_table[i].name) == 0)
            return NAME_SETTING;
    for (size_t i = 0; i < OTHERS; i++)
        if (strcmp(name, others[i].name) == 0) {
            if (max)
                *max = others[i].max;
            return others[i].use;
        }
    return NAME_UNKNOWN;
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char
small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The number of slips between a and b, each at most NAME_MAX_LEN long. */
static unsigned
distance(const char *a, const char *b)
{
    unsigned d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
    size_t alen = strlen(a), blen = strlen(b);

    for (size_t i = 0; i <= alen; i++)
        for (size_t j = 0; j <= blen; j++) {
            unsigned other;

            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            other = small(a[i - 1]) != small(b[j - 1]);
            d[i][j] = least(d[i - 1][j - 1] + other,
                            least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && small(a[i - 1]) == small(b[j - 2]) &&
                small(a[i - 2]) == small(b[j - 1]))
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[alen][blen];
}

const char *
name_guess(const char *name)
{
    unsigned best = strlen(name) < 5 ? 2 : 3;
    const char *known, *guess = NULL;

    if (strlen(name) > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; (known = used(i)); i++) {
        unsigned d = distance(name, known);

        if (d < best) {
            best = d;
            guess = known;
        }
    }
    return guess;
}

const char *
name_copied(const char *name)
{
    const char *known;

    for (size_t i = 0; (known = used(i)); i++) {
        size_t len = strlen(known);

        if (strncmp(name, known, len) == 0 && name[len] &&
            strchr("~.,-_#", name[len]))
            return known;
    }
    return NULL;
}
