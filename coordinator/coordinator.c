#include "coordinator/coordinator.h"

#include "coordinator/alike.h"
#include "coordinator/approval/approval_desk.h"
#include "coordinator/desk.h"
#include "coordinator/events.h"
#include "coordinator/readers.h"
#include "coordinator/scale/autoscale.h"
#include "coordinator/schedules.h"
#include "lib/base/clock.h"
#include "lib/resident/about.h"
#include "proto/traceparent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATUSES_KEPT 100  /* of one try, in its history; the last one is the task's in any case */
#define LOOK_MS       5000 /* the directory is asked so often although nothing was heard */

static int measure(void *arg, tr_metrics_t *metrics, tr_error_t *error) {
    const tr_coordinator_t *self = arg;
    return tr_meter_register(&self->meter, metrics, error);
}

static const tr_resident_kind_t kind = {
    .measure = measure,
    .process = "troupe-coordinator",
    .component = "coordinator",
    .stopping = &tr_coordinator_events[TR_C_STOPPING],
    .stopped = &tr_coordinator_events[TR_C_STOPPED],
    .connected = &tr_coordinator_events[TR_C_CONNECTED],
    .disconnected = &tr_coordinator_events[TR_C_DISCONNECTED],
    .refused = &tr_coordinator_events[TR_C_REFUSED],
    .cannot_start = &tr_coordinator_events[TR_C_CANNOT_START],
    .message = &tr_coordinator_events[TR_C_MESSAGE],
};

/* ---- what the board says ---- */

static void log_failed(tr_coordinator_t *self, const tr_task_t *task) {
    char trace[TR_TRACE_ID_SIZE];
    tr_log_about_t about = {0}; /* what has said so; none where its time was over */
    if (self->host)             /* not yet where it is taken up again */
        tr_about_host(self->host, &about);
    tr_log(&self->resident.log, &tr_coordinator_events[TR_C_TASK_FAILED],
        "task=%s tries=%u reason=%s trace=%s conversation=%s", task->id, (unsigned)task->tries,
        task->reason ? task->reason : "", tr_traceparent_id(task->trace, trace), about.conversation);
}

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    tr_coordinator_t *self = arg;
    tr_effects_change(self);
    tr_meter_task(&self->meter, task, added);
    if (added)
        tr_store_add(self->store, task);
    else
        tr_store_update(self->store, task);
    if (task->state == TR_TASK_FAILED)
        log_failed(self, task);
    if (!added)
        tr_spans_of_task(self, task);
    tr_content_writer_t *w = tr_effect_publish(self, "task", task->id, "state");
    if (w)
        tr_write_task(w, task, 0);
    if (tr_task_ended(task->state) && task->callback)
        tr_outbox_tell(self, task);
}

static void on_status(void *arg, const tr_task_t *task) {
    tr_coordinator_t *self = arg;
    char text[256];
    tr_task_print_status(task, text, sizeof text);
    tr_counter_inc(&self->meter.statuses);
    tr_effects_change(self);
    tr_store_say_status(self->store, task, task->told <= STATUSES_KEPT && *text ? text : NULL);
    tr_content_writer_t *w = tr_effect_publish(self, "task", task->id, "progress");
    if (w)
        tr_write_task(w, task, 0);
}

static void on_assign(void *arg, const tr_task_t *task) {
    tr_effect_call(
        arg, tr_work_assign, task->id, task->tries); /* else the try is over when its time is, ignoring */
}

static bool on_call(void *arg, const tr_task_t *task) {
    return tr_effect_call(
        arg, task->way == TR_TASK_MIND ? tr_choice_call : tr_bids_call, task->id, task->tries + 1);
}

static void on_withdraw(void *arg, const tr_task_t *task) {
    tr_effect_call(arg, tr_work_withdraw, task->id, task->tries); /* likewise, ignoring */
}

static int find_ended(void *arg, const char *id) {
    tr_coordinator_t *self = arg;
    return tr_store_state(self->store, id);
}

static double how_alike(void *arg, const char *wanted, const char *offered) {
    const tr_coordinator_t *self = arg;
    return tr_alike_names(self->alike, wanted, offered);
}

/* ---- starting ---- */

static int take_schedule(void *arg, const tr_store_schedule_t *schedule) {
    return tr_schedules_take(arg, schedule);
}

