#include "lib/base/alive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[PATH_MAX];

static int set_up(void **state) {
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/troupe-alive-%d", tmp ? tmp : "/tmp", (int)getpid());
    return setenv(TR_ALIVE_VARIABLE, path, 1);
}

/* Waits for the thread's next writing. */
static void wait_for(int rc, bool serving) {
    int found = INT_MAX;
    for (int i = 0; i < 500 && found != rc; i++) {
        found = tr_alive_look(path, 60000, serving, NULL);
        usleep(10000);
    }
    assert_int_equal(found, rc);
}

static void without_the_variable_there_is_none(void **state) {
    (void)state;
    unsetenv(TR_ALIVE_VARIABLE);
    assert_null(tr_alive_begin());
    tr_alive_serves(NULL, true);
    tr_alive_end(NULL);
}

static void tells_whether_it_serves(void **state) {
    (void)state;
    tr_alive_t *alive = tr_alive_begin();
    assert_non_null(alive);
    wait_for(0, false);
    wait_for(-EAGAIN, true);
    tr_alive_serves(alive, true);
    wait_for(0, true);
    tr_alive_serves(alive, false);
    wait_for(-EAGAIN, true);
    tr_alive_end(&alive);
    assert_null(alive);
    assert_int_equal(tr_alive_look(path, 60000, false, NULL), -ENOENT);
}

static void is_renewed(void **state) {
    (void)state;
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    tr_alive_t *alive = tr_alive_begin();
    assert_non_null(alive);
    wait_for(0, false);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_int_equal(tr_alive_look(path, 60000, false, NULL), -ETIMEDOUT);
    wait_for(0, false);
    tr_alive_end(&alive);
}

static void other_files_are_not_taken_for_one(void **state) {
    (void)state;
    static const char *const texts[] = {"", "serving", "serving\nx", "12345678"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(tr_alive_look(path, 60000, false, NULL), -EINVAL);
    }
    unlink(path);
}

static void a_link_is_not_followed(void **state) {
    (void)state;
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_null(tr_alive_begin());
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_the_variable_there_is_none, set_up),
        cmocka_unit_test_setup(tells_whether_it_serves, set_up),
        cmocka_unit_test_setup(is_renewed, set_up),
        cmocka_unit_test_setup(other_files_are_not_taken_for_one, set_up),
        cmocka_unit_test_setup(a_link_is_not_followed, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
