/* Connections that break: brokers that die and come back, pauses on either side. */
#include "lib/base/clock.h"
#include "proto/bundle.h"
#include "proto/link.pb-c.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

static const char *const short_lease[] = {"--lease", "1s", "--heartbeat", "200ms", "--grace", "500ms", NULL};

/* Sends until it arrives: while the broker or the receiver is away, it cannot be sent or it comes back. */
static void reach(crowd_t *c, member_t *from, const char *to, member_t *receiver, uint64_t number) {
    size_t come = receiver->box->n, failed = member_count(from, TR_MESSAGE_FAILED), tries = 0;
    until(c, ({
        if (tries == 0 || member_count(from, TR_MESSAGE_FAILED) >= failed + tries)
            tries += member_send(from, to, number) == 0;
        receiver->box->n > come && receiver->box->seen[receiver->box->n - 1].number == number;
    }));
}

static void kill_broker(crowd_t *c) {
    process_kill(&c->broker.process);
    broker_restart(&c->broker);
}

static void wait_connected(crowd_t *c, const member_t *m, unsigned times) {
    until(c, m->events[TR_HOST_CONNECTED] + m->events[TR_HOST_RESUMED] >= times);
}

static void all_is_there_again_after_the_broker_was_killed(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    assert_int_equal(tr_subscribe(b->agent, "news.>"), 0);
    assert_int_equal(tr_provide(b->agent, "work", 4), 0);
    reach(c, a, "b", b, 1);
    reach(c, a, "svc:work", b, 2);
    kill_broker(c);
    wait_connected(c, a, 2);
    wait_connected(c, b, 2);
    assert_true(a->events[TR_HOST_DISCONNECTED] >= 1);
    reach(c, a, "b", b, 3);
    reach(c, b, "a", a, 4);
    reach(c, a, "svc:work", b, 5);
    member_forget(b);
    int r;
    until(c, (r = member_publish(a, "news.today", 6)) != -EAGAIN);
    assert_int_equal(r, 0);
    until(c, member_count(b, TR_MESSAGE_EVENT) == 1);
    assert_string_equal(member_first(b, TR_MESSAGE_EVENT)->topic, "news.today");
    assert_string_equal(member_first(b, TR_MESSAGE_EVENT)->sender, "a@local");
    assert_int_equal(member_first(b, TR_MESSAGE_EVENT)->sequence, 1);
}

/* What waits in the process has routes of the broker that is gone; it reaches whom it is for all the same. */
static void what_waits_goes_to_the_new_broker(void **state) {
    enum { N = 200 };
    static const char *const options[] = {"--window-records", "64", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    member_t *other = crowd_join(c, "other"), *a = crowd_join(c, "a");
    member_t *b = crowd_join(c, "b");
    assert_int_equal(tr_subscribe(b->agent, "news"), 0);
    reach(c, a, "b", b, 1);
    assert_int_equal(member_publish(a, "news", 2), 0);
    until(c, member_count(b, TR_MESSAGE_EVENT) == 1);
    reach(c, other, "b", b, 3);
    member_forget(b);
    process_stop(&c->broker.process);
    for (uint64_t i = 0; i < N; i++) { /* 64 of them leave for the broker that will die */
        assert_int_equal(member_send(a, "b", 100 + i), 0);
        assert_int_equal(member_publish(a, "news", 1000 + i), 0);
    }
    tr_host_step(a->host, 0);
    kill_broker(c);
    until(c, b->box->n && b->box->seen[b->box->n - 1].number == 1000 + N - 1);
    assert_true(b->box->n >= 2 * N - 64 - 2);
    uint64_t direct = 99, event = 999; /* in order, and none for anybody else */
    for (size_t i = 0; i < b->box->n; i++) {
        uint64_t *last = b->box->seen[i].type == TR_MESSAGE_EVENT ? &event : &direct;
        assert_true(b->box->seen[i].number > *last);
        assert_string_equal(b->box->seen[i].sender, "a@local");
        *last = b->box->seen[i].number;
    }
    assert_int_equal(direct, 100 + N - 1);
    assert_int_equal(other->box->n, 0);
}

static void a_flood_goes_on_over_the_brokers_death(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    process_t *sink = crowd_role(c, "sink", "sink", NULL);
    process_t *flood = crowd_role(c, "flood", "flood", "sink", "300000", "64", NULL);
    until(c, sink_report(sink).received > 10000);
    kill_broker(c);
    char line[128];
    assert_true(process_line(flood, line, sizeof line) && !strncmp(line, "sent 300000 ", 12));
    member_t *a = crowd_join(c, "a");
    report_t r;
    uint64_t number = 300000;
    until(c, ({
        number += member_send(a, "sink", number) == 0;
        r = sink_report(sink);
        r.next > 300000; /* it is back, and all that was before has come or never will */
    }));
    assert_int_equal(r.doubled + r.damaged, 0); /* at most once */
}

static void several_hundred_agents_come_back(void **state) {
    enum { HOSTS = 30, EACH = 10, N = HOSTS * EACH };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    process_t *many = crowd_role(c, "many", "m", "30", "10", NULL);
    member_t *a = crowd_join(c, "a");
    char line[128], name[32];
    unsigned connected = 0;
    kill_broker(c);
    wait_connected(c, a, 2);
    until(c, (process_tell(many, "report"), process_line(many, line, sizeof line)) &&
                 sscanf(line, "connected %u", &connected) == 1 && connected >= 2 * HOSTS);
    bool answered[N] = {0};
    size_t left = N;
    for (size_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "m%zu-%zu", i / EACH, i % EACH);
        member_send_all(c, a, name, i, 1);
    }
    until(c, ({
        for (size_t i = 0; i < a->box->n; i++) {
            const seen_t *s = &a->box->seen[i];
            assert_int_equal(s->type, TR_MESSAGE_DIRECT);
            left -= !answered[s->number];
            answered[s->number] = true;
        }
        member_forget(a);
        left == 0;
    }));
}

