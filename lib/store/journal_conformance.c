#include "lib/store/journal_conformance.h"

#include <errno.h>

tr_journal_t *open_store(const subject_t *subject) {
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    if (subject->open(subject->place, &j, &error) < 0)
        fail_msg("cannot open: %s", error.text);
    return j;
}

tr_journal_op_t put(const char *key, const char *value) {
    return (tr_journal_op_t){.type = TR_JOURNAL_PUT,
        .key = key,
        .key_len = strlen(key),
        .value = value,
        .value_len = strlen(value)};
}

tr_journal_op_t del(const char *key) {
    return (tr_journal_op_t){.type = TR_JOURNAL_DELETE, .key = key, .key_len = strlen(key)};
}

tr_journal_op_t del_range(const char *from, const char *to) {
    tr_journal_op_t op = put(from, to);
    op.type = TR_JOURNAL_DELETE_RANGE;
    return op;
}

void write_ops(tr_journal_t *j, const tr_journal_op_t *ops, size_t n, bool sync) {
    tr_error_t error = {0};
    if (tr_journal_write(j, ops, n, sync, &error) < 0)
        fail_msg("cannot write: %s", error.text);
}

static tr_journal_range_t range_of(const char *from, const char *to) {
    return (tr_journal_range_t){
        .from = from, .from_len = from ? strlen(from) : 0, .to = to, .to_len = to ? strlen(to) : 0};
}

static bool add_text(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    fprintf(arg, "%.*s=%.*s ", (int)key_len, (const char *)key, (int)value_len, (const char *)value);
    return true;
}

char *text_of(tr_journal_t *j, const char *from, const char *to) {
    char *text = NULL;
    size_t len = 0;
    tr_error_t error = {0};
    FILE *out = open_memstream(&text, &len);
    tr_journal_range_t range = range_of(from, to);
    int r = tr_journal_scan(j, &range, 0, add_text, out, &error);
    fclose(out);
    if (r < 0)
        fail_msg("cannot scan: %s", error.text);
    assert_int_equal(r, 0);
    return text;
}

static void assert_range(tr_journal_t *j, const char *from, const char *to, const char *expected) {
    char *text = text_of(j, from, to);
    assert_string_equal(text, expected);
    free(text);
}

void assert_holds(tr_journal_t *j, const char *text) {
    assert_range(j, NULL, NULL, text);
}

tr_journal_t *open_empty_store(const subject_t *subject) {
    tr_journal_t *j = open_store(subject);
    tr_journal_op_t all = del_range("\0", "\xff\xff\xff\xff");
    all.key_len = 1;
    write_ops(j, &all, 1, true);
    assert_holds(j, "");
    return j;
}

static tr_journal_t *empty_store(void **state) {
    return open_empty_store(*state);
}

static void ops_work_in_their_order(void **state) {
    tr_journal_t *j = empty_store(state);
    WRITE(j, true, put("b", "1"), put("a", "2"), put("c", "3"));
    assert_holds(j, "a=2 b=1 c=3 ");
    WRITE(j, false, put("a", "4"), del("a"), put("b", "5"), put("b", "6"), del("none"));
    assert_holds(j, "b=6 c=3 ");
    WRITE(j, true, del_range("a", "z"), put("b", "7"));
    assert_holds(j, "b=7 ");
    WRITE(j, true, put("d", "8"), del_range("a", "z"));
    assert_holds(j, "");
    WRITE(j, true, del("b"), put("b", "9"));
    assert_holds(j, "b=9 ");
    tr_journal_close(&j);
}

static void ranges_have_no_end_key(void **state) {
    tr_journal_t *j = empty_store(state);
    WRITE(j, true, put("a", "1"), put("ab", "2"), put("b", "3"), put("ba", "4"), put("c", "5"));
    assert_range(j, "ab", "ba", "ab=2 b=3 ");
    assert_range(j, "aa", "bz", "ab=2 b=3 ba=4 ");
    assert_range(j, NULL, "b", "a=1 ab=2 ");
    assert_range(j, "ba", NULL, "ba=4 c=5 ");
    assert_range(j, "c", "a", "");
    WRITE(j, true, del_range("ba", "ab"), del_range("b", "b"), del_range("b", ""));
    assert_range(j, NULL, NULL, "a=1 ab=2 b=3 ba=4 c=5 ");
    WRITE(j, true, del_range("ab", "ba"));
    assert_holds(j, "a=1 ba=4 c=5 ");
    tr_journal_close(&j);
}

