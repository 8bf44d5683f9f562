/*
 * minds: the built-in mind by itself, and agents that think with a language model, a great many at once.
 *
 *   sentences, summary     an intent and the entities of each sentence, and a summary of 50,000 bytes, in one thread without a message (troupe-mind-measure)
 *   embedded               sentences as vectors, likewise, by whichever embedder there is (a note says so where it is the poor one)
 *   turns                  of dialogues with a model whose replies stream (model_server.h), in one troupe-agentd
 *   memory                 of the process for each call in flight, less what it had before them
 *   cpu                    of the process for each turn: 500 us are 5 % of a core at 100 turns a second
 */
#include "lib/base/clock.h"
#include "tools/bench/broker.h"
#include "tools/bench/client.h"
#include "tools/bench/model_server.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_MS    120000
#define EACH      50u /* calls of one agent at once */
#define SETTLE_MS 1500
#define WINDOW_MS 6000
#define SENTENCES 1200
#define REPEAT    "5"

/* ---- the client ---- */

typedef struct client {
    tr_host_t *host;
    tr_agent_t *agent;
    const tr_bench_task_t *task;
    uint64_t failed;
    bool again; /* whoever was answered says something else */
} client_t;

typedef struct talker {
    client_t *client;
    uint32_t number;
} talker_t;

static int say(talker_t *talker);

static void on_turn(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    talker_t *talker = arg;
    client_t *c = talker->client;
    (void)agent, (void)state;
    c->failed += !answer || tr_message_type(answer) == TR_MESSAGE_FAILED ||
                 tr_message_performative(answer) != TR_INFORM ||
                 !tr_value_equals(tr_value_get(tr_message_value(answer), "by"), "model bench");
    atomic_fetch_add(&c->task->shared->seen[0].count, 1);
    if (c->again && say(talker) < 0)
        c->failed++;
}

/* Each talker is a user of its own, and EACH of them share an agent. */
static int say(talker_t *talker) {
    char agent[32], user[32];
    const char *to = agent;
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&to, 1}, .protocol = "fipa-request"};
    tr_content_writer_t w;
    bool alone = talker->client->task->agents <= EACH; /* then it has no number */
    snprintf(agent, sizeof agent, alone ? "mind" : "mind-%u", talker->number / EACH);
    snprintf(user, sizeof user, "u%u", talker->number);
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv(&w, "user", user);
    tr_write_kv(&w, "text", "how far has it come by now, and what is left to be done?");
    int r = tr_content_writer_take(&w, &acl.content, &acl.content_len);
    if (r == 0)
        r = tr_request(talker->client->agent, &acl, RUN_MS, on_turn, talker);
    tr_content_writer_finish(&w);
    return r;
}

static int say_all(client_t *c, talker_t *talkers, uint32_t step, tr_error_t *error) {
    for (uint32_t i = 0; i < c->task->agents; i += step) {
        int r = say(&talkers[i]);
        if (r < 0)
            return tr_error_set(error, r, "cannot ask agent %u: %s", i / EACH, strerror(-r));
    }
    return 0;
}

/* Turns until so many were answered. */
static int await(client_t *c, uint64_t wanted, tr_error_t *error) {
    uint64_t seen = 0, count;
    int64_t heard_ms = tr_clock_ms();
    while ((count = atomic_load(&c->task->shared->seen[0].count)) < wanted && c->failed == 0) {
        heard_ms = count > seen ? tr_clock_ms() : heard_ms;
        seen = count;
        if (tr_clock_ms() - heard_ms > TR_BENCH_SILENT_MS)
            return tr_error_set(
                error, -ETIMEDOUT, "nothing was answered for %d s", TR_BENCH_SILENT_MS / 1000);
        tr_host_step(c->host, 1000);
    }
    return c->failed ? tr_error_set(error, -EIO, "a turn has failed, or the model did not answer it") : 0;
}

