#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base64.h"

static void knows_the_examples_of_rfc_4648(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        uint8_t bytes[16];
        size_t len = 99;
        tr_base64_encode(rows[i][0], strlen(rows[i][0]), text);
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(tr_base64_encoded_size(strlen(rows[i][0])), strlen(text));
        assert_int_equal(tr_base64_decode(text, strlen(text), bytes, &len), 0);
        assert_int_equal(len, strlen(rows[i][0]));
        assert_memory_equal(bytes, rows[i][0], len);
    }
}

static void every_byte_comes_back(void **state) {
    (void)state;
    uint8_t bytes[256], back[258];
    char text[345];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(255 - i);
    size_t len = 0;
    tr_base64_encode(bytes, sizeof bytes, text);
    assert_int_equal(tr_base64_decode(text, strlen(text), back, &len), 0);
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(bytes, back, len);
}

static void refuses_what_is_not_strict(void **state) {
    (void)state;
    static const char *const rows[] = {"Z", "Zg", "Zg=", "=", "====", "Z===", "Zg==Zg==", "Zm=v",
        "Zm9v=", "Zh==", "Zm9=", "Zm 9", "Zm9\n", "Zm-_", "Zm9\xff"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[16];
        size_t len = 99;
        if (tr_base64_decode(rows[i], strlen(rows[i]), bytes, &len) != -EINVAL)
            fail_msg("accepted \"%s\"", rows[i]);
        assert_int_equal(len, 99);
    }
    uint8_t bytes[4];
    size_t len;
    assert_int_equal(tr_base64_decode("Zm9\0", 4, bytes, &len), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_examples_of_rfc_4648),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(refuses_what_is_not_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
