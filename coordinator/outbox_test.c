/* Ends that are owed to a topic, when they cannot be told now, or never. The database and the broker are played. */
#include "coordinator/council/council.h"
#include "coordinator/desk.h"
#include "coordinator/schedules.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The database: one task that has ended, whose end is owed to somebody or not. */
struct tr_store {
    bool owed;      /* by this coordinator */
    bool dead_owed; /* by one that died */
    size_t result_len;
};

typedef struct stage {
    tr_store_t store;
    tr_coordinator_options_t options;
    tr_coordinator_t coordinator;
    int says; /* what publishing says of a content with a result */
    int told, told_less;
} stage_t;

static stage_t *playing; /* the hooks of the broker are given no more than an agent */

/* ---- the database ---- */

void tr_store_begin(tr_store_t *self) {
    (void)self;
}

int tr_store_commit(tr_store_t *self, tr_error_t *error) {
    (void)self, (void)error;
    return 0;
}

void tr_store_owe(tr_store_t *self, const char *task, int64_t at_ms) {
    assert_string_equal(task, "t1");
    assert_int_equal(at_ms, 7);
    self->owed = true;
}

void tr_store_pay(tr_store_t *self, const char *task, int64_t at_ms) {
    assert_string_equal(task, "t1");
    assert_int_equal(at_ms, 7);
    self->owed = self->dead_owed = false;
}

int tr_store_owed(tr_store_t *self, bool of_the_dead, size_t most, tr_store_owed_fn each, void *arg) {
    assert_true(most >= 1);
    if (!(of_the_dead ? self->dead_owed : self->owed))
        return 0;
    each(arg, "t1", 7);
    return 1;
}

int tr_store_load(tr_store_t *self, const char *id, tr_task_t **ret_task) {
    tr_task_t *task = tr_task_new(&(tr_task_wish_t){.id = id, .callback = "result.mine"});
    assert_non_null(task);
    task->state = TR_TASK_COMPLETED;
    task->changed_ms = 7;
    task->result = calloc(1, self->result_len + 1);
    task->result_len = self->result_len;
    *ret_task = task;
    return 0;
}

/* ---- the broker ---- */

void tr_desk_write_content(tr_content_writer_t *w, const char *key, const void *bytes, size_t len) {
    (void)bytes;
    tr_write_kv_uint(w, key, len);
}

void tr_write_task(tr_content_writer_t *w, const tr_task_t *task, size_t more) {
    tr_write_map(w, 1 + more);
    tr_write_kv(w, "task", task->id);
}

int tr_publish_content(tr_agent_t *self, const char *topic, tr_content_writer_t *content) {
    tr_content_t told;
    size_t len;
    const void *bytes;
    (void)self;
    assert_string_equal(topic, "result.mine");
    assert_int_equal(tr_content_writer_take(content, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&told, bytes, len), 0);
    assert_true(tr_value_equals(tr_value_get(&told.root, "task"), "t1"));
    bool less = tr_value_equals(tr_value_at(tr_value_get(&told.root, "left-out"), 0), "result");
    tr_content_finish(&told);
    tr_content_writer_finish(content);
    int rc = less ? 0 : playing->says;
    playing->told += rc == 0 && !less;
    playing->told_less += rc == 0 && less;
    return rc;
}

bool tr_host_connected(const tr_host_t *self) {
    (void)self;
    return true;
}

/* ---- what is not played here ---- */

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

tr_message_t *tr_message_keep(const tr_message_t *self) {
    (void)self;
    return NULL;
}

void tr_message_done(tr_message_t **self) {
    (void)self;
}

void tr_message_release(tr_message_t **self) {
    (void)self;
}

void tr_span_carry_out(tr_coordinator_t *self, struct tr_noted_span **span) {
    (void)self, (void)span;
}

void tr_span_drop(struct tr_noted_span **span) {
    (void)span;
}

void tr_council_turn(tr_coordinator_t *self) {
    (void)self;
}

int64_t tr_schedules_turn(tr_coordinator_t *self, int64_t now_ms) {
    (void)self, (void)now_ms;
    return TR_BOARD_NEVER;
}

void tr_resident_stop(tr_resident_t *self, tr_resident_exit_t code) {
    (void)self, (void)code;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    tr_board_hooks_t hooks = {0};
    s->store.result_len = 3;
    s->coordinator.options = &s->options;
    s->coordinator.store = &s->store;
    s->coordinator.board = tr_board_new(&hooks, 1);
    playing = s;
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

static void ends(stage_t *s) {
    tr_task_t *task = NULL;
    assert_int_equal(tr_store_load(&s->store, "t1", &task), 0);
    tr_effects_change(&s->coordinator);
    tr_outbox_tell(&s->coordinator, task);
    tr_effects_settle(&s->coordinator);
    tr_task_destroy(&task);
}

static void later(stage_t *s) {
    s->coordinator.outbox_ms = 0;
    tr_outbox_turn(&s->coordinator);
    tr_effects_settle(&s->coordinator);
}

static void what_is_told_is_not_owed(void **state) {
    stage_t *s = *state;
    ends(s);
    assert_int_equal(s->told, 1);
    assert_false(s->store.owed);
    assert_false(s->coordinator.owes);
    later(s);
    assert_int_equal(s->told, 1);
}

static void what_cannot_be_told_now_is_told_later(void **state) {
    stage_t *s = *state;
    s->says = -EAGAIN;
    ends(s);
    later(s);
    assert_true(s->store.owed);
    s->says = 0;
    later(s);
    assert_int_equal(s->told, 1);
    assert_false(s->store.owed);
    assert_false(s->coordinator.owes);
}

/* To look at what the dead owed, which is nothing, does not make forget what this one owes. */
static void what_the_dead_owed_is_another_thing(void **state) {
    stage_t *s = *state;
    s->says = -EAGAIN;
    ends(s);
    assert_int_equal(tr_outbox_repeat(&s->coordinator, true), 0);
    assert_true(s->coordinator.owes);
    s->says = 0;
    later(s);
    assert_int_equal(s->told, 1);
    s->store.dead_owed = true;
    assert_int_equal(tr_outbox_repeat(&s->coordinator, true), 0);
    tr_effects_settle(&s->coordinator);
    assert_int_equal(s->told, 2);
    assert_false(s->store.dead_owed);
}

/* Else it would be owed for ever, and what is owed behind it as well. */
static void what_no_message_holds_is_told_without_its_result(void **state) {
    stage_t *s = *state;
    s->says = -EMSGSIZE; /* this broker takes less than others */
    ends(s);
    assert_int_equal(s->told_less, 1);
    assert_false(s->store.owed);
    s->says = 0;
    s->store.result_len = TR_ANSWER_MAX + 1;
    ends(s);
    assert_int_equal(s->told_less, 2);
    assert_int_equal(s->told, 0);
    assert_false(s->store.owed);
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(what_is_told_is_not_owed),
        A_TEST(what_cannot_be_told_now_is_told_later),
        A_TEST(what_the_dead_owed_is_another_thing),
        A_TEST(what_no_message_holds_is_told_without_its_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
