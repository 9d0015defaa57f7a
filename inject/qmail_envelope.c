#include "inject/qmail_envelope.h"

#include "base/addr.h"
#include "base/envelope.h"
#include "base/utf8.h"

enum { TOO_LONG = 11, REFUSED = 31, CUT = 54, FORMAT = 91 };

/* Up to the next zero byte; 0 or an exit code. */
static int
take(struct view *in, struct view *address)
{
    size_t end = view_find(*in, 0);

    if (end > ADDRESS_MAX)
        return TOO_LONG;
    if (end == in->len)
        return CUT;
    *address = view_make(in->data, end);
    *in = view_from(*in, end + 1);
    return 0;
}

/* The kept form (base/addr.h) of an address without quotes. */
static int
keep(struct view address, const char *nohost, struct buf *kept)
{
    size_t at = view_findlast(address, '@');
    struct view domain = view_from(address, at + 1);

    buf_clear(kept);
    if (addr_unclean(address))
        return REFUSED;
    /* "list-@example.org-@[]" asks for a sender of its own for each
     * recipient: that is no address yet. */
    if (view_is(domain, "[]")) {
        buf_addview(kept, address);
        return 0;
    }
    if (at == address.len)
        domain = view_of(nohost);
    addr_quote(kept, view_make(address.data, at));
    if (domain.len || at < address.len) {
        buf_addbyte(kept, '@');
        buf_addview(kept, domain);
    }
    return kept->len > ADDRESS_MAX ? TOO_LONG : 0;
}

static int
read_rcpts(struct view in, const char *nohost, struct buf *fields, bool *utf8)
{
    struct buf kept = {0};
    struct view address;
    size_t count = 0;
    int code = 0;

    while (code == 0 && in.len && in.data[0] == 'T') {
        in = view_from(in, 1);
        if ((code = take(&in, &address)) == 0 &&
            (code = keep(address, nohost, &kept)) == 0) {
            envelope_put(fields, TAG_RCPT, buf_view(&kept));
            *utf8 = *utf8 || !utf8_ascii(buf_view(&kept));
            if (address.len == 0 || ++count > ENVELOPE_RCPT_MAX)
                code = REFUSED;
        }
    }
    buf_free(&kept);
    if (code)
        return code;
    if (in.len == 0)
        return CUT;
    return in.data[0] == 0 && count ? 0 : FORMAT;
}

int
qmail_envelope_read(struct view in, const char *nohost, struct buf *fields)
{
    struct buf kept = {0};
    struct view sender;
    bool utf8 = false;
    int code;

    if (in.len == 0)
        return CUT;
    if (in.data[0] != 'F')
        return FORMAT;
    in = view_from(in, 1);
    if ((code = take(&in, &sender)) != 0)
        return code;
    if (sender.len && !view_is(sender, "#@[]"))
        code = keep(sender, "", &kept);
    envelope_put(fields, TAG_SENDER, buf_view(&kept));
    utf8 = !utf8_ascii(buf_view(&kept));
    buf_free(&kept);
    if (code == 0)
        code = read_rcpts(in, nohost, fields, &utf8);
    if (code == 0 && utf8)
        envelope_put32(fields, TAG_FLAGS, ENVELOPE_SMTPUTF8);
    return code;
}
