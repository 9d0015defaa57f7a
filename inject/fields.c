#include "inject/fields.h"

#define NAME(text) {text, sizeof text - 1}

static const struct {
    struct view name;
    unsigned field;
} table[] = {
    {NAME("Date"), FIELD_DATE},
    {NAME("From"), FIELD_FROM},
    {NAME("Sender"), FIELD_SENDER},
    {NAME("Reply-To"), FIELD_REPLY_TO},
    {NAME("To"), FIELD_TO},
    {NAME("Cc"), FIELD_CC},
    {NAME("Bcc"), FIELD_BCC},
    {NAME("Apparently-To"), FIELD_APPARENTLY},
    {NAME("Message-ID"), FIELD_MESSAGE_ID},
    {NAME("Return-Path"), FIELD_RETURN_PATH},
    {NAME("Content-Length"), FIELD_CONTENT_LENGTH},
    {NAME("Received"), FIELD_RECEIVED},
    {NAME("Errors-To"), FIELD_NOTIFY},
    {NAME("Return-Receipt-To"), FIELD_NOTIFY},
    {NAME("Disposition-Notification-To"), FIELD_NOTIFY},
    {NAME("Mail-Followup-To"), FIELD_FOLLOWUP},
    {NAME("Mail-Reply-To"), FIELD_REPLIES},
    {NAME("Resent-Date"), FIELD_RESENT | FIELD_DATE},
    {NAME("Resent-From"), FIELD_RESENT | FIELD_FROM},
    {NAME("Resent-Sender"), FIELD_RESENT | FIELD_SENDER},
    {NAME("Resent-Reply-To"), FIELD_RESENT | FIELD_REPLY_TO},
    {NAME("Resent-To"), FIELD_RESENT | FIELD_TO},
    {NAME("Resent-Cc"), FIELD_RESENT | FIELD_CC},
    {NAME("Resent-Bcc"), FIELD_RESENT | FIELD_BCC},
    {NAME("Resent-Message-ID"), FIELD_RESENT | FIELD_MESSAGE_ID},
};

unsigned
field_of(struct view name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (name.len == table[i].name.len &&
            view_equalcase(name, table[i].name))
            return table[i].field;
    return 0;
}

struct fields
fields_in(struct view section)
{
    struct fields all = {0, 0};
    struct fields_block block = {0};
    struct header_field f;

    while (header_next(&section, &f)) {
        unsigned field = field_of(f.name);

        if (fields_newest(&block, field))
            all.resent |= field & ~(unsigned)FIELD_RESENT;
        else if (!(field & FIELD_RESENT))
            all.plain |= field;
    }
    return all;
}

bool
fields_newest(struct fields_block *b, unsigned field)
{
    const unsigned once =
        FIELD_DATE | FIELD_FROM | FIELD_SENDER | FIELD_MESSAGE_ID;

    if (field & (FIELD_RECEIVED | FIELD_RETURN_PATH) && b->seen)
        b->over = true;
    if (!(field & FIELD_RESENT) || b->over)
        return false;
    if (b->seen & field & once) {
        b->over = true;
        return false;
    }
    b->seen |= field;
    return true;
}
