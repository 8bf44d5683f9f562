#include "tools/up/supervise.h"

#include "tools/up/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A supervisor with a clock of its own, in a directory of its own. */
typedef struct stage {
    tr_supervise_t *sup;
    int64_t now;
    char dir[64];
    char log[80];
    char changes[512]; /* "NAME:before>after " for each change */
    char gave_up[100];
} stage_t;

static const tr_restart_t never = {TR_RESTART_NEVER, 100, 100, 5, 1000};
static const tr_restart_t always = {TR_RESTART_ALWAYS, 100, 1000, 2, 60000};

static void note(void *context, const tr_child_view_t *child, tr_child_state_t before) {
    stage_t *stage = context;
    size_t used = strlen(stage->changes);
    snprintf(stage->changes + used, sizeof stage->changes - used, "%s:%s>%s ", child->name,
        tr_child_state_words[before], tr_child_state_words[child->state]);
}

static void note_gave_up(void *context, size_t supervisor, const tr_child_view_t *culprit, bool last) {
    stage_t *stage = context;
    snprintf(stage->gave_up, sizeof stage->gave_up, "%zu %s %s%s", supervisor, culprit->name, culprit->reason,
        last ? " last" : "");
}

static int set_up(void **state) {
    stage_t *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    strcpy(stage->dir, "/tmp/troupe-supervise-XXXXXX");
    assert_non_null(mkdtemp(stage->dir));
    snprintf(stage->log, sizeof stage->log, "%s/log", stage->dir);
    stage->now = 1000;
    tr_supervise_config_t config = {.die_with_parent = true,
        .grace_ms = 500,
        .log_limit = 1000,
        .seed = 7,
        .changed = note,
        .gave_up = note_gave_up,
        .context = stage};
    assert_int_equal(tr_supervise_new(&config, &stage->sup), 0);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    stage_t *stage = *state;
    tr_supervise_destroy(&stage->sup);
    assert_null(stage->sup);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", stage->dir);
    assert_int_equal(system(command), 0);
    free(stage);
    return 0;
}

static size_t add_spec(stage_t *stage, const tr_child_spec_t *spec) {
    size_t id = SIZE_MAX;
    tr_error_t error = {0};
    if (tr_supervise_add(stage->sup, spec, &id, &error) < 0)
        fail_msg("%s", error.text);
    return id;
}

/* A child that runs a line of shell. */
static size_t add(stage_t *stage, const char *name, const char *script, tr_restart_t restart) {
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    tr_child_spec_t spec = {.name = name, .argv = argv, .restart = restart, .log = stage->log};
    return add_spec(stage, &spec);
}

static tr_child_view_t view(stage_t *stage, size_t id) {
    tr_child_view_t v = {0};
    assert_int_equal(tr_supervise_view(stage->sup, id, &v), 0);
    return v;
}

/* Waits a moment, or less when a child ends. */
static void pause_for_child(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = 10000000});
}

/* Steps, while the clock stands, until the child is in that state. */
static tr_child_view_t until(stage_t *stage, size_t id, tr_child_state_t wanted) {
    for (int i = 0; i < 1000; i++) {
        tr_supervise_step(stage->sup, stage->now);
        tr_child_view_t v = view(stage, id);
        if (v.state == wanted)
            return v;
        pause_for_child();
    }
    fail_msg("%s is not %s; %s", view(stage, id).name, tr_child_state_words[wanted], stage->changes);
    return (tr_child_view_t){0};
}

static void read_log(stage_t *stage, char *out, size_t size) {
    FILE *f = fopen(stage->log, "r");
    size_t n = f ? fread(out, 1, size - 1, f) : 0;
    out[n] = '\0';
    if (f)
        fclose(f);
}

static void until_log(stage_t *stage, const char *wanted) {
    char text[4096];
    for (int i = 0; i < 1000; i++) {
        read_log(stage, text, sizeof text);
        if (strcmp(text, wanted) == 0)
            return;
        pause_for_child();
    }
    fail_msg("the log has \"%s\", not \"%s\"", text, wanted);
}

