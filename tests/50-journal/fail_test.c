/* RocksDB on a disk that fails: at the n-th call of one kind, and when it is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/50-journal/batches.h"
#include "tests/process.h"
#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

static int new_place(void **state) {
    *state = scratch_new();
    return *state ? 0 : -1;
}

static int end_place(void **state) {
    scratch_end(*state);
    return 0;
}

typedef struct outcome {
    unsigned synced; /* batches it said so of */
    int code;        /* exit */
    char error[600]; /* "" or what it said */
} outcome_t;

static outcome_t end_of(process_t *writer) {
    outcome_t o = {0};
    char line[600];
    while (process_line(writer, line, sizeof line))
        if (sscanf(line, "synced %u", &o.synced) == 1)
            o.synced++;
        else
            strcpy(o.error, line);
    o.code = process_wait(writer);
    return o;
}

static outcome_t write_batches(const char *place, const char *count) {
    process_t writer;
    process_start(&writer, (const char *[]){JOURNAL_WRITER, "rocksdb", place, count, NULL});
    return end_of(&writer);
}

/* The same with a fault; the sanitizer's library is not the first one then, which it does not like. */
static outcome_t write_with_fault(const char *place, const char *fault, bool once) {
    process_t writer;
    char env[5][256];
    snprintf(env[0], sizeof env[0], "LD_PRELOAD=%s", FAIL_PRELOAD);
    snprintf(env[1], sizeof env[1], "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0");
    snprintf(env[2], sizeof env[2], "TROUPE_FAIL=%s", fault);
    snprintf(env[3], sizeof env[3], "%s=1", once ? "TROUPE_FAIL_ONCE" : "TROUPE_FAIL_ALL");
    process_start(&writer, (const char *[]){"/usr/bin/env", env[0], env[1], env[2], env[3], JOURNAL_WRITER,
                               "rocksdb", place, "20", NULL});
    return end_of(&writer);
}

static unsigned check(const char *place, const char *what) {
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    batches_found_t found = {0};
    if (journal_open("rocksdb", place, &j, &error) < 0 || batches_check(j, &found, &error) < 0 ||
        found.problem[0])
        fail_msg("%s: %s%s", what, error.text, found.problem);
    tr_journal_close(&j);
    return found.n;
}

typedef struct fault {
    const char *call;
    int code, expected; /* what the disk says, and what the store makes of it */
    const char *part, *word;
    unsigned last; /* n up to here */
} fault_t;

static const fault_t faults[] = {
    {"fdatasync", EIO, -EIO, "", "the disk failed", 30},
    {"fdatasync", EIO, -EIO, ".log", "the disk failed", 20},
    {"fsync", EIO, -EIO, "", "the disk failed", 12},
    {"write", EIO, -EIO, "troupe-scratch-", "the disk failed", 30},
    {"write", ENOSPC, -ENOSPC, "troupe-scratch-", "the disk is full", 30},
    {"write", EDQUOT, -ENOSPC, "troupe-scratch-", "quota", 30},
};

/* From the first call that fails on nothing is said to be synced; and all that was is there. */
static void strike(const char *place, const fault_t *f, unsigned n, bool once, unsigned *failed) {
    char text[128], word[32];
    snprintf(text, sizeof text, "%s:%u:%d%s%s", f->call, n, f->code, f->part[0] ? ":" : "", f->part);
    scratch_remove(place);
    outcome_t o = write_with_fault(place, text, once);
    if (o.code != 0 && o.code != 3 && o.code != 4)
        fail_msg("%s: exit code %d after \"%s\"", text, o.code, o.error);
    snprintf(word, sizeof word, "error %d ", f->expected);
    if (o.code != 0 && (strncmp(o.error, word, strlen(word)) != 0 || !strstr(o.error, place)))
        fail_msg("%s: \"%s\" is not the error that was expected", text, o.error);
    if (o.code == 4 && !strstr(o.error, f->word))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, o.error, f->word);
    *failed += o.code != 0;
    unsigned there = check(place, text);
    if (there < o.synced || there > o.synced + 1)
        fail_msg("%s: %u batches were synced, %u are there", text, o.synced, there);
}

static void a_call_that_fails_loses_nothing_that_was_synced(void **state) {
    const char *place = *state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        unsigned failed = 0;
        for (unsigned n = 1; n <= faults[i].last; n += n < 8 ? 1 : 3)
            strike(place, &faults[i], n, n % 2, &failed);
        print_message(
            "%s %s: %u runs ended with the error\n", faults[i].call, strerror(faults[i].code), failed);
        assert_true(failed > 3);
    }
}

static void after_a_failed_sync_nothing_is_confirmed(void **state) {
    const char *place = *state;
    /* One call fails, and the next would succeed. */
    outcome_t o = write_with_fault(place, "fdatasync:6:5:.log", true);
    assert_int_equal(o.code, 4);
    assert_true(o.synced >= 3 && o.synced < 8);
    assert_non_null(strstr(o.error, "the disk failed"));
}

/* A file system of so many MB in a name space of its own; false where that is not permitted. */
static bool mount_small(const char *path, const char *size) {
    char map[64];
    uid_t uid = getuid();
    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return false;
        int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
        int n = snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
        bool mapped = fd >= 0 && write(fd, map, (size_t)n) == n;
        if (fd >= 0)
            close(fd);
        if (!mapped)
            return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, size) == 0;
}

static void a_full_disk_loses_nothing_that_was_synced(void **state) {
    const char *place = *state;
    char journal[80];
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    if (!mount_small(place, "size=24m")) {
        print_message("skipped: a file system may not be mounted here\n");
        skip();
    }
    snprintf(journal, sizeof journal, "%s/journal", place);
    outcome_t o = write_batches(journal, "100000");
    assert_int_equal(o.code, 4);
    if (!strstr(o.error, "the disk is full"))
        fail_msg("%s", o.error);
    assert_true(o.synced > 100);
    /* Whether there is room to open it or not: it says so, or all is there. */
    int r = journal_open("rocksdb", journal, &j, &error);
    assert_true(r == 0 || r == -ENOSPC);
    tr_journal_close(&j);
    assert_int_equal(mount(NULL, place, NULL, MS_REMOUNT, "size=128m"), 0);
    unsigned there = check(journal, "a full disk");
    assert_true(there >= o.synced && there <= o.synced + 1);
    print_message("the disk was full after %u batches; %u are there\n", o.synced, there);
    assert_int_equal(umount2(place, MNT_DETACH), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_call_that_fails_loses_nothing_that_was_synced, new_place, end_place),
        cmocka_unit_test_setup_teardown(after_a_failed_sync_nothing_is_confirmed, new_place, end_place),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing_that_was_synced, new_place, end_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
