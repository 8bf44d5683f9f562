/* Vectors in memory: the nearest are found, as a plain loop finds them. */
#include "kbd/vectors.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define D 32
#define N 500

static float all[N][D];

static void fill(void) {
    unsigned seed = 1;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            all[i][j] = (float)(rand_r(&seed) % 2000) / 1000 - 1;
}

static float product(const float *a, const float *b) {
    float sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += a[i] * b[i];
    return sum;
}

static void the_nearest_are_found(void **state) {
    (void)state;
    tr_kb_vectors_t *v = tr_kb_vectors_new(D);
    int64_t chunks[10];
    float scores[10], score;
    fill();
    for (size_t i = 0; i < N; i++)
        assert_int_equal(tr_kb_vectors_add(v, (int64_t)(3 * i + 7), all[i]), 0);
    assert_int_equal(tr_kb_vectors_search(v, all[5], 10, chunks, scores), 10);
    size_t nearer = 0;
    for (size_t i = 0; i < N; i++)
        nearer += product(all[5], all[i]) > scores[9] + 1e-4f;
    assert_int_equal(nearer, 9);
    for (size_t i = 0; i < 10; i++) {
        assert_true(i == 0 || scores[i] <= scores[i - 1]);
        assert_true(fabsf(scores[i] - product(all[5], all[(chunks[i] - 7) / 3])) < 1e-3f);
        assert_int_equal(tr_kb_vectors_score(v, all[5], chunks[i], &score), 0);
        assert_true(fabsf(scores[i] - score) < 1e-3f);
    }
    tr_kb_vectors_destroy(&v);
    assert_null(v);
}

static void few(void **state) {
    (void)state;
    tr_kb_vectors_t *v = tr_kb_vectors_new(D);
    int64_t chunks[10];
    float scores[10];
    assert_int_equal(tr_kb_vectors_search(v, all[0], 10, chunks, scores), 0);
    assert_int_equal(tr_kb_vectors_add(v, 5, all[0]), 0);
    assert_int_equal(tr_kb_vectors_add(v, 5, all[0]), -EEXIST);
    assert_int_equal(tr_kb_vectors_add(v, 4, all[0]), -EINVAL);
    assert_int_equal(tr_kb_vectors_search(v, all[0], 10, chunks, scores), 1);
    assert_int_equal(chunks[0], 5);
    assert_int_equal(tr_kb_vectors_score(v, all[0], 6, scores), -ENOENT);
    tr_kb_vectors_destroy(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_nearest_are_found), cmocka_unit_test(few)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