static void test_a_child_runs_and_rests(void **state) {
    stage_t *stage = *state;
    size_t id = add(stage, "a", "echo out; echo err >&2; exit 0", never);
    assert_int_equal(view(stage, id).state, TR_CHILD_IDLE);
    assert_false(tr_supervise_quiet(stage->sup));
    tr_child_view_t v = until(stage, id, TR_CHILD_STOPPED);
    assert_int_equal(v.exit_code, 0);
    assert_int_equal(v.pid, 0);
    assert_int_equal(v.restarts, 0);
    assert_true(tr_supervise_quiet(stage->sup));
    until_log(stage, "out\nerr\n");
    assert_string_equal(stage->changes, "a:idle>running a:running>stopped ");
    assert_int_equal(tr_supervise_step(stage->sup, stage->now), TR_SUPERVISE_NEVER);
}

static void test_restarts_wait_and_fail_when_there_are_too_many(void **state) {
    stage_t *stage = *state;
    size_t id = add(stage, "a", "exit 3", always);
    tr_child_view_t v = until(stage, id, TR_CHILD_BACKOFF);
    assert_int_equal(v.exit_code, 3);
    assert_string_equal(v.reason, "exited with 3");
    assert_in_range(v.due_ms, stage->now + 50, stage->now + 100);
    stage->now = v.due_ms - 1;
    assert_int_equal(tr_supervise_step(stage->sup, stage->now), v.due_ms);
    assert_int_equal(view(stage, id).state, TR_CHILD_BACKOFF);
    stage->now = v.due_ms;
    v = until(stage, id, TR_CHILD_BACKOFF);
    assert_int_equal(v.restarts, 1);
    assert_in_range(v.due_ms, stage->now + 100, stage->now + 200);
    stage->now = v.due_ms;
    v = until(stage, id, TR_CHILD_FAILED);
    assert_int_equal(v.restarts, 2);
    assert_string_equal(
        v.reason, "exited with 3; it was started again 2 times within 60 s, which is its limit");
    assert_true(tr_supervise_quiet(stage->sup));
    assert_int_equal(tr_supervise_start(stage->sup, id, stage->now), 0);
    assert_int_equal(tr_supervise_start(stage->sup, id, stage->now), -EBUSY);
    until(stage, id, TR_CHILD_BACKOFF);
}

static void test_another_command_line_holds_from_the_next_start(void **state) {
    stage_t *stage = *state;
    size_t id = add(stage, "a", "echo one; exit 1", always);
    stage->now = until(stage, id, TR_CHILD_BACKOFF).due_ms;
    static const char *const argv[] = {"/bin/echo", "two", NULL};
    assert_int_equal(tr_supervise_set_argv(stage->sup, id, argv), 0);
    assert_int_equal(tr_supervise_set_argv(stage->sup, id + 1, argv), -ENOENT);
    until(stage, id, TR_CHILD_BACKOFF);
    until_log(stage, "one\ntwo\n");
}

