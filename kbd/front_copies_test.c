/* Replicas: each document is in two shards; with one of them away nothing is missing, and nothing is lost when it comes back, or comes back with nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kbd/front_fixture.h"
#include "kbd/places.h"
#include "lib/agent/host_fixture.h"
#include "lib/agent/json_request.h"
#include "tests/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS "kb-1,kb-2,kb-3"
#define ALONE  4 /* one that has everything, and is asked the same */

static const struct {
    const char *query, *mode;
    int k;
} questions[] = {{"burning engines", "lexical", 10}, {"wing cloud", "hybrid", 10},
    {"saild of boatz", "vectors", 5}, {"river", "hybrid", 60}, {"anew", "lexical", 100},
    {"none-of-them", "lexical", 10}};

static void add_copies(void *arg, const tr_kb_namespace_t *ns) {
    *(size_t *)arg += tr_kb_place_is_copy(ns->name) ? (size_t)ns->documents : 0;
}

static size_t copies_of(const world_t *w, size_t i) {
    size_t n = 0;
    tr_error_t error = {0};
    ok(tr_kb_namespaces(w->bases[i].kbd->store, add_copies, &n, &error), &error);
    return n;
}

static size_t copies(const world_t *w, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += copies_of(w, i);
    return n;
}

/* What is owed to somebody who is here, or has come without what it had. */
static bool is_behind(const world_t *w, size_t count) {
    bool behind = false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; w->bases[i].kbd && k < count; k++) {
            const tr_kb_debt_t *d = &w->bases[i].kbd->owing.debts[k];
            int64_t first = 0;
            tr_kb_owed_first(
                w->bases[i].kbd->store, w->bases[i].kbd->front.shards.items[k].hash, &first, NULL);
            behind |= w->bases[k].kbd && i != k && (d->missed || d->fresh || first);
        }
    return behind;
}

static void level(world_t *w, size_t count) {
    run(w);
    for (unsigned steps = 0; is_behind(w, count) || is_moving(w); steps++) {
        assert_in_range(steps, 0, 2000);
        let_stay(w, false);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; w->bases[i].kbd && k < count; k++)
                w->bases[i].kbd->owing.debts[k].next_ms = 0;
        tr_fixture_expire(w->host);
        run(w);
    }
}

static world_t *begin_copies(size_t count, const char *shards) {
    world_t *w = begin(0, NULL);
    w->replicas = 2;
    start_all(w, count, shards);
    level(w, count);
    start(w, ALONE, NULL);
    return w;
}

static const json_t *result(const json_t *answer, size_t i) {
    return json_array_get(json_object_get(answer, "results"), i);
}

static double score(const json_t *answer, size_t i) {
    return json_number_value(json_object_get(result(answer, i), "score"));
}

static bool has(const json_t *answer, const json_t *one) {
    bool found = false;
    for (size_t i = 0; i < json_array_size(json_object_get(answer, "results")); i++)
        found |= json_equal(json_object_get(result(answer, i), "id"), json_object_get(one, "id")) &&
                 json_equal(json_object_get(result(answer, i), "text"), json_object_get(one, "text"));
    return found;
}

