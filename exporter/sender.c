#include "exporter/sender.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  (1u << 20) /* an item of a bulk, of a thousand, has 300 bytes */
#define PAUSE_LEAST 1000
#define PAUSE_MOST  60000
#define CONNECT_MS  5000L
#define DETAIL_SIZE 512
#define TOO_LARGE   413
/* A page of what stands before a server goes away again, or does not: then the queue may not stand for ever. */
#define UNREAD_MOST 5

typedef struct tr_sender_thread {
    pthread_t thread;
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    atomic_bool ends;
    char answer[ANSWER_MAX + 1];
    size_t answer_len;
    char why[CURL_ERROR_SIZE];
} sending_t;

/* ---- one request ---- */

/* What is over the limit is read and forgotten. */
static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
    sending_t *t = arg;
    size_t len = size * n, room = ANSWER_MAX - t->answer_len, some = len < room ? len : room;
    memcpy(t->answer + t->answer_len, bytes, some);
    t->answer_len += some;
    t->answer[t->answer_len] = 0;
    return len;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const sending_t *t = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&t->ends);
}

/* 0: there was no answer. */
static long post(sending_t *t, const tr_spooled_t *batch) {
    long status = 0;
    t->answer_len = 0;
    t->answer[0] = t->why[0] = 0;
    curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, batch->bytes);
    curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)batch->len);
    CURLcode rc = curl_easy_perform(t->curl);
    if (rc == CURLE_OK)
        curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    else if (!t->why[0])
        snprintf(t->why, sizeof t->why, "%s", curl_easy_strerror(rc));
    return status;
}

static tr_sent_t by_status(long status) {
    if (status >= 200 && status < 300)
        return TR_SENT;
    return status == 0 || status == 408 || status == 429 || status >= 500 ? TR_SENT_AGAIN : TR_SENT_NEVER;
}

static tr_verdict_t verdict_of(const tr_sender_t *self, long status) {
    const sending_t *t = self->thread;
    tr_verdict_t v = {.sent = by_status(status)};
    if (status && self->options.judge)
        self->options.judge(status, t->answer, t->answer_len, &v);
    return v;
}

static int64_t pause_after(const sending_t *t, int64_t last_ms) {
    curl_off_t seconds = 0;
    int64_t ms = last_ms ? 2 * last_ms : PAUSE_LEAST;
    curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds * 1000 > ms)
        ms = seconds * 1000;
    return ms < PAUSE_MOST ? ms : PAUSE_MOST;
}

/* ---- the thread ---- */

static void tell(const tr_sender_t *self, tr_sender_news_t what, long status, const char *why) {
    const sending_t *t = self->thread;
    char detail[DETAIL_SIZE];
    if (status)
        snprintf(detail, sizeof detail, "HTTP %ld %.300s", status, *why ? why : t->answer);
    else
        snprintf(detail, sizeof detail, "%s", t->why);
    self->options.news(self->options.arg, self->options.name, what, detail);
}

static void count(tr_sender_t *self, const tr_spooled_t *batch, const tr_verdict_t *verdict, long status) {
    if (verdict->sent != TR_SENT)
        tell(self, TR_SENDER_REFUSED, status, verdict->why);
    tr_counter_inc(&self->batches[verdict->sent == TR_SENT_NEVER]);
    tr_counter_add(&self->refused, verdict->refused);
    tr_counter_add(&self->bytes, batch->len);
}

/* For the server, or its answer for us: a longer one is cut. */
static bool is_too_much(const sending_t *t, long status, tr_sent_t sent) {
    return status == TOO_LARGE || (sent == TR_SENT_UNREAD && t->answer_len == ANSWER_MAX);
}

/* What cannot be read is asked for again, but not for ever, and not where it will be as long again. */
static void bound_unread(const sending_t *t, tr_verdict_t *verdict, unsigned *unread) {
    if (verdict->sent != TR_SENT_UNREAD)
        return;
    bool last = ++*unread >= UNREAD_MOST || t->answer_len == ANSWER_MAX;
    verdict->sent = last ? TR_SENT_NEVER : TR_SENT_AGAIN;
    snprintf(verdict->why, sizeof verdict->why, "the answer cannot be read: %.100s", t->answer);
}

