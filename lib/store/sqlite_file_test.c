#include "lib/store/sqlite_file.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const steps[] = {
    "CREATE TABLE one (a INTEGER PRIMARY KEY, b BLOB); PRAGMA user_version = 1",
    "CREATE TABLE two (a INTEGER); PRAGMA user_version = 2",
    "CREATE TABLE three (a INTEGER); INSERT INTO nowhere VALUES (1); PRAGMA user_version = 3",
};
static const char *const sql[] = {"INSERT INTO one VALUES (?, ?)", "SELECT count(*) FROM one"};

typedef struct file {
    char *directory;
    sqlite3 *db;
    sqlite3_stmt *statements[2];
    tr_sqlite_schema_t schema;
    tr_error_t error;
} file_t;

static int extended; /* a plain function is called: it has no other place to say so */
static int extend(sqlite3 *db) {
    extended++;
    return db ? SQLITE_OK : SQLITE_ERROR;
}

static int setup(void **state) {
    file_t *f = calloc(1, sizeof *f);
    f->directory = scratch_new_in_memory();
    assert_non_null(f->directory);
    f->schema = (tr_sqlite_schema_t){.name = "file.db",
        .migrations = steps,
        .migration_count = 2,
        .sql = sql,
        .statement_count = 2,
        .cache_kib = 100,
        .extend = extend};
    *state = f;
    return 0;
}

static int teardown(void **state) {
    file_t *f = *state;
    tr_sqlite_close(&f->db, f->statements, 2);
    scratch_end(f->directory);
    free(f);
    return 0;
}

static int open_file(file_t *f) {
    tr_sqlite_close(&f->db, f->statements, 2);
    return tr_sqlite_open(f->directory, &f->schema, &f->db, f->statements, &f->error);
}

static int insert(file_t *f, int64_t number, size_t bytes) {
    static const char zeros[20000];
    sqlite3_stmt *s = f->statements[0];
    sqlite3_bind_int64(s, 1, number);
    bool done =
        sqlite3_bind_blob64(s, 2, zeros, bytes, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(s) == SQLITE_DONE;
    int rc = done ? 0 : tr_sqlite_fail(f->db, "file.db", &f->error);
    sqlite3_reset(s);
    return rc;
}

static int64_t rows(file_t *f) {
    int64_t count =
        sqlite3_step(f->statements[1]) == SQLITE_ROW ? sqlite3_column_int64(f->statements[1], 0) : -1;
    sqlite3_reset(f->statements[1]);
    return count;
}

static void what_is_written_is_there_again(void **state) {
    file_t *f = *state;
    extended = 0;
    assert_int_equal(open_file(f), 0);
    assert_int_equal(extended, 1);
    assert_int_equal(insert(f, 1, 10), 0);
    assert_int_equal(open_file(f), 0);
    assert_int_equal(rows(f), 1);
}

static void a_directory_is_made_with_those_above_it(void **state) {
    file_t *f = *state;
    char *top = f->directory, *below = NULL;
    assert_true(asprintf(&below, "%s/a/b", top) > 0);
    f->directory = below;
    assert_int_equal(open_file(f), 0);
    f->directory = top;
    free(below);
}

static void another_one_has_it(void **state) {
    file_t *f = *state;
    sqlite3 *db = NULL;
    sqlite3_stmt *statements[2];
    assert_int_equal(open_file(f), 0);
    assert_int_equal(tr_sqlite_open(f->directory, &f->schema, &db, statements, &f->error), -EBUSY);
    assert_non_null(strstr(f->error.text, "file.db: another process has it"));
    assert_null(db);
    assert_int_equal(insert(f, 1, 10), 0);
}

static void a_later_version_is_not_touched(void **state) {
    file_t *f = *state;
    assert_int_equal(open_file(f), 0);
    f->schema.migration_count = 1;
    assert_int_equal(open_file(f), -ENOTSUP);
    assert_non_null(strstr(f->error.text, "made by a later version of Troupe (schema 2, this one has 1)"));
    f->schema.migration_count = 2;
    assert_int_equal(open_file(f), 0);
}

static void a_step_that_fails_leaves_the_version_before_it(void **state) {
    file_t *f = *state;
    f->schema.migration_count = 3;
    assert_int_equal(open_file(f), -EIO);
    assert_non_null(strstr(f->error.text, "no such table: nowhere"));
    assert_null(f->db);
    f->schema.migration_count = 2; /* later, had the third step come to its end */
    assert_int_equal(open_file(f), 0);
    assert_int_equal(sqlite3_exec(f->db, "SELECT * FROM three", NULL, NULL, NULL), SQLITE_ERROR);
}

static void a_full_disk_and_a_large_value_have_their_errors(void **state) {
    file_t *f = *state;
    assert_int_equal(open_file(f), 0);
    sqlite3_limit(f->db, SQLITE_LIMIT_LENGTH, 10000);
    assert_int_equal(insert(f, 1, 20000), -EFBIG);
    assert_int_equal(sqlite3_exec(f->db, "PRAGMA max_page_count = 6", NULL, NULL, NULL), SQLITE_OK);
    int rc = 0;
    for (int64_t i = 2; rc == 0 && i < 100; i++)
        rc = insert(f, i, 4000);
    assert_int_equal(rc, -ENOSPC);
}

static void a_file_that_is_none_is_refused(void **state) {
    file_t *f = *state;
    char path[300];
    snprintf(path, sizeof path, "%s/file.db", f->directory);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    for (int i = 0; i < 1000; i++)
        fputs("no database\n", out);
    fclose(out);
    assert_int_equal(open_file(f), -EIO);
    assert_non_null(strstr(f->error.text, "file is not a database"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_there_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_is_made_with_those_above_it, setup, teardown),
        cmocka_unit_test_setup_teardown(another_one_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_later_version_is_not_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_that_fails_leaves_the_version_before_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_and_a_large_value_have_their_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_none_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
