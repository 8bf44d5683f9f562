#include "tests/faults/role.h"

#include "lib/base/process.h"

#include <inttypes.h>
#include <poll.h>

typedef struct state {
    role_t *role;
} state_t;

void *role_part(const void *state) {
    return ((const state_t *)state)->role->part;
}

/* Messages may come before the registration returns, so the state is filled in here. Its address travels as a number. */
static int init(tr_agent_t *self, void *state, tr_value_t args) {
    (void)self;
    ((state_t *)state)->role = (role_t *)(uintptr_t)tr_value_int(tr_value_get(args, "role"), 0);
    return 0;
}

static void on_signal(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    role_t *role = arg;
    (void)state, (void)events;
    if (tr_process_next_signal(fd) <= 0)
        return;
    if (role->on_end)
        role->on_end(role->part);
    else
        tr_host_stop(tr_agent_host(self), 0);
}

static int add(role_t *r, tr_error_t *error) {
    char args[64];
    snprintf(args, sizeof args, "{\"role\": %" PRIuPTR "}", (uintptr_t)r);
    r->behaviour = (tr_behaviour_t){.abi = TR_BEHAVIOUR_ABI,
        .name = "role",
        .state_size = sizeof(state_t),
        .init = init,
        .receive = r->receive};
    return tr_host_add(r->host, r->name, &r->behaviour, args, &r->agent, error);
}

int role_join(role_t *self, const char *history, tr_error_t *error) {
    self->host_options.process = self->name;
    self->host_options.connect_ms = -1;
    self->host_options.on_event = history_event;
    self->host_options.arg = &self->history;
    int r = history_open(&self->history, history, error);
    if (r == 0)
        r = tr_process_signals(&self->signal_fd, error);
    if (r == 0)
        r = tr_host_new(&self->host_options, &self->host, error);
    if (r == 0)
        r = add(self, error);
    if (r < 0)
        return r;
    history_say(&self->history, "begin %s", self->name);
    return tr_watch(self->agent, self->signal_fd, POLLIN, on_signal, self);
}

void role_leave(role_t *self) {
    tr_host_destroy(&self->host);
    history_close(&self->history);
}
