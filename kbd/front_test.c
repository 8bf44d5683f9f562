/*
 * Several knowledge bases in one process, over a wire in memory: what three find is what one finds; who is away is told; documents move where they
 * belong, and are found at each step of that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kbd/kbd.h"
#include "lib/agent/host_fixture.h"
#include "lib/agent/json_request.h"
#include "lib/base/clock.h"
#include "proto/json.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST      5u
#define DOCUMENTS 60u
#define PATIENCE  120000 /* milliseconds, for threads */

typedef struct base {
    tr_kbd_options_t options;
    tr_kbd_t *kbd; /* NULL: it does not run */
    char *directory;
    char name[8];
} base_t;

typedef struct world {
    tr_host_t *host;
    tr_agent_t *ann;
    base_t bases[MOST];
    json_t *answer; /* the last one */
    tr_performative_t act;
    unsigned changed; /* documents, by change_one */
    unsigned stay;    /* steps for which what was given stays where it was, too */
} world_t;

static const tr_behaviour_t asker = {.abi = TR_BEHAVIOUR_ABI, .name = "asker"};

static void ok(int rc, const tr_error_t *error) {
    if (rc < 0)
        fail_msg("%s", error->text);
}

static void no_news(void *arg, const tr_index_news_t *news) {
    (void)arg, (void)news;
}

/* shards: of --shards; NULL = it is alone. */
static void start(world_t *w, size_t i, const char *shards) {
    base_t *b = &w->bases[i];
    tr_kbd_t *kbd = calloc(1, sizeof *kbd);
    tr_error_t error = {0};
    snprintf(b->name, sizeof b->name, "kb-%zu", i + 1);
    b->directory = b->directory ? b->directory : scratch_new_in_memory();
    b->options = (tr_kbd_options_t){.resident = {.name = b->name, .data = b->directory},
        .shards = shards,
        .chunk_tokens = 300,
        .chunk_overlap = 40,
        .index_delta = 4096,
        .search_threads = 1,
        .search_time_ms = 600000};
    kbd->options = &b->options;
    kbd->host = w->host;
    tr_log_init(&kbd->resident.log, -1, "kbd", TR_LOG_READABLE, TR_LOG_WARN);
    tr_turns_init(&kbd->turns);
    tr_kb_cache_init(&kbd->cache, 1 << 20);
    ok(tr_kb_store_open(b->directory, &kbd->store, &error), &error);
    ok(tr_kb_front_init(kbd, &error), &error);
    ok(tr_kb_meaning_init(&kbd->meaning,
           &(tr_kb_meaning_options_t){.store = kbd->store,
               .host = w->host,
               .data = b->directory,
               .threads = 1,
               .seal = 4096,
               .news = no_news},
           &error),
        &error);
    kbd->agent = tr_fixture_agent(w->host, b->name, &tr_kbd_behaviour);
    *(tr_kbd_t **)tr_agent_state(kbd->agent) = kbd;
    ok(tr_kb_mover_start(kbd, &error), &error);
    tr_kb_front_greet(kbd);
    b->kbd = kbd;
}

static void stop(world_t *w, size_t i) {
    base_t *b = &w->bases[i];
    tr_kbd_t *kbd = b->kbd;
    if (!kbd)
        return;
    tr_kb_jobs_finish(kbd);
    tr_kb_mover_stop(kbd);
    tr_kb_front_stop(kbd);
    tr_kb_search_stop(kbd);
    tr_kb_meaning_stop(&kbd->meaning);
    tr_host_remove(w->host, b->name);
    tr_kb_front_finish(kbd);
    tr_kb_meaning_finish(&kbd->meaning);
    tr_kb_answers_finish(kbd);
    tr_kb_store_close(&kbd->store);
    tr_kb_cache_finish(&kbd->cache);
    free(kbd);
    b->kbd = NULL;
}

static world_t *begin(size_t count, const char *shards) {
    world_t *w = calloc(1, sizeof *w);
    w->host = tr_fixture_host();
    w->ann = tr_fixture_agent(w->host, "ann", &asker);
    for (size_t i = 0; i < count; i++)
        start(w, i, shards);
    return w;
}

static void end(world_t *w) {
    for (size_t i = 0; i < MOST; i++) {
        stop(w, i);
        if (w->bases[i].directory)
            scratch_end(w->bases[i].directory);
    }
    json_decref(w->answer);
    tr_host_destroy(&w->host);
    free(w);
}

