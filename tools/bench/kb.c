/*
 * kb: the real knowledge base with its file on the disk, asked through the broker by clients who have one question out at a time. Raw is FAISS
 * itself, in one thread of one process (troupe-kb-measure), on the same vectors.
 *
 *   queries    by vector, 10 results with their ids, as fast as 16 clients ask
 *   alone      the median of a search where one client asks; less the raw one it is what the way there and back costs
 *   recall     of those 10, against all of them compared
 *   filtered   the same where one in a hundred passes: exact
 *   memory     the most that the knowledge base has had while it was loaded, built its index and was searched
 *   lexical, embedded     documents loaded until they are found by words, and by vectors made here
 */
#include "lib/base/clock.h"
#include "lib/sample/clusters.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_MS          21600000 /* a million take long where others work too */
#define CLIENTS         16u
#define TOGETHER        250u /* documents of one message */
#define IN_FLIGHT       4u   /* messages */
#define K               10u
#define PARTS           100u /* of the filter */
#define CHECKED         200u
#define CHECKED_OF_MANY 50u /* comparing with a million takes a while */
#define MANY            500000u
#define SMALL           5000u /* vectors: the index may have none but a delta */
#define ALONE           2000u
#define COMMON          151u /* words */
#define SERVICE         "svc:kb"

typedef struct kb_client {
    tr_host_t *host;
    tr_agent_t *agents[CLIENTS];
    float *vectors, *queries;
    size_t dimensions, count, query_count, parts, checked;
    bool filtered;
    size_t sent, done, failed, in_flight;
    int64_t begun_ns[CLIENTS];
    uint32_t *ns;         /* of each search */
    uint32_t (*found)[K]; /* ids + 1 of the first queries' results */
    struct asked {
        struct kb_client *client;
        size_t who, query;
    } asked[CLIENTS];
} kb_client_t;

static int ask(tr_agent_t *agent, tr_content_writer_t *w, tr_answer_fn fn, void *arg) {
    const char *kb = SERVICE;
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&kb, 1}, .protocol = "fipa-request"};
    int r = tr_content_writer_take(w, &acl.content, &acl.content_len);
    if (r == 0)
        r = tr_request(agent, &acl, RUN_MS, fn, arg);
    tr_content_writer_finish(w);
    return r;
}

/* ---- loading ---- */

static void on_added(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    kb_client_t *c = arg;
    (void)self, (void)state;
    c->in_flight--;
    c->failed += !answer || tr_message_performative(answer) != TR_INFORM;
    tr_value_t told = c->failed ? NULL : tr_value_get(tr_message_value(answer), "documents");
    for (size_t i = 0; i < tr_value_size(told); i++)
        c->failed += tr_value_get(tr_value_at(told, i), "error") != NULL;
}

static void write_vector(tr_content_writer_t *w, const float *vector, size_t dimensions) {
    tr_write_str(w, "vector");
    tr_write_bin(w, vector, dimensions * sizeof *vector); /* little-endian, as all that Troupe runs on */
}

static void write_own(const kb_client_t *c, tr_content_writer_t *w, size_t n) {
    char id[24];
    snprintf(id, sizeof id, "%zu", n);
    tr_write_map(w, 3);
    tr_write_kv(w, "id", id);
    write_vector(w, c->vectors + n * c->dimensions, c->dimensions);
    tr_write_str(w, "metadata");
    tr_write_map(w, 1);
    tr_write_kv_uint(w, "part", n % c->parts);
}

/* The n-th most frequent word: one of the language's own, and for those that are rare two of them in one, as in "lighthouse". */
static size_t write_word(size_t n, char *at, size_t size) {
    static const char words[COMMON][9] = {"the", "of", "and", "to", "in", "that", "is", "was", "for", "it",
        "with", "as", "his", "on", "be", "at", "by", "had", "not", "are", "from", "or", "have", "an", "they",
        "which", "one", "you", "were", "her", "all", "she", "there", "would", "their", "we", "him", "been",
        "has", "when", "who", "will", "more", "no", "if", "out", "so", "said", "what", "up", "its", "about",
        "into", "than", "them", "can", "only", "other", "new", "some", "could", "time", "these", "two", "may",
        "then", "do", "first", "any", "my", "now", "such", "like", "our", "over", "man", "me", "even", "most",
        "made", "after", "also", "did", "many", "before", "must", "through", "back", "years", "where", "much",
        "your", "way", "well", "down", "should", "because", "each", "just", "those", "people", "how", "too",
        "little", "state", "good", "very", "make", "world", "still", "own", "see", "men", "work", "long",
        "get", "here", "between", "both", "life", "being", "under", "never", "day", "same", "another", "know",
        "while", "last", "might", "us", "great", "old", "year", "off", "come", "since", "against", "go",
        "came", "right", "used", "take", "three", "house", "water", "light", "stone", "ship", "letter",
        "river"};
    return n < COMMON ? (size_t)snprintf(at, size, "%s ", words[n])
                      : (size_t)snprintf(at, size, "%s%s ", words[n % COMMON], words[n / COMMON % COMMON]);
}

