/* The guard of sockets fails closed: whatever is missing, nobody gets in. In one process, against real
 * sockets. */
#include "broker/shell/selftest.h"
#include "broker/shell/sockets.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct place {
    char directory[64];
    tr_secret_t broker, ann;
} place_t;

static int setup(void **state) {
    place_t *p = calloc(1, sizeof *p);
    strcpy(p->directory, "/tmp/zap-test-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    assert_int_equal(tr_secret_make("broker", &p->broker, NULL), 0);
    assert_int_equal(tr_secret_make("ann", &p->ann, NULL), 0);
    memcpy(p->ann.broker, p->broker.key, sizeof p->ann.broker);
    tr_cert_t *c = tr_cert_new("ann");
    assert_true(tr_key_parse(p->ann.key, c->keys[c->keys_n++].bytes));
    assert_int_equal(tr_cert_add(c, &c->rights.subscribe, ">"), 0);
    assert_int_equal(tr_cert_save(c, p->directory, NULL), 0);
    tr_cert_destroy(&c);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_t *p = *state;
    char path[PATH_MAX];
    tr_cert_path(p->directory, "ann", path, NULL);
    unlink(path);
    rmdir(p->directory);
    free(p);
    return 0;
}

static void open_sockets(const place_t *p, tr_sockets_t *sockets) {
    static const char *const listen[] = {"tcp://127.0.0.1:0"};
    tr_strings_t list = {listen, 1};
    tr_error_t error = {0};
    tr_sockets_config_t config = {.listen = &list,
        .stream = "tcp://127.0.0.1:0",
        .io_threads = 1,
        .stream_queue = 16,
        .max_record = 65536,
        .secret = &p->broker,
        .certs = p->directory};
    if (tr_sockets_init(sockets, &config, &error) < 0)
        fail_msg("%s", error.text);
}

/* Whether a client with this secret (NULL: without CURVE) comes through its handshake within wait_ms. */
static bool gets_in(const tr_secret_t *secret, int type, const char *endpoint, long wait_ms) {
    int none = 0;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, type),
         *monitor = zmq_socket(context, ZMQ_PAIR);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    if (secret)
        assert_int_equal(tr_secret_client(secret, socket), 0);
    assert_int_equal(zmq_socket_monitor(socket, "inproc://m", ZMQ_EVENT_HANDSHAKE_SUCCEEDED), 0);
    assert_int_equal(zmq_connect(monitor, "inproc://m"), 0);
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    bool in = zmq_poll(&item, 1, wait_ms) > 0;
    zmq_socket_monitor(socket, NULL, 0);
    zmq_close(monitor);
    zmq_close(socket);
    zmq_ctx_term(context);
    return in;
}

static void who_has_a_certificate_gets_in(void **state) {
    const place_t *p = *state;
    tr_sockets_t s;
    tr_secret_t stranger;
    open_sockets(p, &s);
    assert_int_equal(tr_secret_make("stranger", &stranger, NULL), 0);
    memcpy(stranger.broker, p->broker.key, sizeof stranger.broker);
    assert_true(gets_in(&p->ann, ZMQ_DEALER, s.endpoint, 10000));
    assert_true(gets_in(&p->ann, ZMQ_SUB, s.stream_endpoint, 10000));
    assert_false(gets_in(&stranger, ZMQ_DEALER, s.endpoint, 300));
    assert_false(gets_in(NULL, ZMQ_DEALER, s.endpoint, 300));
    tr_sockets_finish(&s);
}

static void without_its_handler_nobody_gets_in(void **state) {
    const place_t *p = *state;
    tr_sockets_t s;
    open_sockets(p, &s);
    tr_zap_destroy(&s.zap);
    assert_false(gets_in(&p->ann, ZMQ_DEALER, s.endpoint, 500));
    assert_false(gets_in(&p->ann, ZMQ_SUB, s.stream_endpoint, 500));
    assert_false(gets_in(NULL, ZMQ_DEALER, s.endpoint, 300));
    tr_sockets_finish(&s);
}

