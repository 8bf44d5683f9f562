#include "agentd/mind/sentiment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static double score(const tr_sentiment_t *sentiment, const char *text) {
    tr_mind_words_t words;
    tr_mind_words_read(text, strlen(text), &words);
    return tr_sentiment_score(sentiment, &words);
}

static tr_sentiment_t *make(void) {
    tr_sentiment_t *sentiment = NULL;
    assert_int_equal(tr_sentiment_new(NULL, 0, &sentiment, NULL), 0);
    return sentiment;
}

static void texts_have_a_mood(void **state) {
    (void)state;
    static const struct {
        const char *text, *label;
    } cases[] = {
        {"The new release is excellent, I love it!", "positive"},
        {"This is a terrible, useless answer.", "negative"}, {"The meeting begins at nine.", "neutral"},
        {"", "neutral"}, {"It isn't bad.", "positive"}, {"I would not recommend it to anybody.", "negative"},
        {"never again such a wonderful evening, sadly", "negative"},
        {"The food was good, but the service was awful.", "negative"},
        {"The service was awful, but the food was wonderful.", "positive"},
        {"I am very disappointed by the delays", "negative"},
        {"No, it works.", "positive"}, /* the comma ends what "no" reaches */
    };
    tr_sentiment_t *sentiment = make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *label = tr_sentiment_label(score(sentiment, cases[i].text));
        if (strcmp(label, cases[i].label) != 0)
            fail_msg("\"%s\" is %s (%.2f)", cases[i].text, label, score(sentiment, cases[i].text));
    }
    tr_sentiment_destroy(&sentiment);
}

static void words_before_change_the_mood(void **state) {
    (void)state;
    tr_sentiment_t *sentiment = make();
    double good = score(sentiment, "it is good");
    assert_true(score(sentiment, "it is very good") > good);
    assert_true(score(sentiment, "it is slightly good") < good);
    assert_true(score(sentiment, "it is slightly good") > 0);
    assert_true(score(sentiment, "it is good!") > good);
    assert_true(score(sentiment, "it is not good") > score(sentiment, "it is bad") - .2);
    assert_true(score(sentiment, "excellent superb wonderful perfect outstanding flawless") <= 1);
    tr_sentiment_destroy(&sentiment);
}

static void lexica_are_checked(void **state) {
    (void)state;
    tr_sentiment_t *sentiment = NULL;
    tr_error_t error = {0};
    static const char own[] = "# mine\n3 troupe*\nnot un\n-2 stage\n";
    assert_int_equal(tr_sentiment_new(own, strlen(own), &sentiment, &error), 0);
    assert_true(score(sentiment, "troupes") > 0);
    assert_true(score(sentiment, "stage") < 0);
    assert_true(score(sentiment, "stages") == 0);
    tr_sentiment_destroy(&sentiment);
    static const char *const bad[] = {"5 word\n", "good\n", "3 ok\n--1 x\n", "0 none\n", "3 *\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tr_sentiment_new(bad[i], strlen(bad[i]), &sentiment, &error), -EBADMSG);
        assert_non_null(strstr(error.text, i == 2 ? "line 2" : "line 1"));
        assert_null(sentiment);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_a_mood),
        cmocka_unit_test(words_before_change_the_mood),
        cmocka_unit_test(lexica_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
