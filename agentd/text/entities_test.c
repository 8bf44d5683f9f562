#include "agentd/text/entities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* All entities of a text as "kind text xN; ..." in the order of their first mention. */
static void assert_entities(const char *name, const char *text, const char *expected) {
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    tr_entities_t entities;
    char found[1500] = "";
    assert_int_equal(tr_document_parse(name, text, strlen(text), 0, &document, NULL), 0);
    assert_int_equal(tr_tokens_new(document, tr_language_identify_document(document).language, &tokens), 0);
    assert_int_equal(tr_entities_find(tokens, 100, &entities), 0);
    for (size_t at = 0; at < document->text_length; at++)
        for (size_t i = 0; i < entities.count; i++) {
            const tr_entity_t *entity = &entities.items[i];
            assert_true(entity->offset + entity->length <= document->text_length);
            if (entity->offset == at)
                snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s %s x%u",
                    *found ? "; " : "", tr_entity_kind_name(entity->kind), entity->text, entity->count);
        }
    assert_string_equal(found, expected);
    tr_entities_finish(&entities);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

static void organisations_have_variants(void **state) {
    (void)state;
    assert_entities("x.txt",
        "It was published by the Free Software Foundation, Inc. in Boston. The Free Software Foundation "
        "(FSF) said so, and the FSF knows.",
        "organisation Free Software Foundation x4; place Boston x1");
    assert_entities("x.txt",
        "They met at Example Widgets GmbH, at Acme Corporation and at the University of Elsewhere.",
        "organisation Example Widgets x1; organisation Acme Corporation x1; organisation University of "
        "Elsewhere x1");
    assert_entities("x.txt", "We went to Blue Town University (BTU) and liked BTU.",
        "organisation Blue Town University x3");
    assert_entities(
        "x.txt", "Boston University is in Boston.", "organisation Boston University x1; place Boston x1");
    assert_entities("x.txt", "The company and the Foundation went for a walk as is usual for an inc.", "");
}

static void persons_have_given_names_or_titles(void **state) {
    (void)state;
    assert_entities("x.txt",
        "It was written by Richard M. Stallman and by Anna van Dyck. Later Stallman met Dr. Weiss and Prof. "
        "Dr. Lena Huber.",
        "person Richard M. Stallman x2; person Anna van Dyck x1; person Weiss x1; person Lena Huber x1");
    assert_entities(
        "x.txt", "Mark the page. Will Parliament agree? Grant Patents were many. Bill Everyone for it.", "");
    assert_entities("x.txt", "We saw Mark Twain there. Martin laughed.", "person Mark Twain x1");
    assert_entities("x.txt", "Ada Lovelace wrote to Barack Obama, and Kofi Annan to the Royal Institution.",
        "person Ada Lovelace x1; person Barack Obama x1; person Kofi Annan x1; organisation Royal "
        "Institution x1");
    assert_entities("x.txt", "Then J. R. R. Tolkien met Elon Musk. See I. J. and A. Smith, or B. C. 44.",
        "person J. R. R. Tolkien x1; person Elon Musk x1");
    assert_entities(
        "x.txt", "Florence is warm. Iris and olive oil. August passed; Per person.", "place Florence x1");
    assert_entities("x.md", "# The Grant Scope\n\nwords of no meaning\n", "");
}

static void places_are_listed(void **state) {
    (void)state;
    assert_entities("x.txt",
        "From the United States of America to GERMANY, by way of New York and Köln. The U.S. paid. "
        "Deutschland also.",
        "place United States x2; place Germany x2; place New York x1; place Cologne x1");
    assert_entities("x.txt", "THE SOFTWARE IS PROVIDED AS IS, WITHOUT ANY WARRANTY IN TURKEY.", "");
}

static void dates_are_one_however_written(void **state) {
    (void)state;
    assert_entities("x.txt",
        "On 29 June 2007, that is June 29, 2007, or 2007-06-29, or 29.06.2007, or the 29th of June 2007, it "
        "rained "
        "all over the country and nobody wanted to leave the house.",
        "date 29 June 2007 x5");
    assert_entities("x.txt",
        "Version 2, June 1991, and version 3. In May you may 2 or 3 times march. At 10 we left.",
        "date June 1991 x1");
    assert_entities("x.txt", "Die Feier war am 3. Oktober 1990 und nicht im Mai, wie man sagte.",
        "date 3. Oktober 1990 x1");
    assert_entities("x.txt", "La fête a eu lieu le 14 juillet 1790 et non pas avant, comme on le disait.",
        "date 14 juillet 1790 x1");
    assert_entities("x.txt", "The numbers 2007-13-29, 31.31.2007 and 1.2.3 are none, 99 June neither.", "");
}

