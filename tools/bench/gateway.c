/*
 * gateway: requests over kept connections that need no agent, and such that go to an agent and back; how long a publication takes to a WebSocket; what a
 * WebSocket costs; how large the page is.
 */
#include "lib/base/clock.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"
#include "tools/bench/http.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_MS    300000
#define START_MS  20000
#define TOPIC     "bench.tick"
#define EVERY_MS  1
#define FILES_MAX 64
#define SPARE     128 /* descriptors beside those of the sockets */

typedef struct gateway {
    tr_bench_broker_t broker;
    tr_bench_child_t *child;
    char place[64]; /* 127.0.0.1:PORT */
    char token[96];
} gateway_t;

/* ---- the gateway ---- */

/* Its one line on stdout, which is in its log. */
static int read_token(const tr_bench_t *bench, char *out, size_t size, tr_error_t *error) {
    char log[600];
    tr_bench_log_path(bench, "troupe-gateway", log, sizeof log);
    FILE *file = fopen(log, "re");
    char *line = file ? fgets(out, (int)size, file) : NULL;
    if (file)
        fclose(file);
    if (!line || strlen(out) < 16)
        return tr_error_set(error, -EPROTO, "troupe-gateway --new-token told no token");
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

static int make_token(
    tr_bench_t *bench, const tr_bench_case_t *c, const char *tokens, gateway_t *g, tr_error_t *error) {
    const char *argv[] = {"troupe-gateway", "--tokens", tokens, "--new-token", "bench:operator", NULL};
    tr_bench_child_t *child;
    int r = tr_bench_exec_once(bench, c, bench->programs.gateway, argv, &child, error);
    if (r == 0)
        r = tr_bench_hear_end(bench, child, START_MS, error);
    return r < 0 ? r : read_token(bench, g->token, sizeof g->token, error);
}

static int read_place(const char *line, gateway_t *g, tr_error_t *error) {
    json_t *ready = json_loads(line, 0, NULL);
    const char *url = json_string_value(json_object_get(ready, "url"));
    const char *at = url ? strstr(url, "://") : NULL;
    int n = at ? snprintf(g->place, sizeof g->place, "%s", at + 3) : -1;
    json_decref(ready);
    return n > 0 && (size_t)n < sizeof g->place
               ? 0
               : tr_error_set(
                     error, -EPROTO, "troupe-gateway is ready, but does not say where: %.200s", line);
}

static int start(tr_bench_t *bench, const tr_bench_case_t *c, gateway_t *g, tr_error_t *error) {
    char tokens[96];
    *g = (gateway_t){.child = NULL};
    if (!*bench->programs.gateway)
        return tr_error_set(error, -ENOENT, "troupe-gateway was not found; is Troupe installed as a whole?");
    snprintf(tokens, sizeof tokens, "%s/tokens-%u", bench->directory, bench->serial++);
    int r = tr_bench_broker_start(bench, c, &g->broker, error);
    const char *argv[] = {"troupe-gateway", "--connect", g->broker.endpoint, "--listen", "127.0.0.1:0",
        "--tokens", tokens, "--rate", "0", "--connections", "100000", "--connections-each", "0",
        "--ready-fd=3", NULL};
    if (r == 0)
        r = make_token(bench, c, tokens, g, error);
    if (r == 0)
        r = tr_bench_exec(bench, c, bench->programs.gateway, argv, true, &g->child, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, g->child, START_MS, error);
    return r < 0 ? r : read_place(g->child->line, g, error);
}

/* What its clients need to know. */
static tr_bench_task_t task_of(
    tr_bench_t *bench, const tr_bench_case_t *c, const gateway_t *g, uint64_t count) {
    tr_bench_task_t task = tr_bench_task(bench, c, count);
    snprintf(task.endpoint, sizeof task.endpoint, "%s", g->place);
    snprintf(task.to, sizeof task.to, "%s", g->token);
    return task;
}

/* ---- requests ---- */

static int run_flood(const tr_bench_task_t *task, const char *path, const char *body, tr_error_t *error) {
    tr_bench_ask_t ask;
    uint32_t *ns = calloc(task->count + 1, sizeof *ns);
    int64_t first = 0, last = 0;
    if (!ns || !tr_bench_ask_make(&ask, task->endpoint, task->to, path, body))
        return tr_error_set(error, -ENOMEM, "out of memory, or a longer request than can be asked");
    int r = tr_bench_http_flood(
        task->endpoint, &ask, task->agents, task->warm, task->count, ns, &first, &last, error);
    if (r == 0)
        tr_bench_say_stored(task, ns, task->count, first, last);
    free(ns);
    return r;
}

static int run_small(const tr_bench_task_t *task, tr_error_t *error) {
    return run_flood(task, "/api/v1/login", NULL, error); /* who asks: its token is looked at */
}

static int run_echoes(const tr_bench_task_t *task, tr_error_t *error) {
    return run_flood(task, "/api/v1/messages", "{\"receiver\": \"echo\", \"content\": \"hello\"}", error);
}

static int flood(tr_bench_t *bench, const tr_bench_case_t *c, const gateway_t *g, tr_bench_role_fn role,
    tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = task_of(bench, c, g, c->count);
    tr_bench_child_t *clients;
    tr_bench_note_t done;
    int r = tr_bench_fork(bench, c, "the clients", role, &task, &clients, error);
    if (r == 0)
        r = tr_bench_hear(bench, clients, TR_BENCH_DONE, RUN_MS, &done, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {(double)done.count * 1e9 / (double)(done.last_ns - done.first_ns), done.p99_us}};
    return r;
}

int tr_bench_gateway(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    gateway_t g;
    int r = start(bench, c, &g, error);
    return r < 0 ? r : flood(bench, c, &g, run_small, ret, error);
}

int tr_bench_gateway_echo(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    gateway_t g;
    tr_bench_child_t *agent;
    int r = start(bench, c, &g, error);
    const char *argv[] = {"troupe-agentd", "--connect", g.broker.endpoint, "--name", "echo", "--behaviour",
        "echo", "--ready-fd=3", NULL};
    if (r == 0)
        r = tr_bench_exec(bench, c, bench->programs.agentd, argv, true, &agent, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, agent, START_MS, error);
    return r < 0 ? r : flood(bench, c, &g, run_echoes, ret, error);
}

/* ---- publications ---- */

/* One each EVERY_MS, until the watcher has seen the first, and then those that are measured, whose numbers begin at 1. */
static int run_publisher(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "publisher"};
    tr_host_t *host;
    tr_agent_t *agent;
    int r = tr_bench_client(task, "publisher", &behaviour, &host, &agent, error);
    for (uint64_t n = 0; r == 0 && n <= task->count;) {
        int64_t next_ms = tr_clock_ms() + EVERY_MS;
        tr_content_writer_t w;
        n += atomic_load(&task->shared->go);
        tr_content_writer_init(&w);
        tr_write_map(&w, 2);
        tr_write_kv_uint(&w, "n", n);
        tr_write_kv_int(&w, "ns", tr_clock_ns());
        tr_publish_content(agent, TOPIC, &w);
        for (int64_t left; (left = next_ms - tr_clock_ms()) > 0;)
            tr_host_step(host, left);
    }
    if (r == 0)
        tr_bench_client_rest(host);
    return r;
}

