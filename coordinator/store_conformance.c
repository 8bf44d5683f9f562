#include "coordinator/store_conformance.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct place {
    const tr_store_conformance_t *of;
    tr_store_t *store;
    tr_error_t error;
    char seen[400]; /* what was listed, in short */
    int changes;    /* how often something was about to be forgotten */
} place_t;

static void open_again(place_t *p) {
    tr_store_close(&p->store);
    if (tr_store_open(&p->of->place, &p->store, &p->error) < 0 ||
        (tr_store_shared(p->store) && tr_store_join(p->store, "c@p", &p->error) < 0))
        fail_msg("%s", p->error.text);
}

static int setup(void **state) {
    place_t *p = calloc(1, sizeof *p);
    p->of = *state;
    p->of->clean(p->of->arg);
    open_again(p);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_t *p = *state;
    tr_store_close(&p->store);
    free(p);
    return 0;
}

static tr_task_t *new_task(const char *id, const char *key) {
    static const char *const skills[] = {"read", "count", "read"}, *const needs[] = {"x", "y"};
    tr_task_wish_t wish = {.id = id,
        .key = key,
        .description = "what it is",
        .skills = skills,
        .skill_count = 3,
        .needs = needs,
        .need_count = 2,
        .input = "\x81\xa1"
                 "a\x01",
        .input_len = 4,
        .priority = 7,
        .tries_max = 5,
        .created_ms = 100,
        .due_ms = 200,
        .deadline_ms = 300,
        .timeout_ms = 400,
        .callback = "result.mine",
        .trace = "00-1-2-01",
        .composes = true,
        .budget = {{1000, 2000, 3000}}};
    tr_task_t *task = tr_task_new(&wish);
    assert_non_null(task);
    return task;
}

static void add(place_t *p, const char *id, tr_task_state_t as) {
    tr_task_t *task = new_task(id, NULL);
    task->state = as;
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    tr_task_destroy(&task);
}

static void a_task_comes_back_as_it_was(void **state) {
    place_t *p = *state;
    tr_task_t *task = new_task("a", "k");
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    task->state = TR_TASK_COMPLETED;
    task->tries = 2;
    task->token = 1ull << 40;
    task->tries_max = 6;
    task->approval = true;
    task->changed_ms = 150;
    snprintf(task->agent, sizeof task->agent, "w@p");
    assert_true(tr_task_set_reason(task, "because"));
    assert_true(tr_task_set_result(task, "r\0t", 3));
    task->spent = (tr_purse_t){{7, 8, 9}};
    assert_true(tr_task_set_status(task, "half", 4));
    tr_store_update(p->store, task);
    assert_true(tr_task_set_status(task, "most", 4));
    tr_store_say_status(p->store, task, "nearly there");
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    tr_task_destroy(&task);
    open_again(p);
    assert_int_equal(tr_store_load(p->store, "a", &task), 0);
    assert_true(task->composes);
    assert_string_equal(task->callback, "result.mine");
    assert_string_equal(task->trace, "00-1-2-01");
    for (int i = 0; i < TR_PURSE_KINDS; i++) {
        assert_int_equal(task->budget.of[i], 1000 * (i + 1));
        assert_int_equal(task->spent.of[i], 7 + i);
    }
    assert_int_equal(task->status_len, 4);
    assert_memory_equal(task->status, "most", 4);
    assert_string_equal(task->key, "k");
    assert_string_equal(task->description, "what it is");
    assert_int_equal(task->skill_count, 2);
    assert_string_equal(task->skills[0], "count");
    assert_string_equal(task->needs[1], "y");
    assert_memory_equal(task->input,
        "\x81\xa1"
        "a\x01",
        4);
    assert_null(task->language);
    assert_int_equal(task->priority, 7);
    assert_int_equal(task->tries_max, 6);
    assert_true(task->approval);
    assert_int_equal(task->created_ms + task->due_ms + task->deadline_ms + task->timeout_ms, 1000);
    assert_int_equal(task->state, TR_TASK_COMPLETED);
    assert_int_equal(task->tries, 2);
    assert_true(task->token == 1ull << 40);
    assert_string_equal(task->agent, "w@p");
    assert_string_equal(task->reason, "because");
    assert_int_equal(task->result_len, 3);
    assert_memory_equal(task->result, "r\0t", 3);
    tr_task_destroy(&task);
}

static int note_owed(void *arg, const char *task, int64_t at_ms) {
    char *all = arg;
    snprintf(all + strlen(all), 64, "%s %lld, ", task, (long long)at_ms);
    return 0;
}

