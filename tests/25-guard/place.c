#include "place.h"

#include "lib/cert/cert_file.h"
#include "proto/topic.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

int64_t test_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- certificates ---- */

static void set(tr_cert_t *c, tr_strings_t *right, const char *const *items) {
    for (; items && *items; items++)
        assert_int_equal(tr_cert_add(c, right, *items), 0);
}

tr_secret_t place_stranger(const place_t *p) {
    tr_secret_t secret;
    assert_int_equal(tr_secret_make("stranger", &secret, NULL), 0);
    memcpy(secret.broker, p->broker_secret.key, sizeof secret.broker);
    return secret;
}

tr_secret_t place_add(const place_t *p, const char *name, const grant_t *grant) {
    tr_secret_t secret = place_stranger(p);
    tr_cert_t *c = tr_cert_new(name);
    assert_non_null(c);
    assert_true(tr_key_parse(secret.key, c->keys[c->keys_n++].bytes));
    set(c, &c->rights.names, grant->names);
    set(c, &c->rights.publish, grant->publish);
    set(c, &c->rights.subscribe, grant->subscribe);
    set(c, &c->rights.offer, grant->offer);
    set(c, &c->rights.ask, grant->ask);
    set(c, &c->rights.verbs, grant->verbs);
    c->limits = grant->limits;
    assert_int_equal(tr_cert_save(c, p->directory, NULL), 0);
    tr_cert_destroy(&c);
    return secret;
}

void place_change(const place_t *p, const char *name, place_change_fn change, void *arg) {
    tr_cert_t *c = NULL;
    assert_int_equal(tr_cert_load_named(p->directory, name, &c, NULL), 0);
    change(c, arg);
    assert_int_equal(tr_cert_save(c, p->directory, NULL), 0);
    tr_cert_destroy(&c);
}

static void end_it(tr_cert_t *cert, void *arg) {
    (void)arg;
    cert->revoked_ms = 1700000000000;
}

void place_revoke(const place_t *p, const char *name) {
    place_change(p, name, end_it, NULL);
}

void place_make(place_t *p) {
    char path[PATH_MAX - 16];
    *p = (place_t){.directory = "/tmp/guard-test-XXXXXX"};
    assert_non_null(mkdtemp(p->directory));
    assert_int_equal(tr_secret_make("broker", &p->broker_secret, NULL), 0);
    assert_int_equal(tr_secret_save(&p->broker_secret, p->directory, NULL), 0);
    snprintf(path, sizeof path, "%s/secret/broker.yaml", p->directory);
    snprintf(p->broker, sizeof p->broker, "--cert=%s", path);
    snprintf(p->certs, sizeof p->certs, "--certs=%s", p->directory);
}

static void remove_all(const char *directory) {
    DIR *dir = opendir(directory);
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char path[PATH_MAX];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        if (unlink(path) < 0)
            remove_all(path);
    }
    if (dir)
        closedir(dir);
    rmdir(directory);
}

void place_remove(place_t *p) {
    remove_all(p->directory);
}

void place_start(const place_t *p, broker_t *b, const char *const *options) {
    const char *all[24] = {p->broker, p->certs};
    size_t n = 2;
    for (; options && *options; options++)
        all[n++] = *options;
    broker_start(b, all);
    char log[8192];
    if (!*b->endpoint)
        fail_msg("the broker did not start:\n%s", broker_log(b, log, sizeof log));
}

