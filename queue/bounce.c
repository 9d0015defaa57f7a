#include "queue/bounce.h"

#include <string.h>

#include "base/date.h"
#include "base/digest.h"
#include "base/envelope.h"
#include "base/id.h"
#include "base/job.h"
#include "base/utf8.h"
#include "queue/advice.h"
#include "queue/dsn.h"
#include "queue/quote.h"

enum { BOUNDARY_BYTES = 16, WIDTH = 74 };

typedef char boundary_text[2 * BOUNDARY_BYTES + 1];

/* Both ids hold moments and chance that nobody knew when the content was
 * written, so it can't hold this. */
static void
boundary_of(const struct bounce *bounce, boundary_text text)
{
    unsigned char ids[16], hash[DIGEST_LEN];

    put_u64(ids, bounce->original);
    put_u64(ids + 8, bounce->id);
    digest_of(view_make(ids, sizeof ids), hash);
    sodium_bin2hex(text, sizeof(boundary_text), hash, BOUNDARY_BYTES);
}

/* Whether an address can stand between angle brackets in a field. */
static bool
is_plain(struct view address)
{
    for (size_t i = 0; i < address.len; i++) {
        char c = address.data[i];

        if (c <= ' ' || c > '~' || strchr("<>()[],;:\\\"", c))
            return false;
    }
    return address.len > 0 && address.len <= BOUNCE_WORDS_MAX;
}

static void
put_header(struct buf *b, const struct bounce *bounce, const char *boundary)
{
    id_text id;

    buf_addstr(b, "Date: ");
    date_mail(b, (time_t)(id_ms(bounce->id) / 1000));
    buf_addstr(b, "\nFrom: Mail Delivery System <");
    quote_ascii(b, bounce->from, BOUNCE_WORDS_MAX);
    buf_addstr(b, ">\nTo: ");
    if (is_plain(bounce->to))
        buf_print(b, "<%.*s>", (int)bounce->to.len, bounce->to.data);
    else
        buf_addstr(b, "undisclosed-recipients:;");
    buf_print(b, "\nSubject: %s\nMessage-ID: <%s@",
              bounce->kind == BOUNCE_DOUBLE
                  ? "A notice of failure could not be delivered"
                  : "Your message could not be delivered",
              id_print(bounce->id, id));
    quote_ascii(b, bounce->me, BOUNCE_WORDS_MAX);
    buf_print(b, ">\nAuto-Submitted: auto-replied\n" /* RFC 3834 5 */
              "MIME-Version: 1.0\n"
              "Content-Type: multipart/report; "
              "report-type=delivery-status;\n\tboundary=\"%s\"\n\n",
              boundary);
}

/* What happened to one recipient, in words. */
static void
tell_rcpt(struct buf *b, const struct bounce_rcpt *rcpt)
{
    struct buf words = {0};

    buf_addstr(b, "\n<");
    quote_utf8(b, rcpt->address, BOUNCE_WORDS_MAX);
    buf_addstr(b, ">\n");
    if (rcpt->expired)
        quote_wrap(b, "    ",
                   view_of("It was tried again and again without success. "
                           "What came of the last attempt:"),
                   WIDTH);
    if (rcpt->host.len) {
        quote_utf8(&words, rcpt->host, BOUNCE_WORDS_MAX);
        buf_addstr(&words, " said: ");
    }
    quote_utf8(&words,
               rcpt->text.len ? rcpt->text : view_of("no reason was given"),
               BOUNCE_WORDS_MAX);
    quote_wrap(b, "    ", buf_view(&words), WIDTH);
    quote_wrap(b, "    ", advice_for(rcpt->code, rcpt->expired), WIDTH);
    buf_free(&words);
}

static void
tell(struct buf *b, const struct bounce *bounce)
{
    struct buf words = {0};

    buf_addstr(b, "This is the mail system at ");
    quote_ascii(b, bounce->me, BOUNCE_WORDS_MAX);
    buf_addstr(b, ".\n\n");
    buf_addstr(&words, bounce->kind == BOUNCE_DOUBLE
                           ? "A message without a return address, most "
                             "likely itself a notice of failure, accepted "
                             "here on "
                           : "Your message, accepted here on ");
    date_mail(&words, bounce->arrival);
    buf_print(&words, ", could not be delivered to %s. No further attempt "
              "is made.",
              bounce->rcpt_count > 1 ? "the following recipients"
                                     : "this recipient");
    quote_wrap(b, "", buf_view(&words), WIDTH);
    for (size_t i = 0; i < bounce->rcpt_count; i++)
        tell_rcpt(b, &bounce->rcpts[i]);
    buf_print(b, "\n%s of the message follows.\n",
              bounce->whole        ? "The whole"
              : bounce->header_cut ? "The beginning of the header"
                                   : "The header");
    buf_free(&words);
}

