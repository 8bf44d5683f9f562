#include "lib/child/child.h"
#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static tr_child_t *start(const char *const *command, const char *const *env) {
    tr_child_t *child = NULL;
    tr_error_t error = {0};
    if (tr_child_start(&(tr_child_options_t){command, "/", env}, &child, &error) < 0)
        fail_msg("%s", error.text);
    return child;
}

/* One turn; fails where nothing happens for long: there is always something to come. */
static void turn(tr_child_t *child) {
    struct pollfd polls[TR_CHILD_FDS];
    size_t n = tr_child_polls(child, true, polls);
    assert_true(n > 0);
    assert_true(poll(polls, n, 20000) > 0);
    for (size_t i = 0; i < n; i++)
        if (polls[i].revents)
            tr_child_handle(child, polls[i].fd);
}

static void expect_line(tr_child_t *child, tr_lines_t *lines, const char *expected) {
    const char *line;
    size_t len;
    while (tr_lines_peek(lines, &line, &len) == 0)
        turn(child);
    assert_int_equal(tr_lines_peek(lines, &line, &len), 1);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(line, expected, len);
    tr_lines_take(lines);
}

static void wait_end(tr_child_t *child) {
    while (!tr_child_ended(child))
        turn(child);
}

static void talks(void **state) {
    (void)state;
    tr_child_t *child = start((const char *[]){"cat", NULL}, NULL);
    assert_int_equal(tr_child_write(child, "hello\n", 6), 0);
    expect_line(child, tr_child_output(child), "hello");
    tr_child_close_input(child);
    wait_end(child);
    assert_true(tr_child_succeeded(child));
    tr_child_destroy(&child);
    assert_null(child);
}

/* Lets a program go on that reads a word from there. */
static void let_go(const char *fifo) {
    FILE *out = fopen(fifo, "w"); /* waits for it */
    assert_non_null(out);
    assert_true(fputs("go\n", out) >= 0);
    assert_int_equal(fclose(out), 0);
}

/* More than the pipe takes: the rest is written as the program reads, which begins when it is told to. */
static void much_input(void **state) {
    (void)state;
    static char line[300001];
    char how[32], fifo[64];
    char *scratch = scratch_new();
    assert_non_null(scratch);
    snprintf(fifo, sizeof fifo, "%s/go", scratch);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    memset(line, 'y', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    tr_child_t *child =
        start((const char *[]){"sh", "-c", "read word <\"$1\"; exec wc -c", "sh", fifo, NULL}, NULL);
    assert_int_equal(tr_child_write(child, line, sizeof line), 0);
    assert_int_equal(tr_child_write(child, line, sizeof line), 0);
    assert_true(tr_child_pending(child) > 0);
    let_go(fifo);
    tr_child_close_input(child);
    expect_line(child, tr_child_output(child), "600002");
    assert_int_equal(tr_child_pending(child), 0);
    wait_end(child);
    assert_string_equal(tr_child_how(child, how, sizeof how), "exit status 0");
    tr_child_destroy(&child);
    scratch_end(scratch);
}

static void environment_directory_and_errors(void **state) {
    (void)state;
    setenv("TR_TEST_A", "outer", 1);
    const char *env[] = {"TR_TEST_A=inner", "TR_TEST_B=b c", NULL};
    tr_child_t *child = start(
        (const char *[]){"sh", "-c", "echo $TR_TEST_A:$TR_TEST_B; pwd; echo oops >&2; exit 3", NULL}, env);
    char how[32];
    expect_line(child, tr_child_output(child), "inner:b c");
    expect_line(child, tr_child_output(child), "/");
    expect_line(child, tr_child_errors(child), "oops");
    wait_end(child);
    assert_false(tr_child_succeeded(child));
    assert_string_equal(tr_child_how(child, how, sizeof how), "exit status 3");
    tr_child_destroy(&child);
}

static void what_cannot_run(void **state) {
    (void)state;
    tr_child_t *child = NULL;
    tr_error_t error = {0};
    const char *missing[] = {"troupe-no-such-program", NULL}, *directory[] = {"/tmp", NULL},
               *fine[] = {"true", NULL};
    assert_int_equal(tr_child_start(&(tr_child_options_t){missing, NULL, NULL}, &child, &error), -ENOENT);
    assert_non_null(strstr(error.text, "troupe-no-such-program"));
    assert_int_equal(tr_child_start(&(tr_child_options_t){directory, NULL, NULL}, &child, &error), -EACCES);
    assert_int_equal(
        tr_child_start(&(tr_child_options_t){fine, "/no/such/place", NULL}, &child, &error), -ENOENT);
    assert_non_null(strstr(error.text, "/no/such/place"));
    assert_null(child);
}

/* A grandchild that holds the pipes open does not hold up the end, and is killed with the group. */
static void the_whole_group_dies(void **state) {
    (void)state;
    const char *line;
    size_t len;
    tr_child_t *child = start((const char *[]){"sh", "-c", "sleep 1000 & echo $!; exit 0", NULL}, NULL);
    while (tr_lines_peek(tr_child_output(child), &line, &len) == 0)
        turn(child);
    pid_t grandchild = (pid_t)strtol(line, NULL, 10);
    assert_true(grandchild > 0);
    int alive = pidfd_open(grandchild, 0);
    assert_true(alive >= 0);
    wait_end(child);
    tr_child_destroy(&child);
    assert_int_equal(poll(&(struct pollfd){alive, POLLIN, 0}, 1, 20000), 1);
    close(alive);
}

static void killed_and_stopped(void **state) {
    (void)state;
    char how[32];
    tr_child_t *child = start((const char *[]){"sleep", "1000", NULL}, NULL);
    tr_child_kill(child);
    wait_end(child);
    assert_string_equal(tr_child_how(child, how, sizeof how), "signal KILL");
    tr_child_destroy(&child);

    /* One that ignores SIGTERM ends all the same. */
    child = start(
        (const char *[]){"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done", NULL}, NULL);
    expect_line(child, tr_child_output(child), "ready");
    pid_t pid = tr_child_pid(child);
    tr_child_stop(&child, 10);
    assert_null(child);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

/* A program that closes its stdin and goes on. */
static void deaf_program(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    tr_child_t *child =
        start((const char *[]){"sh", "-c", "exec <&-; echo deaf; read x < /dev/zero", NULL}, NULL);
    expect_line(child, tr_child_output(child), "deaf");
    for (int i = 0; i < 3; i++)
        assert_int_equal(tr_child_write(child, "x\n", 2), 0);
    assert_int_equal(tr_child_pending(child), 0);
    tr_child_destroy(&child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks),
        cmocka_unit_test(much_input),
        cmocka_unit_test(environment_directory_and_errors),
        cmocka_unit_test(what_cannot_run),
        cmocka_unit_test(the_whole_group_dies),
        cmocka_unit_test(killed_and_stopped),
        cmocka_unit_test(deaf_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
