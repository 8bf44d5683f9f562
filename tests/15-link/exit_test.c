/* A process that ends loses nothing of what it has sent, over TCP and over a Unix socket. */
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

enum { N = 100000 };

static void leave_behind(crowd_t *c) {
    process_t *sink = crowd_role(c, "sink", "sink", NULL);
    for (uint64_t round = 1; round <= 3; round++) {
        char name[16];
        snprintf(name, sizeof name, "leaver%d", (int)round);
        process_t *leaver = crowd_role(c, "leave", name, "sink", "100000", NULL);
        crowd_role_end(leaver);
        report_t r = {0};
        until(c, (r = sink_report(sink)).received == round * N);
        assert_int_equal(r.missing + r.doubled + r.damaged, 0);
    }
}

static void nothing_is_lost_over_tcp(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    leave_behind(c);
}

static void nothing_is_lost_over_ipc(void **state) {
    crowd_t *c = *state;
    char folder[] = "/tmp/troupe-link-XXXXXX", endpoint[64];
    assert_non_null(mkdtemp(folder));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/broker", folder);
    broker_start(&c->broker, endpoint, NULL);
    leave_behind(c);
    broker_end(&c->broker);
    unlink(endpoint + strlen("ipc://"));
    assert_int_equal(rmdir(folder), 0);
}

/* The credit is spent when it wants to go: it stays until all is taken. */
static void nothing_is_lost_with_small_windows(void **state) {
    static const char *const options[] = {"--window-records", "64", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    leave_behind(c);
}

/* Without a broker it waits no longer than a lease. */
static void a_host_whose_broker_is_gone_ends_soon(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    broker_end(&c->broker);
    member_send(a, "a", 1);
    crowd_leave(c, a);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(nothing_is_lost_over_tcp),
        test(nothing_is_lost_over_ipc),
        test(nothing_is_lost_with_small_windows),
        test(a_host_whose_broker_is_gone_ends_soon),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