/* A paragraph of words that are as frequent as words are: the n-th is there half as often as the n/2-th. */
static void write_text(tr_content_writer_t *w, size_t n) {
    char id[24], text[1024];
    uint64_t x = n * 2654435761u + 1;
    size_t len = 0;
    snprintf(id, sizeof id, "%zu", n);
    for (size_t i = 0; i < 60; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double u = (double)(x >> 11) / (double)(UINT64_C(1) << 53);
        len += write_word((size_t)(1 / (u + 5e-5) - 0.9999), text + len, sizeof text - len);
    }
    tr_write_map(w, 2);
    tr_write_kv(w, "id", id);
    tr_write_kv(w, "text", text);
}

static int add_some(kb_client_t *c, size_t from, size_t n) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "action", "add");
    tr_write_kv(&w, "namespace", "bench");
    tr_write_str(&w, "documents");
    tr_write_array(&w, n);
    for (size_t i = from; i < from + n; i++)
        if (c->vectors)
            write_own(c, &w, i);
        else
            write_text(&w, i);
    return ask(c->agents[0], &w, on_added, c);
}

static int load(kb_client_t *c, tr_error_t *error) {
    size_t sent = 0, heard = 0;
    int64_t heard_ms = tr_clock_ms();
    while (sent < c->count || c->in_flight) {
        if (heard != sent - c->in_flight) {
            heard = sent - c->in_flight;
            heard_ms = tr_clock_ms();
        }
        if (sent < c->count && c->in_flight < IN_FLIGHT) {
            size_t n = c->count - sent < TOGETHER ? c->count - sent : TOGETHER;
            int r = add_some(c, sent, n);
            if (r < 0 && r != -EAGAIN)
                return tr_error_set(error, r, "cannot add: %s", strerror(-r));
            sent += r == 0 ? n : 0;
            c->in_flight += r == 0;
        } else if (tr_host_step(c->host, 1000) == 0 && tr_clock_ms() - heard_ms > 60000) {
            return tr_error_set(
                error, -ETIMEDOUT, "documents were added, and nothing was heard for a minute");
        }
        if (c->failed)
            return tr_error_set(error, -EIO, "documents were refused");
    }
    return 0;
}

/* ---- waiting for the index ---- */

typedef struct state {
    bool answered;
    int64_t pending, segments, delta;
    bool ready;
} state_t;

static void on_state(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    state_t *s = arg;
    (void)self, (void)state;
    tr_value_t ns = answer ? tr_value_at(tr_value_get(tr_message_value(answer), "namespaces"), 0) : NULL;
    s->answered = true;
    s->pending = tr_value_int(tr_value_get(ns, "pending"), -1);
    s->segments = tr_value_int(tr_value_get(ns, "segments"), -1);
    s->delta = tr_value_int(tr_value_get(ns, "delta"), -1);
    s->ready = tr_value_equals(tr_value_get(ns, "index"), "ready");
}

static int simple(kb_client_t *c, const char *action, state_t *s) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "action", action);
    tr_write_kv(&w, "namespace", "bench");
    int r = ask(c->agents[0], &w, on_state, s);
    while (r == 0 && !s->answered)
        tr_host_step(c->host, -1);
    return r;
}

static bool is_settled(const kb_client_t *c, const state_t *s) {
    return s->pending == 0 &&
           (!c->vectors || (s->ready && (c->count < SMALL || (s->segments == 1 && s->delta == 0))));
}

static int settle(kb_client_t *c, tr_error_t *error) {
    int64_t until = tr_clock_ms() + RUN_MS, next = 0;
    state_t s = {.pending = -1};
    while (!is_settled(c, &s)) {
        if (tr_clock_ms() > until)
            return tr_error_set(error, -ETIMEDOUT, "the index was not ready in %d s", RUN_MS / 1000);
        if (tr_clock_ms() < next) {
            tr_host_step(c->host, next - tr_clock_ms());
            continue;
        }
        s = (state_t){0};
        int r = c->vectors ? simple(c, "compact", &s) : 0;
        s = (state_t){0};
        if (r == 0)
            r = simple(c, "namespaces", &s);
        if (r < 0)
            return tr_error_set(error, r, "cannot ask: %s", strerror(-r));
        next = tr_clock_ms() + (c->vectors ? 200 : 20);
    }
    return 0;
}

