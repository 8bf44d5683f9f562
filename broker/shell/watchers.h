/*
 * Watchers of the topic stream under a guard: each gets what its certificate lets it subscribe to, and no
 * more.
 *
 * The XPUB socket is in manual mode: it tells of every subscription and carries out those that it is told to,
 * so that a watcher who asks for everything gets just the part that it may see. Which connection a
 * subscription came from is in its metadata. A watcher whose certificate ends or changes is cut off; it comes
 * back, and is judged anew, by itself.
 */
#ifndef TR_BROKER_WATCHERS_H
#define TR_BROKER_WATCHERS_H

#include "broker/core/core.h"
#include "broker/shell/connection.h"
#include "broker/shell/door.h"
#include "lib/base/map.h"
#include "lib/cert/cert.h"

typedef struct tr_watch_grant tr_watch_grant_t;

typedef struct tr_watcher {
    tr_connection_t connection; /* cookie 0 = nobody */
    uint8_t key[TR_KEY_SIZE];
    tr_watch_grant_t *grants;
    size_t grants_n;
} tr_watcher_t;

typedef struct tr_watchers {
    void *stream;    /* borrowed, as */
    tr_door_t *door; /* is this, which tells when its connections end */
    tr_core_t *core; /* borrowed */
    tr_cert_book_t *book;
    tr_watcher_t *by_fd;
    size_t by_fd_n;
    tr_map_t interest; /* prefix -> watchers that have it */
    bool spoilt;       /* what is in the socket's queue cannot be told apart any more (watchers.c) */
} tr_watchers_t;

void tr_watchers_init(tr_watchers_t *self, void *stream, tr_door_t *door, tr_core_t *core, uint64_t seed);
void tr_watchers_finish(tr_watchers_t *self);
/* From now on this book counts. */
void tr_watchers_judge(tr_watchers_t *self, const tr_cert_book_t *book, tr_core_now_t now);
/* Takes what the socket and the door have to tell. */
void tr_watchers_take(tr_watchers_t *self, tr_core_now_t now);
/* Certificates come to their end. */
void tr_watchers_tick(tr_watchers_t *self, tr_core_now_t now);

#endif
