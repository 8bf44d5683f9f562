/*
 * One trap: in manual mode libzmq 4.3.4 keeps the connections that subscriptions came from in a queue beside
 * that of the messages, and takes one off for every message that is received, also for one that is no
 * subscription and has put none there. What follows such a message, until the queue is empty, would be
 * carried out for another watcher. A plain SUB socket never sends one, so whoever does is cut off; and so is
 * everybody whose subscription came behind it: they ask again.
 */
#include "broker/shell/watchers.h"

#include "lib/cert/cert_file.h"
#include "proto/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define GRANTS_MAX 1024 /* of one watcher */

struct tr_watch_grant {
    uint32_t count; /* of its subscriptions that this comes from */
    uint32_t len;
    char *prefix;
};

void tr_watchers_init(tr_watchers_t *self, void *stream, tr_door_t *door, tr_core_t *core, uint64_t seed) {
    *self = (tr_watchers_t){.stream = stream, .door = door, .core = core};
    tr_map_init(&self->interest, seed);
}

/* ---- what somebody wants to see ---- */

static void want(tr_watchers_t *w, const char *prefix, size_t len, bool on) {
    uint64_t *have = tr_map_find(&w->interest, prefix, len);
    uint64_t before = have ? *have : 0;
    if (!on && before <= 1)
        tr_map_delete(&w->interest, prefix, len);
    else
        tr_map_put(&w->interest, prefix, len,
            on ? before + 1 : before - 1); /* no memory: it is just not counted, ignoring */
    if (before + on == 1)
        tr_core_interest(w->core, prefix, len, on);
}

static void drop_grant(tr_watchers_t *w, tr_watcher_t *watcher, size_t at) {
    tr_watch_grant_t grant = watcher->grants[at];
    watcher->grants[at] = watcher->grants[--watcher->grants_n];
    want(w, grant.prefix, grant.len, false);
    free(grant.prefix);
}

/* Whether or not it is still good. */
static const tr_cert_t *cert_of(const tr_watchers_t *w, const uint8_t *key) {
    const tr_cert_t *cert;
    tr_cert_book_judge(w->book, key, 0, &cert);
    return cert;
}

static size_t watchers_of(const tr_watchers_t *w, const tr_cert_t *cert) {
    size_t n = 0;
    for (size_t i = 0; i < w->by_fd_n; i++)
        n += w->by_fd[i].connection.cookie && cert_of(w, w->by_fd[i].key) == cert;
    return n;
}

/* So that its processes are told, over their links, why one more would be cut off: a SUB socket hears nothing. */
static void tell(const tr_watchers_t *w, const uint8_t *key) {
    const tr_cert_t *cert = cert_of(w, key);
    if (cert)
        tr_core_watchers(w->core, cert, (uint32_t)watchers_of(w, cert));
}

static void forget(tr_watchers_t *w, tr_watcher_t *watcher) {
    tr_watcher_t old = *watcher;
    while (old.grants_n)
        drop_grant(w, &old, old.grants_n - 1);
    free(old.grants);
    *watcher = (tr_watcher_t){0};
    tell(w, old.key);
}

void tr_watchers_finish(tr_watchers_t *self) {
    for (size_t i = 0; i < self->by_fd_n; i++)
        if (self->by_fd[i].connection.cookie)
            forget(self, &self->by_fd[i]);
    free(self->by_fd);
    tr_map_finish(&self->interest);
    tr_cert_book_release(&self->book);
    *self = (tr_watchers_t){0};
}

/* ---- one subscription ---- */

static tr_watch_grant_t *find_grant(tr_watcher_t *watcher, const char *prefix, size_t len) {
    for (size_t i = 0; i < watcher->grants_n; i++)
        if (watcher->grants[i].len == len && !memcmp(watcher->grants[i].prefix, prefix, len))
            return &watcher->grants[i];
    return NULL;
}

/* What one subscription grants, or ends. */
typedef struct change {
    tr_watchers_t *watchers;
    tr_watcher_t *watcher;
    bool on;
    size_t granted;
} change_t;

static bool add_grant(tr_watcher_t *watcher, const char *prefix, size_t len) {
    tr_watch_grant_t *grown = watcher->grants_n < GRANTS_MAX
                                  ? realloc(watcher->grants, (watcher->grants_n + 1) * sizeof *grown)
                                  : NULL;
    char *copy = grown ? malloc(len + 1) : NULL;
    if (grown)
        watcher->grants = grown;
    if (!copy)
        return false;
    memcpy(copy, prefix, len);
    copy[len] = 0;
    grown[watcher->grants_n++] = (tr_watch_grant_t){.count = 1, .len = (uint32_t)len, .prefix = copy};
    return true;
}

