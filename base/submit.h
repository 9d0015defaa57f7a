/* submit.h - hands a message to the queue: the caller's side of run/submit
 *
 * Blocking, bounded by deadlines.  Many messages may follow one another on
 * one connection.  Frames (base/frame.h), caller to enqueue:
 *   'E' envelope bytes (base/envelope.h), in as many frames as they need
 *   'D' content bytes
 *   '.' the message is complete
 * enqueue to caller, one for each message:
 *   'K' id                queued, durable
 *   'Z' "4.x.y text"      not queued, try again
 *   'N' "5.x.y text"      not queued, will not be
 * A connection that ends before '.' leaves nothing. */
#ifndef BASE_SUBMIT_H
#define BASE_SUBMIT_H

#include "base/id.h"
#include "base/verdict.h"

enum {
    SUBMIT_WAIT = 10,     /* seconds to wait for a socket that nobody serves */
    SUBMIT_ANSWER = 600,  /* seconds to wait for an answer */
};

struct submit {
    int fd;
    bool failed;          /* the stream is worthless */
    struct buf out;
};

/* Connects to run/submit.  Where nothing serves it: root and the owner of
 * the spool get a private enqueue that writes directly; others wait up to
 * wait seconds.  DONE, or LATER with o filled. */
enum verdict submit_open(struct submit *s, unsigned wait, struct outcome *o);

/* Connects to the socket name in the folder dir, and does not wait for it;
 * answer: seconds to wait for an answer. */
enum verdict submit_connect(struct submit *s, const char *dir,
                            const char *name, unsigned answer,
                            struct outcome *o);

/* Bytes of the envelope and of the content, in any order and in pieces.  A
 * failure is kept and shown by submit_end. */
void submit_envelope(struct submit *s, struct view bytes);
void submit_content(struct submit *s, const void *data, size_t len);

/* Ends the message and waits for the answer.  DONE: queued and durable, id
 * is set.  Else o says why; o->code "4.4.2" and the words "may have been
 * queued" if the answer was lost after the message was complete. */
enum verdict submit_end(struct submit *s, id_text id, struct outcome *o);

void submit_close(struct submit *s);

#endif
