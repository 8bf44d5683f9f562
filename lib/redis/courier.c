/*
 * Two lists under one lock: errands that wait, and errands that were run. The thread takes the first, runs it without the lock, and appends it to
 * the others; an eventfd tells the owner. A script that nobody is told of is freed by the owner too, so that only one thread frees.
 */
#include "lib/redis/courier.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DOWN_MS  1000
#define KEY_SIZE 256u

struct tr_redis_errand {
    tr_redis_errand_t *next;
    tr_redis_told_fn told;
    void *arg;
    const char *text;
    char *arguments[TR_REDIS_ARGUMENTS_MAX];
    size_t lengths[TR_REDIS_ARGUMENTS_MAX];
    size_t n;
    char key[KEY_SIZE], second_key[KEY_SIZE];
    int number;
    char *value;
    size_t len;
};

typedef struct line {
    tr_redis_errand_t *first, **end;
    size_t n;
} line_t;

struct tr_redis_courier {
    tr_redis_t *redis; /* the thread's */
    int64_t down_until_ms;
    int news_fd;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    line_t waiting, done;
    bool ends;
};

static void append(line_t *line, tr_redis_errand_t *e) {
    e->next = NULL;
    *line->end = e;
    line->end = &e->next;
    line->n++;
}

static tr_redis_errand_t *take(line_t *line) {
    tr_redis_errand_t *e = line->first;
    if (!e)
        return NULL;
    line->first = e->next;
    line->n--;
    if (!line->first)
        line->end = &line->first;
    return e;
}

static void free_errand(tr_redis_errand_t *e) {
    for (size_t i = 0; i < e->n; i++)
        free(e->arguments[i]);
    free(e->value);
    free(e);
}

/* ---- the thread ---- */

static void keep_value(tr_redis_errand_t *e, const redisReply *reply) {
    const redisReply *value = reply->elements > 1 ? reply->element[1] : NULL;
    if (!value || value->type != REDIS_REPLY_STRING || !(e->value = malloc(value->len + 1)))
        return;
    memcpy(e->value, value->str, value->len);
    e->value[value->len] = 0;
    e->len = value->len;
}

static void run_errand(tr_redis_courier_t *c, tr_redis_errand_t *e) {
    const char *argv[4 + TR_REDIS_ARGUMENTS_MAX] = {
        e->text, *e->second_key ? "2" : "1", e->key, e->second_key};
    size_t lengths[4 + TR_REDIS_ARGUMENTS_MAX] = {strlen(e->text), 1, strlen(e->key), strlen(e->second_key)};
    size_t n = 3 + (*e->second_key != 0);
    redisReply *reply = NULL;
    tr_error_t error;
    for (size_t i = 0; i < e->n; i++, n++) {
        argv[n] = e->arguments[i];
        lengths[n] = e->lengths[i];
    }
    e->number = tr_redis_run(c->redis, n, argv, lengths, &reply, &error);
    if (e->number >= 0)
        keep_value(e, reply);
    else
        c->down_until_ms = tr_clock_ms() + DOWN_MS;
    if (reply)
        freeReplyObject(reply);
}

static void tell(tr_redis_courier_t *c) {
    uint64_t one = 1;
    ssize_t n = write(c->news_fd, &one, sizeof one);
    (void)n; /* it is readable already */
}

