#include "queue/dsn.h"

#include "base/date.h"
#include "base/id.h"
#include "queue/quote.h"

static void
put_field(struct buf *b, const char *name, const char *type,
          struct view words)
{
    buf_print(b, "%s: %s", name, type);
    quote_ascii(b, words, BOUNCE_WORDS_MAX);
    buf_addbyte(b, '\n');
}

/* RFC 3464 2.2: about the message. */
static void
report_message(struct buf *b, const struct bounce *bounce)
{
    id_text id;

    put_field(b, "Reporting-MTA", "dns; ", bounce->me);
    if (bounce->envid.len) {
        buf_addstr(b, "Original-Envelope-Id: ");
        quote_xtext(b, bounce->envid, BOUNCE_WORDS_MAX);
        buf_addbyte(b, '\n');
    }
    buf_addstr(b, "Arrival-Date: ");
    date_mail(b, bounce->arrival);
    buf_print(b, "\nX-Godwit-Id: %s\n", id_print(bounce->original, id));
    if (bounce->sender.len) {
        buf_addstr(b, "X-Godwit-Sender: ");
        quote_address(b, bounce->sender, BOUNCE_WORDS_MAX);
        buf_addbyte(b, '\n');
    }
}

/* RFC 3463 2: class.subject.detail. */
static bool
is_status(struct view code)
{
    unsigned dots = 0, digits = 0;

    if (code.len < 5 || (code.data[0] != '4' && code.data[0] != '5'))
        return false;
    for (size_t i = 0; i < code.len; i++) {
        if (code.data[i] == '.' && digits > 0) {
            dots++;
            digits = 0;
        } else if (code.data[i] < '0' || code.data[i] > '9' ||
                   ++digits > 3) {
            return false;
        }
    }
    return dots == 2 && digits > 0;
}

static bool
is_reply(struct view text)
{
    return text.len >= 3 && (text.data[0] == '4' || text.data[0] == '5') &&
           text.data[1] >= '0' && text.data[1] <= '9' &&
           text.data[2] >= '0' && text.data[2] <= '9' &&
           (text.len == 3 || text.data[3] == ' ' || text.data[3] == '-');
}

/* The name in front of "[192.0.2.1]"; empty for what is no host. */
static struct view
host_name(struct view host)
{
    size_t open = view_find(host, '[');

    if (open == host.len || view_find(host, '/') < host.len ||
        view_find(host, ' ') < host.len)
        return view_of("");
    return open ? view_make(host.data, open) : host;
}

/* RFC 3464 2.3: about one recipient. */
static void
report_rcpt(struct buf *b, const struct bounce_rcpt *rcpt)
{
    struct view host = host_name(rcpt->host);

    buf_addbyte(b, '\n');
    if (view_find(rcpt->orcpt, ';') < rcpt->orcpt.len) {
        buf_addstr(b, "Original-Recipient: ");
        quote_xtext(b, rcpt->orcpt, BOUNCE_WORDS_MAX);
        buf_addbyte(b, '\n');
    }
    buf_addstr(b, "Final-Recipient: ");
    quote_address(b, rcpt->address, BOUNCE_WORDS_MAX);
    buf_addstr(b, "\nAction: failed\n");
    put_field(b, "Status", "",
              is_status(rcpt->code) ? rcpt->code
                                    : view_of(rcpt->expired ? "4.4.7"
                                                            : "5.0.0"));
    if (host.len)
        put_field(b, "Remote-MTA", "dns; ", host);
    if (rcpt->text.len)
        put_field(b, "Diagnostic-Code",
                  is_reply(rcpt->text) ? "smtp; " : "x-godwit; ",
                  rcpt->text);
    if (rcpt->when) {
        buf_addstr(b, "Last-Attempt-Date: ");
        date_mail(b, rcpt->when);
        buf_addbyte(b, '\n');
    }
}

void
dsn_print(struct buf *b, const struct bounce *bounce)
{
    report_message(b, bounce);
    for (size_t i = 0; i < bounce->rcpt_count; i++)
        report_rcpt(b, &bounce->rcpts[i]);
}
