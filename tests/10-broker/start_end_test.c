/* How a broker starts, refuses to, and ends. */
#include "daemon.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* It does not start, ends with that code, and says this. */
static void refuses(const char *const *options, int code, const char *says) {
    broker_t b;
    char text[8192];
    broker_start_plain(&b, options);
    int r = broker_wait(&b);
    broker_log(&b, text, sizeof text);
    if (r != code || !strstr(text, says))
        fail_msg("%d instead of %d, and \"%s\" should be in:\n%s", r, code, says, text);
    assert_string_equal(b.line, "");
    close(b.err);
}

#define ANY "--listen=tcp://127.0.0.1:0", "--stream=tcp://127.0.0.1:0", "--http=none"

static void a_port_in_use_is_said(void **state) {
    (void)state;
    broker_t b;
    char listen[300], stream[300], http[100];
    broker_start(&b, NULL);
    snprintf(listen, sizeof listen, "--listen=%s", b.endpoint);
    snprintf(stream, sizeof stream, "--stream=%s", b.stream);
    snprintf(http, sizeof http, "--http=%s", b.http);
    refuses((const char *const[]){listen, "--stream=tcp://127.0.0.1:0", "--http=none", NULL}, 2, b.endpoint);
    refuses((const char *const[]){"--listen=tcp://127.0.0.1:0", stream, "--http=none", NULL}, 2, b.stream);
    refuses((const char *const[]){"--listen=tcp://127.0.0.1:0", "--stream=tcp://127.0.0.1:0", http, NULL}, 2,
        b.http);
    broker_stop(&b);
}

static void wrong_options_are_said(void **state) {
    (void)state;
    refuses((const char *const[]){"--lisen=tcp://127.0.0.1:0", NULL}, 1, "--listen");
    refuses((const char *const[]){ANY, "--mailbox-records=many", NULL}, 1, "--mailbox-records");
    refuses((const char *const[]){ANY, "--platform=no platform", NULL}, 1, "--platform");
    refuses((const char *const[]){ANY, "--lease=300ms", "--heartbeat=400ms", NULL}, 1, "--lease");
    refuses((const char *const[]){ANY, "--listen=nonsense", NULL}, 1, "nonsense");
}

static void nothing_is_open_to_the_network_unasked(void **state) {
    (void)state;
    refuses((const char *const[]){ANY, "--listen=tcp://0.0.0.0:0", NULL}, 3, "--insecure");
    refuses((const char *const[]){ANY, "--listen=tcp://*:0", NULL}, 3, "--insecure");
    refuses(
        (const char *const[]){"--listen=tcp://127.0.0.1:0", "--stream=tcp://0.0.0.0:0", "--http=none", NULL},
        3, "--insecure");
    refuses(
        (const char *const[]){ANY, "--listen=ipc://@abstract", NULL}, 3, "--insecure"); /* it has no mode */
    broker_t b;
    broker_start(&b, (const char *const[]){"--listen=tcp://0.0.0.0:0", "--insecure", NULL});
    assert_true(*b.endpoint);
    broker_stop(&b);
    broker_start(&b, (const char *const[]){"--listen=tcp://localhost:0", NULL});
    assert_non_null(strstr(b.endpoint, "tcp://127.0.0.1:"));
    broker_stop(&b);
}

static void a_socket_file_is_its_owners(void **state) {
    (void)state;
    broker_t b;
    peer_t p;
    char directory[] = "/tmp/broker-test-XXXXXX", listen[128], path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    snprintf(listen, sizeof listen, "--listen=ipc://%s", path);
    const char *const options[] = {listen, "--stream=tcp://127.0.0.1:0", "--http=none", "--ready-fd=3", NULL};
    broker_start_plain(&b, options);
    assert_non_null(strstr(b.endpoint, path));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    refuses(options, 2, path); /* somebody lives there */
    peer_open(&p, b.endpoint);
    peer_hello(&p); /* and was not disturbed */
    peer_register(&p, "a");
    peer_close(&p);

    kill(b.pid, SIGKILL);
    assert_int_equal(broker_wait(&b), -SIGKILL);
    close(b.err);
    assert_int_equal(stat(path, &st), 0); /* left over */
    broker_start_plain(&b, options);
    peer_open(&p, b.endpoint);
    peer_hello(&p);
    peer_close(&p);
    broker_stop(&b);
    unlink(path);
    rmdir(directory);
}

