#include "lib/store/states_conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LARGE (3u << 20)

static void expect(tr_states_t *states, const char *agent, const void *bytes, size_t len) {
    void *got = NULL;
    size_t got_len = 99;
    tr_error_t error = {0};
    assert_int_equal(states->load(states, agent, &got, &got_len, &error), 0);
    assert_int_equal(got_len, len);
    assert_true((got == NULL) == (bytes == NULL));
    if (len)
        assert_memory_equal(got, bytes, len);
    free(got);
}

static void save(tr_states_t *states, const tr_state_change_t *changes, size_t n) {
    tr_error_t error = {0};
    assert_int_equal(states->save(states, changes, n, &error), 0);
}

static void large_ones(tr_states_t *states) {
    char *large = malloc(LARGE);
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 31);
    save(states, &(tr_state_change_t){"large", large, LARGE}, 1);
    expect(states, "large", large, LARGE);
    save(states, &(tr_state_change_t){"large", NULL, 0}, 1);
    expect(states, "large", NULL, 0);
    free(large);
}

void tr_states_conform(tr_states_t *states) {
    expect(states, "kept", NULL, 0);
    const tr_state_change_t both[] = {{"kept", "one", 3}, {"other-1", "a\0b'\\", 5}};
    save(states, both, 2);
    expect(states, "kept", "one", 3);
    expect(states, "other-1", "a\0b'\\", 5);
    expect(states, "other", NULL, 0);
    const tr_state_change_t turn[] = {{"other-1", NULL, 0}, {"kept", "two", 3}, {"unknown", NULL, 0}};
    save(states, turn, 3);
    expect(states, "kept", "two", 3);
    expect(states, "other-1", NULL, 0);
    large_ones(states);
    save(states, &(tr_state_change_t){"kept", "", 0}, 1);
    expect(states, "kept", "", 0);
    save(states, &(tr_state_change_t){"kept", "three", 5}, 1);
}

void tr_states_conform_again(tr_states_t *states) {
    expect(states, "kept", "three", 5);
    expect(states, "other-1", NULL, 0);
}
