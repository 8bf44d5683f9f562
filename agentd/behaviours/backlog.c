#include "agentd/behaviours/backlog.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS 5

struct tr_backlog_entry {
    tr_backlog_entry_t *next;
    tr_message_t *message;
};

static int push(tr_backlog_t *self, const tr_message_t *message) {
    tr_backlog_entry_t *entry = calloc(1, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    entry->message = tr_message_keep(message);
    if (!entry->message) {
        free(entry);
        return -ENOMEM;
    }
    if (self->tail)
        self->tail->next = entry;
    else
        self->head = entry;
    self->tail = entry;
    return 0;
}

static void shift(tr_backlog_t *self, bool release) {
    tr_backlog_entry_t *entry = self->head;
    self->head = entry->next;
    if (!self->head)
        self->tail = NULL;
    if (release)
        tr_message_release(&entry->message);
    else
        tr_message_done(&entry->message);
    free(entry);
}

static void retry(tr_agent_t *agent, void *state, void *arg);

static int arm(tr_backlog_t *self, tr_agent_t *agent) {
    if (!self->timer)
        self->timer = tr_timer_start(agent, RETRY_MS, retry, self);
    return self->timer ? 0 : -ENOMEM;
}

static void retry(tr_agent_t *agent, void *state, void *arg) {
    tr_backlog_t *self = arg;
    self->timer = NULL;
    /* A failure other than -EAGAIN was told to whoever waits; it is no reason to stop here. */
    while (self->head && self->fn(agent, state, self->head->message) != -EAGAIN)
        shift(self, false);
    /* Out of memory for a timer: the next message arms it. */
    if (self->head)
        arm(self, agent);
}

int tr_backlog_take(
    tr_backlog_t *self, tr_agent_t *agent, void *state, const tr_message_t *message, tr_backlog_fn fn) {
    self->fn = fn;
    int rc = self->head ? -EAGAIN : fn(agent, state, message);
    if (rc != -EAGAIN)
        return rc;
    rc = push(self, message);
    return rc < 0 ? rc : arm(self, agent);
}

void tr_backlog_finish(tr_backlog_t *self) {
    if (self->timer)
        tr_timer_cancel(&self->timer);
    while (self->head)
        shift(self, true);
}
