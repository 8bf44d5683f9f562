#include "lib/base/process.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `work` in a child: these functions change the process. */
static int in_child(int (*work)(void)) {
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(work());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return __LINE__ % 120 + 1;                                                                       \
    } while (0)

static int raise_within_the_hard_limit(void) {
    size_t have = 0;
    tr_error_t error;
    struct rlimit limit = {64, 128};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(tr_process_need_files(100, &have, &error) == 0);
    CHECK(have >= 100);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == have);
    CHECK(tr_process_need_files(10, &have, &error) == 0);
    CHECK(have >= 100);
    return 0;
}

/* More than the kernel allows anybody. */
static int raise_too_far(void) {
    size_t have = 0;
    tr_error_t error;
    struct rlimit limit = {64, 128};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(tr_process_need_files((size_t)1 << 40, &have, &error) == -EPERM);
    CHECK(have == 128);
    CHECK(strstr(error.text, "may open 128 files, 1099511627776 are needed: raise the hard limit"));
    return 0;
}

static int take_signals(void) {
    int fd = -1;
    tr_error_t error;
    CHECK(tr_process_signals(&fd, &error) == 0);
    CHECK(tr_process_next_signal(fd) == 0);
    CHECK(kill(getpid(), SIGTERM) == 0);
    struct pollfd item = {fd, POLLIN, 0};
    CHECK(poll(&item, 1, 5000) == 1);
    CHECK(tr_process_next_signal(fd) == SIGTERM);
    CHECK(tr_process_next_signal(fd) == 0);
    CHECK(kill(getpid(), SIGHUP) == 0);
    CHECK(tr_process_next_signal(fd) == SIGHUP);
    close(fd);
    CHECK(tr_process_next_signal(fd) == -EBADF);
    return 0;
}

static int reset_signals(void) {
    int fd = -1;
    tr_error_t error;
    CHECK(tr_process_signals(&fd, &error) == 0);
    tr_process_ignore_sigpipe();
    tr_process_reset_signals();
    sigset_t now;
    struct sigaction action;
    CHECK(
        sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGTERM) && !sigismember(&now, SIGHUP));
    CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    raise(SIGTERM);
    return 1;
}

static int write_to_a_closed_pipe(void) {
    int ends[2];
    tr_process_ignore_sigpipe();
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
    return 0;
}

/* The child makes a grandchild that holds the pipe open, and ends: the pipe closes when the grandchild was
 * ended with it. */
static int leave_a_grandchild(int fd) {
    int ready[2];
    char byte;
    pid_t self = getpid();
    CHECK(pipe(ready) == 0);
    pid_t grandchild = fork();
    if (grandchild == 0) {
        if (tr_process_die_with(self, SIGKILL, NULL) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CHECK(grandchild > 0);
    close(fd);
    CHECK(read(ready[0], &byte, 1) == 1);
    return 0;
}

static void child_ends_with_parent(void **state) {
    (void)state;
    int ends[2], status = -1;
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(leave_a_grandchild(ends[1]));
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct pollfd item = {ends[0], POLLIN, 0};
    assert_int_equal(poll(&item, 1, 10000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static int wrong_parent(void) {
    tr_error_t error;
    CHECK(tr_process_die_with(1234567, SIGKILL, &error) == -ESRCH);
    CHECK(strcmp(error.text, "the parent process 1234567 is gone") == 0);
    CHECK(tr_process_die_with(0, SIGTERM, &error) == 0);
    CHECK(tr_process_die_with(getppid(), SIGTERM, &error) == 0);
    return 0;
}

static void files(void **state) {
    (void)state;
    assert_int_equal(in_child(raise_within_the_hard_limit), 0);
    assert_int_equal(in_child(raise_too_far), 0);
}

static void signals(void **state) {
    (void)state;
    assert_int_equal(in_child(take_signals), 0);
    assert_int_equal(in_child(reset_signals), 128 + SIGTERM);
    assert_int_equal(in_child(write_to_a_closed_pipe), 0);
    assert_int_equal(in_child(wrong_parent), 0);
}

static void memory(void **state) {
    (void)state;
    tr_process_memory_t before, after;
    size_t size = 32 << 20;
    tr_process_small_heap(128 << 10);
    assert_int_equal(tr_process_memory(&before), 0);
    assert_true(before.rss_bytes > 100000 && before.anon_bytes > 0 && before.anon_bytes <= before.rss_bytes);
    char *block = malloc(size);
    assert_non_null(block);
    memset(block, 1, size);
    assert_int_equal(tr_process_memory(&after), 0);
    assert_int_equal(block[size / 2], 1);
    free(block);
    assert_true(after.anon_bytes >= before.anon_bytes + size - (1 << 20));
    assert_true(after.peak_bytes >= after.rss_bytes);
}

static void it_knows_where_its_program_is(void **state) {
    char path[PATH_MAX], directory[PATH_MAX], small[4];
    (void)state;
    assert_int_equal(tr_process_program(path, sizeof path), 0);
    assert_int_equal(access(path, X_OK), 0);
    assert_int_equal(tr_process_directory(directory, sizeof directory), 0);
    assert_int_equal(strncmp(path, directory, strlen(directory)), 0);
    assert_string_equal(strrchr(path, '/'), path + strlen(directory));
    assert_int_equal(tr_process_program(small, sizeof small), -ENAMETOOLONG);
    assert_string_equal(small, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_knows_where_its_program_is),
        cmocka_unit_test(files),
        cmocka_unit_test(signals),
        cmocka_unit_test(child_ends_with_parent),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
