#include "remote/secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The names that the policy gives count instead of the host's. */
static void
expect_names(struct secure *s, struct view names)
{
    bool instead = true;
    struct view item;

    while (tlspolicy_next(&names, &item)) {
        char *name = mem_dup(item.data, item.len);

        tls_accept_name(s->tls, name, instead);
        instead = false;
        free(name);
    }
}

void
secure_start(struct secure *s, struct tls_context *context,
             const struct tlspolicy *policy, const char *host,
             const char *key)
{
    size_t len = strcspn(host, "[");
    /* A literal as name fits no certificate; an empty one would fit all. */
    char *name = mem_dup(host, len ? len : strlen(host));

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
             good ? "verified" : "unverified");
    if (good || policy->level < TLS_VERIFY)
        return true;
    outcome_set(o, LATER, "4.7.5",
                "tlspolicy does not accept the host's certificate: %s", why);
    return false;
}
