/* ready.h - tells whoever started us that the instance is ready */
#ifndef QUEUE_READY_H
#define QUEUE_READY_H

/* READY=1 to the socket address in NOTIFY_SOCKET, if given (systemd's
 * sd_notify(3); a leading '@' is the abstract namespace), and a newline to
 * *fd, which is closed then, unless it is -1 (s6's notification).  Nobody who
 * listens is no fault. */
void ready_tell(const char *notify_socket, int *fd);

#endif
