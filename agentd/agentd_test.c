#include "agentd/agent_file.h"
#include "agentd/behaviours/table.h"
#include "agentd/events.h"
#include "agentd/load.h"
#include "agentd/options.h"
#include "agentd/role.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void the_catalogue_is_whole(void **state) {
    (void)state;
    tr_error_t error = {0};
    if (tr_events_check(tr_agentd_events, TR_EVENT_COUNT, &error) < 0)
        fail_msg("%s", error.text);
}

static void services(void **state) {
    (void)state;
    char name[129];
    uint32_t capacity = 7;
    assert_int_equal(tr_agentd_service_parse("read", name, &capacity, NULL), 0);
    assert_string_equal(name, "read");
    assert_int_equal(capacity, 0);
    assert_int_equal(tr_agentd_service_parse("read=4", name, &capacity, NULL), 0);
    assert_string_equal(name, "read");
    assert_int_equal(capacity, 4);
    static const char *const bad[] = {"", "=4", "re ad", "read=", "read=0", "read=x", "read=-1", "svc:read"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tr_error_t error = {0};
        assert_true(tr_agentd_service_parse(bad[i], name, &capacity, &error) < 0);
        assert_non_null(strstr(error.text, "--service"));
    }
}

/* What the program prints belongs to its user, not to the test's output. */
static int read_quietly(int argc, const char *const *words, tr_agentd_options_t *options) {
    char *argv[16];
    memcpy(argv, words, ((size_t)argc + 1) * sizeof *argv);
    fflush(NULL);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    int code = tr_agentd_options_read(argc, argv, options);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(null);
    return code;
}

#define READ(options, ...)                                                                                   \
    read_quietly((int)(sizeof((const char *[]){"agentd", __VA_ARGS__}) / sizeof(char *)),                    \
        (const char *[]){"agentd", __VA_ARGS__, NULL}, options)

static void command_lines(void **state) {
    (void)state;
    tr_agentd_options_t o;
    assert_int_equal(READ(&o, "--name", "a", "-b", "echo", "-s", "x=2", "--service", "y"), TR_AGENTD_GO);
    assert_string_equal(o.name, "a");
    assert_string_equal(o.behaviour, "echo");
    assert_int_equal(o.services.count, 2);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.ready_fd, -1);
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--name", "a", "--", "cat", "--version"), TR_AGENTD_GO);
    assert_int_equal(o.command.count, 2);
    assert_string_equal(o.command.items[1], "--version");
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--help"), TR_AGENTD_OK);
    assert_int_equal(READ(&o, "--version"), TR_AGENTD_OK);
    assert_int_equal(READ(&o, "--list-behaviours"), TR_AGENTD_OK);
}

static void wrong_usage(void **state) {
    (void)state;
    tr_agentd_options_t o;
    assert_int_equal(READ(&o, "--behaviour", "echo"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--name", "a"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--name", "a@b", "-b", "echo"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--name", "a", "-b", "echo", "-l", "x.so"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--name", "a", "-b", "echo", "--", "cat"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--name", "a", "-b", "echo", "-s", "b c"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--name", "a", "-b", "echo", "--count", "0"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--nmae", "a"), TR_AGENTD_USAGE);
}

/* A file in a directory of its own. */
static const char *write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return name;
}

static int enter_directory(void **state) {
    char directory[] = "/tmp/troupe-agentd-XXXXXX";
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    *state = strdup(directory);
    return *state ? 0 : -1;
}

static int leave_directory(void **state) {
    unlink("a.yaml");
    assert_int_equal(chdir("/"), 0);
    rmdir(*state);
    free(*state);
    return 0;
}

static void names_and_files(void **state) {
    (void)state;
    assert_true(tr_agent_file_is_path("a.yaml"));
    assert_true(tr_agent_file_is_path("./reader"));
    assert_true(tr_agent_file_is_path("x.json"));
    assert_false(tr_agent_file_is_path("reader"));
    assert_false(tr_agent_file_is_path("reader.v2"));
    assert_false(tr_agent_file_is_path(".yaml"));
    tr_agentd_options_t o;
    assert_int_equal(READ(&o, "--agent", "reader", "-b", "echo"), TR_AGENTD_GO);
    assert_string_equal(o.name, "reader");
    assert_null(o.description);
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--agent", "reader", "--name", "r", "-b", "echo"), TR_AGENTD_USAGE);
    assert_int_equal(READ(&o, "--agent", "no/such.yaml"), TR_AGENTD_REFUSED);
}

static void an_agent_described_by_a_file(void **state) {
    (void)state;
    tr_agentd_options_t o;
    write_file("a.yaml", "name: sums\nexec: {command: [python3, sum.py], mode: once, timeout: 5s}\ncount: 3\n"
                         "services: [sum=4]\nsubscribe: [news.>]\nargs: {in_flight: 2}\n"
                         "restart: {policy: never, backoff: 1s, max-backoff: 2s, period: 1m}\n");
    assert_int_equal(READ(&o, "--agent", "a.yaml"), TR_AGENTD_GO);
    assert_string_equal(o.name, "sums");
    assert_string_equal(o.command.items[1], "sum.py");
    assert_int_equal(o.exec_mode, TR_FLEET_EXEC_ONCE);
    assert_int_equal(o.exec_timeout_ms, 5000);
    assert_int_equal(o.count, 3);
    assert_string_equal(o.services.items[0], "sum=4");
    assert_string_equal(o.subscribe.items[0], "news.>");
    assert_string_equal(o.args, "{\"in_flight\":2}");
    assert_int_equal(o.restart_intensity, 0);
    assert_int_equal(o.restart_period_ms, 60000);
    assert_int_equal(o.restart_backoff_ms, 1000);
    assert_int_equal(o.restart_max_backoff_ms, 2000);
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--agent", "a.yaml", "--name", "other", "--count", "1", "-b", "echo", "-s", "x",
                         "--restart-intensity", "7"),
        TR_AGENTD_GO);
    assert_string_equal(o.name, "other");
    assert_int_equal(o.count, 1);
    assert_string_equal(o.behaviour, "echo");
    assert_int_equal(o.command.count, 0);
    assert_string_equal(o.services.items[0], "x");
    assert_int_equal(o.services.count, 1);
    assert_int_equal(o.restart_intensity, 7);
    assert_int_equal(o.exec_timeout_ms, 30000);
    tr_agentd_options_finish(&o);
    write_file("a.yaml", "name: sums\nbehavior: echo\n");
    assert_int_equal(READ(&o, "--agent", "a.yaml"), TR_AGENTD_REFUSED);
}

