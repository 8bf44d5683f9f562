/*
 * Who comes in: the connections of the broker's sockets, as their monitors tell.
 *
 * libzmq takes every connection that it can get. Where descriptors run out it tries again at once and for ever:
 * its thread spins, and a journal that wants a file gets none. So connections are counted, and one beyond `most`
 * is cut off as soon as it is told of; its client tries again later. Should descriptors run out nevertheless (other
 * things need some, too), a spare one is given up: with it libzmq takes a connection, which is cut off, and so on
 * until there are enough again. What is open stays open.
 *
 * One thread.
 */
#ifndef TR_BROKER_DOOR_H
#define TR_BROKER_DOOR_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TR_DOOR_LINKS, TR_DOOR_STREAM, TR_DOORS };

typedef struct tr_door {
    void *monitors[TR_DOORS];
    int fds[TR_DOORS];  /* of the monitors, to poll */
    uint64_t *is_open;  /* a bit for each descriptor that is a connection */
    size_t is_open_n;   /* words */
    size_t count, most; /* of connections */
    uint64_t cut;       /* off, so far */
    int spare;          /* -1 = it is given up */
    bool shut;          /* new ones are cut off */
} tr_door_t;

/* Watches both sockets, before they are bound. Finish it in every case. */
int tr_door_init(tr_door_t *self, void *context, void *links, void *stream, tr_error_t *error);
void tr_door_finish(tr_door_t *self);
/* How many connections there may be; SIZE_MAX before. */
void tr_door_limit(tr_door_t *self, size_t most);

/* Takes what one monitor tells. True with the descriptor of a connection that ended; false when there is nothing
 * more. */
bool tr_door_ended(tr_door_t *self, unsigned which, int *ret_fd);
/* A few times a second: whether there is room again. */
void tr_door_tick(tr_door_t *self);

#endif
