#include "agentd/text/overview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LICENCES "/usr/share/common-licenses/"

static tr_digest_t *digest_of(const char *name, const char *text) {
    tr_document_t *document = NULL;
    tr_digest_t *digest = NULL;
    assert_int_equal(tr_document_parse(name, text, strlen(text), 0, &document, NULL), 0);
    assert_int_equal(tr_digest_new(document, NULL, NULL, &digest), 0);
    tr_document_destroy(&document); /* the digest must not need it */
    return digest;
}

static tr_digest_t *digest_of_file(const char *path) {
    tr_document_t *document = NULL;
    tr_digest_t *digest = NULL;
    assert_int_equal(tr_document_load(path, 0, &document, NULL), 0);
    assert_int_equal(tr_digest_new(document, NULL, NULL, &digest), 0);
    tr_document_destroy(&document);
    return digest;
}

static void a_digest_tells_what_a_licence_is_about(void **state) {
    (void)state;
    if (access(LICENCES "GPL-3", R_OK) < 0)
        skip(); /* not a Debian */
    tr_digest_t *digest = digest_of_file(LICENCES "GPL-3");
    assert_string_equal(digest->title, "GNU General Public License, Version 3, 29 June 2007");
    assert_string_equal(digest->language, "en");
    assert_true(digest->confidence > 0.95);
    assert_int_equal(digest->bytes, 35149);
    assert_in_range(digest->words, 5500, 5800);
    assert_in_range(digest->sentences, 150, 230);
    assert_int_equal(digest->key_sentence_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(strlen(digest->key_sentences[i].text) > 30);
    bool has_foundation = false;
    for (size_t i = 0; i < digest->entity_count; i++)
        has_foundation |= digest->entities[i].kind == TR_ENTITY_ORGANISATION &&
                          strcmp(digest->entities[i].text, "Free Software Foundation") == 0 &&
                          digest->entities[i].count >= 5;
    assert_true(has_foundation);
    tr_digest_destroy(&digest);
    tr_digest_destroy(&digest);
}

static void a_digest_is_the_same_each_time(void **state) {
    (void)state;
    if (access(LICENCES "MPL-2.0", R_OK) < 0)
        skip(); /* not a Debian */
    tr_digest_t *one = digest_of_file(LICENCES "MPL-2.0"), *two = digest_of_file(LICENCES "MPL-2.0");
    char *first = tr_digest_describe(one), *second = tr_digest_describe(two);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "Covered Software"));
    free(first);
    free(second);
    tr_digest_destroy(&one);
    tr_digest_destroy(&two);
}

static void a_digest_of_little_is_still_one(void **state) {
    (void)state;
    tr_digest_t *digest = digest_of("x", "42");
    assert_string_equal(digest->title, "x");
    assert_string_equal(digest->language, "unknown");
    assert_int_equal(digest->term_count + digest->key_sentence_count + digest->entity_count, 0);
    char *text = tr_digest_describe(digest);
    assert_non_null(strstr(text, "terms: none"));
    free(text);
    tr_digest_destroy(&digest);
}

static const char german[] = "Die Kohle kommt aus Polen und wird von der Reederei Nordlicht GmbH nach "
                             "Hamburg gebracht. Die Kohle liegt dann im Hafen.\n";
static const char english[] = "The harbour of Hamburg is large. Ships bring coal and grain to the harbour "
                              "each week. Coal is stored near the water by the ships.\n";
static const char harbour[] = "In the harbour the ships wait for grain. Grain is brought to the harbour from "
                              "Poland by rail. Hamburg buys most of the grain.\n";

static const tr_shared_t *find_shared(const tr_shared_t *items, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].text, text) == 0)
            return &items[i];
    return NULL;
}

