/* The host's loop, over a link in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/agent/host_fixture.h"

static void called(tr_host_t *host, void *arg) {
    (void)host;
    (*(unsigned *)arg)++;
}

/* Who waits for its broker for ever asks for the rest of all time. */
static void a_step_may_be_of_any_length(void **state) {
    static const int64_t lengths[] = {-1, 0, 1, INT64_MAX - 1, INT64_MAX};
    tr_host_t *host = tr_fixture_host();
    unsigned calls = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(tr_host_post(host, called, &calls), 0);
        assert_int_equal(tr_host_step(host, lengths[i]), 1);
        assert_int_equal(calls, i + 1);
    }
    tr_host_destroy(&host);
}

/* Nobody else would settle it. */
static void what_is_leased_to_nobody_goes_back(void **state) {
    static const char *const to = "nobody@here";
    tr_host_t *host = tr_fixture_host();
    (void)state;
    assert_non_null(
        tr_link_register(host->link, "nobody", 1, "")); /* the broker knows the name, and the host no agent */
    tr_fixture_inject(host,
        &(tr_acl_t){.performative = TR_REQUEST, .sender = "alice@here", .receivers = {&to, 1}},
        TR_FLAG_LEASED);
    tr_fixture_run(host);
    size_t n;
    const tr_settled_t *settled = tr_fixture_settled(host, &n);
    assert_int_equal(n, 1);
    assert_true(settled[0].release);
    tr_host_destroy(&host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_may_be_of_any_length),
        cmocka_unit_test(what_is_leased_to_nobody_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
