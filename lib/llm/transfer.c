#include "lib/llm/transfer_private.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define KEPT_CONNECTIONS 64L
#define KEPT_BYTES       4096 /* of a buffer that is empty again */
#define NOW_MS           0
#define RETRY_MAX_MS     (366 * INT64_C(86400000)) /* so that no time of the clock overflows */
#define DIGITS_MAX       15

static void settle(tr_llm_transfers_t *self);

/* ---- the life of one ---- */

static void link_in(tr_llm_transfer_t *t) {
    t->next = t->owner->all;
    if (t->next)
        t->next->previous = t;
    t->owner->all = t;
}

static void link_out(tr_llm_transfer_t *t) {
    if (t->previous)
        t->previous->next = t->next;
    else
        t->owner->all = t->next;
    if (t->next)
        t->next->previous = t->previous;
}

static void take_from_dirty(tr_llm_transfer_t *t) {
    if (!t->dirty)
        return;
    tr_llm_transfer_t **at = &t->owner->dirty;
    while (*at != t)
        at = &(*at)->next_dirty;
    *at = t->next_dirty;
    if (!*at)
        t->owner->dirty_end = at;
    t->dirty = false;
}

static void free_transfer(tr_llm_transfer_t *t) {
    tr_llm_transfer_unset(t);
    tr_buffer_finish(&t->in);
    free(t);
}

/* Out of everything: it neither gets nor does anything from now on. */
static void stop(tr_llm_transfer_t *t, bool resolved) {
    t->over = true;
    if (t->adds)
        curl_multi_remove_handle(t->owner->multi, t->easy);
    t->adds = false;
    tr_llm_timer_stop(t->owner->loop, &t->timer);
    take_from_dirty(t);
    link_out(t);
    tr_llm_origin_leave(t, resolved);
}

static void finish(tr_llm_transfer_t *t, tr_llm_end_t end) {
    t->report.end = end;
    stop(t, t->connected_ms != 0);
    t->calls = true; /* he may cancel it, which is nothing now */
    t->ops->done(t->arg, &t->report);
    free_transfer(t);
}

void tr_llm_transfer_cancel(tr_llm_transfer_t **self) {
    tr_llm_transfer_t *t = *self;
    *self = NULL;
    if (!t || t->over)
        return;
    stop(t, t->connected_ms != 0);
    if (!t->calls)
        free_transfer(t);
}

/* ---- limits ---- */

/* The first limit that will be reached, if nothing more comes. */
static int64_t next_limit(const tr_llm_transfer_t *t, tr_llm_end_t *ret_end) {
    const tr_llm_limits_t *l = &t->limits;
    int64_t total = t->started_ms + l->total_ms;
    int64_t phase = t->last_ms        ? t->last_ms + l->idle_ms
                    : t->connected_ms ? t->connected_ms + l->first_byte_ms
                                      : t->started_ms + l->connect_ms;
    tr_llm_end_t end = t->last_ms        ? TR_LLM_END_IDLE
                       : t->connected_ms ? TR_LLM_END_FIRST_BYTE
                                         : TR_LLM_END_CONNECT;
    *ret_end = total <= phase ? TR_LLM_END_TOTAL : end;
    return total <= phase ? total : phase;
}

static void say_limit(tr_llm_transfer_t *t, tr_llm_end_t end) {
    const tr_llm_limits_t *l = &t->limits;
    const char *what[] = {[TR_LLM_END_CONNECT] = "no connection",
        [TR_LLM_END_FIRST_BYTE] = "no answer",
        [TR_LLM_END_IDLE] = "nothing more",
        [TR_LLM_END_TOTAL] = "no end of the answer"};
    int64_t ms[] = {[TR_LLM_END_CONNECT] = l->connect_ms,
        [TR_LLM_END_FIRST_BYTE] = l->first_byte_ms,
        [TR_LLM_END_IDLE] = l->idle_ms,
        [TR_LLM_END_TOTAL] = l->total_ms};
    snprintf(t->report.detail, sizeof t->report.detail, "%s within %" PRId64 " ms", what[end], ms[end]);
}

static void on_limit(void *arg);

static int set_timer(tr_llm_transfer_t *t, int64_t due) {
    t->timer_ms = due;
    return tr_llm_timer_at(t->owner->loop, &t->timer, due, on_limit, t);
}

/* The timer is not moved with each byte: it looks, when it fires, how much time there is left. */
static void on_limit(void *arg) {
    tr_llm_transfer_t *t = arg;
    tr_llm_end_t end;
    int64_t due = next_limit(t, &end);
    if (tr_clock_ms() < due && set_timer(t, due) == 0)
        return;
    say_limit(t, end);
    finish(t, end);
}

/* Connected, or with the first byte: the limit that holds now may be shorter than the one before it. */
static void hasten(tr_llm_transfer_t *t) {
    tr_llm_end_t end;
    int64_t due = next_limit(t, &end);
    if (due < t->timer_ms)
        set_timer(t, due); /* it is there already: no allocation fails */
}

/* ---- what libcurl says ---- */

