#include "lib/store/journal_conformance.h"
#include "lib/store/journal_memory.h"

#include <errno.h>

static int open_on(void *place, tr_journal_t **ret_journal, tr_error_t *error) {
    return tr_journal_open_memory(place, ret_journal, error);
}

static int new_disk(void **state) {
    *state = tr_journal_disk_new();
    return *state ? 0 : -1;
}

static int end_disk(void **state) {
    tr_journal_disk_destroy((tr_journal_disk_t **)state);
    return 0;
}

static tr_journal_t *open_disk(tr_journal_disk_t *disk) {
    return open_store(&(subject_t){.open = open_on, .place = disk});
}

static void crash_and_expect(tr_journal_disk_t *disk, tr_journal_t **j, size_t keep, const char *text) {
    tr_error_t error = {0};
    tr_journal_disk_crash(disk, keep);
    tr_journal_op_t op = put("late", "1");
    assert_int_equal(tr_journal_write(*j, &op, 1, true, &error), -EIO);
    tr_journal_close(j);
    *j = open_disk(disk);
    assert_holds(*j, text);
}

static void a_crash_loses_what_was_not_synced(void **state) {
    tr_journal_disk_t *disk = *state;
    tr_journal_t *j = open_disk(disk);
    WRITE(j, true, put("a", "1"), put("b", "1"));
    WRITE(j, false, put("a", "2"));
    WRITE(j, false, del("b"));
    WRITE(j, false, put("c", "3"), del_range("a", "b"));
    assert_holds(j, "c=3 ");
    assert_int_equal(tr_journal_disk_unsynced(disk), 3);
    crash_and_expect(disk, &j, 0, "a=1 b=1 ");
    WRITE(j, false, put("a", "2"));
    WRITE(j, true, del("b"));
    crash_and_expect(disk, &j, 0, "a=2 ");
    tr_journal_close(&j);
}

static void a_crash_keeps_a_beginning(void **state) {
    tr_journal_disk_t *disk = *state;
    static const char *const left[] = {"a=1 ", "a=1 b=2 c=2 ", "c=2 ", "c=2 d=4 ", "c=2 d=4 "};
    tr_journal_t *j = open_disk(disk);
    for (size_t keep = 0; keep < 5; keep++) {
        WRITE(j, true, del_range("a", "z"), put("a", "1"));
        WRITE(j, false, put("b", "2"), put("c", "2"));
        WRITE(j, false, del("a"), del("b"));
        WRITE(j, false, put("d", "4"));
        crash_and_expect(disk, &j, keep < 4 ? keep : SIZE_MAX, left[keep]);
    }
    tr_journal_close(&j);
}

static void failures_come_when_they_were_told_to(void **state) {
    tr_journal_disk_t *disk = *state;
    tr_error_t error = {0};
    tr_journal_t *j = open_disk(disk);
    tr_journal_op_t a = put("a", "1"), b = put("b", "1");
    tr_journal_disk_fail_write(disk, 2, -ENOSPC);
    assert_int_equal(tr_journal_write(j, &a, 1, true, &error), 0);
    assert_int_equal(tr_journal_write(j, &b, 1, true, &error), -ENOSPC);
    assert_true(tr_journal_failed(j));
    assert_int_equal(tr_journal_write(j, &b, 1, false, &error), -EIO);
    assert_int_equal(tr_journal_scan(j, &(tr_journal_range_t){0}, 0, NULL, NULL, &error), -EIO);
    crash_and_expect(disk, &j, 0, "a=1 ");

    tr_journal_disk_fail_sync(disk, 1, -EIO);
    assert_int_equal(tr_journal_write(j, &b, 1, false, &error), 0);
    assert_int_equal(tr_journal_write(j, &b, 1, true, &error), -EIO);
    crash_and_expect(disk, &j, SIZE_MAX, "a=1 b=1 ");
    tr_journal_close(&j);
}

static void bits_rot(void **state) {
    tr_journal_disk_t *disk = *state;
    tr_error_t error = {0};
    tr_journal_t *j = open_disk(disk);
    WRITE(j, true, put("a", "12"), put("b", "3"));
    assert_true(tr_journal_disk_flip(disk, 8, false)); /* '2' */
    assert_holds(j, "a=13 b=3 ");
    assert_true(tr_journal_disk_flip(disk, 16, true));
    assert_false(tr_journal_disk_flip(disk, 24, true));
    assert_int_equal(
        tr_journal_scan(j, &(tr_journal_range_t){.from = "b", .from_len = 1}, 0, NULL, NULL, &error),
        -EBADMSG);
    assert_false(tr_journal_failed(j));
    WRITE(j, true, put("b", "4"));
    assert_holds(j, "a=13 b=4 ");
    tr_journal_close(&j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crash_loses_what_was_not_synced, new_disk, end_disk),
        cmocka_unit_test_setup_teardown(a_crash_keeps_a_beginning, new_disk, end_disk),
        cmocka_unit_test_setup_teardown(failures_come_when_they_were_told_to, new_disk, end_disk),
        cmocka_unit_test_setup_teardown(bits_rot, new_disk, end_disk),
    };
    tr_journal_disk_t *disk = tr_journal_disk_new();
    int failed =
        journal_conformance("the memory journal conforms", &(subject_t){.open = open_on, .place = disk});
    tr_journal_disk_destroy(&disk);
    return failed + cmocka_run_group_tests_name("the memory journal fails on purpose", tests, NULL, NULL);
}
