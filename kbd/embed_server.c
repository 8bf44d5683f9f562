#include "kbd/embed_server.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/llm/llm.h"
#include "troupe/measure.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONFIG_MOST ((size_t)1 << 20)

struct tr_embed_server {
    tr_completions_t completions;
    const char *model;
    size_t dimensions;
    tr_agent_t *const *spender;
    tr_llm_t *llm; /* of our thread, once there is one */
    int wake;      /* an eventfd: there is something asked, or it is to stop */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    tr_embed_ask_t *asked; /* under lock; the last one first */
    tr_embed_ask_t *taken; /* of our thread: those that are in flight */
    bool stop;             /* under lock */
};

/* ---- in the host's thread ---- */

/* What comes when it has been stopped finds no agent any more. */
static void count(const tr_embed_ask_t *ask) {
    const tr_embed_server_t *self = ask->server;
    if (self->spender && *self->spender && self->started)
        tr_measure_model(*self->spender, &(tr_model_use_t){.model = self->model,
                                             .input_tokens = ask->tokens,
                                             .nano = ask->nano,
                                             .took_ns = tr_clock_ns() - ask->asked_ns,
                                             .failed = ask->rc != 0});
}

static void come_back(tr_completion_t *back) {
    tr_embed_ask_t *ask = (tr_embed_ask_t *)back;
    count(ask);
    ask->done(ask);
}