static int take_restored(void *arg, tr_task_t *task) {
    tr_coordinator_t *self = arg;
    return tr_board_restore(self->board, task);
}

/* All that a file has is this coordinator's. */
static int restore(tr_coordinator_t *self, tr_error_t *error) {
    int rc = tr_store_restore(self->store, take_restored, self, error);
    if (rc == 0 &&
        (rc = tr_board_resume(self->board, "the coordinator was started again", tr_clock_wall_ms())) < 0)
        tr_error_set(error, rc, "out of memory");
    if (rc == 0 && (rc = tr_store_schedules(self->store, take_schedule, self)) < 0)
        tr_error_set(error, rc, "the schedules cannot be read: %s", strerror(-rc));
    if (rc == 0 && self->changed) {
        self->changed = false;
        rc = tr_store_commit(self->store, error);
    }
    if (rc == 0)
        rc = tr_approval_desk_open(self, error);
    return rc == 0 ? tr_council_restore(self, error) : rc;
}

static tr_store_place_t place_of(const tr_coordinator_options_t *o) {
    return (tr_store_place_t){.directory = o->store ? NULL : o->resident.data,
        .conninfo_file = o->conninfo,
        .space = o->schema,
        .hang_ms = o->lease_ms};
}

int tr_coordinator_migrate(const tr_coordinator_options_t *options) {
    tr_error_t error = {0};
    tr_store_t *store = NULL;
    tr_store_place_t place = place_of(options);
    int rc = tr_store_open(&place, &store, &error);
    tr_store_close(&store);
    if (rc == 0) {
        printf("the tables in the schema %s are up to date\n", place.space);
        return fflush(stdout) == 0 ? TR_RESIDENT_OK : TR_RESIDENT_REFUSED;
    }
    fprintf(stderr, "troupe-coordinator: --migrate: %s\n", error.text);
    return rc == -ENOTCONN ? TR_RESIDENT_UNREACHABLE : TR_RESIDENT_REFUSED;
}

static int open_readers(tr_coordinator_t *self, tr_error_t *error) {
    tr_store_place_t place = place_of(self->options);
    bool any = tr_store_shared(self->store) && self->options->readers;
    return any ? tr_readers_new(self, &place, (size_t)self->options->readers, &self->readers, error) : 0;
}

static int open_tasks(tr_coordinator_t *self, tr_error_t *error) {
    tr_board_hooks_t hooks = {.arg = self,
        .changed = on_changed,
        .assign = on_assign,
        .call = on_call,
        .withdraw = on_withdraw,
        .status = on_status,
        .find = find_ended,
        .alike = self->options->match ? how_alike : NULL};
    const tr_coordinator_options_t *o = self->options;
    int rc = o->match ? tr_alike_new(&self->alike, error) : 0;
    if (rc < 0)
        return rc;
    tr_store_place_t place = place_of(o);
    rc = tr_store_open(&place, &self->store, error);
    if (rc < 0)
        return rc;
    self->board = tr_board_new(&hooks, (uint64_t)tr_clock_ns());
    if (!self->board)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < o->rates.count; i++)
        if ((rc = tr_rates_add(tr_board_rates(self->board), o->rates.items[i], error)) < 0)
            return rc;
    return tr_store_shared(self->store) ? 0 : restore(self, error);
}

static void on_look(tr_agent_t *agent, void *state, void *arg) {
    (void)state;
    tr_directory_look(arg);
    tr_timer_start(agent, LOOK_MS, on_look, arg); /* events tell as well, ignoring */
}

/* Where a thing goes wrong, what is behind it is not tried. */
static int join(tr_coordinator_t *self, tr_error_t *error) {
    static const char *const services[] = {"tasks", "decisions", NULL}, *const topics[] = {
                                                                            "$sys.df.*", "$sys.agent.*"};
    int rc = tr_resident_join(&self->resident, &tr_coordinator_behaviour, self, services, error);
    self->agent = self->resident.agent;
    for (size_t i = 0; i < 2 && rc == 0; i++)
        if ((rc = tr_subscribe(self->agent, topics[i])) < 0)
            tr_error_set(error, rc, "cannot subscribe to %s: %s", topics[i], strerror(-rc));
    if (rc == 0)
        rc = tr_autoscale_begin(self, error);
    if (rc == 0) {
        on_look(self->agent, NULL, self);
        tr_approval_desk_begin(self);
    }
    return rc;
}

