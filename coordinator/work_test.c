/* What agents are asked, when a task is withdrawn and tried again from its first try on. The broker is played. */
#include "coordinator/desk.h"
#include "coordinator/work.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ASKED_MAX 4

typedef struct stage {
    tr_coordinator_t coordinator;
    tr_initiator_t asked[ASKED_MAX]; /* by the conversation's number - 1 */
    size_t asked_count, cancelled;
} stage_t;

/* ---- the broker ---- */

static stage_t *stage_of(tr_coordinator_t *self) {
    return (stage_t *)(void *)((char *)self - offsetof(stage_t, coordinator));
}

int tr_conversation_start(tr_agent_t *self, const tr_initiator_t *initiator,
    tr_conversation_t **ret_conversation, tr_error_t *error) {
    tr_errand_t *errand = initiator->arg;
    stage_t *s = stage_of(errand->coordinator);
    (void)self, (void)error;
    assert_true(s->asked_count < ASKED_MAX);
    s->asked[s->asked_count++] = *initiator;
    *ret_conversation = (tr_conversation_t *)s;
    return 0;
}

int tr_conversation_cancel(tr_conversation_t *self) {
    ((stage_t *)(void *)self)->cancelled++;
    return 0;
}

void tr_call_cancel(tr_call_t *self) {
    (void)self;
}

void tr_bids_accept(tr_errand_t *errand, const tr_task_t *task) {
    (void)errand, (void)task;
}

const tr_acl_t *tr_message_acl(const tr_message_t *self) {
    (void)self;
    return NULL;
}

const void *tr_message_content(const tr_message_t *self, size_t *ret_len) {
    (void)self;
    *ret_len = 1;
    return "r";
}

tr_message_type_t tr_message_type(const tr_message_t *self) {
    (void)self;
    return TR_MESSAGE_DIRECT;
}

tr_reason_t tr_message_reason(const tr_message_t *self) {
    (void)self;
    return (tr_reason_t)0;
}

tr_value_t tr_message_value(const tr_message_t *self) {
    (void)self;
    return NULL;
}

bool tr_desk_is_deep(tr_value_t v) {
    (void)v;
    return false;
}

bool tr_message_is_status(const tr_message_t *self) {
    (void)self;
    return false;
}

tr_budget_t tr_message_budget(const tr_message_t *self) {
    (void)self;
    return (tr_budget_t){0};
}

int tr_order_write(tr_coordinator_t *self, const tr_task_t *task, tr_content_writer_t *w, const void **ret,
    size_t *ret_len) {
    (void)self, (void)task, (void)w, (void)ret, (void)ret_len;
    return 0;
}

const char *tr_order_wrong(const tr_task_t *task, tr_value_t answer) {
    (void)task, (void)answer;
    return NULL;
}

void tr_order_parameters(const tr_task_t *task, tr_order_parameters_t *ret) {
    (void)task;
    *ret = (tr_order_parameters_t){0};
}

/* No task here is traced. */
const char *tr_span_context(const char *trace, const char *id, uint32_t part, char out[TR_TRACEPARENT_SIZE]) {
    (void)id, (void)part, (void)out;
    assert_null(trace);
    return NULL;
}

int64_t tr_order_timeout(const tr_task_t *task) {
    return task->timeout_ms;
}

const char *tr_outcome_name(tr_outcome_t outcome) {
    (void)outcome;
    return "over";
}

/* ---- the board ---- */

static void on_changed(void *arg, const tr_task_t *task, bool added) {
    (void)arg, (void)task, (void)added;
}

static void on_task(void *arg, const tr_task_t *task) {
    (void)arg, (void)task;
}

static int on_find(void *arg, const char *id) {
    (void)arg, (void)id;
    return -ENOENT;
}

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    tr_board_hooks_t hooks = {
        .arg = s, .changed = on_changed, .assign = on_task, .withdraw = on_task, .find = on_find};
    tr_task_wish_t wish = {.id = "a", .tries_max = 1};
    assert_non_null(s);
    tr_map_init(&s->coordinator.errands, 1);
    s->coordinator.board = tr_board_new(&hooks, 1);
    assert_non_null(s->coordinator.board);
    assert_int_equal(tr_board_list_worker(s->coordinator.board, "w", NULL, 0, 1), 0);
    assert_int_equal(tr_board_add(s->coordinator.board, &wish, 1, 0, &(tr_error_t){0}), 0);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_work_finish(&s->coordinator);
    tr_board_destroy(&s->coordinator.board);
    free(s);
    return 0;
}