static void begin(change_t *c, const char *prefix, size_t len) {
    tr_watch_grant_t *have = find_grant(c->watcher, prefix, len);
    if (have) {
        have->count++;
        c->granted++;
    } else if (zmq_setsockopt(c->watchers->stream, ZMQ_SUBSCRIBE, prefix, len) == 0 &&
               add_grant(c->watcher, prefix, len)) {
        want(c->watchers, prefix, len, true);
        c->granted++;
    }
}

static void end(change_t *c, const char *prefix, size_t len) {
    tr_watch_grant_t *have = find_grant(c->watcher, prefix, len);
    if (!have || --have->count)
        return;
    zmq_setsockopt(c->watchers->stream, ZMQ_UNSUBSCRIBE, prefix,
        len); /* its connection is gone: so is all of it, ignoring */
    drop_grant(c->watchers, c->watcher, (size_t)(have - c->watcher->grants));
}

static void apply(void *arg, const char *prefix, size_t len) {
    change_t *c = arg;
    if (len > TR_TOPIC_MAX)
        return;
    if (c->on)
        begin(c, prefix, len);
    else
        end(c, prefix, len);
}

static void refused(
    tr_watchers_t *w, const tr_cert_t *cert, const char *prefix, size_t len, tr_core_now_t now) {
    char what[TR_TOPIC_MAX + 40], detail[200];
    snprintf(what, sizeof what, "watching \"%.*s\" on the stream",
        (int)(len < TR_TOPIC_MAX ? len : TR_TOPIC_MAX), prefix);
    snprintf(detail, sizeof detail,
        "the certificate %s allows none of it: it is not in its rights' `subscribe` (on the stream, those "
        "that end in >)",
        cert->name);
    tr_core_audit(w->core, TR_EVENT_TOPIC_REFUSED, cert->name, what, detail, now);
}

static void change(
    tr_watchers_t *w, tr_watcher_t *watcher, const char *prefix, size_t len, bool on, tr_core_now_t now) {
    const tr_cert_t *cert;
    change_t c = {w, watcher, on, 0};
    if (tr_cert_book_judge(w->book, watcher->key, now.wall_ms, &cert) != TR_CERT_VALID) {
        tr_connection_cut(&watcher->connection);
        return;
    }
    tr_right_prefixes(&cert->rights.subscribe, prefix, len, apply, &c);
    if (on && !c.granted)
        refused(w, cert, prefix, len, now);
}

/* ---- who it came from ---- */

/* A new watcher, unless its certificate has as many as it may: then it is cut off. */
static bool admit(
    tr_watchers_t *w, const tr_connection_t *connection, const uint8_t *key, tr_core_now_t now) {
    const tr_cert_t *cert;
    tr_cert_state_t state = tr_cert_book_judge(w->book, key, now.wall_ms, &cert);
    uint64_t most = state == TR_CERT_VALID ? cert->limits.connections : 0;
    bool good = state == TR_CERT_VALID && (!most || watchers_of(w, cert) < most);
    if (good)
        return true;
    if (state == TR_CERT_VALID)
        tr_core_audit(
            w->core, TR_EVENT_LIMIT, cert->name, "connections", "it has as many watchers as it may", now);
    tr_connection_cut(connection);
    return false;
}

static tr_watcher_t *place_for(tr_watchers_t *w, int fd) {
    if (fd < 0)
        return NULL;
    if ((size_t)fd >= w->by_fd_n) {
        size_t n = (size_t)fd + 64;
        tr_watcher_t *grown = realloc(w->by_fd, n * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + w->by_fd_n, 0, (n - w->by_fd_n) * sizeof *grown);
        w->by_fd = grown;
        w->by_fd_n = n;
    }
    return &w->by_fd[fd];
}

