#include "coordinator/schedules.h"

#include "coordinator/desk.h"
#include "coordinator/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t tr_schedules_offset(void *arg, int64_t unix_s) {
    time_t time = (time_t)unix_s;
    struct tm tm;
    (void)arg;
    return localtime_r(&time, &tm) ? tm.tm_gmtoff : 0;
}

/* ---- which there are ---- */

/* The half-built, too. */
static void free_schedule(tr_schedule_t *schedule) {
    if (schedule && schedule->wished)
        tr_content_finish(&schedule->wish);
    if (schedule) {
        free(schedule->bytes);
        free(schedule->text);
    }
    free(schedule);
}

tr_schedule_t *tr_schedules_find(const tr_coordinator_t *self, const char *name) {
    return tr_map_find_ptr(&self->schedules, name, strlen(name));
}

static int fill(tr_schedule_t *s, const tr_store_schedule_t *stored) {
    if (strlen(stored->name) >= sizeof s->name)
        return -EINVAL;
    strcpy(s->name, stored->name);
    s->next_ms = stored->next_ms;
    s->fired_ms = stored->fired_ms;
    s->fired = stored->fired;
    s->text = strdup(stored->cron);
    s->bytes = malloc(stored->task_len + 1);
    if (!s->text || !s->bytes)
        return -ENOMEM;
    memcpy(s->bytes, stored->task, stored->task_len);
    int rc = tr_content_init(&s->wish, s->bytes, stored->task_len);
    s->wished = rc == 0;
    return rc < 0 ? rc : tr_cron_parse(s->text, &s->cron, &(tr_error_t){0});
}

int tr_schedules_take(tr_coordinator_t *self, const tr_store_schedule_t *stored) {
    tr_schedule_t *s = calloc(1, sizeof *s);
    int rc = !s ? -ENOMEM : tr_schedules_find(self, stored->name) ? -EEXIST : fill(s, stored);
    if (rc == 0)
        rc = tr_map_put(&self->schedules, s->name, strlen(s->name), (uint64_t)(uintptr_t)s);
    if (rc < 0)
        free_schedule(s);
    return rc < 0 ? rc : 0;
}

void tr_schedules_remove(tr_coordinator_t *self, const char *name) {
    tr_schedule_t *s = tr_schedules_find(self, name);
    if (!s)
        return;
    tr_map_delete(&self->schedules, name, strlen(name));
    free_schedule(s);
}

void tr_schedules_finish(tr_coordinator_t *self) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->schedules, &cursor));)
        free_schedule((tr_schedule_t *)(uintptr_t)slot->value);
    tr_map_finish(&self->schedules);
}

/* ---- what is due ---- */

static void print_id(const tr_schedule_t *s, int64_t at_ms, char id[TR_TASK_ID_MAX + 1]) {
    snprintf(id, TR_TASK_ID_MAX + 1, "%s-%lld", s->name, (long long)(at_ms / 1000));
}

/* The last one goes on still, and only one may. */
static bool is_held_up(const tr_coordinator_t *self, const tr_schedule_t *s) {
    char id[TR_TASK_ID_MAX + 1];
    if (s->fired == 0 || tr_value_bool(tr_value_get(&s->wish.root, "overlap"), false))
        return false;
    print_id(s, s->fired_ms, id);
    int state = tr_store_state(self->store, id);
    return state >= 0 && !tr_task_ended((tr_task_state_t)state);
}

/* What was missed while no coordinator ran is made up for once. */
static void fire(tr_coordinator_t *self, tr_schedule_t *s, int64_t now_ms) {
    char id[TR_TASK_ID_MAX + 1];
    tr_error_t error = {0};
    int64_t due_ms = s->next_ms;
    bool held_up = is_held_up(self, s);
    print_id(s, due_ms, id);
    tr_effects_change(self);
    int rc = held_up ? 0 : tr_desk_submit_one(self, tr_value_get(&s->wish.root, "task"), id, now_ms, &error);
    if (rc < 0)
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NOT_SUBMITTED], "schedule=%s error=%s",
            s->name, error.text);
    if (rc == 0 && !held_up) {
        s->fired_ms = due_ms;
        s->fired++;
    }
    s->next_ms = tr_cron_next(&s->cron, now_ms > due_ms ? now_ms : due_ms, tr_schedules_offset, NULL);
    tr_store_move_schedule(
        self->store, &(tr_store_schedule_t){
                         .name = s->name, .next_ms = s->next_ms, .fired_ms = s->fired_ms, .fired = s->fired});
}

int64_t tr_schedules_turn(tr_coordinator_t *self, int64_t now_ms) {
    int64_t next_ms = TR_BOARD_NEVER;
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->schedules, &cursor));) {
        tr_schedule_t *s = (tr_schedule_t *)(uintptr_t)slot->value;
        if (s->next_ms <= now_ms)
            fire(self, s, now_ms);
        next_ms = s->next_ms < next_ms ? s->next_ms : next_ms;
    }
    return next_ms;
}
