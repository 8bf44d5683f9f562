#include "tests/faults/many.h"

#include "lib/base/process.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 256
#define LOOK_MS    50 /* between two looks at whose time has come */

/* The linker puts these in the place of libzmq's (meson.build), for a wire cannot be handed a context. */
static struct shared {
    void *context;
    size_t users;
} shared;

void *__real_zmq_ctx_new(void);
int __real_zmq_ctx_term(void *context);
void *__wrap_zmq_ctx_new(void);
int __wrap_zmq_ctx_term(void *context);

void *__wrap_zmq_ctx_new(void) {
    if (!shared.context && (shared.context = __real_zmq_ctx_new()))
        zmq_ctx_set(shared.context, ZMQ_MAX_SOCKETS, 65535);
    shared.users += shared.context != NULL;
    return shared.context;
}

int __wrap_zmq_ctx_term(void *context) {
    if (--shared.users)
        return 0;
    shared.context = NULL;
    return __real_zmq_ctx_term(context);
}

static void watch(many_t *self, int fd, void *what) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = what};
    epoll_ctl(
        self->epoll_fd, EPOLL_CTL_ADD, fd, &e); /* it is there already unless the link has a new socket */
}

int many_init(many_t *self, size_t most, tr_error_t *error) {
    self->signal_fd = -1;
    self->most = most;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->members = calloc(most, sizeof *self->members);
    if (!self->members || self->epoll_fd < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int r = tr_process_signals(&self->signal_fd, error);
    if (r == 0)
        r = tr_process_need_files(2 * most + 64, NULL, error);
    if (r == 0)
        watch(self, self->signal_fd, NULL);
    return r;
}

void many_finish(many_t *self) {
    for (size_t i = 0; i < self->n; i++)
        tr_link_destroy(&self->members[i].link, 0);
    free(self->members);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
}

int many_add(many_t *self, const char *name, tr_error_t *error) {
    char full[TR_NAME_MAX + 1];
    member_t *m = &self->members[self->n];
    int r = tr_link_new(self->options, &m->link, error);
    if (r < 0)
        return r;
    snprintf(full, sizeof full, "%.100s-%zu", name, self->n);
    m->index = self->n++;
    m->registration = tr_link_register(m->link, full, 1, "crowd");
    return m->registration ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static bool is_there(const member_t *m) {
    tr_error_t error;
    return tr_link_ready(m->link) && tr_link_status(m->link, m->registration, &error) == TR_REGISTRATION_DONE;
}

static void take_data(many_t *self, member_t *m) {
    tr_inbound_t *in;
    bool more;
    while ((in = tr_link_take(m->link, &more)))
        if (self->on_data && !in->gone)
            self->on_data(self, m, in);
        else
            tr_link_finished(m->link, in, 0, 0);
}

static void look_after(many_t *self, member_t *m) {
    tr_link_event_t *event;
    while (tr_link_work(m->link, &m->due_ms)) /* until nothing came: only then its descriptor tells again */
        take_data(self, m);
    while ((event = tr_link_event(m->link))) {
        history_event(self->history, event->event, event->detail);
        free(event);
    }
    watch(self, tr_link_fd(m->link), m);
    self->there -= m->there;
    m->there = is_there(m);
    self->there += m->there;
}

static void look_at_clock(many_t *self) {
    int64_t now = tr_clock_ms();
    if (now - self->looked_ms < LOOK_MS)
        return;
    self->looked_ms = now;
    for (size_t i = 0; i < self->n; i++)
        if (self->members[i].due_ms <= now)
            look_after(self, &self->members[i]);
}

bool many_turn(many_t *self, int wait_ms) {
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(self->epoll_fd, events, EVENTS_MAX, wait_ms < LOOK_MS ? wait_ms : LOOK_MS);
    for (int i = 0; i < n; i++) {
        if (!events[i].data.ptr)
            return false;
        look_after(self, events[i].data.ptr);
    }
    look_at_clock(self);
    return true;
}