static void what_documents_share_is_told_with_them(void **state) {
    (void)state;
    tr_digest_t *digests[] = {digest_of("a", english), NULL, digest_of("b", german), digest_of("c", harbour)};
    tr_overview_t *overview = NULL;
    assert_int_equal(tr_overview_new((const tr_digest_t *const *)digests, 4, NULL, &overview), 0);
    assert_int_equal(overview->documents, 3);
    assert_int_equal(overview->language_count, 2);
    assert_string_equal(overview->languages[0].code, "en");
    assert_int_equal(overview->languages[0].documents, 2);
    assert_string_equal(overview->languages[1].code, "de");
    const tr_shared_t *hamburg = find_shared(overview->entities, overview->entity_count, "Hamburg");
    assert_non_null(hamburg);
    assert_int_equal(hamburg->document_count, 3);
    assert_int_equal(hamburg->documents[0], 0);
    assert_int_equal(hamburg->documents[1], 2);
    assert_int_equal(hamburg->documents[2], 3);
    assert_int_equal(hamburg->kind, TR_ENTITY_PLACE);
    const tr_shared_t *poland = find_shared(overview->entities, overview->entity_count, "Poland");
    assert_non_null(poland); /* "Polen" in the other */
    assert_int_equal(poland->document_count, 2);
    const tr_shared_t *shared = find_shared(overview->terms, overview->term_count, "harbour");
    assert_non_null(shared);
    assert_int_equal(shared->document_count, 2);
    assert_int_equal(shared->count, 4);
    assert_null(find_shared(overview->terms, overview->term_count, "Kohle"));
    char *text = tr_overview_describe(overview, (const tr_digest_t *const *)digests, 4);
    assert_non_null(strstr(text, "3 documents"));
    free(text);
    tr_overview_destroy(&overview);
    tr_overview_destroy(&overview);
    for (size_t i = 0; i < 4; i++)
        tr_digest_destroy(&digests[i]);
}

static void sentences_come_from_all_and_say_things_once(void **state) {
    (void)state;
    tr_digest_t *digests[] = {
        digest_of("a", english), digest_of("b", english), digest_of("c", harbour), digest_of("d", german)};
    tr_overview_t *overview = NULL;
    tr_overview_limits_t limits = {.sentences = 3};
    assert_int_equal(tr_overview_new((const tr_digest_t *const *)digests, 4, &limits, &overview), 0);
    assert_int_equal(overview->key_sentence_count, 3);
    bool seen[4] = {false};
    for (size_t i = 0; i < 3; i++) {
        assert_false(seen[overview->key_sentences[i].document]);
        seen[overview->key_sentences[i].document] = true;
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(overview->key_sentences[i].text, overview->key_sentences[k].text);
    }
    assert_false(seen[0] && seen[1]); /* the same text twice */
    tr_overview_destroy(&overview);
    for (size_t i = 0; i < 4; i++)
        tr_digest_destroy(&digests[i]);
}

static void nothing_makes_an_empty_overview(void **state) {
    (void)state;
    tr_overview_t *overview = NULL;
    assert_int_equal(tr_overview_new(NULL, 0, NULL, &overview), 0);
    assert_int_equal(
        overview->documents + overview->term_count + overview->entity_count + overview->key_sentence_count,
        0);
    char *text = tr_overview_describe(overview, NULL, 0);
    assert_non_null(text);
    free(text);
    tr_overview_destroy(&overview);
}

static void licences_share_their_publisher(void **state) {
    (void)state;
    static const char *const names[] = {"GPL-1", "GPL-2", "GPL-3", "LGPL-2.1", "GFDL-1.3", "Apache-2.0"};
    tr_digest_t *digests[6] = {NULL};
    for (size_t i = 0; i < 6; i++) {
        char path[128];
        snprintf(path, sizeof path, LICENCES "%s", names[i]);
        if (access(path, R_OK) == 0)
            digests[i] = digest_of_file(path);
    }
    tr_overview_t *overview = NULL;
    assert_int_equal(tr_overview_new((const tr_digest_t *const *)digests, 6, NULL, &overview), 0);
    if (overview->documents == 6) {
        const tr_shared_t *shared =
            find_shared(overview->entities, overview->entity_count, "Free Software Foundation");
        assert_non_null(shared);
        assert_int_equal(shared->document_count, 5);
        assert_in_range(overview->key_sentence_count, 6, 10);
    }
    tr_overview_destroy(&overview);
    for (size_t i = 0; i < 6; i++)
        tr_digest_destroy(&digests[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_tells_what_a_licence_is_about),
        cmocka_unit_test(a_digest_is_the_same_each_time),
        cmocka_unit_test(a_digest_of_little_is_still_one),
        cmocka_unit_test(what_documents_share_is_told_with_them),
        cmocka_unit_test(sentences_come_from_all_and_say_things_once),
        cmocka_unit_test(nothing_makes_an_empty_overview),
        cmocka_unit_test(licences_share_their_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