static void test_a_killed_child_takes_its_group_with_it(void **state) {
    stage_t *stage = *state;
    char fifo[80], script[200], bytes[16];
    snprintf(fifo, sizeof fifo, "%s/fifo", stage->dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    /* The grandchild holds the FIFO open: its end is seen as the end of the file. */
    snprintf(script, sizeof script, "sleep 1000 >%s & echo up >%s; wait", fifo, fifo);
    size_t id = add(stage, "a", script, always);
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    tr_child_view_t v = until(stage, id, TR_CHILD_RUNNING);
    struct pollfd p = {fd, POLLIN, 0};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(read(fd, bytes, sizeof bytes), 3);
    assert_int_equal(kill(v.pid, SIGKILL), 0);
    v = until(stage, id, TR_CHILD_BACKOFF);
    assert_int_equal(v.exit_signal, SIGKILL);
    assert_int_equal(v.exit_code, -1);
    assert_string_equal(v.reason, "killed by signal 9 (SIGKILL)");
    for (int i = 0; i < 1000 && !(p.revents & POLLHUP); i++)
        poll(&p, 1, 10);
    assert_true(p.revents & POLLHUP);
    close(fd);
}

static void test_stop_asks_and_after_the_grace_kills(void **state) {
    stage_t *stage = *state;
    size_t polite = add(stage, "polite", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done", always);
    until(stage, polite, TR_CHILD_RUNNING);
    until_log(stage, "up\n");
    assert_int_equal(tr_supervise_stop(stage->sup, polite, stage->now), 0);
    assert_int_equal(until(stage, polite, TR_CHILD_STOPPED).exit_code, 0);

    size_t deaf = add(stage, "deaf", "trap '' TERM; echo deaf; while :; do sleep 0.01; done", always);
    until(stage, deaf, TR_CHILD_RUNNING);
    until_log(stage, "up\ndeaf\n");
    assert_int_equal(tr_supervise_stop(stage->sup, deaf, stage->now), 0);
    assert_int_equal(tr_supervise_step(stage->sup, stage->now), stage->now + 500);
    stage->now += 499;
    tr_supervise_step(stage->sup, stage->now);
    assert_int_equal(kill(view(stage, deaf).pid, 0), 0);
    stage->now += 1;
    assert_int_equal(until(stage, deaf, TR_CHILD_STOPPED).exit_signal, SIGKILL);
    assert_int_equal(tr_supervise_remove(stage->sup, deaf), 0);
    assert_int_equal(tr_supervise_remove(stage->sup, deaf), -ENOENT);
    assert_int_equal(add(stage, "deaf", "exit 0", never), deaf);
}

static void test_a_suspended_child_can_be_stopped(void **state) {
    stage_t *stage = *state;
    size_t id = add(stage, "a", "exec sleep 1000", always);
    tr_child_view_t v = until(stage, id, TR_CHILD_RUNNING);
    assert_int_equal(kill(v.pid, SIGSTOP), 0);
    tr_supervise_stop(stage->sup, id, stage->now);
    assert_int_equal(until(stage, id, TR_CHILD_STOPPED).exit_signal, SIGTERM);
}

static void test_all_stop_in_their_order(void **state) {
    stage_t *stage = *state;
    const char *argv[] = {"sleep", "1000", NULL};
    tr_child_spec_t broker = {.name = "broker", .argv = argv, .restart = always, .stop_order = 1};
    tr_child_spec_t agent = {.name = "agent", .argv = argv, .restart = always, .stop_order = 0};
    size_t b = add_spec(stage, &broker), a = add_spec(stage, &agent);
    size_t waiting = add(stage, "waiting", "exit 1", always);
    until(stage, waiting, TR_CHILD_BACKOFF);
    stage->changes[0] = '\0';
    tr_supervise_stop_all(stage->sup, stage->now);
    assert_int_equal(view(stage, b).state, TR_CHILD_RUNNING);
    assert_int_equal(view(stage, a).state, TR_CHILD_STOPPING);
    assert_int_equal(view(stage, waiting).state, TR_CHILD_STOPPED);
    until(stage, b, TR_CHILD_STOPPED);
    assert_string_equal(stage->changes,
        "agent:running>stopping waiting:backoff>stopped agent:stopping>stopped "
        "broker:running>stopping broker:stopping>stopped ");
    assert_true(tr_supervise_quiet(stage->sup));
    assert_int_equal(tr_supervise_start(stage->sup, a, stage->now), -EBUSY);
    assert_int_equal(view(stage, add(stage, "late", "exit 0", never)).state, TR_CHILD_IDLE);
    tr_supervise_step(stage->sup, stage->now);
    assert_true(tr_supervise_quiet(stage->sup));
}

static void test_kill_all_does_not_wait(void **state) {
    stage_t *stage = *state;
    size_t id = add(stage, "deaf", "trap '' TERM; echo deaf; while :; do sleep 0.01; done", always);
    until(stage, id, TR_CHILD_RUNNING);
    until_log(stage, "deaf\n");
    tr_supervise_stop_all(stage->sup, stage->now);
    tr_supervise_kill_all(stage->sup, stage->now);
    assert_int_equal(until(stage, id, TR_CHILD_STOPPED).exit_signal, SIGKILL);
}

static void test_what_cannot_be_run_fails_with_the_reason(void **state) {
    stage_t *stage = *state;
    static const char *const missing[] = {"/nonexistent/troupe-agentd", NULL};
    static const char *const good[] = {"true", NULL};
    tr_child_spec_t specs[] = {
        {.name = "program", .argv = missing, .restart = always},
        {.name = "directory", .argv = good, .restart = always, .directory = "/nonexistent"},
        {.name = "log", .argv = good, .restart = always, .log = "/nonexistent/log"},
    };
    static const char *const reasons[] = {
        "cannot run /nonexistent/troupe-agentd: No such file or directory",
        "cannot run in /nonexistent: No such file or directory",
        "cannot open the log /nonexistent/log: No such file or directory",
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        size_t id = add_spec(stage, &specs[i]);
        tr_supervise_step(stage->sup, stage->now);
        assert_int_equal(view(stage, id).state, TR_CHILD_FAILED);
        assert_string_equal(view(stage, id).reason, reasons[i]);
    }
    size_t id;
    tr_error_t error = {0};
    assert_int_equal(tr_supervise_add(stage->sup, &specs[0], &id, &error), -EEXIST);
    assert_int_equal(tr_supervise_add(stage->sup, &(tr_child_spec_t){.name = "x"}, &id, &error), -EINVAL);
    assert_int_equal(tr_supervise_find(stage->sup, "log", &id), 0);
    assert_int_equal(id, 2);
    assert_int_equal(tr_supervise_find(stage->sup, "none", &id), -ENOENT);
}

static void test_environment_directory_and_descriptors(void **state) {
    stage_t *stage = *state;
    setenv("TROUPE_TEST_A", "old", 1);
    static const tr_pair_t env[] = {{"TROUPE_TEST_A", "new"}, {"TROUPE_TEST_B", "x y"}};
    int leak = open("/dev/null", O_RDONLY);
    assert_true(leak >= 0);
    const char *argv[] = {"/bin/sh", "-c",
        "echo $TROUPE_TEST_A,$TROUPE_TEST_B; [ \"$(pwd -P)\" = \"$1\" ] && echo here; "
        "ls /proc/$$/fd; read x || echo eof", /* no pipe: the shell itself would have its ends for a moment */
        "sh", stage->dir, NULL};
    tr_child_spec_t spec = {.name = "a",
        .argv = argv,
        .env = env,
        .env_count = 2,
        .directory = stage->dir,
        .log = stage->log,
        .restart = never};
    until(stage, add_spec(stage, &spec), TR_CHILD_STOPPED);
    close(leak);
    until_log(stage, "new,x y\nhere\n0\n1\n2\neof\n");
}

static void test_the_ready_pipe_is_new_with_every_start(void **state) {
    stage_t *stage = *state;
    const char *argv[] = {"/bin/sh", "-c", "echo ready >&3; exec 3>&-; exec sleep 1000", NULL};
    tr_child_spec_t spec = {.name = "a", .argv = argv, .restart = always, .ready_pipe = true};
    size_t id = add_spec(stage, &spec);
    assert_int_equal(tr_supervise_ready_fd(stage->sup, id), -1);
    for (int i = 0; i < 2; i++) {
        tr_child_view_t v = until(stage, id, TR_CHILD_RUNNING);
        char text[16] = "";
        struct pollfd p = {tr_supervise_ready_fd(stage->sup, id), POLLIN, 0};
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(read(p.fd, text, sizeof text), 6);
        assert_string_equal(text, "ready\n");
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(read(p.fd, text, sizeof text), 0);
        if (i == 0)
            tr_supervise_close_ready(stage->sup, id);
        assert_int_equal(tr_supervise_ready_fd(stage->sup, id), i == 0 ? -1 : p.fd);
        kill(v.pid, SIGKILL);
        stage->now = until(stage, id, TR_CHILD_BACKOFF).due_ms;
    }
}

static void test_the_log_is_bounded(void **state) {
    stage_t *stage = *state;
    const char *argv[] = {"/bin/sh", "-c",
        "i=0; while [ $i -lt 150 ]; do echo 123456789; i=$((i+1)); done; echo >&3; while [ -s \"$0\" ]; do "
        "sleep 0.01; done; "
        "echo after; exec sleep 1000",
        stage->log, NULL};
    tr_child_spec_t spec = {
        .name = "b", .argv = argv, .restart = never, .log = stage->log, .ready_pipe = true};
    size_t id = add_spec(stage, &spec);
    until(stage, id, TR_CHILD_RUNNING);
    struct pollfd p = {tr_supervise_ready_fd(stage->sup, id), POLLIN, 0};
    assert_int_equal(poll(&p, 1, 10000), 1);
    stage->now += 2000;
    tr_supervise_step(stage->sup, stage->now);
    until_log(stage, "after\n"); /* the writer goes on at the beginning */
    char older[90];
    struct stat st;
    snprintf(older, sizeof older, "%s.1", stage->log);
    assert_int_equal(stat(older, &st), 0);
    assert_int_equal(st.st_size, 1000);
    assert_int_equal(tr_child_bound_log(stage->log, 1000), 0);
    assert_int_equal(tr_child_bound_log("/nonexistent/log", 1000), 0);
}

static void test_children_of_others_are_left_alone(void **state) {
    stage_t *stage = *state;
    pid_t other = fork();
    if (other == 0)
        _exit(5);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT), 0);
    until(stage, add(stage, "a", "exit 0", never), TR_CHILD_STOPPED);
    int status = 0;
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(WEXITSTATUS(status), 5);
}