/* The place is that of the file where the file says it, and none where a flag does. */
static void what_is_wrong_is_told_with_its_place(void **state) {
    (void)state;
    tr_agentd_options_t o;
    tr_role_t role = {0};
    tr_problem_t problem = {0};
    tr_error_t error = {0};
    write_file("a.yaml", "name: a\nbehaviour: reader\nargs:\n  limit: 0\n");
    assert_int_equal(READ(&o, "--agent", "a.yaml"), TR_AGENTD_GO);
    assert_int_equal(tr_role_init(&role, &o, &problem), -EINVAL);
    tr_agent_file_explain(&o, &problem, &error);
    assert_string_equal(
        error.text, "a.yaml:4:10: args.limit: expected a whole number from 1 to 268435456, found 0");
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--agent", "a.yaml", "--args", "{\"limit\": -1}"), TR_AGENTD_GO);
    assert_int_equal(tr_role_init(&role, &o, &problem), -EINVAL);
    tr_agent_file_explain(&o, &problem, &error);
    assert_string_equal(error.text, "args.limit: expected a whole number from 1 to 268435456, found -1");
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--name", "a", "-b", "eco"), TR_AGENTD_GO);
    assert_int_equal(tr_role_init(&role, &o, &problem), -ENOENT);
    tr_agent_file_explain(&o, &problem, &error);
    assert_string_equal(error.text, "behaviour: unknown behaviour \"eco\", did you mean \"echo\"?");
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--name", "a", "--", "no-such-program"), TR_AGENTD_GO);
    assert_int_equal(tr_role_init(&role, &o, &problem), -EINVAL);
    assert_string_equal(problem.key, "exec.command[0]");
    tr_agentd_options_finish(&o);
    assert_int_equal(READ(&o, "--name", "a", "-b", "echo", "--args", "{\"a\""), TR_AGENTD_GO);
    assert_int_equal(tr_role_init(&role, &o, &problem), -EINVAL);
    assert_string_equal(problem.key, "args");
    assert_non_null(strstr(problem.error.text, "not JSON at column"));
    tr_agentd_options_finish(&o);
}

static void behaviours_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"echo", "editor", "exec", "reader", "relay"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const tr_behaviour_t *b = tr_behaviour_find(names[i]);
        assert_non_null(b);
        assert_string_equal(b->name, names[i]);
        assert_int_equal(tr_behaviour_check(b, names[i], NULL), 0);
        assert_non_null(b->summary);
    }
    assert_null(tr_behaviour_find("eco"));
    assert_string_equal(tr_behaviour_nearest("eco"), "echo");
    assert_string_equal(tr_behaviour_nearest("raeder"), "reader");
    assert_null(tr_behaviour_nearest("zzzzzz"));
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)message;
    return 0;
}

static void behaviours_of_strangers(void **state) {
    (void)state;
    const tr_behaviour_t good = {.abi = TR_BEHAVIOUR_ABI, .name = "mine", .receive = receive};
    tr_behaviour_t other = good, nameless = good, deaf = good, huge = good;
    other.abi = TR_BEHAVIOUR_ABI + 1;
    nameless.name = "a b";
    deaf.receive = NULL;
    huge.state_size = SIZE_MAX;
    const struct {
        const tr_behaviour_t *behaviour;
        const char *says;
    } rows[] = {{NULL, "NULL"}, {&other, "of the behaviour ABI, this"}, {&nameless, ".name"},
        {&deaf, ".receive"}, {&huge, ".state_size"}};
    assert_int_equal(tr_behaviour_check(&good, "x.so", NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_error_t error = {0};
        assert_int_equal(tr_behaviour_check(rows[i].behaviour, "x.so", &error), -EINVAL);
        assert_non_null(strstr(error.text, "x.so"));
        if (!strstr(error.text, rows[i].says))
            fail_msg("\"%s\" does not say %s", error.text, rows[i].says);
    }
}

static void files_that_are_none(void **state) {
    (void)state;
    tr_loaded_t *loaded = NULL;
    tr_error_t error = {0};
    assert_int_equal(tr_load_behaviour("no-such.so", &loaded, &error), -ENOENT);
    assert_non_null(strstr(error.text, "no-such.so"));
    assert_int_equal(tr_load_behaviour("/etc/passwd", &loaded, &error), -EINVAL);
    assert_null(loaded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_is_whole),
        cmocka_unit_test(services),
        cmocka_unit_test(command_lines),
        cmocka_unit_test(wrong_usage),
        cmocka_unit_test(names_and_files),
        cmocka_unit_test_setup_teardown(an_agent_described_by_a_file, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(
            what_is_wrong_is_told_with_its_place, enter_directory, leave_directory),
        cmocka_unit_test(behaviours_by_name),
        cmocka_unit_test(behaviours_of_strangers),
        cmocka_unit_test(files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
