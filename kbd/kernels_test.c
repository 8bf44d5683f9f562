/* Each kernel that this processor has computes what a plain loop does, also through FAISS's names, and reads nothing behind the vectors. */
#include "kbd/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the headers above */
#include <cmocka.h>

/* As FAISS calls them: its headers are C++. */
float faiss_product(const float *x, const float *y, size_t d) __asm__(
    "_ZN5faiss18fvec_inner_productEPKfS1_m");
float faiss_distance(const float *x, const float *y, size_t d) __asm__("_ZN5faiss10fvec_L2sqrEPKfS1_m");

static float *vector_of(size_t d, unsigned seed) {
    float *v = malloc(d * sizeof *v); /* exactly: a sanitizer sees what reads on */
    for (size_t i = 0; i < d; i++)
        v[i] = (float)(rand_r(&seed) % 2000) / 1000 - 1;
    return v;
}

static void check_size(size_t d) {
    float *x = vector_of(d, 1), *y = vector_of(d, 2);
    double product = 0, distance = 0;
    for (size_t i = 0; i < d; i++) {
        product += (double)x[i] * (double)y[i];
        distance += pow((double)x[i] - (double)y[i], 2);
    }
    assert_true(fabs((double)tr_kernel_product(x, y, d) - product) < 1e-3);
    assert_true(fabs((double)tr_kernel_distance(x, y, d) - distance) < 1e-3);
    assert_true(fabs((double)faiss_product(x, y, d) - product) < 1e-3);
    assert_true(fabs((double)faiss_distance(x, y, d) - distance) < 1e-3);
    int8_t *bytes = malloc(d);
    int16_t *words = malloc(d * sizeof *words);
    int32_t by_bytes = 0;
    for (size_t i = 0; i < d; i++) {
        bytes[i] = (int8_t)(i * 37 % 255 - 127);
        words[i] = (int16_t)(i * 389 % 2047 - 1023);
        by_bytes += words[i] * bytes[i];
    }
    assert_int_equal(tr_kernel_product_bytes(words, bytes, d), by_bytes);
    free(bytes);
    free(words);
    free(x);
    free(y);
}

static void check_level(tr_kernels_level_t level) {
    if (!tr_kernels_choose(level))
        skip();
    for (size_t d = 1; d < 200; d++)
        check_size(d);
    check_size(512);
    check_size(768);
    check_size(1537);
}

static void plain(void **state) {
    (void)state;
    check_level(TR_KERNELS_PLAIN);
    assert_string_equal(tr_kernels_name(), "plain");
}

static void avx2(void **state) {
    (void)state;
    check_level(TR_KERNELS_AVX2);
    assert_string_equal(tr_kernels_name(), "avx2");
}

static void avx512(void **state) {
    (void)state;
    check_level(TR_KERNELS_AVX512);
    assert_string_equal(tr_kernels_name(), "avx512");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain), cmocka_unit_test(avx2), cmocka_unit_test(avx512)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