/* Shorter than a lease: nobody notices. */
static void a_broker_that_pauses_loses_nothing(void **state) {
    enum { N = 1000 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    reach(c, a, "b", b, 1);
    member_forget(b);
    process_stop(&c->broker.process);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(member_send(a, "b", i), 0);
    crowd_pass(c, 1000);
    process_continue(&c->broker.process);
    until(c, b->box->n == N);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(b->box->seen[i].number, i);
    assert_int_equal(a->events[TR_HOST_DISCONNECTED] + b->events[TR_HOST_DISCONNECTED], 0);
}

/* Longer than a lease: the processes connect anew, and the broker does not take its own pause for their death. */
static void a_broker_that_pauses_longer_declares_nobody_dead(void **state) {
    crowd_t *c = *state;
    crowd_open(c, short_lease);
    process_t *many = crowd_role(c, "many", "m", "80", "2", NULL);
    member_t *a = crowd_join(c, "a"), *watcher = crowd_join(c, "watcher");
    assert_int_equal(tr_subscribe(watcher->agent, "$sys.agent.*"), 0);
    reach(c, a, "watcher", watcher, 1);
    process_stop(&c->broker.process);
    crowd_pass(c, 2500);
    process_continue(&c->broker.process);
    wait_connected(c, a, 2);
    wait_connected(c, watcher, 2);
    char line[128];
    unsigned connected = 0;
    until(c, (process_tell(many, "report"), process_line(many, line, sizeof line)) &&
                 sscanf(line, "connected %u", &connected) == 1 && connected >= 160);
    reach(c, a, "watcher", watcher, 2);
    crowd_pass(c, 1500); /* a lease and a grace: by now the dead would be known */
    for (size_t i = 0; i < watcher->box->n; i++)
        if (watcher->box->seen[i].type == TR_MESSAGE_EVENT)
            assert_string_not_equal(watcher->box->seen[i].topic, "$sys.agent.lost");
    assert_int_equal(a->events[TR_HOST_RESUMED] + watcher->events[TR_HOST_RESUMED], 2);
}

static void a_process_that_was_away_for_longer_than_a_lease_comes_back(void **state) {
    crowd_t *c = *state;
    crowd_open(c, short_lease);
    process_t *sink = crowd_role(c, "sink", "sink", NULL);
    member_t *a = crowd_join(c, "a");
    member_send_all(c, a, "sink", 0, 10);
    until(c, sink_report(sink).received == 10);
    process_stop(sink);
    until(c, (member_send(a, "sink", 10), member_count(a, TR_MESSAGE_FAILED) > 0 &&
                                              a->box->seen[a->box->n - 1].reason == TR_REASON_NOT_FOUND));
    process_continue(sink);
    member_forget(a);
    size_t failed;
    until(c, ({
        failed = a->box->n;
        assert_int_equal(member_send(a, "sink", 11), 0);
        sink_report(sink).received > 10 && a->box->n == failed;
    }));
}

/* Its name went to another one; it is told, and has it again when that one leaves. */
static void a_name_that_was_lost_is_regained(void **state) {
    crowd_t *c = *state;
    crowd_open(c, short_lease);
    process_t *sink = crowd_role(c, "sink", "s", NULL);
    member_t *a = crowd_join(c, "a"), *heir = crowd_host(c, NULL);
    tr_error_t error = {0};
    process_stop(sink);
    if (member_add(heir, "s", &error) < 0)
        fail_msg("%s", error.text);
    process_continue(sink);
    reach(c, a, "s", heir, 1);
    crowd_pass(c, 1500);
    reach(c, a, "s", heir, 2);
    crowd_leave(c, heir);
    until(c, (member_send(a, "s", 3), sink_report(sink).received > 0));
}

/* Killed: known within 3 s, and all that waits for it comes back. */
static void a_dead_process_is_known_within_three_seconds(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    process_t *sink = crowd_role(c, "sink", "sink", NULL);
    member_t *a = crowd_join(c, "a");
    assert_int_equal(tr_subscribe(a->agent, "$sys.agent.lost"), 0);
    reach(c, a, "a", a, 1);
    member_forget(a);
    int64_t begun = tr_clock_ms();
    process_kill(sink);
    until(c, member_count(a, TR_MESSAGE_EVENT) == 1);
    assert_true(tr_clock_ms() - begun < 3000);
}

/* A bare connection to the broker, to say what libtroupe never says. */
static void say_hello(void *socket, const uint8_t *token, size_t token_len, uint64_t epoch) {
    uint8_t bundle[512] = "TB\1\0\1\0\0\0";
    Troupe__Hello m = TROUPE__HELLO__INIT;
    m.version = TR_PROTOCOL_VERSION;
    m.token = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)token, .len = token_len};
    m.epoch = epoch;
    m.window_records = m.window_bytes = 1000000;
    size_t len = troupe__hello__pack(&m, bundle + TR_BUNDLE_HEADER + TR_RECORD_HEADER) + TR_RECORD_HEADER;
    tr_record_header_t h = {.length = (uint32_t)len, .kind = TR_KIND_HELLO, .id = 1};
    tr_record_header_write(&h, bundle + TR_BUNDLE_HEADER);
    len += TR_BUNDLE_HEADER;
    assert_int_equal(zmq_send(socket, bundle, len, 0), len);
}

