#include "lib/base/file.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct place {
    char directory[64];
    char path[PATH_MAX];
} place_t;

static int setup(void **state) {
    place_t *p = calloc(1, sizeof *p);
    strcpy(p->directory, "/tmp/file-test-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    snprintf(p->path, sizeof p->path, "%s/file", p->directory);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_t *p = *state;
    unlink(p->path);
    assert_int_equal(rmdir(p->directory), 0); /* nothing else was left there */
    free(p);
    return 0;
}

static void what_is_written_is_read(void **state) {
    const place_t *p = *state;
    char *bytes = NULL;
    size_t len = 0;
    struct stat st;
    assert_int_equal(tr_file_write(p->path, "one\0two", 7, 0600), 0);
    assert_int_equal(tr_file_read(p->path, "file", 100, &bytes, &len, NULL), 0);
    assert_int_equal(len, 7);
    assert_memory_equal(bytes, "one\0two", 8);
    free(bytes);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tr_file_write(p->path, "", 0, 0644), 0);
    assert_int_equal(tr_file_read(p->path, "file", 100, &bytes, &len, NULL), 0);
    assert_int_equal(len, 0);
    free(bytes);
}

static void too_much_is_seen(void **state) {
    const place_t *p = *state;
    char *bytes = NULL;
    size_t len = 0;
    assert_int_equal(tr_file_write(p->path, "12345678", 8, 0600), 0);
    assert_int_equal(tr_file_read(p->path, "file", 8, &bytes, &len, NULL), 0);
    assert_int_equal(len, 8);
    free(bytes);
    assert_int_equal(tr_file_read(p->path, "file", 4, &bytes, &len, NULL), 0);
    assert_int_equal(len, 5);
    free(bytes);
}

static void what_cannot_be_read_is_said(void **state) {
    const place_t *p = *state;
    char *bytes = NULL;
    size_t len = 0;
    tr_error_t error = {0};
    assert_int_equal(tr_file_read(p->path, "list of names", 8, &bytes, &len, &error), -ENOENT);
    assert_non_null(strstr(error.text, "cannot read this list of names"));
    assert_int_equal(tr_file_read(p->directory, "list", 8, &bytes, &len, &error), -EISDIR);
    assert_null(bytes);
}

/* A link at the temporary name is not written through. */
static void a_link_in_the_way_is_not_followed(void **state) {
    const place_t *p = *state;
    char victim[PATH_MAX + 16], trap[PATH_MAX + 16];
    snprintf(victim, sizeof victim, "%s/victim", p->directory);
    snprintf(trap, sizeof trap, "%s/.file.new", p->directory);
    assert_int_equal(symlink(victim, trap), 0);
    assert_int_equal(tr_file_write(p->path, "x", 1, 0600), 0);
    assert_int_equal(access(victim, F_OK), -1);
}

static void a_write_that_fails_leaves_nothing(void **state) {
    const place_t *p = *state;
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/none/file", p->directory);
    assert_int_equal(tr_file_write(path, "x", 1, 0600), -ENOENT);
    assert_int_equal(tr_file_write(p->directory, "x", 1, 0600), -EISDIR);
    char beside[PATH_MAX];
    snprintf(beside, sizeof beside, "/tmp/.%s.new", p->directory + 5);
    assert_int_equal(access(beside, F_OK), -1);
}

static void a_secret_lies_where_no_other_can_read_it(void **state) {
    static const struct {
        uid_t owner;
        mode_t mode;
        bool good;
    } cases[] = {
        {1000, 0600, true},
        {1000, 0400, true},
        {1000, 0640, false},
        {1000, 0604, false},
        {0, 0600, true},
        {0, 0440, true}, /* mounted for a group */
        {0, 0460, false},
        {0, 0444, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stat st = {.st_uid = cases[i].owner, .st_mode = S_IFREG | cases[i].mode};
        assert_int_equal(tr_file_private(&st), cases[i].good);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(too_much_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_in_the_way_is_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_leaves_nothing, setup, teardown),
        cmocka_unit_test(a_secret_lies_where_no_other_can_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
