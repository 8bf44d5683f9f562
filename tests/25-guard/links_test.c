/* Who gets in, under which name, and for how long: the guard of the links. */
#include "place.h"

#include "lib/cert/cert_file.h"

#include <sys/stat.h>
#include <unistd.h>

typedef struct world {
    place_t place;
    broker_t b;
    tr_secret_t ann, bob;
} world_t;

static void begin(world_t *w, const char *const *options) {
    place_make(&w->place);
    w->ann =
        place_add(&w->place, "ann", &(grant_t){.names = LIST("ann", "ann-*"), .publish = LIST("news.>")});
    w->bob = place_add(&w->place, "bob", &(grant_t){.names = LIST("bob")});
    place_start(&w->place, &w->b, options);
}

static void end(world_t *w) {
    broker_stop(&w->b);
    place_remove(&w->place);
}

static void enter(world_t *w, peer_t *p, const tr_secret_t *secret) {
    peer_open_as(p, w->b.endpoint, secret);
    assert_true(peer_knock(p, PATIENCE_MS));
}

static void an_unknown_key_is_refused(void **state) {
    (void)state;
    world_t w;
    peer_t stranger, plain, ann;
    begin(&w, NULL);
    tr_secret_t unknown = place_stranger(&w.place);
    peer_open_as(&stranger, w.b.endpoint, &unknown);
    peer_open_as(&plain, w.b.endpoint, NULL); /* without CURVE */
    enter(&w, &ann, &w.ann);
    broker_wait_log(&w.b, "B041 key refused");
    broker_wait_log(&w.b, "an unknown key knocked at the links");
    assert_false(peer_knock(&stranger, 300));
    assert_false(peer_knock(&plain, 300));
    wait_metric(&w.b, "troupe_broker_sessions", 1);
    assert_true(metric(&w.b, "troupe_broker_sessions") == 1);
    peer_close(&stranger);
    peer_close(&plain);
    peer_close(&ann);
    end(&w);
}

static void the_wrong_broker_is_not_talked_to(void **state) {
    (void)state;
    world_t w;
    peer_t ann;
    begin(&w, NULL);
    tr_secret_t other = w.ann;
    tr_secret_t stranger = place_stranger(&w.place);
    memcpy(other.broker, stranger.key, sizeof other.broker); /* another one has taken the address */
    peer_open_as(&ann, w.b.endpoint, &other);
    assert_false(peer_knock(&ann, 500));
    peer_close(&ann);
    end(&w);
}

static void a_forged_sender_is_refused(void **state) {
    (void)state;
    world_t w;
    peer_t ann, bob;
    begin(&w, NULL);
    enter(&w, &ann, &w.ann);
    enter(&w, &bob, &w.bob);
    tr_route_t a = peer_register(&ann, "ann"), b = peer_register(&bob, "bob");
    uint64_t id = peer_send(&bob, a, "ann", "bob", NULL, TR_INFORM, "x", 1); /* ann's route */
    peer_expect_refused(&bob, id, TR_REASON_FORGED_SENDER);
    id = peer_send(&bob, b, "ann", "bob", NULL, TR_INFORM, "x", 1); /* ann's name */
    peer_expect_refused(&bob, id, TR_REASON_FORGED_SENDER);
    broker_wait_log(&w.b, "B046 forged sender what=ann");
    peer_close(&ann);
    peer_close(&bob);
    end(&w);
}

static void a_stolen_name_is_refused(void **state) {
    (void)state;
    world_t w;
    peer_t bob;
    begin(&w, NULL);
    enter(&w, &bob, &w.bob);
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t) "ann"; /* who is not even here */
    peer_expect_refused(&bob, peer_control(&bob, TR_KIND_REGISTER, 0, &m.base), TR_REASON_FORBIDDEN);
    broker_wait_log(&w.b, "B042 name refused what=\"the name ann\"");
    peer_close(&bob);
    end(&w);
}

