/* Label selectors: what they match, and what cannot be read. */
#include "broker/core/platform/selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* {"env": "prod", "zone": "north", "gpu": ""} */
static const char labels[] = "\x83\xa3"
                             "env\xa4"
                             "prod\xa4"
                             "zone\xa5"
                             "north\xa3"
                             "gpu\xa0";

static bool holds(const char *text, tr_value_t of) {
    tr_selector_t s;
    const char *problem;
    if (!tr_selector_parse(text, strlen(text), &s, &problem))
        fail_msg("%s: %s", text, problem);
    size_t steps = 1000;
    return tr_selector_matches(&s, of, &steps);
}

static void what_matches(void **state) {
    (void)state;
    static const struct {
        const char *selector;
        bool with, without; /* these labels; any at all */
    } rows[] = {
        {"", true, true},
        {"  ", true, true},
        {"env=prod", true, false},
        {"env==prod", true, false},
        {" env = prod ", true, false},
        {"env=test", false, false},
        {"env!=test", true, true},
        {"env!=prod", false, true},
        {"env in (test, prod)", true, false},
        {"env in (test)", false, false},
        {"env notin (test,dev)", true, true},
        {"env notin (prod)", false, true},
        {"gpu", true, false},
        {"!gpu", false, true},
        {"spot", false, false},
        {"!spot", true, true},
        {"env=prod,zone in (north,south),!spot,gpu", true, false},
        {"env=prod,zone=south", false, false},
        {"in=x", false, false}, /* words of the syntax are keys, too */
        {"!notin", true, true},
    };
    tr_content_t c;
    assert_int_equal(tr_content_init(&c, labels, sizeof labels - 1), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (holds(rows[i].selector, &c.root) != rows[i].with ||
            holds(rows[i].selector, NULL) != rows[i].without)
            fail_msg("%s", rows[i].selector);
    tr_content_finish(&c);
}

static void what_cannot_be_read(void **state) {
    (void)state;
    static const char *const wrong[] = {"=", "env=", ",", "env=prod,", "env=prod zone=north", "env in prod",
        "env in (", "env in (a", "env in ()", "env in (a,)", "env like x", "!", "!=x", "env=a;b", "(", "env!",
        "!env=x"};
    tr_selector_t s;
    const char *problem;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        problem = NULL;
        if (tr_selector_parse(wrong[i], strlen(wrong[i]), &s, &problem))
            fail_msg("%s was read", wrong[i]);
        assert_non_null(problem);
    }
    assert_false(tr_selector_parse("a\0b", 3, &s, &problem));
}

static void limits(void **state) {
    (void)state;
    tr_selector_t s;
    const char *problem;
    char text[2 * TR_SELECTOR_MAX];
    memset(text, 'a', sizeof text);
    assert_true(tr_selector_parse(text, TR_SELECTOR_MAX, &s, &problem));
    assert_false(tr_selector_parse(text, TR_SELECTOR_MAX + 1, &s, &problem));
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = ',';
    assert_true(tr_selector_parse(text, 2 * TR_SELECTOR_TERMS - 1, &s, &problem));
    assert_false(tr_selector_parse(text, 2 * TR_SELECTOR_TERMS + 1, &s, &problem));
    memcpy(text, "k in (", 6);
    for (size_t i = 6; i < 400; i += 2)
        memcpy(text + i, "v,", 2);
    text[6 + 2 * TR_SELECTOR_WORDS - 1] = ')';
    assert_true(tr_selector_parse(text, 6 + 2 * TR_SELECTOR_WORDS, &s, &problem));
    text[6 + 2 * TR_SELECTOR_WORDS - 1] = ',';
    text[6 + 2 * TR_SELECTOR_WORDS + 1] = ')';
    assert_false(tr_selector_parse(text, 8 + 2 * TR_SELECTOR_WORDS, &s, &problem));
}

static void each_label_that_is_looked_at_is_a_step(void **state) {
    (void)state;
    tr_content_t c;
    tr_selector_t s;
    const char *problem;
    assert_int_equal(tr_content_init(&c, labels, sizeof labels - 1), 0);
    assert_true(tr_selector_parse("env in (test, prod), gpu", 24, &s, &problem));
    size_t steps = 100;
    assert_true(tr_selector_matches(&s, &c.root, &steps));
    assert_int_equal(steps, 100 - (1 + 3 + 2) - (1 + 3));
    steps = 10; /* which is what it needs, and one less than enough */
    assert_false(tr_selector_matches(&s, &c.root, &steps));
    assert_int_equal(steps, 0);
    tr_content_finish(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matches),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(limits),
        cmocka_unit_test(each_label_that_is_looked_at_is_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
