#include "remote/tlsa.h"

#include <stdio.h>
#include <string.h>

static bool ask(struct tlsa *t);

static bool
give_up(struct tlsa *t, const char *why)
{
    snprintf(t->why, sizeof t->why, "%s", why);
    return true;
}

static void
take(struct tlsa *t, const struct ub_result *r)
{
    for (int i = 0; r->data[i]; i++)
        dane_add(t->dane, view_make(r->data[i], (size_t)r->len[i]));
    snprintf(t->dane->names[0], sizeof t->dane->names[0], "%s",
             t->bases[t->next - 1]);
}

/* Records that were not proven, and that there are none, say the same. */
static void
on_records(struct dns_query *q, const struct dns_answer *a)
{
    struct tlsa *t = q->owner;
    bool done = true;

    if (a->what == DNS_FAILED)
        give_up(t, a->why);
    else if (a->what == DNS_FOUND && a->secure)
        take(t, a->result);
    else
        done = ask(t);
    if (done)
        t->on_done(t);
}

/* Asks below the next base domain; true: there is none. */
static bool
ask(struct tlsa *t)
{
    char name[DNS_NAME_MAX];

    if (t->next == t->base_count)
        return true;
    t->query.on_answer = on_records;
    /* What would be longer cannot exist (RFC 1035 2.3.4). */
    if (snprintf(name, sizeof name, "_%u._tcp.%s", t->port,
                 t->bases[t->next++]) >= (int)sizeof name)
        return ask(t);
    if (!dns_ask(t->dns, &t->query, name, DNS_TLSA))
        return give_up(t, "cannot be asked for");
    return false;
}

static bool
ask_bases(struct tlsa *t)
{
    t->base_count = dane_bases(&t->host, t->bases);
    return ask(t);
}

static void
on_alias(struct dns_query *q, const struct dns_answer *a)
{
    struct tlsa *t = q->owner;
    bool done;

    t->host.alias_secure = a->secure;
    if (a->what == DNS_FAILED)
        done = give_up(t, a->why);
    else
        done = ask_bases(t);
    if (done)
        t->on_done(t);
}

bool
tlsa_start(struct tlsa *t)
{
    t->query.owner = t;
    if (!dane_needs_alias(&t->host))
        return ask_bases(t);
    t->query.on_answer = on_alias;
    if (!dns_ask(t->dns, &t->query, t->host.name, DNS_CNAME))
        return give_up(t, "its alias cannot be asked for");
    return false;
}

void
tlsa_cancel(struct tlsa *t)
{
    dns_cancel(&t->query);
}
