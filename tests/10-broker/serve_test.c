/* A broker that serves: links, stream, HTTP, and peers that do not behave. */
#include "daemon.h"

static void expect_text(peer_t *p, tr_kind_t kind, const char *text) {
    const tr_record_t *r = peer_expect(p, kind);
    assert_int_equal(r->content_len, strlen(text));
    assert_memory_equal(r->content, text, strlen(text));
}

static uint64_t tell(peer_t *p, tr_route_t src, const char *from, const char *to, const char *text) {
    return peer_send(p, src, from, to, NULL, TR_INFORM, text, strlen(text));
}

/* Somebody who has nothing to do with what the test does wrong: he must not notice. */
typedef struct bystander {
    peer_t peer;
    tr_route_t route;
} bystander_t;

static bystander_t bystander(const broker_t *b) {
    bystander_t by;
    peer_open(&by.peer, b->endpoint);
    peer_hello(&by.peer);
    by.route = peer_register(&by.peer, "bystander");
    return by;
}

static void still_well(bystander_t *by) {
    tell(&by->peer, by->route, "bystander", "bystander", "still here");
    expect_text(&by->peer, TR_KIND_MESSAGE, "still here");
}

static void messages_pass_between_two_processes(void **state) {
    (void)state;
    broker_t b;
    peer_t one, two;
    broker_start(&b, NULL);
    assert_non_null(strstr(b.line, "\"platform\":\"local\""));
    assert_true(strncmp(b.endpoint, "tcp://127.0.0.1:", 16) == 0 && b.endpoint[16] != '0');
    char text[4096];
    assert_non_null(strstr(broker_log(&b, text, sizeof text), b.endpoint)); /* the same in event B001 */
    assert_non_null(strstr(text, "B001"));
    peer_open(&one, b.endpoint);
    peer_open(&two, b.endpoint);
    peer_hello(&one);
    peer_hello(&two);
    tr_route_t a = peer_register(&one, "a");
    tr_route_t c = peer_register(&two, "c");
    tell(&one, a, "a", "c", "hello");
    expect_text(&two, TR_KIND_MESSAGE, "hello");
    assert_int_equal(two.record.h.src, a);
    char *large = calloc(1, 300000); /* goes to libzmq without a copy */
    assert_non_null(large);
    peer_send(&two, c, "c@local", "a@local", NULL, TR_INFORM, large, 300000);
    assert_int_equal(peer_expect(&one, TR_KIND_MESSAGE)->content_len, 300000);
    free(large);
    uint64_t id = tell(&one, a, "a", "nobody", "x");
    assert_int_equal(peer_expect(&one, TR_KIND_NACK)->h.id, id);
    peer_control(&one, TR_KIND_BYE, 0, NULL);
    peer_expect(&one, TR_KIND_BYE_OK);
    peer_close(&one);
    peer_close(&two);
    broker_stop(&b);
}

static void *watch(const broker_t *b, void *context, const char *prefix, size_t len) {
    int wait = 50;
    void *sub = zmq_socket(context, ZMQ_SUB);
    assert_non_null(sub);
    zmq_setsockopt(sub, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, prefix, len);
    assert_int_equal(zmq_connect(sub, b->stream), 0);
    return sub;
}

static void a_plain_subscriber_watches_the_stream(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, NULL);
    peer_open(&p, b.endpoint);
    peer_hello(&p);
    tr_route_t a = peer_register(&p, "a");
    void *context = zmq_ctx_new();
    void *sub = watch(&b, context, "news", 4);
    char topic[64];
    int n = -1, sent = 0;
    uint64_t last = 0;
    for (int got = 0; got < 3 && sent < 400; sent++) { /* the first ones may come before the subscription */
        peer_send(&p, a, "a", NULL, "news.today", TR_INFORM, "x", 1);
        if ((n = zmq_recv(sub, topic, sizeof topic, 0)) < 0)
            continue;
        assert_int_equal(n, 10);
        assert_memory_equal(topic, "news.today", 10);
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        assert_true(zmq_msg_recv(&frame, sub, 0) > 0);
        assert_false(zmq_msg_more(&frame));
        tr_bundle_reader_t reader;
        tr_record_t record;
        assert_int_equal(tr_bundle_open(&reader, zmq_msg_data(&frame), zmq_msg_size(&frame), UINT32_MAX), 0);
        while (tr_bundle_next(&reader, &record) > 0) {
            assert_int_equal(record.h.kind, TR_KIND_PUBLISH);
            assert_int_equal(record.h.src, a);
            assert_true(last == 0 || record.h.id == last + 1);
            last = record.h.id;
            got++;
        }
        zmq_msg_close(&frame);
    }
    assert_true(last > 0);
    zmq_close(sub);
    zmq_ctx_term(context);
    peer_close(&p);
    broker_stop(&b);
}

