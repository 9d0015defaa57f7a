/* frame.h - bounded frames on a stream: u32 length (little-endian, of the
 * payload), u8 kind, payload */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H

#include "base/buf.h"

enum { FRAME_HEAD = 5, FRAME_MAX = 65536 };

/* Appends one frame; payload at most FRAME_MAX bytes. */
void frame_put(struct buf *b, char kind, struct view payload);

/* Takes the next whole frame off *in.  1: kind and payload are set (payload
 * a view into *in's bytes); 0: more bytes are needed; -EMSGSIZE: a frame
 * longer than FRAME_MAX, the stream is worthless. */
int frame_take(struct view *in, char *kind, struct view *payload);

#endif
