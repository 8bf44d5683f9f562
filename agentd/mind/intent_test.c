#include "agentd/mind/intent.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agentd/mind/intent_examples.h"
#include "agentd/mind/intent_measure.h"
#include "lib/base/file.h"

static char *load(const char *name, size_t *ret_length) {
    char path[4096], *bytes = NULL;
    tr_error_t error = {0};
    snprintf(path, sizeof path, "%s/agentd/mind/data/%s", getenv("TROUPE_SOURCE_ROOT"), name);
    if (tr_file_read(path, "examples", 1 << 20, &bytes, ret_length, &error) < 0)
        fail_msg("%s", error.text);
    return bytes;
}

static tr_intent_guess_t classify(const tr_intent_model_t *model, const char *text, size_t length) {
    tr_mind_words_t words;
    tr_intent_guess_t guess = {"unknown", 0};
    tr_mind_words_read(text, length, &words);
    tr_intent_classify(model, &words, 1, &guess);
    return guess;
}

static size_t count_right(const tr_intent_model_t *model, const tr_intent_examples_t *examples, bool tells) {
    size_t right = 0;
    for (size_t i = 0; i < examples->count; i++) {
        const tr_intent_example_t *item = &examples->items[i];
        tr_intent_guess_t guess = classify(model, item->text, item->length);
        bool is_right = strcmp(guess.label, examples->labels[item->label]) == 0;
        right += is_right;
        if (!is_right && tells)
            printf("  %s, not %s: %.*s\n", guess.label, examples->labels[item->label], (int)item->length,
                item->text);
    }
    return right;
}

static void unseen_examples_are_recognised(void **state) {
    (void)state;
    tr_intent_model_t *model = NULL;
    tr_intent_examples_t examples;
    size_t length;
    char *bytes = load("intents_held_out.txt", &length);
    assert_int_equal(tr_intent_model_new(NULL, 0, &model, NULL), 0);
    assert_int_equal(tr_intent_examples_read(bytes, length, &examples, NULL), 0);
    assert_int_equal(examples.label_count, tr_intent_model_labels(model));
    size_t right = count_right(model, &examples, true);
    printf("intent: %zu of %zu held-out examples right (%.1f %%), %zu intents\n", right, examples.count,
        100. * (double)right / (double)examples.count, examples.label_count);
    assert_true(right * 100 >= examples.count * 80);
    tr_intent_examples_finish(&examples);
    tr_intent_model_destroy(&model);
    free(bytes);
}

static bool is_same(const tr_intent_example_t *a, const tr_intent_example_t *b) {
    tr_mind_words_t x, y;
    tr_mind_words_read(a->text, a->length, &x);
    tr_mind_words_read(b->text, b->length, &y);
    for (size_t i = 0; i < x.count && x.count == y.count; i++)
        if (strcmp(x.items[i].folded, y.items[i].folded) != 0)
            return false;
    return x.count == y.count;
}

/* What it is measured with must not be what it has learnt, however it is punctuated; and nothing is there twice. */
static void held_out_examples_are_not_trained_with(void **state) {
    (void)state;
    size_t length, held_length;
    char *bytes = load("intents.txt", &length), *held_bytes = load("intents_held_out.txt", &held_length);
    tr_intent_examples_t examples, held;
    assert_int_equal(tr_intent_examples_read(bytes, length, &examples, NULL), 0);
    assert_int_equal(tr_intent_examples_read(held_bytes, held_length, &held, NULL), 0);
    for (size_t i = 0; i < examples.count; i++) {
        for (size_t k = 0; k < held.count; k++)
            if (is_same(&examples.items[i], &held.items[k]))
                fail_msg("both: %.*s", (int)held.items[k].length, held.items[k].text);
        for (size_t k = i + 1; k < examples.count; k++)
            if (is_same(&examples.items[i], &examples.items[k]))
                fail_msg("twice: %.*s", (int)examples.items[k].length, examples.items[k].text);
    }
    tr_intent_examples_finish(&examples);
    tr_intent_examples_finish(&held);
    free(bytes);
    free(held_bytes);
}

static size_t count_shared(const tr_mind_words_t *x, const tr_mind_words_t *y) {
    size_t shared = 0;
    for (size_t i = 0; i < x->count; i++) {
        bool is_shared = false;
        for (size_t k = 0; k < y->count && !is_shared; k++)
            is_shared = strcmp(x->items[i].folded, y->items[k].folded) == 0;
        shared += is_shared;
    }
    return shared;
}

/* How alike an example is to the one of these that is most like it: the words that both have by those that one of them has, 0 .. 1. */
static double likeness(const tr_intent_example_t *item, const tr_intent_examples_t *others) {
    double most = 0;
    tr_mind_words_t x, y;
    tr_mind_words_read(item->text, item->length, &x);
    for (size_t i = 0; i < others->count; i++) {
        tr_mind_words_read(others->items[i].text, others->items[i].length, &y);
        double shared = (double)count_shared(&x, &y);
        double alike = shared / ((double)(x.count + y.count) - shared);
        most = alike > most ? alike : most;
    }
    return most;
}