static tr_record_t hear(void *socket, uint8_t *bundle, size_t size) {
    tr_bundle_reader_t reader;
    tr_record_t r = {0};
    int n = zmq_recv(socket, bundle, size, 0);
    assert_in_range(n, TR_BUNDLE_HEADER + TR_RECORD_HEADER, size);
    assert_int_equal(tr_bundle_open(&reader, bundle, (size_t)n, TR_RECORD_MAX), TR_REASON_NONE);
    assert_int_equal(tr_bundle_next(&reader, &r), 1);
    return r;
}

static void an_old_epoch_is_fenced_off(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    uint8_t bundle[4096], token[64];
    void *context = zmq_ctx_new(), *sockets[2];
    int wait = PROCESS_PATIENCE_MS, zero = 0;
    for (size_t i = 0; i < 2; i++) {
        sockets[i] = zmq_socket(context, ZMQ_DEALER);
        zmq_setsockopt(sockets[i], ZMQ_RCVTIMEO, &wait, sizeof wait);
        zmq_setsockopt(sockets[i], ZMQ_LINGER, &zero, sizeof zero);
        assert_int_equal(zmq_connect(sockets[i], c->broker.endpoint), 0);
    }
    say_hello(sockets[0], NULL, 0, 5);
    tr_record_t r = hear(sockets[0], bundle, sizeof bundle);
    assert_int_equal(r.h.kind, TR_KIND_WELCOME);
    Troupe__Welcome *m = troupe__welcome__unpack(NULL, r.content_len, r.content);
    assert_non_null(m);
    assert_in_range(m->token.len, 1, sizeof token);
    size_t len = m->token.len;
    memcpy(token, m->token.data, len);
    troupe__welcome__free_unpacked(m, NULL);
    say_hello(sockets[1], token, len, 6); /* the process has connected again */
    assert_int_equal(hear(sockets[1], bundle, sizeof bundle).h.kind, TR_KIND_WELCOME);
    say_hello(sockets[0], token, len, 5); /* what the old connection still has to say */
    r = hear(sockets[0], bundle, sizeof bundle);
    assert_int_equal(r.h.kind, TR_KIND_REFUSED);
    assert_int_equal(r.h.reason, TR_REASON_OLD_EPOCH);
    zmq_close(sockets[0]);
    zmq_close(sockets[1]);
    zmq_ctx_term(context);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(all_is_there_again_after_the_broker_was_killed),
        test(what_waits_goes_to_the_new_broker),
        test(a_flood_goes_on_over_the_brokers_death),
        test(several_hundred_agents_come_back),
        test(a_broker_that_pauses_loses_nothing),
        test(a_broker_that_pauses_longer_declares_nobody_dead),
        test(a_process_that_was_away_for_longer_than_a_lease_comes_back),
        test(a_name_that_was_lost_is_regained),
        test(a_dead_process_is_known_within_three_seconds),
        test(an_old_epoch_is_fenced_off),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
