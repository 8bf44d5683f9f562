/* The embedder with its real model; skipped where there is none. */
#include "lib/embed/embed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WIDTH 512

static int open_model(void **state) {
    tr_error_t error = {0};
    tr_embed_t *embed = NULL;
    if (tr_embed_open(&(tr_embed_options_t){0}, &embed, &error) < 0)
        fail_msg("%s", error.text);
    if (tr_embed_dimensions(embed) == WIDTH && strcmp(tr_embed_model(embed), "use-lite-2") == 0) {
        *state = embed;
        return 0;
    }
    printf("SKIPPED: %s\n", tr_embed_warning(embed));
    tr_embed_close(&embed);
    exit(77);
}

static int close_model(void **state) {
    tr_embed_close((tr_embed_t **)state);
    return 0;
}

static float product(const float *a, const float *b) {
    float sum = 0;
    for (size_t i = 0; i < WIDTH; i++)
        sum += a[i] * b[i];
    return sum;
}

static tr_embed_text_t span(const char *text) {
    return (tr_embed_text_t){text, strlen(text), 0};
}

static void meaning_counts_and_not_letters(void **state) {
    const tr_embed_text_t texts[] = {
        span("How old are you?"), span("What is your age?"), span("How cold are yews?"), span("")};
    float v[4 * WIDTH];
    assert_int_equal(tr_embed_batch(*state, texts, 4, v), 0);
    assert_true(fabsf(product(v, v) - 1) < 1e-4F);
    assert_true(product(v, v + WIDTH) > .5F);
    assert_true(product(v, v + WIDTH) > product(v, v + 2 * WIDTH) + .1F);
    assert_true(product(v + 3 * WIDTH, v + 3 * WIDTH) == 0);
    assert_string_equal(tr_embed_warning(*state), "");
}

/* What the encoder has not read still counts by its letters, and what stands in the lead counts more. */
static void the_lead_is_what_is_read(void **state) {
    static const char ships[] = "Ships sail to the harbour. The Zwolle invoice 4711 was paid.";
    const tr_embed_text_t texts[] = {{ships, sizeof ships - 1, strlen("Ships sail to the harbour.")},
        {ships, sizeof ships - 1, 0}, span("Ships sail to the harbour."), span("invoice 4711"),
        span("my cold soup")};
    float v[5 * WIDTH];
    assert_int_equal(tr_embed_batch(*state, texts, 5, v), 0);
    assert_true(product(v, v + 2 * WIDTH) > product(v + WIDTH, v + 2 * WIDTH) + .05F);
    assert_true(product(v, v + 3 * WIDTH) > product(v, v + 4 * WIDTH) + .05F);
}

/* More rows than are encoded together, and a text of several parts among them. */
static void a_batch_is_its_texts_one_by_one(void **state) {
    enum { COUNT = 60 };
    static float together[COUNT * WIDTH], alone[WIDTH];
    static char text[COUNT][64], novel[8000];
    tr_embed_text_t texts[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "The %zu ships of fleet %zu sail on.", i * 7, i);
        texts[i] = span(text[i]);
    }
    for (size_t i = 0; i + 64 < sizeof novel; i += 40)
        snprintf(novel + i, sizeof novel - i, "%-40s", "Nobody had seen such a storm before. ");
    texts[30] = span(novel);
    assert_int_equal(tr_embed_batch(*state, texts, COUNT, together), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(tr_embed_batch(*state, &texts[i], 1, alone), 0);
        assert_true(fabsf(product(alone, together + i * WIDTH) - 1) < 1e-3F);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meaning_counts_and_not_letters),
        cmocka_unit_test(the_lead_is_what_is_read),
        cmocka_unit_test(a_batch_is_its_texts_one_by_one),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
