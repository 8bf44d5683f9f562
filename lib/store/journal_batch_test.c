#include "lib/store/journal_batch.h"
#include "lib/store/journal_conformance.h"

#include <errno.h>

static void ops_come_out_as_they_went_in(void **state) {
    (void)state;
    tr_buffer_t bytes;
    tr_buffer_init(&bytes, 0);
    tr_journal_op_put(&bytes, TR_JOURNAL_PUT, "key", 3, "value", 5);
    tr_journal_op_put(&bytes, TR_JOURNAL_DELETE, "k", 1, NULL, 0);
    tr_journal_op_put(&bytes, TR_JOURNAL_DELETE_RANGE, "from", 4, "to", 2);
    assert_false(bytes.failed);
    assert_int_equal(bytes.size, 3 * TR_JOURNAL_OP_HEAD + 8 + 1 + 6);
    static const char *const expected[] = {"1 key value", "2 k ", "3 from to"};
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    tr_journal_reader_init(&reader, bytes.data, bytes.size);
    for (int i = 0; i < 3; i++) {
        char text[64];
        assert_int_equal(tr_journal_reader_next(&reader, &op), 1);
        snprintf(text, sizeof text, "%d %.*s %.*s", op.type, (int)op.key_len, (const char *)op.key,
            (int)op.value_len, (const char *)op.value);
        assert_string_equal(text, expected[i]);
    }
    assert_int_equal(tr_journal_reader_next(&reader, &op), 0);
    tr_buffer_finish(&bytes);
}

static void no_batch_is_read_beyond_its_end(void **state) {
    (void)state;
    tr_buffer_t bytes;
    tr_journal_reader_t reader;
    tr_journal_op_t op;
    tr_buffer_init(&bytes, 0);
    tr_journal_op_put(&bytes, TR_JOURNAL_PUT, "key", 3, "value", 5);
    for (size_t len = 1; len < bytes.size; len++) {
        char *cut = malloc(len); /* so that the sanitizer sees the end */
        memcpy(cut, bytes.data, len);
        tr_journal_reader_init(&reader, cut, len);
        assert_int_equal(tr_journal_reader_next(&reader, &op), -EBADMSG);
        free(cut);
    }
    memset(bytes.data + 1, 0xff, 8);
    tr_journal_reader_init(&reader, bytes.data, bytes.size);
    assert_int_equal(tr_journal_reader_next(&reader, &op), -EBADMSG);
    tr_journal_reader_init(&reader, NULL, 0);
    assert_int_equal(tr_journal_reader_next(&reader, &op), 0);
    tr_buffer_finish(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_come_out_as_they_went_in),
        cmocka_unit_test(no_batch_is_read_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
