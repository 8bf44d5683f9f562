/* Names that stand for brokers: what is found, what is not, and that an end comes at any moment. */
#include "broker/shell/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static tr_strings_t list(const char *const *items) {
    tr_strings_t s = {.items = items};
    while (items[s.count])
        s.count++;
    return s;
}

/* Looks again until there is news, for as long as a resolver may take. */
static tr_resolved_t wait_for(tr_resolver_t *r, size_t at) {
    tr_resolved_t found = {0};
    const struct timespec moment = {.tv_nsec = 2000000};
    for (int i = 0; i < 10000; i++) {
        if (tr_resolver_take(r, at, &found))
            return found;
        nanosleep(&moment, NULL);
    }
    fail_msg("no news of name %zu", at);
    return found;
}

static bool has(const tr_resolved_t *found, const char *endpoint) {
    for (size_t i = 0; i < found->count; i++)
        if (!strcmp(found->endpoints[i], endpoint))
            return true;
    return false;
}

static void addresses_are_endpoints(void **state) {
    (void)state;
    static const char *const names[] = {"127.0.0.1:5573", "cluster@localhost:77", "[::1]:5", NULL};
    tr_resolver_t *r = NULL;
    tr_error_t error;
    tr_strings_t strings = list(names);
    assert_int_equal(tr_resolver_new(&strings, 20, &r, &error), 0);
    tr_resolved_t found = wait_for(r, 0);
    assert_int_equal(found.count, 1);
    assert_true(has(&found, "tcp://127.0.0.1:5573"));
    tr_resolved_finish(&found);
    found = wait_for(r, 1);
    assert_true(has(&found, "tcp://127.0.0.1:77") || has(&found, "tcp://[::1]:77"));
    tr_resolved_finish(&found);
    found = wait_for(r, 0); /* looked up again */
    assert_true(has(&found, "tcp://127.0.0.1:5573"));
    tr_resolved_finish(&found);
    tr_resolver_destroy(&r);
    assert_null(r);
    tr_resolver_destroy(&r);
}

static void what_is_not_found_is_said(void **state) {
    (void)state;
    static const char *const names[] = {"no such host.invalid:1", NULL};
    tr_resolver_t *r = NULL;
    tr_error_t error;
    tr_strings_t strings = list(names);
    assert_int_equal(tr_resolver_new(&strings, 60000, &r, &error), 0);
    tr_resolved_t found = wait_for(r, 0);
    assert_int_equal(found.count, 0);
    assert_non_null(strstr(found.error, "no such host.invalid"));
    tr_resolved_finish(&found);
    tr_resolver_destroy(&r); /* does not wait for the minute to pass */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_endpoints),
        cmocka_unit_test(what_is_not_found_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
