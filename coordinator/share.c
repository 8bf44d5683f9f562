/* Several coordinators on one database: each says that it is alive, takes over what the dead had, and hands on what is asked of others. */
#include "coordinator/council/council.h"
#include "coordinator/events.h"
#include "coordinator/schedules.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 500  /* a part of any lease */
#define BATCH   1000 /* tasks that are taken over at once: others may take the rest */

int tr_share_join(tr_coordinator_t *self, tr_error_t *error) {
    char name[TR_AID_MAX + 1];
    snprintf(name, sizeof name, "%s@%s", self->options->resident.name, tr_host_platform(self->host));
    return tr_store_join(self->store, name, error);
}

/* ---- what the dead had ---- */

static int take_claimed(void *arg, tr_task_t *task) {
    tr_coordinator_t *self = arg;
    int rc = tr_board_restore(self->board, task);
    if (rc == -EEXIST) /* it was this one's: it is there already */
        tr_task_destroy(&task);
    return rc == -EEXIST ? 0 : rc;
}

/* What cannot be read holds up nothing that is behind it, and nobody could do more with it. Only where there is no memory is nothing
 * claimed at all, for another one may have some. */
static int settle_for(tr_coordinator_t *self, const char *what, const char *id, int rc) {
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0 && rc != -EEXIST) /* it was this one's: it is there already */
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NOT_TAKEN], "kind=%s id=%s error=%s", what,
            id, strerror(-rc));
    return 0;
}

static int take_decision(void *arg, const char *id) {
    return settle_for(arg, "decision", id, tr_council_take(arg, id));
}

static int take_schedule(void *arg, const tr_store_schedule_t *schedule) {
    return settle_for(arg, "schedule", schedule->name, tr_schedules_take(arg, schedule));
}

/* 0, or negative: then nothing of it is to last. */
static int claim(tr_coordinator_t *self) {
    tr_error_t error = {0};
    int tasks = tr_store_claim(self->store, BATCH, take_claimed, self, &error);
    if (tasks < 0)
        return tasks;
    int rc = tr_board_resume(self->board, "its coordinator is gone", tr_clock_wall_ms());
    if (rc == 0)
        rc = tr_store_claim_decisions(self->store, BATCH, take_decision, self);
    if (rc >= 0)
        rc = tr_store_claim_schedules(self->store, BATCH, take_schedule, self);
    if (rc >= 0)
        rc = tr_outbox_repeat(self, true);
    if (tasks > 0)
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_TOOK_OVER], "tasks=%d", tasks);
    if (tasks == BATCH)
        self->share_ms = tr_clock_ms();
    return rc;
}

/* ---- what goes on elsewhere ---- */

static void note_elsewhere(void *arg, const char *agent, uint32_t count) {
    tr_coordinator_t *self = arg;
    tr_board_note_elsewhere(self->board, agent, count);
}

/* Where the database has failed the commit says so; and where what was claimed could not be taken it may not say otherwise: it would
 * be this process's, and nobody would do it. */
void tr_share_turn(tr_coordinator_t *self) {
    if (self->lost || !tr_store_shared(self->store) || tr_clock_ms() < self->share_ms)
        return;
    self->share_ms = tr_clock_ms() + LOOK_MS;
    tr_effects_change(self);
    int rc = tr_store_keep(self->store, self->options->lease_ms);
    if (rc >= 0)
        rc = claim(self);
    if (rc < 0) {
        tr_store_fail(self->store, rc);
        return;
    }
    tr_board_rates(self->board)->sharers = tr_store_sharers(self->store);
    tr_board_forget_elsewhere(self->board);
    tr_store_elsewhere(self->store, note_elsewhere, self);
    tr_board_look(self->board, tr_clock_wall_ms());
}

/* ---- what is asked of others ---- */

/* The conversation goes on between who asked and who has it. */
static bool hand_on(tr_coordinator_t *self, const char *to, const tr_message_t *message) {
    const tr_acl_t *acl = tr_message_acl(message);
    tr_acl_t copy = *acl;
    copy.receivers = (tr_acl_list_t){&to, 1};
    copy.budget = (tr_budget_t){0}; /* all that is left */
    if (!acl->reply_to.count && acl->sender)
        copy.reply_to = (tr_acl_list_t){&acl->sender, 1};
    copy.flags = 0;
    copy.content = tr_message_content(message, &copy.content_len);
    return tr_delegate(self->agent, message, &copy) == 0;
}

/* A task of the dead that nobody has claimed yet is this one's, at once. 0 or negative. */
static int adopt(tr_coordinator_t *self, const char *id) {
    tr_task_t *task = NULL;
    int rc = tr_store_load(self->store, id, &task);
    if (rc < 0 || tr_task_ended(task->state)) {
        tr_task_destroy(&task);
        return rc;
    }
    rc = tr_board_restore(self->board, task);
    if (rc < 0)
        tr_task_destroy(&task);
    return rc < 0 ? rc : tr_board_resume(self->board, "its coordinator is gone", tr_clock_wall_ms());
}

static bool is_ours(const tr_coordinator_t *self, tr_store_thing_t thing, const char *id) {
    switch (thing) {
    case TR_STORE_TASK: return tr_board_task(self->board, id) != NULL;
    case TR_STORE_DECISION: return tr_council_find(self, id) != NULL;
    case TR_STORE_SCHEDULE: return tr_schedules_find(self, id) != NULL;
    }
    return false;
}

/* What is this one's in the database and cannot be taken here nobody would do: then it is not to be this one's. */
static void take_over(tr_coordinator_t *self, tr_store_thing_t thing, const char *id) {
    int rc = 0;
    if (thing == TR_STORE_TASK)
        rc = settle_for(self, "task", id, adopt(self, id));
    if (thing == TR_STORE_DECISION)
        rc = take_decision(self, id);
    if (rc < 0)
        tr_store_fail(self->store, rc);
}

tr_forward_t tr_share_forward(
    tr_coordinator_t *self, tr_store_thing_t thing, const char *id, const tr_message_t *message) {
    char holder[TR_AID_MAX + 1];
    if (!tr_store_shared(self->store) || is_ours(self, thing, id))
        return TR_FORWARD_OURS;
    tr_effects_change(self);
    int rc = tr_store_take(self->store, thing, id);
    if (rc == 0)
        take_over(self, thing, id);
    if (rc != -EBUSY)
        return TR_FORWARD_OURS;
    rc = tr_store_holder(self->store, thing, id, holder);
    if (rc < 0)
        return rc == -ENOENT ? TR_FORWARD_NOBODYS : TR_FORWARD_OURS;
    if (!hand_on(self, holder, message))
        tr_effect_refuse(self, message, TR_FAILURE, "not-sent", holder);
    return TR_FORWARD_DONE;
}
