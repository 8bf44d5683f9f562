#include "tools/fleet/state.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test works in a directory of its own; HOME and XDG_STATE_HOME are in it. */
typedef struct place {
    char dir[64];
    char before[PATH_MAX];
} place_t;

static int set_up(void **state) {
    place_t *place = calloc(1, sizeof *place);
    assert_non_null(place);
    strcpy(place->dir, "/tmp/troupe-state-XXXXXX");
    assert_non_null(getcwd(place->before, sizeof place->before));
    assert_non_null(mkdtemp(place->dir));
    assert_int_equal(chdir(place->dir), 0);
    char xdg[80];
    snprintf(xdg, sizeof xdg, "%s/xdg", place->dir);
    setenv("XDG_STATE_HOME", xdg, 1);
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    place_t *place = *state;
    char command[128];
    assert_int_equal(chdir(place->before), 0);
    snprintf(command, sizeof command, "rm -rf %s", place->dir);
    assert_int_equal(system(command), 0);
    free(place);
    return 0;
}

static tr_state_info_t info_of(const char *fleet, pid_t pid) {
    tr_state_info_t info = {.pid = pid, .start_time = tr_state_start_time(pid), .started_ms = 1767225600000};
    strcpy(info.fleet, fleet);
    strcpy(info.platform, fleet);
    strcpy(info.listen, "tcp://127.0.0.1:5570");
    strcpy(info.stream, "tcp://127.0.0.1:5571");
    strcpy(info.http, "127.0.0.1:8080");
    strcpy(info.file, "/home/x/f.yaml");
    return info;
}

/* A claimed and saved fleet of the process `pid`. */
static tr_state_t *started(const char *fleet, pid_t pid) {
    char root[PATH_MAX];
    tr_state_t *state = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_state_root(NULL, root, &error), 0);
    if (tr_state_claim(root, fleet, &state, &error) < 0)
        fail_msg("%s", error.text);
    tr_state_info_t info = info_of(fleet, pid);
    assert_int_equal(tr_state_save(state, &info, &error), 0);
    return state;
}