static void read_kept(tr_llm_transfer_t *t) {
    struct curl_header *header = NULL;
    if (t->keep_header &&
        curl_easy_header(t->easy, t->keep_header, 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        strlen(header->value) <= TR_LLM_KEPT_MAX)
        snprintf(t->report.kept, sizeof t->report.kept, "%s", header->value);
}

static void read_head(tr_llm_transfer_t *t) {
    long status = 0;
    char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    t->report.status = (int)status;
    snprintf(t->report.content_type, sizeof t->report.content_type, "%s", type ? type : "");
    read_kept(t);
}

/* In the server's own milliseconds where it says them, which are not rounded down. -1: it does not. */
static int64_t read_retry_after_ms(const tr_llm_transfer_t *t) {
    struct curl_header *header = NULL;
    char *end;
    if (curl_easy_header(t->easy, "retry-after-ms", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    double ms = strtod(header->value, &end);
    if (end == header->value || !(ms >= 0))
        return -1;
    return ms < (double)RETRY_MAX_MS ? (int64_t)ms : RETRY_MAX_MS;
}

static bool is_number(const char *text) {
    return text[strspn(text, "0123456789")] == '\0';
}

/* Seconds or a date, which libcurl reads; more digits than it can it takes for none. */
static void read_retry_after(tr_llm_transfer_t *t) {
    struct curl_header *header = NULL;
    curl_off_t seconds = 0;
    t->report.retry_after_ms = read_retry_after_ms(t);
    if (t->report.retry_after_ms >= 0 ||
        curl_easy_header(t->easy, "retry-after", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return;
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (strlen(header->value) > DIGITS_MAX && is_number(header->value))
        seconds = RETRY_MAX_MS;
    if (seconds >= 0)
        t->report.retry_after_ms = seconds < RETRY_MAX_MS / 1000 ? (int64_t)seconds * 1000 : RETRY_MAX_MS;
}

static tr_llm_end_t meaning(const tr_llm_transfer_t *t, CURLcode code) {
    if (code == CURLE_OK)
        return TR_LLM_END_WHOLE;
    if (t->report.end == TR_LLM_END_TOO_LARGE)
        return TR_LLM_END_TOO_LARGE;
    if (code == CURLE_OUT_OF_MEMORY && t->connected_ms &&
        !t->in.failed) /* a line of a head that is too long, too */
        return TR_LLM_END_BROKEN;
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_URL_MALFORMAT || t->in.failed)
        return TR_LLM_END_FAILED;
    if (code == CURLE_UNSUPPORTED_PROTOCOL && !t->connected_ms) /* else it is the server who speaks no HTTP */
        return TR_LLM_END_FAILED;
    if (!t->connected_ms && t->forbidden)
        return TR_LLM_END_FORBIDDEN;
    return t->connected_ms ? TR_LLM_END_BROKEN : TR_LLM_END_UNREACHABLE;
}

static void on_end(tr_llm_transfer_t *t, CURLcode code) {
    tr_llm_end_t end = meaning(t, code);
    read_head(t);
    read_retry_after(t);
    if (end == TR_LLM_END_TOO_LARGE)
        snprintf(t->report.detail, sizeof t->report.detail, "the answer has more than %zu bytes",
            t->limits.body_max);
    else if (end == TR_LLM_END_BROKEN && code == CURLE_OUT_OF_MEMORY)
        snprintf(t->report.detail, sizeof t->report.detail,
            "the head of the answer is too large, or memory is out");
    else if (end != TR_LLM_END_WHOLE)
        snprintf(
            t->report.detail, sizeof t->report.detail, "%s", *t->error ? t->error : curl_easy_strerror(code));
    finish(t, end);
}

/* False when the transfer is gone. */
static bool hand_out(tr_llm_transfer_t *t) {
    tr_buffer_t in = t->in;
    tr_buffer_init(&t->in, 0);
    if (!t->headed) /* the body has begun: it stays as it is */
        read_head(t);
    t->headed = t->calls = true;
    bool more = t->ops->data(t->arg, &t->report, in.data, in.size);
    t->calls = false;
    if (!t->over && in.capacity <= KEPT_BYTES && !t->in.data) {
        in.size = 0;
        t->in = in;
    } else {
        tr_buffer_finish(&in);
    }
    if (t->over)
        free_transfer(t);
    else if (!more)
        finish(t, TR_LLM_END_STOPPED);
    else
        return true;
    return false;
}

static void run_dirty(tr_llm_transfers_t *self) {
    tr_llm_transfer_t *t;
    while ((t = self->dirty)) {
        take_from_dirty(t);
        hasten(t);
        if (t->connected_ms)
            tr_llm_origin_leave(t, true);
        if (t->in.size)
            hand_out(t);
    }
}

static void run_ended(tr_llm_transfers_t *self) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(self->multi, &left))) {
        tr_llm_transfer_t *t = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        if (message->msg == CURLMSG_DONE)
            on_end(t, message->data.result);
        run_dirty(self); /* others may have got bytes from what was called */
    }
}

static void settle(tr_llm_transfers_t *self) {
    run_dirty(self);
    run_ended(self);
}

/* ---- between libcurl and the loop ---- */

static void on_socket_ready(void *arg, int fd, uint32_t events) {
    tr_llm_transfers_t *self = arg;
    int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(self->multi, fd, mask, &running);
    settle(self);
}

static void on_timer_due(void *arg) {
    tr_llm_transfers_t *self = arg;
    int running;
    curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    settle(self);
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
    tr_llm_transfers_t *self = arg;
    uint32_t events = what == CURL_POLL_IN      ? EPOLLIN
                      : what == CURL_POLL_OUT   ? EPOLLOUT
                      : what == CURL_POLL_INOUT ? EPOLLIN | EPOLLOUT
                                                : 0;
    (void)easy, (void)socket_arg;
    return tr_llm_loop_watch(self->loop, fd, events, on_socket_ready, self) < 0 ? -1 : 0;
}

static int on_timeout(CURLM *multi, long ms, void *arg) {
    tr_llm_transfers_t *self = arg;
    (void)multi;
    if (ms < 0)
        tr_llm_timer_stop(self->loop, &self->timer);
    else if (tr_llm_timer_at(self->loop, &self->timer, tr_clock_ms() + ms, on_timer_due, self) < 0)
        return -1;
    return 0;
}

/* ---- the beginning and the end ---- */

int tr_llm_transfers_new(tr_llm_loop_t *loop, tr_llm_transfers_t **ret_self, tr_error_t *error) {
    tr_llm_transfers_t *self = calloc(1, sizeof *self);
    if (!self || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(self);
        return tr_error_set(error, -ENOMEM, "cannot start libcurl: out of memory");
    }
    self->loop = loop;
    self->dirty_end = &self->dirty;
    tr_map_init(&self->origins, tr_random_seed());
    self->multi = curl_multi_init();
    if (!self->multi) {
        tr_llm_transfers_destroy(&self);
        return tr_error_set(error, -ENOMEM, "cannot start libcurl: out of memory");
    }
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    *ret_self = self;
    return 0;
}

void tr_llm_transfers_destroy(tr_llm_transfers_t **ref) {
    tr_llm_transfers_t *self = *ref;
    if (!self)
        return;
    for (tr_llm_transfer_t *t = self->all; t; t = t->next)
        t->origin = NULL; /* nobody follows */
    while (self->all) {
        tr_llm_transfer_t *t = self->all;
        tr_llm_transfer_cancel(&t);
    }
    for (size_t i = 0; i < self->idle_n; i++)
        curl_easy_cleanup(self->idle[i]);
    if (self->multi)
        curl_multi_cleanup(self->multi);
    tr_llm_timer_stop(self->loop, &self->timer);
    tr_llm_origins_finish(self);
    free(self);
    curl_global_cleanup();
    *ref = NULL;
}

static void on_impossible(void *arg) {
    finish(arg, TR_LLM_END_FAILED);
}

/* Told from the loop, as all that is told. */
static void fail_soon(tr_llm_transfer_t *t, const char *why) {
    snprintf(t->report.detail, sizeof t->report.detail, "%s", why);
    tr_llm_timer_at(t->owner->loop, &t->timer, NOW_MS, on_impossible,
        t); /* its timer is there already: no allocation fails */
}

void tr_llm_transfer_go(tr_llm_transfer_t *t) {
    CURLMcode code = curl_multi_add_handle(t->owner->multi, t->easy);
    t->adds = code == CURLM_OK;
    if (!t->adds)
        fail_soon(t, curl_multi_strerror(code));
}

static tr_llm_transfer_t *new_transfer(
    tr_llm_transfers_t *self, const tr_llm_http_t *http, const tr_llm_transfer_ops_t *ops, void *arg) {
    tr_llm_transfer_t *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->owner = self;
    t->ops = ops;
    t->arg = arg;
    t->limits = http->limits;
    t->keep_header = http->keep_header;
    t->may_connect = http->may_connect;
    t->started_ms = tr_clock_ms();
    t->report.retry_after_ms = -1;
    tr_buffer_init(&t->in, 0);
    tr_llm_end_t end;
    if (tr_llm_transfer_setup(t, http) < 0 || set_timer(t, next_limit(t, &end)) < 0) {
        free_transfer(t);
        return NULL;
    }
    return t;
}

int tr_llm_transfer_start(tr_llm_transfers_t *self, const tr_llm_http_t *http,
    const tr_llm_transfer_ops_t *ops, void *arg, tr_llm_transfer_t **ret_transfer) {
    tr_llm_transfer_t *t = new_transfer(self, http, ops, arg);
    if (!t)
        return -ENOMEM;
    link_in(t);
    int r = tr_llm_origin_enter(t, http->url);
    if (r == 1)
        tr_llm_transfer_go(t);
    else if (r < 0)
        fail_soon(t, r == -EINVAL ? "this is no URL" : "out of memory");
    *ret_transfer = t;
    return 0;
}
