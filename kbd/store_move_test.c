/* Documents out of one store and into another. */
#include "kbd/store_move.h"

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

#define NUMBERS 4u
#define TEXT                                                                                                 \
    "# Wings\n\nWings of machines get hot.\n\n## Cooling\n\nWater cools the leading edge of a wing.\n"

typedef struct side {
    char *directory;
    tr_kb_store_t *store;
    tr_kb_namespace_t ns;
} side_t;

typedef struct fixture {
    side_t from, to;
    tr_content_writer_t w;
    tr_content_t content;
    size_t got;
    tr_error_t error;
} fixture_t;

static void ok(const fixture_t *f, int rc) {
    if (rc < 0)
        fail_msg("%s", f->error.text);
}

static void open_side(fixture_t *f, side_t *side, size_t dimensions) {
    side->directory = scratch_new_in_memory();
    ok(f, tr_kb_store_open(side->directory, &side->store, &f->error));
    ok(f, tr_kb_namespace_need(side->store, "n", NULL, &side->ns, &f->error));
    ok(f, tr_kb_namespace_vectors(side->store, &side->ns, dimensions, &f->error));
}

static fixture_t *set_up(size_t dimensions) {
    fixture_t *f = calloc(1, sizeof *f);
    open_side(f, &f->from, dimensions);
    open_side(f, &f->to, dimensions);
    tr_content_writer_init(&f->w);
    return f;
}

static void tear_down(fixture_t *f) {
    side_t *const sides[] = {&f->from, &f->to};
    for (int i = 0; i < 2; i++) {
        tr_kb_store_close(&sides[i]->store);
        scratch_end(sides[i]->directory);
    }
    tr_content_finish(&f->content);
    tr_content_writer_finish(&f->w);
    free(f);
}

static void put(fixture_t *f, side_t *side, const char *text, int64_t changed_ms, const float *vector) {
    tr_document_t *document = NULL;
    tr_chunk_t *chunks = NULL;
    size_t count = 0;
    tr_kb_change_t change;
    ok(f, tr_document_parse("a.md", text, strlen(text), 0, &document, &f->error));
    tr_chunk_bounds_t bounds = {.most = 20, .least = 1, .overlap = 0};
    assert_int_equal(tr_chunks_cut(document, &bounds, &chunks, &count), 0);
    tr_kb_document_t d = {.id = "a.md",
        .title = "Machines",
        .source = "/srv/a.md",
        .format = "markdown",
        .agent = "tester@here",
        .taint = "web",
        .metadata = "{\"year\":1990}",
        .text = document->text,
        .text_len = document->text_length,
        .vector = vector,
        .changed_ms = changed_ms};
    ok(f, tr_kb_put(side->store, &side->ns, &d, chunks, vector ? 1 : count, &change, &f->error));
    free(chunks);
    tr_document_destroy(&document);
}

/* Each chunk of the document gets a vector. */
static void embed(fixture_t *f) {
    for (size_t i = 0; i < 2; i++) {
        const float vector[NUMBERS] = {i == 0, i == 1, 0, 0};
        tr_kb_hit_t chunk;
        size_t chunks;
        ok(f, tr_kb_chunk_find(f->from.store, &f->from.ns, "a.md", i, &chunk, &chunks, &f->error));
        assert_int_equal(chunks, 2);
        ok(f, tr_kb_vector_put(f->from.store, chunk.chunk, vector, NUMBERS, &f->error));
    }
}

static int on_got(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    fixture_t *f = arg;
    assert_true(chunk > 0);
    assert_int_equal(dimensions, NUMBERS);
    assert_true(vector[0] * vector[0] + vector[1] * vector[1] > .99f);
    f->got++;
    return 0;
}

/* As it is in a message. */
static tr_value_t packed(fixture_t *f) {
    const void *bytes;
    size_t len;
    tr_content_finish(&f->content);
    tr_content_writer_finish(&f->w);
    tr_content_writer_init(&f->w);
    ok(f, tr_kb_move_write(f->from.store, &f->from.ns, "a.md", "model-1/4", &f->w, &f->error));
    assert_int_equal(tr_content_writer_take(&f->w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&f->content, bytes, len), 0);
    return &f->content.root;
}

