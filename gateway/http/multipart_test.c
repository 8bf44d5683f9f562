#include "gateway/http/multipart.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(name) "Content-Disposition: form-data; name=\"" name "\""

static const char form[] =
    "--b1\r\n" HEAD("file") "; filename=\"a.webm\"\r\nContent-Type: audio/webm\r\n\r\n"
                            "\x1a\r\n--b\r\n--b2\r\n--\r\n--b1\r\ncontent-disposition: form-data; "
                            "name=model\r\n"
                            "X: y\r\n\r\n";

static bool is(tr_multipart_text_t text, const char *expected) {
    return text.at && text.len == strlen(expected) && memcmp(text.at, expected, text.len) == 0;
}

static int parse(const char *bytes, tr_multipart_part_t parts[TR_MULTIPART_PARTS_MAX], const char **why) {
    return tr_multipart_parse("b1", bytes, strlen(bytes), parts, why);
}

static void boundaries(void **state) {
    char out[TR_MULTIPART_BOUNDARY_MAX + 1] = "";
    char longest[128] = "multipart/form-data; boundary=";
    (void)state;
    assert_true(tr_multipart_boundary("multipart/form-data; boundary=----WebKit7", out));
    assert_string_equal(out, "----WebKit7");
    assert_true(tr_multipart_boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a b:c\"; x=y", out));
    assert_string_equal(out, "a b:c");
    assert_true(tr_multipart_boundary("multipart/form-data;boundary=x;y=z", out));
    assert_string_equal(out, "x");
    memset(longest + strlen(longest), 'z', 70);
    assert_true(tr_multipart_boundary(longest, out));
    assert_int_equal(strlen(out), 70);
    strcat(longest, "z");
    static const char *const wrong[] = {"", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a\"b", "multipart/form-dataset; boundary=a",
        "multipart/mixed; boundary=a", "application/json"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(tr_multipart_boundary(wrong[i], out));
    assert_false(tr_multipart_boundary(longest, out));
}

static void parts_are_found(void **state) {
    static const char good[] = "a preamble\r\n--b1 \r\n" HEAD(
        "file") "; filename=\"a.webm\"\r\nContent-Type: audio/webm\r\n\r\n"
                "\x1a\r\n--b\r\n--b2\r\n--\r\n--b1\r\ncontent-disposition: form-data;NAME=\"model\"\r\n"
                "X: y\r\n\r\n\r\n--b1\r\n" HEAD(
                    "say \\\"it\\\"") "; x=\"filename=\\\"no\\\"\"\r\n\r\nwords\r\n--b1--\r\nmore";
    tr_multipart_part_t parts[TR_MULTIPART_PARTS_MAX];
    const char *why = NULL;
    (void)state;
    assert_int_equal(parse(good, parts, &why), 3);
    assert_true(is(parts[0].name, "file") && is(parts[0].file_name, "a.webm"));
    assert_true(is(parts[0].bytes, "\x1a\r\n--b\r\n--b2\r\n--"));
    assert_true(is(parts[1].name, "model") && !parts[1].file_name.at && is(parts[1].bytes, ""));
    assert_true(is(parts[2].name, "say \\\"it\\\"") && !parts[2].file_name.at && is(parts[2].bytes, "words"));
    assert_int_equal(parse("--b1--", parts, &why), 0);
}

/* At every byte, in a room of its own, so that a sanitizer sees what is read behind it. */
static void what_is_cut_is_refused(void **state) {
    static const char whole[] = "--b1\r\n" HEAD("file") "; filename=\"a\"\r\n\r\nbytes\r\n--b1--";
    tr_multipart_part_t parts[TR_MULTIPART_PARTS_MAX];
    const char *why = NULL;
    (void)state;
    assert_int_equal(tr_multipart_parse("b1", whole, sizeof whole - 1, parts, &why), 1);
    for (size_t cut = 0; cut < sizeof whole - 1; cut++) {
        char *copy = malloc(cut + 1);
        memcpy(copy, whole, cut);
        why = NULL;
        assert_int_equal(tr_multipart_parse("b1", copy, cut, parts, &why), -EINVAL);
        assert_non_null(why);
        free(copy);
    }
}

static void what_is_wrong_is_refused(void **state) {
    static const char *const wrong[] = {"", "no boundary", "--b1x\r\n" HEAD("a") "\r\n\r\nx\r\n--b1--",
        "--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b1--", "--b1\r\n" HEAD("") "\r\n\r\nx\r\n--b1--",
        "--b1\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b1--", form};
    tr_multipart_part_t parts[TR_MULTIPART_PARTS_MAX];
    const char *why = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(parse(wrong[i], parts, &why), -EINVAL);
    char many[8192] = "--b1", large[TR_MULTIPART_HEAD_MAX + 256] = "--b1\r\n" HEAD("a") "\r\nX: ";
    for (int i = 0; i <= TR_MULTIPART_PARTS_MAX; i++)
        strcat(many, "\r\n" HEAD("a") "\r\n\r\nx\r\n--b1");
    strcat(many, "--");
    assert_int_equal(parse(many, parts, &why), -EINVAL);
    memset(large + strlen(large), 'x', TR_MULTIPART_HEAD_MAX);
    strcat(large, "\r\n\r\nx\r\n--b1--");
    assert_int_equal(parse(large, parts, &why), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries),
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
