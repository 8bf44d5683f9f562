#include "gateway/a2a/courier.h"

#include "gateway/events.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/tool/address.h"
#include "lib/tool/allow.h"
#include "lib/tool/web.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sodium.h>

#define AT_ONCE      32
#define HEADERS      4
#define ANSWER_MAX   ((size_t)64 << 10) /* bytes of what is answered, which nobody reads */
#define CONNECT_MS   5000
#define TOTAL_MS     15000
#define RETRY_MAX_MS 60000 /* of a Retry-After */

typedef struct letter {
    struct letter *next;
    tr_a2a_courier_t *courier;
    tr_web_url_t at;
    char task[40];
    char *body, *headers[HEADERS + 1];
    bool named; /* by a rule: it may be of the own network */
    unsigned tries;
    tr_llm_transfer_t *transfer;
    tr_llm_timer_t again;
} letter_t;

struct tr_a2a_courier {
    const tr_strings_t *rules;
    tr_log_t *log;
    const tr_web_module_t *web;
    int wake_fd;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* of what follows */
    letter_t *inbox, **inbox_end;
    size_t count; /* that are here, wherever */
    bool stop;

    /* The thread's: */
    tr_llm_loop_t loop;
    tr_llm_transfers_t *transfers;
    letter_t *letters; /* all */
    letter_t **ready;  /* those to be sent now, the last one first */
    size_t ready_count, under_way;
};

/* ---- a letter ---- */

static void free_letter(letter_t *self) {
    for (size_t i = 0; i < HEADERS && self->headers[i]; i++) {
        sodium_memzero(self->headers[i], strlen(self->headers[i]));
        free(self->headers[i]);
    }
    free(self->body);
    free(self);
}

/* Its end, in the thread. */
static void forget(letter_t *self) {
    tr_a2a_courier_t *courier = self->courier;
    letter_t **at = &courier->letters;
    while (*at && *at != self)
        at = &(*at)->next;
    if (*at)
        *at = self->next;
    pthread_mutex_lock(&courier->lock);
    courier->count--;
    pthread_mutex_unlock(&courier->lock);
    free_letter(self);
}

static void give_up(letter_t *self, const tr_llm_report_t *report) {
    char why[40] = "";
    if (report->status)
        snprintf(why, sizeof why, "HTTP %d", report->status);
    tr_log(self->courier->log, &tr_gateway_events[TR_G_NOT_TOLD],
        "task=%s host=%s tries=%u error=%s conversation=a2a-%s", self->task, self->at.host, self->tries,
        report->end == TR_LLM_END_FORBIDDEN
            ? "its address is not of the public internet; --push-to may name it"
        : *report->detail ? report->detail
                          : why,
        self->task);
    forget(self);
}

/* What may be otherwise the next time. */
static bool is_passing(const tr_llm_report_t *report) {
    if (report->end == TR_LLM_END_FORBIDDEN || report->end == TR_LLM_END_FAILED)
        return false;
    if (report->end != TR_LLM_END_WHOLE)
        return true;
    return report->status >= 500 || report->status == 408 || report->status == 425 || report->status == 429;
}

/* Doubled each time, and not all at once. */
static int64_t pause_of(const letter_t *self, const tr_llm_report_t *report) {
    int64_t ms = (int64_t)1000 << (self->tries - 1);
    int64_t asked = report->retry_after_ms > RETRY_MAX_MS ? RETRY_MAX_MS : report->retry_after_ms;
    if (asked > ms)
        ms = asked;
    return ms + (int64_t)(tr_random_seed() % (uint64_t)(ms / 4 + 1));
}

static void start_ready(tr_a2a_courier_t *self);

static void on_again(void *arg) {
    letter_t *self = arg;
    self->courier->ready[self->courier->ready_count++] = self;
    start_ready(self->courier);
}

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    (void)arg, (void)report, (void)bytes, (void)len;
    return true;
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    letter_t *self = arg;
    tr_a2a_courier_t *courier = self->courier;
    bool taken = report->end == TR_LLM_END_WHOLE && report->status / 100 == 2;
    self->transfer = NULL;
    courier->under_way--;
    if (taken)
        forget(self);
    else if (self->tries >= TR_A2A_TRIES || !is_passing(report) ||
             tr_llm_timer_at(
                 &courier->loop, &self->again, tr_clock_ms() + pause_of(self, report), on_again, self) < 0)
        give_up(self, report);
    start_ready(courier);
}

