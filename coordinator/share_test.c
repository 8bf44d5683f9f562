/* What is told and kept when the database fails, or what the dead had cannot be taken. The database and the broker are played. */
#include "coordinator/council/council.h"
#include "coordinator/schedules.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The database. */
struct tr_store {
    int failed, keep, commits, kept;
    int taking;         /* what taking a schedule says */
    int taken, loading; /* what taking a task and loading it say */
};

typedef struct stage {
    tr_store_t store;
    tr_coordinator_options_t options;
    tr_coordinator_t coordinator;
    int called;
} stage_t;

void tr_store_begin(tr_store_t *self) {
    self->failed = 0;
}

void tr_store_fail(tr_store_t *self, int rc) {
    if (!self->failed)
        self->failed = rc;
}

int tr_store_commit(tr_store_t *self, tr_error_t *error) {
    self->commits++;
    return self->failed ? tr_error_set(error, self->failed, "it has failed") : 0;
}

void tr_span_carry_out(tr_coordinator_t *self, struct tr_noted_span **span) {
    (void)self, (void)span;
}

void tr_span_drop(struct tr_noted_span **span) {
    (void)span;
}

bool tr_store_shared(const tr_store_t *self) {
    return self != NULL;
}

int tr_store_keep(tr_store_t *self, int64_t lease_ms) {
    (void)lease_ms;
    self->kept++;
    return self->keep;
}

int tr_store_claim(tr_store_t *self, size_t most, tr_store_each_fn each, void *arg, tr_error_t *error) {
    (void)self, (void)most, (void)each, (void)arg, (void)error;
    return 0;
}

int tr_store_claim_decisions(tr_store_t *self, size_t most, tr_store_id_fn each, void *arg) {
    (void)self, (void)most;
    return each(arg, "d1");
}

int tr_store_claim_schedules(tr_store_t *self, size_t most, tr_store_schedule_fn each, void *arg) {
    (void)self, (void)most;
    return each(arg, &(tr_store_schedule_t){.name = "s1"});
}

void tr_store_pay(tr_store_t *self, const char *task, int64_t at_ms) {
    (void)self, (void)task, (void)at_ms;
}

int tr_outbox_repeat(tr_coordinator_t *self, bool of_the_dead) {
    (void)self;
    assert_true(of_the_dead);
    return 0;
}

int tr_store_sharers(tr_store_t *self) {
    (void)self;
    return 2;
}

int tr_store_elsewhere(tr_store_t *self, tr_store_elsewhere_fn each, void *arg) {
    (void)self, (void)each, (void)arg;
    return 0;
}

/* Those that no test comes to. */
int tr_store_join(tr_store_t *self, const char *name, tr_error_t *error) {
    (void)self, (void)name, (void)error;
    return -ENOSYS;
}

int tr_store_load(tr_store_t *self, const char *id, tr_task_t **ret_task) {
    if (self->loading == 0)
        *ret_task = tr_task_new(&(tr_task_wish_t){.id = id, .tries_max = 1});
    return self->loading;
}

int tr_store_take(tr_store_t *self, tr_store_thing_t thing, const char *id) {
    (void)thing, (void)id;
    return self->taken;
}

int tr_store_holder(tr_store_t *self, tr_store_thing_t thing, const char *id, char *name) {
    (void)self, (void)thing, (void)id, (void)name;
    return -ENOENT;
}

/* What is decided and what is due. */
int tr_council_take(tr_coordinator_t *self, const char *id) {
    (void)self, (void)id;
    return -EINVAL; /* it cannot be read */
}

tr_held_t *tr_council_find(const tr_coordinator_t *self, const char *id) {
    (void)self, (void)id;
    return NULL;
}

void tr_council_turn(tr_coordinator_t *self) {
    (void)self;
}

int tr_schedules_take(tr_coordinator_t *self, const tr_store_schedule_t *schedule) {
    (void)schedule;
    return self->store->taking;
}

tr_schedule_t *tr_schedules_find(const tr_coordinator_t *self, const char *name) {
    (void)self, (void)name;
    return NULL;
}

int64_t tr_schedules_turn(tr_coordinator_t *self, int64_t now_ms) {
    (void)self, (void)now_ms;
    return TR_BOARD_NEVER;
}

/* The broker. */
bool tr_host_connected(const tr_host_t *self) {
    (void)self;
    return true;
}

const char *tr_host_platform(const tr_host_t *self) {
    (void)self;
    return "p";
}

void tr_resident_stop(tr_resident_t *self, tr_resident_exit_t code) {
    self->code = code;
}

const tr_acl_t *tr_message_acl(const tr_message_t *self) {
    (void)self;
    return NULL;
}

const void *tr_message_content(const tr_message_t *self, size_t *ret_len) {
    (void)self;
    *ret_len = 0;
    return NULL;
}

tr_message_t *tr_message_keep(const tr_message_t *self) {
    (void)self;
    return NULL;
}

void tr_message_done(tr_message_t **self) {
    *self = NULL;
}

void tr_message_release(tr_message_t **self) {
    *self = NULL;
}

int tr_reply_content(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, tr_content_writer_t *content) {
    (void)self, (void)to, (void)act, (void)content;
    return -ENOSYS;
}