static void what_is_owed_is_owed_until_it_is_paid(void **state) {
    place_t *p = *state;
    char all[256] = "";
    tr_store_begin(p->store);
    tr_store_owe(p->store, "a", 1);
    tr_store_owe(p->store, "b", 2);
    tr_store_owe(p->store, "a", 3); /* it was tried again */
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    if (!tr_store_shared(p->store)) /* there it would be another one's */
        open_again(p);
    assert_int_equal(tr_store_owed(p->store, false, 2, note_owed, all), 2);
    assert_string_equal(all, "a 1, b 2, ");
    tr_store_begin(p->store);
    tr_store_pay(p->store, "a", 1);
    tr_store_pay(p->store, "b", 7); /* not this end of it */
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    all[0] = '\0';
    assert_int_equal(tr_store_owed(p->store, false, 9, note_owed, all), 2);
    assert_string_equal(all, "b 2, a 3, ");
}

static int no_event(void *arg, const tr_motion_event_t *event) {
    (void)arg, (void)event;
    return 0;
}

static void no_change(void *arg) {
    (void)arg;
}

static void count_change(void *arg) {
    place_t *p = arg;
    tr_store_begin(p->store);
    p->changes++;
}

static void add_ended(
    place_t *p, const char *id, const char *need, tr_task_state_t state, int64_t changed_ms) {
    tr_task_wish_t wish = {
        .id = id, .tries_max = 1, .created_ms = 1, .needs = &need, .need_count = need ? 1 : 0};
    tr_task_t *task = tr_task_new(&wish);
    assert_non_null(task);
    task->state = state;
    task->changed_ms = changed_ms;
    tr_store_add(p->store, task);
    tr_task_destroy(&task);
}

static void what_ended_long_ago_goes(void **state) {
    place_t *p = *state;
    tr_store_age_t age = {0};
    uint64_t counts[TR_TASK_STATES] = {0};
    tr_task_t *task = NULL;
    tr_store_begin(p->store);
    add_ended(p, "old", NULL, TR_TASK_COMPLETED, 10);
    add_ended(p, "needed", NULL, TR_TASK_COMPLETED, 10);
    add_ended(p, "owed", NULL, TR_TASK_FAILED, 10);
    add_ended(p, "young", NULL, TR_TASK_CANCELLED, 30);
    add_ended(p, "open", "needed", TR_TASK_PENDING, 10);
    tr_store_owe(p->store, "owed", 10);
    tr_store_add_decision(p->store, "d1", NULL, TR_MOTION_DECIDED, "one", 3);
    tr_store_add_decision(p->store, "d2", NULL, TR_MOTION_VOTING, "two", 3);
    tr_store_add_decision(p->store, "d3", NULL, TR_MOTION_DECIDED, "three", 5);
    tr_store_add_event(p->store, "d1", &(tr_motion_event_t){TR_MOTION_OPENED, 5, NULL, NULL});
    tr_store_add_event(p->store, "d2", &(tr_motion_event_t){TR_MOTION_OPENED, 5, NULL, NULL});
    tr_store_add_event(p->store, "d3", &(tr_motion_event_t){TR_MOTION_OPENED, 5, NULL, NULL});
    tr_store_add_event(
        p->store, "d3", &(tr_motion_event_t){TR_MOTION_TRUTH, 30, NULL, NULL}); /* known since */
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    assert_int_equal(tr_store_forget(p->store, &age, 5, count_change, p), 0);
    assert_int_equal(p->changes, 0);
    assert_true(age.whole);
    assert_true(tr_store_forget(p->store, &age, 20, count_change, p) > 0);
    assert_int_equal(p->changes, 1);
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    assert_int_equal(tr_store_load(p->store, "old", &task), -ENOENT);
    assert_int_equal(tr_store_count(p->store, counts), 0);
    assert_int_equal(counts[TR_TASK_COMPLETED] + counts[TR_TASK_FAILED] + counts[TR_TASK_CANCELLED], 3);
    assert_int_equal(counts[TR_TASK_PENDING], 1);
    assert_int_equal(tr_store_load(p->store, "needed", &task), 0);
    tr_task_destroy(&task);
    assert_int_equal(tr_store_replay(p->store, "d1", no_event, NULL), -ENOENT);
    assert_int_equal(tr_store_replay(p->store, "d2", no_event, NULL), 0);
    assert_int_equal(tr_store_replay(p->store, "d3", no_event, NULL), 0);
}