static void days_and_times_are_dates(void **state) {
    (void)state;
    assert_entities("x.txt",
        "Come tomorrow or next Friday, at 3 pm or 15:30, not on Monday at noon. Tomorrow it rains.",
        "date tomorrow x2; date next Friday x1; date 3 pm x1; date 15:30 x1; date Monday x1; date noon x1");
    assert_entities("x.txt",
        "The great storm came on 2024/05/12, that is to say on 12.5.2024 as others write; the flood on "
        "13/05/2024, which is 05/13/2024 elsewhere, and what 05/12/2024 means nobody knows.",
        "date 2024/05/12 x2; date 13/05/2024 x2; date 05/12/2024 x1");
    assert_entities("x.txt", "By 9am, or 9:30am, or at 10:05 pm of this week, as it was last year.",
        "date 9am x1; date 9:30am x1; date 10:05 pm x1; date this week x1; date last year x1");
    assert_entities("x.txt",
        "A ratio of 3:1 or of 25:10, and 10:61 of them, version 1/2/3 and 14/15/2024 and 13 pm and 3 men are "
        "none; this one, and the last but one, neither.",
        "");
}

static void money_has_a_sign_or_a_name(void **state) {
    (void)state;
    assert_entities("x.txt",
        "It costs $5 million, 20 euros, 3 EUR, EUR 7, €30 or 20 €, but $1 and 100 are none.",
        "money $5 million x1; money 20 euros x1; money 3 EUR x1; money EUR 7 x1; money €30 x1; money 20 € "
        "x1");
}

static void addresses_end_where_they_end(void **state) {
    (void)state;
    assert_entities("x.txt",
        "See https://www.gnu.org/licenses/. Or (http://gnu.org/licenses), <https://x.org/a_(b)>, "
        "www.example.com! Write to rms@gnu.org, not @home or a@b.",
        "url https://www.gnu.org/licenses/ x2; url https://x.org/a_(b) x1; url www.example.com x1; email "
        "rms@gnu.org x1");
}

static void licences_have_short_names(void **state) {
    (void)state;
    assert_entities("x.txt",
        "Under the GNU General Public License, also called GPL; GPLv3 or Apache-2.0 or the MIT License.",
        "licence GNU General Public License x3; licence Apache License x1; licence MIT License x1");
}

static void code_has_addresses_but_no_names(void **state) {
    (void)state;
    assert_entities("x.md", "text of no meaning\n\n```\nMartin Luther in Berlin http://a.example/\n```\n",
        "url http://a.example/ x1");
}

static void the_most_mentioned_come_first(void **state) {
    (void)state;
    const char text[] = "Paris, Berlin, Rome. Berlin, Rome. Rome.";
    tr_document_t *document = NULL;
    tr_tokens_t *tokens = NULL;
    tr_entities_t entities;
    assert_int_equal(tr_document_parse("x.txt", text, sizeof text - 1, 0, &document, NULL), 0);
    assert_int_equal(tr_tokens_new(document, TR_LANGUAGE_EN, &tokens), 0);
    assert_int_equal(tr_entities_find(tokens, 2, &entities), 0);
    assert_int_equal(entities.count, 2);
    assert_string_equal(entities.items[0].text, "Rome");
    assert_int_equal(entities.items[0].count, 3);
    assert_string_equal(entities.items[1].text, "Berlin");
    assert_int_equal(entities.items[1].offset, 7);
    tr_entities_finish(&entities);
    tr_tokens_destroy(&tokens);
    tr_document_destroy(&document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(organisations_have_variants),
        cmocka_unit_test(persons_have_given_names_or_titles),
        cmocka_unit_test(places_are_listed),
        cmocka_unit_test(dates_are_one_however_written),
        cmocka_unit_test(days_and_times_are_dates),
        cmocka_unit_test(money_has_a_sign_or_a_name),
        cmocka_unit_test(addresses_end_where_they_end),
        cmocka_unit_test(licences_have_short_names),
        cmocka_unit_test(code_has_addresses_but_no_names),
        cmocka_unit_test(the_most_mentioned_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