static int64_t number_in(const char *json, const char *key) {
    const char *at = strstr(json, key);
    return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int watch(const tr_bench_task_t *task, int fd, uint32_t *ns, tr_error_t *error) {
    char message[1024];
    int64_t n = 0;
    uint64_t seen = 0;
    int r = tr_bench_socket_next(fd, message, sizeof message, error); /* what it watches */
    while (r == 0 && n < (int64_t)task->count) {
        r = tr_bench_socket_next(fd, message, sizeof message, error);
        int64_t now = tr_clock_ns(), sent = number_in(message, "\"ns\":");
        n = number_in(message, "\"n\":");
        atomic_store(&task->shared->go, true);
        if (r == 0 && n > 0 && sent > 0 && seen < task->count)
            ns[seen++] = (uint32_t)(now - sent < UINT32_MAX ? now - sent : UINT32_MAX);
    }
    if (r == 0 && seen < task->count)
        r = tr_error_set(error, -EIO, "of %llu publications %llu came", (unsigned long long)task->count,
            (unsigned long long)seen);
    return r;
}

static int run_watcher(const tr_bench_task_t *task, tr_error_t *error) {
    uint32_t *ns = calloc(task->count + 1, sizeof *ns);
    int fd = ns ? tr_bench_socket_open(task->from, task->to, TOPIC, error)
                : tr_error_set(error, -ENOMEM, "out of memory");
    int r = fd < 0 ? fd : watch(task, fd, ns, error);
    if (r < 0)
        return r;
    qsort(ns, task->count, sizeof *ns, compare);
    tr_bench_note_t note = {.word = TR_BENCH_DONE,
        .count = task->count,
        .p50_us = ns[task->count / 2] / 1e3,
        .p99_us = ns[task->count * 95 / 100] / 1e3}; /* the 95th, as the target has it */
    tr_bench_say(task, &note);
    tr_bench_rest();
}

int tr_bench_gateway_events(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    gateway_t g;
    tr_bench_child_t *watcher, *publisher;
    tr_bench_note_t done;
    int r = start(bench, c, &g, error);
    if (r < 0)
        return r;
    tr_bench_task_t task = task_of(bench, c, &g, c->count);
    snprintf(task.from, sizeof task.from, "%s", g.place);
    snprintf(task.endpoint, sizeof task.endpoint, "%s", g.broker.endpoint);
    r = tr_bench_fork(bench, c, "the watcher", run_watcher, &task, &watcher, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the publisher", run_publisher, &task, &publisher, error);
    if (r == 0)
        r = tr_bench_hear(bench, watcher, TR_BENCH_DONE, RUN_MS, &done, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {done.p50_us, done.p99_us}};
    return r;
}

/* ---- what a WebSocket costs ---- */

static int run_sockets(const tr_bench_task_t *task, tr_error_t *error) {
    char message[1024];
    int r = tr_process_need_files(task->agents + SPARE, NULL, error);
    for (uint32_t i = 0; i < task->agents && r == 0; i++) {
        int fd = tr_bench_socket_open(task->endpoint, task->to, TOPIC, error);
        r = fd < 0 ? fd : tr_bench_socket_next(fd, message, sizeof message, error);
        if (i == 0 && r == 0)
            tr_bench_say_ready(task, NULL, 1); /* what there is of them all is there */
        while (i == 0 && r == 0 && !atomic_load(&task->shared->go))
            usleep(1000);
    }
    if (r < 0)
        return r;
    tr_bench_note_t note = {.word = TR_BENCH_DONE, .count = task->agents};
    tr_bench_say(task, &note);
    tr_bench_rest();
}

int tr_bench_gateway_sockets(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    gateway_t g;
    tr_process_memory_t before, after;
    tr_bench_child_t *clients;
    tr_bench_note_t note;
    int r = start(bench, c, &g, error);
    if (r < 0)
        return r;
    tr_bench_task_t task = task_of(bench, c, &g, 0);
    bench->work = 0;
    r = tr_bench_fork(bench, c, "the clients", run_sockets, &task, &clients, error);
    if (r == 0)
        r = tr_bench_hear(bench, clients, TR_BENCH_READY, START_MS, &note, error);
    if (r == 0)
        r = tr_bench_memory(g.child->pid, &before, error);
    atomic_store(&bench->shared->go, true);
    if (r == 0)
        r = tr_bench_hear(bench, clients, TR_BENCH_DONE, RUN_MS, &note, error);
    if (r == 0)
        r = tr_bench_memory(g.child->pid, &after, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){
            .values = {((double)after.rss_bytes - (double)before.rss_bytes) / c->agents, (double)note.count}};
    return r;
}

/* ---- the page ---- */

typedef struct page {
    char files[FILES_MAX][80]; /* paths, the first is the page's */
    size_t n;
} page_t;

static void add_file(page_t *p, const char *name, size_t len) {
    char path[80];
    int n = snprintf(path, sizeof path, "/web/%.*s", (int)len, name);
    bool fits = n > 0 && (size_t)n < sizeof path && p->n < FILES_MAX;
    for (size_t i = 0; i < p->n && fits; i++)
        fits = strcmp(p->files[i], path) != 0;
    if (fits)
        strcpy(p->files[p->n++], path);
}

/* What a file loads: "/web/NAME" of the page, "./NAME" of a script; views are loaded when somebody goes to them. */
static void find_files(page_t *p, const char *text) {
    static const char *const marks[] = {"\"/web/", "\"./"};
    for (size_t i = 0; i < 2; i++)
        for (const char *at = text; (at = strstr(at, marks[i]));) {
            at += strlen(marks[i]);
            size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz-.");
            if (at[len] == '"')
                add_file(p, at, len);
        }
}

static int run_page(const tr_bench_task_t *task, tr_error_t *error) {
    page_t p = {.files = {"/"}, .n = 1};
    size_t all = 0;
    for (size_t i = 0; i < p.n; i++) {
        char *packed = NULL, *plain = NULL;
        size_t packed_len = 0, plain_len = 0;
        int r = tr_bench_http_get(task->endpoint, p.files[i], true, &packed, &packed_len, error);
        if (r == 0)
            r = tr_bench_http_get(task->endpoint, p.files[i], false, &plain, &plain_len, error);
        if (r == 0)
            find_files(&p, plain);
        free(packed);
        free(plain);
        if (r < 0)
            return r;
        all += packed_len;
    }
    tr_bench_note_t note = {.word = TR_BENCH_DONE, .count = all, .number = p.n};
    tr_bench_say(task, &note);
    tr_bench_rest();
}

int tr_bench_gateway_page(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    gateway_t g;
    tr_bench_child_t *client;
    tr_bench_note_t done;
    int r = start(bench, c, &g, error);
    if (r < 0)
        return r;
    tr_bench_task_t task = task_of(bench, c, &g, 0);
    bench->work = 0;
    r = tr_bench_fork(bench, c, "the client", run_page, &task, &client, error);
    if (r == 0)
        r = tr_bench_hear(bench, client, TR_BENCH_DONE, RUN_MS, &done, error);
    if (r == 0)
        *ret = (tr_bench_sample_t){.values = {(double)done.count, (double)done.number}};
    return r;
}