typedef struct seen {
    size_t n, stop_at, key_len, value_len;
    uint8_t keys[600][4];
} seen_t;

static bool see(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    seen_t *seen = arg;
    (void)value;
    assert_true(seen->n < 600);
    memcpy(seen->keys[seen->n++], key, key_len < 4 ? key_len : 4);
    seen->key_len = key_len;
    seen->value_len = value_len;
    return seen->n != seen->stop_at;
}

static int scan_from(tr_journal_t *j, const void *from, size_t from_len, size_t limit, seen_t *seen) {
    tr_error_t error = {0};
    int r = tr_journal_scan(
        j, &(tr_journal_range_t){.from = from, .from_len = from_len}, limit, see, seen, &error);
    if (r < 0)
        fail_msg("cannot scan: %s", error.text);
    return r;
}

static void keys_sort_by_their_bytes(void **state) {
    tr_journal_t *j = empty_store(state);
    tr_journal_op_t ops[512];
    uint8_t keys[512][2];
    for (unsigned i = 0; i < 512; i++) { /* 0, 0 0, 1, 1 0 ... 255, 255 0, in another order */
        unsigned at = (i * 331) % 512;
        keys[i][0] = (uint8_t)(at / 2);
        keys[i][1] = 0;
        ops[i] = (tr_journal_op_t){
            .type = TR_JOURNAL_PUT, .key = keys[i], .key_len = 1 + at % 2, .value = keys[i], .value_len = 2};
    }
    write_ops(j, ops, 512, true);
    seen_t seen = {0};
    assert_int_equal(scan_from(j, NULL, 0, 0, &seen), 0);
    assert_int_equal(seen.n, 512);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(seen.keys[i][0], i / 2);
    write_ops(j,
        &(tr_journal_op_t){
            .type = TR_JOURNAL_DELETE_RANGE, .key = "", .key_len = 1, .value = "\x80", .value_len = 1},
        1, true);
    seen = (seen_t){0};
    assert_int_equal(scan_from(j, NULL, 0, 0, &seen), 0);
    assert_int_equal(seen.n, 256);
    assert_int_equal(seen.keys[0][0], 0x80);
    for (unsigned i = 0; i < 512; i++)
        ops[i].type = TR_JOURNAL_DELETE;
    write_ops(j, ops, 512, true);
    assert_holds(j, "");
    tr_journal_close(&j);
}

static void scans_come_in_portions(void **state) {
    tr_journal_t *j = empty_store(state);
    char value[1001] = "", keys[100][4];
    memset(value, 'v', 1000);
    for (int i = 0; i < 100; i++) {
        snprintf(keys[i], sizeof keys[i], "%03d", i);
        WRITE(j, i == 99, put(keys[i], value));
    }
    size_t portions = 0, n = 0;
    uint8_t from[4] = "";
    int more = 1;
    while (more) {
        seen_t seen = {0};
        more = scan_from(j, from, n ? 4 : 0, 5015, &seen);
        assert_int_equal(seen.n, 5);
        for (size_t i = 0; i < seen.n; i++)
            assert_memory_equal(seen.keys[i], keys[n++], 3);
        memcpy(from, seen.keys[seen.n - 1], 3); /* and a zero byte */
        portions++;
    }
    assert_int_equal(portions, 20);
    seen_t seen = {0};
    assert_int_equal(scan_from(j, NULL, 0, 1, &seen), 1); /* one pair at the least */
    assert_int_equal(seen.n, 1);
    seen = (seen_t){.stop_at = 7};
    assert_int_equal(scan_from(j, NULL, 0, 0, &seen), 1);
    assert_int_equal(seen.n, 7);
    tr_journal_close(&j);
}