static void garbage_is_refused(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, NULL);
    bystander_t by = bystander(&b);
    static const struct {
        const char *bytes;
        size_t len;
        tr_reason_t reason;
    } rows[] = {
        {"", 0, TR_REASON_BAD_BUNDLE},
        {"T", 1, TR_REASON_BAD_BUNDLE},
        {"GET / HTTP/1.1\r\n\r\n", 18, TR_REASON_BAD_BUNDLE},
        {"TB\2\0\0\0\0\0", 8, TR_REASON_BAD_VERSION},
        {"TB\1\0\xff\xff\xff\xff", 8, TR_REASON_BAD_BUNDLE},
    };
    peer_open(&p, b.endpoint);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        peer_raw(&p, rows[i].bytes, rows[i].len, 0);
        assert_int_equal(peer_expect(&p, TR_KIND_REFUSED)->h.reason, rows[i].reason);
    }
    wait_metric(&b, "troupe_broker_refused_total{reason=\"bad-bundle\"}", 4);
    peer_hello(&p); /* and it may still behave */
    still_well(&by);
    peer_close(&p);
    peer_close(&by.peer);
    broker_stop(&b);
}

static void several_frames_are_dropped_and_counted(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, NULL);
    bystander_t by = bystander(&b);
    peer_open(&p, b.endpoint);
    peer_raw(&p, "", 0, ZMQ_SNDMORE); /* as a REQ socket would */
    peer_raw(&p, "TB\1\0\0\0\0\0", 8, 0);
    for (int i = 0; i < 5; i++)
        peer_raw(&p, "part", 4, i < 4 ? ZMQ_SNDMORE : 0);
    wait_metric(&b, "troupe_broker_multipart_total", 2);
    peer_hello(&p); /* what comes after is read from its beginning */
    still_well(&by);
    peer_close(&p);
    peer_close(&by.peer);
    broker_stop(&b);
}

static void an_identity_of_ones_own_is_not_taken(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, NULL);
    bystander_t by = bystander(&b);
    int none = 0;
    p = (peer_t){.context = zmq_ctx_new(), .next_id = 1};
    tr_pool_init(&p.pool, 1);
    p.socket = zmq_socket(p.context, ZMQ_DEALER);
    zmq_setsockopt(p.socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(p.socket, ZMQ_ROUTING_ID, "me", 2);
    assert_int_equal(zmq_connect(p.socket, b.endpoint), 0);
    peer_raw(&p, "TB\1\0\0\0\0\0", 8, 0);
    wait_metric(&b, "troupe_broker_multipart_total", 1);
    still_well(&by);
    peer_close(&p);
    peer_close(&by.peer);
    broker_stop(&b);
}

static void what_is_too_large_is_refused_or_cut_off(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, (const char *const[]){"--max-record=64K", NULL});
    bystander_t by = bystander(&b);
    peer_open(&p, b.endpoint);
    peer_hello(&p);
    tr_route_t a = peer_register(&p, "a");
    char *large = calloc(1, 8u << 20);
    assert_non_null(large);
    peer_send(&p, a, "a", "a", NULL, TR_INFORM, large, 70000); /* over the limit, and said so */
    assert_int_equal(peer_expect(&p, TR_KIND_REFUSED)->h.reason, TR_REASON_TOO_LARGE);
    peer_send(&p, a, "a", "bystander", NULL, TR_INFORM, large, 8000000); /* libzmq cuts the connection */
    broker_wait_log(&b, "agent lost what=a ");
    wait_metric(&b, "troupe_broker_broken_total", 1);
    still_well(&by);
    assert_false(peer_next(&by.peer, TR_KIND_MESSAGE, 0));
    free(large);
    peer_close(&p);
    peer_close(&by.peer);
    broker_stop(&b);
}

