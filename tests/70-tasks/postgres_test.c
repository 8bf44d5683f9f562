/* Tasks in a PostgreSQL of the test's own: as any store, shared by several coordinators, and across falls of the server. */
#include "coordinator/store_conformance.h"
#include "tests/50-journal/postgres.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONG_MS 600000

typedef struct pair {
    postgres_t *server;
    tr_store_place_t place;
    tr_store_t *a, *b;
    tr_error_t error;
    char seen[400];
} pair_t;

static void clean(void *arg) {
    postgres_sql(arg, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS troupe CASCADE", NULL, 0);
}

static tr_store_place_t place_of(const postgres_t *server) {
    return (tr_store_place_t){
        .conninfo = server->conninfo, .space = "troupe", .module = getenv("SQL_POSTGRES")};
}

static tr_store_t *joined(pair_t *p, const char *name) {
    tr_store_t *store = NULL;
    if (tr_store_open(&p->place, &store, &p->error) < 0 || tr_store_join(store, name, &p->error) < 0)
        fail_msg("%s", p->error.text);
    return store;
}

static int setup(void **state) {
    pair_t *p = calloc(1, sizeof *p);
    p->server = *state;
    clean(p->server);
    p->place = place_of(p->server);
    p->a = joined(p, "a@p");
    p->b = joined(p, "b@p");
    *state = p;
    return 0;
}

static int teardown(void **state) {
    pair_t *p = *state;
    tr_store_close(&p->a);
    tr_store_close(&p->b);
    free(p);
    return 0;
}

/* ---- what a coordinator does ---- */

static void add(pair_t *p, tr_store_t *store, const char *id) {
    static const char *const skills[] = {"work"};
    tr_task_t *task = tr_task_new(&(tr_task_wish_t){.id = id, .skills = skills, .skill_count = 1});
    tr_store_begin(store);
    tr_store_add(store, task);
    if (tr_store_commit(store, &p->error) < 0)
        fail_msg("%s", p->error.text);
    tr_task_destroy(&task);
}

static int on_claimed(void *arg, tr_task_t *task) {
    pair_t *p = arg;
    strcat(strcat(p->seen, task->id), " ");
    tr_task_destroy(&task);
    return 0;
}

/* What it claims when those are dead that were not seen for so long. */
static void check_claims(pair_t *p, tr_store_t *store, int64_t lease_ms, size_t most, const char *wanted) {
    *p->seen = '\0';
    tr_store_begin(store);
    assert_true(tr_store_keep(store, lease_ms) >= 0);
    assert_true(tr_store_claim(store, most, on_claimed, p, &p->error) >= 0);
    assert_int_equal(tr_store_commit(store, &p->error), 0);
    assert_string_equal(p->seen, wanted);
}

static int commit_empty(pair_t *p, tr_store_t *store) {
    tr_store_begin(store);
    return tr_store_commit(store, &p->error);
}

/* ---- the tests ---- */

static void what_the_dead_had_is_claimed_once(void **state) {
    pair_t *p = *state;
    tr_store_t *c = joined(p, "c@p");
    add(p, p->a, "one");
    add(p, p->a, "two");
    add(p, p->b, "three");
    check_claims(p, p->b, LONG_MS, 9, "");
    tr_store_leave(p->a);
    check_claims(p, p->b, LONG_MS, 1, "one ");
    check_claims(p, c, LONG_MS, 9, "two ");
    check_claims(p, p->b, LONG_MS, 9, "");
    tr_store_close(&c);
}

static void who_was_taken_over_changes_nothing(void **state) {
    pair_t *p = *state;
    add(p, p->a, "one");
    check_claims(p, p->b, 0, 9, "one ");
    assert_int_equal(commit_empty(p, p->a), -ESTALE);
    assert_non_null(strstr(p->error.text, "another process has taken over"));
    assert_int_equal(commit_empty(p, p->b), 0);
}

/* Between begin and commit nobody is taken over, however long that takes. */
static void who_is_about_to_commit_is_left_alone(void **state) {
    pair_t *p = *state;
    add(p, p->a, "one");
    tr_store_begin(p->a);
    check_claims(p, p->b, 0, 9, "");
    assert_int_equal(tr_store_commit(p->a, &p->error), 0);
    check_claims(p, p->b, 0, 9, "one ");
}

/* Whoever starts under a name is the successor of who had it. */
static void a_successor_takes_over_at_once(void **state) {
    pair_t *p = *state;
    add(p, p->a, "one");
    tr_store_t *again = joined(p, "a@p");
    check_claims(p, again, LONG_MS, 9, "one ");
    assert_int_equal(commit_empty(p, p->a), -ESTALE);
    tr_store_close(&again);
}

static void a_thing_has_one_holder(void **state) {
    pair_t *p = *state;
    char name[TR_AID_MAX + 1];
    add(p, p->a, "one");
    tr_store_begin(p->b);
    assert_int_equal(tr_store_take(p->b, TR_STORE_TASK, "one"), -EBUSY);
    assert_int_equal(tr_store_take(p->b, TR_STORE_TASK, "none"), -EBUSY);
    assert_int_equal(tr_store_commit(p->b, &p->error), 0);
    assert_int_equal(tr_store_holder(p->b, TR_STORE_TASK, "one", name), 0);
    assert_string_equal(name, "a@p");
    tr_store_leave(p->a);
    assert_int_equal(tr_store_holder(p->b, TR_STORE_TASK, "one", name), -ENOENT);
    tr_store_begin(p->b);
    assert_int_equal(tr_store_take(p->b, TR_STORE_TASK, "one"), 0);
    assert_int_equal(tr_store_commit(p->b, &p->error), 0);
    assert_int_equal(tr_store_holder(p->b, TR_STORE_TASK, "one", name), 0);
    assert_string_equal(name, "b@p");
}

static void a_server_that_falls_is_found_again(void **state) {
    pair_t *p = *state;
    add(p, p->a, "one");
    postgres_crash(p->server);
    postgres_start(p->server);
    assert_int_equal(tr_store_state(p->a, "one"), TR_TASK_PENDING);
    add(p, p->a, "two");
    check_claims(p, p->b, LONG_MS, 9, "");
    tr_store_begin(p->a);
    postgres_crash(p->server);
    postgres_start(p->server);
    assert_int_equal(tr_store_state(p->a, "one"), -ENOTCONN);
    assert_int_equal(tr_store_commit(p->a, &p->error), -ENOTCONN); /* of this one nothing is known */
    assert_int_equal(tr_store_state(p->a, "two"), TR_TASK_PENDING);
}

static void what_is_wrong_is_told(void **state) {
    pair_t *p = *state;
    tr_store_t *store = NULL;
    tr_store_place_t place = p->place;
    place.space = "No Name";
    assert_int_equal(tr_store_open(&place, &store, &p->error), -EINVAL);
    assert_non_null(strstr(p->error.text, "is no schema's name"));
    place = p->place;
    place.conninfo = "host=/nowhere dbname=postgres";
    assert_int_equal(tr_store_open(&place, &store, &p->error), -ENOTCONN);
    postgres_sql(p->server, "UPDATE troupe.troupe_schema SET version = 99", NULL, 0);
    assert_int_equal(tr_store_open(&p->place, &store, &p->error), -ENOTSUP);
    assert_non_null(strstr(p->error.text, "made by a later version"));
    assert_null(store);
}

#define A_TEST(f)                                                                                            \
    { #f, f, setup, teardown, &server }

int main(void) {
    postgres_t server;
    if (!postgres_find(&server))
        return 77; /* no server is installed: skipped */
    const struct CMUnitTest tests[] = {
        A_TEST(what_the_dead_had_is_claimed_once),
        A_TEST(who_was_taken_over_changes_nothing),
        A_TEST(who_is_about_to_commit_is_left_alone),
        A_TEST(a_successor_takes_over_at_once),
        A_TEST(a_thing_has_one_holder),
        A_TEST(a_server_that_falls_is_found_again),
        A_TEST(what_is_wrong_is_told),
    };
    postgres_new(&server);
    int failed = tr_store_conform(
        &(tr_store_conformance_t){.place = place_of(&server), .clean = clean, .arg = &server});
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    postgres_finish(&server);
    return failed;
}
