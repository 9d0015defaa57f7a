#include "inject/fields.h"

static const struct {
    const char *name;
    unsigned field;
} table[] = {
    {"Date", FIELD_DATE},
    {"From", FIELD_FROM},
    {"Sender", FIELD_SENDER},
    {"Reply-To", FIELD_REPLY_TO},
    {"To", FIELD_TO},
    {"Cc", FIELD_CC},
    {"Bcc", FIELD_BCC},
    {"Apparently-To", FIELD_APPARENTLY},
    {"Message-ID", FIELD_MESSAGE_ID},
    {"Return-Path", FIELD_RETURN_PATH},
    {"Content-Length", FIELD_CONTENT_LENGTH},
    {"Received", FIELD_RECEIVED},
    {"Errors-To", FIELD_NOTIFY},
    {"Return-Receipt-To", FIELD_NOTIFY},
    {"Disposition-Notification-To", FIELD_NOTIFY},
    {"Mail-Followup-To", FIELD_FOLLOWUP},
    {"Mail-Reply-To", FIELD_REPLIES},
    {"Resent-Date", FIELD_RESENT | FIELD_DATE},
    {"Resent-From", FIELD_RESENT | FIELD_FROM},
    {"Resent-Sender", FIELD_RESENT | FIELD_SENDER},
    {"Resent-Reply-To", FIELD_RESENT | FIELD_REPLY_TO},
    {"Resent-To", FIELD_RESENT | FIELD_TO},
    {"Resent-Cc", FIELD_RESENT | FIELD_CC},
    {"Resent-Bcc", FIELD_RESENT | FIELD_BCC},
    {"Resent-Message-ID", FIELD_RESENT | FIELD_MESSAGE_ID},
};

unsigned
field_of(struct view name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (view_equalcase(name, view_of(table[i].name)))
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
