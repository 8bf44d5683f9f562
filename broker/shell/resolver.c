#include "broker/shell/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADDRESSES_MAX 1024u

typedef struct named {
    const char *text;
    tr_resolved_t found;
    bool news;
} named_t;

struct tr_resolver {
    named_t *names;
    size_t count;
    int64_t every_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* for all below, and what was found */
    pthread_cond_t wake;
    bool stop;
};

void tr_resolved_finish(tr_resolved_t *self) {
    for (size_t i = 0; i < self->count; i++)
        free(self->endpoints[i]);
    free(self->endpoints);
    *self = (tr_resolved_t){0};
}

static void add(tr_resolved_t *found, const struct addrinfo *a, const char *port) {
    char host[NI_MAXHOST], text[NI_MAXHOST + 32];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0 ||
        found->count == ADDRESSES_MAX)
        return;
    snprintf(text, sizeof text, a->ai_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    char **grown = realloc(found->endpoints, (found->count + 1) * sizeof *grown);
    if (!grown)
        return; /* the next look-up tries again */
    found->endpoints = grown;
    if ((grown[found->count] = strdup(text)))
        found->count++;
}

static void look_up(const char *name, tr_resolved_t *ret) {
    const char *colon = strrchr(name, ':');
    char host[256];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    *ret = (tr_resolved_t){0};
    bool bracketed = *name == '[' && colon > name + 1 && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - name) - 2 * bracketed, name + bracketed);
    int r = getaddrinfo(host, NULL, &hints, &list);
    if (r != 0)
        snprintf(ret->error, sizeof ret->error, "%.100s: %.50s", name, gai_strerror(r));
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        add(ret, a, colon + 1);
    if (list)
        freeaddrinfo(list);
}

static void publish(tr_resolver_t *r, named_t *n, tr_resolved_t *found) {
    pthread_mutex_lock(&r->lock);
    tr_resolved_finish(&n->found);
    n->found = *found;
    n->news = true;
    pthread_mutex_unlock(&r->lock);
}

/* False when it is to stop. */
static bool pause_a_while(tr_resolver_t *r) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += r->every_ms / 1000;
    until.tv_nsec += r->every_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&r->lock);
    while (!r->stop && pthread_cond_timedwait(&r->wake, &r->lock, &until) == 0)
        ;
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return !stop;
}

static void *run(void *arg) {
    tr_resolver_t *r = arg;
    do {
        for (size_t i = 0; i < r->count; i++) {
            tr_resolved_t found;
            look_up(r->names[i].text, &found);
            publish(r, &r->names[i], &found);
        }
    } while (pause_a_while(r));
    return NULL;
}

static int start(tr_resolver_t *r) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    int rc = -pthread_create(&r->thread, NULL, run, r);
    if (rc == 0)
        return 0;
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    return rc;
}

static const char *without_certificate(const char *text) {
    const char *at = strchr(text, '@');
    return at ? at + 1 : text;
}

int tr_resolver_new(
    const tr_strings_t *names, int64_t every_ms, tr_resolver_t **ret_self, tr_error_t *error) {
    tr_resolver_t *r = calloc(1, sizeof *r);
    int rc = -ENOMEM;
    if (r && (r->names = calloc(names->count + 1, sizeof *r->names))) {
        r->count = names->count;
        r->every_ms = every_ms;
        for (size_t i = 0; i < names->count; i++)
            r->names[i].text = without_certificate(names->items[i]);
        rc = start(r);
    }
    if (rc == 0) {
        *ret_self = r;
        return 0;
    }
    if (r)
        free(r->names);
    free(r);
    return tr_error_set(error, rc, "cannot look names up: %s", strerror(-rc));
}

void tr_resolver_destroy(tr_resolver_t **self) {
    tr_resolver_t *r = *self;
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    for (size_t i = 0; i < r->count; i++)
        tr_resolved_finish(&r->names[i].found);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r->names);
    free(r);
    *self = NULL;
}

bool tr_resolver_take(tr_resolver_t *self, size_t at, tr_resolved_t *ret_resolved) {
    pthread_mutex_lock(&self->lock);
    named_t *n = &self->names[at];
    bool news = n->news;
    if (news) {
        *ret_resolved = n->found;
        n->found = (tr_resolved_t){0};
        n->news = false;
    }
    pthread_mutex_unlock(&self->lock);
    return news;
}