/* ---- searching ---- */

static int ask_next(kb_client_t *c, struct asked *a);

static void take_results(kb_client_t *c, size_t query, tr_value_t results) {
    char id[24];
    for (size_t i = 0; i < K && query < CHECKED; i++)
        c->found[query][i] = tr_value_copy(tr_value_get(tr_value_at(results, i), "id"), id, sizeof id) == 0
                                 ? (uint32_t)strtoul(id, NULL, 10) + 1
                                 : 0;
}

static void on_results(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    struct asked *a = arg;
    kb_client_t *c = a->client;
    (void)self, (void)state;
    tr_value_t results = answer ? tr_value_get(tr_message_value(answer), "results") : NULL;
    c->ns[a->query] = (uint32_t)(tr_clock_ns() - c->begun_ns[a->who]);
    c->failed += tr_value_size(results) != K;
    take_results(c, a->query, results);
    c->done++;
    if (c->sent < c->query_count)
        c->failed += ask_next(c, a) < 0;
}

/* Few filters, as those who ask have. */
static size_t part_of(const kb_client_t *c, size_t query) {
    return query % 8 % c->parts;
}

static int ask_next(kb_client_t *c, struct asked *a) {
    tr_content_writer_t w;
    a->query = c->sent++;
    tr_content_writer_init(&w);
    tr_write_map(&w, 4 + (size_t)c->filtered);
    tr_write_kv(&w, "action", "search");
    tr_write_kv(&w, "namespace", "bench");
    tr_write_kv_bool(&w, "brief", true);
    write_vector(&w, c->queries + a->query * c->dimensions, c->dimensions);
    if (c->filtered) {
        tr_write_str(&w, "filter");
        tr_write_map(&w, 1);
        tr_write_kv_uint(&w, "part", part_of(c, a->query));
    }
    c->begun_ns[a->who] = tr_clock_ns();
    return ask(c->agents[a->who], &w, on_results, a);
}

/* So many clients, each with one question out. Seconds that it took; negative with a text. */
static double search(kb_client_t *c, size_t clients, size_t queries, tr_error_t *error) {
    c->sent = c->done = c->failed = 0;
    c->query_count = queries;
    int64_t begun = tr_clock_ns();
    for (size_t i = 0; i < clients && i < queries; i++) {
        c->asked[i] = (struct asked){c, i, 0};
        c->failed += ask_next(c, &c->asked[i]) < 0;
    }
    int64_t until = tr_clock_ms() + RUN_MS;
    while (c->done < queries && !c->failed)
        if (tr_host_step(c->host, TR_BENCH_SILENT_MS) == 0 && tr_clock_ms() > until)
            return tr_error_set(error, -ETIMEDOUT, "%zu of %zu searches were answered", c->done, queries);
    return c->failed ? tr_error_set(error, -EIO, "searches were refused, or had too few results")
                     : (double)(tr_clock_ns() - begun) / 1e9;
}

/* The part of the first queries' results that is as near as the K nearest of those that pass. */
static double recall(const kb_client_t *c) {
    size_t d = c->dimensions, good = 0;
    for (size_t q = 0; q < c->checked; q++) {
        const float *query = c->queries + q * d;
        float best[K], scores[K] = {0};
        size_t n = 0;
        for (size_t v = 0; v < c->count; v++) {
            float score = 0;
            for (size_t i = 0; i < d && (!c->filtered || v % c->parts == part_of(c, q)); i++)
                score += query[i] * c->vectors[v * d + i];
            for (size_t i = 0; i < K; i++)
                if (c->found[q][i] == v + 1)
                    scores[i] = score;
            if (c->filtered && v % c->parts != part_of(c, q))
                continue;
            size_t at = n < K ? n++ : K;
            if (at == K && best[--at] >= score)
                continue;
            for (; at > 0 && best[at - 1] < score; at--)
                best[at] = best[at - 1];
            best[at] = score;
        }
        for (size_t i = 0; i < K; i++)
            good += c->found[q][i] && scores[i] >= best[K - 1] - 1e-5f;
    }
    return (double)good / (double)(c->checked * K);
}

