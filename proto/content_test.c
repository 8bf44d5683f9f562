#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/content.h"

#define CHECK(text) tr_content_check(text, sizeof(text) - 1)

/* A copy on the heap, so that the sanitizer sees a read past the end. */
static int check_exact(const void *bytes, size_t len) {
    void *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    int r = tr_content_check(copy, len);
    tr_content_t content;
    int r2 = tr_content_init(&content, copy, len);
    assert_int_equal(r, r2);
    if (r2 == 0)
        tr_content_finish(&content);
    free(copy);
    return r;
}

/* One of every form of msgpack, in one array. */
static const char every_form[] =
    "\xdc\x00\x29"
    "\x00\x7f\xff\xe0"                                        /* small integers */
    "\x80\x81\xa1k\x01\x90\x91\xc0\xa0\xa1x"                  /* fix map, array, str */
    "\xc0\xc2\xc3"                                            /* nil, false, true */
    "\xc4\x01z\xc5\x00\x01z\xc6\x00\x00\x00\x01z"             /* bin */
    "\xc7\x01\x05z\xc8\x00\x01\x05z\xc9\x00\x00\x00\x01\x05z" /* ext */
    "\xca\x3f\x80\x00\x00\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"
    "\xcc\xff\xcd\xff\xff\xce\xff\xff\xff\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00\x00"
    "\xd4\x01z\xd5\x01zz\xd6\x01zzzz\xd7\x01zzzzzzzz\xd8\x01zzzzzzzzzzzzzzzz"
    "\xd9\x01z\xda\x00\x01z\xdb\x00\x00\x00\x01z"
    "\xdc\x00\x01\xc0\xdd\x00\x00\x00\x01\xc0"
    "\xde\x00\x01\xa1k\x01\xdf\x00\x00\x00\x01\xa1k\x01";

static void accepts_every_form(void **state) {
    (void)state;
    tr_content_t content;
    assert_int_equal(tr_content_init(&content, every_form, sizeof every_form - 1), 0);
    assert_int_equal(tr_value_size(&content.root), 0x29);
    assert_int_equal(tr_value_int(tr_value_at(&content.root, 2), 0), -1);
    assert_int_equal(tr_value_int(tr_value_get(tr_value_at(&content.root, 40), "k"), 0), 1);
    tr_content_finish(&content);
    tr_content_finish(&content);
}

static void truncation_at_every_byte_is_refused(void **state) {
    (void)state;
    for (size_t len = 0; len < sizeof every_form - 1; len++)
        assert_int_equal(check_exact(every_form, len), -EBADMSG);
    assert_int_equal(check_exact(every_form, sizeof every_form - 1), 0);
    assert_int_equal(tr_content_check(NULL, 0), -EBADMSG);
}

static void trailing_bytes_are_refused(void **state) {
    (void)state;
    assert_int_equal(check_exact(every_form, sizeof every_form), -EBADMSG); /* its NUL */
    assert_int_equal(CHECK("\xc0\xc0"), -EBADMSG);
    assert_int_equal(CHECK("\x91\x01\x02"), -EBADMSG);
    assert_int_equal(CHECK("\x80\x00"), -EBADMSG);
}

static void lengths_that_lie_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bombs[] = {
        {"\xdd\xff\xff\xff\xff", 5},             /* array 32: 96 GB for five bytes */
        {"\xdf\xff\xff\xff\xff", 5},             /* map 32 */
        {"\xdf\x80\x00\x00\x00", 5},             /* map 32: twice that overflows 32 bits to nothing */
        {"\xdb\xff\xff\xff\xff", 5},             /* str 32 */
        {"\xc6\xff\xff\xff\xff", 5},             /* bin 32 */
        {"\xc9\xff\xff\xff\xff\x01", 6},         /* ext 32 */
        {"\xdc\xff\xff", 3},                     /* array 16 */
        {"\xde\xff\xff", 3},                     /* map 16 */
        {"\xda\xff\xff", 3},                     /* str 16 */
        {"\xc5\xff\xff", 3},                     /* bin 16 */
        {"\xc8\xff\xff\x01", 4},                 /* ext 16 */
        {"\x9f\xc0", 2},                         /* fix array */
        {"\x82\xc0\xc0\xc0", 4},                 /* fix map: one value short */
        {"\xbf", 1},                             /* fix str */
        {"\xdd\x00\x00\x00\x02\xc0", 6},         /* one element short */
        {"\x91\xdd\xff\xff\xff\xff\xc0\xc0", 8}, /* inside */
        {"\x81\xa1k\xdf\xff\xff\xff\xff\xc0\xc0", 10},
        {"\xc1", 1}, /* the byte that msgpack never uses */
        {"\x92\xc0\xc1", 3},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++)
        if (check_exact(bombs[i].bytes, bombs[i].len) != -EBADMSG)
            fail_msg("bomb %zu was accepted", i);
}

