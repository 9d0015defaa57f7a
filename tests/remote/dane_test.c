#include "remote/dane.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "tests/tap.h"

enum { ROOM = 2000 };

/* A record of count bytes of data. */
static struct view
record(char *room, int usage, int selector, int matching, size_t count)
{
    memset(room, 7, ROOM);
    room[0] = (char)usage;
    room[1] = (char)selector;
    room[2] = (char)matching;
    return view_make(room, 3 + count);
}

static enum dane_state
state_of(struct view data)
{
    struct dane d = {0};
    enum dane_state state;

    dane_add(&d, data);
    state = d.state;
    dane_free(&d);
    return state;
}

static void
test_usable(void)
{
    static const struct {
        int usage, selector, matching;
        size_t len;
        bool usable;
    } table[] = {
        {3, 1, 1, 32, true},   {3, 0, 1, 32, true},  {3, 1, 2, 64, true},
        {3, 0, 2, 64, true},   {2, 0, 1, 32, true},  {2, 1, 2, 64, true},
        {0, 0, 1, 32, false},  {1, 1, 1, 32, false}, {4, 1, 1, 32, false},
        {255, 1, 1, 32, false}, {3, 2, 1, 32, false}, {3, 255, 1, 32, false},
        {3, 1, 3, 32, false},  {3, 1, 255, 32, false}, {3, 1, 1, 31, false},
        {3, 1, 1, 33, false},  {3, 1, 2, 32, false}, {3, 1, 1, 0, false},
        {3, 1, 0, 100, false}, {2, 0, 0, 900, false}, {3, 0, 0, 0, false},
    };
    char room[ROOM];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ok(state_of(record(room, table[i].usage, table[i].selector,
                           table[i].matching, table[i].len)) ==
               (table[i].usable ? DANE_USABLE : DANE_UNUSABLE),
           "%d %d %d with %zu bytes can%s be used (RFC 7672 3.1)",
           table[i].usage, table[i].selector, table[i].matching,
           table[i].len, table[i].usable ? "" : "not");
    ok(state_of(view_of("")) == DANE_UNUSABLE &&
           state_of(view_make(room, 2)) == DANE_UNUSABLE,
       "a record cut short is there, but cannot be used");
}

/* A key as it stands in full, and a certificate for it. */
static void
test_full(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    unsigned char *der = NULL, *whole = NULL;
    char room[ROOM] = {3, 1, 0};
    int len = i2d_PUBKEY(key, &der), whole_len;

    memcpy(room + 3, der, (size_t)len);
    ok(state_of(view_make(room, 3 + (size_t)len)) == DANE_USABLE,
       "a key in full can be used");
    ok(state_of(view_make(room, 4 + (size_t)len)) == DANE_UNUSABLE,
       "not with a byte behind it");
    ok(state_of(view_make(room, 2 + (size_t)len)) == DANE_UNUSABLE,
       "nor with one less");
    room[1] = 0;
    ok(state_of(view_make(room, 3 + (size_t)len)) == DANE_UNUSABLE,
       "it is no certificate");
    room[1] = 1;
    memset(room + 3 + len - 64, 0, 64);
    ok(state_of(view_make(room, 3 + (size_t)len)) == DANE_UNUSABLE,
       "a key that is no point of its curve cannot be used");
    room[1] = 0;
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 100);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    whole_len = i2d_X509(certificate, &whole);
    memcpy(room + 3, whole, (size_t)whole_len);
    ok(state_of(view_make(room, 3 + (size_t)whole_len)) == DANE_USABLE,
       "a certificate in full can be used");
    room[1] = 1;
    ok(state_of(view_make(room, 3 + (size_t)whole_len)) == DANE_UNUSABLE,
       "it is no key");
    OPENSSL_free(der);
    OPENSSL_free(whole);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void