/* The watcher that a message came from; NULL where it cannot be told, or may not watch. */
static tr_watcher_t *watcher_of(tr_watchers_t *w, zmq_msg_t *message, tr_core_now_t now) {
    uint8_t key[TR_KEY_SIZE];
    int fd = zmq_msg_get(message, ZMQ_SRCFD);
    const char *user = zmq_msg_gets(message, "User-Id");
    tr_connection_t connection = tr_connection_of(fd);
    tr_watcher_t *watcher = user && tr_key_parse(user, key) ? place_for(w, fd) : NULL;
    if (!watcher || !connection.cookie)
        return NULL;
    if (watcher->connection.cookie == connection.cookie)
        return watcher;
    if (watcher->connection.cookie)
        forget(w, watcher); /* the one before it with this descriptor */
    if (!admit(w, &connection, key, now))
        return NULL;
    watcher->connection = connection;
    memcpy(watcher->key, key, sizeof key);
    tell(w, key);
    return watcher;
}

/* ---- what comes ---- */

static void spoil(tr_watchers_t *w, zmq_msg_t *message, tr_core_now_t now) {
    tr_connection_t connection = tr_connection_of(zmq_msg_get(message, ZMQ_SRCFD));
    const char *user = zmq_msg_gets(message, "User-Id");
    const tr_cert_t *cert = NULL;
    uint8_t key[TR_KEY_SIZE];
    if (user && tr_key_parse(user, key))
        tr_cert_book_judge(w->book, key, now.wall_ms, &cert);
    w->spoilt = true;
    tr_core_audit(w->core, TR_EVENT_TOPIC_REFUSED, cert ? cert->name : "", "a message on the stream",
        "watchers send subscriptions only: it was cut off", now);
    tr_connection_cut(&connection);
}

static void take(tr_watchers_t *w, zmq_msg_t *message, tr_core_now_t now) {
    const char *bytes = zmq_msg_data(message);
    size_t len = zmq_msg_size(message);
    if (zmq_msg_get(message, ZMQ_SRCFD) < 0)
        return; /* what ended with a connection: the door tells that better */
    if (len < 1 || (unsigned char)bytes[0] > 1) {
        spoil(w, message, now);
        return;
    }
    tr_watcher_t *watcher = watcher_of(w, message, now);
    if (!watcher)
        return;
    if (w->spoilt)
        tr_connection_cut(&watcher->connection);
    else
        change(w, watcher, bytes + 1, len - 1, bytes[0] == 1, now);
}

static void take_ends(tr_watchers_t *w) {
    int fd;
    while (tr_door_ended(w->door, TR_DOOR_STREAM, &fd)) {
        tr_watcher_t *watcher = fd >= 0 && (size_t)fd < w->by_fd_n ? &w->by_fd[fd] : NULL;
        if (watcher && watcher->connection.cookie && !tr_connection_lives(&watcher->connection))
            forget(w, watcher);
    }
}

void tr_watchers_take(tr_watchers_t *self, tr_core_now_t now) {
    zmq_msg_t message;
    take_ends(self);
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, self->stream, ZMQ_DONTWAIT) >= 0)
        take(self, &message, now);
    zmq_msg_close(&message);
    self->spoilt = false; /* the queue is empty */
}

/* ---- when certificates change ---- */

static bool same_list(const tr_strings_t *a, const tr_strings_t *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = !strcmp(a->items[i], b->items[i]);
    return same;
}

/* Whether a watcher's key is as good under both books. */
static bool is_same(
    const tr_cert_book_t *before, const tr_cert_book_t *after, const uint8_t *key, int64_t wall_ms) {
    const tr_cert_t *old, *new;
    return tr_cert_book_judge(after, key, wall_ms, &new) == TR_CERT_VALID &&
           tr_cert_book_judge(before, key, wall_ms, &old) == TR_CERT_VALID && !strcmp(old->name, new->name) &&
           same_list(&old->rights.subscribe, &new->rights.subscribe);
}

static void judge_all(
    tr_watchers_t *w, const tr_cert_book_t *before, const tr_cert_book_t *after, int64_t wall_ms) {
    for (size_t i = 0; i < w->by_fd_n; i++) {
        tr_watcher_t *watcher = &w->by_fd[i];
        if (watcher->connection.cookie && !is_same(before, after, watcher->key, wall_ms))
            tr_connection_cut(&watcher->connection);
    }
}

void tr_watchers_judge(tr_watchers_t *self, const tr_cert_book_t *book, tr_core_now_t now) {
    if (self->book)
        judge_all(self, self->book, book, now.wall_ms);
    tr_cert_book_release(&self->book);
    self->book = tr_cert_book_hold(book);
}

void tr_watchers_tick(tr_watchers_t *self, tr_core_now_t now) {
    judge_all(self, self->book, self->book, now.wall_ms);
}
