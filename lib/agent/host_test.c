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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_may_be_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