/* More than a window. */
static void a_look_goes_on_where_it_stopped(void **state) {
    place_t *p = *state;
    tr_store_age_t age = {0};
    uint64_t counts[TR_TASK_STATES] = {0};
    char id[16];
    int looks = 0;
    tr_store_begin(p->store);
    for (int i = 0; i < 2500; i++) {
        snprintf(id, sizeof id, "t%d", i);
        add_ended(p, id, NULL, i % 2 ? TR_TASK_COMPLETED : TR_TASK_PENDING, 10);
    }
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    do {
        tr_store_begin(p->store);
        assert_true(tr_store_forget(p->store, &age, 20, no_change, NULL) >= 0);
        assert_int_equal(tr_store_commit(p->store, &p->error), 0);
        looks++;
    } while (!age.whole);
    assert_int_equal(looks, 3);
    assert_int_equal(tr_store_count(p->store, counts), 0);
    assert_int_equal(counts[TR_TASK_COMPLETED], 0);
    assert_int_equal(counts[TR_TASK_PENDING], 1250);
}

static void what_is_not_committed_is_not_there(void **state) {
    place_t *p = *state;
    tr_task_t *task = new_task("a", NULL);
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    tr_task_destroy(&task);
    open_again(p);
    assert_int_equal(tr_store_load(p->store, "a", &task), -ENOENT);
    assert_int_equal(tr_store_state(p->store, "a"), -ENOENT);
}

static void a_failure_is_told_by_commit(void **state) {
    place_t *p = *state;
    tr_task_t *task = new_task("a", NULL);
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    tr_store_add(p->store, task); /* the id is taken */
    assert_int_equal(tr_store_commit(p->store, &p->error), -EIO);
    assert_non_null(strcasestr(p->error.text, "unique"));
    tr_task_destroy(&task);
}

static int on_each(void *arg, tr_task_t *task) {
    place_t *p = arg;
    strcat(strcat(p->seen, task->id), " ");
    tr_task_destroy(&task);
    return 0;
}

static bool on_listed(void *arg, const tr_task_t *task, int64_t number) {
    place_t *p = arg;
    sprintf(p->seen + strlen(p->seen), "%s/%d ", task->id, (int)number);
    return strcmp(task->id, "stop") != 0;
}

static void what_is_to_fail_is_not_there(void **state) {
    place_t *p = *state;
    tr_task_t *task = new_task("a", NULL);
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    tr_store_fail(p->store, -ENOMEM);
    tr_store_fail(p->store, -EIO); /* the first counts */
    assert_int_equal(tr_store_commit(p->store, &p->error), -ENOMEM);
    assert_int_equal(tr_store_state(p->store, "a"), -ENOENT);
    tr_task_destroy(&task);
    add(p, "a", TR_TASK_PENDING);
    assert_int_equal(tr_store_state(p->store, "a"), TR_TASK_PENDING);
}

static void check_list(place_t *p, int state, int64_t before, size_t most, const char *wanted) {
    *p->seen = '\0';
    assert_int_equal(tr_store_list(p->store, state, before, most, on_listed, p), 0);
    assert_string_equal(p->seen, wanted);
}

static void tasks_are_restored_listed_and_counted(void **state) {
    place_t *p = *state;
    uint64_t counts[TR_TASK_STATES];
    add(p, "a", TR_TASK_PENDING);
    add(p, "b", TR_TASK_COMPLETED);
    add(p, "c", TR_TASK_IN_PROGRESS);
    add(p, "d", TR_TASK_WAITING_APPROVAL);
    add(p, "e", TR_TASK_CANCELLED);
    assert_int_equal(tr_store_restore(p->store, on_each, p, &p->error), 0);
    assert_string_equal(p->seen, "a c d ");
    check_list(p, -1, 0, 3, "e/5 d/4 c/3 ");
    check_list(p, -1, 3, 9, "b/2 a/1 ");
    check_list(p, TR_TASK_COMPLETED, 0, 9, "b/2 ");
    add(p, "stop", TR_TASK_FAILED);
    check_list(p, -1, 0, 9, "stop/6 ");
    assert_int_equal(tr_store_count(p->store, counts), 0);
    for (int i = 0; i < TR_TASK_STATES; i++)
        assert_int_equal(counts[i], i == TR_TASK_ASSIGNED ? 0 : 1);
}

