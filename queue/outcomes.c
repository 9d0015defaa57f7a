#include "queue/attempt.h"

#include <time.h>

#include "base/date.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/manager.h"
#include "queue/retry.h"

static uint64_t
age(const struct message *msg)
{
    uint64_t now = date_now(), birth = msg->queued.header.birth_ms;

    return now > birth ? (now - birth) / 1000 : 0;
}

/* model: accept */
void
message_recordaccept(struct message *msg)
{
    const struct envelope *e = &msg->queued.envelope;
    struct ledger *l = &msg->manager->ledger;
    id_text id;

    id_print(msg->id, id);
    if (e->answers.len)
        ledger_line(l, NULL,
                    "accept id=%s from=%.*s rcpts=%u size=%ju answers=%.*s",
                    id, (int)e->sender.len, e->sender.data, e->rcpt_count,
                    (uintmax_t)msg->queued.header.content_length,
                    (int)e->answers.len, e->answers.data);
    else
        ledger_line(l, NULL,
                    "accept id=%s from=%.*s rcpts=%u size=%ju caller=%.*s",
                    id, (int)e->sender.len, e->sender.data, e->rcpt_count,
                    (uintmax_t)msg->queued.header.content_length,
                    (int)e->caller.len, e->caller.data);
    if (e->answers.len)
        message_note(msg);
}

/* model: outcome */
void
message_recordoutcome(struct message *msg, const char *event, uint64_t *where,
               uint32_t index, const struct outcome *o, const char *host)
{
    struct view to = message_rcpt(msg, index);
    id_text id;

    id_print(msg->id, id);
    ledger_line(&msg->manager->ledger, where,
                "%s id=%s rcpt=%u to=%.*s host=%s code=%s attempt=%u age=%ju "
                "why=%s", event, id, index, (int)to.len, to.data, host,
                o->code, msg->queued.slot.attempts, (uintmax_t)age(msg),
                o->text);
    log_event("deliver id=%s to=%.*s host=%s verdict=%s code=%s age=%ju "
              "why=%s", id, (int)to.len, to.data, host,
              verdict_word(o->verdict), o->code, (uintmax_t)age(msg),
              o->text);
}

time_t
message_end(const struct message *msg)
{
    uint64_t expire = msg->queued.envelope.expire;
    uint64_t end = msg->queued.header.birth_ms / 1000 +
                   msg->manager->settings.queuelifetime;

    return (time_t)(expire && expire < end ? expire : end) + 1;
}

bool
message_expired(const struct message *msg)
{
    time_t now = time(NULL);
    const struct envelope *e = &msg->queued.envelope;

    return (e->expire && (uint64_t)now > e->expire) ||
           retry_expired((time_t)(msg->queued.header.birth_ms / 1000), now,
                         (time_t)msg->manager->settings.queuelifetime);
}

void
message_waits(struct message *msg, const struct site *site,
              const uint32_t *rcpts, uint32_t count)
{
    struct outcome o;

    site_outcome(site, &o);
    for (uint32_t i = 0; i < count; i++) {
        msg->busy[rcpts[i]] = 0;
        if (message_expired(msg)) {
            message_outcome(msg, rcpts[i], &o, "");
        } else if (!msg->waits || site->rest_until < msg->waits_until) {
            msg->waits = true;
            msg->waits_for = rcpts[i];
            msg->waits_until = site->rest_until;
        }
    }
}

void
message_outcome(struct message *msg, uint32_t index, const struct outcome *o,
        const char *host)
{
    msg->tried = true;
    if (o->verdict == DONE) {
        message_recordoutcome(msg, "deliver",
                              &msg->queued.states[index].position, index, o,
                              host);
        message_setstate(msg, index, DELIVERED);
    } else if (o->verdict == NEVER) {
        failures_add(&msg->failures, index, false, o, host);
    } else if (message_expired(msg)) {
        struct outcome never = *o;

        never.verdict = NEVER;
        failures_add(&msg->failures, index, true, &never, host);
    } else {
        msg->deferred = true;
        message_recordoutcome(msg, "defer", NULL, index, o, host);
    }
}