/* Each first byte alone, and before bytes that claim the most. */
static void every_first_byte_is_survived(void **state) {
    (void)state;
    uint8_t bytes[40];
    for (unsigned first = 0; first < 256; first++)
        for (size_t len = 1; len <= sizeof bytes; len++) {
            memset(bytes, 0xff, sizeof bytes);
            bytes[0] = (uint8_t)first;
            int r = check_exact(bytes, len);
            assert_true(r == 0 || r == -EBADMSG || r == -E2BIG);
        }
}

static void depth_is_limited(void **state) {
    (void)state;
    uint8_t arrays[TR_CONTENT_DEPTH_MAX + 1];
    uint8_t maps[2 * TR_CONTENT_DEPTH_MAX + 1]; /* each a map of one entry, whose key is 1 */
    uint8_t *array_core = &arrays[sizeof arrays - 1], *map_core = &maps[sizeof maps - 1];
    memset(arrays, 0x91, sizeof arrays);
    for (size_t i = 0; i < sizeof maps; i++)
        maps[i] = i % 2 ? 0x01 : 0x81;
    *array_core = *map_core = 0xc0;
    assert_int_equal(check_exact(arrays, sizeof arrays), 0);
    assert_int_equal(check_exact(maps, sizeof maps), 0);
    *array_core = *map_core = 0x90; /* an empty one is a level too */
    assert_int_equal(check_exact(arrays, sizeof arrays), -E2BIG);
    assert_int_equal(check_exact(maps, sizeof maps), -E2BIG);
    enum { DEEP = 100000 };
    uint8_t *deep = malloc(DEEP);
    assert_non_null(deep);
    memset(deep, 0x91, DEEP);
    assert_int_equal(tr_content_check(deep, DEEP), -E2BIG);
    free(deep);
}

/* Closing a level gives its depth back: many shallow ones are no deep one. */
static void width_is_not_depth(void **state) {
    (void)state;
    uint8_t bytes[5 + 3 * 1000] = {0xdd, 0, 0, 1000 >> 8, 1000 & 0xff};
    for (size_t i = 5; i < sizeof bytes; i += 3)
        memcpy(bytes + i, "\x91\x91\x90", 3);
    assert_int_equal(check_exact(bytes, sizeof bytes), 0);
}

