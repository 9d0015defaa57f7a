#include "local/deliver.h"

#include "local/maildir.h"

static const struct {
    bool (*claims)(struct view instruction);
    enum verdict (*deliver)(const struct delivery *d, struct view instruction,
                            struct report *r);
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
deliver_header(struct buf *b, const struct job *j)
{
    struct view rcpt = j->rcpts[0].address;

    if (!is_clean(j->sender) || !is_clean(rcpt))
        return false;
    buf_addstr(b, "Return-Path: <");
    buf_addview(b, j->sender);
    buf_addstr(b, ">\nDelivered-To: ");
    buf_addview(b, rcpt);
    buf_addstr(b, "\n");
    return true;
}

enum verdict
deliver_run(struct delivery *d, const char *instruction, struct report *r)
{
    struct view line = view_of(instruction);
    struct buf header = {0};
    size_t kind = kind_of(line);
    enum verdict v;

    if (!deliver_header(&header, d->job)) {
        v = outcome_set(&r->outcome, NEVER, "5.1.3",
                        "a control character in an address");
    } else if (kind == KINDS) {
        v = outcome_set(&r->outcome, LATER, "4.3.5",
                        "delivery instruction not understood");
    } else {
        d->header = buf_view(&header);
        v = kinds[kind].deliver(d, line, r);
    }
    buf_free(&header);
    return v;
}