/* Bytes that look like nothing, the same for the same seed. */
static void noise(uint8_t *bytes, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

typedef struct expected {
    const uint8_t *bytes;
    size_t len, seen;
} expected_t;

static bool same_value(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    expected_t *expected = arg;
    (void)key;
    assert_int_equal(key_len, TR_JOURNAL_KEY_MAX);
    assert_int_equal(value_len, expected->len);
    if (value_len)
        assert_memory_equal(value, expected->bytes, value_len);
    expected->seen++;
    return true;
}

static void sizes_from_none_to_large(void **state) {
    tr_journal_t *j = empty_store(state);
    uint8_t *value = malloc(5u << 20), key[TR_JOURNAL_KEY_MAX];
    noise(value, 5u << 20, 1);
    memset(key, 0xfe, sizeof key);
    static const size_t sizes[] = {0, 1, 127, 128, 4095, 4096, 32768, 65536, 65537, 1u << 20, 5u << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        write_ops(j,
            &(tr_journal_op_t){.type = TR_JOURNAL_PUT,
                .key = key,
                .key_len = sizeof key,
                .value = sizes[i] ? value : NULL,
                .value_len = sizes[i]},
            1, i % 2);
        expected_t expected = {.bytes = value, .len = sizes[i]};
        tr_error_t error = {0};
        assert_int_equal(tr_journal_scan(j, &(tr_journal_range_t){0}, 0, same_value, &expected, &error), 0);
        assert_int_equal(expected.seen, 1);
    }
    WRITE(j, true, del_range("a", "\xff"));
    assert_holds(j, "");
    tr_journal_close(&j);
    free(value);
}

static void refuse_op(tr_journal_t *j, tr_journal_op_t op) {
    tr_error_t error = {0};
    tr_journal_op_t ops[] = {put("good", "1"), op};
    assert_int_equal(tr_journal_write(j, ops, 2, true, &error), -EINVAL);
    assert_true(error.text[0]);
}

static void what_is_no_op_writes_nothing(void **state) {
    tr_journal_t *j = empty_store(state);
    uint8_t key[TR_JOURNAL_KEY_MAX + 1] = {1};
    refuse_op(j, (tr_journal_op_t){.type = TR_JOURNAL_PUT, .key = key, .key_len = sizeof key});
    refuse_op(j, (tr_journal_op_t){.type = TR_JOURNAL_DELETE, .key = "", .key_len = 0});
    refuse_op(j, (tr_journal_op_t){.type = 0, .key = "a", .key_len = 1});
    refuse_op(j, (tr_journal_op_t){.type = 9, .key = "a", .key_len = 1});
    refuse_op(j, (tr_journal_op_t){.type = TR_JOURNAL_PUT,
                     .key = "a",
                     .key_len = 1,
                     .value = key,
                     .value_len = TR_JOURNAL_VALUE_MAX + 1});
    refuse_op(j,
        (tr_journal_op_t){.type = TR_JOURNAL_PUT, .key = "a", .key_len = 1, .value = NULL, .value_len = 1});
    refuse_op(j, (tr_journal_op_t){.type = TR_JOURNAL_DELETE_RANGE,
                     .key = "a",
                     .key_len = 1,
                     .value = key,
                     .value_len = sizeof key});
    assert_false(tr_journal_failed(j));
    assert_holds(j, "");
    tr_journal_close(&j);
}

static void what_was_written_is_there_after_reopening(void **state) {
    tr_journal_t *j = empty_store(state);
    WRITE(j, false, put("a", "1"));
    WRITE(j, true, put("b", "2"));
    WRITE(j, false, put("c", "3"));
    write_ops(j, NULL, 0, true);
    write_ops(j, NULL, 0, false);
    for (int i = 0; i < 3; i++) {
        tr_journal_close(&j);
        j = open_store(*state);
        assert_holds(j, "a=1 b=2 c=3 ");
    }
    tr_journal_close(&j);
    tr_journal_close(&j);
}

static void one_at_a_time(void **state) {
    const subject_t *subject = *state;
    tr_journal_t *j = empty_store(state), *other = NULL;
    tr_error_t error = {0};
    assert_int_equal(subject->open(subject->place, &other, &error), -EBUSY);
    assert_non_null(strstr(error.text, "journal"));
    assert_null(other);
    WRITE(j, true, put("a", "1"));
    tr_journal_close(&j);
    j = open_store(subject);
    assert_holds(j, "a=1 ");
    tr_journal_close(&j);
}

static void statistics_count(void **state) {
    tr_journal_t *j = empty_store(state);
    tr_journal_stat_t before = {0}, after = {0};
    assert_int_equal(tr_journal_stat(j, &before), 0);
    WRITE(j, true, put("a", "1"));
    WRITE(j, false, put("b", "2"));
    write_ops(j, NULL, 0, true);
    assert_int_equal(tr_journal_stat(j, &after), 0);
    assert_int_equal(after.writes - before.writes, 3);
    assert_int_equal(after.syncs - before.syncs, 2);
    assert_true(after.sync_ns >= before.sync_ns && after.sync_max_ns >= before.sync_max_ns);
    assert_true(after.bytes > 0);
    tr_journal_close(&j);
}

/* Random batches beside an array that does the same; ever and again the store is opened anew. */
enum { MODEL_KEYS = 64, MODEL_BATCHES = 600 };

typedef struct model {
    uint32_t values[MODEL_KEYS]; /* 0 = not there */
    uint32_t seen[MODEL_KEYS];
    uint32_t seed;
} model_t;

static uint32_t any(model_t *m, uint32_t n) {
    m->seed = m->seed * 1664525u + 1013904223u;
    return (m->seed >> 8) % n;
}

static bool see_value(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    model_t *m = arg;
    const uint8_t *k = key;
    assert_int_equal(key_len, 1 + (k[0] % 3));
    assert_true(value_len >= 4);
    memcpy(&m->seen[k[0]], value, 4);
    return true;
}

static void compare_model(tr_journal_t *j, model_t *m) {
    tr_error_t error = {0};
    memset(m->seen, 0, sizeof m->seen);
    if (tr_journal_scan(j, &(tr_journal_range_t){0}, 0, see_value, m, &error) < 0)
        fail_msg("cannot scan: %s", error.text);
    assert_memory_equal(m->seen, m->values, sizeof m->values);
}

typedef struct draft {
    uint8_t key[3], end[1];
    uint32_t value[80];
} draft_t;

static tr_journal_op_t random_op(model_t *m, draft_t *d) {
    uint32_t k = any(m, MODEL_KEYS), what = any(m, 20);
    memset(d->key, (int)k, sizeof d->key);
    tr_journal_op_t op = {.type = TR_JOURNAL_PUT,
        .key = d->key,
        .key_len = 1 + k % 3,
        .value = d->value,
        .value_len = sizeof d->value};
    if (what < 12) {
        m->values[k] = d->value[0] = m->seed | 1;
    } else if (what < 19) {
        op.type = TR_JOURNAL_DELETE;
        m->values[k] = 0;
    } else {
        uint32_t end = k + any(m, 8);
        op.type = TR_JOURNAL_DELETE_RANGE;
        op.key_len = 1;
        d->end[0] = (uint8_t)end;
        op.value = d->end;
        op.value_len = 1;
        for (uint32_t i = k; i < end && i < MODEL_KEYS; i++)
            m->values[i] = 0;
    }
    return op;
}

static void a_model_agrees(void **state) {
    tr_journal_t *j = empty_store(state);
    model_t m = {.seed = 4711};
    draft_t drafts[32];
    tr_journal_op_t ops[32];
    memset(drafts, 0, sizeof drafts);
    for (int i = 0; i < MODEL_BATCHES; i++) {
        uint32_t n = 1 + any(&m, 32);
        for (uint32_t k = 0; k < n; k++)
            ops[k] = random_op(&m, &drafts[k]);
        write_ops(j, ops, n, any(&m, 4) == 0);
        if (i % 7 == 0)
            compare_model(j, &m);
        if (i % 100 == 99) {
            tr_journal_close(&j);
            j = open_store(*state);
            compare_model(j, &m);
        }
    }
    tr_journal_close(&j);
}

int journal_conformance(const char *name, const subject_t *subject) {
    void *state = (void *)(uintptr_t)subject; /* cmocka's states are not const */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(ops_work_in_their_order, state),
        cmocka_unit_test_prestate(ranges_have_no_end_key, state),
        cmocka_unit_test_prestate(keys_sort_by_their_bytes, state),
        cmocka_unit_test_prestate(scans_come_in_portions, state),
        cmocka_unit_test_prestate(sizes_from_none_to_large, state),
        cmocka_unit_test_prestate(what_is_no_op_writes_nothing, state),
        cmocka_unit_test_prestate(what_was_written_is_there_after_reopening, state),
        cmocka_unit_test_prestate(one_at_a_time, state),
        cmocka_unit_test_prestate(statistics_count, state),
        cmocka_unit_test_prestate(a_model_agrees, state),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