static void wake(tr_embed_server_t *self) {
    uint64_t one = 1;
    while (write(self->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void tr_embed_server_ask(tr_embed_server_t *self, tr_embed_ask_t *ask) {
    ask->server = self;
    ask->back.done = come_back;
    ask->rc = 0;
    ask->refused = false;
    ask->tokens = ask->nano = 0;
    ask->asked_ns = tr_clock_ns();
    ask->retry_after_ms = -1;
    pthread_mutex_lock(&self->lock);
    ask->next = self->asked;
    self->asked = ask;
    pthread_mutex_unlock(&self->lock);
    wake(self);
}

/* ---- in the server's thread ---- */

static void forget(tr_embed_server_t *self, const tr_embed_ask_t *ask) {
    tr_embed_ask_t **at = &self->taken;
    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
}

static void finish(tr_embed_ask_t *ask) {
    forget(ask->server, ask);
    tr_completions_put(&ask->server->completions, &ask->back);
}

static void set_length_one(float *vector, size_t dimensions) {
    double sum = 0;
    for (size_t i = 0; i < dimensions; i++)
        sum += (double)vector[i] * (double)vector[i];
    for (size_t i = 0; i < dimensions && sum > 0; i++)
        vector[i] = (float)((double)vector[i] / sqrt(sum));
}

static void take_vectors(tr_embed_ask_t *ask, const tr_llm_result_t *result) {
    size_t dimensions = ask->server->dimensions;
    if (result->vectors_n != ask->count || result->dimensions != dimensions) {
        ask->rc = tr_error_set(&ask->error, -ENOLINK,
            "%zu vectors of %zu numbers came for %zu texts; --embed-dimensions says %zu", result->vectors_n,
            result->dimensions, ask->count, dimensions);
        return;
    }
    memcpy(ask->vectors, result->vectors, ask->count * dimensions * sizeof *ask->vectors);
    for (size_t i = 0; i < ask->count; i++)
        set_length_one(ask->vectors + i * dimensions, dimensions);
}

/* As OpenAI and those who are like it say it: the request, its size, or what is in it. Not the key, nor the model. */
static bool is_of_texts(const tr_llm_result_t *result) {
    return result->status == TR_LLM_FILTERED ||
           (result->status == TR_LLM_REFUSED &&
               (result->http_status == 400 || result->http_status == 413 || result->http_status == 422));
}

static void on_done(void *arg, const tr_llm_result_t *result) {
    tr_embed_ask_t *ask = arg;
    ask->retry_after_ms = result->retry_after_ms;
    ask->tokens = result->usage.input_tokens + result->usage.output_tokens;
    ask->nano = result->usage.nano;
    ask->refused = is_of_texts(result);
    if (result->status == TR_LLM_OK)
        take_vectors(ask, result);
    else
        ask->rc =
            tr_error_set(&ask->error, -ENOLINK, "%s: %s", tr_llm_status_word(result->status), result->detail);
    finish(ask);
}

static void start(tr_embed_server_t *self, tr_embed_ask_t *ask) {
    json_t *input = json_array();
    int rc = input ? 0 : -ENOMEM;
    ask->next = self->taken;
    self->taken = ask;
    for (size_t i = 0; i < ask->count && rc == 0; i++)
        if (json_array_append_new(input, json_string(ask->texts[i])) < 0)
            rc = tr_error_set(&ask->error, -EILSEQ, "a text that is no UTF-8");
    if (rc == 0)
        rc = tr_llm_start(self->llm,
            &(tr_llm_request_t){.op = TR_LLM_EMBED,
                .model = self->model,
                .input = input,
                .temperature = TR_LLM_UNSAID,
                .total_ms = ask->most_ms,
                .on_done = on_done,
                .arg = ask},
            NULL, &ask->error);
    json_decref(input);
    if (rc == 0)
        return;
    ask->refused = rc == -EILSEQ;
    ask->rc = rc == -EINVAL || rc == -EILSEQ ? -ENOLINK : rc;
    finish(ask);
}

/* The first one first. False: it is to end. */
static bool start_all(tr_embed_server_t *self) {
    tr_embed_ask_t *ordered = NULL;
    pthread_mutex_lock(&self->lock);
    bool go_on = !self->stop;
    tr_embed_ask_t *ask = go_on ? self->asked : NULL;
    if (go_on)
        self->asked = NULL;
    pthread_mutex_unlock(&self->lock);
    for (tr_embed_ask_t *next; ask; ask = next) {
        next = ask->next;
        ask->next = ordered;
        ordered = ask;
    }
    for (tr_embed_ask_t *next; ordered; ordered = next) {
        next = ordered->next;
        start(self, ordered);
    }
    return go_on;
}

static void *run(void *arg) {
    tr_embed_server_t *self = arg;
    uint64_t count;
    while (start_all(self)) {
        struct pollfd fds[] = {
            {.fd = self->wake, .events = POLLIN}, {.fd = tr_llm_fd(self->llm), .events = POLLIN}};
        if (poll(fds, 2, -1) < 0)
            continue; /* a signal */
        if (fds[0].revents && read(self->wake, &count, sizeof count) < 0)
            sched_yield(); /* it is looked for in any case */
        if (fds[1].revents)
            tr_llm_work(self->llm);
    }
    return NULL;
}

/* ---- life ---- */

static int open_client(tr_embed_server_t *self, const char *path, tr_error_t *error) {
    char *config = NULL;
    size_t length = 0;
    int rc = tr_file_read(path, "model configuration", CONFIG_MOST, &config, &length, error);
    if (rc == 0)
        rc = tr_llm_open(&(tr_llm_options_t){.config = config, .config_len = length, .config_name = path},
            &self->llm, error);
    free(config);
    return rc;
}

int tr_embed_server_new(const tr_embed_server_options_t *o, tr_embed_server_t **ret_self, tr_error_t *error) {
    tr_embed_server_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_completions_init(&self->completions, o->host);
    self->model = o->model;
    self->dimensions = o->dimensions;
    self->spender = o->spender;
    pthread_mutex_init(&self->lock, NULL);
    self->wake = eventfd(0, EFD_CLOEXEC);
    int rc = self->wake < 0 ? tr_error_set(error, -errno, "eventfd: %s", strerror(errno)) : 0;
    if (rc == 0)
        rc = open_client(self, o->config, error);
    if (rc == 0 && (rc = -pthread_create(&self->thread, NULL, run, self)) < 0)
        tr_error_set(error, rc, "cannot start a thread: %s", strerror(-rc));
    self->started = rc == 0;
    if (rc < 0)
        tr_embed_server_destroy(&self);
    else
        *ret_self = self;
    return rc;
}

static void cancel(tr_embed_ask_t **asks) {
    tr_embed_ask_t *ask = *asks;
    *asks = NULL;
    for (tr_embed_ask_t *next; ask; ask = next) {
        next = ask->next;
        ask->rc = -ECANCELED;
        ask->done(ask);
    }
}

void tr_embed_server_stop(tr_embed_server_t *self) {
    if (!self || !self->started)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_mutex_unlock(&self->lock);
    tr_completions_stop(&self->completions);
    wake(self);
    pthread_join(self->thread, NULL);
    self->started = false;
    tr_llm_close(&self->llm);
    cancel(&self->taken);
    cancel(&self->asked);
    tr_completions_drain(&self->completions);
}

void tr_embed_server_destroy(tr_embed_server_t **self_p) {
    tr_embed_server_t *self = *self_p;
    if (!self)
        return;
    tr_embed_server_stop(self);
    tr_llm_close(&self->llm);
    if (self->wake >= 0)
        close(self->wake);
    tr_completions_finish(&self->completions);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
