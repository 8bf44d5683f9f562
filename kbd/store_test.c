/* The store: what is put, replaced, filtered and found; and what is there after it is opened again. */
#include "kbd/json_fixture.h"
#include "kbd/store_private.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

typedef struct fixture {
    char *directory;
    tr_kb_store_t *store;
    tr_kb_namespace_t ns;
    tr_error_t error;
} fixture_t;

static void ok(const fixture_t *f, int rc) {
    if (rc < 0)
        fail_msg("%s", f->error.text);
}

static void open_store(fixture_t *f) {
    ok(f, tr_kb_store_open(f->directory, &f->store, &f->error));
    ok(f, tr_kb_namespace_need(f->store, "n", NULL, &f->ns, &f->error));
}

static int set_up(void **state) {
    fixture_t *f = calloc(1, sizeof *f);
    f->directory = scratch_new_in_memory();
    open_store(f);
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

static int try_put(
    fixture_t *f, const char *id, const char *text, const char *metadata, tr_kb_change_t *ret_change) {
    tr_kb_document_t d = {
        .id = id, .title = "", .metadata = metadata, .agent = "tester@here", .changed_ms = 5};
    tr_document_t *document = NULL;
    tr_chunk_t *chunks = NULL;
    size_t count = 0;
    ok(f, tr_document_parse("a.txt", text, strlen(text), 0, &document, &f->error));
    tr_chunk_bounds_t bounds = {.most = 20, .least = 5, .overlap = 0};
    assert_int_equal(tr_chunks_cut(document, &bounds, &chunks, &count), 0);
    d.text = document->text;
    d.text_len = document->text_length;
    int rc = tr_kb_put(f->store, &f->ns, &d, chunks, count, ret_change, &f->error);
    free(chunks);
    tr_document_destroy(&document);
    return rc;
}

static tr_kb_change_t put(fixture_t *f, const char *id, const char *text, const char *metadata) {
    tr_kb_change_t change = {0};
    ok(f, try_put(f, id, text, metadata, &change));
    return change;
}

static tr_filter_t filter_of(fixture_t *f, const char *json) {
    tr_filter_t filter = {0};
    json_fixture_t content;
    ok(f, tr_filter_compile(json_fixture_read(&content, json), &filter, &f->error));
    json_fixture_finish(&content);
    return filter;
}

static void join_id(void *arg, const tr_kb_document_t *d) {
    strcat(strcat(arg, d->id), " ");
}

/* "a c ": the ids that pass. */
static void passes(fixture_t *f, const char *json, const char *expected) {
    char ids[200] = "";
    tr_filter_t filter = filter_of(f, json);
    ok(f, tr_kb_list(f->store, &f->ns, &filter, "", 100, join_id, ids, &f->error));
    if (strcmp(ids, expected) != 0)
        fail_msg("%s: %s instead of %s", json, ids, expected);
    tr_filter_finish(&filter);
}

static void join_passage(void *arg, const tr_kb_passage_t *p) {
    strcat(strcat(arg, p->document->id), " ");
}

static void finds(fixture_t *f, const char *query, const char *json, const char *expected) {
    char ids[200] = "";
    tr_kb_hit_t hits[10];
    size_t count;
    tr_filter_t filter = filter_of(f, json);
    ok(f, tr_kb_lexical(f->store, &f->ns,
              &(tr_kb_lexical_t){.text = query, .filter = &filter, .k = 10, .per_document = 1}, hits, &count,
              &f->error));
    for (size_t i = 0; i < count; i++)
        ok(f, tr_kb_passage(f->store, hits[i].chunk, join_passage, ids, &f->error));
    if (strcmp(ids, expected) != 0)
        fail_msg("%s: %s instead of %s", query, ids, expected);
    tr_filter_finish(&filter);
}

static void words_are_found_in_all_forms(void **state) {
    fixture_t *f = *state;
    put(f, "a", "The wings of flying machines are heated.", NULL);
    put(f, "b", "Boats have sails.", NULL);
    finds(f, "wing", "{}", "a ");
    finds(f, "HEATING a machine", "{}", "a ");
    finds(f, "sails \"boats\" OR NEAR(", "{}", "b ");
    finds(f, "zebras only", "{}", "");
    finds(f, "!?", "{}", "");
}

static void expect(fixture_t *f, const tr_kb_lexical_t *query, const char *expected) {
    char ids[200] = "";
    tr_kb_hit_t hits[10];
    size_t count;
    ok(f, tr_kb_lexical(f->store, &f->ns, query, hits, &count, &f->error));
    for (size_t i = 0; i < count; i++)
        ok(f, tr_kb_passage(f->store, hits[i].chunk, join_passage, ids, &f->error));
    assert_string_equal(ids, expected);
}

static void terms_count_less_than_the_query(void **state) {
    fixture_t *f = *state;
    tr_filter_t none = {0};
    tr_kb_term_t term = {"vessels", .3};
    put(f, "a", "Vessels are kept here.", NULL);
    put(f, "b", "Boats are kept there.", NULL);
    put(f, "c", "Apples are eaten.", NULL);
    tr_kb_lexical_t query = {.text = "boat", .filter = &none, .k = 10, .per_document = 1};
    expect(f, &query, "b ");
    query.terms = &term;
    query.term_count = 1;
    expect(f, &query, "b a ");
}

static void what_is_like_a_chunk_is_found(void **state) {
    fixture_t *f = *state;
    tr_filter_t none = {0};
    tr_kb_hit_t found = {0};
    size_t chunks = 0;
    put(f, "a", "Boats with white sails.", NULL);
    put(f, "b", "Sails are made of cloth.", NULL);
    put(f, "c", "Apples are made of cells.", NULL);
    put(f, "d", "Birds sing.", NULL);
    put(f, "e", "Bells ring.", NULL);
    ok(f, tr_kb_chunk_find(f->store, &f->ns, "a", 0, &found, &chunks, &f->error));
    assert_int_equal(chunks, 1);
    assert_int_equal(tr_kb_chunk_find(f->store, &f->ns, "a", 1, &found, &chunks, &f->error), -ENOENT);
    assert_int_equal(tr_kb_chunk_find(f->store, &f->ns, "z", 0, &found, &chunks, &f->error), -ENOENT);
    expect(f, &(tr_kb_lexical_t){.like = found.chunk, .filter = &none, .k = 10, .per_document = 1}, "a b ");
    int64_t changed_ms = 0;
    ok(f, tr_kb_changed_of(f->store, found.document, &changed_ms, &f->error));
    assert_int_equal(changed_ms, 5);
}

static void a_document_is_replaced(void **state) {
    fixture_t *f = *state;
    assert_false(put(f, "a", "Of apples.", NULL).existed);
    tr_kb_change_t again = put(f, "a", "Of apples.", NULL);
    assert_true(again.existed && again.unchanged);
    again = put(f, "a", "Of pears.", NULL);
    assert_true(again.existed && !again.unchanged && again.added == 1 && again.kept == 0);
    finds(f, "apples", "{}", "");
    finds(f, "pears", "{}", "a ");
    assert_int_equal(f->ns.documents, 1);
    assert_int_equal(f->ns.chunks, 1);
}

static void first_hit(fixture_t *f, const char *query, tr_kb_hit_t *ret) {
    tr_filter_t none = {0};
    size_t count;
    ok(f, tr_kb_lexical(f->store, &f->ns,
              &(tr_kb_lexical_t){.text = query, .filter = &none, .k = 1, .per_document = 1}, ret, &count,
              &f->error));
    assert_int_equal(count, 1);
}

static void unchanged_chunks_are_kept(void **state) {
    fixture_t *f = *state;
    char text[1000] = "", changed[1000];
    for (int i = 0; i < 3; i++)
        sprintf(
            text + strlen(text), "Paragraph p%d has words enough to be a chunk of its own here now.\n\n", i);
    snprintf(changed, sizeof changed,
        "A new paragraph stands before all of the others, and it has many words too.\n\n%s", text);
    tr_kb_hit_t before, after;
    assert_int_equal(put(f, "a", text, NULL).added, 3);
    first_hit(f, "p2", &before);
    tr_kb_change_t change = put(f, "a", changed, NULL);
    assert_int_equal(change.added, 1);
    assert_int_equal(change.kept, 3);
    first_hit(f, "p2", &after);
    assert_int_equal(before.chunk, after.chunk);
    assert_int_equal(f->ns.chunks, 4);
    change = put(f, "a", "Only this.", NULL);
    assert_int_equal(change.kept, 0);
    finds(f, "p0 p1 p2", "{}", "");
    assert_int_equal(f->ns.chunks, 1);
}

static void the_same_chunk_twice(void **state) {
    fixture_t *f = *state;
    const char *text = "The very same words are said in two paragraphs of it here.\n\n"
                       "The very same words are said in two paragraphs of it here.\n\n"
                       "But these here are other ones and they are the last of all.\n";
    assert_int_equal(put(f, "a", text, NULL).added, 3);
    assert_true(put(f, "a", text, NULL).unchanged);
    assert_int_equal(put(f, "a", "The very same words are said in two paragraphs of it here.", NULL).kept, 1);
    assert_int_equal(f->ns.chunks, 1);
    finds(f, "said", "{}", "a ");
}

/* ---- whose chunks are whose ---- */

static void write_name(void *arg, const char *id, size_t place) {
    sprintf(arg, "%s#%zu", id, place);
}

/* Twice: looked up, and known. */
static void is_named(fixture_t *f, int64_t chunk, const char *expected) {
    for (int i = 0; i < 2; i++) {
        char name[200] = "";
        int64_t document = -1;
        int rc = tr_kb_chunk_name(f->store, chunk, write_name, name, &f->error);
        assert_int_equal(rc, expected ? 0 : -ENOENT);
        assert_string_equal(name, expected ? expected : "");
        ok(f, tr_kb_document_of(f->store, chunk, &document, &f->error));
        assert_int_equal(document > 0, expected != NULL);
    }
}

static void names_follow_what_changes(void **state) {
    fixture_t *f = *state;
    const char *second = "This is the second one, and it has many other words, too.";
    char text[400], id[80];
    tr_kb_hit_t hit;
    put(f, "a", second, NULL);
    first_hit(f, "second", &hit);
    is_named(f, hit.chunk, "a#0");
    snprintf(
        text, sizeof text, "Before it stands a first one now, which has words enough, too.\n\n%s\n", second);
    put(f, "a", text, NULL);
    is_named(f, hit.chunk, "a#1");
    ok(f, tr_kb_store_begin(f->store, &f->error));
    ok(f, tr_kb_remove(f->store, &f->ns, "a", &f->error));
    is_named(f, hit.chunk, NULL);
    ok(f, tr_kb_store_commit(f->store, &f->error));
    is_named(f, hit.chunk, NULL);
    memset(id, 'i', sizeof id);
    id[sizeof id - 1] = '\0';
    put(f, id, "A very long name.", NULL);
    first_hit(f, "name", &hit);
    snprintf(text, sizeof text, "%s#0", id);
    is_named(f, hit.chunk, text);
    ok(f, tr_kb_namespace_drop(f->store, &f->ns, &f->error));
    is_named(f, hit.chunk, NULL);
    is_named(f, 0, NULL);
}

/* The numbers of what was taken back come again, and so do versions of the namespace. */
static void names_of_what_was_taken_back(void **state) {
    fixture_t *f = *state;
    tr_kb_namespace_t before = f->ns, now;
    tr_kb_hit_t hit, again;
    ok(f, tr_kb_store_begin(f->store, &f->error));
    put(f, "a", "apples", NULL);
    first_hit(f, "apples", &hit);
    is_named(f, hit.chunk, "a#0");
    ok(f, tr_kb_namespace_find(f->store, "n", &now, &f->error));
    assert_int_equal(now.version, before.version + 1);
    ok(f, tr_kb_run(f->store, f->store->statements[TR_SQL_ROLLBACK], &f->error));
    f->store->begun = false;
    ok(f, tr_kb_namespace_find(f->store, "n", &now, &f->error));
    assert_int_equal(now.version, before.version);
    f->ns = before;
    is_named(f, hit.chunk, NULL);
    put(f, "b", "pears", NULL);
    first_hit(f, "pears", &again);
    assert_int_equal(again.chunk, hit.chunk);
    is_named(f, again.chunk, "b#0");
    ok(f, tr_kb_namespace_find(f->store, "n", &now, &f->error));
    assert_int_equal(now.documents, 1);
}

static void filters(void **state) {
    fixture_t *f = *state;
    put(f, "a", "one x", "{\"year\": 1990, \"tag\": [\"red\", \"blue\"], \"in\": {\"deep\": true}}");
    put(f, "b", "two x", "{\"year\": 2000.5, \"tag\": \"red\", \"name\": \"beta\"}");
    put(f, "c", "three x", "{\"year\": \"1990\", \"name\": \"alpha\", \"none\": null}");
    passes(f, "{}", "a b c ");
    passes(f, "{\"year\": 1990}", "a ");
    passes(f, "{\"year\": {\"gte\": 1990, \"lt\": 2001}}", "a b ");
    passes(f, "{\"year\": {\"gt\": 1990}}", "b ");
    passes(f, "{\"year\": \"1990\"}", "c ");
    passes(f, "{\"tag\": \"red\"}", "a b ");
    passes(f, "{\"tag\": [\"blue\", \"green\"]}", "a ");
    passes(f, "{\"not\": {\"tag\": \"red\"}}", "c ");
    passes(f, "{\"tag\": {\"ne\": \"blue\"}}", "b c ");
    passes(f, "{\"in.deep\": true}", "a ");
    passes(f, "{\"in\": true}", "");
    passes(f, "{\"none\": null}", "c ");
    passes(f, "{\"name\": {\"exists\": false}}", "a ");
    passes(f, "{\"name\": {\"prefix\": \"al\"}}", "c ");
    passes(f, "{\"or\": [{\"name\": \"beta\"}, {\"$id\": \"c\"}]}", "b c ");
    passes(f, "{\"and\": [{\"tag\": \"red\"}, {\"name\": \"beta\"}]}", "b ");
    passes(f, "{\"$agent\": \"tester@here\", \"$changed_ms\": {\"lte\": 5}}", "a b c ");
    finds(f, "x", "{\"tag\": \"red\", \"year\": {\"lt\": 2000}}", "a ");
    finds(f, "x", "{\"year\": 3000}", "");
}

static int compile(const char *json, tr_error_t *error) {
    tr_filter_t filter = {0};
    json_fixture_t content;
    int rc = tr_filter_compile(json_fixture_read(&content, json), &filter, error);
    tr_filter_finish(&filter);
    json_fixture_finish(&content);
    return rc;
}

static void filters_that_are_none(void **state) {
    (void)state;
    static const char *const wrong[] = {"[]", "{\"a\": {\"like\": 1}}", "{\"a\\\"b\": 1}", "{\"and\": {}}",
        "{\"not\": 1}", "{\"$what\": 1}", "{\"a\": {\"gt\": true}}", "{\"a\": {\"in\": 1}}", "{\"\": 1}",
        "{\"a\": {\"prefix\": 1}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tr_error_t error = {0};
        if (compile(wrong[i], &error) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(strstr(error.text, "filter"));
    }
}

static void removing(void **state) {
    fixture_t *f = *state;
    size_t count = 0;
    put(f, "a", "apples here", "{\"k\": 1}");
    put(f, "b", "apples there", "{\"k\": 2}");
    put(f, "c", "apples", "{\"k\": 2}");
    ok(f, tr_kb_remove(f->store, &f->ns, "a", &f->error));
    assert_int_equal(tr_kb_remove(f->store, &f->ns, "a", &f->error), -ENOENT);
    tr_filter_t filter = filter_of(f, "{\"k\": 2}");
    ok(f, tr_kb_remove_where(f->store, &f->ns, &filter, 1, NULL, NULL, &count, &f->error));
    assert_int_equal(count, 1);
    ok(f, tr_kb_remove_where(f->store, &f->ns, &filter, 10, NULL, NULL, &count, &f->error));
    assert_int_equal(count, 1);
    tr_filter_finish(&filter);
    finds(f, "apples", "{}", "");
    assert_int_equal(f->ns.documents, 0);
    assert_int_equal(f->ns.chunks, 0);
}

static void namespaces_are_apart(void **state) {
    fixture_t *f = *state;
    tr_kb_namespace_t other, first = f->ns;
    put(f, "a", "der Flügel des Flugzeugs", NULL);
    ok(f, tr_kb_namespace_need(f->store, "m", "german", &other, &f->error));
    assert_int_equal(tr_kb_namespace_need(f->store, "m", "french", &other, &f->error), -EEXIST);
    f->ns = other;
    put(f, "a", "die Flugzeuge", NULL);
    finds(f, "Flugzeug", "{}", "a ");
    ok(f, tr_kb_namespace_drop(f->store, &f->ns, &f->error));
    assert_int_equal(tr_kb_namespace_find(f->store, "m", &other, &f->error), -ENOENT);
    f->ns = first;
    finds(f, "flugel", "{}", "a "); /* accents do not count */
}

static void after_opening_again(void **state) {
    fixture_t *f = *state;
    tr_kb_store_t *second = NULL;
    ok(f, tr_kb_store_begin(f->store, &f->error));
    put(f, "a", "apples", NULL);
    ok(f, tr_kb_store_commit(f->store, &f->error));
    assert_int_equal(tr_kb_store_open(f->directory, &second, &f->error), -EBUSY);
    assert_non_null(strstr(f->error.text, "another process has it"));
    ok(f, tr_kb_store_begin(f->store, &f->error));
    put(f, "b", "pears", NULL);
    finds(f, "pears", "{}", "b "); /* what was written is seen at once */
    tr_kb_store_close(&f->store);  /* and is not there when it was never committed */
    open_store(f);
    finds(f, "apples", "{}", "a ");
    finds(f, "pears", "{}", "");
    assert_int_equal(f->ns.documents, 1);
}

static void add_pending(void *arg, const tr_kb_namespace_t *ns) {
    *(uint64_t *)arg += ns->pending;
}

static void pending_are(fixture_t *f, uint64_t expected) {
    uint64_t pending = 0;
    ok(f, tr_kb_namespaces(f->store, add_pending, &pending, &f->error));
    assert_int_equal(pending, expected);
}

static bool take_chunk(void *arg, const tr_kb_stale_t *stale) {
    *(int64_t *)arg = stale->chunk;
    assert_memory_equal(stale->text, "apples", stale->text_len);
    return false;
}

static int count_vector(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    assert_true(chunk > 0 && dimensions == 2 && vector[1] == 2);
    ++*(size_t *)arg;
    return 0;
}

static void vectors(void **state) {
    fixture_t *f = *state;
    const float vector[] = {1, 2};
    int64_t chunk = 0;
    size_t count = 0;
    ok(f, tr_kb_model_set(f->store, "m/2", &f->error));
    put(f, "a", "apples", NULL);
    put(f, "b", "pears", NULL);
    pending_are(f, 2);
    ok(f, tr_kb_stale(f->store, 9, take_chunk, &chunk, &f->error));
    ok(f, tr_kb_vector_put(f->store, chunk, vector, 2, &f->error));
    assert_int_equal(tr_kb_vector_put(f->store, 12345, vector, 2, &f->error), -ENOENT);
    pending_are(f, 1);
    ok(f, tr_kb_vectors_read(f->store, &f->ns, count_vector, &count, &f->error));
    assert_int_equal(count, 1);
    ok(f, tr_kb_model_set(f->store, "m/2", &f->error)); /* the same: nothing happens */
    pending_are(f, 1);
    ok(f, tr_kb_model_set(f->store, "n/2", &f->error));
    pending_are(f, 2);
    ok(f, tr_kb_remove(f->store, &f->ns, "a", &f->error));
    pending_are(f, 1);
    ok(f, tr_kb_namespace_drop(f->store, &f->ns, &f->error));
    assert_int_equal(tr_kb_namespace_need(f->store, "n", NULL, &f->ns, &f->error), 0);
    pending_are(f, 0);
    chunk = 0;
    ok(f, tr_kb_stale(f->store, 9, take_chunk, &chunk, &f->error));
    assert_int_equal(chunk, 0);
}

static void count_document(void *arg, const tr_kb_document_t *d) {
    (void)d;
    ++*(size_t *)arg;
}

static size_t documents(fixture_t *f) {
    size_t count = 0;
    tr_filter_t none = {0};
    ok(f, tr_kb_list(f->store, &f->ns, &none, "", 1000, count_document, &count, &f->error));
    return count;
}

static void let_grow(fixture_t *f, int64_t pages) {
    char sql[64];
    sqlite3_stmt *s = NULL;
    ok(f, tr_kb_prepare(f->store, "PRAGMA page_count", &s, &f->error));
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    snprintf(
        sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)(sqlite3_column_int64(s, 0) + pages));
    sqlite3_finalize(s);
    assert_int_equal(sqlite3_exec(f->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* What commit says is what there is, and it goes on when there is room again. */
static void a_full_disk(void **state) {
    fixture_t *f = *state;
    char id[16], text[3000];
    size_t taken = 0;
    int rc = 0;
    tr_kb_change_t change;
    put(f, "first", "apples", NULL);
    let_grow(f, 40);
    ok(f, tr_kb_store_begin(f->store, &f->error));
    for (size_t i = 0; i < 1000 && rc == 0; i++) {
        snprintf(id, sizeof id, "d%zu", i);
        *text = '\0';
        for (size_t n = 0; n < 200; n++)
            sprintf(text + strlen(text), "w%zux%zu ", i, n);
        rc = try_put(f, id, text, NULL, &change);
        taken += rc == 0;
    }
    assert_int_equal(rc, -ENOSPC);
    assert_true(taken > 0);
    rc = tr_kb_store_commit(f->store, &f->error);
    if (rc != 0 && rc != -ENOSPC)
        fail_msg("%s", f->error.text);
    assert_int_equal(documents(f), rc == 0 ? 1 + taken : 1);
    finds(f, "apples", "{}", "first ");
    finds(f, "w0x7", "{}", rc == 0 ? "d0 " : "");
    let_grow(f, 10000);
    ok(f, tr_kb_namespace_find(f->store, "n", &f->ns, &f->error));
    ok(f, tr_kb_store_begin(f->store, &f->error));
    put(f, "last", "pears", NULL);
    ok(f, tr_kb_store_commit(f->store, &f->error));
    finds(f, "pears", "{}", "last ");
    assert_int_equal(f->ns.documents, documents(f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(words_are_found_in_all_forms),
        TEST(terms_count_less_than_the_query),
        TEST(what_is_like_a_chunk_is_found),
        TEST(a_document_is_replaced),
        TEST(unchanged_chunks_are_kept),
        TEST(the_same_chunk_twice),
        TEST(names_follow_what_changes),
        TEST(names_of_what_was_taken_back),
        TEST(filters),
        TEST(filters_that_are_none),
        TEST(removing),
        TEST(namespaces_are_apart),
        TEST(after_opening_again),
        TEST(vectors),
        TEST(a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
