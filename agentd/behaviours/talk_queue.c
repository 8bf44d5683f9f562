#include "agentd/behaviours/talk_queue.h"

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

/* Takes the next one of this user out; NULL where nobody waits. */
static tr_talk_waiting_t *take(tr_talk_queue_t *self, const char *user) {
    tr_talk_waiting_t *before = NULL, *at = self->first;
    while (at && strcmp(at->user, user) != 0) {
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
    return at;
}

tr_message_t *tr_talk_queue_leave(tr_talk_queue_t *self, const char *user) {
    tr_talk_waiting_t *next = take(self, user);
    tr_message_t *message = next ? next->message : NULL;
    if (next) {
        next->message = NULL;
        free_waiting(next);
    } else {
        json_object_del(self->held, user);
    }
    return message;
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
