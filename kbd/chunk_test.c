/* Cutting documents: what stays together, what overlaps, and that nothing is lost. */
#include "kbd/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

typedef struct cut {
    tr_document_t *document;
    tr_chunk_t *chunks;
    size_t count;
} cut_t;

static cut_t cut(const char *name, const char *text, tr_chunk_bounds_t bounds) {
    cut_t c = {0};
    tr_error_t error = {0};
    if (tr_document_parse(name, text, strlen(text), 0, &c.document, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(tr_chunks_cut(c.document, &bounds, &c.chunks, &c.count), 0);
    return c;
}

static void finish(cut_t *c) {
    free(c->chunks);
    tr_document_destroy(&c->document);
}

static bool begins(const cut_t *c, size_t i, const char *text) {
    return i < c->count && strncmp(c->document->text + c->chunks[i].offset, text, strlen(text)) == 0;
}

static bool ends(const cut_t *c, size_t i, const char *text) {
    const tr_chunk_t *k = &c->chunks[i];
    return i < c->count &&
           strncmp(c->document->text + k->offset + k->length - strlen(text), text, strlen(text)) == 0;
}

/* `count` sentences of five words: "Si a b c d." */
static char *sentences(size_t count) {
    char *text = calloc(count + 1, 32), *end = text;
    for (size_t i = 0; i < count; i++)
        end += sprintf(end, "S%zu one two three four. ", i);
    return text;
}

static void a_small_document_is_one(void **state) {
    (void)state;
    cut_t c = cut("a.md", "# Title\n\nSome words.\n\n## Part\n\nMore words.\n", TR_CHUNK_BOUNDS);
    assert_int_equal(c.count, 1);
    assert_true(begins(&c, 0, "Title"));
    assert_true(ends(&c, 0, "More words."));
    finish(&c);
}

static void headings_begin_chunks(void **state) {
    (void)state;
    cut_t c = cut("a.md", "# One\n\nalpha beta gamma delta.\n\n# Two\n\nepsilon zeta.\n",
        (tr_chunk_bounds_t){.most = 100, .least = 3, .overlap = 10});
    assert_int_equal(c.count, 2);
    assert_true(begins(&c, 1, "Two"));
    assert_int_equal(c.chunks[1].heading_length, 3);
    assert_memory_equal(c.document->text + c.chunks[1].heading, "Two", 3);
    finish(&c);
}

/* Each sentence is in a chunk, none is cut, none is too long, and the border is in two of them. */
static void prose_overlaps_by_sentences(void **state) {
    (void)state;
    char *text = sentences(40);
    cut_t c = cut("a.txt", text, (tr_chunk_bounds_t){.most = 50, .least = 10, .overlap = 10});
    size_t covered = 0;
    assert_true(c.count >= 5);
    for (size_t i = 0; i < c.count; i++) {
        assert_true(begins(&c, i, "S"));
        assert_true(ends(&c, i, "four."));
        assert_true(c.chunks[i].tokens <= 50);
        assert_true(i == 0 || c.chunks[i].offset < covered); /* overlap */
        assert_true(c.chunks[i].offset <= covered);
        covered = c.chunks[i].offset + c.chunks[i].length;
    }
    assert_int_equal(covered, c.document->text_length);
    finish(&c);
    free(text);
}

static void paragraphs_stay_whole(void **state) {
    (void)state;
    cut_t c = cut("a.txt", "A one two three. A four five six.\n\nB one two three. B four five six.\n",
        (tr_chunk_bounds_t){.most = 12, .least = 2, .overlap = 0});
    assert_int_equal(c.count, 2);
    assert_true(begins(&c, 1, "B one"));
    finish(&c);
}

static void code_stays_whole_up_to_twice(void **state) {
    (void)state;
    cut_t c = cut("a.md", "Some words here.\n\n```\nint a b c;\nint d e f;\nint g h i;\n```\n\nAfter it.\n",
        (tr_chunk_bounds_t){.most = 8, .least = 2, .overlap = 3});
    bool whole = false;
    for (size_t i = 0; i < c.count; i++) {
        char *text = strndup(c.document->text + c.chunks[i].offset, c.chunks[i].length);
        whole |= strstr(text, "int a b c;") && strstr(text, "int g h i;");
        free(text);
    }
    assert_true(whole);
    finish(&c);
}

static void a_sentence_without_end_is_cut(void **state) {
    (void)state;
    char text[4000] = "";
    for (size_t i = 0; i < 300; i++)
        sprintf(text + strlen(text), "w%zu ", i);
    cut_t c = cut("a.txt", text, (tr_chunk_bounds_t){.most = 50, .least = 10, .overlap = 0});
    assert_int_equal(c.count, 6);
    for (size_t i = 0; i < c.count; i++)
        assert_int_equal(c.chunks[i].tokens, 50);
    finish(&c);
}

static void nothing_to_say(void **state) {
    (void)state;
    cut_t c = cut("a.txt", "--- *** ---\n", TR_CHUNK_BOUNDS);
    assert_int_equal(c.count, 0);
    finish(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_document_is_one),
        cmocka_unit_test(headings_begin_chunks),
        cmocka_unit_test(prose_overlaps_by_sentences),
        cmocka_unit_test(paragraphs_stay_whole),
        cmocka_unit_test(code_stays_whole_up_to_twice),
        cmocka_unit_test(a_sentence_without_end_is_cut),
        cmocka_unit_test(nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
