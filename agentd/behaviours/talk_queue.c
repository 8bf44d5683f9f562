#include "agentd/behaviours/talk_queue.h"

#include "agentd/behaviours/replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tr_talk_waiting {
    tr_talk_waiting_t *next;
    tr_message_t *message;
    char *user;
};

static void free_waiting(tr_talk_waiting_t *waiting) {
    tr_message_release(&waiting->message);
    free(waiting->user);
    free(waiting);
}

static int wait_for(tr_talk_queue_t *self, const char *user, const tr_message_t *message) {
    tr_talk_waiting_t *waiting = calloc(1, sizeof *waiting);
    if (!waiting)
        return -ENOMEM;
    waiting->user = strdup(user);
    waiting->message = waiting->user ? tr_message_keep(message) : NULL;
    if (!waiting->message) {
        free_waiting(waiting);
        return -ENOMEM;
    }
    if (self->last)
        self->last->next = waiting;
    else
        self->first = waiting;
    self->last = waiting;
    self->count++;
    return TR_TALK_WAITS;
}

int tr_talk_queue_enter(tr_talk_queue_t *self, const char *user, const tr_message_t *message) {
    if (!self->held && !(self->held = json_object()))
        return -ENOMEM;
    if (json_object_get(self->held, user))
        return self->count >= TR_TALK_QUEUE_MAX ? -EBUSY : wait_for(self, user, message);
    return json_object_set_new(self->held, user, json_true()) < 0 ? -ENOMEM : TR_TALK_BEGINS;
}

static bool is_of(const tr_talk_waiting_t *at, const char *user, const tr_message_t *cancel) {
    return user ? strcmp(at->user, user) == 0 : tr_replies_cancels(cancel, at->message);
}

/* The message of the next one of this user, or, without one, of the one that is ended; NULL where none waits. */
static tr_message_t *take(tr_talk_queue_t *self, const char *user, const tr_message_t *cancel) {
    tr_talk_waiting_t *before = NULL, *at = self->first;
    while (at && !is_of(at, user, cancel)) {
        before = at;
        at = at->next;
    }
    if (!at)
        return NULL;
    if (before)
        before->next = at->next;
    else
        self->first = at->next;
    if (self->last == at)
        self->last = before;
    self->count--;
    tr_message_t *message = at->message;
    at->message = NULL;
    free_waiting(at);
    return message;
}

tr_message_t *tr_talk_queue_leave(tr_talk_queue_t *self, const char *user) {
    tr_message_t *message = take(self, user, NULL);
    if (!message)
        json_object_del(self->held, user);
    return message;
}

tr_message_t *tr_talk_queue_withdraw(tr_talk_queue_t *self, const tr_message_t *cancel) {
    return take(self, NULL, cancel);
}

void tr_talk_queue_finish(tr_talk_queue_t *self) {
    while (self->first) {
        tr_talk_waiting_t *next = self->first->next;
        free_waiting(self->first);
        self->first = next;
    }
    json_decref(self->held);
    *self = (tr_talk_queue_t){0};
}
