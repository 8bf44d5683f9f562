#include "agentd/behaviours/exec_conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"

#include <cmocka.h>

static const char *const program[] = {"python3", "a.py"};
static const tr_exec_flags_t no_flags = {
    .timeout_ms = 30000, .log_level = TR_LOG_WARN, .log_format = TR_LOG_JSON};
static const tr_exec_flags_t flags = {program, 2, TR_EXEC_ONCE, 5000, TR_LOG_INFO, TR_LOG_READABLE};

static int read_json(const char *json, tr_exec_conf_t *conf, tr_problem_t *problem) {
    tr_content_writer_t writer;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&writer);
    assert_int_equal(tr_json_to_content(json, strlen(json), &writer, NULL), 0);
    assert_int_equal(tr_content_writer_take(&writer, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    int rc = tr_exec_conf_read(conf, &content.root, problem);
    tr_content_finish(&content);
    tr_content_writer_finish(&writer); /* what was read is a copy */
    return rc;
}

static void defaults(void **state) {
    (void)state;
    tr_exec_conf_t conf;
    assert_int_equal(read_json("{\"command\": \"cat\"}", &conf, NULL), 0);
    assert_string_equal(conf.command[0], "cat");
    assert_null(conf.command[1]);
    assert_int_equal(conf.mode, TR_EXEC_PERSISTENT);
    assert_int_equal(conf.timeout_ms, 30000);
    assert_int_equal(conf.in_flight, 1);
    assert_null(conf.cwd);
    assert_null(conf.env);
    tr_exec_conf_finish(&conf);
}

static void everything(void **state) {
    (void)state;
    tr_exec_conf_t conf;
    assert_int_equal(
        read_json(
            "{\"command\": [\"a\", \"b c\", \"\"], \"mode\": \"once\", \"timeout_ms\": 7, \"in_flight\": "
            "3, \"cwd\": \"/tmp\", \"env\": {\"A\": \"1\", \"B\": \"\"}, \"backoff_ms\": 500, "
            "\"max_backoff_ms\": 20, \"log\": {\"level\": \"warn\", \"format\": \"json\"}}",
            &conf, NULL),
        0);
    assert_string_equal(conf.command[1], "b c");
    assert_string_equal(conf.command[2], "");
    assert_int_equal(conf.mode, TR_EXEC_ONCE);
    assert_int_equal(conf.timeout_ms, 7);
    assert_int_equal(conf.in_flight, 3);
    assert_string_equal(conf.cwd, "/tmp");
    assert_string_equal(conf.env[0], "A=1");
    assert_string_equal(conf.env[1], "B=");
    assert_null(conf.env[2]);
    assert_int_equal(conf.max_backoff_ms, 500); /* never below the first pause */
    assert_int_equal(conf.log_level, TR_LOG_WARN);
    assert_int_equal(conf.log_format, TR_LOG_JSON);
    tr_exec_conf_finish(&conf);
}

static void errors_name_the_key(void **state) {
    (void)state;
    static const struct {
        const char *json, *key, *says;
    } rows[] = {
        {"{}", "args", "missing key \"command\""},
        {"{\"command\": []}", "args.command", "found 0"},
        {"{\"command\": [\"\"]}", "args.command", "empty"},
        {"{\"command\": [1]}", "args.command", "expected a text, found 1"},
        {"{\"command\": \"a\", \"mode\": \"twice\"}", "args.mode",
            "expected one of persistent, once, found \"twice\""},
        {"{\"command\": \"a\", \"timeout_ms\": 0}", "args.timeout_ms", "from 1 to 86400000, found 0"},
        {"{\"command\": \"a\", \"timeout_ms\": \"1s\"}", "args.timeout_ms", "found \"1s\""},
        {"{\"command\": \"a\", \"in_flight\": 5000}", "args.in_flight", "from 1 to 1024"},
        {"{\"command\": \"a\", \"env\": {\"A=B\": \"c\"}}", "args.env", "expected {NAME"},
        {"{\"command\": \"a\", \"env\": {\"A\": 1}}", "args.env", "expected {NAME"},
        {"{\"command\": \"a\", \"log\": {\"level\": \"loud\"}}", "args.log.level",
            "debug, info, warn, error"},
        {"{\"command\": \"a\", \"timout_ms\": 1}", "args.timout_ms", "did you mean \"timeout_ms\"?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_exec_conf_t conf;
        tr_problem_t problem = {0};
        assert_int_equal(read_json(rows[i].json, &conf, &problem), -EINVAL);
        assert_string_equal(problem.key, rows[i].key);
        if (!strstr(problem.error.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].json, problem.error.text, rows[i].says);
    }
}

/* The arguments with the flags. */
static tr_exec_conf_t joined(const char *json, const tr_exec_flags_t *with) {
    tr_exec_conf_t conf;
    json_t *args = json_loads(json, 0, NULL);
    assert_int_equal(tr_exec_args(args, with, NULL), 0);
    char *text = json_dumps(args, JSON_COMPACT);
    assert_int_equal(read_json(text, &conf, NULL), 0);
    free(text);
    json_decref(args);
    return conf;
}

static void flags_make_arguments(void **state) {
    (void)state;
    tr_exec_conf_t conf = joined("{\"in_flight\": 4, \"command\": \"other\"}", &flags);
    assert_string_equal(conf.command[0], "python3");
    assert_string_equal(conf.command[1], "a.py");
    assert_int_equal(conf.mode, TR_EXEC_ONCE);
    assert_int_equal(conf.timeout_ms, 5000);
    assert_int_equal(conf.in_flight, 4);
    tr_exec_conf_finish(&conf);
    /* Without a program on the command line its other flags say nothing. */
    conf = joined("{\"command\": \"cat\", \"timeout_ms\": 9}", &no_flags);
    assert_int_equal(conf.timeout_ms, 9);
    assert_int_equal(conf.log_level, TR_LOG_WARN);
    tr_exec_conf_finish(&conf);
    static const char *const latin[] = {"caf\xe9"};
    json_t *args = json_object();
    assert_int_equal(tr_exec_args(args, &(tr_exec_flags_t){latin, 1, 0, 1, 0, 0}, NULL), -EINVAL);
    json_decref(args);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(errors_name_the_key),
        cmocka_unit_test(flags_make_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
