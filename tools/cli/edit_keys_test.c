#include "tools/cli/edit_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PASTE(text) "\033[200~" text "\033[201~"

/* All that comes of these keys, a paste between < and >; given in two pieces. */
static char *taken(const char *bytes, size_t len, size_t cut) {
    tr_edit_keys_t keys = {0};
    tr_buffer_t out = {0};
    for (int piece = 0; piece < 2; piece++) {
        uint32_t code = 0;
        tr_edit_key_t key;
        tr_edit_keys_put(&keys, piece ? bytes + cut : bytes, piece ? len - cut : cut);
        while ((key = tr_edit_keys_next(&keys, &code)) != TR_EDIT_NONE)
            if (key == TR_EDIT_PASTE)
                tr_buffer_printf(&out, "<%s>", tr_buffer_string(&keys.paste));
            else if (code < 0x80)
                tr_buffer_char(&out, code == 033 ? 'E' : (char)code);
            else
                tr_buffer_printf(&out, "{%X}", code);
    }
    tr_edit_keys_finish(&keys);
    return out.data ? out.data : strdup("");
}

static void test_keys_and_pastes(void **state) {
    (void)state;
    static const struct {
        const char *keys, *taken;
    } rows[] = {
        {"a\xc3\xa4\n", "a{E4}\n"},
        {"\033[A\033[20~x", "E[AE[20~x"},
        {"\xff\200b", "{FFFD}{FFFD}b"},
        {"a" PASTE("one\rtwo\r\nthree\n\n") "b", "a<one\ntwo\nthree>b"},
        {PASTE("\033[2Jx\x07\ty\xc2\x9b\xff") PASTE(""), "<[2Jx\ty><>"},
        {PASTE("/forget\nnow") "\r", "</forget\nnow>\r"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].keys);
        for (size_t cut = 0; cut <= len; cut++) {
            char *out = taken(rows[i].keys, len, cut);
            assert_string_equal(out, rows[i].taken);
            free(out);
        }
    }
}

/* What has no end is bounded, and what comes then is of it, too. */
static void test_a_paste_without_an_end(void **state) {
    (void)state;
    uint32_t code;
    tr_edit_keys_t keys = {0};
    size_t len = TR_EDIT_PASTE_MAX + 100;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    memcpy(bytes, "\033[200~", 6);
    tr_edit_keys_put(&keys, bytes, len);
    assert_int_equal(tr_edit_keys_next(&keys, &code), TR_EDIT_PASTE);
    size_t first = keys.paste.size;
    assert_in_range(first, TR_EDIT_PASTE_MAX - 100, TR_EDIT_PASTE_MAX);
    assert_int_equal(tr_edit_keys_next(&keys, &code), TR_EDIT_NONE);
    tr_edit_keys_put(&keys, "\033[201~", 6);
    assert_int_equal(tr_edit_keys_next(&keys, &code), TR_EDIT_PASTE);
    assert_int_equal(first + keys.paste.size, len - 6);
    assert_int_equal(tr_edit_keys_next(&keys, &code), TR_EDIT_NONE);
    tr_edit_keys_finish(&keys);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_pastes),
        cmocka_unit_test(test_a_paste_without_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