static int by_time(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* ---- the roles ---- */

static int begin(kb_client_t *c, const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "client"};
    int r = tr_bench_client(task, "client-0", &behaviour, &c->host, &c->agents[0], error);
    for (unsigned i = 1; i < CLIENTS && r == 0; i++) {
        char name[24];
        snprintf(name, sizeof name, "client-%u", i);
        r = tr_host_add(c->host, name, &behaviour, NULL, &c->agents[i], error);
    }
    return r;
}

static int prepare(kb_client_t *c, const tr_bench_task_t *task, tr_error_t *error) {
    size_t queries = (size_t)task->count > ALONE ? (size_t)task->count : ALONE;
    c->count = task->agents;
    c->dimensions = task->size;
    c->parts = c->count / K < PARTS ? c->count / K : PARTS;
    size_t most = c->count < MANY ? CHECKED : CHECKED_OF_MANY;
    c->checked = task->count < most ? (size_t)task->count : most;
    if (c->parts == 0)
        return tr_error_set(error, -EINVAL, "--agents: expected %u vectors or more", K);
    c->vectors = tr_sample_clusters(0, c->count, c->dimensions);
    c->queries = tr_sample_clusters(c->count, queries, c->dimensions);
    c->ns = calloc(queries, sizeof *c->ns);
    c->found = calloc(CHECKED, sizeof *c->found);
    return c->vectors && c->queries && c->ns && c->found ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

/* What is told: count and time of the clients' searches, the median of one alone, recall, and those with a filter. */
static int search_role(const tr_bench_task_t *task, tr_error_t *error) {
    kb_client_t c = {0};
    tr_bench_note_t note = {.word = TR_BENCH_DONE, .first_ns = 1};
    double all = 0, filtered = 0, share = 0;
    int r = begin(&c, task, error);
    if (r == 0)
        r = prepare(&c, task, error);
    if (r == 0)
        r = load(&c, error);
    if (r == 0)
        r = settle(&c, error);
    size_t queries = (size_t)task->count;
    if (r == 0 &&
        (search(&c, CLIENTS, queries / 10 + 1, error) < 0 || (all = search(&c, CLIENTS, queries, error)) < 0))
        r = -EIO;
    share = r == 0 ? recall(&c) : 0;
    if (r == 0 && search(&c, 1, ALONE, error) < 0)
        r = -EIO;
    qsort(c.ns, r == 0 ? ALONE : 0, sizeof *c.ns, by_time);
    note.p50_us = r == 0 ? c.ns[ALONE / 2] / 1e3 : 0;
    c.filtered = true;
    if (r == 0 && (search(&c, CLIENTS, 8, error) < 0 || (filtered = search(&c, CLIENTS, queries, error)) < 0))
        r = -EIO;
    if (r == 0 && recall(&c) < 1)
        r = tr_error_set(error, -EIO, "a filtered search was not exact");
    if (r < 0)
        return r;
    note.count = queries;
    note.last_ns = (int64_t)(all * 1e9);
    note.p99_us = share;
    note.number = (uint64_t)((double)queries / filtered);
    tr_bench_say(task, &note);
    tr_bench_client_rest(c.host);
}

static int load_role(const tr_bench_task_t *task, tr_error_t *error) {
    kb_client_t c = {.count = task->agents};
    tr_bench_note_t note = {.word = TR_BENCH_DONE, .count = task->agents};
    int r = begin(&c, task, error);
    note.first_ns = tr_clock_ns();
    if (r == 0)
        r = load(&c, error);
    note.last_ns = tr_clock_ns();
    if (r == 0)
        r = settle(&c, error);
    note.number = (uint64_t)(tr_clock_ns() - note.first_ns);
    if (r < 0)
        return r;
    tr_bench_say(task, &note);
    tr_bench_client_rest(c.host);
}

/* ---- the processes ---- */

static int start_kbd(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint,
    tr_bench_child_t **ret_child, tr_error_t *error) {
    char data[96], fd[16], path[PATH_MAX];
    /* Each query is asked more than once: what is measured is searching. */
    const char *argv[] = {
        "troupe-kbd", "--connect", endpoint, "--data", data, "--cache", "0", "--ready-fd", fd, NULL};
    snprintf(data, sizeof data, "%s/kb-%u", bench->directory, bench->serial++);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    int r = tr_programs_find_beside("kbd", "troupe-kbd", path, error);
    if (r == 0)
        r = tr_bench_exec(bench, c, path, argv, true, ret_child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, *ret_child, TR_BENCH_SILENT_MS, error);
}

static int run(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_role_fn role, tr_bench_note_t *ret_note,
    tr_process_memory_t *ret_memory, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, c->count);
    tr_bench_broker_t broker;
    tr_bench_child_t *client, *kbd;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    task.agents = c->agents;
    task.size = c->size;
    r = start_kbd(bench, c, broker.endpoint, &kbd, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the client", role, &task, &client, error);
    if (r == 0)
        r = tr_bench_hear(bench, client, TR_BENCH_DONE, RUN_MS, ret_note, error);
    return r < 0 ? r : tr_bench_memory(kbd->pid, ret_memory, error);
}

int tr_bench_kb(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    tr_process_memory_t memory;
    int r = run(bench, c, search_role, &note, &memory, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {(double)note.count * 1e9 / (double)note.last_ns, note.p99_us,
                                       note.p50_us, (double)note.number, (double)memory.peak_bytes}};
    return r;
}

int tr_bench_kb_load(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_note_t note;
    tr_process_memory_t memory;
    int r = run(bench, c, load_role, &note, &memory, error);
    if (r == 0)
        *ret =
            (tr_bench_sample_t){.values = {(double)note.count * 1e9 / (double)(note.last_ns - note.first_ns),
                                    (double)note.count * 1e9 / (double)note.number}};
    return r;
}

/* What a program says in its one line of JSON. */
static int hear_program(tr_bench_t *bench, const tr_bench_case_t *c, const char *const *argv,
    json_t **ret_said, tr_error_t *error) {
    char path[PATH_MAX];
    tr_bench_child_t *child;
    int r = tr_programs_find_beside("kbd", argv[0], path, error);
    if (r == 0)
        r = tr_bench_exec(bench, c, path, argv, true, &child, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, child, RUN_MS, error);
    if (r == 0 && !(*ret_said = json_loads(child->line, 0, NULL)))
        r = tr_error_set(error, -EPROTO, "%s said: %.100s", argv[0], child->line);
    return r;
}

static double number(const json_t *said, const char *name) {
    return json_number_value(json_object_get(said, name));
}

int tr_bench_kb_raw(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    char count[24], dimensions[24], fd[16];
    json_t *said = NULL;
    snprintf(count, sizeof count, "%u", c->agents);
    snprintf(dimensions, sizeof dimensions, "%zu", c->size);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    int r = hear_program(
        bench, c, (const char *[]){"troupe-kb-measure", count, dimensions, fd, NULL}, &said, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {number(said, "queries"), number(said, "recall"), number(said, "p50_us")}};
    json_decref(said);
    return r;
}

/* Both search the same graph, which the faster of the two has made. `recall`: how much is to be found, NULL = it searches as far as it does. */
static int kernels(tr_bench_t *bench, const tr_bench_case_t *c, const char *program, const char *recall,
    json_t **ret_said, tr_error_t *error) {
    char file[96], count[24], dimensions[24], fd[16];
    const char *argv[] = {"troupe-kb-kernels", file, count, dimensions, fd, NULL, NULL};
    int r = 0;
    snprintf(file, sizeof file, "%s/graph-%u-%zu", bench->directory, c->agents, c->size);
    snprintf(count, sizeof count, "%u", c->agents);
    snprintf(dimensions, sizeof dimensions, "%zu", c->size);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    if (access(file, F_OK) < 0)
        r = hear_program(bench, c, argv, ret_said, error);
    json_decref(*ret_said);
    *ret_said = NULL;
    argv[0] = program;
    argv[5] = recall;
    return r < 0 ? r : hear_program(bench, c, argv, ret_said, error);
}

static int kernels_alone(tr_bench_t *bench, const tr_bench_case_t *c, const char *program,
    tr_bench_sample_t *ret, tr_error_t *error) {
    json_t *said = NULL;
    int r = kernels(bench, c, program, NULL, &said, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {number(said, "queries"), number(said, "p50_us")}};
    json_decref(said);
    return r;
}

int tr_bench_kb_kernels(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return kernels_alone(bench, c, "troupe-kb-kernels", ret, error);
}

int tr_bench_kb_kernels_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return kernels_alone(bench, c, "troupe-kb-kernels-plain", ret, error);
}

int tr_bench_kb_archive(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    json_t *said = NULL;
    int r = kernels(bench, c, "troupe-kb-kernels-plain", "0.99", &said, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {number(said, "queries"), number(said, "recall")}};
    json_decref(said);
    return r;
}
