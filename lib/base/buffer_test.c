#include "lib/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_ends_with_nul(void **state) {
    (void)state;
    tr_buffer_t buffer;
    tr_buffer_init(&buffer, 0);
    assert_string_equal(tr_buffer_string(&buffer), "");
    for (int i = 0; i < 1000; i++)
        tr_buffer_printf(&buffer, "%d,", i % 10);
    tr_buffer_text(&buffer, "end");
    tr_buffer_char(&buffer, '.');
    assert_int_equal(buffer.size, 2004);
    assert_string_equal(tr_buffer_string(&buffer) + 1998, "9,end.");
    assert_false(buffer.failed);
    tr_buffer_finish(&buffer);
    assert_int_equal(buffer.size, 0);
    tr_buffer_text(&buffer, "again");
    assert_string_equal(tr_buffer_string(&buffer), "again");
    tr_buffer_finish(&buffer);
}

static void limit_is_sticky(void **state) {
    (void)state;
    tr_buffer_t buffer;
    tr_buffer_init(&buffer, 8);
    tr_buffer_text(&buffer, "12345678");
    assert_false(buffer.failed);
    tr_buffer_char(&buffer, '9');
    assert_true(buffer.failed);
    tr_buffer_printf(&buffer, "%s", "");
    tr_buffer_put(&buffer, "", 0);
    assert_true(buffer.failed);
    assert_string_equal(tr_buffer_string(&buffer), "12345678");
    tr_buffer_finish(&buffer);
    assert_false(buffer.failed);
}

/* What is put in and taken out again, with some of it always left, needs no more room than was left at most. */
static void what_is_dropped_needs_no_room(void **state) {
    (void)state;
    tr_buffer_t buffer;
    tr_buffer_init(&buffer, 64);
    tr_buffer_drop(&buffer, 0);
    for (int i = 0; i < 1000; i++) {
        tr_buffer_printf(&buffer, "%04d", i);
        if (i >= 8)
            tr_buffer_drop(&buffer, 4);
    }
    assert_false(buffer.failed);
    assert_string_equal(tr_buffer_string(&buffer), "09920993099409950996099709980999");
    tr_buffer_drop(&buffer, buffer.size);
    assert_string_equal(tr_buffer_string(&buffer), "");
    tr_buffer_finish(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_ends_with_nul),
        cmocka_unit_test(limit_is_sticky),
        cmocka_unit_test(what_is_dropped_needs_no_room),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