static void values_are_found_and_typed(void **state) {
    (void)state;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 8);
    tr_write_kv(&w, "text", "hall\xc3\xb6");
    tr_write_kv_int(&w, "min", INT64_MIN);
    tr_write_kv_uint(&w, "max", UINT64_MAX);
    tr_write_kv_double(&w, "half", 0.5);
    tr_write_kv_double(&w, "three", 3.0);
    tr_write_kv_bool(&w, "yes", true);
    tr_write_str(&w, "list");
    tr_write_array(&w, 2);
    tr_write_int(&w, 1);
    tr_write_double(&w, (double)NAN);
    tr_write_kv(&w, "text", "the second of its name");
    const void *bytes;
    size_t len;
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    tr_content_t content;
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    tr_value_t root = &content.root;

    assert_true(tr_value_is_map(root));
    assert_false(tr_value_is_array(root));
    assert_int_equal(tr_value_size(root), 8);
    assert_true(tr_value_equals(tr_value_get(root, "text"), "hall\xc3\xb6"));
    assert_false(tr_value_equals(tr_value_get(root, "text"), "hall"));
    assert_true(tr_value_int(tr_value_get(root, "min"), 0) == INT64_MIN);
    assert_int_equal(tr_value_int(tr_value_get(root, "max"), -7), -7);
    assert_true(tr_value_double(tr_value_get(root, "max"), 0) > 1.8e19);
    assert_true(tr_value_double(tr_value_get(root, "half"), 0) == 0.5);
    assert_int_equal(tr_value_int(tr_value_get(root, "half"), -7), -7);
    assert_int_equal(tr_value_int(tr_value_get(root, "three"), -7), 3);
    assert_true(tr_value_bool(tr_value_get(root, "yes"), false));
    assert_false(tr_value_bool(tr_value_get(root, "text"), false));
    tr_value_t list = tr_value_get(root, "list");
    assert_true(tr_value_is_array(list));
    assert_int_equal(tr_value_int(tr_value_at(list, 0), 0), 1);
    assert_int_equal(tr_value_int(tr_value_at(list, 1), -7), -7);
    assert_null(tr_value_at(list, 2));
    assert_null(tr_value_at(root, 0));
    assert_null(tr_value_get(list, "text"));
    assert_null(tr_value_get(root, "nothing"));
    tr_content_finish(&content);
    tr_content_writer_finish(&w);
}

static void absence_gives_the_default(void **state) {
    (void)state;
    size_t len = 9;
    char out[4];
    assert_null(tr_value_get(NULL, "a"));
    assert_null(tr_value_at(NULL, 0));
    assert_int_equal(tr_value_size(NULL), 0);
    assert_false(tr_value_is_map(NULL) || tr_value_is_array(NULL) || tr_value_is_str(NULL));
    assert_null(tr_value_str(NULL, &len));
    assert_int_equal(len, 9);
    assert_int_equal(tr_value_copy(NULL, out, sizeof out), -ENOENT);
    assert_false(tr_value_equals(NULL, "a"));
    assert_int_equal(tr_value_int(NULL, 4), 4);
    assert_true(tr_value_double(NULL, 4.5) == 4.5);
    assert_true(tr_value_bool(NULL, true));
}

static void text_is_copied_within_its_room(void **state) {
    (void)state;
    tr_content_t content;
    char out[4] = "???";
    assert_int_equal(tr_content_init(&content,
                         "\xa3"
                         "abc",
                         4),
        0);
    assert_int_equal(tr_value_copy(&content.root, out, 3), -ENOSPC);
    assert_string_equal(out, "???");
    assert_int_equal(tr_value_copy(&content.root, out, 4), 0);
    assert_string_equal(out, "abc");
    tr_content_finish(&content);
    assert_int_equal(tr_content_init(&content,
                         "\xa3"
                         "a\0c",
                         4),
        0);
    assert_int_equal(tr_value_copy(&content.root, out, 4), -EINVAL);
    assert_false(tr_value_equals(&content.root, "a"));
    tr_content_finish(&content);
    assert_int_equal(tr_content_init(&content, "\x07", 1), 0);
    assert_int_equal(tr_value_copy(&content.root, out, 4), -ENOENT);
    tr_content_finish(&content);
}

/* A large content needs more than the arena's first chunk. */
static void a_large_content_is_read_whole(void **state) {
    (void)state;
    enum { N = 20000 };
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_array(&w, N);
    for (int i = 0; i < N; i++)
        tr_write_int(&w, i);
    const void *bytes;
    size_t len;
    tr_content_t content;
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    for (int i = 0; i < N; i++)
        assert_int_equal(tr_value_int(tr_value_at(&content.root, (size_t)i), -1), i);
    tr_content_finish(&content);
    tr_content_writer_finish(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_every_form),
        cmocka_unit_test(truncation_at_every_byte_is_refused),
        cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(every_first_byte_is_survived),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(width_is_not_depth),
        cmocka_unit_test(values_are_found_and_typed),
        cmocka_unit_test(absence_gives_the_default),
        cmocka_unit_test(text_is_copied_within_its_room),
        cmocka_unit_test(a_large_content_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
