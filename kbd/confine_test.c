/* What a child may do that was confined; each in a process of its own, since there is no way back. */
#include "kbd/confine.h"

#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 99 /* this kernel has no Landlock */

static int try_open(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : errno;
}

/* What a function gives in a child; a kernel that cannot is skipped. */
static int in_child(int (*what)(const char *arg), const char *arg, bool confined) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(confined && !tr_confine() ? CANNOT : what(arg));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    return WEXITSTATUS(status);
}

static int reads(const char *path) {
    return try_open(path, O_RDONLY);
}

static int writes(const char *path) {
    return try_open(path, O_WRONLY);
}

static int makes(const char *path) {
    return try_open(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int removes(const char *path) {
    return unlink(path) == 0 ? 0 : errno;
}

static int cuts(const char *path) {
    return truncate(path, 0) == 0 ? 0 : errno;
}

static int runs(const char *path) {
    execl(path, path, (char *)NULL);
    return errno;
}

static void test_what_it_may(void **state) {
    (void)state;
    assert_int_equal(in_child(reads, "/usr/bin/env", true), 0);
    assert_int_equal(in_child(runs, "/usr/bin/true", true), 0); /* and what it is linked with is found */
}

static void test_what_it_may_not(void **state) {
    (void)state;
    static int (*const ways[])(const char *) = {reads, writes, removes, cuts};
    char *directory = scratch_new(), path[4096], other[4096];
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(other, sizeof other, "%s/other", directory);
    assert_int_equal(makes(path), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        assert_int_equal(in_child(ways[i], path, true), EACCES);
    assert_int_equal(in_child(makes, other, true), EACCES);
    assert_int_equal(in_child(reads, "/etc/passwd", true), EACCES);
    assert_int_equal(in_child(reads, directory, true), EACCES);
    /* Without it all of this can be done. */
    assert_int_equal(in_child(reads, "/etc/passwd", false), 0);
    assert_int_equal(in_child(makes, other, false), 0);
    assert_int_equal(in_child(removes, path, false), 0);
    scratch_end(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_may),
        cmocka_unit_test(test_what_it_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
