#include "remote/secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "remote/idna.h"

/* The names that the policy gives count instead of the host's. */
static void
expect_names(struct secure *s, struct view names)
{
    bool instead = true;
    struct view item;
    char name[IDNA_NAME_MAX];
    const char *why;

    /* tlspolicy_check has seen that they are names. */
    while (tlspolicy_next(&names, &item)) {
        if (!idna_ascii(item, name, &why))
            snprintf(name, sizeof name, "invalid");
        tls_accept_name(s->tls, name, instead);
        instead = false;
    }
}

/* What resumes a session is as good as what began it only if the records are
 * the same. */
static void
start_dane(struct secure *s, struct tls_context *context, const char *key)
{
    struct digest all;
    unsigned char sum[DIGEST_LEN];
    struct view records = buf_view(&s->dane.records), r;
    struct buf long_key = {0};

    digest_init(&all);
    digest_add(&all, s->dane.names, sizeof s->dane.names);
    digest_add(&all, records.data, records.len);
    digest_end(&all, sum);
    buf_print(&long_key, "%s dane ", key);
    for (size_t i = 0; i < sizeof sum; i++)
        buf_print(&long_key, "%02x", sum[i]);
    s->tls = tls_new(context, s->dane.names[0], long_key.data);
    tls_dane(s->tls, s->dane.names[0]);
    for (int i = 1; i < DANE_NAMES; i++)
        if (*s->dane.names[i])
            tls_accept_name(s->tls, s->dane.names[i], false);
    while (dane_next(&records, &r))
        tls_dane_record(s->tls, r);
    buf_free(&long_key);
}

void
secure_start(struct secure *s, struct tls_context *context,
             const struct tlspolicy *policy, const char *host,
             const char *key)
{
    size_t len = strcspn(host, "[");
    /* A literal as name fits no certificate; an empty one would fit all. */
    char *name = mem_dup(host, len ? len : strlen(host));

    if (policy->level == TLS_DANE_ONLY)
        start_dane(s, context, key);
    else
        s->tls = tls_new(context, name, key);
    free(name);
    if (policy->level == TLS_VERIFY)
        expect_names(s, policy->argument);
    s->state = TLS_HANDSHAKE;
    secure_take(s, view_of(""));
}

void
secure_free(struct secure *s)
{
    tls_free(s->tls);
    dane_free(&s->dane);
    buf_free(&s->plain);
    buf_free(&s->out);
    buf_free(&s->sending);
    s->tls = NULL;
}

void
secure_take(struct secure *s, struct view bytes)
{
    s->state = tls_feed(s->tls, bytes, &s->plain, &s->out);
}

void
secure_put(struct secure *s, struct view bytes)
{
    s->state = tls_send(s->tls, bytes, &s->out);
}

struct view
secure_next(struct secure *s)
{
    struct buf sent = s->sending;

    buf_free(&sent);
    s->sending = s->out;
    s->out = (struct buf){0};
    return buf_view(&s->sending);
}

void
secure_sent(struct secure *s)
{
    buf_free(&s->sending);
}

bool
secure_check(struct secure *s, const struct tlspolicy *policy,
             struct outcome *o)
{
    unsigned char sum[TLS_FINGERPRINT];
    char words[TLS_WORDS_MAX];
    const char *why = "";
    bool good = tls_verified(s->tls, &why);

    s->verified = good;
    if (policy->level == TLS_FINGERPRINTS) {
        why = "its fingerprint is another";
        s->verified = good = tls_fingerprint(s->tls, sum) &&
                             tlspolicy_fingerprint(policy->argument, sum);
    }
    tls_words(s->tls, words);
    snprintf(s->words, sizeof s->words, "/%s/%s", words,
             !good                             ? "unverified"
             : policy->level == TLS_DANE_ONLY ? "dane"
                                              : "verified");
    if (good || policy->level < TLS_VERIFY)
        return true;
    outcome_set(o, LATER, "4.7.5", "%s the host's certificate: %s",
                policy->level == TLS_DANE_ONLY
                    ? "the TLSA records do not fit"
                    : "tlspolicy does not accept",
                why);
    return false;
}