static void a_handler_that_does_not_answer_lets_nobody_in(void **state) {
    const place_t *p = *state;
    tr_sockets_t s;
    int none = 0;
    open_sockets(p, &s);
    tr_zap_destroy(&s.zap);
    void *deaf = zmq_socket(s.context, ZMQ_REP);
    zmq_setsockopt(deaf, ZMQ_LINGER, &none, sizeof none);
    int64_t until_ms = tr_clock_ms() + 10000; /* the name is free once libzmq has let go of the handler */
    while (zmq_bind(deaf, "inproc://zeromq.zap.01") < 0 && tr_clock_ms() < until_ms)
        assert_int_equal(errno, EADDRINUSE);
    assert_false(gets_in(&p->ann, ZMQ_DEALER, s.endpoint, 500));
    zmq_close(deaf);
    tr_sockets_finish(&s);
}

/* A guard that is not there is found out before anybody relies on it. */
static void the_selftest_finds_an_open_door(void **state) {
    const place_t *p = *state;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_ROUTER);
    char endpoint[256];
    size_t size = sizeof endpoint;
    int none = 0;
    tr_zap_t *zap = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_zap_new(context, p->directory, &zap, &error), 0);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(tr_secret_server(&p->broker, socket), 0); /* CURVE, but nobody is asked: no domain */
    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    assert_int_equal(tr_selftest(context, zap, &p->broker, ZMQ_DEALER, endpoint, &error),
        0); /* the handler is asked all the same */
    tr_zap_destroy(&zap);
    zap = NULL;
    void *other = zmq_ctx_new(); /* where the door's context has no handler */
    assert_int_equal(tr_zap_new(other, p->directory, &zap, &error), 0);
    assert_int_equal(tr_selftest(other, zap, &p->broker, ZMQ_DEALER, endpoint, &error), -EPERM);
    assert_non_null(strstr(error.text, "an unknown key was let in"));
    tr_zap_destroy(&zap);
    zmq_ctx_term(other);
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void the_selftest_finds_a_plain_door(void **state) {
    const place_t *p = *state;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_ROUTER);
    char endpoint[256];
    size_t size = sizeof endpoint;
    tr_zap_t *zap = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_zap_new(context, p->directory, &zap, &error), 0);
    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    assert_int_equal(tr_selftest(context, zap, &p->broker, ZMQ_DEALER, endpoint, &error), -EPERM);
    assert_non_null(strstr(error.text, "does not work"));
    zmq_close(socket);
    tr_zap_destroy(&zap);
    zmq_ctx_term(context);
}

/* The key of a peer comes with its messages, and is asked for once. */
static void a_message_says_whose_it_is(void **state) {
    const place_t *p = *state;
    tr_sockets_t s;
    int none = 0;
    uint8_t key[TR_KEY_SIZE];
    open_sockets(p, &s);
    assert_true(tr_key_parse(p->ann.key, key));
    void *context = zmq_ctx_new(), *client = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(tr_secret_client(&p->ann, client), 0);
    assert_int_equal(zmq_connect(client, s.endpoint), 0);
    for (int i = 0; i < 3; i++) {
        tr_peer_t peer;
        const uint8_t *found = NULL;
        zmq_msg_t frame;
        zmq_pollitem_t item = {.socket = s.links, .events = ZMQ_POLLIN};
        assert_int_equal(zmq_send(client, "x", 1, 0), 1);
        assert_int_equal(zmq_poll(&item, 1, 10000), 1);
        assert_int_equal(tr_sockets_receive(&s, false, &peer, &found, &frame), 1);
        assert_non_null(found);
        assert_memory_equal(found, key, sizeof key);
        zmq_msg_close(&frame);
    }
    zmq_close(client);
    zmq_ctx_term(context);
    tr_sockets_finish(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_has_a_certificate_gets_in, setup, teardown),
        cmocka_unit_test_setup_teardown(without_its_handler_nobody_gets_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_handler_that_does_not_answer_lets_nobody_in, setup, teardown),
        cmocka_unit_test_setup_teardown(the_selftest_finds_an_open_door, setup, teardown),
        cmocka_unit_test_setup_teardown(the_selftest_finds_a_plain_door, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_says_whose_it_is, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
