/* Several knowledge bases as one: what three find is what one finds; who is away is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kbd/front_fixture.h"
#include "lib/agent/json_request.h"

#include <stdlib.h>
#include <string.h>

static double score(const json_t *results, size_t i) {
    return json_number_value(json_object_get(json_array_get(results, i), "score"));
}

/* The same results with the same scores; those of one score in any order. */
static void same_results(const json_t *a, const json_t *b) {
    const json_t *x = json_object_get(a, "results"), *y = json_object_get(b, "results");
    assert_true(json_is_true(json_object_get(a, "complete")));
    assert_int_equal(json_array_size(x), json_array_size(y));
    for (size_t i = 0; i < json_array_size(x); i++) {
        assert_true(score(x, i) > score(y, i) - 1e-5 && score(x, i) < score(y, i) + 1e-5);
        size_t k = 0;
        while (k < json_array_size(y) &&
               strcmp(json_string_value(json_object_get(json_array_get(x, i), "id")),
                   json_string_value(json_object_get(json_array_get(y, k), "id"))) != 0)
            k++;
        if (k == json_array_size(y))
            assert_true(score(x, i) < score(y, k - 1) + 1e-5); /* one of several last ones */
    }
}

static void test_three_find_what_one_finds(void **state) {
    static const struct {
        const char *query, *mode;
        int k;
    } questions[] = {{"burning engines", "lexical", 10}, {"wing cloud", "hybrid", 10},
        {"saild of boatz", "vectors", 5}, {"river", "hybrid", 60}, {"none-of-them", "lexical", 10}};
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    start(w, 4, NULL);
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    add(w, 4, 0, DOCUMENTS, "");
    until_vectors(w);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(documents_of(w, i), DOCUMENTS / 6, DOCUMENTS / 2);
    assert_int_equal(documents(w), 2 * DOCUMENTS);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        json_t *one =
            json_deep_copy(told(w, 4, search(questions[i].query, questions[i].mode, questions[i].k)));
        for (size_t whom = 0; whom < 3; whom++)
            same_results(told(w, whom, search(questions[i].query, questions[i].mode, questions[i].k)), one);
        json_decref(one);
    }
    list_is(w, 2, 0, DOCUMENTS);
    end(w);
}

static uint64_t hits(const world_t *w, size_t i) {
    tr_kb_namespace_t ns;
    tr_kb_namespace_find(w->bases[i].kbd->store, "n", &ns, NULL);
    return tr_kb_cache_hits(&w->bases[i].kbd->cache, &ns);
}

/* It is answered as before until something has changed, in whichever shard. */
static void test_the_same_again(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, DOCUMENTS, "");
    until_vectors(w);
    for (unsigned n = 0; n < 12; n++) {
        json_t *first = json_deep_copy(told(w, 1, search("cloud", "lexical", 60)));
        uint64_t before = hits(w, 1);
        assert_true(json_equal(first, told(w, 1, search("cloud", "lexical", 60))));
        assert_int_equal(hits(w, 1), before + 1);
        add(w, 2, n, n + 1, "cloud cloud cloud"); /* of each shard some */
        assert_false(json_equal(first, told(w, 1, search("cloud", "lexical", 60))));
        assert_int_equal(hits(w, 1), before + 1);
        json_decref(first);
    }
    end(w);
}

static void test_one_is_away(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    (void)state;
    move_all(w, NULL);
    told(w, 0, json_pack("{s:s}", "action", "shards")); /* each knows how the others are */
    told(w, 2, json_pack("{s:s}", "action", "shards"));
    add(w, 0, 0, DOCUMENTS, "");
    unsigned gone = first_of(w, 1), here = first_of(w, 2);
    size_t had = documents_of(w, 1);
    stop(w, 1);
    const json_t *answer = told(w, 0, search("river wing sail boat apple engine cloud", "lexical", 60));
    assert_true(json_is_false(json_object_get(answer, "complete")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(answer, "missing"), 0)), "kb-2");
    assert_int_equal(json_array_size(json_object_get(answer, "results")), DOCUMENTS - had);
    answer = told(w, 2, json_pack("{s:s, s:s}", "action", "list", "namespace", "n"));
    assert_int_equal(json_array_size(json_object_get(answer, "documents")), DOCUMENTS - had);
    assert_non_null(json_object_get(answer, "missing"));
    refused(w, 0, about("get", gone), "shard-away");
    told(w, 0, about("get", here));
    refused(w, 0, about("remove", gone), "shard-away");
    told(w, 0, about("remove", here));
    answer = told(w, 0,
        json_pack("{s:s, s:s, s:[o, o]}", "action", "add", "namespace", "n", "documents",
            document(gone, "new"), document(here, "new")));
    assert_non_null(json_object_get(json_array_get(json_object_get(answer, "documents"), 0), "error"));
    assert_null(json_object_get(json_array_get(json_object_get(answer, "documents"), 1), "error"));
    start(w, 1, "kb-1,kb-2,kb-3");
    move_all(w, NULL);
    w->bases[0].kbd->front.left_alone_ms[1] = 0;
    list_is(w, 0, 0, DOCUMENTS);
    answer = told(w, 0, search("river wing sail boat apple engine cloud", "lexical", 60));
    assert_true(json_is_true(json_object_get(answer, "complete")));
    assert_int_equal(json_array_size(json_object_get(answer, "results")), DOCUMENTS);
    end(w);
}

#define MANY 600u

typedef struct tally {
    unsigned told, busy;
} tally_t;

static void on_tallied(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tally_t *tally = arg;
    (void)agent, (void)state;
    assert_non_null(answer);
    tally->told += tr_message_performative(answer) == TR_INFORM;
    tally->busy += strcmp(tr_message_text(answer, "reason"), "busy") == 0;
}

/* More than can wait for the other shards: it is told, and the rest is done. */
static void test_too_much_at_once(void **state) {
    world_t *w = begin(3, "kb-1,kb-2,kb-3");
    tally_t tally = {0};
    (void)state;
    move_all(w, NULL);
    add(w, 0, 0, 4, "");
    for (unsigned i = 0; i < MANY; i++) {
        json_t *request = about("get", i % 4);
        assert_int_equal(tr_request_json(w->ann, NULL, "kb-1", request, PATIENCE, on_tallied, &tally), 0);
        json_decref(request);
    }
    run(w);
    assert_int_equal(tally.told + tally.busy, MANY);
    assert_in_range(tally.busy, 1, MANY / 2);
    assert_int_equal(w->bases[0].kbd->front.held, 0);
    assert_int_equal(w->bases[0].kbd->front.errand_count, 0);
    add(w, 0, 4, 8, "");
    end(w);
}

int main(void) {
    setenv("TROUPE_EMBEDDINGS", "ngrams", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_find_what_one_finds),
        cmocka_unit_test(test_the_same_again),
        cmocka_unit_test(test_one_is_away),
        cmocka_unit_test(test_too_much_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
