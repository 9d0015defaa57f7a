/* peers.h - addresses that could not be reached, remembered for a while
 *
 * So that not each delivery waits anew for a family or a host that is dead.
 * Pure: moments are arguments, in milliseconds.  Of two addresses that share a
 * place the later one is remembered. */
#ifndef REMOTE_PEERS_H
#define REMOTE_PEERS_H

#include "remote/mx.h"

enum {
    PEERS_PLACES = 1024,
    PEERS_REST = 300, /* seconds an address comes last */
};

/* {0}: nothing is known. */
struct peers {
    struct {
        union mx_sockaddr address;
        uint64_t until;
    } places[PEERS_PLACES];
};

/* A connection to the address failed, or succeeded. */
void peers_failed(struct peers *p, const union mx_sockaddr *address,
                  uint64_t now);
void peers_reached(struct peers *p, const union mx_sockaddr *address);

/* Puts those that failed not long ago behind the others; else the order
 * stays.  None is left out: where all failed they are tried again. */
void peers_order(const struct peers *p, struct mx_address *list,
                 unsigned count, uint64_t now);

#endif
