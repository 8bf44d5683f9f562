/* The program is linked with OpenBLAS, which has chosen before it begins: with kernels that it does not want the first time where the processor is newer. */
#include "lib/embed/blas.h"

#include <cblas.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_kernels_are_those_of_the_processor(void **state) {
    (void)state;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_string_not_equal(openblas_get_corename(), "Prescott");
#endif
}

/* Whoever is told by the user stays with that. */
static void a_users_own_choice_is_left_alone(void **state) {
    char *argv[] = {(char[]){"blas_test"}, NULL};
    (void)state;
    assert_int_equal(setenv("OPENBLAS_CORETYPE", "Prescott", 1), 0);
    assert_false(tr_blas_tell());
    tr_blas_choose(argv);
    assert_string_equal(getenv("OPENBLAS_CORETYPE"), "Prescott");
}

/* It is loaded: a variable would come too late. */
static void what_is_loaded_is_not_told(void **state) {
    (void)state;
    assert_int_equal(unsetenv("OPENBLAS_CORETYPE"), 0);
    assert_false(tr_blas_tell());
    assert_null(getenv("OPENBLAS_CORETYPE"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernels_are_those_of_the_processor),
        cmocka_unit_test(a_users_own_choice_is_left_alone),
        cmocka_unit_test(what_is_loaded_is_not_told),
    };
    (void)argc;
    tr_blas_choose(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
