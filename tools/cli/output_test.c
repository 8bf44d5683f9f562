#include "tools/cli/output.h"
#include "tools/cli/output_cell.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT, .width = 8},
    {"state", TR_COLUMN_STATE},
    {"restarts", TR_COLUMN_NUMBER},
    {"age", TR_COLUMN_DURATION},
    {"memory", TR_COLUMN_BYTES, .wide = true},
    {"services", TR_COLUMN_TEXT},
};

/* Two rows in some form; malloc'd. */
static char *written(tr_output_config_t config, int expected_rc) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    config.out = out;
    config.columns = columns;
    config.column_count = sizeof columns / sizeof *columns;
    tr_output_t *o = NULL;
    assert_int_equal(tr_output_new(&config, &o), 0);
    tr_output_text(o, "reader-1");
    tr_output_text(o, "running");
    tr_output_number(o, 2);
    tr_output_number(o, 192500);
    tr_output_number(o, 1572864);
    tr_output_json(o, json_pack("[s, s]", "read", "skim"));
    tr_output_row(o);
    tr_output_text(o, "ed\033[2Jitor");
    tr_output_text(o, "failed");
    tr_output_row(o);
    assert_int_equal(tr_output_finish(o), expected_rc);
    tr_output_destroy(&o);
    assert_null(o);
    fclose(out);
    return text;
}

static void test_each_format(void **state) {
    (void)state;
    static const struct {
        tr_output_config_t config;
        const char *text;
    } rows[] = {
        {{.format = TR_OUTPUT_TABLE}, "NAME         STATE     RESTARTS     AGE   SERVICES\n"
                                      "reader-1     running          2   3m12s   read,skim\n"
                                      "ed?[2Jitor   failed\n"},
        {{.format = TR_OUTPUT_TABLE, .bare = true}, "reader-1     running   2   3m12s   read,skim\n"
                                                    "ed?[2Jitor   failed\n"},
        {{.format = TR_OUTPUT_WIDE}, "NAME         STATE     RESTARTS     AGE   MEMORY   SERVICES\n"
                                     "reader-1     running          2   3m12s     1.5M   read,skim\n"
                                     "ed?[2Jitor   failed\n"},
        {{.format = TR_OUTPUT_TABLE, .stream = true}, "NAME       STATE   RESTARTS   AGE   SERVICES\n"
                                                      "reader-1   running          2   3m12s   read,skim\n"
                                                      "ed?[2Jitor   failed\n"},
        {{.format = TR_OUTPUT_JSON, .stream = true},
            "{\"name\":\"reader-1\",\"state\":\"running\",\"restarts\":2,\"age\":192500,\"memory\":1572864,"
            "\"services\":[\"read\",\"skim\"]}\n"
            "{\"name\":\"ed\\u001B[2Jitor\",\"state\":\"failed\",\"restarts\":null,\"age\":null,\"memory\":"
            "null,"
            "\"services\":null}\n"},
        {{.format = TR_OUTPUT_NAME}, "reader-1\ned?[2Jitor\n"},
        {{.format = TR_OUTPUT_NAME, .stream = true}, "reader-1\ned?[2Jitor\n"},
        {{.format = TR_OUTPUT_YAML},
            "- name: reader-1\n  state: running\n  restarts: 2\n  age: 192500\n"
            "  memory: 1572864\n  services:\n  - read\n  - skim\n"
            "- name: \"ed\\e[2Jitor\"\n  state: failed\n  restarts: null\n  age: null\n"
            "  memory: null\n  services: null\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = written(rows[i].config, 0);
        if (strcmp(text, rows[i].text) != 0)
            fail_msg("row %zu:\n%s-- expected:\n%s", i, text, rows[i].text);
        free(text);
    }
}

static void test_json_is_one_array(void **state) {
    (void)state;
    char *text = written((tr_output_config_t){.format = TR_OUTPUT_JSON}, 0);
    json_t *all = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(all), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 0), "age")), 192500);
    assert_true(json_is_null(json_object_get(json_array_get(all, 1), "age")));
    json_decref(all);
    free(text);
}