static tr_redis_errand_t *wait_for_errand(tr_redis_courier_t *c) {
    tr_redis_errand_t *e = NULL;
    pthread_mutex_lock(&c->lock);
    while (!(e = take(&c->waiting)) &&
           !c->ends) /* what waits is run before the end: it may give something back */
        pthread_cond_wait(&c->wake, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return e;
}

/* A server that is gone is an error here, and no SIGPIPE; and signals are the owner's. */
static void *work(void *arg) {
    tr_redis_courier_t *c = arg;
    tr_redis_errand_t *e;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while ((e = wait_for_errand(c))) {
        if (tr_clock_ms() < c->down_until_ms)
            e->number = -ECONNREFUSED;
        else
            run_errand(c, e);
        pthread_mutex_lock(&c->lock);
        append(&c->done, e);
        pthread_mutex_unlock(&c->lock);
        tell(c);
    }
    return NULL;
}

/* ---- its life ---- */

static int start(tr_redis_courier_t *c) {
    if (c->news_fd < 0)
        return -errno;
    int r = -pthread_create(&c->thread, NULL, work, c);
    c->runs = r == 0;
    return r;
}

int tr_redis_courier_new(
    const tr_redis_options_t *options, tr_redis_courier_t **ret_courier, tr_error_t *error) {
    tr_redis_courier_t *c = calloc(1, sizeof *c);
    if (!c)
        return tr_error_set(error, -ENOMEM, "out of memory");
    c->waiting.end = &c->waiting.first;
    c->done.end = &c->done.first;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    c->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = tr_redis_new(options, &c->redis, error);
    if (r == 0 && (r = start(c)) < 0)
        tr_error_set(error, r, "cannot have a thread for Redis: %s", strerror(-r));
    if (r < 0)
        tr_redis_courier_destroy(&c);
    else
        *ret_courier = c;
    return r;
}

void tr_redis_courier_destroy(tr_redis_courier_t **self) {
    tr_redis_courier_t *c = *self;
    tr_redis_errand_t *e;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->ends = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (c->runs)
        pthread_join(c->thread, NULL);
    while ((e = take(&c->waiting)) || (e = take(&c->done)))
        free_errand(e);
    tr_redis_destroy(&c->redis);
    if (c->news_fd >= 0)
        close(c->news_fd);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *self = NULL;
}

/* ---- the owner ---- */

int tr_redis_courier_fd(const tr_redis_courier_t *self) {
    return self->news_fd;
}

void tr_redis_courier_work(tr_redis_courier_t *self) {
    uint64_t count;
    ssize_t n = read(self->news_fd, &count, sizeof count);
    (void)n; /* nothing is new, ignoring */
    pthread_mutex_lock(&self->lock);
    line_t done = self->done;
    self->done = (line_t){.end = &self->done.first};
    pthread_mutex_unlock(&self->lock);
    for (tr_redis_errand_t *e = done.first, *next; e; e = next) {
        next = e->next;
        if (e->told)
            e->told(e->arg, e->number, e->value, e->len);
        free_errand(e);
    }
}

static bool copy_arguments(tr_redis_errand_t *e, const tr_redis_script_t *script) {
    for (; e->n < script->n; e->n++) {
        size_t len = script->lengths[e->n];
        if (!(e->arguments[e->n] = malloc(len + 1)))
            return false;
        memcpy(e->arguments[e->n], script->arguments[e->n], len);
        e->lengths[e->n] = len;
    }
    return true;
}

static bool is_small(const tr_redis_courier_t *c, const tr_redis_script_t *script) {
    size_t room = KEY_SIZE - strlen(tr_redis_prefix(c->redis)) - 4;
    bool small = strlen(script->key) < room && (!script->second_key || strlen(script->second_key) < room);
    for (size_t i = 0; i < script->n; i++)
        small &= script->lengths[i] <= TR_REDIS_VALUE_MAX;
    return small && script->n <= TR_REDIS_ARGUMENTS_MAX;
}

static void name_keys(const tr_redis_courier_t *c, const tr_redis_script_t *script, tr_redis_errand_t *e) {
    const char *prefix = tr_redis_prefix(c->redis);
    snprintf(e->key, KEY_SIZE, "{%s}:%s", prefix, script->key);
    if (script->second_key)
        snprintf(e->second_key, KEY_SIZE, "{%s}:%s", prefix, script->second_key);
}

static int hand_over(tr_redis_courier_t *c, tr_redis_errand_t *e) {
    pthread_mutex_lock(&c->lock);
    bool full = c->waiting.n >= TR_REDIS_WAITING_MAX;
    if (!full)
        append(&c->waiting, e);
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    return full ? -EBUSY : 0;
}

int tr_redis_courier_send(tr_redis_courier_t *self, const tr_redis_script_t *script, tr_redis_told_fn told,
    void *arg, tr_redis_errand_t **ret_errand) {
    if (!is_small(self, script))
        return -EMSGSIZE;
    tr_redis_errand_t *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->text = script->text;
    e->told = told;
    e->arg = arg;
    name_keys(self, script, e);
    int r = copy_arguments(e, script) ? hand_over(self, e) : -ENOMEM;
    if (r < 0)
        free_errand(e);
    else if (ret_errand)
        *ret_errand = e;
    return r;
}

/* The thread does not look at it. */
void tr_redis_courier_forget(tr_redis_courier_t *self, tr_redis_errand_t *errand) {
    (void)self;
    errand->told = NULL;
}
