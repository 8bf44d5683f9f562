#include "agentd/mind/alike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char fleet[] = "The driver parked the lorry behind the depot. He washed the truck before lunch. "
                            "A heavy lorry blocked the bridge. "
                            "The driver parked the truck near the harbour. A heavy truck blocked the tunnel. "
                            "He washed the lorry after work. "
                            "They loaded the lorry with apples. They loaded the truck with pears. Our "
                            "mechanic mends the lorry on Mondays; "
                            "our mechanic mends the truck on Fridays. The apples were sweet, the pears were "
                            "sour, and nobody ate the apples. "
                            "Sweet apples and sour pears are sold at the harbour. A bridge leads to the "
                            "harbour, and a tunnel to the depot.";

static size_t find(const char *text, const char *word, size_t most, const char **words, tr_alike_t **ret) {
    const tr_text_span_t span = {text, strlen(text)};
    assert_int_equal(tr_alike_new(&span, 1, ret), 0);
    return tr_alike_find(*ret, word, strlen(word), most, words);
}

static void words_of_the_same_places_are_alike(void **state) {
    const char *words[8];
    tr_alike_t *alike = NULL;
    (void)state;
    assert_true(find(fleet, "lorries", 1, words, &alike) == 1);
    assert_string_equal(words[0], "truck");
    assert_true(tr_alike_find(alike, "truck", 5, 1, words) == 1);
    assert_string_equal(words[0], "lorry");
    assert_int_equal(tr_alike_find(alike, "lorry", 5, 0, words), 0);
    tr_alike_destroy(&alike);
}

static void what_is_seldom_or_unknown_is_like_nothing(void **state) {
    const char *words[8];
    tr_alike_t *alike = NULL;
    (void)state;
    assert_int_equal(find(fleet, "bicycle", 8, words, &alike), 0);
    assert_int_equal(tr_alike_find(alike, "lunch", 5, 8, words), 0);
    assert_int_equal(tr_alike_find(alike, "", 0, 8, words), 0);
    tr_alike_destroy(&alike);
    assert_int_equal(find("", "lorry", 8, words, &alike), 0);
    tr_alike_destroy(&alike);
    assert_int_equal(tr_alike_new(NULL, 0, &alike), 0);
    tr_alike_destroy(&alike);
}

/* More words than count: the rest is left out, and nothing is written beyond what there is. */
static void large_texts_are_bounded(void **state) {
    const size_t times = TR_ALIKE_WORDS_MAX / 60;
    const char *words[8];
    tr_alike_t *alike = NULL;
    char *all = malloc(times * strlen(fleet) + 1);
    (void)state;
    assert_non_null(all);
    all[0] = '\0';
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * strlen(fleet), fleet, sizeof fleet);
    assert_true(find(all, "lorry", 2, words, &alike) >= 1);
    assert_string_equal(words[0], "truck");
    tr_alike_destroy(&alike);
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_the_same_places_are_alike),
        cmocka_unit_test(what_is_seldom_or_unknown_is_like_nothing),
        cmocka_unit_test(large_texts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
