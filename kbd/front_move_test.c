/* Documents move where they belong, when shards come or are leaving, and are found at each step of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kbd/front_fixture.h"
#include "lib/agent/host_fixture.h"
#include "lib/agent/json_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void all_are_there(world_t *w) {
    const json_t *answer;
    list_is(w, 0, 0, DOCUMENTS);
    answer = told(w, 2, search("river wing sail boat apple engine cloud", "lexical", 1000));
    assert_int_equal(json_array_size(json_object_get(answer, "results")), DOCUMENTS);
    assert_true(json_is_true(json_object_get(answer, "complete")));
    answer = told(w, 1, search("river wing sail boat apple engine cloud", "lexical", 20));
    assert_int_equal(json_array_size(json_object_get(answer, "results")), 20);
}

/* Only the share of the one that comes moves; its vectors go with it; all is found at each step. */
static void test_one_more(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    size_t before[3], given = 0;
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    until_vectors(w);
    for (size_t i = 0; i < 3; i++)
        before[i] = documents_of(w, i);
    start_all(w, 4, "kb-1,kb-2,kb-3,kb-4");
    w->stay = 5;
    move_all(w, all_are_there);
    for (size_t i = 0; i < 3; i++) {
        assert_true(documents_of(w, i) <= before[i]);
        assert_int_equal(w->bases[i].kbd->mover.done, before[i] - documents_of(w, i));
        given += before[i] - documents_of(w, i);
    }
    assert_int_equal(documents_of(w, 3), given);
    assert_in_range(given, DOCUMENTS / 8, DOCUMENTS / 2);
    assert_int_equal(documents(w), DOCUMENTS);
    const json_t *names = told(w, 1, json_pack("{s:s}", "action", "namespaces"));
    assert_int_equal(json_integer_value(
                         json_object_get(json_array_get(json_object_get(names, "namespaces"), 0), "pending")),
        0);
    start_all(w, 4, "kb-1,kb-2,kb-3,kb-4"); /* once more: nothing is to be done */
    for (size_t i = 0; i < 4; i++)
        assert_false(w->bases[i].kbd->mover.moving);
    end(w);
}

/* It was alone, and becomes one of three; then one of them leaves. */
static void test_one_becomes_three_and_two(void **state) {
    world_t *w = begin(1, NULL);
    (void)state;
    add(w, 0, 0, DOCUMENTS, "");
    start_all(w, 3, "kb-1,kb-2,kb-3");
    move_all(w, all_are_there);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(documents_of(w, i), DOCUMENTS / 6, DOCUMENTS / 2);
    start_all(w, 3, "kb-1,kb-2:leaving,kb-3");
    move_all(w, all_are_there);
    assert_int_equal(documents_of(w, 1), 0);
    const json_t *row =
        json_array_get(json_object_get(told(w, 0, json_pack("{s:s}", "action", "shards")), "shards"), 1);
    assert_string_equal(json_string_value(json_object_get(row, "state")), "left");
    assert_int_equal(documents(w), DOCUMENTS);
    end(w);
}

/* At each step one is written anew, and one removed: wherever it is. */
static void change_one(world_t *w) {
    unsigned n = w->changed++;
    if (n >= DOCUMENTS / 2)
        return;
    add(w, n % 3, n, n + 1, " anew");
    const json_t *answer = told(w, (n + 1) % 3, search("anew", "lexical", 1000));
    assert_int_equal(json_array_size(json_object_get(answer, "results")), n + 1);
    told(w, n % 2, about("remove", DOCUMENTS - 1 - n));
    refused(w, (n + 1) % 2, about("get", DOCUMENTS - 1 - n), "not-registered");
    answer = told(w, 2, about("get", n));
    assert_non_null(strstr(json_string_value(json_object_get(answer, "text")), "anew"));
    list_is(w, 1, 0, DOCUMENTS - 1 - n);
}

static void test_writing_while_documents_move(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    start_all(w, 4, "kb-1,kb-2,kb-3,kb-4");
    w->stay = 12;
    move_all(w, change_one);
    unsigned n = w->changed < DOCUMENTS / 2 ? w->changed : DOCUMENTS / 2;
    assert_true(n > 12);
    list_is(w, 3, 0, DOCUMENTS - n);
    assert_int_equal(documents(w), DOCUMENTS - n);
    end(w);
}

/* Shards that wait for what they have sent to be taken, and writes that wait for that. */
static void count_waiting(const world_t *w, size_t *ret_shards, size_t *ret_writes) {
    *ret_shards = *ret_writes = 0;
    for (size_t i = 0; i < 4; i++) {
        *ret_shards += w->bases[i].kbd->mover.gather != NULL;
        *ret_writes += w->bases[i].kbd->mover.held_count;
    }
}