static void on_event(void *arg, const tr_store_event_t *event) {
    place_t *p = arg;
    sprintf(p->seen + strlen(p->seen), "%d:%s:%u:%s:%s ", (int)event->at_ms,
        tr_task_state_words[event->state], (unsigned)event->tries, event->agent ? event->agent : "-",
        event->reason ? event->reason : "-");
}

static void its_history_is_kept(void **state) {
    place_t *p = *state;
    tr_task_t *task = new_task("a", NULL);
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    task->state = TR_TASK_ASSIGNED;
    task->tries = 1;
    task->changed_ms = 110;
    strcpy(task->agent, "w@p");
    tr_store_update(p->store, task);
    task->state = TR_TASK_FAILED;
    tr_task_set_reason(task, "gone");
    tr_store_update(p->store, task);
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    tr_task_destroy(&task);
    task = NULL;
    assert_int_equal(tr_store_show(p->store, "b", &task, on_event, p), -ENOENT);
    assert_null(task);
    assert_int_equal(tr_store_show(p->store, "a", &task, on_event, p), 0);
    assert_string_equal(task->id, "a");
    assert_int_equal(task->state, TR_TASK_FAILED);
    assert_int_equal(task->input_len, 4);
    tr_task_destroy(&task);
    assert_string_equal(p->seen, "100:pending:0:-:- 110:assigned:1:w@p:- 110:failed:1:w@p:gone ");
}

static void a_key_finds_its_task(void **state) {
    place_t *p = *state;
    char id[TR_TASK_ID_MAX + 1];
    tr_task_t *task = new_task("a", "key 1");
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    tr_task_destroy(&task);
    assert_int_equal(tr_store_find_key(p->store, "key 1", id), 0);
    assert_string_equal(id, "a");
    assert_int_equal(tr_store_find_key(p->store, "key 2", id), -ENOENT);
}

static int on_replayed(void *arg, const tr_motion_event_t *event) {
    place_t *p = arg;
    sprintf(p->seen + strlen(p->seen), "%d:%s:%s:%d ", (int)event->at_ms, tr_motion_what_words[event->what],
        event->who ? event->who : "-", (int)tr_value_int(event->value, -1));
    return event->what == TR_MOTION_TRUTH ? -EINTR : 0;
}

static int on_id(void *arg, const char *id) {
    place_t *p = arg;
    sprintf(p->seen + strlen(p->seen), "%s ", id);
    return 0;
}

static void on_told(void *arg, const void *told, size_t len, int64_t number) {
    place_t *p = arg;
    sprintf(p->seen + strlen(p->seen), "%d:%.*s ", (int)number, (int)len, (const char *)told);
}

static void decisions_come_back(void **state) {
    place_t *p = *state;
    char id[TR_TASK_ID_MAX + 1];
    msgpack_object seven = {.type = MSGPACK_OBJECT_POSITIVE_INTEGER, .via.u64 = 7};
    tr_store_begin(p->store);
    tr_store_add_decision(p->store, "d1", "key", TR_MOTION_VOTING, "one", 3);
    tr_store_add_decision(p->store, "d2", NULL, TR_MOTION_VOTING, "two", 3);
    tr_store_add_event(p->store, "d1", &(tr_motion_event_t){TR_MOTION_OPENED, 10, NULL, &seven});
    tr_store_add_event(p->store, "d2", &(tr_motion_event_t){TR_MOTION_OPENED, 11, NULL, &seven});
    tr_store_add_event(p->store, "d1", &(tr_motion_event_t){TR_MOTION_COUNTED, 12, "ann", NULL});
    tr_store_update_decision(p->store, "d1", TR_MOTION_DECIDED, "ONE", 3);
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    open_again(p);
    assert_int_equal(tr_store_replay(p->store, "d1", on_replayed, p), 0);
    assert_string_equal(p->seen, "10:opened:-:7 12:counted:ann:-1 ");
    assert_int_equal(tr_store_replay(p->store, "d3", on_replayed, p), -ENOENT);
    *p->seen = '\0';
    assert_int_equal(tr_store_open_decisions(p->store, on_id, p), 0);
    assert_string_equal(p->seen, "d2 ");
    *p->seen = '\0';
    assert_int_equal(tr_store_list_decisions(p->store, -1, 0, 9, on_told, p), 0);
    assert_int_equal(tr_store_list_decisions(p->store, TR_MOTION_DECIDED, 0, 9, on_told, p), 0);
    assert_int_equal(tr_store_list_decisions(p->store, -1, 2, 9, on_told, p), 0);
    assert_string_equal(p->seen, "2:two 1:ONE 1:ONE 1:ONE ");
    assert_int_equal(tr_store_find_decision_key(p->store, "key", id), 0);
    assert_string_equal(id, "d1");
}

