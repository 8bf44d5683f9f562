/* The state of agents over the lives of their hosts: what is saved before what, and what comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/agent/host_fixture.h"
#include "proto/content.h"

/* A store of one agent, in memory; it fails when it is told to. */
typedef struct memory {
    tr_states_t port;
    char *bytes;
    size_t len, saves;
    int fails;
    tr_host_t *host;
    size_t settled_before; /* when it was saved last */
} memory_t;

static int load(tr_states_t *port, const char *agent, void **ret_bytes, size_t *ret_len, tr_error_t *error) {
    memory_t *m = (memory_t *)port;
    (void)error;
    *ret_bytes = NULL;
    *ret_len = 0;
    if (strcmp(agent, "sum") != 0 || !m->bytes)
        return 0;
    *ret_bytes = malloc(m->len);
    assert_non_null(*ret_bytes);
    memcpy(*ret_bytes, m->bytes, m->len);
    *ret_len = m->len;
    return 0;
}

static int save(tr_states_t *port, const tr_state_change_t *changes, size_t count, tr_error_t *error) {
    memory_t *m = (memory_t *)port;
    assert_int_equal(count, 1);
    assert_string_equal(changes[0].agent, "sum");
    if (m->fails)
        return tr_error_set(error, m->fails, "no room");
    tr_fixture_settled(m->host, &m->settled_before);
    free(m->bytes);
    m->bytes = malloc(changes[0].len);
    assert_non_null(m->bytes);
    memcpy(m->bytes, changes[0].bytes, changes[0].len);
    m->len = changes[0].len;
    m->saves++;
    return 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    int64_t *sum = state;
    *sum += tr_value_int(tr_message_value(message), 0);
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_int(&w, *sum);
    return tr_reply_content(self, message, TR_INFORM, &w);
}

static int save_sum(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    (void)self;
    tr_write_int(out, *(const int64_t *)state);
    return 0;
}

static int restore_sum(tr_agent_t *self, void *state, tr_value_t saved) {
    (void)self;
    *(int64_t *)state = tr_value_int(saved, -1);
    return 0;
}

static const tr_behaviour_t adder = {.abi = TR_BEHAVIOUR_ABI,
    .name = "adder",
    .state_size = sizeof(int64_t),
    .receive = receive,
    .save = save_sum,
    .restore = restore_sum};
static const tr_behaviour_t asker = {.abi = TR_BEHAVIOUR_ABI, .name = "asker"};

static memory_t *memory_new(void) {
    memory_t *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->port = (tr_states_t){.kind = "memory", .load = load, .save = save};
    return m;
}

static tr_agent_t *begin(memory_t *m) {
    m->host = tr_fixture_host();
    m->host->states = &m->port;
    tr_fixture_agent(m->host, "asker", &asker);
    return tr_fixture_agent(m->host, "sum", &adder);
}

static int64_t sum_of(tr_agent_t *agent) {
    return *(int64_t *)tr_agent_state(agent);
}

/* Leased; the first one that a host sees has the delivery number 1, the second 2 ... */
static void add(memory_t *m, int64_t n) {
    const char *to = "sum";
    tr_content_writer_t w;
    tr_acl_t acl = {
        .performative = TR_REQUEST, .sender = "asker@here", .receivers = {.items = &to, .count = 1}};
    tr_content_writer_init(&w);
    tr_write_int(&w, n);
    assert_int_equal(tr_content_writer_take(&w, &acl.content, &acl.content_len), 0);
    tr_fixture_inject(m->host, &acl, TR_FLAG_LEASED);
    tr_fixture_run(m->host);
    tr_content_writer_finish(&w);
}

static void expect_settled(memory_t *m, size_t count, bool release) {
    size_t n;
    const tr_settled_t *settled = tr_fixture_settled(m->host, &n);
    assert_int_equal(n, count);
    if (n)
        assert_int_equal(settled[n - 1].release, release);
}

static void end(memory_t *m) {
    tr_host_destroy(&m->host);
    free(m->bytes);
    free(m);
}

