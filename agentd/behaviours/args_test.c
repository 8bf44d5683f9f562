/* What built-in behaviours say of their arguments, and exec of its program, before they are started. */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/exec_program.h"
#include "agentd/behaviours/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/json.h"

#include <cmocka.h>

static int check(const char *behaviour, const char *json, tr_problem_t *problem) {
    tr_content_writer_t writer;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&writer);
    assert_int_equal(tr_json_to_content(json, strlen(json), &writer, NULL), 0);
    assert_int_equal(tr_content_writer_take(&writer, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    int rc = tr_behaviour_check_args(tr_behaviour_find(behaviour), &content.root, problem);
    tr_content_finish(&content);
    tr_content_writer_finish(&writer);
    return rc;
}

static void takes(const char *behaviour, const char *json) {
    tr_problem_t problem = {0};
    if (check(behaviour, json, &problem) < 0)
        fail_msg("%s %s: %s: %s", behaviour, json, problem.key, problem.error.text);
}

static void refuses(const char *behaviour, const char *json, const char *key, const char *says) {
    tr_problem_t problem = {0};
    assert_int_equal(check(behaviour, json, &problem), -EINVAL);
    assert_string_equal(problem.key, key);
    if (!strstr(problem.error.text, says))
        fail_msg("\"%s\" does not say \"%s\"", problem.error.text, says);
}

static void what_each_behaviour_takes(void **state) {
    (void)state;
    takes("echo", "{}");
    takes("reader", "{\"service\": \"\", \"root\": \"/tmp\", \"limit\": 1, \"delay_ms\": 60000}");
    takes("executor", "{\"coordinators\": null}");
    takes("executor", "{\"coordinators\": [\"tasks-1\", \"tasks-2@office\"]}");
    takes("reader", "{\"root\": null}");
    takes("editor", "{\"service\": \"d\", \"reader\": \"a@p\", \"in_flight\": 1.0, \"timeout_ms\": 1}");
    takes("relay", "{\"to\": \"svc:x\"}");
    takes("exec", "{\"command\": [\"sh\", \"-c\", \"exit\"]}");
    assert_int_equal(tr_behaviour_check_args(tr_behaviour_find("echo"), NULL, NULL), 0);
    assert_int_equal(tr_behaviour_check_args(tr_behaviour_find("relay"), NULL, NULL), -EINVAL);
}

static void what_each_behaviour_refuses(void **state) {
    (void)state;
    refuses("echo", "{\"x\": 1}", "args.x", "takes no arguments");
    refuses("reader", "{\"rot\": \"/tmp\"}", "args.rot", "did you mean \"root\"?");
    refuses("reader", "{\"colour\": 1}", "args.colour", "the arguments are service, root, limit, delay_ms");
    refuses("reader", "{\"root\": \"/no/such\"}", "args.root", "found \"/no/such\": No such file");
    refuses("reader", "{\"root\": \"/etc/passwd\"}", "args.root", "Not a directory");
    refuses("reader", "{\"root\": 7}", "args.root", "expected the path of a directory, found 7");
    refuses("reader", "{\"limit\": 0}", "args.limit", "expected a whole number from 1 to 268435456, found 0");
    refuses("reader", "{\"delay_ms\": \"1s\"}", "args.delay_ms", "from 0 to 60000, found \"1s\"");
    refuses("reader", "{\"service\": \"a b\"}", "args.service", "expected the name of a service");
    refuses("editor", "{\"reader\": \"\"}", "args.reader",
        "expected NAME, NAME@PLATFORM or svc:NAME, found \"\"");
    refuses("editor", "{\"in_flight\": [1, 2]}", "args.in_flight", "found [1,2]");
    refuses("relay", "{}", "args", "missing key \"to\"");
    refuses("relay", "{\"to\": null}", "args", "missing key \"to\"");
    refuses("executor", "{\"coordinators\": []}", "args.coordinators", "expected 1 to 32 agents, each NAME");
    refuses(
        "executor", "{\"coordinators\": [\"t\", \"svc:t\"]}", "args.coordinators", "NAME@PLATFORM, found [");
    refuses("exec", "{}", "args", "missing key \"command\"");
    refuses("exec", "{\"command\": [\"sh\"], \"cwd\": \"/no/such\"}", "args.cwd", "expected a directory");
}

/* ---- the program of exec ---- */

typedef struct place {
    char directory[64];
    char old[PATH_MAX];
    char *path;
} place_t;

static void make(const char *name, const char *text, mode_t mode) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* A directory of its own, with programs of all sorts. */
static int enter(void **state) {
    place_t *p = calloc(1, sizeof *p);
    assert_non_null(p);
    strcpy(p->directory, "/tmp/troupe-args-XXXXXX");
    assert_non_null(getcwd(p->old, sizeof p->old));
    assert_non_null(mkdtemp(p->directory));
    assert_int_equal(chdir(p->directory), 0);
    p->path = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    mkdir("bin", 0700);
    make("bin/good", "#!/bin/sh\n", 0700);
    make("bin/plain", "echo\n", 0600);
    make("bin/stray", "#! /no/such/interpreter -x\n", 0700);
    *state = p;
    return 0;
}

static int leave(void **state) {
    place_t *p = *state;
    static const char *const names[] = {"bin/good", "bin/plain", "bin/stray"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    rmdir("bin");
    assert_int_equal(chdir(p->old), 0);
    rmdir(p->directory);
    if (p->path)
        setenv("PATH", p->path, 1);
    free(p->path);
    free(p);
    return 0;
}

static void programs_are_looked_up(void **state) {
    place_t *p = *state;
    char path[128];
    snprintf(path, sizeof path, "/no/such:%s/bin:/usr/bin:/bin", p->directory);
    setenv("PATH", path, 1);
    takes("exec", "{\"command\": \"good\"}");
    takes("exec", "{\"command\": \"./bin/good\"}");
    takes("exec", "{\"command\": \"./good\", \"cwd\": \"bin\"}");
    refuses("exec", "{\"command\": \"goood\"}", "args.command[0]", "found \"goood\": it is not in PATH");
    refuses("exec", "{\"command\": \"./good\"}", "args.command[0]", "there is no such file");
    refuses("exec", "{\"command\": \"plain\"}", "args.command[0]", "it may not be executed (chmod +x)");
    refuses("exec", "{\"command\": \"./bin\"}", "args.command[0]", "Is a directory");
    refuses("exec", "{\"command\": \"stray\"}", "args.command[0]", "a script for \"/no/such/interpreter\"");
    setenv("PATH", "bin", 1);
    takes("exec", "{\"command\": \"good\"}");
    refuses("exec", "{\"command\": \"good\", \"cwd\": \"/\"}", "args.command[0]", "it is not in PATH");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_behaviour_takes),
        cmocka_unit_test(what_each_behaviour_refuses),
        cmocka_unit_test_setup_teardown(programs_are_looked_up, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