/* A process that does nothing until it is killed. */
static pid_t sleeper(void) {
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        pause();
    _exit(0);
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_the_root_is_here_else_with_xdg(void **state) {
    place_t *place = *state;
    char root[PATH_MAX], expected[128];
    tr_error_t error = {0};
    assert_int_equal(tr_state_root(NULL, root, &error), 0);
    snprintf(expected, sizeof expected, "%s/.troupe", place->dir);
    assert_string_equal(root, expected);
    assert_int_equal(mode_of(root), 0700);
    assert_int_equal(tr_state_root("a/b", root, &error), 0);
    snprintf(expected, sizeof expected, "%s/a/b", place->dir);
    assert_string_equal(root, expected);
    assert_int_equal(mode_of(root), 0700);
    /* Something else has the name: not usable. */
    assert_int_equal(rmdir(".troupe"), 0);
    FILE *f = fopen(".troupe", "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(tr_state_root(NULL, root, &error), 0);
    snprintf(expected, sizeof expected, "%s/xdg/troupe", place->dir);
    assert_string_equal(root, expected);
    assert_int_equal(tr_state_root(".troupe/x", root, &error), -ENOTDIR);
    assert_non_null(strstr(error.text, "give another with --state"));
}

static void test_what_is_saved_is_found(void **state) {
    (void)state;
    tr_state_t *held = started("digest", getpid());
    tr_state_info_t info;
    tr_error_t error = {0};
    assert_int_equal(tr_state_find(NULL, NULL, &info, &error), 0);
    assert_string_equal(info.fleet, "digest");
    assert_string_equal(info.listen, "tcp://127.0.0.1:5570");
    assert_string_equal(info.stream, "tcp://127.0.0.1:5571");
    assert_string_equal(info.http, "127.0.0.1:8080");
    assert_string_equal(info.file, "/home/x/f.yaml");
    assert_string_equal(info.directory, tr_state_directory(held));
    assert_int_equal(info.pid, getpid());
    assert_true(info.running);
    assert_int_equal(info.started_ms, 1767225600000);
    tr_state_release(&held);
    assert_null(held);
    assert_int_equal(tr_state_find(NULL, NULL, &info, &error), -ENOENT);
    assert_non_null(strstr(error.text, "troupe up"));
    assert_int_equal(tr_state_find(NULL, "digest", &info, &error), -ENOENT);
    assert_non_null(strstr(error.text, "\"digest\""));
}

static void test_a_second_up_is_refused_with_the_reason(void **state) {
    (void)state;
    char root[PATH_MAX], pid[32];
    tr_error_t error = {0};
    tr_state_t *held = started("digest", getpid()), *second = NULL;
    assert_int_equal(tr_state_root(NULL, root, &error), 0);
    assert_int_equal(tr_state_claim(root, "digest", &second, &error), -EBUSY);
    assert_null(second);
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    assert_non_null(strstr(error.text, pid));
    assert_non_null(strstr(error.text, "2026-01-01T00:00:00Z"));
    assert_int_equal(tr_state_claim(root, "other", &second, &error), 0);
    tr_state_release(&second);
    tr_state_release(&held);
    assert_int_equal(tr_state_claim(root, "digest", &second, &error), 0);
    tr_state_release(&second);
    tr_state_release(&second);
    assert_int_equal(tr_state_claim(root, "../x", &second, &error), -EINVAL);
}

static void test_a_detached_child_keeps_the_lock(void **state) {
    (void)state;
    char root[PATH_MAX];
    tr_error_t error = {0};
    assert_int_equal(tr_state_root(NULL, root, &error), 0);
    tr_state_t *held = NULL;
    assert_int_equal(tr_state_claim(root, "digest", &held, &error), 0);
    pid_t child = sleeper();
    tr_state_leave(&held);
    assert_int_equal(tr_state_claim(root, "digest", &held, &error), -EBUSY);
    assert_non_null(strstr(error.text, "being started"));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(tr_state_claim(root, "digest", &held, &error), 0);
    tr_state_release(&held);
}

static void test_a_dead_supervisor_is_recognised_and_cleaned_up(void **state) {
    (void)state;
    pid_t child = sleeper();
    tr_state_t *held = started("digest", child);
    tr_state_leave(&held);
    tr_state_info_t info;
    tr_error_t error = {0};
    assert_int_equal(tr_state_find(NULL, "digest", &info, &error), 0);
    kill(child, SIGKILL);
    siginfo_t ended;
    assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
    tr_state_list_t list;
    assert_int_equal(tr_state_list(NULL, &list, &error), 0);
    assert_int_equal(list.count, 1);
    assert_false(list.items[0].running); /* a zombie runs no fleet */
    tr_state_list_finish(&list);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(tr_state_find(NULL, "digest", &info, &error), -ENOENT);
    assert_non_null(strstr(error.text, "has died"));
    assert_int_equal(tr_state_list(NULL, &list, &error), 0);
    assert_int_equal(list.count, 0);
}

static void test_another_process_with_the_pid_is_not_mistaken(void **state) {
    (void)state;
    char root[PATH_MAX];
    tr_state_t *held = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_state_root(NULL, root, &error), 0);
    assert_int_equal(tr_state_claim(root, "digest", &held, &error), 0);
    tr_state_info_t info = info_of("digest", getpid());
    info.start_time--;
    assert_int_equal(tr_state_save(held, &info, &error), 0);
    tr_state_leave(&held);
    assert_int_equal(tr_state_find(NULL, NULL, &info, &error), -ENOENT);
}

static void test_one_of_several_must_be_named(void **state) {
    (void)state;
    tr_state_t *b = started("b", getpid()), *a = started("a", getpid());
    tr_state_info_t info;
    tr_error_t error = {0};
    assert_int_equal(tr_state_find(NULL, NULL, &info, &error), -EINVAL);
    assert_string_equal(error.text, "several fleets run: a, b; choose one with --fleet NAME");
    assert_int_equal(tr_state_find(NULL, "b", &info, &error), 0);
    assert_string_equal(info.fleet, "b");
    tr_state_release(&a);
    assert_int_equal(tr_state_find(NULL, NULL, &info, &error), 0);
    assert_string_equal(info.fleet, "b");
    tr_state_release(&b);
}

static void test_files_that_are_not_ours_are_left_out(void **state) {
    (void)state;
    static const char *const texts[] = {"", "[]", "{}", "{\"version\":1,\"pid\":-1}",
        "{\"version\":1,\"pid\":1,\"start_time\":1,\"started_ms\":1,\"fleet\":7}"};
    assert_int_equal(mkdir(".troupe", 0700), 0);
    assert_int_equal(mkdir(".troupe/bad", 0700), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *f = fopen(".troupe/bad/fleet.json", "w");
        assert_non_null(f);
        fputs(texts[i], f);
        fclose(f);
        tr_state_list_t list;
        assert_int_equal(tr_state_list(NULL, &list, NULL), 0);
        assert_int_equal(list.count, 0);
    }
}

static void test_a_named_root_that_cannot_be_looked_into_is_told(void **state) {
    (void)state;
    tr_state_list_t list;
    tr_error_t error = {0};
    assert_int_equal(tr_state_list("nowhere", &list, &error), 0);
    assert_int_equal(list.count, 0);
    FILE *f = fopen("file", "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(tr_state_list("file", &list, &error), -ENOTDIR);
    assert_string_equal(error.text, "file: cannot look for fleets there: Not a directory");
    if (geteuid() != 0)
        return;
    assert_int_equal(mkdir("theirs", 0700), 0);
    assert_int_equal(chown("theirs", 1, 1), 0);
    assert_int_equal(tr_state_list("theirs", &list, &error), -EPERM);
}

static void test_logs_have_a_place(void **state) {
    place_t *place = *state;
    char path[PATH_MAX], expected[128];
    tr_error_t error = {0};
    assert_int_equal(tr_state_log_path(place->dir, "reader-1", path, sizeof path, &error), 0);
    snprintf(expected, sizeof expected, "%s/logs/reader-1.log", place->dir);
    assert_string_equal(path, expected);
    assert_int_equal(mode_of("logs"), 0700);
    assert_int_equal(tr_state_log_path(place->dir, "../x", path, sizeof path, &error), -EINVAL);
    assert_int_equal(tr_state_log_path(place->dir, "reader-1", path, 10, &error), -ENAMETOOLONG);
}

int main(void) {
#define A_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        A_TEST(test_the_root_is_here_else_with_xdg),
        A_TEST(test_what_is_saved_is_found),
        A_TEST(test_a_second_up_is_refused_with_the_reason),
        A_TEST(test_a_detached_child_keeps_the_lock),
        A_TEST(test_a_dead_supervisor_is_recognised_and_cleaned_up),
        A_TEST(test_another_process_with_the_pid_is_not_mistaken),
        A_TEST(test_one_of_several_must_be_named),
        A_TEST(test_files_that_are_not_ours_are_left_out),
        A_TEST(test_a_named_root_that_cannot_be_looked_into_is_told),
        A_TEST(test_logs_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
