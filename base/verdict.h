/* verdict.h - the three words for the fate of mail
 *
 *   word   means                                   SMTP  exit  report
 *   DONE   on disk here, or taken by the next host  2yz     0   +
 *   LATER  not now; also every crash and timeout    4yz   111   ~
 *   NEVER  will not work; tell the sender           5yz   100   -
 *
 * In doubt it is LATER.  Only this module converts. */
#ifndef BASE_VERDICT_H
#define BASE_VERDICT_H

#include <stdbool.h>

#include "base/buf.h"

enum verdict { DONE, LATER, NEVER };

enum { OUTCOME_TEXT_MAX = 400 };

/* What became of one recipient.  text is one printable line (RFC 3463 code
 * beside it), cut to its size. */
struct outcome {
    enum verdict verdict;
    char code[12];
    char text[OUTCOME_TEXT_MAX + 1];
};

/* Fills o and returns verdict.  code is an RFC 3463 code ("4.4.2").  Bytes
 * that are not printable ASCII become '?', so text may quote the world. */
enum verdict outcome_set(struct outcome *o, enum verdict verdict,
                         const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with text as it is, up to a zero byte. */
void outcome_take(struct outcome *o, enum verdict verdict, struct view code,
                  struct view text);

/* The one step from an errno (r is a negative errno, as libuv returns) to a
 * verdict: always LATER, for an errno is not a fault of the message.  The
 * text is the printed words and the errno's own. */
enum verdict outcome_errno(struct outcome *o, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "done", "later", "never". */
const char *verdict_word(enum verdict v);

/* '+', '~', '-'; back: anything else is LATER. */
char verdict_letter(enum verdict v);
enum verdict verdict_of_letter(char c);

/* 0, 111, 100. */
int verdict_exit(enum verdict v);

/* By the first digit of an SMTP reply code after a command that can finish a
 * delivery: only 2yz is DONE, only 5yz is NEVER (RFC 5321 4.2.1). */
enum verdict verdict_of_smtp(int code);

#endif