static void test_a_table_without_rows_has_a_header_and_json_is_empty(void **state) {
    (void)state;
    static const char *const texts[] = {
        "NAME   STATE   RESTARTS   AGE   SERVICES\n", NULL, "[]\n", "[]\n", ""};
    for (int format = 0; tr_output_words[format]; format++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        tr_output_t *o = NULL;
        tr_output_config_t config = {out, (tr_output_format_t)format, columns, 6};
        assert_int_equal(tr_output_new(&config, &o), 0);
        tr_output_destroy(&o); /* writes, as finish was not called */
        fclose(out);
        if (texts[format])
            assert_string_equal(text, texts[format]);
        free(text);
    }
}

static void test_states_have_colours_when_asked(void **state) {
    (void)state;
    char *text = written((tr_output_config_t){.format = TR_OUTPUT_TABLE, .colour = true}, 0);
    assert_non_null(strstr(text, "\033[32mrunning\033[0m "));
    assert_non_null(strstr(text, "\033[31mfailed\033[0m\n"));
    free(text);
    FILE *out = tmpfile();
    assert_non_null(out);
    assert_false(tr_output_colour(out)); /* no terminal */
    fclose(out);
}

static void test_texts_that_are_not_utf8_and_mistakes(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    tr_output_t *o = NULL;
    tr_output_config_t config = {out, TR_OUTPUT_NAME, columns, 1};
    assert_int_equal(tr_output_new(&config, &o), 0);
    tr_output_text(o, "a\xff"
                      "b");
    tr_output_row(o);
    assert_int_equal(tr_output_finish(o), 0);
    tr_output_text(o, "late");
    assert_int_equal(tr_output_finish(o), -EINVAL);
    tr_output_destroy(&o);
    assert_int_equal(tr_output_new(&config, &o), 0);
    tr_output_text(o, "one");
    tr_output_text(o, "too many");
    tr_output_row(o);
    assert_int_equal(tr_output_finish(o), -EINVAL);
    tr_output_destroy(&o);
    fclose(out);
    assert_string_equal(text, "a?b\none\n");
    free(text);
}

static void test_a_full_disk_is_noticed(void **state) {
    (void)state;
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    tr_output_t *o = NULL;
    tr_output_config_t config = {out, TR_OUTPUT_JSON, columns, 1};
    assert_int_equal(tr_output_new(&config, &o), 0);
    tr_output_text(o, "x");
    tr_output_row(o);
    assert_int_equal(tr_output_finish(o), -EIO);
    tr_output_destroy(&o);
    fclose(out);
}

static void test_durations_and_sizes_for_people(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {{-1, "-"}, {0, "0ms"}, {999, "999ms"}, {1000, "1.0s"}, {9999, "9.9s"}, {10000, "10s"},
        {59999, "59s"}, {60000, "1m00s"}, {3599999, "59m59s"}, {3600000, "1h00m"}, {86400000, "1d00h"}};
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {{0, "0"}, {1023, "1023"}, {1024, "1.0K"}, {1536, "1.5K"}, {10240, "10K"}, {1048575, "1.0M"},
        {16777216, "16M"}, {UINT64_MAX, "16E"}};
    char text[32];
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        tr_print_duration(durations[i].ms, text, sizeof text);
        assert_string_equal(text, durations[i].text);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tr_print_bytes(sizes[i].bytes, text, sizeof text);
        assert_string_equal(text, sizes[i].text);
    }
}