test_list(void)
{
    char room[ROOM];
    struct dane d = {0}, copy = {0};
    struct view rest, r;
    int n = 0;

    dane_add(&d, record(room, 3, 1, 1, 32));
    dane_add(&d, record(room, 0, 0, 1, 32));
    dane_add(&d, record(room, 2, 0, 2, 64));
    snprintf(d.names[0], sizeof d.names[0], "mx.example");
    dane_copy(&copy, &d);
    dane_free(&d);
    rest = buf_view(&copy.records);
    ok(dane_next(&rest, &r) && r.len == 35 && r.data[0] == 3 &&
           dane_next(&rest, &r) && r.len == 67 && r.data[0] == 2 &&
           !dane_next(&rest, &r),
       "records that can be used are kept, others not");
    ok(copy.state == DANE_USABLE && strcmp(copy.names[0], "mx.example") == 0,
       "one that can be used will do, and a copy has all of it");
    for (int i = 0; i < 5000; i++)
        dane_add(&copy, record(room, 3, 1, 1, 32));
    rest = buf_view(&copy.records);
    while (dane_next(&rest, &r))
        n++;
    ok(copy.records.len <= DANE_BYTES_MAX && n > 1000 && rest.len == 0,
       "however many there are, only so much is kept (%d)", n);
    rest = view_make("\40\0abc", 5);
    ok(!dane_next(&rest, &r), "a list cut short ends");
    dane_free(&copy);
}

static void
test_bases(void)
{
    static const struct {
        struct dane_host host;
        const char *bases; /* in order, by blanks */
        bool alias;
        const char *words;
    } table[] = {
        {{"a", "a", true, false}, "a", false,
         "a host of proven addresses has its own name"},
        {{"a", "A", true, false}, "a", false,
         "letters of both cases make no alias"},
        {{"a", "a", false, false}, "", false,
         "addresses that were not proven: no record is asked for"},
        {{"a", "a", false, true}, "", false, "whatever else was proven"},
        {{"a", "b", true, false}, "b a", false,
         "an alias: the last name, then the first (RFC 7672 2.2.3)"},
        {{"a", "b", false, true}, "a", true,
         "only the alias was proven: the first name"},
        {{"a", "b", false, false}, "", true, "not even the alias: none"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *bases[2];
        char text[20] = "";
        unsigned n = dane_bases(&table[i].host, bases);

        for (unsigned j = 0; j < n; j++) {
            strcat(text, j ? " " : "");
            strcat(text, bases[j]);
        }
        same(text, table[i].bases, table[i].words);
        ok(dane_needs_alias(&table[i].host) == table[i].alias,
           "and the alias is%s asked for", table[i].alias ? "" : " not");
    }
}

static void
test_level(void)
{
    static const struct {
        enum tls_level wanted;
        enum dane_state state;
        bool goes;
        enum tls_level level;
        const char *words;
    } table[] = {
        {TLS_DANE, DANE_NONE, true, TLS_MAY, "dane, no record: may"},
        {TLS_DANE, DANE_UNUSABLE, true, TLS_ENCRYPT,
         "dane, none that can be used: encrypt (RFC 7672 2.2)"},
        {TLS_DANE, DANE_USABLE, true, TLS_DANE_ONLY,
         "dane, one that can be used: nobody else"},
        {TLS_DANE_ONLY, DANE_NONE, false, TLS_MAY,
         "dane-only, no record: the mail does not go"},
        {TLS_DANE_ONLY, DANE_UNUSABLE, false, TLS_ENCRYPT,
         "nor with none that can be used"},
        {TLS_DANE_ONLY, DANE_USABLE, true, TLS_DANE_ONLY,
         "dane-only, one that can be used: nobody else"},
        {TLS_NONE, DANE_USABLE, true, TLS_NONE, "none stays none"},
        {TLS_MAY, DANE_USABLE, true, TLS_MAY, "may stays may"},
        {TLS_ENCRYPT, DANE_USABLE, true, TLS_ENCRYPT, "encrypt stays"},
        {TLS_VERIFY, DANE_USABLE, true, TLS_VERIFY, "verify stays"},
        {TLS_FINGERPRINTS, DANE_NONE, true, TLS_FINGERPRINTS,
         "fingerprint stays"},
    };
    enum tls_level level;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dane d = {.state = table[i].state};

        ok(dane_level(table[i].wanted, &d, &level) == table[i].goes &&
               (!table[i].goes || level == table[i].level),
           "%s", table[i].words);
    }
    ok(dane_level(TLS_DANE, NULL, &level) && level == TLS_MAY &&
           !dane_level(TLS_DANE_ONLY, NULL, &level),
       "a host of which nothing is known has no record");
    ok(dane_wanted(TLS_DANE) && dane_wanted(TLS_DANE_ONLY) &&
           !dane_wanted(TLS_MAY) && !dane_wanted(TLS_FINGERPRINTS),
       "only dane and dane-only ask for records");
}

int
main(void)
{
    test_usable();
    test_full();
    test_list();
    test_bases();
    test_level();
    return tap_end();
}