static void long_subscriptions_do_no_harm(void **state) {
    (void)state;
    broker_t b;
    broker_start(&b, NULL);
    bystander_t by = bystander(&b);
    char prefix[240];
    memset(prefix, 't', sizeof prefix);
    void *context = zmq_ctx_new();
    void *sub = watch(&b, context, prefix, sizeof prefix);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "n", 1);
    char topic[16];
    int got = -1;
    for (int i = 0; i < 400 && got < 0; i++) {
        peer_send(&by.peer, by.route, "bystander", NULL, "n", TR_INFORM, "x", 1);
        got = zmq_recv(sub, topic, sizeof topic, 0);
    }
    assert_int_equal(got, 1);
    still_well(&by);
    zmq_close(sub);
    zmq_ctx_term(context);
    peer_close(&by.peer);
    broker_stop(&b);
}

static void probes_and_metrics_answer(void **state) {
    (void)state;
    broker_t b;
    char body[65536];
    broker_start(&b, NULL);
    assert_int_equal(http_get(&b, "/healthz", body, sizeof body), 200);
    assert_int_equal(http_get(&b, "/readyz", body, sizeof body), 200);
    assert_int_equal(http_get(&b, "/other", body, sizeof body), 404);
    bystander_t by = bystander(&b);
    still_well(&by);
    wait_metric(&b, "troupe_broker_sessions", 1);
    wait_metric(&b, "troupe_broker_agents", 1);
    wait_metric(&b, "troupe_broker_delivered_total", 1);
    assert_true(metric(&b, "troupe_broker_queued_records") == 0);
    assert_true(metric(&b, "troupe_broker_dropped_total{reason=\"busy\"}") == 0);
    assert_true(metric(&b, "process_resident_memory_bytes") > 0);
    peer_close(&by.peer);
    broker_stop(&b);
}

/* The lease is a minute: that the connection broke is what tells. */
static void a_broken_connection_is_known_without_the_lease(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, (const char *const[]){"--grace=0", NULL});
    bystander_t by = bystander(&b);
    peer_open(&p, b.endpoint);
    peer_hello(&p);
    peer_register(&p, "victim");
    peer_close(&p);
    broker_wait_log(&b, "agent lost what=victim");
    uint64_t id = tell(&by.peer, by.route, "bystander", "victim", "x");
    const tr_record_t *r = peer_expect(&by.peer, TR_KIND_NACK);
    assert_int_equal(r->h.id, id);
    assert_int_equal(r->h.reason, TR_REASON_NOT_FOUND);
    peer_close(&by.peer);
    broker_stop(&b);
}

static void a_silent_process_is_dead_after_its_lease(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    broker_start(&b, (const char *const[]){"--lease=2s", "--heartbeat=200ms", NULL});
    peer_open(&p, b.endpoint);
    peer_hello(&p);
    peer_register(&p, "sleeper");
    peer_expect(&p, TR_KIND_PING); /* asked, and it does not answer */
    broker_wait_log(&b, "agent lost what=sleeper");
    peer_close(&p);
    broker_stop(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_pass_between_two_processes),
        cmocka_unit_test(a_plain_subscriber_watches_the_stream),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(several_frames_are_dropped_and_counted),
        cmocka_unit_test(an_identity_of_ones_own_is_not_taken),
        cmocka_unit_test(what_is_too_large_is_refused_or_cut_off),
        cmocka_unit_test(long_subscriptions_do_no_harm),
        cmocka_unit_test(probes_and_metrics_answer),
        cmocka_unit_test(a_broken_connection_is_known_without_the_lease),
        cmocka_unit_test(a_silent_process_is_dead_after_its_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
