#include "gateway/provider.h"

#include "gateway/events.h"
#include "gateway/http/jwt.h"
#include "gateway/worker.h"
#include "lib/base/clock.h"
#include "lib/tool/web.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#define WAITING_MAX  16
#define RETRY_MS     60000 /* after a failure what is known counts for so long before it is asked again */
#define SLOW_MS      1000  /* one that says soon that it is away costs nobody anything */
#define CONNECT_MS   5000
#define TOTAL_MS     10000
#define TURN_MS      100 /* how soon it sees that it is to end */
#define ANSWER_MAX   ((size_t)256 << 10)
#define CODE_MAX     2048
#define REDIRECT_MAX 400
#define DETAIL_MAX   320

typedef struct question {
    tr_job_t job;            /* first */
    void *owner;             /* NULL: nobody's, so that it is known before somebody asks */
    char code[CODE_MAX + 1]; /* "": where people sign in */
    char redirect[REDIRECT_MAX + 1];
    char nonce[TR_WEB_FLOW_WORD], verifier[TR_WEB_FLOW_WORD];
    int64_t given_ms;
} question_t;

/* Why there is no answer. */
typedef struct trouble {
    const char *reason;
    char detail[DETAIL_MAX];
} trouble_t;

typedef struct answer {
    bool done;
    tr_llm_report_t report;
    tr_buffer_t body;
} answer_t;

struct tr_provider {
    tr_provider_config_t config;
    tr_bridge_t *bridge;
    tr_worker_t *worker;
    _Atomic bool stop;
    pthread_mutex_t lock; /* of what follows */
    tr_oidc_provider_t known;
    bool is_known;  /* the thread alone writes this, as the above */
    int64_t due_ms; /* when it is asked again by itself; INT64_MAX: that is under way */

    /* The thread's: */
    const tr_web_module_t *web;
    tr_llm_loop_t loop;
    tr_llm_transfers_t *transfers;
    tr_web_jwt_t *keys; /* NULL: there are none yet */
    bool is_stale;      /* it did not answer when it was asked again */
    trouble_t trouble;  /* of the last question that got no answer of it */
    int64_t failed_ms, rests_until_ms;
};

/* False, always. */
static bool fail(trouble_t *trouble, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(trouble_t *trouble, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    trouble->reason = reason;
    vsnprintf(trouble->detail, sizeof trouble->detail, format, args);
    va_end(args);
    for (char *at = trouble->detail; *at;
         at++) /* what a provider says may be no text, or be cut within a letter */
        if (*at < ' ' || *at > '~')
            *at = '?';
    return false;
}

/* ---- HTTP ---- */

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    answer_t *answer = arg;
    (void)report;
    tr_buffer_put(&answer->body, bytes, len);
    return !answer->body.failed;
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    answer_t *answer = arg;
    answer->report = *report;
    answer->done = true;
}

static void finish_answer(answer_t *self) {
    if (self->body.data)
        sodium_memzero(self->body.data, self->body.size);
    tr_buffer_finish(&self->body);
}

/* Whatever its status; false: there is no whole answer. body NULL: GET. */
static bool fetch(tr_provider_t *self, const char *url, const char *const *headers, const tr_buffer_t *body,
    answer_t *answer, trouble_t *trouble) {
    static const tr_llm_transfer_ops_t ops = {on_data, on_done};
    tr_llm_transfer_t *transfer = NULL;
    tr_llm_http_t http = {.method = body ? NULL : "GET",
        .url = url,
        .headers = headers,
        .body = body ? tr_buffer_string(body) : NULL,
        .body_len = body ? body->size : 0,
        .ca_file = self->config.ca_file,
        .limits = {CONNECT_MS, TOTAL_MS, TOTAL_MS, TOTAL_MS, ANSWER_MAX}};
    struct pollfd fd = {.fd = tr_llm_loop_fd(&self->loop), .events = POLLIN};
    if (self->web->start(self->transfers, &http, &ops, answer, &transfer) < 0)
        return fail(trouble, "provider-away", "out of memory");
    while (!answer->done && !atomic_load(&self->stop)) {
        poll(&fd, 1, TURN_MS);
        tr_llm_loop_turn(&self->loop);
    }
    if (!answer->done)
        self->web->cancel(&transfer);
    if (!answer->done || answer->report.end != TR_LLM_END_WHOLE)
        return fail(trouble, "provider-away", "%.200s: %.100s", url,
            answer->done ? answer->report.detail : "the gateway ends");
    return true;
}

