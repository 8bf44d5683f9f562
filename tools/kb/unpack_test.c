#include "tools/kb/unpack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static size_t pack(const char *text, size_t len, char *out, size_t room) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
        .avail_in = (uInt)len,
        .next_out = (Bytef *)out,
        .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void what_was_packed_comes_back(void **state) {
    (void)state;
    char packed[256], *bytes = NULL;
    size_t len = pack("wind and water", 14, packed, sizeof packed), n = 0;
    assert_true(tr_kb_is_packed(packed, len));
    assert_false(tr_kb_is_packed("wind and water, as it is", 24));
    assert_int_equal(tr_kb_unpack(packed, len, 100, &bytes, &n), 0);
    assert_int_equal(n, 14);
    assert_memory_equal(bytes, "wind and water", 14);
    free(bytes);
}

static void it_is_bounded(void **state) {
    (void)state;
    char packed[4096], *large = calloc(1, 1 << 20), *bytes = NULL;
    size_t len = pack(large, 1 << 20, packed, sizeof packed), n = 0;
    assert_int_equal(tr_kb_unpack(packed, len, 1000, &bytes, &n), 0);
    assert_int_equal(n, 1001);
    free(bytes);
    free(large);
}

static void damage_is_told(void **state) {
    (void)state;
    char packed[256], *bytes = NULL;
    size_t len = pack("wind and water", 14, packed, sizeof packed), n = 0;
    assert_int_equal(tr_kb_unpack(packed, len - 9, 100, &bytes, &n), -EBADMSG);
    packed[len - 5] = (char)~packed[len - 5]; /* its sum */
    assert_int_equal(tr_kb_unpack(packed, len, 100, &bytes, &n), -EBADMSG);
    assert_null(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_comes_back),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
