/*
 * Where the broker's thread sleeps: until a bundle comes, or something of all that is rare. What is rare
 * shares one descriptor, and the tick is a descriptor, too, so that each of the very many sleeps waits for
 * two descriptors and sets no timer: both are what poll(2) takes its time for.
 */
#ifndef TR_BROKER_DOZE_H
#define TR_BROKER_DOZE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum tr_doze_why {
    TR_DOZE_TICK = 1u << 0,
    TR_DOZE_STREAM = 1u << 1,
    TR_DOZE_MONITOR = 1u << 2,
    TR_DOZE_SIGNAL = 1u << 3,
    TR_DOZE_JOURNAL = 1u << 4,
    TR_DOZE_GATE = 1u << 5,
    TR_DOZE_PEERS = 1u << 6,
} tr_doze_why_t;

typedef struct tr_doze {
    int rare_fd; /* an epoll set */
    int timer_fd;
} tr_doze_t;

/* What is not initialised, as it can be finished. */
#define TR_DOZE_NONE ((tr_doze_t){-1, -1})

/* Wakes at least once in tick_ms. -EMFILE ... with a text. Finish it in every case. */
int tr_doze_init(tr_doze_t *self, int64_t tick_ms, tr_error_t *error);
void tr_doze_finish(tr_doze_t *self);
/* Wakes when fd is readable; -1 is never. */
int tr_doze_add(tr_doze_t *self, int fd, tr_doze_why_t why, tr_error_t *error);

/* Before it is closed. -1 was never added. */
void tr_doze_remove(tr_doze_t *self, int fd);

/* Until links_fd, or what was added, is readable; without wait only looks. For awake_ns it looks again and again before it
 * sleeps, giving way to any thread that can run: for what comes sooner than a thread is woken. A set of tr_doze_why_t. */
unsigned tr_doze(tr_doze_t *self, int links_fd, bool wait, int64_t awake_ns);

#endif
