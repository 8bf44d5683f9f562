#include "lib/llm/board.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"

typedef struct fixture {
    char directory[64], path[80];
    tr_llm_board_t *board;
} fixture_t;

static int set_up(void **state) {
    fixture_t *f = calloc(1, sizeof *f);
    tr_error_t error = {0};
    assert_non_null(f);
    snprintf(f->directory, sizeof f->directory, "/tmp/troupe-board-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/board", f->directory);
    assert_int_equal(tr_llm_board_open(f->path, &f->board, &error), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture_t *f = *state;
    char lock[96];
    tr_llm_board_close(&f->board);
    tr_llm_board_close(&f->board);
    snprintf(lock, sizeof lock, "%s.lock", f->path);
    unlink(lock);
    unlink(f->path);
    assert_int_equal(rmdir(f->directory), 0); /* nothing else was left there */
    free(f);
    return 0;
}

static void a_bucket_is_emptied_and_fills(void **state) {
    const fixture_t *f = *state;
    const tr_llm_rate_config_t limits = {.requests_per_minute = 120, .tokens_per_minute = 6000};
    tr_llm_board_account_t *a = tr_llm_board_account(f->board, "key", &limits);
    int64_t place;
    assert_ptr_equal(a, tr_llm_board_account(f->board, "key", &limits));
    assert_ptr_not_equal(a, tr_llm_board_account(f->board, "another", &limits));
    assert_int_equal(tr_llm_board_take(a, &limits, 10, 1, &place), 0); /* a second's worth is two */
    assert_int_equal(tr_llm_board_take(a, &limits, 10, 1, &place), 0);
    assert_int_equal(place, 0); /* nothing in flight is counted */
    int64_t wait = tr_llm_board_take(a, &limits, 10, 1, &place);
    assert_in_range(wait, 1, 500);
    int64_t until = tr_clock_ms() + 5000;
    while ((wait = tr_llm_board_take(a, &limits, 10, 1, &place)) > 0 && tr_clock_ms() < until)
        usleep((useconds_t)wait * 1000);
    assert_int_equal(wait, 0);
}

static void tokens_come_back_and_may_be_owed(void **state) {
    const fixture_t *f = *state;
    const tr_llm_rate_config_t limits = {.tokens_per_minute = 600}; /* ten a second */
    tr_llm_board_account_t *a = tr_llm_board_account(f->board, "key", &limits);
    int64_t place;
    assert_int_equal(tr_llm_board_take(a, &limits, 500, 1, &place), 0);
    assert_in_range(tr_llm_board_take(a, &limits, 200, 1, &place), 9000, 10000);
    tr_llm_board_give(a, &limits, 300, place); /* it took 200 */
    assert_int_equal(tr_llm_board_take(a, &limits, 200, 1, &place), 0);
    tr_llm_board_give(a, &limits, -600, place); /* and this one 800 */
    assert_in_range(tr_llm_board_take(a, &limits, 1, 1, &place), 39000, 41000);
    tr_llm_board_give(a, &limits, 100000, place); /* never more than full */
    assert_int_equal(
        tr_llm_board_take(a, &limits, 5000, 1, &place), 0); /* more than it holds needs it full */
    assert_in_range(tr_llm_board_take(a, &limits, 1, 1, &place), 430000, 441000);
}

static void a_pause_holds_for_all(void **state) {
    const fixture_t *f = *state;
    const tr_llm_rate_config_t limits = {0};
    tr_llm_board_account_t *a = tr_llm_board_account(f->board, "key", &limits);
    int64_t place;
    assert_int_equal(tr_llm_board_take(a, &limits, 1000000, 1, &place), 0);
    tr_llm_board_pause(a, 60000);
    tr_llm_board_pause(a, 10);
    assert_in_range(tr_llm_board_take(a, &limits, 1, 1, &place), 50000, 60000);
}

static void places_in_flight(void **state) {
    const fixture_t *f = *state;
    const tr_llm_rate_config_t limits = {.in_flight = 3};
    tr_llm_board_account_t *a = tr_llm_board_account(f->board, "key", &limits);
    int64_t places[3], more;
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(tr_llm_board_take(a, &limits, 1, 77 * i, &places[i]), 0);
    assert_true(tr_llm_board_take(a, &limits, 1, 5, &more) > 0);
    assert_int_equal(more, 0);
    tr_llm_board_give(a, &limits, 0, places[1]);
    assert_int_equal(tr_llm_board_take(a, &limits, 1, 9, &more), 0);
    int64_t none;
    assert_true(tr_llm_board_take(a, &limits, 1, 5, &none) > 0);
}

/* Their places are taken over where there are no others; those of the living are not. */
static void places_of_the_dead_are_taken(void **state) {
    const fixture_t *f = *state;
    const tr_llm_rate_config_t limits = {.in_flight = 2};
    tr_llm_board_account_t *a = tr_llm_board_account(f->board, "key", &limits);
    int64_t place, own;
    int status;
    assert_int_equal(tr_llm_board_take(a, &limits, 1, 0, &own), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(tr_llm_board_take(a, &limits, 1, 0, &place) != 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(tr_llm_board_take(a, &limits, 1, 0, &place), 0);
    assert_true(tr_llm_board_take(a, &limits, 1, 0, &own) > 0);
}

static void circuits_open_are_probed_and_close(void **state) {
    const fixture_t *f = *state;
    const tr_llm_breaker_config_t config = {.failures = 2, .open_ms = 1, .max_open_ms = 3600000};
    const tr_llm_breaker_config_t slow = {.failures = 1, .open_ms = 60000, .max_open_ms = 60000};
    tr_llm_board_account_t *a = tr_llm_board_account(f->board, "key", &(tr_llm_rate_config_t){0});
    int64_t probe, other;
    assert_int_equal(tr_llm_board_pass(a, 60000, &probe), 0);
    assert_int_equal(probe, 0);
    assert_int_equal(tr_llm_board_failed(a, &config, 0), 0);
    tr_llm_board_succeeded(a, 0); /* the count begins anew */
    assert_int_equal(tr_llm_board_failed(a, &config, 0), 0);
    assert_int_equal(tr_llm_board_failed(a, &config, 0), 1);
    int64_t until = tr_clock_ms() + 5000;
    while (tr_llm_board_pass(a, 60000, &probe) > 0 && tr_clock_ms() < until)
        usleep(1000);
    assert_true(probe > 0);
    assert_true(tr_llm_board_pass(a, 60000, &other) > 0); /* one tries */
    tr_llm_board_neither(a, probe);
    assert_int_equal(tr_llm_board_pass(a, 60000, &probe), 0);
    tr_llm_board_succeeded(a, probe);
    assert_int_equal(tr_llm_board_pass(a, 60000, &probe), 0);
    assert_int_equal(probe, 0);
    assert_int_equal(tr_llm_board_failed(a, &slow, 0), 60000);
    assert_in_range(tr_llm_board_pass(a, 60000, &probe), 50000, 60000);
}

static void a_budget_is_spent_once(void **state) {
    const fixture_t *f = *state;
    tr_llm_board_purse_t *p = tr_llm_board_purse(f->board, "agent:ann");
    uint64_t spent[TR_LLM_BOARD_SPENT_OF];
    assert_ptr_equal(p, tr_llm_board_purse(f->board, "agent:ann"));
    assert_true(tr_llm_board_spend(p, 60, 5, 100, 0, spent));
    assert_false(tr_llm_board_spend(p, 60, 5, 100, 0, spent));
    assert_int_equal(spent[0], 60);
    tr_llm_board_correct(p, -20, 0);
    assert_true(tr_llm_board_spend(p, 60, 5, 100, 0, spent));
    assert_false(tr_llm_board_spend(p, 0, 1, 100, 10, spent)); /* of money: and no tokens were counted */
    assert_false(tr_llm_board_spend(p, 1, 0, 100, 0, spent));
    assert_int_equal(spent[0], 100);
    assert_int_equal(spent[1], 10);
}

/* Four processes at once, each with the file opened by itself: not one more than there are. */
static void processes_at_once_spend_no_more_than_there_is(void **state) {
    enum { PROCESSES = 4, EACH = 1000, MAX = 2500 };
    const fixture_t *f = *state;
    pid_t children[PROCESSES];
    uint64_t spent[TR_LLM_BOARD_SPENT_OF];
    for (int i = 0; i < PROCESSES; i++) {
        if ((children[i] = fork()) > 0)
            continue;
        tr_llm_board_t *own = NULL;
        tr_error_t error = {0};
        int code = tr_llm_board_open(f->path, &own, &error) < 0;
        tr_llm_board_purse_t *p = own ? tr_llm_board_purse(own, "fleet") : NULL;
        for (int k = 0; p && k < EACH; k++)
            tr_llm_board_spend(p, 1, 0, MAX, 0, spent);
        _exit(code);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_false(tr_llm_board_spend(tr_llm_board_purse(f->board, "fleet"), 1, 0, MAX, 0, spent));
    assert_int_equal(spent[0], MAX);
}

static void more_names_than_there_is_room_for(void **state) {
    const fixture_t *f = *state;
    char name[32];
    size_t found = 0;
    for (int i = 0; i < TR_LLM_BOARD_PURSES + 10; i++) {
        snprintf(name, sizeof name, "task:%d", i);
        found += tr_llm_board_purse(f->board, name) != NULL;
    }
    assert_int_equal(found, TR_LLM_BOARD_PURSES);
    assert_non_null(tr_llm_board_purse(f->board, "task:7"));
}

/* Those who have the old one keep it; who comes later has a new one. */
static void a_file_of_another_kind_is_replaced(void **state) {
    const fixture_t *f = *state;
    tr_llm_board_t *later = NULL;
    tr_error_t error = {0};
    uint64_t spent[TR_LLM_BOARD_SPENT_OF];
    assert_true(tr_llm_board_spend(tr_llm_board_purse(f->board, "fleet"), 5, 0, 5, 0, spent));
    int fd = open(f->path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    close(fd);
    assert_int_equal(tr_llm_board_open(f->path, &later, &error), 0);
    assert_true(tr_llm_board_spend(tr_llm_board_purse(later, "fleet"), 5, 0, 5, 0, spent));
    assert_false(tr_llm_board_spend(tr_llm_board_purse(f->board, "fleet"), 5, 0, 5, 0, spent));
    tr_llm_board_close(&later);
    assert_int_equal(chmod(f->path, 0620), 0);
    assert_true(tr_llm_board_open(f->path, &later, &error) < 0);
    assert_non_null(strstr(error.text, "chmod 600"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bucket_is_emptied_and_fills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_come_back_and_may_be_owed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_holds_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_in_flight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_of_the_dead_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(circuits_open_are_probed_and_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_budget_is_spent_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(processes_at_once_spend_no_more_than_there_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_names_than_there_is_room_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_another_kind_is_replaced, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
