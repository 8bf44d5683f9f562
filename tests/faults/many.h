/*
 * Many links in one process and one thread: the library's own (lib/link), each with a socket of its own, but all with one context,
 * because a context has threads. Each registers one agent, and comes back by itself when its broker does.
 */
#ifndef TESTS_FAULTS_MANY_H
#define TESTS_FAULTS_MANY_H

#include "tests/faults/history.h"

#include "lib/link/link.h"

typedef struct member {
    tr_link_t *link;
    tr_registration_t *registration;
    int64_t due_ms;
    size_t index;
    bool there;
} member_t;

typedef struct many many_t;
struct many {
    history_t *history; /* their events */
    const tr_host_options_t *options;
    /* What came for a member, which gives it back with tr_link_finished; NULL: nobody wants it. */
    void (*on_data)(many_t *self, member_t *member, tr_inbound_t *in);
    void *arg;
    member_t *members;
    size_t n, most, there; /* added, room for them, registered now */
    int64_t looked_ms;
    int epoll_fd, signal_fd;
};

/* 0 or a negative errno with a text; finish it in every case. `self` has its first four fields set. */
int many_init(many_t *self, size_t most, tr_error_t *error);
void many_finish(many_t *self);
/* Another one, called NAME-i. */
int many_add(many_t *self, const char *name, tr_error_t *error);
/* One turn of the loop, of wait_ms at most. False when it was asked to end. */
bool many_turn(many_t *self, int wait_ms);

#endif
