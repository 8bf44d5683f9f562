#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/shell/doze.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define NEVER_MS 600000
#define AWAKE_NS 1000000

typedef struct world {
    tr_doze_t doze;
    int links, rare;
} world_t;

static void begin(world_t *w, int64_t tick_ms) {
    tr_error_t error = {0};
    assert_int_equal(tr_doze_init(&w->doze, tick_ms, &error), 0);
    w->links = eventfd(0, EFD_CLOEXEC);
    w->rare = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(tr_doze_add(&w->doze, w->rare, TR_DOZE_JOURNAL, &error), 0);
}

static void end(world_t *w) {
    close(w->links);
    close(w->rare);
    tr_doze_finish(&w->doze);
}

static void put(int fd) {
    assert_int_equal(eventfd_write(fd, 1), 0);
}

static void awake_or_asleep_it_says_the_same(void **state) {
    world_t w;
    (void)state;
    begin(&w, NEVER_MS);
    assert_int_equal(tr_doze(&w.doze, w.links, false, 0), 0);
    put(w.links); /* is no reason, but wakes */
    assert_int_equal(tr_doze(&w.doze, w.links, true, 0), 0);
    assert_int_equal(tr_doze(&w.doze, w.links, true, AWAKE_NS), 0);
    put(w.rare);
    assert_int_equal(tr_doze(&w.doze, w.links, false, 0), TR_DOZE_JOURNAL);
    assert_int_equal(tr_doze(&w.doze, w.links, true, 0), TR_DOZE_JOURNAL);
    assert_int_equal(tr_doze(&w.doze, w.links, true, AWAKE_NS), TR_DOZE_JOURNAL);
    end(&w);
}

/* Also where nothing comes while it is awake. */
static void the_tick_wakes_it(void **state) {
    world_t w;
    (void)state;
    begin(&w, 20);
    assert_int_equal(tr_doze(&w.doze, w.links, true, 0), TR_DOZE_TICK);
    assert_int_equal(tr_doze(&w.doze, w.links, true, AWAKE_NS), TR_DOZE_TICK);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awake_or_asleep_it_says_the_same),
        cmocka_unit_test(the_tick_wakes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