static void
begin_part(struct buf *b, const char *boundary, const char *name,
           const char *type)
{
    buf_print(b, "\n--%s\nContent-Description: %s\nContent-Type: %s\n",
              boundary, name, type);
}

/* Text as it is, or quoted if it holds what does not travel everywhere. */
static void
put_text(struct buf *b, struct view text)
{
    bool plain = true;
    size_t column = 0;

    for (size_t i = 0; i < text.len && plain; i++) {
        char c = text.data[i];

        column = c == '\n' ? 0 : column + 1;
        plain = ((c >= ' ' && c <= '~') || c == '\n' || c == '\t') &&
                column <= BOUNCE_WORDS_MAX;
    }
    if (plain) {
        buf_addbyte(b, '\n');
        buf_addview(b, text);
    } else {
        buf_addstr(b, "Content-Transfer-Encoding: quoted-printable\n\n");
        quote_printable(b, text);
    }
}

/* The header, cut behind its last whole line that is within the limit. */
static struct view
short_header(struct view header)
{
    if (header.len <= BOUNCE_HEADER_MAX)
        return header;
    header.len = BOUNCE_HEADER_MAX;
    if (view_findlast(header, '\n') < header.len)
        header.len = view_findlast(header, '\n') + 1;
    return header;
}

void
bounce_print(const struct bounce *bounce, struct buf *before,
             struct buf *after)
{
    struct bounce copy = *bounce;
    struct buf words = {0};
    boundary_text boundary;

    copy.header = short_header(bounce->header);
    copy.header_cut |= copy.header.len < bounce->header.len;
    boundary_of(bounce, boundary);
    put_header(before, bounce, boundary);
    tell(&words, &copy);
    begin_part(before, boundary, "Notice",
               utf8_ascii(buf_view(&words)) ? "text/plain; charset=us-ascii"
                                            : "text/plain; charset=utf-8");
    put_text(before, buf_view(&words));
    begin_part(before, boundary, "Delivery report",
               "message/delivery-status");
    buf_addbyte(before, '\n');
    dsn_print(before, bounce);
    if (bounce->whole) {
        begin_part(before, boundary, "Message", "message/rfc822");
        buf_addbyte(before, '\n');
    } else {
        begin_part(before, boundary, "Header of the message",
                   "text/rfc822-headers");
        put_text(before, copy.header);
    }
    buf_print(after, "\n--%s--\n", boundary);
    buf_free(&words);
}

bool
bounce_address(struct view sender, enum bounce_kind *kind, struct view *to)
{
    static const struct view mark = {"-@[]", 4};

    *to = sender;
    *kind = sender.len ? BOUNCE_FAILURE : BOUNCE_DOUBLE;
    if (view_is(sender, "#@[]"))
        return false;
    if (sender.len > mark.len &&
        view_equal(view_from(sender, sender.len - mark.len), mark))
        to->len -= mark.len;
    return true;
}

struct view
bounce_sender(enum bounce_kind kind)
{
    return view_of(kind == BOUNCE_DOUBLE ? "#@[]" : "");
}

/* model: bounce-id */
uint64_t
bounce_id(uint64_t fail_ms, uint64_t message_id, enum bounce_kind kind,
          uint32_t first_index)
{
    unsigned char key[16], hash[DIGEST_LEN];

    put_u64(key, message_id);
    put_u32(key + 8, (uint32_t)kind);
    put_u32(key + 12, first_index);
    digest_of(view_make(key, sizeof key), hash);
    return id_make(fail_ms, get_u32(hash));
}

bool
bounce_whole(uint64_t length, uint64_t max, uint8_t ret, uint32_t facts)
{
    const uint32_t risky = JOB_8BIT_HEADER | JOB_8BIT_BODY | JOB_NUL |
                           JOB_BARE_CR | JOB_LONG_LINE;

    return length <= max && ret != RET_HDRS && !(facts & risky);
}