void place_wait_read(broker_t *b, int times) {
    char text[65536];
    int64_t until = test_now_ms() + PATIENCE_MS;
    for (;;) {
        int found = 0;
        for (const char *at = broker_log(b, text, sizeof text); (at = strstr(at, "B050 ")); at++)
            found++;
        if (found >= times)
            return;
        if (test_now_ms() > until)
            fail_msg("the certificates were read %d times, not %d:\n%s", found, times, text);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

/* ---- links ---- */

void peer_open_as(peer_t *p, const char *endpoint, const tr_secret_t *secret) {
    int none = 0;
    *p = (peer_t){.context = zmq_ctx_new(), .next_id = 1};
    tr_pool_init(&p->pool, 2);
    p->socket = zmq_socket(p->context, ZMQ_DEALER);
    assert_non_null(p->socket);
    zmq_setsockopt(p->socket, ZMQ_LINGER, &none, sizeof none);
    if (secret)
        assert_int_equal(tr_secret_client(secret, p->socket), 0);
    assert_int_equal(zmq_connect(p->socket, endpoint), 0);
}

/* A bundle with one HELLO. */
static tr_buf_t *hello(peer_t *p) {
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.epoch = 1;
    m.process = (char *)(uintptr_t) "raw peer";
    m.pid = (uint32_t)getpid();
    m.window_records = 1000;
    m.window_bytes = 1u << 20;
    tr_record_header_t h = {.kind = TR_KIND_HELLO, .id = p->next_id++};
    h.length = (uint32_t)(TR_RECORD_HEADER + troupe__hello__get_packed_size(&m));
    tr_buf_t *buf = tr_pool_get(&p->pool, TR_BUF_SIZE);
    assert_non_null(buf);
    tr_bundle_begin(buf);
    uint8_t *at = tr_bundle_add(buf, h.length);
    tr_record_header_write(&h, at);
    troupe__hello__pack(&m, at + TR_RECORD_HEADER);
    tr_bundle_end(buf, 1);
    return buf;
}

/* Where the broker keeps it out, ZeroMQ gives the connection up, and nothing can be sent any more. */
bool peer_knock(peer_t *p, long wait_ms) {
    tr_buf_t *buf = hello(p);
    bool sent = zmq_send(p->socket, buf->data, buf->len, ZMQ_DONTWAIT) >= 0;
    tr_buf_release(buf);
    return sent && peer_next(p, TR_KIND_WELCOME, wait_ms);
}

void peer_expect_refused(peer_t *p, uint64_t id, tr_reason_t reason) {
    const tr_record_t *r = peer_expect(p, TR_KIND_REFUSED);
    assert_int_equal(r->h.id, id);
    assert_string_equal(tr_reason_name(r->h.reason), tr_reason_name(reason));
}

const tr_record_t *peer_expect_nack(peer_t *p, uint64_t id, tr_reason_t reason) {
    const tr_record_t *r = peer_expect(p, TR_KIND_NACK);
    assert_int_equal(r->h.id, id);
    assert_string_equal(tr_reason_name(r->h.reason), tr_reason_name(reason));
    return r;
}

/* ---- watchers ---- */

static void subscribe(const watcher_t *w, int type, const char *prefix) {
    char message[TR_TOPIC_MAX + 2] = "\1";
    size_t len = strlen(prefix);
    memcpy(message + 1, prefix, len);
    if (type == ZMQ_SUB)
        assert_int_equal(zmq_setsockopt(w->socket, ZMQ_SUBSCRIBE, prefix, len), 0);
    else
        assert_int_equal(zmq_send(w->socket, message, len + 1, 0), (int)len + 1);
}

void watcher_open(
    watcher_t *w, const broker_t *b, const tr_secret_t *secret, int type, const char *const *prefixes) {
    int none = 0;
    *w = (watcher_t){.context = zmq_ctx_new()};
    w->socket = zmq_socket(w->context, type);
    w->monitor = zmq_socket(w->context, ZMQ_PAIR);
    zmq_setsockopt(w->socket, ZMQ_LINGER, &none, sizeof none);
    if (secret)
        assert_int_equal(tr_secret_client(secret, w->socket), 0);
    assert_int_equal(zmq_socket_monitor(w->socket, "inproc://monitor", ZMQ_EVENT_ALL), 0);
    assert_int_equal(zmq_connect(w->monitor, "inproc://monitor"), 0);
    for (; type == ZMQ_SUB && prefixes && *prefixes; prefixes++)
        subscribe(w, type, *prefixes);
    assert_int_equal(zmq_connect(w->socket, b->stream), 0);
    for (; prefixes && *prefixes; prefixes++)
        subscribe(w, type, *prefixes);
}

void watcher_close(watcher_t *w) {
    zmq_socket_monitor(w->socket, NULL, 0);
    zmq_close(w->monitor);
    zmq_close(w->socket);
    zmq_ctx_term(w->context);
}

bool watcher_next(watcher_t *w, char *topic, long wait_ms) {
    zmq_pollitem_t item = {.socket = w->socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, wait_ms) <= 0)
        return false;
    int n = zmq_recv(w->socket, topic, TR_TOPIC_MAX, 0);
    assert_true(n >= 0);
    topic[n] = 0;
    char rest[65536];
    assert_true(zmq_recv(w->socket, rest, sizeof rest, 0) >= 0);
    return true;
}

bool watcher_event(watcher_t *w, int event, long wait_ms) {
    int64_t until = test_now_ms() + wait_ms;
    for (;;) {
        uint8_t frame[6];
        char address[256];
        int64_t left = until - test_now_ms();
        zmq_pollitem_t item = {.socket = w->monitor, .events = ZMQ_POLLIN};
        if (left <= 0 || zmq_poll(&item, 1, left) <= 0)
            return false;
        if (zmq_recv(w->monitor, frame, sizeof frame, 0) != (int)sizeof frame)
            continue;
        zmq_recv(w->monitor, address, sizeof address, 0);
        uint16_t what;
        memcpy(&what, frame, sizeof what);
        if (what == event)
            return true;
    }
}
