/*
 * Ends of tasks that somebody wants to be told on a topic of his own (`callback`). That one is owed is stored with the end itself, and taken
 * back when it has been told; who was killed in between, or could not tell it, tells it again, as does who takes over. So each is told at
 * least once, and who listens may hear one twice.
 */
#include "coordinator/coordinator.h"
#include "coordinator/desk.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST     256u /* at once */
#define AGAIN_MS 1000

static void tell(tr_coordinator_t *self, const tr_task_t *task, int64_t at_ms) {
    tr_content_writer_t *w = tr_effect_tell(self, task->callback, task->id, at_ms);
    self->owes |= !w; /* out of memory: later */
    if (!w)
        return;
    tr_write_task(w, task, 1);
    if (task->result_len <= TR_ANSWER_MAX) {
        tr_desk_write_content(w, "result", task->result, task->result_len);
        return;
    }
    tr_write_str(w, "left-out"); /* it is asked for: show */
    tr_write_array(w, 1);
    tr_write_str(w, "result");
}

void tr_outbox_tell(tr_coordinator_t *self, const tr_task_t *task) {
    tr_store_owe(self->store, task->id, task->changed_ms);
    tell(self, task, task->changed_ms);
}

typedef struct owed {
    char task[TR_TASK_ID_MAX + 1];
    int64_t at_ms;
} owed_t;

typedef struct list {
    owed_t items[MOST];
    size_t count;
} list_t;

static int note(void *arg, const char *task, int64_t at_ms) {
    list_t *list = arg;
    owed_t *o = &list->items[list->count++];
    snprintf(o->task, sizeof o->task, "%s", task);
    o->at_ms = at_ms;
    return 0;
}

/* One that has been tried again since is not at that end any more: its next one is owed by itself. */
static void tell_again(tr_coordinator_t *self, const owed_t *o) {
    tr_task_t *task = NULL;
    int rc = tr_store_load(self->store, o->task, &task);
    if (rc == 0 && task->callback && tr_task_ended(task->state) && task->changed_ms == o->at_ms) {
        tell(self, task, o->at_ms);
    } else if (rc == 0 || rc == -ENOENT) {
        tr_effects_change(self);
        tr_store_pay(self->store, o->task, o->at_ms);
    } else {
        self->owes = true;
    }
    tr_task_destroy(&task);
}

int tr_outbox_repeat(tr_coordinator_t *self, bool of_the_dead) {
    list_t *list = calloc(1, sizeof *list);
    self->owes =
        !list || (of_the_dead && self->owes); /* what was not told before is looked at by tr_outbox_turn */
    if (!list)
        return 0;
    int n = tr_store_owed(self->store, of_the_dead, MOST, note, list);
    for (size_t i = 0; n > 0 && i < list->count; i++)
        tell_again(self, &list->items[i]);
    self->owes |= n == (int)MOST; /* there may be more */
    free(list);
    return n < 0 ? n : 0;
}

/* What cannot be told or read now can be later: ignoring. */
void tr_outbox_turn(tr_coordinator_t *self) {
    if (!self->owes || tr_clock_ms() < self->outbox_ms || !tr_host_connected(self->host))
        return;
    self->outbox_ms = tr_clock_ms() + AGAIN_MS;
    self->owes = tr_outbox_repeat(self, false) < 0 || self->owes;
}
