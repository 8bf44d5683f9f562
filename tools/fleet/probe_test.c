#include "tools/fleet/probe.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MANY 40

/* The command line of a shell script. */
typedef struct script {
    const char *argv[4];
} script_t;

static void make(tr_probe_t *probe, script_t *script, const char *text) {
    *script = (script_t){{"/bin/sh", "-c", text, NULL}};
    *probe = (tr_probe_t){.start = {.argv = script->argv}};
}

static void what_a_program_says_and_how_it_ends(void **state) {
    (void)state;
    static const char *const variables[] = {"WORD=ready", NULL};
    tr_probe_t probe;
    script_t script;
    make(&probe, &script, "echo $WORD $PWD >&3; echo out; echo err >&2; exit 7");
    probe.start.variables = variables;
    probe.start.directory = "/";
    assert_int_equal(tr_probes_run(&probe, 1, 60000), 0);
    assert_string_equal(probe.said, "ready /");
    assert_string_equal(probe.printed, "out\nerr");
    assert_true(WIFEXITED(probe.status));
    assert_int_equal(WEXITSTATUS(probe.status), 7);
    assert_false(probe.late);
    assert_int_equal(probe.error.code, 0);
}

static void what_is_too_long_is_cut(void **state) {
    (void)state;
    tr_probe_t probe;
    script_t script;
    make(&probe, &script, "head -c 5000 /dev/zero | tr '\\0' x >&3");
    assert_int_equal(tr_probes_run(&probe, 1, 60000), 0);
    assert_int_equal(strlen(probe.said), TR_PROBE_TEXT - 1);
    assert_string_equal(probe.printed, "");
}

static void more_than_run_at_once(void **state) {
    (void)state;
    static tr_probe_t probes[MANY];
    static script_t scripts[MANY];
    static char texts[MANY][64];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "echo %d >&3", i);
        make(&probes[i], &scripts[i], texts[i]);
    }
    assert_int_equal(tr_probes_run(probes, MANY, 60000), 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(atoi(probes[i].said), i);
    assert_int_equal(tr_probes_run(probes, 0, 1), 0);
}

static void one_that_takes_too_long_is_killed_with_what_it_started(void **state) {
    (void)state;
    tr_probe_t probes[2];
    script_t scripts[2];
    make(&probes[0], &scripts[0], "echo begun >&3; sleep 600 & sleep 600");
    make(&probes[1], &scripts[1], "kill -SEGV $$");
    assert_int_equal(tr_probes_run(probes, 2, 1000), 0);
    assert_true(probes[0].late);
    assert_string_equal(probes[0].said, "begun");
    assert_int_equal(WTERMSIG(probes[0].status), SIGKILL);
    assert_false(probes[1].late);
    assert_int_equal(WTERMSIG(probes[1].status), SIGSEGV);
}

/* Its child has the pipes still; nobody waits for it. */
static void one_that_leaves_something_behind(void **state) {
    (void)state;
    tr_probe_t probe;
    script_t script;
    make(&probe, &script, "sleep 600 & echo done >&3");
    assert_int_equal(tr_probes_run(&probe, 1, 60000), 0);
    assert_string_equal(probe.said, "done");
    assert_false(probe.late);
}

static void one_that_cannot_be_run(void **state) {
    (void)state;
    tr_probe_t probes[2];
    script_t scripts[2];
    make(&probes[0], &scripts[0], "");
    scripts[0].argv[0] = "/no/such/program";
    make(&probes[1], &scripts[1], "echo here >&3");
    assert_int_equal(tr_probes_run(probes, 2, 60000), 0);
    assert_int_equal(probes[0].error.code, -ENOENT);
    assert_non_null(strstr(probes[0].error.text, "/no/such/program"));
    assert_string_equal(probes[1].said, "here");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_program_says_and_how_it_ends),
        cmocka_unit_test(what_is_too_long_is_cut),
        cmocka_unit_test(more_than_run_at_once),
        cmocka_unit_test(one_that_takes_too_long_is_killed_with_what_it_started),
        cmocka_unit_test(one_that_leaves_something_behind),
        cmocka_unit_test(one_that_cannot_be_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