static void test_many_start_a_few_at_a_time(void **state) {
    stage_t *stage = *state;
    size_t ids[40];
    for (size_t i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "a-%zu", i);
        ids[i] = add(stage, name, "exec sleep 1000", always);
    }
    assert_int_equal(tr_supervise_step(stage->sup, stage->now), stage->now);
    assert_int_equal(view(stage, ids[15]).state, TR_CHILD_RUNNING);
    assert_int_equal(view(stage, ids[16]).state, TR_CHILD_IDLE);
    tr_supervise_step(stage->sup, stage->now);
    tr_supervise_step(stage->sup, stage->now);
    assert_int_equal(view(stage, ids[39]).state, TR_CHILD_RUNNING);
    tr_supervise_stop_all(stage->sup, stage->now);
    for (size_t i = 0; i < 40; i++)
        until(stage, ids[i], TR_CHILD_STOPPED);
}

/* Two below one supervisor that tolerates one restart; both run. */
static size_t add_two(stage_t *stage, size_t *first, size_t *second) {
    static const char *const argv[] = {"/bin/sleep", "1000", NULL};
    static const tr_restart_t rule = {
        .backoff_ms = 100, .max_backoff_ms = 100, .intensity = 1, .period_ms = 60000};
    size_t id = 0;
    assert_int_equal(
        tr_supervise_add_supervisor(stage->sup, TR_SUPERVISOR_TOP, TR_ONE_FOR_ALL, &rule, &id), 0);
    tr_child_spec_t spec = {.name = "a", .argv = argv, .restart = always, .supervisor = id};
    *first = add_spec(stage, &spec);
    spec.name = "b";
    spec.after = "a";
    *second = add_spec(stage, &spec);
    until(stage, *first, TR_CHILD_RUNNING);
    until(stage, *second, TR_CHILD_RUNNING);
    return id;
}