/* What is on the wire, and what follows from it, until nobody says anything more. */
static bool turn(world_t *w) {
    bool more = false;
    for (size_t i = 0; i < MOST; i++) {
        if (!w->bases[i].kbd)
            continue;
        tr_kb_search_turns(w->bases[i].kbd);
        tr_kb_settle(w->bases[i].kbd);
    }
    while (tr_fixture_deliver(w->host))
        more = true;
    return more;
}

static void run(world_t *w) {
    while (turn(w))
        continue;
}

static bool is_moving(const world_t *w) {
    bool moving = false;
    for (size_t i = 0; i < MOST; i++)
        moving |= w->bases[i].kbd && w->bases[i].kbd->mover.moving;
    return moving;
}

/* What was given stays for so many steps, then it is time. */
static void let_stay(world_t *w, bool stays) {
    for (size_t i = 0; i < MOST; i++)
        for (size_t k = 0; w->bases[i].kbd && k < w->bases[i].kbd->mover.given_count; k++)
            w->bases[i].kbd->mover.given[k].due_ms = stays ? INT64_MAX : 0;
}

/* All that is to be given away is given, and removed. each (may be NULL) is called between any two steps, while something is on its way. */
static void move_all(world_t *w, void (*each)(world_t *w)) {
    run(w);
    for (unsigned steps = 0; is_moving(w); steps++) {
        assert_in_range(steps, 0, 1000);
        let_stay(w, steps < w->stay);
        tr_fixture_expire(w->host);
        for (unsigned i = 0; i < steps % 7 && each; i++)
            tr_fixture_deliver(w->host);
        if (each)
            each(w);
        run(w);
    }
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    world_t *w = arg;
    (void)agent, (void)state;
    json_decref(w->answer);
    w->answer = tr_answer_json(answer);
    w->act =
        answer && tr_message_type(answer) == TR_MESSAGE_DIRECT ? tr_message_performative(answer) : TR_FAILURE;
}

/* The answer, borrowed until the next one. Takes the request. */
static const json_t *ask(world_t *w, size_t whom, json_t *request) {
    char name[8];
    int64_t until_ms = tr_clock_ms() + PATIENCE;
    snprintf(name, sizeof name, "kb-%zu", whom + 1);
    json_decref(w->answer);
    w->answer = NULL;
    assert_non_null(request);
    assert_int_equal(tr_request_json(w->ann, NULL, name, request, 10 * PATIENCE, on_answer, w), 0);
    json_decref(request);
    run(w);
    while (!w->answer && tr_clock_ms() < until_ms) {
        tr_host_step(w->host, 5); /* what threads have finished */
        run(w);
    }
    assert_non_null(w->answer);
    return w->answer;
}

static const json_t *told(world_t *w, size_t whom, json_t *request) {
    const json_t *answer = ask(w, whom, request);
    if (w->act != TR_INFORM)
        fail_msg("%s", json_dumps(answer, 0));
    return answer;
}

static void refused(world_t *w, size_t whom, json_t *request, const char *reason) {
    const json_t *answer = ask(w, whom, request);
    assert_int_not_equal(w->act, TR_INFORM);
    assert_string_equal(json_string_value(json_object_get(answer, "reason")), reason);
}

static json_t *document(unsigned number, const char *more) {
    static const char *const nouns[] = {"wing", "sail", "boat", "apple", "engine", "river", "cloud"};
    char text[2000] = "";
    for (unsigned k = 0; k < 8 + number * 7 % 40; k++)
        sprintf(text + strlen(text), "%s %s%s", nouns[(number * 31 + k * k * 17 + k * number) % 7],
            (number + k) % 3 ? "flows " : "burns ", k % 9 == 8 ? "fast. " : "");
    return json_pack("{s:o, s:o, s:{s:i}}", "id", json_sprintf("d%03u", number), "text",
        json_sprintf("%s%s", text, more), "metadata", "year", 1900 + (int)number);
}

static void add(world_t *w, size_t whom, unsigned from, unsigned to, const char *more) {
    json_t *documents = json_array(), *one;
    size_t i;
    for (unsigned n = from; n < to; n++)
        json_array_append_new(documents, document(n, more));
    const json_t *answer = told(
        w, whom, json_pack("{s:s, s:s, s:o}", "action", "add", "namespace", "n", "documents", documents));
    assert_int_equal(json_array_size(json_object_get(answer, "documents")), to - from);
    json_array_foreach(json_object_get(answer, "documents"), i, one) if (json_object_get(one, "error"))
        fail_msg("%s", json_dumps(one, 0));
}

