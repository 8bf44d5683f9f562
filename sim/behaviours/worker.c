/*
 * worker: does the work of a service.
 *
 *   args: {"service": "work", "takes": 500, "at_once": 2, "fails": 0}
 *
 * Each piece takes a random time, exponential with the mean `takes` milliseconds; `at_once` are in work together. With probability `fails` it
 * ends in a failure. Measure: worked (also what nobody waits for any more, because it was done twice).
 */
#include "sim/behaviours/table.h"

#include <errno.h>
#include <stdlib.h>

typedef struct worker_args {
    char service[TR_NAME_MAX + 1];
    int64_t takes, at_once;
    double fails;
} worker_args_t;

typedef struct job {
    struct job *next, **prev;
    tr_message_t *message;
} job_t;

typedef struct worker {
    tr_part_t part;
    double takes, fails;
    job_t *jobs;
    uint64_t worked;
} worker_t;

static const tr_arg_t known[] = {
    {"service", TR_ARG_TEXT, offsetof(worker_args_t, service), TR_NAME_MAX + 1, .check = tr_arg_is_service,
        .expected = "the name of a service"},
    {"takes", TR_ARG_WHOLE, offsetof(worker_args_t, takes), .min = 1, .max = 86400000},
    {"at_once", TR_ARG_WHOLE, offsetof(worker_args_t, at_once), .min = 1, .max = 10000},
    {"fails", TR_ARG_REAL, offsetof(worker_args_t, fails), .min = 0, .max = 1},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, worker_args_t *ret, tr_problem_t *problem) {
    *ret = (worker_args_t){.service = "work", .takes = 500, .at_once = 2};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_worker_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(worker_args_t){0}, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    worker_t *w = state;
    worker_args_t read;
    int rc = read_args(args, &read, NULL);
    w->takes = (double)read.takes;
    w->fails = read.fails;
    if (rc == 0)
        rc = tr_part_init(&w->part, self, args);
    return rc == 0 ? tr_provide(self, read.service, (uint32_t)read.at_once) : rc;
}

static void drop(job_t *job) {
    *job->prev = job->next;
    if (job->next)
        job->next->prev = job->prev;
    free(job);
}

static void done(tr_agent_t *self, void *state, void *arg) {
    worker_t *w = state;
    job_t *job = arg;
    if (tr_part_chance(&w->part) < w->fails)
        tr_reply_reason(self, job->message, TR_FAILURE, "broken", "it could not be done");
    else
        tr_reply(self, job->message, TR_INFORM, "\x01", 1);
    tr_message_done(&job->message);
    drop(job);
    w->worked++;
    tr_part_measure(self, "worked", 1);
}

static int take(tr_agent_t *self, worker_t *w, const tr_message_t *message) {
    job_t *job = malloc(sizeof *job);
    if (!job)
        return -ENOMEM;
    *job = (job_t){.next = w->jobs, .prev = &w->jobs, .message = tr_message_keep(message)};
    if (w->jobs)
        w->jobs->prev = &job->next;
    w->jobs = job;
    if (job->message && tr_timer_start(self, tr_part_wait(&w->part, w->takes), done, job))
        return 0;
    tr_message_release(&job->message);
    drop(job);
    return -ENOMEM;
}

static int tell_state(tr_agent_t *self, const worker_t *w) {
    tr_content_writer_t writer;
    tr_content_writer_init(&writer);
    tr_write_map(&writer, 1);
    tr_write_kv_uint(&writer, "worked", w->worked);
    return tr_publish_content(self, "sim.state", &writer);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    switch (tr_part_news(message, NULL)) {
    case TR_PART_END: return tell_state(self, state);
    case TR_PART_MESSAGE:
        return tr_message_performative(message) == TR_REQUEST ? take(self, state, message) : 0;
    default: return 0;
    }
}

static void fini(tr_agent_t *self, void *state) {
    worker_t *w = state;
    (void)self;
    while (w->jobs) {
        tr_message_release(&w->jobs->message);
        drop(w->jobs);
    }
}

const tr_behaviour_t tr_sim_worker = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "worker",
    .summary = "does the work of a service",
    .state_size = sizeof(worker_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
