#include "lib/text/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text/textbuf.h"
#include "lib/text/vocabulary.h"

static void decodes_what_is_valid_and_nothing_else(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length, expected;
        uint32_t code;
    } cases[] = {
        {"A", 1, 1, 'A'},
        {"\xC3\xA9", 2, 2, 0xE9},
        {"\xE2\x82\xAC", 3, 3, 0x20AC},
        {"\xF0\x9F\x98\x80", 4, 4, 0x1F600},
        {"\xC0\x80", 2, 0, 0},
        {"\xE0\x80\x80", 3, 0, 0},
        {"\xED\xA0\x80", 3, 0, 0},
        {"\xF4\x90\x80\x80", 4, 0, 0},
        {"\xE2\x82", 2, 0, 0},
        {"\x80", 1, 0, 0},
        {"\xFF", 1, 0, 0},
        {"\xC3(", 2, 0, 0},
        {"", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code = 0;
        assert_int_equal(tr_utf8_decode(cases[i].bytes, cases[i].length, &code), cases[i].expected);
        if (cases[i].expected > 0)
            assert_int_equal(code, cases[i].code);
    }
}

static void each_code_point_survives_the_round_trip(void **state) {
    (void)state;
    for (uint32_t code = 1; code <= 0x10FFFF; code++) {
        char bytes[4];
        uint32_t back = 0;
        size_t size = tr_utf8_encode(code, bytes);
        assert_int_equal(tr_utf8_decode(bytes, size, &back), size);
        assert_int_equal(back, code >= 0xD800 && code <= 0xDFFF ? 0xFFFD : code);
        assert_int_equal(tr_utf8_lower(tr_utf8_lower(code)), tr_utf8_lower(code));
    }
}

static void previous_is_the_reverse_of_next(void **state) {
    (void)state;
    const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFFz";
    size_t ends[16], count = 0;
    uint32_t code;
    for (size_t at = 0; at < sizeof text - 1;) {
        at += tr_utf8_next(text + at, sizeof text - 1 - at, &code);
        ends[count++] = at;
    }
    for (size_t i = count; i-- > 0;)
        assert_int_equal(tr_utf8_previous(text, ends[i], &code), ends[i] - (i > 0 ? ends[i - 1] : 0));
    assert_int_equal(tr_utf8_previous(text, 0, &code), 0);
}

static void lowers_the_scripts_that_have_case(void **state) {
    (void)state;
    char out[64];
    tr_utf8_lower_copy("ÄÖÜ ÉÇ ŁŻ ŽŠ ΑΩ ДЯ Ÿ", strlen("ÄÖÜ ÉÇ ŁŻ ŽŠ ΑΩ ДЯ Ÿ"), out, sizeof out);
    assert_string_equal(out, "äöü éç łż žš αω дя ÿ");
    assert_int_equal(tr_utf8_lower_copy("ÄÖ", 4, out, 4), 2); /* cut at a whole code point */
    assert_string_equal(out, "ä");
}

static void cuts_between_characters(void **state) {
    (void)state;
    static const char text[] = "aé€\xF0\x9F\x98\x80z"; /* of 1, 2, 3, 4 and 1 bytes */
    static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t most = 0; most < sizeof ends / sizeof *ends; most++)
        assert_int_equal(tr_utf8_cut(text, sizeof text - 1, most), ends[most]);
}

static void what_is_broken_is_dropped(void **state) {
    (void)state;
    static const struct {
        const char *text, *left;
    } cases[] = {{"", ""}, {"a€b", "a€b"}, {"\xE2\x82", ""}, {"a\xE2\x82z\xFF", "az"}, {"\x80é\xC3", "é"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[16];
        strcpy(text, cases[i].text);
        text[tr_utf8_drop_broken(text, strlen(text))] = '\0';
        assert_string_equal(text, cases[i].left);
    }
}

static void numbers_stay_and_are_dense(void **state) {
    (void)state;
    tr_vocabulary_t *vocabulary = tr_vocabulary_new();
    assert_non_null(vocabulary);
    char name[32];
    for (uint32_t i = 0; i < 5000; i++) {
        int length = snprintf(name, sizeof name, "word%u", i);
        assert_int_equal(tr_vocabulary_add(vocabulary, name, (size_t)length), i);
    }
    for (uint32_t i = 0; i < 5000; i += 7) {
        int length = snprintf(name, sizeof name, "word%u", i);
        assert_int_equal(tr_vocabulary_add(vocabulary, name, (size_t)length), i);
        assert_string_equal(tr_vocabulary_string(vocabulary, i), name);
    }
    assert_int_equal(tr_vocabulary_count(vocabulary), 5000);
    assert_int_equal(tr_vocabulary_find(vocabulary, "word", 4), TR_VOCABULARY_NONE);
    assert_int_equal(tr_vocabulary_add(vocabulary, "a\0b", 3), TR_VOCABULARY_NONE);
    tr_vocabulary_destroy(&vocabulary);
    tr_vocabulary_destroy(&vocabulary);
    assert_null(vocabulary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_is_valid_and_nothing_else),
        cmocka_unit_test(each_code_point_survives_the_round_trip),
        cmocka_unit_test(previous_is_the_reverse_of_next),
        cmocka_unit_test(lowers_the_scripts_that_have_case),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(what_is_broken_is_dropped),
        cmocka_unit_test(numbers_stay_and_are_dense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
