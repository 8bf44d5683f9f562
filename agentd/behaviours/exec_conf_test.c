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

static int read_json(const char *json, tr_exec_conf_t *conf, tr_error_t *error) {
    tr_content_writer_t writer;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&writer);
    assert_int_equal(tr_json_to_content(json, strlen(json), &writer, error), 0);
    assert_int_equal(tr_content_writer_take(&writer, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    int rc = tr_exec_conf_read(conf, &content.root, error);
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
        const char *json, *says;
    } rows[] = {
        {"{}", "no program"},
        {"{\"command\": []}", "command"},
        {"{\"command\": [\"\"]}", "empty"},
        {"{\"command\": [1]}", "command"},
        {"{\"command\": \"a\", \"mode\": \"twice\"}", "mode"},
        {"{\"command\": \"a\", \"timeout_ms\": 0}", "timeout_ms"},
        {"{\"command\": \"a\", \"timeout_ms\": \"1s\"}", "timeout_ms"},
        {"{\"command\": \"a\", \"in_flight\": 5000}", "in_flight"},
        {"{\"command\": \"a\", \"env\": {\"A=B\": \"c\"}}", "env"},
        {"{\"command\": \"a\", \"env\": {\"A\": 1}}", "env"},
        {"{\"command\": \"a\", \"timout_ms\": 1}", "did you mean timeout_ms"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_exec_conf_t conf;
        tr_error_t error = {0};
        assert_int_equal(read_json(rows[i].json, &conf, &error), -EINVAL);
        if (!strstr(error.text, rows[i].says))
            fail_msg("%s: \"%s\" does not say %s", rows[i].json, error.text, rows[i].says);
    }
}

static void flags_make_arguments(void **state) {
    (void)state;
    char *args = NULL;
    tr_exec_conf_t conf;
    assert_int_equal(tr_exec_args("{\"in_flight\": 4, \"command\": \"other\"}", &flags, &args, NULL), 0);
    assert_int_equal(read_json(args, &conf, NULL), 0);
    assert_string_equal(conf.command[0], "python3");
    assert_string_equal(conf.command[1], "a.py");
    assert_int_equal(conf.mode, TR_EXEC_ONCE);
    assert_int_equal(conf.timeout_ms, 5000);
    assert_int_equal(conf.in_flight, 4);
    tr_exec_conf_finish(&conf);
    free(args);
    /* Without a program on the command line its other flags say nothing. */
    assert_int_equal(tr_exec_args("{\"command\": \"cat\", \"timeout_ms\": 9}", &no_flags, &args, NULL), 0);
    assert_int_equal(read_json(args, &conf, NULL), 0);
    assert_int_equal(conf.timeout_ms, 9);
    assert_int_equal(conf.log_level, TR_LOG_WARN);
    tr_exec_conf_finish(&conf);
    free(args);
}

static void bad_arguments(void **state) {
    (void)state;
    static const char *const rows[] = {"", "nope", "[]", "{\"a\": 1, \"a\": 2}", "{\"x\": 1}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *args = NULL;
        tr_error_t error = {0};
        assert_int_equal(tr_exec_args(rows[i], &flags, &args, &error), -EINVAL);
        assert_true(strlen(error.text) > 10);
        assert_null(args);
    }
    tr_error_t error = {0};
    char *args = NULL;
    assert_int_equal(tr_exec_args(NULL, &no_flags, &args, &error), -EINVAL);
    assert_non_null(strstr(error.text, "no program"));
    static const char *const latin[] = {"caf\xe9"};
    assert_int_equal(tr_exec_args(NULL, &(tr_exec_flags_t){latin, 1, 0, 1, 0, 0}, &args, &error), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything),
        cmocka_unit_test(errors_name_the_key),
        cmocka_unit_test(flags_make_arguments),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