/* What is to be had from an address by asking. */
static bool get(tr_provider_t *self, const char *url, answer_t *answer, trouble_t *trouble) {
    static const char *const headers[] = {"Accept: application/json", NULL};
    if (!fetch(self, url, headers, NULL, answer, trouble))
        return false;
    return answer->report.status == 200 ||
           fail(trouble, "provider-away", "%.200s: HTTP %d", url, answer->report.status);
}

/* ---- what is known of it ---- */

static void keep_known(tr_provider_t *self, const tr_oidc_provider_t *provider) {
    pthread_mutex_lock(&self->lock);
    self->known = *provider;
    self->is_known = true;
    pthread_mutex_unlock(&self->lock);
}

static bool discover(tr_provider_t *self, trouble_t *trouble) {
    tr_oidc_provider_t provider;
    answer_t answer = {0};
    tr_buffer_t url;
    tr_buffer_init(&url, 0);
    tr_oidc_description_url(self->config.issuer, &url);
    bool good = get(self, tr_buffer_string(&url), &answer, trouble);
    const char *why = good ? tr_oidc_read_description(self->config.issuer, tr_buffer_string(&answer.body),
                                 answer.body.size, &provider)
                           : NULL;
    if (why)
        good = fail(trouble, "provider-away", "%.200s: %s", tr_buffer_string(&url), why);
    if (good)
        keep_known(self, &provider);
    tr_buffer_finish(&url);
    finish_answer(&answer);
    return good;
}

static bool fetch_keys(tr_provider_t *self, trouble_t *trouble) {
    const tr_provider_config_t *c = &self->config;
    tr_web_jwt_config_t config = {
        .issuer = c->issuer, .audience = c->client, .claim = c->claim, .roles = c->roles};
    tr_web_jwt_t *keys = NULL;
    tr_error_t error = {0};
    answer_t answer = {0};
    bool good = get(self, self->known.keys, &answer, trouble);
    if (good && tr_web_jwt_of(&config, tr_buffer_string(&answer.body), answer.body.size, &keys, &error) < 0)
        good = fail(trouble, "provider-away", "%.200s: %.100s", self->known.keys, error.text);
    if (good) {
        tr_web_jwt_destroy(&self->keys);
        self->keys = keys;
    }
    finish_answer(&answer);
    return good;
}

/* ---- an identity ---- */

static void put_request(const tr_provider_t *self, const question_t *q, tr_buffer_t *body) {
    const tr_provider_config_t *c = &self->config;
    tr_oidc_put(body, 0, "grant_type", "authorization_code");
    tr_oidc_put(body, '&', "code", q->code);
    tr_oidc_put(body, '&', "redirect_uri", q->redirect);
    tr_oidc_put(body, '&', "code_verifier", q->verifier);
    if (!c->secret || self->known.secret_in_body)
        tr_oidc_put(body, '&', "client_id", c->client);
    if (c->secret && self->known.secret_in_body)
        tr_oidc_put(body, '&', "client_secret", c->secret);
}

static void wipe(tr_buffer_t *self) {
    if (self->data)
        sodium_memzero(self->data, self->size);
    tr_buffer_finish(self);
}

/* Gives the code, and appends the token that says who has come. */
static bool exchange_code(tr_provider_t *self, const question_t *q, tr_buffer_t *token, trouble_t *trouble) {
    const tr_provider_config_t *c = &self->config;
    answer_t answer = {0};
    tr_buffer_t body, authorization;
    tr_buffer_init(&body, 0);
    tr_buffer_init(&authorization, 0);
    put_request(self, q, &body);
    if (c->secret && !self->known.secret_in_body)
        tr_oidc_put_secret(&authorization, c->client, c->secret);
    const char *headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json",
        authorization.size ? tr_buffer_string(&authorization) : NULL, NULL};
    bool good = !body.failed && !authorization.failed
                    ? fetch(self, self->known.token, headers, &body, &answer, trouble)
                    : fail(trouble, "provider-away", "out of memory");
    if (good && !tr_oidc_read_answer(tr_buffer_string(&answer.body), answer.body.size, token))
        good = fail(trouble, answer.report.status >= 500 ? "provider-away" : "sign-in-failed",
            "the token endpoint says (HTTP %d): %.240s", answer.report.status, tr_buffer_string(token));
    finish_answer(&answer);
    wipe(&body);
    wipe(&authorization);
    return good;
}