/* What is removed while it is on its way is removed where it arrives. */
static void test_a_write_waits_for_what_is_on_its_way(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    size_t waiting = 0, held;
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    start_all(w, 0, NULL);
    for (size_t i = 0; i < 4; i++) /* to whom it goes is there first: what is sent to him arrives */
        start(w, (i + 3) % 4, "kb-1,kb-2,kb-3,kb-4");
    unsigned n = first_of(w, 3);
    tr_fixture_run(w->host);                       /* greetings */
    for (int i = 0; i < 10 && waiting == 0; i++) { /* a timer may be that of a question, too */
        tr_fixture_expire(w->host);
        count_waiting(w, &waiting, &held);
    }
    assert_true(waiting > 0);
    json_t *request = about("remove", n);
    assert_int_equal(tr_request_json(w->ann, NULL, "kb-2", request, PATIENCE, on_answer, w), 0);
    json_decref(request);
    tr_fixture_run(w->host); /* nobody has answered yet: that comes with the commit */
    count_waiting(w, &waiting, &held);
    assert_int_equal(held, waiting);
    w->stay = 2;
    move_all(w, NULL);
    count_waiting(w, &waiting, &held);
    assert_int_equal(held, 0);
    assert_int_equal(w->act, TR_INFORM);
    refused(w, 0, about("get", n), "not-registered");
    assert_int_equal(documents(w), DOCUMENTS - 1);
    end(w);
}

/* A shard is away while the others move: what is its own waits, where it was. */
static void test_one_is_away_while_documents_move(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    start_all(w, 3, "kb-1,kb-2,kb-3,kb-4");
    for (int i = 0; i < 20; i++) {
        tr_fixture_expire(w->host);
        run(w);
    }
    assert_true(is_moving(w));
    assert_int_equal(documents(w), DOCUMENTS);
    start(w, 3, "kb-1,kb-2,kb-3,kb-4");
    move_all(w, NULL);
    assert_int_equal(documents(w), DOCUMENTS);
    assert_in_range(documents_of(w, 3), DOCUMENTS / 8, DOCUMENTS / 2);
    list_is(w, 0, 0, DOCUMENTS);
    end(w);
}

static void each_is_with_its_owner(world_t *w) {
    assert_int_equal(documents(w), DOCUMENTS);
    for (unsigned n = 0; n < DOCUMENTS; n++) {
        char id[8];
        tr_kb_namespace_t ns;
        tr_kb_hit_t found;
        size_t chunks, owner = owner_of(w, n);
        tr_error_t error = {0};
        snprintf(id, sizeof id, "d%03u", n);
        ok(tr_kb_namespace_find(w->bases[owner].kbd->store, "n", &ns, &error), &error);
        ok(tr_kb_chunk_find(w->bases[owner].kbd->store, &ns, id, 0, &found, &chunks, &error), &error);
    }
}

/* Half way it is ended, and started as it was before: what has moved by then moves back. */
static void test_the_old_names_again(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    each_is_with_its_owner(w);
    size_t had = documents_of(w, 1);
    start_all(w, 3, "kb-1,kb-2:leaving,kb-3");
    for (unsigned steps = 0; documents_of(w, 1) == had; steps++) {
        assert_in_range(steps, 0, 1000);
        let_stay(w, false);
        tr_fixture_expire(w->host);
        run(w);
    }
    assert_true(is_moving(w));
    start_all(w, 3, "kb-1,kb-2,kb-3");
    assert_true(is_moving(w));
    move_all(w, NULL);
    assert_int_equal(documents_of(w, 1), had);
    each_is_with_its_owner(w);
    end(w);
}

/* One after the other is ended, at whatever step it is and with whatever it has not committed, and started again: nothing is lost, nothing is left twice. */
static void test_ended_at_each_step(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    start_all(w, 4, "kb-1,kb-2,kb-3,kb-4");
    for (unsigned n = 0; n < 90; n++) {
        let_stay(w, n % 3 == 0);
        tr_fixture_expire(w->host);
        for (unsigned steps = 0; steps < n % 5 && turn(w); steps++)
            continue;
        if (n % 2)
            tr_fixture_deliver(w->host); /* what follows from that is not on the disk */
        stop(w, n % 4);
        start(w, n % 4, "kb-1,kb-2,kb-3,kb-4");
        if (n % 10 == 9)
            list_is(w, n % 4, 0, DOCUMENTS);
    }
    move_all(w, all_are_there);
    each_is_with_its_owner(w);
    end(w);
}

/* What comes while it is alone belongs to others, once it is one of several again. */
static void test_alone_for_a_while(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS / 2, "");
    start_all(w, 1, NULL);
    add(w, 0, DOCUMENTS / 2, DOCUMENTS, "");
    start_all(w, 3, "kb-1,kb-2,kb-3");
    assert_true(is_moving(w));
    move_all(w, NULL);
    each_is_with_its_owner(w);
    list_is(w, 2, 0, DOCUMENTS);
    end(w);
}

int main(void) {
    setenv("TROUPE_EMBEDDINGS", "ngrams", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_more),
        cmocka_unit_test(test_one_becomes_three_and_two),
        cmocka_unit_test(test_writing_while_documents_move),
        cmocka_unit_test(test_a_write_waits_for_what_is_on_its_way),
        cmocka_unit_test(test_one_is_away_while_documents_move),
        cmocka_unit_test(test_the_old_names_again),
        cmocka_unit_test(test_ended_at_each_step),
        cmocka_unit_test(test_alone_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
