/* When it is looked again before sleeping. */
#include "kbd/linger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define LOOK INT64_C(2000)

/* How long it goes on where nothing comes. */
static int64_t lingers(tr_linger_t *self, int64_t from) {
    int64_t now = from;
    while (tr_linger_looks(self, now += LOOK))
        assert_true(now - from < 2 * TR_LINGER_NS);
    return now - from;
}

static void for_a_moment(void **state) {
    tr_linger_t l;
    (void)state;
    tr_linger_init(&l, 2);
    assert_false(tr_linger_looks(&l, 5));
    tr_linger_answered(&l, 1000);
    int64_t took = lingers(&l, 1000);
    assert_true(took > TR_LINGER_NS && took <= TR_LINGER_NS + LOOK);
}

/* Where nothing comes it is not tried each time; where something does, it is. */
static void rests(void **state) {
    tr_linger_t l;
    (void)state;
    tr_linger_init(&l, 2);
    for (int i = 0; i < 100; i++) {
        tr_linger_answered(&l, 0);
        assert_true(tr_linger_looks(&l, LOOK));
        tr_linger_end(&l);
        assert_false(tr_linger_looks(&l, 2 * LOOK));
    }
    tr_linger_answered(&l, 0);
    lingers(&l, 0);
    for (unsigned i = 0; i < TR_LINGER_REST; i++) {
        tr_linger_answered(&l, 0);
        assert_false(tr_linger_looks(&l, LOOK));
    }
    tr_linger_answered(&l, 0);
    assert_true(tr_linger_looks(&l, LOOK));
}

static void others_want_the_processor(void **state) {
    tr_linger_t l;
    (void)state;
    tr_linger_init(&l, 2);
    tr_linger_answered(&l, 0);
    assert_true(tr_linger_looks(&l, LOOK));
    assert_false(tr_linger_looks(&l, 2 * LOOK + TR_LINGER_KEPT_NS));
    tr_linger_answered(&l, 0);
    assert_false(tr_linger_looks(&l, LOOK));
}

static void one_processor(void **state) {
    tr_linger_t l;
    (void)state;
    tr_linger_init(&l, 1);
    tr_linger_answered(&l, 0);
    assert_false(tr_linger_looks(&l, LOOK));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_a_moment),
        cmocka_unit_test(rests),
        cmocka_unit_test(others_want_the_processor),
        cmocka_unit_test(one_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