static const char *check(
    const tr_provider_t *self, const question_t *q, const tr_buffer_t *token, tr_web_bearer_t *ret_bearer) {
    return tr_web_jwt_identity(
        self->keys, tr_buffer_string(token), token->size, q->nonce, tr_clock_wall_ms() / 1000, ret_bearer);
}

/* A provider changes its keys now and then: one that is not known is looked for once. */
static bool identify(
    tr_provider_t *self, const question_t *q, tr_web_bearer_t *ret_bearer, trouble_t *trouble) {
    tr_buffer_t token;
    const char *why = NULL;
    tr_buffer_init(&token, 0);
    bool had_keys = self->keys, good = exchange_code(self, q, &token, trouble);
    if (good && !had_keys)
        good = fetch_keys(self, trouble);
    if (good)
        why = check(self, q, &token, ret_bearer);
    if (why == tr_web_jwt_stranger && had_keys && (good = fetch_keys(self, trouble)))
        why = check(self, q, &token, ret_bearer);
    if (good && why)
        good =
            fail(trouble, why == tr_web_jwt_roleless ? "no-role" : "sign-in-failed", "the identity: %s", why);
    wipe(&token);
    return good;
}

/* ---- one that says nothing ---- */

/* It is waited for once: those that have waited behind, and who comes for as long as it took, are told the same at once. */
static bool is_away(const tr_provider_t *self, const question_t *q, trouble_t *trouble) {
    if (!self->failed_ms || (q->given_ms > self->failed_ms && tr_clock_ms() >= self->rests_until_ms))
        return false;
    *trouble = self->trouble;
    return true;
}

static void note_away(tr_provider_t *self, const trouble_t *trouble, int64_t began_ms) {
    if (strcmp(trouble->reason, "provider-away") != 0)
        return;
    self->trouble = *trouble;
    self->failed_ms = tr_clock_ms();
    int64_t took_ms = self->failed_ms - began_ms;
    self->rests_until_ms = self->failed_ms + (took_ms > SLOW_MS ? took_ms : 0);
}

/* ---- by itself ---- */

static void tell_stale(tr_provider_t *self, bool stale, const trouble_t *trouble) {
    if (stale && !self->is_stale)
        tr_log(self->config.log, &tr_gateway_events[TR_G_PROVIDER_SILENT], "issuer=%s error=%s",
            self->config.issuer, trouble->detail);
    self->is_stale = stale;
}

/* What is known stays where there is no answer. */
static void refresh(tr_provider_t *self) {
    trouble_t trouble = {.reason = "busy"};
    int64_t began_ms = tr_clock_ms();
    bool good = discover(self, &trouble) && fetch_keys(self, &trouble);
    int64_t wait_ms = self->config.refresh_ms;
    if (!good && wait_ms > RETRY_MS)
        wait_ms = RETRY_MS;
    if (!good && !self->is_known)
        note_away(self, &trouble, began_ms);
    if (!atomic_load(&self->stop))
        tell_stale(self, !good, &trouble);
    pthread_mutex_lock(&self->lock);
    self->due_ms = tr_clock_ms() + wait_ms;
    pthread_mutex_unlock(&self->lock);
}

/* ---- questions ---- */

static bool find_out(
    tr_provider_t *self, const question_t *q, tr_web_bearer_t *ret_bearer, trouble_t *trouble) {
    int64_t began_ms = tr_clock_ms();
    if (self->is_known && !*q->code)
        return true;
    if (is_away(self, q, trouble))
        return false;
    bool good =
        (self->is_known || discover(self, trouble)) && (!*q->code || identify(self, q, ret_bearer, trouble));
    if (!good)
        note_away(self, trouble, began_ms);
    return good;
}

/* ---- the thread ---- */

static void tell(const tr_provider_t *self, const question_t *q, json_t *value) {
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    tr_bridge_tell(
        self->bridge, q->owner, 0, text ? text : "{\"reason\":\"busy\",\"detail\":\"out of memory\"}");
    free(text);
    json_decref(value);
}

static void drop(tr_job_t *job) {
    sodium_memzero(job, sizeof(question_t));
    free(job);
}

