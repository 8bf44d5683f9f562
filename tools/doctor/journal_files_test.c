#include "tools/doctor/journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct place {
    char directory[32], journal[48];
} place_t;

static void put(const char *directory, const char *name, const char *text) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *directory, const char *name) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static int set_up(void **state) {
    place_t *p = calloc(1, sizeof *p);
    strcpy(p->directory, "/tmp/troupe-files-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    snprintf(p->journal, sizeof p->journal, "%s/journal", p->directory);
    assert_int_equal(mkdir(p->journal, 0700), 0);
    put(p->journal, "CURRENT", "MANIFEST-000001\n");
    put(p->journal, "000004.log", "messages");
    put(p->journal, "owner", "");
    *state = p;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int tear_down(void **state) {
    place_t *p = *state;
    nftw(p->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

static void a_journal_is_removed_whole(void **state) {
    place_t *p = *state;
    uint64_t bytes = 0;
    tr_error_t error = {0};
    assert_true(tr_journal_files_bytes(p->journal) > 0);
    assert_int_equal(tr_journal_files_remove(p->journal, &bytes, &error), 0);
    assert_true(bytes > 0);
    assert_false(is_there(p->directory, "journal"));
    assert_int_equal(tr_journal_files_bytes(p->journal), 0);
    assert_int_equal(tr_journal_files_remove(p->journal, &bytes, &error), 0); /* nothing is there: no error */
    assert_int_equal(bytes, 0);
}

static void one_that_is_open_stays(void **state) {
    place_t *p = *state;
    char owner[64];
    uint64_t bytes;
    tr_error_t error = {0};
    snprintf(owner, sizeof owner, "%s/owner", p->journal);
    int fd = open(owner, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(tr_journal_files_remove(p->journal, &bytes, &error), -EBUSY);
    assert_non_null(strstr(error.text, p->journal));
    assert_true(is_there(p->journal, "000004.log"));
    close(fd);
}

static void what_is_no_journal_stays(void **state) {
    place_t *p = *state;
    uint64_t bytes;
    tr_error_t error = {0};
    put(p->directory, "thesis.tex", "ten years");
    assert_int_equal(tr_journal_files_remove(p->directory, &bytes, &error), -EINVAL);
    assert_true(is_there(p->directory, "thesis.tex"));
}

/* A link to somewhere is not followed. */
static void a_link_is_no_journal(void **state) {
    place_t *p = *state;
    char link[64];
    uint64_t bytes;
    tr_error_t error = {0};
    snprintf(link, sizeof link, "%s/link", p->directory);
    assert_int_equal(symlink(p->journal, link), 0);
    assert_true(tr_journal_files_remove(link, &bytes, &error) < 0);
    assert_true(is_there(p->journal, "000004.log"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_journal_is_removed_whole),
        TEST(one_that_is_open_stays),
        TEST(what_is_no_journal_stays),
        TEST(a_link_is_no_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