/* The board gives it away, and its agent is asked. */
static void give_away(stage_t *s) {
    tr_board_turn(s->coordinator.board, true, 1 << 20);
    assert_int_equal(tr_board_task(s->coordinator.board, "a")->tries, 1);
    tr_work_assign(&s->coordinator, "a", 1);
}

static void retry(stage_t *s) {
    tr_task_t *task = tr_task_new(&(tr_task_wish_t){.id = "a", .tries_max = 1});
    assert_non_null(task);
    task->state = TR_TASK_CANCELLED;
    assert_int_equal(tr_board_revive(s->coordinator.board, task, 0, &(tr_error_t){0}), 0);
    give_away(s);
}

static tr_task_state_t state_of(const stage_t *s) {
    const tr_task_t *task = tr_board_task(s->coordinator.board, "a");
    return task ? task->state : TR_TASK_STATES;
}

/* What an agent says in its conversation, from 0. */
static void says(stage_t *s, size_t asked, tr_act_fn act) {
    act(NULL, NULL, NULL, NULL, s->asked[asked].arg);
}

static void ends(stage_t *s, size_t asked) {
    s->asked[asked].on_end(NULL, NULL, NULL, TR_OUTCOME_CANCELLED, NULL, s->asked[asked].arg);
}

static void cancel_and_retry(stage_t *s) {
    give_away(s);
    assert_int_equal(tr_board_cancel(s->coordinator.board, "a", "no", 0), 0);
    tr_work_withdraw(&s->coordinator, "a", 1);
    assert_int_equal(s->cancelled, 1);
    retry(s);
    assert_int_equal(s->asked_count, 2);
}

static void what_was_withdrawn_says_nothing_of_the_next_run(void **state) {
    stage_t *s = *state;
    cancel_and_retry(s);
    says(s, 0, s->asked[0].on_agree);
    assert_int_equal(state_of(s), TR_TASK_ASSIGNED);
    says(s, 0, s->asked[0].on_result);
    assert_int_equal(state_of(s), TR_TASK_ASSIGNED);
    ends(s, 0);
    assert_int_equal(state_of(s), TR_TASK_ASSIGNED);
    says(s, 1, s->asked[1].on_agree);
    assert_int_equal(state_of(s), TR_TASK_IN_PROGRESS);
    says(s, 1, s->asked[1].on_result);
    assert_int_equal(state_of(s), TR_TASK_STATES); /* completed, and off the board */
    ends(s, 1);
}

/* The old run's end leaves the new one's errand: it can be withdrawn as well. */
static void each_ends_for_itself(void **state) {
    stage_t *s = *state;
    cancel_and_retry(s);
    ends(s, 0);
    assert_non_null(tr_errand_find(&s->coordinator, "a", 1));
    assert_int_equal(tr_board_cancel(s->coordinator.board, "a", "no", 0), 0);
    tr_work_withdraw(&s->coordinator, "a", 1);
    assert_int_equal(s->cancelled, 2);
    assert_null(tr_errand_find(&s->coordinator, "a", 1));
}

static void what_was_lost_says_nothing_of_the_next_run(void **state) {
    stage_t *s = *state;
    give_away(s);
    tr_work_lost(&s->coordinator, "the broker was started again");
    assert_int_equal(state_of(s), TR_TASK_PENDING); /* though it was the last try */
    tr_board_turn(s->coordinator.board, true, INT64_MAX / 2);
    assert_int_equal(tr_board_task(s->coordinator.board, "a")->tries, 2);
    tr_work_assign(&s->coordinator, "a", 2);
    assert_int_equal(s->asked_count, 2);
    says(s, 0, s->asked[0].on_result);
    ends(s, 0);
    assert_int_equal(state_of(s), TR_TASK_ASSIGNED);
}

/* Somebody was called for it, and it was cancelled before anybody had it, which withdraws nothing. */
static void a_call_of_an_earlier_run_is_no_errand_of_this_one(void **state) {
    stage_t *s = *state;
    tr_errand_t *call = tr_errand_new(&s->coordinator, "a", 1);
    assert_non_null(call);
    give_away(s);
    assert_int_equal(s->asked_count, 1);
    assert_true(call->stale);
    tr_errand_free(call);
    assert_non_null(tr_errand_find(&s->coordinator, "a", 1));
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(what_was_withdrawn_says_nothing_of_the_next_run),
        A_TEST(each_ends_for_itself),
        A_TEST(what_was_lost_says_nothing_of_the_next_run),
        A_TEST(a_call_of_an_earlier_run_is_no_errand_of_this_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