static void it_is_saved_before_it_is_settled(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    assert_int_equal(m->saves, 0); /* to begin changes nothing */
    add(m, 5);
    assert_int_equal(sum_of(sum), 5);
    assert_int_equal(m->saves, 1);
    assert_int_equal(m->settled_before, 0);
    expect_settled(m, 1, false);
    end(m);
}

static void what_comes_again_is_answered_again_and_not_done(void **state) {
    (void)state;
    memory_t *m = memory_new();
    begin(m);
    add(m, 5);
    tr_host_destroy(&m->host);
    tr_agent_t *sum = begin(m);
    assert_int_equal(sum_of(sum), 5);
    tr_fixture_said(m->host);
    add(m, 5); /* delivery 1 again */
    assert_int_equal(sum_of(sum), 5);
    assert_non_null(strstr(tr_fixture_said(m->host), "sum>asker inform"));
    expect_settled(m, 1, false);
    add(m, 7); /* delivery 2 */
    assert_int_equal(sum_of(sum), 12);
    expect_settled(m, 2, false);
    end(m);
}

static void a_store_that_fails_undoes_the_turn(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    add(m, 5);
    m->fails = -ENOSPC;
    add(m, 7);
    assert_int_equal(m->saves, 1);
    expect_settled(m, 2, true);
    assert_int_equal(sum->status, TR_AGENT_BACKOFF);
    m->fails = 0;
    tr_fixture_expire(m->host);
    assert_int_equal(sum->status, TR_AGENT_RUNNING);
    assert_int_equal(sum_of(sum), 5);
    add(m, 7);
    assert_int_equal(sum_of(sum), 12);
    end(m);
}

static void rest(memory_t *m, const tr_agent_t *agent) {
    for (int i = 0; i < 5000 && agent->status != TR_AGENT_PASSIVE; i++)
        tr_host_step(m->host, 10);
    assert_int_equal(agent->status, TR_AGENT_PASSIVE);
    assert_null(agent->more);
}

static void who_is_idle_rests_until_its_next_message(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    m->host->passive_ms = 1;
    add(m, 5);
    rest(m, sum);
    assert_int_equal(sum_of(sum), 0); /* nothing is left of it here */
    add(m, 7);
    assert_int_equal(sum->status, TR_AGENT_RUNNING);
    assert_int_equal(sum_of(sum), 12);
    expect_settled(m, 2, false);
    rest(m, sum);
    end(m);
}

static void wakes(tr_agent_t *self, void *state, void *arg) {
    (void)self;
    (void)state;
    ++*(int *)arg;
}

static void who_has_something_under_way_does_not_rest(void **state) {
    (void)state;
    memory_t *m = memory_new();
    int fired = 0;
    tr_agent_t *sum = begin(m);
    m->host->passive_ms = 1;
    assert_non_null(tr_timer_start(sum, 50, wakes, &fired));
    add(m, 5);
    while (!fired) {
        assert_int_equal(sum->status, TR_AGENT_RUNNING);
        tr_host_step(m->host, 10);
    }
    rest(m, sum);
    end(m);
}

static void bytes_that_lie_are_refused(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    add(m, 5);
    for (size_t len = 0; len < m->len; len++) {
        size_t whole = m->len;
        m->len = len ? len : 1;
        assert_true(tr_agent_begin(sum) < 0);
        assert_null(sum->more ? sum->more->saved : NULL);
        m->len = whole;
    }
    assert_int_equal(tr_agent_begin(sum), 0);
    assert_int_equal(sum_of(sum), 5);
    end(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_saved_before_it_is_settled),
        cmocka_unit_test(what_comes_again_is_answered_again_and_not_done),
        cmocka_unit_test(a_store_that_fails_undoes_the_turn),
        cmocka_unit_test(who_is_idle_rests_until_its_next_message),
        cmocka_unit_test(who_has_something_under_way_does_not_rest),
        cmocka_unit_test(bytes_that_lie_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
