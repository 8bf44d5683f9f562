#include "agentd/behaviours/table.h"
#include "agentd/events.h"
#include "agentd/load.h"
#include "agentd/options.h"

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
    } rows[] = {{NULL, "NULL"}, {&other, "version 2 of the behaviour ABI"}, {&nameless, ".name"},
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
        cmocka_unit_test(behaviours_by_name),
        cmocka_unit_test(behaviours_of_strangers),
        cmocka_unit_test(files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