static void tell_answer(tr_provider_t *self, const question_t *q) {
    tr_web_bearer_t bearer = {0};
    trouble_t trouble = {.reason = "busy"};
    if (!find_out(self, q, &bearer, &trouble))
        tell(self, q, json_pack("{s:s, s:s}", "reason", trouble.reason, "detail", trouble.detail));
    else if (*q->code)
        tell(self, q,
            json_pack(
                "{s:s, s:i, s:s}", "name", bearer.name, "role", (int)bearer.role, "label", bearer.label));
    else
        tell(self, q, json_pack("{s:s}", "authorize", self->known.authorize));
}

static void run(void *arg, tr_job_t *job) {
    tr_provider_t *self = arg;
    const question_t *q = (const question_t *)job;
    if (q->owner)
        tell_answer(self, q);
    else
        refresh(self);
    drop(job);
}

/* ---- from the web's thread ---- */

static int give(tr_provider_t *self, question_t *q) {
    if (!q)
        return -ENOMEM;
    q->given_ms = tr_clock_ms();
    if (tr_worker_give(self->worker, &q->job))
        return 0;
    drop(&q->job);
    return -EBUSY;
}

int tr_provider_find(tr_provider_t *self, void *owner) {
    question_t *q = calloc(1, sizeof *q);
    if (q)
        q->owner = owner;
    return give(self, q);
}

int tr_provider_redeem(
    tr_provider_t *self, const char *code, const tr_web_flow_t *flow, const char *redirect, void *owner) {
    size_t len = strlen(code);
    if (len == 0 || len > CODE_MAX || strlen(redirect) > REDIRECT_MAX)
        return -EINVAL;
    question_t *q = calloc(1, sizeof *q);
    if (q) {
        q->owner = owner;
        strcpy(q->code, code);
        strcpy(q->redirect, redirect);
        tr_web_flow_nonce(flow, q->nonce);
        tr_web_flow_verifier(flow, q->verifier);
    }
    return give(self, q);
}

bool tr_provider_known(tr_provider_t *self, tr_oidc_provider_t *ret_provider) {
    pthread_mutex_lock(&self->lock);
    bool known = self->is_known;
    if (known)
        *ret_provider = self->known;
    pthread_mutex_unlock(&self->lock);
    return known;
}

void tr_provider_tick(tr_provider_t *self, int64_t now_ms) {
    pthread_mutex_lock(&self->lock);
    bool due = now_ms >= self->due_ms;
    if (due)
        self->due_ms = INT64_MAX;
    pthread_mutex_unlock(&self->lock);
    if (!due || tr_provider_find(self, NULL) == 0)
        return;
    pthread_mutex_lock(&self->lock);
    self->due_ms = now_ms; /* many sign in: at the next tick */
    pthread_mutex_unlock(&self->lock);
}

/* ---- beginning and end ---- */

static int init(tr_provider_t *self, tr_error_t *error) {
    int rc = tr_web_load(&self->web, error);
    if (rc == 0 && tr_llm_loop_init(&self->loop) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory, or of descriptors");
    if (rc == 0)
        rc = self->web->open(&self->loop, &self->transfers, error);
    if (rc < 0)
        return rc;
    self->worker = tr_worker_new(WAITING_MAX, run, drop, self);
    if (!self->worker || tr_provider_find(self, NULL) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory, or of threads");
    return 0;
}

int tr_provider_new(const tr_provider_config_t *config, tr_bridge_t *bridge, tr_provider_t **ret_provider,
    tr_error_t *error) {
    tr_provider_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->config = *config;
    self->bridge = bridge;
    self->due_ms = INT64_MAX; /* it is asked at once */
    self->loop = (tr_llm_loop_t){.epoll_fd = -1, .timer_fd = -1};
    pthread_mutex_init(&self->lock, NULL);
    int rc = init(self, error);
    if (rc < 0)
        tr_provider_destroy(&self);
    else
        *ret_provider = self;
    return rc;
}

void tr_provider_destroy(tr_provider_t **self_p) {
    tr_provider_t *self = *self_p;
    if (!self)
        return;
    atomic_store(&self->stop, true);
    tr_worker_destroy(&self->worker);
    if (self->transfers)
        self->web->close(&self->transfers);
    tr_llm_loop_finish(&self->loop);
    tr_web_jwt_destroy(&self->keys);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