static tr_kb_moved_t move(fixture_t *f, const char *model) {
    tr_kb_moved_t moved;
    tr_value_t document = packed(f);
    ok(f, tr_kb_store_begin(f->to.store, &f->error));
    ok(f, tr_kb_move_take(f->to.store, &f->to.ns, document, model, on_got, f, &moved, &f->error));
    ok(f, tr_kb_store_commit(f->to.store, &f->error));
    return moved;
}

static void print(void *arg, const tr_kb_document_t *d) {
    snprintf(arg, 1000, "%s|%s|%s|%s|%s|%s|%s|%lld|%lld|%zu|%.*s", d->id, d->title, d->source, d->format,
        d->agent, d->taint, d->metadata, (long long)d->added_ms, (long long)d->changed_ms, d->chunks,
        (int)d->text_len, d->text);
}

static void print_passage(void *arg, const tr_kb_passage_t *p) {
    snprintf(arg, 1000, "%s|%s|%zu|%zu|%.*s", p->document->id, p->heading, p->offset, p->place,
        (int)p->text_len, p->text);
}

/* All that is known of the document, and what a search finds of it. */
static void tell(fixture_t *f, side_t *side, char out[2000]) {
    tr_filter_t filter = {0};
    tr_kb_hit_t hit;
    size_t count = 0;
    ok(f, tr_kb_get(side->store, &side->ns, "a.md", print, out, &f->error));
    ok(f, tr_kb_lexical(side->store, &side->ns,
              &(tr_kb_lexical_t){.text = "water", .filter = &filter, .k = 1, .per_document = 1}, &hit, &count,
              &f->error));
    assert_int_equal(count, 1);
    ok(f, tr_kb_passage(side->store, hit.chunk, print_passage, out + strlen(out), &f->error));
}

static uint64_t pending(fixture_t *f) {
    uint64_t count = 0;
    ok(f, tr_kb_pending(f->to.store, f->to.ns.number, &count, &f->error));
    return count;
}

static void test_it_arrives_as_it_was(void **state) {
    fixture_t *f = set_up(0);
    char was[2000], is[2000];
    (void)state;
    put(f, &f->from, TEXT, 5, NULL);
    put(f, &f->from, TEXT "More of it.\n", 9, NULL); /* it was added before it was changed */
    embed(f);
    tr_kb_moved_t moved = move(f, "model-1/4");
    assert_true(moved.taken);
    assert_int_equal(moved.chunks, 2);
    assert_int_equal(moved.made, 2);
    assert_int_equal(f->got, 2);
    assert_int_equal(pending(f), 0);
    tell(f, &f->from, was);
    tell(f, &f->to, is);
    assert_string_equal(is, was);
    assert_non_null(strstr(is, "|5|9|2|"));
    assert_non_null(strstr(is, "Cooling"));
    tear_down(f);
}

/* Its vectors are of no use: they are made anew. */
static void test_another_model(void **state) {
    fixture_t *f = set_up(0);
    (void)state;
    put(f, &f->from, TEXT, 5, NULL);
    embed(f);
    tr_kb_moved_t moved = move(f, "model-2/4");
    assert_true(moved.taken);
    assert_int_equal(moved.made, 0);
    assert_int_equal(pending(f), 2);
    tear_down(f);
}

static void test_what_is_newer_stays(void **state) {
    fixture_t *f = set_up(0);
    char is[2000];
    (void)state;
    put(f, &f->from, TEXT, 5, NULL);
    put(f, &f->to, "Water of today.\n", 5, NULL);
    assert_false(move(f, "model-1/4").taken);
    tell(f, &f->to, is);
    assert_non_null(strstr(is, "of today"));
    put(f, &f->from, TEXT, 5, NULL);
    put(f, &f->from, TEXT "It was changed.\n", 6, NULL);
    embed(f);
    assert_true(move(f, "model-1/4").taken);
    tell(f, &f->to, is);
    assert_null(strstr(is, "of today"));
    assert_int_equal(f->to.ns.documents, 1);
    assert_int_equal(pending(f), 0);
    f->got = 0;
    assert_false(move(f, "model-1/4").taken); /* once more: nothing comes of it */
    assert_int_equal(f->got, 0);
    tear_down(f);
}

