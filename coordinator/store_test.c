#include "coordinator/store_conformance.h"
#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static tr_store_t *opened(const char *directory) {
    tr_store_t *store = NULL;
    tr_error_t error = {0};
    if (tr_store_open(&(tr_store_place_t){.directory = directory}, &store, &error) < 0)
        fail_msg("%s", error.text);
    return store;
}

static void a_second_one_is_refused(void **state) {
    char *directory = *state;
    tr_store_t *store = opened(directory);
    tr_error_t error = {0};
    tr_store_t *other = NULL;
    assert_int_equal(tr_store_open(&(tr_store_place_t){.directory = directory}, &other, &error), -EBUSY);
    assert_null(other);
    assert_non_null(strstr(error.text, "another process has it"));
    tr_store_close(&store);
}

/* What the first version left behind. */
static void an_older_file_is_brought_up_to_date(void **state) {
    static const char *const skills[] = {"work"};
    char *directory = *state, path[400];
    tr_store_t *store = opened(directory);
    tr_error_t error = {0};
    sqlite3 *db;
    tr_task_t *task = tr_task_new(&(tr_task_wish_t){.id = "a", .skills = skills, .skill_count = 1});
    tr_store_begin(store);
    tr_store_add(store, task);
    assert_int_equal(tr_store_commit(store, &error), 0);
    tr_task_destroy(&task);
    tr_store_close(&store);
    snprintf(path, sizeof path, "%s/tasks.db", directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
            "DROP TABLE decision; DROP TABLE decision_event; DROP TABLE record; DROP TABLE schedule; DROP "
            "TABLE outbox; "
            "ALTER TABLE task DROP COLUMN way; ALTER TABLE task DROP COLUMN composes; ALTER TABLE task DROP "
            "COLUMN tokens; "
            "ALTER TABLE task DROP COLUMN micro_cost; ALTER TABLE task DROP COLUMN time_ms; ALTER TABLE task "
            "DROP COLUMN callback; "
            "ALTER TABLE task DROP COLUMN trace; ALTER TABLE task DROP COLUMN spent_tokens; "
            "ALTER TABLE task DROP COLUMN spent_micro_cost; ALTER TABLE task DROP COLUMN spent_ms; "
            "ALTER TABLE task DROP COLUMN status; ALTER TABLE task DROP COLUMN token; ALTER TABLE task DROP "
            "COLUMN approval; "
            "UPDATE task SET tries = 2; PRAGMA user_version = 1;",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    store = opened(directory);
    assert_int_equal(tr_store_find_decision_key(store, "none", path), -ENOENT);
    assert_int_equal(tr_store_state(store, "a"), TR_TASK_PENDING);
    assert_int_equal(tr_store_load(store, "a", &task), 0);
    assert_int_equal(task->token, 2); /* none that was given away before is greater */
    tr_task_destroy(&task);
    tr_store_close(&store);
}

static void clean(void *arg) {
    char path[400];
    static const char *const names[] = {"tasks.db", "tasks.db-wal", "tasks.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", (const char *)arg, names[i]);
        unlink(path); /* it may not be there, ignoring */
    }
}

static int cleaned(void **state) {
    clean(*state);
    return 0;
}

int main(void) {
    char *directory = scratch_new_in_memory();
    const struct CMUnitTest tests[] = {
        {"a_second_one_is_refused", a_second_one_is_refused, cleaned, NULL, directory},
        {"an_older_file_is_brought_up_to_date", an_older_file_is_brought_up_to_date, cleaned, NULL,
            directory},
    };
    if (!directory)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += tr_store_conform(
        &(tr_store_conformance_t){.place = {.directory = directory}, .clean = clean, .arg = directory});
    scratch_end(directory);
    return failed;
}
