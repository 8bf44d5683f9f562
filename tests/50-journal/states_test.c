/* The state of agents in a PostgreSQL of the test's own, which falls in between. */
#include "lib/store/states_conformance.h"
#include "lib/store/states_journal.h"
#include "tests/50-journal/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static tr_states_t *opened(postgres_t *server) {
    tr_journal_postgres_options_t options = {
        .conninfo = server->conninfo, .table = "states", .module = getenv("JOURNAL_POSTGRES")};
    tr_journal_t *journal = NULL;
    tr_states_t *states = NULL;
    tr_error_t error = {0};
    if (tr_journal_open_postgres(&options, &journal, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(tr_states_open_journal(&journal, &states, &error), 0);
    assert_null(journal);
    return states;
}

static void it_is_a_store(void **state) {
    tr_states_t *states = opened(*state);
    tr_states_conform(states);
    tr_states_close(&states);
    states = opened(*state);
    tr_states_conform_again(states);
    tr_states_close(&states);
}

/* What was saved before is there; what is saved after finds the server again by itself. */
static void a_server_that_falls_loses_nothing(void **state) {
    postgres_t *server = *state;
    tr_states_t *states = opened(server);
    tr_error_t error = {0};
    assert_int_equal(states->save(states, &(tr_state_change_t){"kept", "three", 5}, 1, &error), 0);
    postgres_crash(server);
    postgres_start(server);
    assert_int_equal(states->save(states, &(tr_state_change_t){"after", "x", 1}, 1, &error), 0);
    tr_states_conform_again(states);
    tr_states_close(&states);
}

static int setup(void **state) {
    static postgres_t server;
    *state = &server;
    if (!postgres_find(&server))
        return -1;
    postgres_new(&server);
    return 0;
}

static int teardown(void **state) {
    postgres_finish(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_store),
        cmocka_unit_test(a_server_that_falls_loses_nothing),
    };
    postgres_t probe;
    if (!postgres_find(&probe))
        return 77; /* no server is installed: skipped */
    return cmocka_run_group_tests(tests, setup, teardown);
}