static bool may_connect(void *arg, const struct sockaddr *address) {
    const letter_t *self = arg;
    return self->named || tr_address_is_public(address);
}

static const tr_llm_transfer_ops_t transfer_ops = {on_data, on_done};

static int start(letter_t *self) {
    tr_llm_http_t http = {.url = self->at.whole,
        .headers = (const char *const *)self->headers,
        .body = self->body,
        .body_len = strlen(self->body),
        .may_connect = may_connect,
        .limits = {CONNECT_MS, TOTAL_MS, TOTAL_MS, TOTAL_MS, ANSWER_MAX}};
    self->tries++;
    return self->courier->web->start(self->courier->transfers, &http, &transfer_ops, self, &self->transfer);
}

static void start_ready(tr_a2a_courier_t *self) {
    static const tr_llm_report_t no_memory = {.end = TR_LLM_END_FAILED, .detail = "out of memory"};
    while (self->ready_count > 0 && self->under_way < AT_ONCE) {
        letter_t *letter = self->ready[--self->ready_count];
        if (start(letter) == 0)
            self->under_way++;
        else
            give_up(letter, &no_memory);
    }
}

/* ---- the thread ---- */

/* False: it is to end. */
static bool take_inbox(tr_a2a_courier_t *self) {
    uint64_t count;
    pthread_mutex_lock(&self->lock);
    letter_t *letters = self->inbox;
    bool stop = self->stop;
    self->inbox = NULL;
    self->inbox_end = &self->inbox;
    pthread_mutex_unlock(&self->lock);
    if (read(self->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return false;
    for (letter_t *letter = letters, *next; letter; letter = next) {
        next = letter->next;
        letter->next = self->letters;
        self->letters = letter;
        self->ready[self->ready_count++] = letter;
    }
    start_ready(self);
    return !stop;
}

static void *run(void *arg) {
    tr_a2a_courier_t *self = arg;
    struct pollfd fds[] = {
        {.fd = self->wake_fd, .events = POLLIN}, {.fd = tr_llm_loop_fd(&self->loop), .events = POLLIN}};
    do {
        tr_llm_loop_turn(&self->loop);
        while (poll(fds, 2, -1) < 0 && errno == EINTR)
            ;
    } while (take_inbox(self));
    return NULL;
}

/* ---- what is said of a place ---- */

static bool is_named(const tr_a2a_courier_t *self, const tr_web_url_t *at) {
    tr_place_t place = {at->scheme, at->host, at->port, at->path};
    for (size_t i = 0; i < self->rules->count; i++)
        if (tr_allow_takes(self->rules->items[i], &place))
            return true;
    return false;
}

/* A number that is not of the public internet; names are resolved when it is sent. */
static bool is_own(const char *host) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *list = NULL;
    char bare[256];
    size_t len = strlen(host);
    bool bracket = len > 2 && *host == '[';
    snprintf(bare, sizeof bare, "%.*s", (int)(bracket ? len - 2 : len), host + bracket);
    if (getaddrinfo(bare, NULL, &hints, &list) != 0)
        return false;
    bool own = list && !tr_address_is_public(list->ai_addr);
    freeaddrinfo(list);
    return own;
}

/* What can stand in a header. */
static bool is_plain(const char *text) {
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; i < len; i++)
        if (!isprint((unsigned char)text[i]))
            return false;
    return len <= TR_A2A_SECRET_MAX;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : NULL;
}

const char *tr_a2a_courier_wrong(const tr_a2a_courier_t *self, const json_t *push) {
    const char *url = text_of(push, "url");
    const json_t *authentication = json_object_get(push, "authentication");
    const char *scheme = text_of(authentication, "scheme");
    tr_web_url_t at;
    if (!url || self->web->url(NULL, url, &at) < 0)
        return "url: expected one of http or https, without a user";
    if (!is_named(self, &at) && is_own(at.host))
        return "url: it is not of the public internet, and --push-to does not name it";
    if (!is_plain(text_of(push, "token")) || !is_plain(scheme) || (scheme && strpbrk(scheme, " :,")) ||
        !is_plain(text_of(authentication, "credentials")))
        return "token and authentication: expected printable characters, 1024 at most";
    return NULL;
}

/* ---- from the web's thread ---- */

