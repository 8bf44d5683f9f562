/* What the fleet's verbs keep on disk: tickets, logs' ends, agents that were attached. */
#include "lib/base/ticket.h"
#include "tools/fleet/attached.h"
#include "tools/logs/log_tail.h"
#include "tools/up/up_events.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state) {
    char *directory = strdup("/tmp/troupe-ticket-XXXXXX");
    *state = directory;
    return directory && mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state) {
    char command[PATH_MAX];
    snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
    int rc = system(command);
    free(*state);
    return rc;
}

static const char *path_in(void **state, const char *name) {
    static _Thread_local char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", (char *)*state, name);
    return path;
}

static void test_a_ticket_is_good_once(void **state) {
    char one[TR_TICKET_MAX + 1], two[TR_TICKET_MAX + 1];
    assert_int_equal(tr_ticket_make(*state, one, NULL), 0);
    assert_int_equal(tr_ticket_make(*state, two, NULL), 0);
    assert_string_not_equal(one, two);
    assert_true(tr_ticket_take(*state, one));
    assert_false(tr_ticket_take(*state, one));
    assert_true(tr_ticket_take(*state, two));
}

static void test_what_is_no_ticket(void **state) {
    char ticket[TR_TICKET_MAX + 1];
    assert_int_equal(tr_ticket_make(*state, ticket, NULL), 0);
    assert_false(tr_ticket_take(*state, NULL));
    assert_false(tr_ticket_take(*state, ""));
    assert_false(tr_ticket_take(*state, "../../../../../../etc/passwd...."));
    assert_false(tr_ticket_take(*state, "00000000000000000000000000000000"));
    char link[PATH_MAX];
    snprintf(link, sizeof link, "%s/tickets/ffffffffffffffffffffffffffffffff", (char *)*state);
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_false(tr_ticket_take(*state, "ffffffffffffffffffffffffffffffff"));
    tr_error_t error = {0};
    assert_true(tr_ticket_make("/nowhere/at/all", ticket, &error) < 0);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_the_end_of_a_log(void **state) {
    const char *log = path_in(state, "a.log");
    char out[64];
    assert_string_equal(tr_log_tail(log, 0, 3, out, sizeof out), "");
    write_file(log, "");
    assert_string_equal(tr_log_tail(log, 0, 3, out, sizeof out), "");
    write_file(log, "one\ntwo\nthree\nfour\n");
    assert_string_equal(tr_log_tail(log, 0, 3, out, sizeof out), "two\nthree\nfour");
    assert_string_equal(tr_log_tail(log, 0, 9, out, sizeof out), "one\ntwo\nthree\nfour");
    assert_string_equal(tr_log_tail(log, 8, 9, out, sizeof out), "three\nfour");
    assert_string_equal(tr_log_tail(log, 19, 9, out, sizeof out), "");
    assert_string_equal(tr_log_tail(log, 99, 9, out, sizeof out), "");
    assert_string_equal(tr_log_tail(log, 0, 9, out, 14), "three\nfour");
    write_file(log, "\033[2Jx\ty");
    assert_string_equal(tr_log_tail(log, 0, 9, out, sizeof out), "?[2Jx\ty");
    assert_int_equal(tr_log_length(log), 7);
}

static void test_an_attached_agent_is_found_while_it_runs(void **state) {
    tr_attached_t attached = {.name = "far", .endpoint = "tcp://h:1"}, found;
    char names[100];
    attached.pid = fork();
    if (attached.pid == 0)
        for (;;)
            pause();
    attached.start_time = tr_state_start_time(attached.pid);
    assert_int_equal(tr_attached_find(*state, "far", &found), -ENOENT);
    assert_int_equal(tr_attached_save(*state, &attached, NULL), 0);
    assert_int_equal(tr_attached_find(*state, "far", &found), 0);
    assert_int_equal(found.pid, attached.pid);
    assert_string_equal(found.endpoint, "tcp://h:1");
    assert_int_equal(tr_attached_names(*state, names, sizeof names), 1);
    assert_string_equal(names, "far");
    assert_int_equal(tr_attached_find(*state, "../far", &found), -ENOENT);
    kill(attached.pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)attached.pid, &info, WEXITED | WNOWAIT);
    assert_int_equal(tr_attached_find(*state, "far", &found), -ENOENT); /* not waited for, but ended */
    waitpid(attached.pid, NULL, 0);
    assert_int_equal(tr_attached_names(*state, names, sizeof names), 0);
}

static void test_a_used_pid_is_nobody_of_ours(void **state) {
    tr_attached_t attached = {.name = "far", .endpoint = "e", .pid = getpid(), .start_time = 1}, found;
    assert_int_equal(tr_attached_save(*state, &attached, NULL), 0);
    assert_int_equal(tr_attached_find(*state, "far", &found), -ENOENT);
    write_file(path_in(state, "far.json"), "{\"name\": \"far\", \"pid\": -1}");
    assert_int_equal(tr_attached_find(*state, "far", &found), -ENOENT);
}

static void test_the_catalogue_is_whole(void **state) {
    (void)state;
    tr_error_t error = {0};
    if (tr_events_check(tr_up_events, TR_UP_LOG_COUNT, &error) < 0)
        fail_msg("%s", error.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_ticket_is_good_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_of_a_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_attached_agent_is_found_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_used_pid_is_nobody_of_ours, setup, teardown),
        cmocka_unit_test(test_the_catalogue_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
