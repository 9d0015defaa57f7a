/* session_io.h - bytes between a session's socket, TLS and its dialogue
 *
 * What goes wrong is told to the dialogue (smtp_client_lost, _fail), which
 * the session looks at next. */
#ifndef REMOTE_SESSION_IO_H
#define REMOTE_SESSION_IO_H

#include "remote/session.h"

/* Bytes from the socket, for the dialogue.  False: they meant nothing to
 * it. */
bool session_io_take(struct session *s, struct view bytes);

/* Takes what the server has said and nobody has read.  True: it said
 * something, or has gone. */
bool session_io_take_waiting(struct session *s);

/* Begins to make the connection secure. */
void session_io_handshake(struct session *s);

/* Sends what TLS has to say by itself: the handshake, new keys. */
void session_io_secure(struct session *s);

/* Sends bytes, or what the dialogue has in out; not while writing.  When all
 * is with the system the dialogue and, if that took a while, session_piece
 * are told.  In clear the bytes stay where they are while writing. */
void session_io_send(struct session *s, struct view bytes);
void session_io_commands(struct session *s);

#endif