static void a_revoked_certificate_is_out_within_two_seconds(void **state) {
    (void)state;
    world_t w;
    peer_t ann, bob;
    begin(&w, NULL);
    enter(&w, &ann, &w.ann);
    enter(&w, &bob, &w.bob);
    tr_route_t a = peer_register(&ann, "ann");
    tr_route_t b = peer_register(&bob, "bob");
    int64_t from_ms = test_now_ms();
    place_revoke(&w.place, "ann");
    peer_expect_refused(&ann, 0, TR_REASON_FORBIDDEN);
    int64_t took_ms = test_now_ms() - from_ms;
    print_message("revoked: out after %lld ms\n", (long long)took_ms);
    assert_true(took_ms <= 2000);
    peer_send(&ann, a, "ann", "bob", NULL, TR_INFORM, "still here", 10);
    uint64_t id = peer_send(&bob, b, "bob", "ann", NULL, TR_INFORM, "x", 1);
    peer_expect_nack(&bob, id, TR_REASON_NOT_FOUND);
    assert_false(peer_next(&bob, TR_KIND_MESSAGE, 100));
    peer_t again;
    peer_open_as(&again, w.b.endpoint, &w.ann);
    assert_false(peer_knock(&again, 300));
    broker_wait_log(&w.b, "a revoked certificate knocked at the links");
    peer_close(&again);
    peer_close(&ann);
    peer_close(&bob);
    end(&w);
}

/* Not only does it hear no more: the connection itself ends. */
static void a_revoked_connection_is_cut(void **state) {
    (void)state;
    world_t w;
    peer_t ann;
    begin(&w, NULL);
    peer_open_as(&ann, w.b.endpoint, &w.ann);
    assert_int_equal(zmq_socket_monitor(ann.socket, "inproc://end", ZMQ_EVENT_DISCONNECTED), 0);
    void *monitor = zmq_socket(ann.context, ZMQ_PAIR);
    assert_int_equal(zmq_connect(monitor, "inproc://end"), 0);
    assert_true(peer_knock(&ann, PATIENCE_MS));
    int64_t from_ms = test_now_ms();
    place_revoke(&w.place, "ann");
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    int64_t took_ms = test_now_ms() - from_ms;
    print_message("revoked: cut after %lld ms\n", (long long)took_ms);
    assert_true(took_ms <= 2000);
    zmq_close(monitor);
    peer_close(&ann);
    end(&w);
}

typedef struct rotation {
    const char *key;
    int64_t until_ms;
} rotation_t;

static void rotate(tr_cert_t *cert, void *arg) {
    const rotation_t *r = arg;
    cert->keys[1] = cert->keys[0];
    cert->keys[1].until_ms = r->until_ms;
    cert->keys_n = 2;
    assert_true(tr_key_parse(r->key, cert->keys[0].bytes));
}

static void drop_old_key(tr_cert_t *cert, void *arg) {
    (void)arg;
    cert->keys_n = 1;
}

static void both_keys_are_good_while_they_rotate(void **state) {
    (void)state;
    world_t w;
    peer_t old, fresh, late;
    begin(&w, NULL);
    enter(&w, &old, &w.ann);
    tr_route_t route = peer_register(&old, "ann");
    tr_secret_t new = place_stranger(&w.place);
    place_change(&w.place, "ann", rotate, &(rotation_t){new.key, 4102444800000 /* the year 2100 */});
    place_wait_read(&w.b, 2);
    enter(&w, &fresh, &new);
    peer_register(&fresh, "ann-2");
    enter(&w, &late, &w.ann);                                        /* the old key still opens */
    peer_send(&old, route, "ann", "ann-2", NULL, TR_INFORM, "x", 1); /* and nobody was disturbed */
    assert_memory_equal(peer_expect(&fresh, TR_KIND_MESSAGE)->content, "x", 1);
    place_change(&w.place, "ann", drop_old_key, NULL);
    peer_expect_refused(&old, 0, TR_REASON_FORBIDDEN);
    peer_expect_refused(&late, 0, TR_REASON_FORBIDDEN);
    peer_control(&fresh, TR_KIND_PING, 0, NULL);
    peer_expect(&fresh, TR_KIND_PONG);
    peer_close(&old);
    peer_close(&fresh);
    peer_close(&late);
    end(&w);
}

static void limits_are_kept(void **state) {
    (void)state;
    world_t w;
    peer_t p, second;
    begin(&w, NULL);
    tr_secret_t slow = place_add(&w.place, "slow",
        &(grant_t){.names = LIST("slow"), .limits = {.messages_per_s = 5, .connections = 1}});
    place_wait_read(&w.b, 2);
    enter(&w, &p, &slow);
    tr_route_t route = peer_register(&p, "slow");
    for (int i = 0; i < 6; i++)
        peer_send(&p, route, "slow", "slow", NULL, TR_INFORM, "x", 1);
    const tr_record_t *r = peer_expect(&p, TR_KIND_NACK);
    assert_int_equal(r->h.reason, TR_REASON_BUSY);
    Troupe__Nack *nack = troupe__nack__unpack(NULL, r->content_len, r->content);
    assert_in_range(nack->retry_after_ms, 1, 200);
    troupe__nack__free_unpacked(nack, NULL);
    peer_open_as(&second, w.b.endpoint, &slow);
    assert_false(peer_knock(&second, 300));
    broker_wait_log(&w.b, "B047 limit of a certificate what=messages");
    broker_wait_log(&w.b, "B047 limit of a certificate what=connections");
    peer_close(&p);
    peer_close(&second);
    end(&w);
}

