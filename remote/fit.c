#include "remote/fit.h"

#include "base/smtp.h"

static const struct {
    uint32_t flag;
    uint32_t cure;  /* the extension it travels with */
    const char *code;
    const char *why;
} rules[] = {
    {JOB_REQUIRETLS, SMTP_REQUIRETLS, "5.7.30",
     "the sender requires TLS (REQUIRETLS), which the server does not offer"},
    {JOB_SMTPUTF8, SMTP_SMTPUTF8, "5.6.7",
     "the message needs SMTPUTF8, which the server does not offer"},
    {JOB_8BIT_HEADER, SMTP_8BITMIME, "5.6.3",
     "the header is 8-bit and the server does not offer 8BITMIME"},
};
/* TLS: RFC 8689 4.2.1; SMTPUTF8: RFC 6531 3.2; 8-bit: RFC 6152 3. */

bool
fit_content(uint32_t flags, uint32_t extensions, struct outcome *o)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if ((flags & rules[i].flag) && !(extensions & rules[i].cure)) {
            outcome_set(o, NEVER, rules[i].code, "%s", rules[i].why);
            return false;
        }
    return true;
}

/* NUL: RFC 5321 2.4; CR: 2.3.8; length: 4.5.3.1.6; 8-bit: RFC 6152 3. */
bool
fit_convert(uint32_t flags, uint32_t extensions)
{
    if (!(extensions & SMTP_8BITMIME) && (flags & JOB_8BIT_BODY))
        return true;
    return flags & (JOB_NUL | JOB_BARE_CR | JOB_LONG_LINE);
}

bool
fit_size(uint64_t length, uint64_t limit, struct outcome *o)
{
    if (limit == 0 || length <= limit)
        return true;
    outcome_set(o, NEVER, "5.3.4",
                "the message is %ju bytes, the server takes at most %ju",
                (uintmax_t)length, (uintmax_t)limit);
    return false;
}

bool
fit_address(struct view address)
{
    bool quoted = false;

    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.data[i];

        if (c < ' ' || c == 127)
            return false;
        if (c == '"') {
            quoted = !quoted;
        } else if (c == '\\' && quoted) {
            if (++i == address.len || (unsigned char)address.data[i] < ' ' ||
                address.data[i] == 127)
                return false;
        } else if (!quoted && (c == ' ' || c == '<' || c == '>')) {
            return false;
        }
    }
    return !quoted;
}

bool
fit_needs_utf8(struct view address)
{
    for (size_t i = 0; i < address.len; i++)
        if ((unsigned char)address.data[i] >= 128)
            return true;
    return false;
}

bool
fit_parameter(struct view value, size_t max)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] <= ' ' || value.data[i] > '~' ||
            value.data[i] == '=')
            return false;
    return value.len >= 1 && value.len <= max;
}
