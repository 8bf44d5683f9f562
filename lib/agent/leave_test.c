/* An agent that goes to another process: when it is ready, what is packed, and that it goes on from there, here or there. */
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

typedef struct adder {
    int64_t sum;
    tr_message_t *kept;
} adder_t;

static int begins, ends;

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    (void)state;
    begins++;
    if (tr_value_get(args, "ticks"))
        tr_agent_tick_every(self, 1000);
    return 0;
}

/* 0 is kept until the next one comes. */
static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    adder_t *a = state;
    int64_t n = tr_value_int(tr_message_value(message), -1);
    (void)self;
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0; /* there is no ams in this world: what was said to it comes back */
    if (n == 0) {
        a->kept = tr_message_keep(message);
        return 0;
    }
    tr_message_done(&a->kept);
    a->sum += n;
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    adder_t *a = state;
    (void)self;
    ends++;
    tr_message_done(&a->kept);
}

static int save(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    (void)self;
    tr_write_int(out, ((const adder_t *)state)->sum);
    return 0;
}

static int restore(tr_agent_t *self, void *state, tr_value_t saved) {
    (void)self;
    int64_t sum = tr_value_int(saved, -1);
    ((adder_t *)state)->sum = sum;
    return sum == 13 ? -EINVAL : 0; /* it does not like that number */
}

static const tr_behaviour_t adder = {.abi = TR_BEHAVIOUR_ABI,
    .name = "adder",
    .state_size = sizeof(adder_t),
    .init = init,
    .receive = receive,
    .fini = fini,
    .save = save,
    .restore = restore};
static const tr_behaviour_t mute = {.abi = TR_BEHAVIOUR_ABI, .name = "mute"};

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *sum;
} stage_t;

static int setup(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    assert_non_null(s);
    begins = ends = 0;
    s->host = tr_fixture_host();
    tr_fixture_agent(s->host, "asker", &mute);
    s->sum = tr_fixture_agent(s->host, "sum", &adder);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    stage_t *s = *state;
    tr_host_destroy(&s->host);
    free(s);
    return 0;
}

static void send_as(tr_host_t *host, const char *sender, const char *to, tr_content_writer_t *w) {
    tr_acl_t acl = {.performative = TR_REQUEST,
        .sender = sender,
        .receivers = {.items = &to, .count = 1},
        .conversation_id = "move-1",
        .reply_with = "move-1"};
    assert_int_equal(tr_content_writer_take(w, &acl.content, &acl.content_len), 0);
    tr_fixture_inject(host, &acl, 0);
    tr_fixture_run(host);
    tr_content_writer_finish(w);
}

static void add(const stage_t *s, int64_t n) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_int(&w, n);
    send_as(s->host, "asker@here", "sum", &w);
}

static void order(const stage_t *s, const char *to, const char *step) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "action", "move");
    tr_write_kv(&w, "step", step);
    tr_write_kv_uint(&w, "move", 1);
    tr_fixture_said(s->host);
    send_as(s->host, "ams@here", to, &w);
}

static int64_t sum_of(const tr_agent_t *agent) {
    return ((const adder_t *)tr_agent_state(agent))->sum;
}

typedef struct parcel {
    void *bytes;
    tr_content_t order; /* points into them */
} parcel_t;

static void parcel_finish(parcel_t *p) {
    tr_content_finish(&p->order);
    free(p->bytes);
}

/* The order of the AMS to a station, with what was packed last. */
static parcel_t parcel(const stage_t *s, bool durable) {
    const tr_acl_t *last = tr_fixture_last(s->host);
    tr_content_writer_t w;
    parcel_t p;
    const void *bytes;
    size_t len;
    assert_int_equal(last->performative, TR_INFORM);
    tr_content_writer_init(&w);
    tr_write_map(&w, 5);
    tr_write_kv(&w, "action", "take");
    tr_write_kv(&w, "name", "sum");
    tr_write_kv_uint(&w, "move", 1);
    tr_write_kv_bool(&w, "durable", durable);
    tr_write_str(&w, "parcel");
    tr_write_bin(&w, last->content, last->content_len);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    p.bytes = malloc(len);
    assert_non_null(p.bytes);
    memcpy(p.bytes, bytes, len);
    assert_int_equal(tr_content_init(&p.order, p.bytes, len), 0);
    tr_content_writer_finish(&w);
    return p;
}

static const tr_behaviour_t *find(void *arg, const char *name) {
    (void)arg;
    return !strcmp(name, "adder") ? &adder : NULL;
}