/* False: the thread is to end, and the batch waits for the next one. How often in a row it failed before this is over: by pauses. */
static bool deliver(tr_sender_t *self, const tr_spooled_t *batch) {
    sending_t *t = self->thread;
    int64_t pause_ms = 0;
    unsigned unread = 0;
    for (;;) {
        tr_spooled_t halves[2];
        long status = post(t, batch);
        tr_verdict_t verdict = verdict_of(self, status);
        bool read = verdict.sent != TR_SENT_UNREAD, too_much = is_too_much(t, status, verdict.sent);
        bound_unread(t, &verdict, &unread);
        if (verdict.sent != TR_SENT_AGAIN && pause_ms && read)
            tell(self, TR_SENDER_WORKS, status, "");
        if (too_much && self->options.halve && self->options.halve(batch->bytes, batch->len, halves) == 0) {
            bool done = deliver(self, &halves[0]) && deliver(self, &halves[1]); /* some ten deep at most */
            free(halves[0].bytes);
            free(halves[1].bytes);
            return done;
        }
        if (verdict.sent != TR_SENT_AGAIN) {
            count(self, batch, &verdict, status);
            return true;
        }
        if (atomic_load(&t->ends))
            return false;
        tr_counter_inc(&self->batches[2]);
        if (!pause_ms)
            tell(self, TR_SENDER_FAILS, status, verdict.why);
        pause_ms = pause_after(t, pause_ms);
        if (!tr_spool_pause(self->spool, pause_ms))
            return false;
    }
}

static void *run(void *arg) {
    tr_sender_t *self = arg;
    tr_spooled_t batch;
    while (tr_spool_take(self->spool, &batch)) {
        if (deliver(self, &batch))
            tr_spool_done(self->spool, batch.number);
        free(batch.bytes);
    }
    return NULL;
}

/* ---- its life ---- */

static int add_header(sending_t *t, const char *text, size_t len) {
    char *line = strndup(text, len);
    struct curl_slist *more = line && *line ? curl_slist_append(t->headers, line) : t->headers;
    bool failed = !line || (*line && !more);
    free(line);
    if (!failed)
        t->headers = more;
    return failed ? -ENOMEM : 0;
}

static int add_headers(sending_t *t, const tr_sender_options_t *o) {
    char type[160];
    int n = snprintf(type, sizeof type, "Content-Type: %s", o->content_type);
    int rc = add_header(t, type, (size_t)n);
    if (rc == 0)
        rc = add_header(t, "Expect:", 7); /* a batch is not worth the round trip */
    for (const char *at = o->headers; rc == 0 && at && *at; at += strcspn(at, "\n"), at += *at == '\n')
        rc = add_header(t, at, strcspn(at, "\r\n"));
    return rc;
}

static int set_up(tr_sender_t *self, sending_t *t) {
    const tr_sender_options_t *o = &self->options;
    t->curl = curl_easy_init();
    t->url = strdup(o->url);
    if (!t->curl || !t->url || add_headers(t, o) < 0)
        return -ENOMEM;
    curl_easy_setopt(t->curl, CURLOPT_URL, t->url);
    curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->why);
    curl_easy_setopt(t->curl, CURLOPT_USERAGENT, "troupe-exporter/" TROUPE_VERSION);
    return 0;
}

static void free_thread(sending_t *t) {
    curl_easy_cleanup(t->curl);
    curl_slist_free_all(t->headers);
    free(t->url);
    free(t);
}

int tr_sender_init(tr_sender_t *self, const tr_sender_options_t *options, tr_error_t *error) {
    *self = (tr_sender_t){.options = *options};
    sending_t *t = calloc(1, sizeof *t);
    if (!t)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = tr_spool_open(options->directory, options->most_bytes, &self->spool, error);
    if (rc == 0 && (rc = set_up(self, t)) < 0)
        tr_error_set(error, rc, "%s: %s", options->name, strerror(-rc));
    self->thread = t;
    self->options.url = self->options.headers = self->options.directory = self->options.content_type =
        NULL; /* borrowed */
    if (rc == 0 && (rc = -pthread_create(&t->thread, NULL, run, self)) < 0)
        tr_error_set(error, rc, "%s: cannot start a thread: %s", options->name, strerror(-rc));
    if (rc < 0) {
        free_thread(t);
        self->thread = NULL;
        tr_spool_close(&self->spool);
    }
    return rc;
}

void tr_sender_finish(tr_sender_t *self) {
    if (!self->thread)
        return;
    atomic_store(&self->thread->ends, true);
    tr_spool_end(self->spool);
    pthread_join(self->thread->thread, NULL);
    free_thread(self->thread);
    self->thread = NULL;
    tr_spool_close(&self->spool);
}

int tr_sender_put(tr_sender_t *self, const void *bytes, size_t len) {
    return tr_spool_put(self->spool, bytes, len);
}
