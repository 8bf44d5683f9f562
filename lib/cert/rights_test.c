#include "lib/cert/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/topic.h"

#define LIST(...)                                                                                            \
    (&(tr_strings_t){(const char *const[]){__VA_ARGS__, NULL},                                               \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})
static const tr_strings_t nothing = {0};

static bool word(const tr_strings_t *list, const char *text) {
    return tr_right_word(list, text, strlen(text));
}

static bool range(const tr_strings_t *list, const char *text) {
    return tr_right_range(list, text, strlen(text));
}

static bool topic(const tr_strings_t *list, const char *text) {
    return tr_right_topic(list, text, strlen(text));
}

static bool covered(const tr_strings_t *list, const char *text) {
    return tr_right_covers(list, text, strlen(text));
}

static void a_word_is_itself_or_has_a_beginning(void **state) {
    (void)state;
    const tr_strings_t *list = LIST("ann", "reader-*");
    assert_true(word(list, "ann"));
    assert_true(word(list, "reader-7"));
    assert_true(word(list, "reader-"));
    assert_false(word(list, "reader"));
    assert_false(word(list, "anna"));
    assert_false(word(list, "an"));
    assert_true(word(LIST("*"), "whoever"));
    assert_false(word(&nothing, "ann"));
}

static void a_range_needs_all_of_its_names(void **state) {
    (void)state;
    assert_true(range(LIST("crowd-*"), "crowd"));
    assert_true(range(LIST("cro*"), "crowd"));
    assert_true(range(LIST("*"), "crowd"));
    assert_true(range(LIST("crowd*"), "crowd"));
    assert_false(range(LIST("crowd"), "crowd"));
    assert_false(range(LIST("crowd-1*"), "crowd"));
    assert_false(range(LIST("crowded*"), "crowd"));
    assert_false(range(&nothing, "crowd"));
}

static void a_patterns_form_is_checked(void **state) {
    (void)state;
    static const char *const good[] = {"a", "*", "a*", "ams.search", "df.*", "a-b_c+d~e"};
    static const char *const bad[] = {"", "**", "a*b", "*a", ".a", "-*", "a b", "a@b", "a,b", "a'"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tr_word_pattern_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tr_word_pattern_valid(bad[i], strlen(bad[i])));
}

static void topics_of_the_platform_must_be_named(void **state) {
    (void)state;
    assert_true(topic(LIST("news.>"), "news.a.b"));
    assert_false(topic(LIST("news.>"), "news"));
    assert_true(topic(LIST(">"), "news"));
    assert_false(topic(LIST(">"), "$sys.agent.joined"));
    assert_false(topic(LIST("*.agent.joined"), "$sys.agent.joined"));
    assert_true(topic(LIST("$sys.>"), "$sys.agent.joined"));
    assert_false(topic(LIST("$sys.>"), "$tap.a.b"));
    assert_false(topic(&nothing, "news"));
}