static void an_idle_broker_ends_at_once(void **state) {
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        broker_t b;
        broker_start(&b, NULL);
        kill(b.pid, signals[i]);
        assert_int_equal(broker_wait(&b), 0);
        close(b.err);
    }
}

/* A provider with a request in its hands, and who asked. */
typedef struct work {
    broker_t b;
    peer_t asker, worker;
    tr_route_t a, w;
    uint64_t lease; /* the delivery's number */
} work_t;

static void begin_work(work_t *x) {
    static const char offer[] = "\x82\xa6"
                                "action\xa8register\xa8services\x91\xa3sum";
    broker_start(&x->b, NULL);
    peer_open(&x->asker, x->b.endpoint);
    peer_open(&x->worker, x->b.endpoint);
    peer_hello(&x->asker);
    peer_hello(&x->worker);
    x->a = peer_register(&x->asker, "a");
    x->w = peer_register(&x->worker, "w");
    peer_send(&x->worker, x->w, "w", "df", NULL, TR_REQUEST, offer, sizeof offer - 1);
    assert_int_equal(peer_expect(&x->worker, TR_KIND_MESSAGE)->h.performative, TR_INFORM);
    peer_send(&x->asker, x->a, "a", "svc:sum", NULL, TR_REQUEST, "1+1", 3);
    const tr_record_t *r = peer_expect(&x->worker, TR_KIND_MESSAGE);
    assert_true(r->h.flags & TR_FLAG_LEASED);
    x->lease = r->h.id;
}

static void end_work(work_t *x) {
    peer_close(&x->asker);
    peer_close(&x->worker);
    close(x->b.err);
}

static void a_drain_waits_for_work_in_hand(void **state) {
    (void)state;
    work_t x;
    char body[4096];
    begin_work(&x);
    kill(x.b.pid, SIGTERM);
    broker_wait_log(&x.b, "draining");
    assert_int_equal(http_get(&x.b, "/readyz", body, sizeof body), 503);
    assert_int_equal(http_get(&x.b, "/healthz", body, sizeof body), 200);
    uint64_t id = peer_send(&x.asker, x.a, "a", "svc:sum", NULL, TR_REQUEST, "2+2", 3);
    const tr_record_t *r = peer_expect(&x.asker, TR_KIND_NACK);
    assert_int_equal(r->h.id, id);
    assert_int_equal(r->h.reason, TR_REASON_SHUTDOWN);
    assert_true(broker_runs(&x.b));
    peer_send(&x.worker, x.w, "w", "a", NULL, TR_INFORM, "2", 1);
    assert_memory_equal(peer_expect(&x.asker, TR_KIND_MESSAGE)->content, "2", 1); /* the answer passes */
    peer_record(
        &x.worker, &(tr_record_header_t){.kind = TR_KIND_SETTLE, .src = x.w, .id = x.lease}, NULL, NULL, 0);
    assert_int_equal(broker_wait(&x.b), 0);
    end_work(&x);
}

static void a_second_signal_ends_it_at_once(void **state) {
    (void)state;
    work_t x;
    begin_work(&x);
    kill(x.b.pid, SIGTERM);
    broker_wait_log(&x.b, "draining");
    assert_true(broker_runs(&x.b));
    kill(x.b.pid, SIGTERM);
    assert_int_equal(broker_wait(&x.b), 0);
    end_work(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(wrong_options_are_said),
        cmocka_unit_test(nothing_is_open_to_the_network_unasked),
        cmocka_unit_test(a_socket_file_is_its_owners),
        cmocka_unit_test(an_idle_broker_ends_at_once),
        cmocka_unit_test(a_drain_waits_for_work_in_hand),
        cmocka_unit_test(a_second_signal_ends_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