/* READY once each agent has talked, so that what all of them share is there; then all at once, and on and on. */
static int talk_role(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "client"};
    client_t c = {.task = task};
    talker_t *talkers = calloc(task->agents, sizeof *talkers);
    int r = talkers ? tr_bench_client(task, "client", &behaviour, &c.host, &c.agent, error)
                    : tr_error_set(error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; talkers && i < task->agents; i++)
        talkers[i] = (talker_t){&c, i};
    if (r == 0)
        r = say_all(&c, talkers, EACH, error);
    if (r == 0)
        r = await(&c, (task->agents + EACH - 1) / EACH, error);
    if (r == 0)
        tr_bench_say_ready(task, NULL, 0);
    while (r == 0 && !atomic_load(&task->shared->go))
        tr_host_step(c.host, 10);
    c.again = true;
    if (r == 0)
        r = say_all(&c, talkers, 1, error);
    return r == 0 ? await(&c, UINT64_MAX, error) : r;
}

/* ---- the processes ---- */

static int cpu_us(pid_t pid, int64_t *ret_us, tr_error_t *error) {
    char path[40], line[1024];
    unsigned long long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    const char *from = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file)
        fclose(file);
    if (!from || sscanf(from, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel) != 2)
        return tr_error_set(error, -EIO, "%s cannot be read", path);
    *ret_us = (int64_t)((user + kernel) * 1000000 / (unsigned long long)sysconf(_SC_CLK_TCK));
    return 0;
}

static int start_agents(tr_bench_t *bench, const tr_bench_case_t *c, const char *endpoint, uint64_t port,
    tr_bench_child_t **ret_child, tr_error_t *error) {
    char mind[300], count[16];
    const char *argv[] = {"troupe-agentd", "--connect", endpoint, "--name", "mind", "--count", count,
        "--behaviour", "dialogue", "--mind", mind, "--ready-fd=3", NULL};
    snprintf(count, sizeof count, "%u", (c->agents + EACH - 1) / EACH);
    snprintf(mind, sizeof mind,
        "{\"base-url\": \"http://127.0.0.1:%u/v1\", \"models\": {\"dialogue\": \"bench\"}}", (unsigned)port);
    int r = tr_bench_exec(bench, c, bench->programs.agentd, argv, true, ret_child, error);
    return r < 0 ? r : tr_bench_hear_line(bench, *ret_child, TR_BENCH_SILENT_MS, error);
}

typedef struct figures {
    int64_t at_ns, cpu;
    uint64_t turns;
} figures_t;

static int look(tr_bench_t *bench, const tr_bench_child_t *agents, figures_t *ret, tr_error_t *error) {
    ret->at_ns = tr_clock_ns();
    ret->turns = atomic_load(&bench->shared->seen[0].count);
    return cpu_us(agents->pid, &ret->cpu, error);
}

/* All are in flight once the first of them come back; what they cost is counted after that. */
static int measure(tr_bench_t *bench, const tr_bench_case_t *c, const tr_bench_child_t *agents,
    tr_bench_sample_t *ret, tr_error_t *error) {
    tr_process_memory_t before, during;
    figures_t from, to;
    int r = tr_bench_pause(bench, SETTLE_MS, error);
    if (r == 0)
        r = tr_bench_memory(agents->pid, &before, error);
    atomic_store(&bench->shared->go, true);
    if (r == 0)
        r = tr_bench_pause(bench, TR_BENCH_MODEL_PIECES * TR_BENCH_MODEL_PACE_MS, error);
    if (r == 0)
        r = look(bench, agents, &from, error);
    if (r == 0)
        r = tr_bench_pause(bench, WINDOW_MS, error);
    if (r == 0)
        r = look(bench, agents, &to, error);
    if (r == 0)
        r = tr_bench_memory(agents->pid, &during, error);
    if (r < 0)
        return r;
    double turns = (double)(to.turns - from.turns), seconds = (double)(to.at_ns - from.at_ns) / 1e9;
    double grown = during.rss_bytes > before.rss_bytes ? (double)(during.rss_bytes - before.rss_bytes) : 0;
    if (turns < 1)
        return tr_error_set(error, -ETIMEDOUT, "no turn was answered in %d s", WINDOW_MS / 1000);
    *ret = (tr_bench_sample_t){
        .values = {turns / seconds, grown / c->agents, (double)(to.cpu - from.cpu) / turns}};
    return 0;
}

