/* What an empty namespace costs, whether it never had a document or has none any more; and that it is a namespace like any other. */
#include "kbd/chunk.h"
#include "kbd/store_private.h"
#include "kbd/store_words.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define MANY 500u
#define MOST                                                                                                 \
    10240 /* bytes of each, in memory and on the disk; without what is done for it there are 43 and 17 KB */

typedef struct fixture {
    char *directory;
    tr_kb_store_t *store;
    tr_error_t error;
} fixture_t;

#define ok(f, call)                                                                                          \
    do {                                                                                                     \
        if ((call) < 0)                                                                                      \
            fail_msg("%s", (f)->error.text);                                                                 \
    } while (0)

static int set_up(void **state) {
    fixture_t *f = calloc(1, sizeof *f);
    f->directory = scratch_new_in_memory();
    ok(f, tr_kb_store_open(f->directory, &f->store, &f->error));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture_t *f = *state;
    tr_kb_store_close(&f->store);
    scratch_end(f->directory);
    free(f);
    return 0;
}

static void open_again(fixture_t *f) {
    tr_kb_store_close(&f->store);
    ok(f, tr_kb_store_open(f->directory, &f->store, &f->error));
}

static tr_kb_namespace_t need(fixture_t *f, size_t i) {
    char name[16];
    tr_kb_namespace_t ns;
    snprintf(name, sizeof name, "n%zu", i);
    ok(f, tr_kb_namespace_need(f->store, name, NULL, &ns, &f->error));
    return ns;
}

static void put(fixture_t *f, tr_kb_namespace_t *ns, const char *text) {
    tr_kb_document_t d = {.id = "one", .title = "", .text = text, .text_len = strlen(text), .changed_ms = 1};
    tr_kb_change_t change;
    ok(f, tr_kb_put(f->store, ns, &d, &(tr_chunk_t){.length = d.text_len}, 1, &change, &f->error));
}

static size_t find(fixture_t *f, const tr_kb_namespace_t *ns, const char *text) {
    tr_kb_hit_t hits[10];
    size_t count = 99;
    double coverage;
    tr_filter_t all = {0};
    tr_kb_lexical_t query = {
        .text = text, .filter = &all, .k = 10, .per_document = 1, .ret_coverage = &coverage};
    ok(f, tr_kb_lexical(f->store, ns, &query, hits, &count, &f->error));
    return count;
}

static int64_t ask(fixture_t *f, const char *sql) {
    sqlite3_stmt *s;
    ok(f, tr_kb_prepare(f->store, sql, &s, &f->error));
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

/* Bytes of the file that are in use. */
static int64_t on_disk(fixture_t *f) {
    return (ask(f, "SELECT page_count FROM pragma_page_count") -
               ask(f, "SELECT freelist_count FROM pragma_freelist_count")) *
           4096;
}

/* Bytes that SQLite has, without the pages that it keeps as long as there is room. */
static int64_t in_memory(fixture_t *f) {
    sqlite3_db_release_memory(f->store->db);
    return sqlite3_memory_used();
}

static void check_cost(fixture_t *f, int64_t memory, int64_t disk) {
    int64_t each = (in_memory(f) - memory) / MANY, kept = (on_disk(f) - disk) / MANY;
    print_message("each: %lld bytes of memory, %lld of the disk\n", (long long)each, (long long)kept);
    assert_true(each < MOST);
    assert_true(kept < MOST);
}

static void never_filled(void **state) {
    fixture_t *f = *state;
    int64_t memory = in_memory(f), disk = on_disk(f);
    ok(f, tr_kb_store_begin(f->store, &f->error));
    for (size_t i = 0; i < MANY; i++)
        need(f, i);
    ok(f, tr_kb_store_commit(f->store, &f->error));
    check_cost(f, memory, disk);
    open_again(f);
    check_cost(f, memory, disk);
}

static void emptied(void **state) {
    fixture_t *f = *state;
    int64_t memory = in_memory(f), disk = on_disk(f);
    for (size_t i = 0; i < MANY; i++) {
        ok(f, tr_kb_store_begin(f->store, &f->error));
        tr_kb_namespace_t ns = need(f, i);
        put(f, &ns, "the quick brown fox");
        ok(f, tr_kb_store_commit(f->store, &f->error));
        assert_int_equal(find(f, &ns, "fox"), 1);
        ok(f, tr_kb_store_begin(f->store, &f->error));
        ok(f, tr_kb_remove(f->store, &ns, "one", &f->error));
        ok(f, tr_kb_store_commit(f->store, &f->error));
    }
    check_cost(f, memory, disk);
}

/* Nothing is found, nothing is an error, and what comes then is found; also where a transaction was undone in between. */
static void a_namespace(void **state) {
    fixture_t *f = *state;
    tr_kb_namespace_t ns = need(f, 0), other = need(f, 1);
    uint64_t total = 9;
    double chunks = 9;
    assert_int_equal(find(f, &ns, "fox"), 0);
    ok(f, tr_kb_words_total(f->store, &ns, &total, &f->error));
    ok(f, tr_kb_stem_count(f->store, &ns, "fox", 3, &chunks, &f->error));
    assert_int_equal(total, 0);
    assert_true(chunks <= 0);
    put(f, &other, "a fox of another namespace");
    for (int i = 0; i < 3; i++) {
        put(f, &ns, "the quick brown fox");
        put(f, &ns, "the quick brown dog"); /* in its place */
        assert_int_equal(find(f, &ns, "dog"), 1);
        assert_int_equal(find(f, &ns, "fox"), 0);
        ok(f, tr_kb_remove(f->store, &ns, "one", &f->error));
        assert_false(tr_kb_index_exists(f->store, &ns));
        assert_int_equal(find(f, &ns, "dog"), 0);
    }
    put(f, &ns, "the quick brown fox");
    ok(f, tr_kb_store_begin(f->store, &f->error));
    ok(f, tr_kb_remove(f->store, &ns, "one", &f->error));
    ok(f, tr_kb_run(f->store, f->store->statements[TR_SQL_ROLLBACK], &f->error));
    f->store->begun = false;
    assert_int_equal(find(f, &ns, "fox"), 1);
    assert_int_equal(find(f, &other, "fox"), 1);
    ok(f, tr_kb_namespace_drop(f->store, &ns, &f->error));
    ns = need(f, 0);
    ok(f, tr_kb_namespace_drop(f->store, &ns, &f->error)); /* which has no tables */
    assert_int_equal(find(f, &other, "fox"), 1);
}

/* What an earlier version has left goes at the start; what has documents stays. */
static void left_over(void **state) {
    fixture_t *f = *state;
    tr_kb_namespace_t ns = need(f, 0), full = need(f, 1);
    ok(f, tr_kb_index_need(f->store, &ns, &f->error));
    put(f, &full, "the quick brown fox");
    open_again(f);
    assert_false(tr_kb_index_exists(f->store, &ns));
    assert_int_equal(find(f, &full, "fox"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(never_filled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(emptied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_namespace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(left_over, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