/* Those of the last score are some of several. */
static void is_as_alone(world_t *w, size_t whom) {
    for (size_t q = 0; q < sizeof questions / sizeof *questions; q++) {
        json_t *alone =
            json_deep_copy(told(w, ALONE, search(questions[q].query, questions[q].mode, questions[q].k)));
        const json_t *ours = told(w, whom, search(questions[q].query, questions[q].mode, questions[q].k));
        size_t n = json_array_size(json_object_get(alone, "results"));
        if (!json_is_true(json_object_get(ours, "complete")) || json_object_get(ours, "missing"))
            fail_msg("%s", json_dumps(ours, 0));
        assert_int_equal(json_array_size(json_object_get(ours, "results")), n);
        for (size_t i = 0; i < n; i++) {
            assert_true(fabs(score(ours, i) - score(alone, i)) < 1e-5);
            assert_true(has(alone, result(ours, i)) || score(ours, i) < score(alone, n - 1) + 1e-5);
        }
        json_decref(alone);
    }
    json_t *list = json_deep_copy(json_object_get(
        told(w, ALONE, json_pack("{s:s, s:s}", "action", "list", "namespace", "n")), "documents"));
    const json_t *ours = told(w, whom, json_pack("{s:s, s:s}", "action", "list", "namespace", "n"));
    assert_null(json_object_get(ours, "missing"));
    ours = json_object_get(ours, "documents");
    assert_int_equal(json_array_size(ours), json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_true(json_equal(
            json_object_get(json_array_get(ours, i), "id"), json_object_get(json_array_get(list, i), "id")));
    json_decref(list);
    ours = json_array_get(
        json_object_get(told(w, whom, json_pack("{s:s}", "action", "namespaces")), "namespaces"), 0);
    list = json_deep_copy(json_array_get(
        json_object_get(told(w, ALONE, json_pack("{s:s}", "action", "namespaces")), "namespaces"), 0));
    ours = json_array_get(
        json_object_get(told(w, whom, json_pack("{s:s}", "action", "namespaces")), "namespaces"), 0);
    assert_true(json_equal(json_object_get(ours, "documents"), json_object_get(list, "documents")));
    assert_true(json_equal(json_object_get(ours, "chunks"), json_object_get(list, "chunks")));
    json_decref(list);
}

/* With all, and with any one of them away. */
static void is_as_alone_without_any(world_t *w, const char *shards) {
    is_as_alone(w, 0);
    for (size_t i = 0; i < 3; i++) {
        stop(w, i);
        until_vectors(w);
        is_as_alone(w, (i + 1) % 3);
        start(w, i, shards);
        level(w, 3);
        is_as_alone(w, i);
    }
}

static void add_to_both(world_t *w, size_t whom, unsigned from, unsigned to, const char *more) {
    add(w, whom, from, to, more);
    add(w, ALONE, from, to, more);
}

static void remove_from_both(world_t *w, size_t whom, unsigned number) {
    const json_t *answer = told(w, whom, about("remove", number));
    assert_int_equal(json_integer_value(json_object_get(answer, "removed")), 1);
    told(w, ALONE, about("remove", number));
}

static void test_each_is_in_two(void **state) {
    world_t *w = begin_copies(3, SHARDS);
    (void)state;
    add_to_both(w, 0, 0, DOCUMENTS, "");
    assert_false(is_behind(w, 3)); /* it was acknowledged when both had it */
    until_vectors(w);
    assert_int_equal(documents(w), 2 * DOCUMENTS); /* with those of the one that is alone */
    assert_int_equal(copies(w, 3), DOCUMENTS);
    is_as_alone_without_any(w, SHARDS);
    remove_from_both(w, 1, 7);
    assert_false(is_behind(w, 3));
    json_t *filter = json_pack("{s:{s:i}}", "year", "lt", 1905);
    for (size_t i = 0; i < 2; i++) {
        const json_t *answer = told(w, i ? ALONE : 2,
            json_pack("{s:s, s:s, s:O}", "action", "remove", "namespace", "n", "filter", filter));
        assert_int_equal(json_integer_value(json_object_get(answer, "removed")), 5);
    }
    json_decref(filter);
    assert_int_equal(copies(w, 3), DOCUMENTS - 6);
    is_as_alone_without_any(w, SHARDS);
    const json_t *answer = told(w, 0, json_pack("{s:s, s:s}", "action", "drop", "namespace", "n"));
    assert_int_equal(json_integer_value(json_object_get(answer, "removed")), DOCUMENTS - 6);
    assert_int_equal(copies(w, 3), 0);
    end(w);
}

/* Written, replaced and removed while one is away; it comes back, and another one goes. */
static void test_writes_while_one_is_away(void **state) {
    world_t *w = begin_copies(3, SHARDS);
    (void)state;
    add_to_both(w, 0, 0, DOCUMENTS, "");
    until_vectors(w);
    stop(w, 1);
    add_to_both(w, 0, 10, 30, " anew");
    add_to_both(w, 2, DOCUMENTS, DOCUMENTS + 20, " anew");
    for (unsigned n = 30; n < 40; n++)
        remove_from_both(w, n % 2 ? 0 : 2, n);
    const json_t *answer = told(w, 0,
        json_pack(
            "{s:s, s:s, s:{s:{s:i}}}", "action", "remove", "namespace", "n", "filter", "year", "lt", 1904));
    assert_int_equal(json_integer_value(json_object_get(answer, "removed")), 4);
    told(w, ALONE,
        json_pack(
            "{s:s, s:s, s:{s:{s:i}}}", "action", "remove", "namespace", "n", "filter", "year", "lt", 1904));
    until_vectors(w);
    is_as_alone(w, 0);
    is_as_alone(w, 2);
    assert_non_null(strstr(json_string_value(json_object_get(told(w, 0, about("get", 12)), "text")), "anew"));
    start(w, 1, SHARDS); /* it is as it was, and says so to nobody until it has all */
    is_as_alone(w, 1);
    is_as_alone(w, 0);
    for (unsigned n = 30; n < 40; n++)
        refused(w, n % 3, about("get", n), "not-registered");
    level(w, 3);
    until_vectors(w);
    assert_int_equal(copies(w, 3), DOCUMENTS + 20 - 14);
    is_as_alone_without_any(w, SHARDS);
    end(w);
}

/* Its disk is lost: it gets everything from the others. */
static void test_one_comes_with_nothing(void **state) {
    world_t *w = begin_copies(3, SHARDS);
    (void)state;
    add_to_both(w, 0, 0, DOCUMENTS, "");
    until_vectors(w);
    size_t had = documents_of(w, 2), copied = copies_of(w, 2);
    stop(w, 2);
    scratch_end(w->bases[2].directory);
    w->bases[2].directory = NULL;
    remove_from_both(w, 0, 1);
    add_to_both(w, 1, 20, 25, " anew");
    start(w, 2, SHARDS);
    level(w, 3);
    until_vectors(w);
    assert_in_range(documents_of(w, 2) + 1, had, had + 1);
    assert_in_range(copies_of(w, 2) + 1, copied, copied + 1);
    is_as_alone_without_any(w, SHARDS);
    end(w);
}

/* Two are away: what is left is told, and who is missing; what can be written is, and reaches both when they are back. */
static void test_two_are_away(void **state) {
    world_t *w = begin_copies(3, SHARDS);
    (void)state;
    add_to_both(w, 0, 0, DOCUMENTS, "");
    stop(w, 0);
    stop(w, 1);
    const json_t *answer = told(w, 2, search("river wing sail boat apple engine cloud", "lexical", 1000));
    assert_true(json_is_false(json_object_get(answer, "complete")));
    assert_int_equal(json_array_size(json_object_get(answer, "missing")), 2);
    assert_int_equal(
        json_array_size(json_object_get(answer, "results")), documents_of(w, 2) + copies_of(w, 2));
    start(w, 0, SHARDS);
    run(w);
    answer = told(w, 2, search("river wing sail boat apple engine cloud", "lexical", 1000));
    assert_true(
        json_is_false(json_object_get(answer, "complete"))); /* kb-1 has not heard what kb-2 owes it */
    start(w, 1, SHARDS);
    level(w, 3);
    until_vectors(w);
    is_as_alone_without_any(w, SHARDS);
    end(w);
}

/* One more, and one less; copies for those who had none, and none any more. */
static void test_shards_come_and_leave(void **state) {
    world_t *w = begin(0, NULL);
    (void)state;
    start_all(w, 3, SHARDS);
    move_all(w, NULL);
    start(w, ALONE, NULL);
    add_to_both(w, 0, 0, DOCUMENTS, "");
    w->replicas = 2;
    static const struct {
        size_t count;
        const char *shards;
        int replicas;
    } steps[] = {{3, SHARDS, 2}, {4, SHARDS ",kb-4", 2}, {4, "kb-1,kb-2:leaving,kb-3,kb-4", 2},
        {4, SHARDS ",kb-4", 1}, {3, SHARDS, 2}};
    for (size_t i = 0; i + 1 < sizeof steps / sizeof *steps; i++) {
        w->replicas = steps[i].replicas;
        start_all(w, steps[i].count, steps[i].shards);
        if (i == 1)
            list_is(w, 0, 0, DOCUMENTS);
        level(w, steps[i].count);
        assert_int_equal(documents(w), DOCUMENTS);
        assert_int_equal(copies(w, steps[i].count), steps[i].replicas == 2 ? DOCUMENTS : 0);
        list_is(w, 0, 0, DOCUMENTS);
        start(w, ALONE, NULL);
        until_vectors(w);
        is_as_alone(w, 2);
    }
    end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_in_two),
        cmocka_unit_test(test_writes_while_one_is_away),
        cmocka_unit_test(test_one_comes_with_nothing),
        cmocka_unit_test(test_two_are_away),
        cmocka_unit_test(test_shards_come_and_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