int tr_bench_minds_model(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    tr_bench_task_t task = tr_bench_task(bench, c, 0);
    tr_bench_broker_t broker;
    tr_bench_child_t *server, *agents, *client;
    tr_bench_note_t note;
    int r = tr_bench_broker_start(bench, c, &broker, error);
    if (r < 0)
        return r;
    memcpy(task.endpoint, broker.endpoint, sizeof task.endpoint);
    task.agents = c->agents;
    r = tr_bench_fork(bench, c, "the model server", tr_bench_model_server, &task, &server, error);
    if (r == 0)
        r = tr_bench_hear(bench, server, TR_BENCH_READY, TR_BENCH_SILENT_MS, &note, error);
    if (r == 0)
        r = start_agents(bench, c, broker.endpoint, note.number, &agents, error);
    if (r == 0)
        r = tr_bench_fork(bench, c, "the client", talk_role, &task, &client, error);
    if (r == 0)
        r = tr_bench_hear(bench, client, TR_BENCH_READY, RUN_MS, &note, error);
    return r < 0 ? r : measure(bench, c, agents, ret, error);
}

/* ---- the built-in mind ---- */

/* English sentences of some 64 bytes, a paragraph of four each, as captions and headlines are. */
static int write_text(const char *path, tr_error_t *error) {
    static const char *const who[] = {"Anna Miller", "The Harbour Company", "Bob Stone",
        "A committee in Oslo", "The Free Software Foundation", "Professor Chen"};
    static const char *const what[] = {"opened the new bridge", "asked for cheaper trains",
        "sold two old ships", "found the missing letters", "paid 20 euros for a map",
        "refused to vote again"};
    static const char *const when[] = {"in Berlin on 3 May 2021", "after a long night of storms",
        "before the court in Paris", "with little hope of success", "for the third time this year",
        "and nobody complained"};
    FILE *file = fopen(path, "we");
    for (unsigned i = 0; file && i < SENTENCES; i++)
        fprintf(file, "%s %s %s.%s", who[i % 6], what[i / 6 % 6], when[(i / 36 + i) % 6],
            i % 4 == 3 ? "\n\n" : " ");
    if (!file || fclose(file) != 0)
        return tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
    return 0;
}

static void take_figures(const json_t *said, tr_bench_sample_t *ret) {
    const char *embedder = json_string_value(json_object_get(said, "embedder"));
    *ret = (tr_bench_sample_t){.values = {json_number_value(json_object_get(said, "sentences")),
                                   json_number_value(json_object_get(said, "summary_us")),
                                   json_number_value(json_object_get(said, "embedded"))}};
    if (!embedder || strncmp(embedder, "ngrams", 6) == 0)
        snprintf(ret->note, sizeof ret->note,
            "embedded by %s, which knows no synonyms: the model of sentences is not there (tools/setup "
            "--embeddings)",
            embedder ? embedder : "none");
}

int tr_bench_minds(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    char text[96], fd[16], path[PATH_MAX];
    const char *argv[] = {"troupe-mind-measure", text, REPEAT, fd, NULL};
    tr_bench_child_t *child;
    snprintf(text, sizeof text, "%s/sentences.txt", bench->directory);
    snprintf(fd, sizeof fd, "%d", TR_BENCH_READY_FD);
    int r = write_text(text, error);
    if (r == 0)
        r = tr_programs_find_beside("agentd/mind", "troupe-mind-measure", path, error);
    if (r == 0)
        r = tr_bench_exec(bench, c, path, argv, true, &child, error);
    if (r == 0)
        r = tr_bench_hear_line(bench, child, RUN_MS, error);
    unlink(text);
    json_t *said = r == 0 ? json_loads(child->line, 0, NULL) : NULL;
    if (r == 0 && !(json_number_value(json_object_get(said, "summary_us")) > 0))
        r = tr_error_set(error, -EPROTO, "troupe-mind-measure said: %.100s", child->line);
    if (r == 0)
        take_figures(said, ret);
    json_decref(said);
    return r;
}
