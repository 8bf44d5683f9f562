/* A place in a file that is known again by what stands before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/tail.h"

#include <unistd.h>

static void the_last_bytes_in_pieces_of_any_size(void **state) {
    char all[600];
    tr_tail_t tail = {0};
    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)(i * 7);
    for (size_t at = 0, step = 1; at + step <= sizeof all; at += step, step = step * 2 % 251) {
        tr_tail_pass(&tail, all + at, step);
        size_t end = at + step;
        assert_int_equal(tail.len, end < TR_TAIL_MAX ? end : TR_TAIL_MAX);
        assert_memory_equal(tail.bytes, all + end - tail.len, tail.len);
        assert_int_equal(tr_tail_find(&tail, all, end), end);
    }
}

static void where_it_is(void **state) {
    tr_tail_t tail = {0};
    (void)state;
    assert_int_equal(tr_tail_find(&tail, "abc", 3), -1); /* nothing is known */
    tr_tail_pass(&tail, "ab", 2);
    assert_int_equal(tr_tail_find(&tail, "abxabx", 6), 5);
    assert_int_equal(tr_tail_find(&tail, "ab", 2), 2);
    assert_int_equal(tr_tail_find(&tail, "a", 1), -1);
    assert_int_equal(tr_tail_find(&tail, "axb", 3), -1);
}

static void in_a_file(void **state) {
    tr_tail_t tail = {0};
    FILE *file = tmpfile();
    (void)state;
    assert_non_null(file);
    fputs("one\ntwo\n", file);
    fflush(file);
    int fd = fileno(file);
    assert_true(tr_tail_stands(&tail, fd, 4));
    tr_tail_read(&tail, fd, 4);
    assert_int_equal(tail.len, 4);
    assert_true(tr_tail_stands(&tail, fd, 4));
    assert_false(tr_tail_stands(&tail, fd, 8));
    assert_false(tr_tail_stands(&tail, fd, 2));
    assert_false(tr_tail_stands(&tail, fd, 100));
    tr_tail_read(&tail, fd, 100); /* it is not as long */
    assert_int_equal(tail.len, 0);
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_bytes_in_pieces_of_any_size),
        cmocka_unit_test(where_it_is),
        cmocka_unit_test(in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