static void it_is_ready_when_nothing_is_in_hand(void **state) {
    stage_t *s = *state;
    add(s, 0);
    order(s, "sum", "prepare");
    assert_string_equal(tr_fixture_said(s->host), ""); /* it has kept a message */
    add(s, 5);
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "sum>ams inform");
    assert_int_equal(sum_of(s->sum), 5); /* it goes on meanwhile */
    add(s, 0);
    order(s, "sum", "leave"); /* something began in the last moment */
    assert_string_equal(tr_fixture_said(s->host), "sum>ams refuse");
    assert_int_equal(ends, 0);
}

static void one_that_saves_nothing_stays(void **state) {
    stage_t *s = *state;
    order(s, "asker", "prepare");
    assert_string_equal(tr_fixture_said(s->host), "asker>ams refuse");
}

static void it_goes_on_here_where_it_stays(void **state) {
    stage_t *s = *state;
    add(s, 5);
    order(s, "sum", "prepare");
    order(s, "sum", "leave");
    assert_string_equal(tr_fixture_said(s->host), "sum>ams inform");
    assert_int_equal(ends, 1);
    add(s, 2); /* nothing should come now, and what does waits */
    assert_int_equal(sum_of(s->sum), 0);
    order(s, "sum", "stay");
    assert_int_equal(begins, 2);
    assert_int_equal(sum_of(s->sum), 7);
    add(s, 1);
    assert_int_equal(sum_of(s->sum), 8);
}

static void it_goes_on_there(void **state) {
    stage_t *s = *state;
    add(s, 5);
    order(s, "sum", "prepare");
    order(s, "sum", "leave");
    parcel_t p = parcel(s, false);
    tr_error_t error = {0};
    assert_int_equal(tr_host_take(s->host, &p.order.root, find, NULL, &error), -EEXIST); /* it is here */
    tr_host_t *there = tr_fixture_host();
    assert_int_equal(tr_host_take(there, &p.order.root, find, NULL, &error), 0);
    assert_int_equal(sum_of(tr_host_agent(there, "sum", 0)), 5);
    tr_leave_done(s->host, "sum");
    assert_null(tr_host_agent(s->host, "sum", 0));
    parcel_finish(&p);
    tr_host_destroy(&there);
}

static void what_a_place_does_not_have(void **state) {
    stage_t *s = *state;
    tr_error_t error = {0};
    add(s, 13);
    order(s, "sum", "prepare");
    order(s, "sum", "leave");
    parcel_t p = parcel(s, true), q = parcel(s, false);
    tr_host_t *there = tr_fixture_host();
    assert_int_equal(tr_host_take(there, &p.order.root, find, NULL, &error), -ENOTSUP);
    assert_non_null(strstr(error.text, "its mailbox is durable"));
    assert_int_equal(tr_host_take(there, &q.order.root, find, NULL, &error), -EINVAL); /* restore */
    assert_null(tr_host_agent(there, "sum", 0));
    assert_int_equal(tr_host_take(there, NULL, find, NULL, &error), -EBADMSG);
    parcel_finish(&p);
    parcel_finish(&q);
    tr_host_destroy(&there);
}

static void one_that_is_removed_is_not_asked_any_more(void **state) {
    stage_t *s = *state;
    add(s, 0); /* it is not ready */
    order(s, "sum", "prepare");
    assert_int_equal(tr_host_remove(s->host, "sum"), 0);
    tr_fixture_run(s->host);
    assert_int_equal(tr_host_step(s->host, 0), 0); /* nobody looks at it: the sanitizer would say so */
    assert_null(s->host->leaving);
    assert_string_equal(tr_fixture_said(s->host), "");
}

static void what_was_prepared_in_another_session_is_forgotten(void **state) {
    stage_t *s = *state;
    add(s, 0);
    order(s, "sum", "prepare");
    tr_fixture_session(s->host);
    assert_int_equal(tr_host_step(s->host, 0), 0);
    add(s, 5); /* it is ready, and nobody wants to know */
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_said(s->host), "");
    order(s, "sum", "leave");
    assert_string_equal(tr_fixture_said(s->host), "sum>ams refuse");
    assert_int_equal(sum_of(s->sum), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_ready_when_nothing_is_in_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_saves_nothing_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(it_goes_on_here_where_it_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(it_goes_on_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_place_does_not_have, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_removed_is_not_asked_any_more, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_prepared_in_another_session_is_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
