#include "gateway/http/chunks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char whole[] =
    "4\r\nWiki\r\n6;name=\"x\"\r\npedia \r\n0A\r\nin chunks.\r\n0\r\nExpires: now\r\n\r\n";

static void take(const char *text, int expected, const char *content) {
    tr_chunks_t chunks = {0};
    tr_buffer_t out;
    tr_buffer_init(&out, 0);
    assert_int_equal(tr_chunks_take(&chunks, text, strlen(text), &out), expected);
    if (content)
        assert_string_equal(tr_buffer_string(&out), content);
    tr_buffer_finish(&out);
}

static void a_body(void **state) {
    (void)state;
    take(whole, 1, "Wikipedia in chunks.");
    take("0\r\n\r\nGET / HTTP/1.1", 1, "");
    take("3\r\nab", 0, "ab");
}

/* However it is cut: the same, and only its last byte is its end. */
static void in_pieces(void **state) {
    (void)state;
    for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
        tr_chunks_t chunks = {0};
        tr_buffer_t out;
        tr_buffer_init(&out, 0);
        assert_int_equal(tr_chunks_take(&chunks, whole, cut, &out), 0);
        assert_int_equal(tr_chunks_take(&chunks, whole + cut, sizeof whole - 1 - cut, &out), 1);
        assert_string_equal(tr_buffer_string(&out), "Wikipedia in chunks.");
        tr_buffer_finish(&out);
    }
}

static void what_are_no_chunks(void **state) {
    static const char *const wrong[] = {"\r\n", "x", "-1\r\n", "4\nWiki", "4\r\nWikix", "4\r\nWiki\rx",
        "100000000\r\n", "0\r\nno line\n", ";x\r\n", "4\rx"};
    char line[TR_CHUNKS_LINE_MAX + 8] = "4;";
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        take(wrong[i], -EBADMSG, NULL);
    memset(line + 2, 'x', TR_CHUNKS_LINE_MAX);
    take(line, -EBADMSG, NULL);
    char *ends = calloc(1, 2 * TR_CHUNKS_ENDS_MAX + 16);
    strcpy(ends, "0\r\n");
    for (size_t at = 3; at < TR_CHUNKS_ENDS_MAX + 8; at += 4)
        memcpy(ends + at, "a:\r\n", 4);
    take(ends, -EBADMSG, NULL);
    free(ends);
}

static void a_limit_holds(void **state) {
    tr_chunks_t chunks = {0};
    tr_buffer_t out;
    (void)state;
    tr_buffer_init(&out, 8);
    assert_int_equal(tr_chunks_take(&chunks, whole, sizeof whole - 1, &out), 1);
    assert_true(out.failed);
    assert_true(out.size <= 8);
    tr_buffer_finish(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(what_are_no_chunks),
        cmocka_unit_test(a_limit_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
