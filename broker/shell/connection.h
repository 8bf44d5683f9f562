/* A connection as the kernel knows it: its descriptor, which another one may have soon after it has ended,
 * and its cookie, which no other one ever has. libzmq cannot be told to end a connection, but it notices when
 * that is shut down. */
#ifndef TR_BROKER_CONNECTION_H
#define TR_BROKER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_connection {
    int fd;
    uint64_t cookie; /* 0 = unknown */
} tr_connection_t;

/* Of a descriptor that is open now. */
tr_connection_t tr_connection_of(int fd);
/* Whether it still is that one. */
bool tr_connection_lives(const tr_connection_t *self);
/* Shuts it down, where it still is that one. */
void tr_connection_cut(const tr_connection_t *self);

#endif