static void test_what_belongs_together_comes_back_together(void **state) {
    stage_t *stage = *state;
    size_t a, b;
    add_two(stage, &a, &b);
    pid_t before = view(stage, a).pid;
    kill(view(stage, b).pid, SIGKILL);
    tr_child_view_t v = until(stage, a, TR_CHILD_BACKOFF);
    assert_string_equal(v.reason, "killed by signal 15 (SIGTERM); ended because another failed");
    assert_int_equal(view(stage, b).state, TR_CHILD_BACKOFF);
    assert_int_equal(view(stage, b).due_ms, v.due_ms);
    assert_int_equal(tr_supervise_step(stage->sup, stage->now), v.due_ms);
    stage->now = v.due_ms;
    assert_int_not_equal(until(stage, a, TR_CHILD_RUNNING).pid, before);
    assert_int_equal(view(stage, b).state, TR_CHILD_RUNNING);
    assert_string_equal(stage->gave_up, "");
}

static void test_a_shared_supervisor_gives_up_for_all(void **state) {
    stage_t *stage = *state;
    size_t a, b, id = add_two(stage, &a, &b);
    char expected[100];
    kill(view(stage, b).pid, SIGKILL);
    stage->now = until(stage, a, TR_CHILD_BACKOFF).due_ms;
    until(stage, a, TR_CHILD_RUNNING);
    kill(view(stage, b).pid, SIGKILL);
    assert_string_equal(until(stage, a, TR_CHILD_FAILED).reason, "its supervisor gave up");
    assert_string_equal(view(stage, b).reason, "killed by signal 9 (SIGKILL)");
    snprintf(expected, sizeof expected, "%zu b killed by signal 9 (SIGKILL) last", id);
    assert_string_equal(stage->gave_up, expected);
    assert_true(tr_supervise_quiet(stage->sup));
    assert_int_equal(tr_supervise_start(stage->sup, b, stage->now), 0);
    until(stage, b, TR_CHILD_RUNNING);
    assert_int_equal(tr_supervise_stop(stage->sup, b, stage->now), 0);
    until(stage, b, TR_CHILD_STOPPED);
    assert_int_equal(tr_supervise_remove(stage->sup, b), 0);
}

