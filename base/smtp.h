/* smtp.h - reply lines of SMTP, and the table of extension words
 *
 * Pure: bytes in, values out. */
#ifndef BASE_SMTP_H
#define BASE_SMTP_H

#include "base/verdict.h"

enum {
    SMTP_LINE_MAX = 2000,        /* bytes with CRLF; RFC 5321 4.5.3.1.5: 512 */
    SMTP_REPLY_LINES_MAX = 100,  /* lines of one reply */
    SMTP_REPLY_MAX = 16384,      /* bytes of text kept of one reply */
};

/* One reply as it comes in.  {0} waits for its first byte. */
struct smtp_reply {
    int code;          /* 0: no line was read yet */
    unsigned lines;    /* read so far */
    struct buf text;   /* behind the codes; an LF after each line */
    struct buf line;   /* a line that has not ended yet */
};

/* Takes bytes off *in up to the end of one reply (RFC 5321 4.2).  1: the
 * reply is whole, in begins with what follows it; 0: more bytes are needed,
 * in is empty; -EBADMSG: no reply by the grammar (the code is not one of
 * 200-599, differs between lines, is followed by neither blank nor hyphen; an
 * LF without CR); -EMSGSIZE: a limit above.  After an error the stream is
 * worthless. */
int smtp_reply_take(struct smtp_reply *r, struct view *in);

/* Ready for the next reply, the memory kept. */
void smtp_reply_clear(struct smtp_reply *r);
void smtp_reply_free(struct smtp_reply *r);

/* The RFC 3463 code for verdict: the one the reply's text begins with (RFC
 * 2034 3) if its class is the reply's, else "X.0.0".  The first digit always
 * fits verdict. */
void smtp_reply_status(const struct smtp_reply *r, enum verdict verdict,
                       char code[12]);

/* The code and all lines in one, joined by blanks; NUL bytes become '?'. */
void smtp_reply_words(const struct smtp_reply *r, struct buf *words);

/* The extensions that somebody here knows, as bits. */
enum smtp_extension {
    SMTP_PIPELINING = 1,      /* RFC 2920 */
    SMTP_SIZE = 2,            /* RFC 1870 */
    SMTP_8BITMIME = 4,        /* RFC 6152 */
    SMTP_SMTPUTF8 = 8,        /* RFC 6531 */
    SMTP_DSN = 16,            /* RFC 3461 */
    SMTP_ENHANCED = 32,       /* RFC 2034 */
    SMTP_CHUNKING = 64,       /* RFC 3030 */
    SMTP_STARTTLS = 128,      /* RFC 3207 */
    SMTP_AUTH = 256,          /* RFC 4954 */
    SMTP_REQUIRETLS = 512,    /* RFC 8689 */
    SMTP_LIMITS = 1024,       /* RFC 9422 */
};

/* The bit of the keyword a line of an EHLO reply begins with, 0 if it is not
 * known; *argument is what follows the keyword. */
uint32_t smtp_extension(struct view line, struct view *argument);

#endif
