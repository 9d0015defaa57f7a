/* programs.h - the programs of an instance: user, descriptors, start
 *
 *   program         user     descriptors
 *   godwit-enqueue  godwitq  3 listening submit, 4 listening door, 5 todo/,
 *                            6 a pipe that ends with start, 7 the lock:
 *                            while it writes no other instance begins
 *   godwit-manager  godwits  3 start channel (SOCK_SEQPACKET), 4 the lock,
 *                            5 listening control
 *   godwit-remote   godwitr  3 jobs (SOCK_SEQPACKET), 4 life pipe
 *   godwit-local    root     the same
 *
 * Start channel: the manager says "ready"; it is sent "remote" or "local"
 * with the other end of a new worker's job socket. */
#ifndef QUEUE_PROGRAMS_H
#define QUEUE_PROGRAMS_H

#include "queue/child.h"
#include "queue/life.h"
#include "queue/supervise.h"

#define PROGRAM_ENQUEUE "godwit-enqueue"
#define PROGRAM_MANAGER "godwit-manager"
#define PROGRAM_REMOTE "godwit-remote"
#define PROGRAM_LOCAL "godwit-local"
#define PROGRAM_CHECK "godwit"

/* Each starts c, which is that program; where it cannot there is a log line
 * and c is due again later. */

void program_enqueue(struct child *c, const struct supervise_plan *p,
                     int alive, uint64_t now_ms);

/* With a new life pipe, and our end of its channel in *channel. */
void program_manager(struct child *c, const struct supervise_plan *p,
                     int *channel, struct life *life, uint64_t now_ms);

/* Remote or local, by c's name.  A manager that does not take its end makes
 * it end and be started again later. */
void program_worker(struct child *c, const struct supervise_plan *p,
                    int channel, const struct life *life, uint64_t now_ms);

/* `godwit check`; 0 or a negative errno. */
int program_check(struct child *c, const struct supervise_plan *p,
                  uint64_t now_ms);

#endif