/* No held-out example is nearly one that was trained with; and how many are right of those that are not half of one. */
static void held_out_examples_are_no_near_duplicates(void **state) {
    (void)state;
    size_t length, held_length, count = 0, right = 0;
    char *bytes = load("intents.txt", &length), *held_bytes = load("intents_held_out.txt", &held_length);
    tr_intent_examples_t examples, held;
    tr_intent_model_t *model = NULL;
    assert_int_equal(tr_intent_examples_read(bytes, length, &examples, NULL), 0);
    assert_int_equal(tr_intent_examples_read(held_bytes, held_length, &held, NULL), 0);
    assert_int_equal(tr_intent_model_new(NULL, 0, &model, NULL), 0);
    for (size_t i = 0; i < held.count; i++) {
        const tr_intent_example_t *item = &held.items[i];
        double alike = likeness(item, &examples);
        if (alike >= .8)
            fail_msg("nearly trained with: %.*s", (int)item->length, item->text);
        if (alike >= .5)
            continue;
        count++;
        right += strcmp(classify(model, item->text, item->length).label, held.labels[item->label]) == 0;
    }
    printf("intent: %zu of %zu right (%.1f %%) of the held-out examples that share less than half of their "
           "words with each trained one\n",
        right, count, 100. * (double)right / (double)count);
    assert_true(count >= 50 && right * 100 >= count * 70);
    tr_intent_model_destroy(&model);
    tr_intent_examples_finish(&examples);
    tr_intent_examples_finish(&held);
    free(bytes);
    free(held_bytes);
}

static void a_fifth_is_recognised_by_the_others(void **state) {
    (void)state;
    size_t length, tested = 0, right = 0;
    char *bytes = load("intents.txt", &length);
    tr_intent_measured_t all, part;
    assert_int_equal(tr_intent_measure(bytes, length, 1000, &all, NULL), 0);
    printf("intent: %zu of %zu right in cross-validation of five parts (%.1f %%)\n", all.right, all.tested,
        100. * (double)all.right / (double)all.tested);
    assert_int_equal(all.tested, all.count);
    assert_true(all.right * 100 >= all.tested * 60);
    for (size_t i = 0; i < all.labels; i++) {
        assert_int_equal(all.by_label[i].tested, all.by_label[i].count);
        tested += all.by_label[i].tested;
        right += all.by_label[i].right;
    }
    assert_int_equal(tested, all.tested);
    assert_int_equal(right, all.right);
    assert_int_equal(tr_intent_measure(bytes, length, 100, &part, NULL), 0); /* more examples: one part */
    assert_true(part.tested >= part.count / 5 && part.tested <= part.count / 5 + part.labels);
    free(bytes);
}

/* An example is no part of what it is tested by: each of these is known from itself alone. */
static void what_was_left_out_is_not_known(void **state) {
    (void)state;
    static const char text[] = "[a]\nalpha\nbravo\n[b]\ncharlie\ndelta\n", few[] = "[a]\nalpha\n[b]\nbravo\n";
    tr_intent_measured_t measured;
    assert_int_equal(tr_intent_measure(text, strlen(text), 1000, &measured, NULL), 0);
    assert_int_equal(measured.tested, 4);
    assert_int_equal(measured.right, 0);
    assert_int_equal(tr_intent_measure(few, strlen(few), 1000, &measured, NULL), 0);
    assert_int_equal(measured.tested, 0); /* without one there are no two labels */
    tr_error_t error = {0};
    assert_int_equal(tr_intent_measure("x\n", 2, 1000, &measured, &error), -EBADMSG);
    assert_non_null(strstr(error.text, "line 1"));
}

static const char own[] =
    "# two intents\n[open]\nopen the door\nplease open it\n[close]\nclose the door\nshut it please\n";

static void a_model_of_ones_own(void **state) {
    (void)state;
    char *text = NULL, *again = NULL;
    size_t length, again_length;
    tr_intent_model_t *model = NULL;
    assert_int_equal(tr_intent_train(own, strlen(own), &text, &length, NULL), 0);
    assert_int_equal(tr_intent_train(own, strlen(own), &again, &again_length, NULL), 0);
    assert_int_equal(length, again_length);
    assert_memory_equal(text, again, length);
    assert_int_equal(tr_intent_model_new(text, length, &model, NULL), 0);
    assert_string_equal(classify(model, "Open that door!", 15).label, "open");
    assert_string_equal(classify(model, "shut the window", 15).label, "close");
    assert_string_equal(classify(model, "xyzzy plugh", 11).label, "unknown");
    assert_string_equal(
        classify(model, "xyzzy?", 6).label, "unknown"); /* its length and mark say nothing alone */
    assert_string_equal(classify(model, "", 0).label, "unknown");
    tr_intent_model_destroy(&model);
    free(text);
    free(again);
}

/* A model comes from a file: however it is cut, it is read or refused. */
static void cut_models_are_refused(void **state) {
    (void)state;
    char *text = NULL;
    size_t length;
    tr_error_t error = {0};
    assert_int_equal(tr_intent_train(own, strlen(own), &text, &length, NULL), 0);
    for (size_t cut = 0; cut < length; cut++) {
        tr_intent_model_t *model = NULL;
        assert_int_equal(tr_intent_model_new(text, cut, &model, &error), -EBADMSG);
        assert_null(model);
    }
    free(text);
}

static void examples_are_checked(void **state) {
    (void)state;
    static const char *const bad[] = {
        "text without a label\n", "[]\nx\n", "[a b]\nx\n", "[a\nx\n", "[a]\nx\n", "[a]\n[b]\n", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = NULL;
        size_t length;
        tr_error_t error = {0};
        assert_int_equal(tr_intent_train(bad[i], strlen(bad[i]), &text, &length, &error), -EBADMSG);
        assert_null(text);
        assert_true(error.text[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unseen_examples_are_recognised),
        cmocka_unit_test(held_out_examples_are_not_trained_with),
        cmocka_unit_test(held_out_examples_are_no_near_duplicates),
        cmocka_unit_test(a_fifth_is_recognised_by_the_others),
        cmocka_unit_test(what_was_left_out_is_not_known),
        cmocka_unit_test(a_model_of_ones_own),
        cmocka_unit_test(cut_models_are_refused),
        cmocka_unit_test(examples_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