static void test_one_that_is_stopped_for_good_does_not_come_back_with_others(void **state) {
    stage_t *stage = *state;
    size_t a, b;
    add_two(stage, &a, &b);
    assert_int_equal(tr_supervise_stop(stage->sup, a, stage->now), 0);
    until(stage, a, TR_CHILD_STOPPED);
    kill(view(stage, b).pid, SIGKILL);
    stage->now = until(stage, b, TR_CHILD_BACKOFF).due_ms;
    until(stage, b, TR_CHILD_RUNNING);
    assert_int_equal(view(stage, a).state, TR_CHILD_STOPPED);
    tr_supervise_stop_all(stage->sup, stage->now);
    until(stage, b, TR_CHILD_STOPPED);
    assert_true(tr_supervise_quiet(stage->sup));
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
#define A_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        A_TEST(test_a_child_runs_and_rests),
        A_TEST(test_restarts_wait_and_fail_when_there_are_too_many),
        A_TEST(test_another_command_line_holds_from_the_next_start),
        A_TEST(test_a_killed_child_takes_its_group_with_it),
        A_TEST(test_stop_asks_and_after_the_grace_kills),
        A_TEST(test_a_suspended_child_can_be_stopped),
        A_TEST(test_all_stop_in_their_order),
        A_TEST(test_kill_all_does_not_wait),
        A_TEST(test_what_cannot_be_run_fails_with_the_reason),
        A_TEST(test_environment_directory_and_descriptors),
        A_TEST(test_the_ready_pipe_is_new_with_every_start),
        A_TEST(test_the_log_is_bounded),
        A_TEST(test_children_of_others_are_left_alone),
        A_TEST(test_many_start_a_few_at_a_time),
        A_TEST(test_what_belongs_together_comes_back_together),
        A_TEST(test_a_shared_supervisor_gives_up_for_all),
        A_TEST(test_one_that_is_stopped_for_good_does_not_come_back_with_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