static void a_pattern_is_covered_or_not(void **state) {
    (void)state;
    static const struct {
        const char *wide, *narrow;
        bool covered;
    } rows[] = {
        {">", ">", true},
        {">", "a", true},
        {">", "a.*.>", true},
        {">", "*", true},
        {"*", ">", false},
        {"*", "a", true},
        {"*", "*", true},
        {"*", "a.b", false},
        {"a.>", "a.>", true},
        {"a.>", "a", false},
        {"a.>", "a.b.c", true},
        {"a.>", "a.*.c", true},
        {"a.>", "*.b", false},
        {"a.>", ">", false},
        {"a.*", "a.b", true},
        {"a.*", "a.>", false},
        {"a.*.c", "a.b.c", true},
        {"a.*.c", "a.*.c", true},
        {"a.*.c", "a.b.*", false},
        {"a.b", "a.b", true},
        {"a.b", "a.*", false},
        {"a.b", "a.b.c", false},
        {">", "$sys.>", false},
        {"*.>", "$sys.a", false},
        {"$sys.>", "$sys.*", true},
        {"$sys.>", "*.a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (covered(LIST(rows[i].wide), rows[i].narrow) != rows[i].covered)
            fail_msg("%s and %s", rows[i].wide, rows[i].narrow);
}

/* ---- beginnings ---- */

typedef struct found {
    char text[100][TR_TOPIC_MAX + 1];
    size_t count;
} found_t;

static void note(void *arg, const char *prefix, size_t len) {
    found_t *f = arg;
    assert_true(f->count < 100 && len <= TR_TOPIC_MAX);
    memcpy(f->text[f->count], prefix, len);
    f->text[f->count++][len] = 0;
}

static void expect_prefixes(const tr_strings_t *rights, const char *asked, const char *const *wanted) {
    found_t f = {0};
    size_t n = 0;
    tr_right_prefixes(rights, asked, strlen(asked), note, &f);
    for (; wanted[n]; n++)
        assert_string_equal(f.text[n], wanted[n]);
    assert_int_equal(f.count, n);
}

static void beginnings_meet_the_rights(void **state) {
    (void)state;
    expect_prefixes(LIST("news.>"), "", (const char *const[]){"news.", NULL});
    expect_prefixes(LIST("news.>"), "ne", (const char *const[]){"news.", NULL});
    expect_prefixes(LIST("news.>"), "news.a", (const char *const[]){"news.a", NULL});
    expect_prefixes(LIST("news.>"), "newspaper", (const char *const[]){NULL});
    expect_prefixes(LIST("news.a", "news.*"), "", (const char *const[]){NULL});
    expect_prefixes(LIST(">"), "news", (const char *const[]){"news", NULL});
    expect_prefixes(LIST(">"), "$tap", (const char *const[]){NULL});
    expect_prefixes(LIST(">", "$sys.>"), "$", (const char *const[]){"$sys.", NULL});
    expect_prefixes(&nothing, "", (const char *const[]){NULL});
}

/* Everything that is no topic of the platform begins with one of them, and nothing else does. */
static void all_is_all_but_the_platforms(void **state) {
    (void)state;
    found_t f = {0};
    tr_right_prefixes(LIST(">"), "", 0, note, &f);
    for (int c = 1; c < 128; c++) {
        char text[2] = {(char)c, 0};
        bool wanted = tr_topic_valid(text, 1) && c != '$', there = false;
        for (size_t i = 0; i < f.count; i++)
            there |= f.text[i][0] == c;
        assert_int_equal(there, wanted);
    }
}

/* A beginning never lets a topic through that the rights do not. */
static void beginnings_let_nothing_else_through(void **state) {
    (void)state;
    static const char *const parts[] = {"a", "ab", "$sys", "b"};
    static const char *const asked[] = {"", "a", "ab", "ab.", "a.b", "$", "$sys.a", "b.ab"};
    const tr_strings_t *rights[] = {
        LIST(">"), LIST("a.>"), LIST("ab.a.>", "b"), LIST("$sys.>", "a.*"), &nothing};
    for (size_t r = 0; r < 5; r++) {
        for (size_t q = 0; q < 8; q++) {
            found_t f = {0};
            tr_right_prefixes(rights[r], asked[q], strlen(asked[q]), note, &f);
            for (size_t n = 0; n < 64; n++) {
                char text[64];
                snprintf(text, sizeof text, "%s.%s.%s", parts[n % 4], parts[n / 4 % 4], parts[n / 16]);
                bool through = false;
                for (size_t i = 0; i < f.count; i++)
                    through |= !strncmp(text, f.text[i], strlen(f.text[i]));
                if (through)
                    assert_true(topic(rights[r], text));
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_itself_or_has_a_beginning),
        cmocka_unit_test(a_range_needs_all_of_its_names),
        cmocka_unit_test(a_patterns_form_is_checked),
        cmocka_unit_test(topics_of_the_platform_must_be_named),
        cmocka_unit_test(a_pattern_is_covered_or_not),
        cmocka_unit_test(beginnings_meet_the_rights),
        cmocka_unit_test(all_is_all_but_the_platforms),
        cmocka_unit_test(beginnings_let_nothing_else_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