/* Half a file is no certificate, but for a moment it may be one that is being written. */
static void a_broken_file_lets_nobody_in(void **state) {
    (void)state;
    world_t w;
    peer_t ann;
    char path[PATH_MAX];
    begin(&w, NULL);
    enter(&w, &ann, &w.ann);
    assert_int_equal(tr_cert_path(w.place.directory, "ann", path, NULL), 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("certificate: ann\nkey: oh no\n", f);
    fclose(f);
    peer_expect_refused(&ann, 0, TR_REASON_FORBIDDEN);
    broker_wait_log(&w.b, "B051 certificate cannot be read");
    broker_wait_log(&w.b, "expected a public key");
    peer_close(&ann);
    end(&w);
}

static void a_directory_that_is_gone_lets_nobody_in(void **state) {
    (void)state;
    world_t w;
    peer_t ann;
    char elsewhere[96];
    begin(&w, NULL);
    enter(&w, &ann, &w.ann);
    snprintf(elsewhere, sizeof elsewhere, "%s.gone", w.place.directory);
    assert_int_equal(rename(w.place.directory, elsewhere), 0);
    peer_expect_refused(&ann, 0, TR_REASON_FORBIDDEN);
    broker_wait_log(&w.b, "B051 certificate cannot be read");
    assert_int_equal(rename(elsewhere, w.place.directory), 0);
    peer_close(&ann);
    place_wait_read(&w.b, 3); /* first, nobody, and all again */
    enter(&w, &ann, &w.ann);
    peer_close(&ann);
    end(&w);
}

static void beyond_loopback_with_certificates(void **state) {
    (void)state;
    world_t w;
    peer_t ann;
    begin(&w, (const char *const[]){"--listen=tcp://0.0.0.0:0", "--stream=tcp://0.0.0.0:0", NULL});
    peer_t plain;
    char here[300];
    snprintf(here, sizeof here, "tcp://127.0.0.1%s", strrchr(w.b.endpoint, ':'));
    peer_open_as(&ann, here, &w.ann);
    assert_true(peer_knock(&ann, PATIENCE_MS));
    peer_open_as(&plain, here, NULL);
    assert_false(peer_knock(&plain, 300));
    peer_close(&plain);
    peer_close(&ann);
    end(&w);
}

static void refuses(const char *const *options, int code, const char *says) {
    broker_t b;
    char text[8192];
    broker_start(&b, options);
    int r = broker_wait(&b);
    broker_log(&b, text, sizeof text);
    if (r != code || !strstr(text, says))
        fail_msg("%d instead of %d, and \"%s\" should be in:\n%s", r, code, says, text);
    close(b.err);
}

static void what_cannot_guard_does_not_start(void **state) {
    (void)state;
    place_t p;
    place_make(&p);
    refuses((const char *const[]){p.broker, NULL}, 1, "--cert and --certs go together");
    refuses((const char *const[]){p.certs, NULL}, 1, "--cert and --certs go together");
    refuses((const char *const[]){p.broker, "--certs=/none/such", NULL}, 2,
        "/none/such: cannot read this directory");
    assert_int_equal(chmod(p.broker + strlen("--cert="), 0644), 0);
    refuses((const char *const[]){p.broker, p.certs, NULL}, 3, "chmod 600");
    refuses((const char *const[]){"--restrict=a..b", NULL}, 1, "--restrict a..b");
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_key_is_refused),
        cmocka_unit_test(the_wrong_broker_is_not_talked_to),
        cmocka_unit_test(a_forged_sender_is_refused),
        cmocka_unit_test(a_stolen_name_is_refused),
        cmocka_unit_test(a_revoked_certificate_is_out_within_two_seconds),
        cmocka_unit_test(a_revoked_connection_is_cut),
        cmocka_unit_test(both_keys_are_good_while_they_rotate),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_broken_file_lets_nobody_in),
        cmocka_unit_test(a_directory_that_is_gone_lets_nobody_in),
        cmocka_unit_test(beyond_loopback_with_certificates),
        cmocka_unit_test(what_cannot_guard_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
