#include "lib/embed/embed.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXTS_MAX 8

static tr_embed_t *open_ngrams(void) {
    tr_embed_t *embed = NULL;
    tr_error_t error = {0};
    if (tr_embed_open(&(tr_embed_options_t){.path = "ngrams"}, &embed, &error) < 0)
        fail_msg("%s", error.text);
    return embed;
}

/* The vectors of texts; the caller frees them. */
static float *embed_texts(tr_embed_t *embed, const char *const *texts, size_t count) {
    tr_embed_text_t spans[TEXTS_MAX];
    float *vectors = malloc(count * tr_embed_dimensions(embed) * sizeof *vectors);
    assert_non_null(vectors);
    for (size_t i = 0; i < count; i++)
        spans[i] = (tr_embed_text_t){texts[i], strlen(texts[i]), 0};
    assert_int_equal(tr_embed_batch(embed, spans, count, vectors), 0);
    return vectors;
}

static float product(const float *vectors, size_t dimensions, size_t a, size_t b) {
    float sum = 0;
    for (size_t i = 0; i < dimensions; i++)
        sum += vectors[a * dimensions + i] * vectors[b * dimensions + i];
    return sum;
}

static void it_says_what_it_is(void **state) {
    (void)state;
    tr_embed_t *embed = open_ngrams();
    assert_string_equal(tr_embed_model(embed), "ngrams-1");
    assert_int_equal(tr_embed_dimensions(embed), 512);
    assert_non_null(strstr(tr_embed_warning(embed), "tools/setup --embeddings"));
    tr_embed_close(&embed);
    assert_null(embed);
    tr_embed_close(&embed);
}

static void vectors_have_length_one_and_compare(void **state) {
    (void)state;
    const char *const texts[] = {"The ships sail to the harbour.", "A ship is sailing into a harbor",
        "My soup was cold", "the SHIPS sail to the harbour", "", "?! \xff"};
    tr_embed_t *embed = open_ngrams();
    size_t n = tr_embed_dimensions(embed);
    float *v = embed_texts(embed, texts, 6);
    assert_true(fabsf(product(v, n, 0, 0) - 1) < 1e-4F);
    assert_true(fabsf(product(v, n, 0, 3) - 1) < 1e-4F); /* neither case nor marks matter */
    assert_true(product(v, n, 0, 1) > product(v, n, 0, 2) + .1F);
    assert_true(product(v, n, 0, 2) < .2F);
    assert_true(product(v, n, 4, 4) == 0); /* no words: zeros */
    assert_true(product(v, n, 5, 5) == 0);
    free(v);
    tr_embed_close(&embed);
}

static void a_batch_is_its_texts_one_by_one(void **state) {
    (void)state;
    char long_word[5000];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    const char *const texts[] = {"one", long_word, "три слова тут", "\xf0\x9f\x98\x80 smile"};
    tr_embed_t *embed = open_ngrams();
    size_t n = tr_embed_dimensions(embed);
    float *together = embed_texts(embed, texts, 4);
    for (size_t i = 0; i < 4; i++) {
        float *alone = embed_texts(embed, texts + i, 1);
        assert_memory_equal(alone, together + i * n, n * sizeof *alone);
        assert_true(fabsf(product(alone, n, 0, 0) - 1) < 1e-4F);
        free(alone);
    }
    free(together);
    tr_embed_close(&embed);
}

static void a_file_that_is_named_must_be_there(void **state) {
    (void)state;
    tr_embed_t *embed = NULL;
    tr_error_t error = {0};
    assert_true(tr_embed_open(&(tr_embed_options_t){.path = "/nowhere/embeddings.bin"}, &embed, &error) < 0);
    assert_null(embed);
    assert_true(strlen(error.text) > 0);
    setenv("TROUPE_EMBEDDINGS", "/nowhere/either.bin", 1);
    assert_true(tr_embed_open(&(tr_embed_options_t){0}, &embed, &error) < 0);
    setenv("TROUPE_EMBEDDINGS", "ngrams", 1);
    assert_int_equal(tr_embed_open(&(tr_embed_options_t){0}, &embed, &error), 0);
    tr_embed_close(&embed);
    unsetenv("TROUPE_EMBEDDINGS");
}

/* Whatever the processor is, also one that is newer than OpenBLAS. */
static void the_kernels_are_those_of_the_processor(void **state) {
    tr_embed_t *embed = NULL;
    tr_error_t error = {0};
    (void)state;
    assert_true(tr_embed_open(&(tr_embed_options_t){.path = "/nowhere/embeddings.bin"}, &embed, &error) < 0);
    void *blas = dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_NOLOAD);
    const char *(*name)(void) = blas ? (const char *(*)(void))dlsym(blas, "openblas_get_corename") : NULL;
    assert_null(getenv("OPENBLAS_CORETYPE"));
#if defined(__x86_64__)
    if (name && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_string_not_equal(name(), "Prescott");
#endif
    if (!name)
        skip(); /* built without it */
    dlclose(blas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_it_is),
        cmocka_unit_test(vectors_have_length_one_and_compare),
        cmocka_unit_test(a_batch_is_its_texts_one_by_one),
        cmocka_unit_test(the_kernels_are_those_of_the_processor),
        cmocka_unit_test(a_file_that_is_named_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
