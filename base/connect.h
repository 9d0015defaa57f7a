/* connect.h - to a socket of the instance, by its name in a folder */
#ifndef BASE_CONNECT_H
#define BASE_CONNECT_H

/* A connected, blocking stream socket, or a negative errno.  The path of dir
 * may be longer than a socket's address holds. */
int connect_unix(const char *dir, const char *name);

#endif