static void tell_ready(void *arg) {
    tr_coordinator_t *self = arg;
    tr_log(&self->resident.log, &tr_coordinator_events[TR_C_READY], "agent=%s platform=%s tasks=%zu",
        self->options->resident.name, tr_host_platform(self->host),
        tr_board_count(self->board, TR_TASK_PENDING) + tr_board_count(self->board, TR_TASK_WAITING_APPROVAL));
    tr_resident_ready(&self->resident);
}

int tr_coordinator_new(tr_coordinator_options_t *options, tr_coordinator_t **ret_self) {
    tr_coordinator_t *self = calloc(1, sizeof *self);
    tr_error_t error = {0};
    if (!self)
        return TR_RESIDENT_REFUSED;
    *ret_self = self;
    self->options = options;
    self->due_ms = TR_BOARD_NEVER;
    tr_meter_init(&self->meter);
    tr_map_init(&self->errands, (uint64_t)tr_clock_ns());
    tr_map_init(&self->decisions, (uint64_t)tr_clock_ns());
    tr_map_init(&self->schedules, (uint64_t)tr_clock_ns());
    int rc = tr_resident_start(&self->resident, &kind, &options->resident, &error);
    if (rc == 0)
        rc = open_tasks(self, &error);
    if (rc == 0)
        rc = tr_resident_connect(&self->resident, &error);
    self->host = self->resident.host;
    if (rc == 0)
        rc = open_readers(self, &error);
    if (rc == 0)
        rc = join(self, &error);
    if (rc == 0 && tr_store_shared(self->store))
        rc = tr_share_join(self, &error);
    if (rc < 0)
        return tr_resident_failed(&self->resident, rc, &error);
    self->known_sessions = self->resident.sessions;
    tr_council_resume(self);
    self->owes = true; /* perhaps */
    tr_resident_when_known(&self->resident, tell_ready, self);
    return 0;
}

/* ---- running ---- */

static int64_t patience(const tr_coordinator_t *self) {
    int64_t left = self->due_ms == TR_BOARD_NEVER ? LOOK_MS : self->due_ms - tr_clock_wall_ms();
    int64_t share = tr_store_shared(self->store) ? self->share_ms - tr_clock_ms() : LOOK_MS;
    int64_t again = tr_put_off_when(self);
    int64_t keep = self->options->keep_ms ? self->keep_ms - tr_clock_ms() : LOOK_MS;
    left = share < left ? share : left;
    left = keep < left ? keep : left;
    if (again != INT64_MAX && again - tr_clock_ms() < left)
        left = again - tr_clock_ms();
    return left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : left;
}

int tr_coordinator_run(tr_coordinator_t *self) {
    while (!tr_host_stopping(self->host)) {
        tr_host_step(self->host, patience(self));
        if (self->known_sessions != self->resident.sessions) {
            self->known_sessions = self->resident.sessions;
            tr_work_lost(self, "the broker was started again");
            tr_council_resume(self);
            tr_directory_look(self);
        }
        tr_share_turn(self);
        tr_put_off_turn(self);
        tr_outbox_turn(self);
        tr_keep_turn(self);
        if (self->options->steal)
            tr_board_spread(self->board, tr_clock_wall_ms());
        tr_effects_settle(self);
        if (!self->lost)
            tr_readers_go(self->readers);
        tr_meter_board(&self->meter, self->board);
    }
    if (self->resident.code == TR_RESIDENT_OK && tr_store_shared(self->store))
        tr_store_leave(self->store);
    return self->resident.code;
}

void tr_coordinator_destroy(tr_coordinator_t **self_p) {
    tr_coordinator_t *self = *self_p;
    if (!self)
        return;
    tr_approval_desk_finish(self);
    tr_readers_stop(self->readers);
    tr_put_off_finish(self);
    tr_effects_finish(self); /* what was not told is of messages that the host has */
    tr_resident_leave(&self->resident);
    tr_effects_finish(self); /* and what came of leaving is told to nobody */
    tr_work_finish(self);
    tr_autoscale_finish(self);
    tr_council_finish(self);
    tr_schedules_finish(self);
    tr_board_destroy(&self->board);
    tr_alike_destroy(&self->alike);
    tr_readers_destroy(&self->readers);
    tr_store_close(&self->store);
    tr_resident_finish(&self->resident);
    free(self);
    *self_p = NULL;
}
