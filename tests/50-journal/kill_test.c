/* kill -9 of a process that writes synced batches, and of the database under it: what was said to be synced is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/50-journal/batches.h"
#include "tests/50-journal/postgres.h"
#include "tests/process.h"
#include "tests/scratch.h"

#include <signal.h>
#include <unistd.h>

enum { ROUNDS = 12 };

static void start_writer(process_t *writer, const char *kind, const char *place) {
    process_start(writer, (const char *[]){JOURNAL_WRITER, kind, place, "100000", NULL});
}

/* Reads the numbers that it says until there are `n` of them; the last one. */
static long read_synced(process_t *writer, unsigned n, long last) {
    char line[600];
    for (; n > 0; n--) {
        assert_true(process_line(writer, line, sizeof line));
        if (strncmp(line, "synced ", 7) != 0)
            fail_msg("the writer says: %s", line);
        long number = strtol(line + 7, NULL, 10);
        assert_true(last < 0 || number == last + 1);
        last = number;
    }
    return last;
}

/* What it had said before it was killed counts too. */
static long read_rest(process_t *writer, long last) {
    char line[600];
    while (process_line_now(writer, line, sizeof line))
        if (strncmp(line, "synced ", 7) == 0)
            last = strtol(line + 7, NULL, 10);
    return last;
}

static unsigned check(const char *kind, const char *place) {
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    batches_found_t found;
    if (journal_open(kind, place, &j, &error) < 0 || batches_check(j, &found, &error) < 0)
        fail_msg("%s", error.text);
    tr_journal_close(&j);
    if (found.problem[0])
        fail_msg("%s", found.problem);
    return found.n;
}

static void kill_again_and_again(const char *kind, const char *place) {
    long last = -1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        process_t writer;
        start_writer(&writer, kind, place);
        last = read_synced(&writer, 1 + round * 29 % 60, last);
        process_signal(&writer, SIGKILL);
        last = read_rest(&writer, last);
        assert_int_equal(process_wait(&writer), 128 + SIGKILL);
        long n = check(kind, place);
        assert_true(n > last && n <= last + 2);
        last = n - 1;
    }
    print_message("%s: %ld batches, %d times killed\n", kind, last + 1, ROUNDS);
}

static int new_place(void **state) {
    *state = scratch_new();
    return *state ? 0 : -1;
}

static int end_place(void **state) {
    scratch_end(*state);
    return 0;
}

static void rocksdb_keeps_what_it_synced(void **state) {
    if (!getenv("JOURNAL_ROCKSDB")) {
        print_message("skipped: built without RocksDB\n");
        skip();
    }
    kill_again_and_again("rocksdb", *state);
}

static int new_server(void **state) {
    postgres_t *server = calloc(1, sizeof *server);
    *state = server;
    if (getenv("JOURNAL_POSTGRES") && postgres_find(server))
        postgres_new(server);
    return 0;
}

static int end_server(void **state) {
    postgres_finish(*state);
    free(*state);
    return 0;
}

static bool skipped(const postgres_t *server) {
    if (server->directory[0])
        return false;
    print_message("skipped: PostgreSQL is not installed, or Troupe is built without it\n");
    return true;
}

static void postgres_keeps_what_it_synced(void **state) {
    postgres_t *server = *state;
    if (skipped(server))
        skip();
    kill_again_and_again("postgres", server->conninfo);
}

/* The writer goes on over crashes of its server. */
static void a_server_that_crashes_keeps_it_too(void **state) {
    postgres_t *server = *state;
    process_t writer;
    if (skipped(server))
        skip();
    start_writer(&writer, "postgres", server->conninfo);
    long last = read_synced(&writer, 30, -1);
    for (int i = 0; i < 3; i++) {
        postgres_crash(server);
        postgres_start(server);
        last = read_synced(&writer, 30, read_rest(&writer, last));
    }
    process_signal(&writer, SIGKILL);
    last = read_rest(&writer, last);
    assert_int_equal(process_wait(&writer), 128 + SIGKILL);
    postgres_crash(server);
    postgres_start(server);
    long n = check("postgres", server->conninfo);
    assert_true(n > last && n <= last + 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rocksdb_keeps_what_it_synced, new_place, end_place),
        cmocka_unit_test_setup_teardown(postgres_keeps_what_it_synced, new_server, end_server),
        cmocka_unit_test_setup_teardown(a_server_that_crashes_keeps_it_too, new_server, end_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