static size_t documents_of(const world_t *w, size_t i) {
    tr_kb_namespace_t ns = {0};
    tr_kb_namespace_find(w->bases[i].kbd->store, "n", &ns, NULL);
    return (size_t)ns.documents;
}

static size_t documents(const world_t *w) {
    size_t n = 0;
    for (size_t i = 0; i < MOST; i++)
        n += w->bases[i].kbd ? documents_of(w, i) : 0;
    return n;
}

/* Each is listed, and once. */
static void list_is(world_t *w, size_t whom, unsigned from, unsigned to) {
    const json_t *answer = told(w, whom, json_pack("{s:s, s:s}", "action", "list", "namespace", "n"));
    const json_t *list = json_object_get(answer, "documents"), *one;
    size_t i;
    char id[8];
    assert_int_equal(json_array_size(list), to - from);
    json_array_foreach(list, i, one) {
        snprintf(id, sizeof id, "d%03u", from + (unsigned)i);
        assert_string_equal(json_string_value(json_object_get(one, "id")), id);
    }
}

static json_t *search(const char *query, const char *mode, int k) {
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:b}", "action", "search", "namespace", "n", "query", query,
        "mode", mode, "k", k, "explain", 1);
}

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

static void until_vectors(world_t *w) {
    int64_t until_ms = tr_clock_ms() + PATIENCE, wait_ms;
    uint64_t pending = 1;
    tr_error_t error = {0};
    while (pending && tr_clock_ms() < until_ms) {
        pending = 0;
        for (size_t i = 0; i < MOST; i++) {
            tr_kb_namespace_t ns;
            uint64_t more = 0;
            if (!w->bases[i].kbd)
                continue;
            ok(tr_kb_meaning_turn(&w->bases[i].kbd->meaning, &wait_ms, &error), &error);
            if (tr_kb_namespace_find(w->bases[i].kbd->store, "n", &ns, NULL) == 0)
                tr_kb_pending(w->bases[i].kbd->store, ns.number, &more, NULL);
            pending += more;
        }
        tr_host_step(w->host, 5);
        run(w);
    }
    assert_int_equal(pending, 0);
}

/* ---- tests ---- */

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

static size_t owner_of(const world_t *w, unsigned number) {
    char id[8];
    snprintf(id, sizeof id, "d%03u", number);
    return tr_shards_owner(&w->bases[0].kbd->front.shards, "n", id);
}

static unsigned first_of(const world_t *w, size_t owner) {
    unsigned n = 0;
    while (owner_of(w, n) != owner)
        n++;
    return n;
}

static json_t *about(const char *action, unsigned number) {
    bool remove = strcmp(action, "remove") == 0;
    json_t *id = json_sprintf("d%03u", number);
    return json_pack("{s:s, s:s, s:o}", "action", action, "namespace", "n", remove ? "ids" : "id",
        remove ? json_pack("[o]", id) : id);
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

static void all_are_there(world_t *w) {
    const json_t *answer;
    list_is(w, 0, 0, DOCUMENTS);
    answer = told(w, 2, search("river wing sail boat apple engine cloud", "lexical", 1000));
    assert_int_equal(json_array_size(json_object_get(answer, "results")), DOCUMENTS);
    assert_true(json_is_true(json_object_get(answer, "complete")));
}

static void start_all(world_t *w, size_t count, const char *shards) {
    for (size_t i = 0; i < MOST; i++)
        stop(w, i);
    for (size_t i = 0; i < count; i++)
        start(w, i, shards);
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

int main(void) {
    setenv("TROUPE_EMBEDDINGS", "ngrams", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_find_what_one_finds),
        cmocka_unit_test(test_the_same_again),
        cmocka_unit_test(test_one_is_away),
        cmocka_unit_test(test_one_more),
        cmocka_unit_test(test_one_becomes_three_and_two),
        cmocka_unit_test(test_writing_while_documents_move),
        cmocka_unit_test(test_a_write_waits_for_what_is_on_its_way),
        cmocka_unit_test(test_one_is_away_while_documents_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