/* Rows of tasks, in a table of so many columns; malloc'd. */
static char *fitted(size_t room, bool stream, const char *progress) {
    static const tr_column_t of_tasks[] = {{"task", TR_COLUMN_TEXT, .width = 8},
        {"state", TR_COLUMN_STATE, .width = 9}, {"tries", TR_COLUMN_NUMBER},
        {"changed_ms", TR_COLUMN_TIME, .width = 19}, {"progress", TR_COLUMN_TEXT}, {"agent", TR_COLUMN_TEXT},
        {"description", TR_COLUMN_TEXT}};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    tr_output_t *o = NULL;
    assert_int_equal(
        tr_output_new(
            &(tr_output_config_t){
                .out = out, .columns = of_tasks, .column_count = 7, .room = room, .stream = stream},
            &o),
        0);
    for (int i = 0; i < 2; i++) {
        tr_output_text(o, i ? "do-2" : "do-12345");
        tr_output_text(o, "completed");
        tr_output_number(o, i);
        tr_output_number(o, (int64_t)86400000 * (i + 1));
        tr_output_text(o, progress);
        tr_output_text(o, i ? "b" : "worker-1@assistant");
        tr_output_text(o, i ? "short" : "\xe6\x97\xa5\xe6\x9c\xac is a long way to go");
        tr_output_row(o);
    }
    assert_int_equal(tr_output_finish(o), 0);
    tr_output_destroy(&o);
    fclose(out);
    return text;
}

static void test_a_table_fits_a_terminal(void **state) {
    (void)state;
    static const struct {
        size_t room;
        bool stream;
        const char *progress, *text;
    } rows[] = {
        {120, false, "", /* as it is, with times in full */
            "TASK       STATE       TRIES   CHANGED               PROGRESS   AGENT                "
            "DESCRIPTION\n"
            "do-12345   completed       0   1970-01-02 00:00:00              worker-1@assistant   "
            "\xe6\x97\xa5\xe6\x9c\xac is a long way to go\n"
            "do-2       completed       1   1970-01-03 00:00:00              b                    short\n"},
        {98, false, "", /* brief times */
            "TASK      STATE      TRIES  CHANGED     PROGRESS  AGENT               DESCRIPTION\n"
            "do-12345  completed      0  1970-01-02            worker-1@assistant  \xe6\x97\xa5\xe6\x9c\xac "
            "is a long way to go\n"
            "do-2      completed      1  1970-01-03            b                   short\n"},
        {70, false, "", /* nothing where nothing stands, and the longest are cut */
            "TASK      STATE      TRIES  CHANGED     AGENT           DESCRIPTION\n"
            "do-12345  completed      0  1970-01-02  worker-…istant  \xe6\x97\xa5\xe6\x9c\xac is a lon…\n"
            "do-2      completed      1  1970-01-03  b               short\n"},
        {20, false, "", /* what cannot be done is not begun */
            "TASK       STATE       TRIES   CHANGED      PROGRESS   AGENT                DESCRIPTION\n"
            "do-12345   completed       0   1970-01-02              worker-1@assistant   "
            "\xe6\x97\xa5\xe6\x9c\xac is a long way to go\n"
            "do-2       completed       1   1970-01-03              b                    short\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = fitted(rows[i].room, rows[i].stream, rows[i].progress);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

/* Each row of a stream is as wide as the first one was to be. */
static void test_a_stream_fits_a_terminal(void **state) {
    (void)state;
    for (size_t room = 75; room < 160; room += 7) {
        char *text = fitted(room, true, "a part of it is done, and the rest is not yet"), *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
            assert_in_range(tr_output_cell_width(line), 1, room);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_format),
        cmocka_unit_test(test_json_is_one_array),
        cmocka_unit_test(test_a_table_without_rows_has_a_header_and_json_is_empty),
        cmocka_unit_test(test_states_have_colours_when_asked),
        cmocka_unit_test(test_texts_that_are_not_utf8_and_mistakes),
        cmocka_unit_test(test_a_full_disk_is_noticed),
        cmocka_unit_test(test_durations_and_sizes_for_people),
        cmocka_unit_test(test_a_table_fits_a_terminal),
        cmocka_unit_test(test_a_stream_fits_a_terminal),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
