#include "local/deliver.h"

#include <string.h>

#include "local/maildir.h"

static const struct {
    bool (*claims)(struct view instruction);
    /* Those that are not over. */
    void (*deliver)(struct deliver_place *p, struct delivery *all,
                    size_t count, struct view instruction);
} kinds[] = {
    {maildir_claims, maildir_deliver},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static size_t
kind_of(struct view instruction)
{
    size_t i;

    for (i = 0; i < KINDS; i++)
        if (kinds[i].claims(instruction))
            break;
    return i;
}

bool
deliver_claims(const char *instruction)
{
    return kind_of(view_of(instruction)) < KINDS;
}

void
delivery_init(struct delivery *d, const struct job *j, int content,
              struct view held)
{
    memset(d, 0, sizeof *d);
    d->id = j->id;
    d->birth = j->birth;
    d->repeat = j->flags & JOB_REPEAT || j->attempt > 1;
    d->sender = j->sender;
    d->rcpt = j->rcpts[0].address;
    d->length = j->length;
    memcpy(d->digest, j->digest, sizeof d->digest);
    d->content = content;
    d->held = held;
    d->report.number = j->number;
    d->report.index = j->rcpts[0].index;
}

static bool
is_clean(struct view address)
{
    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.data[i];

        if (c < ' ' || c == 127)
            return false;
    }
    return true;
}

bool
deliver_header(struct buf *b, struct view sender, struct view rcpt)
{
    if (!is_clean(sender) || !is_clean(rcpt))
        return false;
    buf_addstr(b, "Return-Path: <");
    buf_addview(b, sender);
    buf_addstr(b, ">\nDelivered-To: ");
    buf_addview(b, rcpt);
    buf_addstr(b, "\n");
    return true;
}

static void
prepare(struct delivery *d, bool understood)
{
    struct outcome *o = &d->report.outcome;

    d->over = true;
    if (!deliver_header(&d->header, d->sender, d->rcpt))
        outcome_set(o, NEVER, "5.1.3", "a control character in an address");
    else if (!understood)
        outcome_set(o, LATER, "4.3.5", "delivery instruction not understood");
    else
        d->over = false;
}

void
deliver_run(struct deliver_place *p, struct delivery *all, size_t count,
            const char *instruction)
{
    struct view line = view_of(instruction);
    size_t kind = kind_of(line), i;

    for (i = 0; i < count; i++)
        prepare(&all[i], kind < KINDS);
    if (kind < KINDS)
        kinds[kind].deliver(p, all, count, line);
    for (i = 0; i < count; i++)
        buf_free(&all[i].header);
}
