#include "tools/logs/log_why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define AT "2026-03-01T12:00:00.123Z error agentd A012 "

static void test_the_reason_is_read_out_of_a_line(void **state) {
    (void)state;
    static const struct {
        const char *line, *reason; /* NULL: none */
    } rows[] = {
        {AT "cannot start agent=a error=\"the name a is taken: choose another\"",
            "the name a is taken: choose another"},
        {AT "cannot start agent=a error=\"no \\\"b\\\"\\u0007\"", "no \"b\"\a"},
        {AT "cannot start agent=\"x error=y\" error=word", "word"},
        {"2026-03-01T12:00:00.123Z error broker B005 cannot start detail=\"in use\"", "in use"},
        {"{\"event\":\"A012\",\"message\":\"cannot start\",\"agent\":\"a\",\"error\":\"taken\"}", "taken"},
        {"{\"event\":\"A001\",\"message\":\"registered\",\"error\":\"taken\"}", NULL},
        {"{\"message\":\"cannot start\"", NULL},
        {AT "cannot start agent=a", NULL},
        {AT "cannot start agent=a error=", NULL},
        {AT "cannot start agent=a error=\"cut", NULL},
        {"a program says: cannot start error=lies", NULL},
        {" cannot start error=x", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[100] = "before";
        assert_int_equal(tr_log_reason(rows[i].line, out, sizeof out), rows[i].reason != NULL);
        if (rows[i].reason)
            assert_string_equal(out, rows[i].reason);
    }
}

/* What is said of a log with this text: words before and behind the log's path. */
static void assert_why(const char *text, const char *before, const char *behind) {
    char path[] = "log_why_XXXXXX", out[400], wanted[400];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    snprintf(wanted, sizeof wanted, "%s%s%s", before, path, behind);
    assert_string_equal(tr_log_why(path, 0, out, sizeof out), wanted);
    unlink(path);
}

static void test_why_takes_the_last_line_only(void **state) {
    (void)state;
    assert_why("noise\n" AT "cannot start agent=a error=\"do this\"\n", "do this (its log: ", ")");
    assert_why(AT "cannot start agent=a error=old\nSegmentation fault\n", "its log ",
        " ends with:\n" AT "cannot start agent=a error=old\nSegmentation fault");
    assert_why("", "its log ", " is empty");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reason_is_read_out_of_a_line),
        cmocka_unit_test(test_why_takes_the_last_line_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