static bool make_headers(letter_t *self, const json_t *push) {
    const json_t *authentication = json_object_get(push, "authentication");
    const char *scheme = text_of(authentication, "scheme"), *token = text_of(push, "token");
    const char *credentials = text_of(authentication, "credentials");
    size_t n = 0;
    bool good = (self->headers[n++] = strdup("Content-Type: application/a2a+json")) != NULL &&
                (self->headers[n++] = strdup("A2A-Version: 1.0")) != NULL;
    if (good && scheme && credentials)
        good = asprintf(&self->headers[n++], "Authorization: %s %s", scheme, credentials) > 0;
    if (good && token)
        good = asprintf(&self->headers[n++], "X-A2A-Notification-Token: %s", token) > 0;
    return good;
}

static letter_t *letter_new(tr_a2a_courier_t *self, const json_t *push, const char *task, const char *body) {
    letter_t *letter = calloc(1, sizeof *letter);
    if (!letter)
        return NULL;
    letter->courier = self;
    letter->body = strdup(body);
    snprintf(letter->task, sizeof letter->task, "%s", task);
    if (letter->body && make_headers(letter, push) &&
        self->web->url(NULL, text_of(push, "url"), &letter->at) == 0) {
        letter->named = is_named(self, &letter->at);
        return letter;
    }
    free_letter(letter);
    return NULL;
}

static int begin(tr_a2a_courier_t *self) {
    if (self->started)
        return 0;
    int rc = pthread_create(&self->thread, NULL, run, self);
    self->started = rc == 0;
    return -rc;
}

int tr_a2a_courier_send(tr_a2a_courier_t *self, const json_t *push, const char *task, const char *body) {
    uint64_t one = 1;
    letter_t *letter = letter_new(self, push, task, body);
    int rc = letter ? begin(self) : -ENOMEM;
    if (rc == 0) {
        pthread_mutex_lock(&self->lock);
        rc = self->count < TR_A2A_LETTERS_MAX ? 0 : -EBUSY;
        if (rc == 0) {
            self->count++;
            *self->inbox_end = letter;
            self->inbox_end = &letter->next;
        }
        pthread_mutex_unlock(&self->lock);
    }
    if (rc < 0 && letter)
        free_letter(letter);
    else if (rc == 0 && write(self->wake_fd, &one, sizeof one) < 0)
        return -errno;
    return rc;
}

/* ---- beginning and end ---- */

static int init(tr_a2a_courier_t *self, tr_error_t *error) {
    for (size_t i = 0; i < self->rules->count; i++)
        if (!tr_allow_is_rule(self->rules->items[i], strlen(self->rules->items[i])))
            return tr_error_set(error, -EINVAL,
                "--push-to: expected a place such as https://example.org/ or http://10.0.0.7:8080/hook/, "
                "found \"%.200s\"",
                self->rules->items[i]);
    int rc = tr_web_load(&self->web, error);
    if (rc < 0)
        return rc;
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->ready = calloc(TR_A2A_LETTERS_MAX, sizeof(letter_t *));
    rc = tr_llm_loop_init(&self->loop);
    if (rc < 0 || self->wake_fd < 0 || !self->ready)
        return tr_error_set(error, -ENOMEM, "out of memory, or of descriptors");
    return self->web->open(&self->loop, &self->transfers, error);
}

int tr_a2a_courier_new(
    const tr_strings_t *rules, tr_log_t *log, tr_a2a_courier_t **ret_courier, tr_error_t *error) {
    tr_a2a_courier_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->rules = rules;
    self->log = log;
    self->wake_fd = -1;
    self->loop = (tr_llm_loop_t){.epoll_fd = -1, .timer_fd = -1};
    self->inbox_end = &self->inbox;
    pthread_mutex_init(&self->lock, NULL);
    int rc = init(self, error);
    if (rc < 0)
        tr_a2a_courier_destroy(&self);
    else
        *ret_courier = self;
    return rc;
}

static void free_all(letter_t *letters) {
    for (letter_t *letter = letters, *next; letter; letter = next) {
        next = letter->next;
        free_letter(letter);
    }
}

void tr_a2a_courier_destroy(tr_a2a_courier_t **self_p) {
    tr_a2a_courier_t *self = *self_p;
    uint64_t one = 1;
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_mutex_unlock(&self->lock);
    if (self->started && write(self->wake_fd, &one, sizeof one) > 0)
        pthread_join(self->thread, NULL);
    for (letter_t *letter = self->letters; letter; letter = letter->next)
        tr_llm_timer_stop(&self->loop, &letter->again);
    if (self->transfers)
        self->web->close(&self->transfers);
    free_all(self->letters);
    free_all(self->inbox);
    tr_llm_loop_finish(&self->loop);
    if (self->wake_fd >= 0)
        close(self->wake_fd);
    free(self->ready);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