static void on_record(void *arg, const tr_store_record_t *record) {
    place_t *p = arg;
    sprintf(p->seen + strlen(p->seen), "%s:%d:%d:%d:%d ", record->voter, (int)record->right,
        (int)record->wrong, (int)record->rated, (int)record->off);
}

static void records_add_up(void **state) {
    place_t *p = *state;
    uint32_t right, wrong;
    tr_store_begin(p->store);
    tr_store_add_record(p->store, &(tr_store_record_t){"ann", 1, 0, 1, 40000});
    tr_store_add_record(p->store, &(tr_store_record_t){"ann", 1, 2, 2, 500000});
    tr_store_add_record(p->store, &(tr_store_record_t){"ann", 0, -1, -1, -40000});
    tr_store_add_record(p->store, &(tr_store_record_t){"cid", 0, 1, 0, 0});
    tr_store_add_record(p->store, &(tr_store_record_t){"dan", 1, 0, 0, 0});
    tr_store_add_record(p->store, &(tr_store_record_t){"dan", -1, 0, 0, 0});
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    assert_int_equal(tr_store_record(p->store, "ann", &right, &wrong), 0);
    assert_int_equal(right * 10 + wrong, 21);
    assert_int_equal(tr_store_record(p->store, "bob", &right, &wrong), 0);
    assert_int_equal(right * 10 + wrong, 0);
    assert_int_equal(tr_store_records(p->store, 0, 9, on_record, p), 0);
    assert_string_equal(p->seen, "ann:2:1:2:500000 cid:0:1:0:0 "); /* what was taken back is none */
    *p->seen = '\0';
    assert_int_equal(tr_store_records(p->store, 1, 1, on_record, p), 0);
    assert_string_equal(p->seen, "cid:0:1:0:0 ");
}

/* Within a transaction, too. */
static void what_is_written_is_read(void **state) {
    place_t *p = *state;
    tr_task_t *task = new_task("a", "key");
    char id[TR_TASK_ID_MAX + 1];
    tr_store_begin(p->store);
    tr_store_add(p->store, task);
    assert_int_equal(tr_store_state(p->store, "a"), TR_TASK_PENDING);
    task->state = TR_TASK_ASSIGNED;
    tr_task_set_reason(task, "no UTF-8: \xff\xfe, but \xc3\xa9");
    tr_store_update(p->store, task);
    assert_int_equal(tr_store_find_key(p->store, "key", id), 0);
    assert_int_equal(tr_store_state(p->store, "a"), TR_TASK_ASSIGNED);
    assert_int_equal(tr_store_commit(p->store, &p->error), 0);
    tr_task_destroy(&task);
    assert_int_equal(tr_store_load(p->store, "a", &task), 0);
    assert_non_null(strstr(task->reason, "but \xc3\xa9"));
    tr_task_destroy(&task);
}

int tr_store_conform(const tr_store_conformance_t *of) {
    void *initial = (void *)(uintptr_t)of;
    const struct CMUnitTest tests[] = {
        {"a_task_comes_back_as_it_was", a_task_comes_back_as_it_was, setup, teardown, initial},
        {"what_is_owed_is_owed_until_it_is_paid", what_is_owed_is_owed_until_it_is_paid, setup, teardown,
            initial},
        {"what_ended_long_ago_goes", what_ended_long_ago_goes, setup, teardown, initial},
        {"a_look_goes_on_where_it_stopped", a_look_goes_on_where_it_stopped, setup, teardown, initial},
        {"what_is_not_committed_is_not_there", what_is_not_committed_is_not_there, setup, teardown, initial},
        {"a_failure_is_told_by_commit", a_failure_is_told_by_commit, setup, teardown, initial},
        {"what_is_to_fail_is_not_there", what_is_to_fail_is_not_there, setup, teardown, initial},
        {"tasks_are_restored_listed_and_counted", tasks_are_restored_listed_and_counted, setup, teardown,
            initial},
        {"its_history_is_kept", its_history_is_kept, setup, teardown, initial},
        {"a_key_finds_its_task", a_key_finds_its_task, setup, teardown, initial},
        {"decisions_come_back", decisions_come_back, setup, teardown, initial},
        {"records_add_up", records_add_up, setup, teardown, initial},
        {"what_is_written_is_read", what_is_written_is_read, setup, teardown, initial},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
