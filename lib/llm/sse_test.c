#include "lib/llm/sse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 200

/* Events as text: "name=data;" each. */
static bool gather(void *arg, const char *name, char *data, size_t len) {
    assert_int_equal(strlen(data), len);
    tr_buffer_printf(arg, "%s=%s;", name, data);
    return true;
}

static bool refuse(void *arg, const char *name, char *data, size_t len) {
    (void)name, (void)data, (void)len;
    ++*(int *)arg;
    return false;
}

/* Cut into pieces of so many bytes, and first of all at `cut`. */
static void read_cut(const char *stream, size_t cut, size_t piece, const char *expected) {
    tr_llm_sse_t sse;
    tr_buffer_t got;
    size_t len = strlen(stream);
    tr_llm_sse_init(&sse, LIMIT);
    tr_buffer_init(&got, 0);
    assert_int_equal(tr_llm_sse_feed(&sse, stream, cut, gather, &got), 0);
    for (size_t at = cut; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        char *copy = malloc(n); /* of its own, so that reading beyond it is seen */
        memcpy(copy, stream + at, n);
        assert_int_equal(tr_llm_sse_feed(&sse, copy, n, gather, &got), 0);
        free(copy);
    }
    assert_string_equal(tr_buffer_string(&got), expected);
    tr_buffer_finish(&got);
    tr_llm_sse_finish(&sse);
}

static void test_every_cut_gives_the_same_events(void **state) {
    static const struct {
        const char *stream, *expected;
    } cases[] = {
        {"data: one\n\ndata: two\n\n", "message=one;message=two;"},
        {"data: one\r\n\r\ndata: two\r\n\r\n", "message=one;message=two;"},
        {"data: one\r\rdata: two\r\r", "message=one;message=two;"},
        {"data: a\ndata: b\n\n", "message=a\nb;"},
        {"data\n\n", "message=;"},
        {"data:\ndata:\n\n", "message=\n;"},
        {"data:no space\n\ndata:  two spaces\n\n", "message=no space;message= two spaces;"},
        {": a comment\ndata: x\n: another\n\n", "message=x;"},
        {"event: ping\n\ndata: x\n\n", "message=x;"},
        {"event: delta\ndata: x\n\ndata: y\n\n", "delta=x;message=y;"},
        {"id: 7\nretry: 100\nunknown: z\ndata: x\n\n", "message=x;"},
        {"\xEF\xBB\xBF"
         "data: marked\n\n",
            "message=marked;"},
        {"data: \xC3\xA4\xE2\x82\xAC\n\n", "message=\xC3\xA4\xE2\x82\xAC;"},
        {"data: ended in the middle\n", ""},
        {"data: whole\n\ndata: half", "message=whole;"},
        {"\n\n\n", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t cut = 0; cut <= strlen(cases[i].stream); cut++)
            for (size_t piece = 1; piece < 5; piece++)
                read_cut(cases[i].stream, cut, piece, cases[i].expected);
}

static void test_a_listener_ends_it(void **state) {
    tr_llm_sse_t sse;
    int calls = 0;
    (void)state;
    tr_llm_sse_init(&sse, LIMIT);
    assert_int_equal(tr_llm_sse_feed(&sse, "data: 1\n\ndata: 2\n\n", 18, refuse, &calls), 1);
    assert_int_equal(calls, 1);
    tr_llm_sse_finish(&sse);
}

static void test_what_is_too_long_is_refused(void **state) {
    (void)state;
    for (int one_line = 0; one_line < 2; one_line++) {
        tr_llm_sse_t sse;
        tr_buffer_t got;
        int r = 0;
        tr_llm_sse_init(&sse, LIMIT);
        tr_buffer_init(&got, 0);
        const char *more = one_line ? "xxxxxxxxxx" : "data: xx\n";
        for (int i = 0; i < 100 && r == 0; i++)
            r = tr_llm_sse_feed(&sse, more, strlen(more), gather, &got);
        assert_int_equal(r, -EMSGSIZE);
        assert_true(sse.line.size + sse.data.size <= 2 * LIMIT);
        tr_buffer_finish(&got);
        tr_llm_sse_finish(&sse);
    }
}

static void test_a_long_name_is_cut(void **state) {
    char stream[LIMIT] = "event: ", expected[LIMIT];
    (void)state;
    memset(stream + 7, 'n', 100);
    strcpy(stream + 107, "\ndata: x\n\n");
    memset(expected, 'n', TR_LLM_SSE_NAME_MAX);
    strcpy(expected + TR_LLM_SSE_NAME_MAX, "=x;");
    read_cut(stream, 0, 3, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_gives_the_same_events),
        cmocka_unit_test(test_a_listener_ends_it),
        cmocka_unit_test(test_what_is_too_long_is_refused),
        cmocka_unit_test(test_a_long_name_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
