#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kbd/front_fixture.h"
#include "lib/agent/host_fixture.h"
#include "lib/agent/json_request.h"
#include "lib/base/clock.h"
#include "proto/json.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const tr_behaviour_t asker = {.abi = TR_BEHAVIOUR_ABI, .name = "asker"};

void ok(int rc, const tr_error_t *error) {
    if (rc < 0)
        fail_msg("%s", error->text);
}

static void no_news(void *arg, const tr_index_news_t *news) {
    (void)arg, (void)news;
}

void start(world_t *w, size_t i, const char *shards) {
    base_t *b = &w->bases[i];
    tr_kbd_t *kbd = calloc(1, sizeof *kbd);
    tr_error_t error = {0};
    snprintf(b->name, sizeof b->name, "kb-%zu", i + 1);
    b->directory = b->directory ? b->directory : scratch_new_in_memory();
    b->options = (tr_kbd_options_t){.resident = {.name = b->name, .data = b->directory},
        .shards = shards,
        .replicas = w->replicas,
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
    ok(tr_kb_owing_start(kbd, &error), &error);
    tr_kb_front_greet(kbd);
    b->kbd = kbd;
}

void stop(world_t *w, size_t i) {
    base_t *b = &w->bases[i];
    tr_kbd_t *kbd = b->kbd;
    if (!kbd)
        return;
    tr_kb_jobs_finish(kbd);
    tr_kb_mover_stop(kbd);
    tr_kb_owing_stop(kbd);
    tr_kb_front_stop(kbd);
    tr_kb_search_stop(kbd);
    tr_kb_meaning_stop(&kbd->meaning);
    tr_kb_answers_finish(kbd);
    tr_host_remove(w->host, b->name);
    tr_kb_front_finish(kbd);
    tr_kb_meaning_finish(&kbd->meaning);
    tr_kb_store_close(&kbd->store);
    tr_kb_cache_finish(&kbd->cache);
    free(kbd);
    b->kbd = NULL;
}

world_t *begin(size_t count, const char *shards) {
    world_t *w = calloc(1, sizeof *w);
    w->host = tr_fixture_host();
    w->ann = tr_fixture_agent(w->host, "ann", &asker);
    for (size_t i = 0; i < count; i++)
        start(w, i, shards);
    return w;
}

void end(world_t *w) {
    for (size_t i = 0; i < MOST; i++) {
        stop(w, i);
        if (w->bases[i].directory)
            scratch_end(w->bases[i].directory);
    }
    json_decref(w->answer);
    tr_host_destroy(&w->host);
    free(w);
}

bool turn(world_t *w) {
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

void run(world_t *w) {
    while (turn(w))
        continue;
}

bool is_moving(const world_t *w) {
    bool moving = false;
    for (size_t i = 0; i < MOST; i++)
        moving |= w->bases[i].kbd && w->bases[i].kbd->mover.moving;
    return moving;
}

void let_stay(world_t *w, bool stays) {
    for (size_t i = 0; i < MOST; i++)
        for (size_t k = 0; w->bases[i].kbd && k < w->bases[i].kbd->mover.given_count; k++)
            w->bases[i].kbd->mover.given[k].due_ms = stays ? INT64_MAX : 0;
}

void move_all(world_t *w, void (*each)(world_t *w)) {
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

void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    world_t *w = arg;
    (void)agent, (void)state;
    json_decref(w->answer);
    w->answer = tr_answer_json(answer);
    w->act =
        answer && tr_message_type(answer) == TR_MESSAGE_DIRECT ? tr_message_performative(answer) : TR_FAILURE;
}

const json_t *ask(world_t *w, size_t whom, json_t *request) {
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

const json_t *told(world_t *w, size_t whom, json_t *request) {
    const json_t *answer = ask(w, whom, request);
    if (w->act != TR_INFORM)
        fail_msg("%s", json_dumps(answer, 0));
    return answer;
}

void refused(world_t *w, size_t whom, json_t *request, const char *reason) {
    const json_t *answer = ask(w, whom, request);
    assert_int_not_equal(w->act, TR_INFORM);
    assert_string_equal(json_string_value(json_object_get(answer, "reason")), reason);
}

json_t *document(unsigned number, const char *more) {
    static const char *const nouns[] = {"wing", "sail", "boat", "apple", "engine", "river", "cloud"};
    char text[2000] = "";
    for (unsigned k = 0; k < 8 + number * 7 % 40; k++)
        sprintf(text + strlen(text), "%s %s%s", nouns[(number * 31 + k * k * 17 + k * number) % 7],
            (number + k) % 3 ? "flows " : "burns ", k % 9 == 8 ? "fast. " : "");
    return json_pack("{s:o, s:o, s:{s:i}}", "id", json_sprintf("d%03u", number), "text",
        json_sprintf("%s%s", text, more), "metadata", "year", 1900 + (int)number);
}

void add(world_t *w, size_t whom, unsigned from, unsigned to, const char *more) {
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

size_t documents_of(const world_t *w, size_t i) {
    tr_kb_namespace_t ns = {0};
    tr_kb_namespace_find(w->bases[i].kbd->store, "n", &ns, NULL);
    return (size_t)ns.documents;
}

size_t documents(const world_t *w) {
    size_t n = 0;
    for (size_t i = 0; i < MOST; i++)
        n += w->bases[i].kbd ? documents_of(w, i) : 0;
    return n;
}

void list_is(world_t *w, size_t whom, unsigned from, unsigned to) {
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

json_t *search(const char *query, const char *mode, int k) {
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:b}", "action", "search", "namespace", "n", "query", query,
        "mode", mode, "k", k, "explain", 1);
}

static void add_pending(void *arg, const tr_kb_namespace_t *ns) {
    *(uint64_t *)arg += ns->pending;
}

void until_vectors(world_t *w) {
    int64_t until_ms = tr_clock_ms() + PATIENCE, wait_ms;
    uint64_t pending = 1;
    tr_error_t error = {0};
    while (pending && tr_clock_ms() < until_ms) {
        pending = 0;
        for (size_t i = 0; i < MOST; i++) {
            if (!w->bases[i].kbd)
                continue;
            ok(tr_kb_meaning_turn(&w->bases[i].kbd->meaning, &wait_ms, &error), &error);
            ok(tr_kb_namespaces(w->bases[i].kbd->store, add_pending, &pending, &error), &error);
        }
        tr_host_step(w->host, 5);
        run(w);
    }
    assert_int_equal(pending, 0);
}

size_t owner_of(const world_t *w, unsigned number) {
    char id[8];
    snprintf(id, sizeof id, "d%03u", number);
    return tr_shards_owner(&w->bases[0].kbd->front.shards, "n", id);
}

unsigned first_of(const world_t *w, size_t owner) {
    unsigned n = 0;
    while (owner_of(w, n) != owner)
        n++;
    return n;
}

json_t *about(const char *action, unsigned number) {
    bool remove = strcmp(action, "remove") == 0;
    json_t *id = json_sprintf("d%03u", number);
    return json_pack("{s:s, s:s, s:o}", "action", action, "namespace", "n", remove ? "ids" : "id",
        remove ? json_pack("[o]", id) : id);
}

void start_all(world_t *w, size_t count, const char *shards) {
    for (size_t i = 0; i < MOST; i++)
        stop(w, i);
    for (size_t i = 0; i < count; i++)
        start(w, i, shards);
}
