#include "agentd/mind/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SPAN(s) ((tr_text_span_t){(s), strlen(s)})

static void assert_rewrite(const char *query, const char *corpus, size_t most, const char *expected) {
    tr_thesaurus_t *thesaurus = NULL;
    tr_rewrite_t rewrite;
    char found[600] = "";
    const tr_text_span_t text = SPAN(corpus);
    assert_int_equal(tr_thesaurus_new(NULL, 0, &thesaurus), 0);
    assert_int_equal(tr_rewrite(thesaurus, SPAN(query), &text, 1, most, &rewrite), 0);
    for (size_t i = 0; i < rewrite.count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s:%s", i ? " " : "",
            tr_rewrite_source_word(rewrite.items[i].source), rewrite.items[i].text);
    assert_string_equal(found, expected);
    tr_rewrite_finish(&rewrite);
    tr_thesaurus_destroy(&thesaurus);
}

static void queries_get_stems_and_synonyms(void **state) {
    (void)state;
    assert_rewrite("how do I buy cheap flights", "", 8,
        "query:buy query:cheap query:flights stem:flight synonym:purchase synonym:acquire "
        "synonym:inexpensive "
        "synonym:affordable");
    assert_rewrite("buy cheap flights", "", 1, "query:buy query:cheap query:flights stem:flight");
    assert_rewrite("the errors", "", 9, "query:errors stem:error synonym:fault synonym:bug synonym:defect");
    assert_rewrite("", "", 8, "");
}

static void corpora_explain_acronyms(void **state) {
    (void)state;
    assert_rewrite("who leads the FSF", "It is said that the Free Software Foundation (FSF) knows.", 1,
        "query:leads query:fsf acronym:Free Software Foundation");
    assert_rewrite("IT costs", "We asked Information Technology (IT) for help.", 1,
        "query:it query:costs acronym:Information Technology");
    assert_rewrite("the fsf", "Another Software Foundation (FSF) is none.", 3, "query:fsf");
    assert_rewrite("the fsf", "(FSF)", 3, "query:fsf");
}

static void corpora_have_synonyms_of_their_own(void **state) {
    (void)state;
    assert_rewrite("which lorry is it",
        "The driver parked the lorry here. A heavy lorry blocked the bridge. He washed the lorry. "
        "The driver parked the truck there. A heavy truck blocked the tunnel. He washed the truck.",
        8, "query:lorry stem:lorri synonym:truck");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_get_stems_and_synonyms),
        cmocka_unit_test(corpora_explain_acronyms),
        cmocka_unit_test(corpora_have_synonyms_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