/* A vector that came with its document goes with it, whatever the model is. */
static void test_a_vector_of_its_own(void **state) {
    const float vector[NUMBERS] = {0, 1, 0, 0};
    fixture_t *f = set_up(NUMBERS);
    (void)state;
    put(f, &f->from, "water\n", 5, vector);
    assert_true(move(f, "model-2/4").taken);
    assert_int_equal(f->got, 1);
    assert_int_equal(pending(f), 0);
    tear_down(f);
}

static void refused(fixture_t *f, const char *json, const char *why) {
    json_fixture_t content;
    tr_kb_moved_t moved;
    tr_value_t document = json_fixture_read(&content, json);
    assert_int_equal(
        tr_kb_move_take(f->to.store, &f->to.ns, document, "m", NULL, NULL, &moved, &f->error), -EINVAL);
    if (!strstr(f->error.text, why))
        fail_msg("%s: %s", json, f->error.text);
    assert_int_equal(f->to.ns.documents, 0);
    json_fixture_finish(&content);
}

static void test_what_is_none(void **state) {
    fixture_t *f = set_up(0);
    (void)state;
    refused(f, "[]", "no map");
    refused(f, "{}", "no id");
    refused(f, "{\"id\": 1}", "id");
    refused(f, "{\"id\": \"a\", \"title\": \"t\"}", "text");
    refused(f, "{\"id\": \"a\", \"title\": \"t\", \"text\": \"abc\"}", "changed_ms");
    refused(f, "{\"id\": \"a\", \"title\": \"t\", \"text\": \"abc\", \"changed_ms\": 1}", "chunks");
    refused(f,
        "{\"id\": \"a\", \"title\": \"t\", \"text\": \"abc\", \"changed_ms\": 1, \"chunks\": [[1, 3, null, "
        "null]]}",
        "not in its text");
    refused(f,
        "{\"id\": \"a\", \"title\": \"t\", \"text\": \"abc\", \"changed_ms\": 1, \"chunks\": [[-1, 1, null, "
        "null]]}",
        "not in its text");
    refused(f,
        "{\"id\": \"a\", \"title\": \"t\", \"text\": \"abc\", \"changed_ms\": 1, \"chunks\": [[0, 1, \"x\", "
        "null]]}",
        "a heading");
    refused(f, "{\"id\": \"a\", \"title\": \"t\", \"text\": \"abc\", \"changed_ms\": 1, \"chunks\": [3]}",
        "a chunk");
    tear_down(f);
}

static bool count_one(void *arg, const tr_kb_document_t *d) {
    assert_string_equal(d->id, "a.md");
    assert_true(d->text_len > 10);
    *(int64_t *)arg = d->number;
    return true;
}

static void test_scanning(void **state) {
    fixture_t *f = set_up(0);
    int64_t number = 0, none = 0;
    (void)state;
    put(f, &f->from, TEXT, 5, NULL);
    ok(f, tr_kb_scan(f->from.store, &f->from.ns, 0, 10, count_one, &number, &f->error));
    assert_true(number > 0);
    ok(f, tr_kb_scan(f->from.store, &f->from.ns, number, 10, count_one, &none, &f->error));
    assert_int_equal(none, 0);
    tear_down(f);
}

static void test_where_they_are_placed(void **state) {
    fixture_t *f = set_up(0);
    bool same = true;
    (void)state;
    ok(f, tr_kb_placed_as(f->to.store, 7, &same, &f->error));
    assert_false(same);
    ok(f, tr_kb_place_as(f->to.store, 7, &f->error));
    ok(f, tr_kb_placed_as(f->to.store, 7, &same, &f->error));
    assert_true(same);
    ok(f, tr_kb_place_as(f->to.store, UINT64_MAX, &f->error));
    ok(f, tr_kb_placed_as(f->to.store, 7, &same, &f->error));
    assert_false(same);
    ok(f, tr_kb_place_as(f->to.store, 7, &f->error));
    ok(f, tr_kb_place_anew(f->to.store, &f->error));
    ok(f, tr_kb_placed_as(f->to.store, 7, &same, &f->error));
    assert_false(same);
    tear_down(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_arrives_as_it_was),
        cmocka_unit_test(test_another_model),
        cmocka_unit_test(test_what_is_newer_stays),
        cmocka_unit_test(test_a_vector_of_its_own),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_scanning),
        cmocka_unit_test(test_where_they_are_placed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