int tr_reply_reason(
    tr_agent_t *self, const tr_message_t *to, tr_performative_t act, const char *reason, const char *detail) {
    (void)self, (void)to, (void)act, (void)reason, (void)detail;
    return -ENOSYS;
}

int tr_publish_content(tr_agent_t *self, const char *topic, tr_content_writer_t *content) {
    (void)self, (void)topic, (void)content;
    return -ENOSYS;
}

int tr_delegate(tr_agent_t *self, const tr_message_t *under, const tr_acl_t *message) {
    (void)self, (void)under, (void)message;
    return -ENOSYS;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    tr_board_hooks_t hooks = {0};
    assert_non_null(s);
    s->coordinator.store = &s->store;
    s->coordinator.options = &s->options;
    s->coordinator.board = tr_board_new(&hooks, 1);
    s->coordinator.resident.log.level = TR_LOG_ERROR + 1;
    *state = s;
    return s->coordinator.board ? 0 : -1;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_effects_finish(&s->coordinator);
    tr_board_destroy(&s->coordinator.board);
    free(s);
    return 0;
}

static void on_call(tr_coordinator_t *self, const char *id, uint32_t number) {
    stage_t *s = (stage_t *)(void *)((char *)self - offsetof(stage_t, coordinator));
    assert_string_equal(id, "a");
    s->called += (int)number;
}

static void what_is_on_the_disk_is_done(void **state) {
    stage_t *s = *state;
    tr_effects_change(&s->coordinator);
    assert_true(tr_effect_call(&s->coordinator, on_call, "a", 1));
    tr_effects_settle(&s->coordinator);
    assert_int_equal(s->called, 1);
    assert_int_equal(s->store.commits, 1);
}

/* A second settling comes before the process ends: of what was rolled back it does nothing either. */
static void what_was_rolled_back_is_never_done(void **state) {
    stage_t *s = *state;
    tr_effects_change(&s->coordinator);
    assert_true(tr_effect_call(&s->coordinator, on_call, "a", 1));
    tr_store_fail(&s->store, -EIO);
    tr_effects_settle(&s->coordinator);
    assert_int_equal(s->coordinator.resident.code, TR_RESIDENT_DISK);
    tr_share_turn(&s->coordinator);
    assert_int_equal(s->store.kept, 0);
    tr_effects_settle(&s->coordinator);
    tr_effects_change(&s->coordinator);
    tr_effects_settle(&s->coordinator);
    assert_int_equal(s->called, 0);
    assert_int_equal(s->store.commits, 1);
}

/* The decision cannot be read either, and the schedule behind it is asked for all the same. */
static void what_cannot_be_read_holds_up_nothing(void **state) {
    stage_t *s = *state;
    s->store.taking = -EINVAL;
    tr_share_turn(&s->coordinator);
    tr_effects_settle(&s->coordinator);
    assert_int_equal(s->store.commits, 1);
    assert_int_equal(s->store.failed, 0);
    assert_false(s->coordinator.lost);
    assert_int_equal(tr_board_rates(s->coordinator.board)->sharers, 2);
}

static void without_memory_nothing_is_claimed(void **state) {
    stage_t *s = *state;
    s->store.taking = -ENOMEM;
    tr_share_turn(&s->coordinator);
    tr_effects_settle(&s->coordinator);
    assert_int_equal(s->store.failed, -ENOMEM);
    assert_true(s->coordinator.lost);
}

/* A task of the dead that is asked about is this one's; what cannot be taken here is not to be, or nobody would do it. */
static void what_is_asked_about_is_taken_or_left(void **state) {
    stage_t *s = *state;
    tr_coordinator_t *c = &s->coordinator;
    assert_int_equal(tr_share_forward(c, TR_STORE_TASK, "t1", NULL), TR_FORWARD_OURS);
    assert_non_null(tr_board_task(c->board, "t1"));
    s->store.loading = -EIO; /* the commit says it, and nothing is ours */
    assert_int_equal(tr_share_forward(c, TR_STORE_TASK, "t2", NULL), TR_FORWARD_OURS);
    tr_effects_settle(c);
    assert_int_equal(s->store.failed, 0);
    s->store.loading = -ENOMEM;
    tr_effects_change(c);
    assert_int_equal(tr_share_forward(c, TR_STORE_TASK, "t2", NULL), TR_FORWARD_OURS);
    assert_int_equal(s->store.failed, -ENOMEM);
    assert_null(tr_board_task(c->board, "t2"));
    tr_effects_settle(c);
    assert_true(c->lost);
}

static void what_somebody_takes_at_this_moment_is_nobodys(void **state) {
    stage_t *s = *state;
    s->store.taken = -EBUSY;
    assert_int_equal(tr_share_forward(&s->coordinator, TR_STORE_TASK, "t1", NULL), TR_FORWARD_NOBODYS);
    s->store.taken = -EIO;
    assert_int_equal(tr_share_forward(&s->coordinator, TR_STORE_TASK, "t1", NULL), TR_FORWARD_OURS);
    tr_effects_settle(&s->coordinator);
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(what_is_on_the_disk_is_done),
        A_TEST(what_was_rolled_back_is_never_done),
        A_TEST(what_cannot_be_read_holds_up_nothing),
        A_TEST(without_memory_nothing_is_claimed),
        A_TEST(what_is_asked_about_is_taken_or_left),
        A_TEST(what_somebody_takes_at_this_moment_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
