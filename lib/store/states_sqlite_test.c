#include "lib/store/states_sqlite.h"

#include "lib/store/states_conformance.h"
#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
    *state = scratch_new();
    return *state ? 0 : -1;
}

static int teardown(void **state) {
    scratch_end(*state);
    return 0;
}

static tr_states_t *opened(const char *directory, const char *name) {
    tr_states_t *states = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_states_open_sqlite(directory, name, &states, &error), 0);
    return states;
}

static void it_is_a_store(void **state) {
    tr_states_t *states = opened(*state, "clerk");
    tr_states_conform(states);
    tr_states_close(&states);
    assert_null(states);
    states = opened(*state, "clerk");
    tr_states_conform_again(states);
    tr_states_close(&states);
}

static void one_process_has_it(void **state) {
    tr_states_t *states = opened(*state, "clerk"), *second = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_states_open_sqlite(*state, "clerk", &second, &error), -EBUSY);
    assert_null(second);
    assert_non_null(strstr(error.text, "clerk.db"));
    second = opened(*state, "other"); /* beside it */
    tr_states_close(&second);
    tr_states_close(&states);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_a_store, setup, teardown),
        cmocka_unit_test_setup_teardown(one_process_has_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
