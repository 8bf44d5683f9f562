/* The state of agents over the lives of their hosts: what is saved before what, and what comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/agent/host_fixture.h"
#include "lib/agent/saved.h"
#include "proto/content.h"

/* A store in memory; it fails when it is told to. */
#define RECORDS_MAX 2200

typedef struct record {
    char name[64];
    char *bytes; /* NULL = there is none */
    size_t len;
} record_t;

typedef struct memory {
    tr_states_t port;
    record_t records[RECORDS_MAX];
    size_t saves, saved_bytes; /* of the last one */
    int fails;
    tr_host_t *host;
    size_t settled_before; /* when it was saved last */
} memory_t;

static record_t *record_of(memory_t *m, const char *name) {
    record_t *empty = NULL;
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        record_t *r = &m->records[i];
        if (r->bytes && !strcmp(r->name, name))
            return r;
        empty = empty || r->bytes ? empty : r;
    }
    assert_non_null(empty);
    snprintf(empty->name, sizeof empty->name, "%s", name);
    return empty;
}

static size_t records_of(const memory_t *m) {
    size_t n = 0;
    for (size_t i = 0; i < RECORDS_MAX; i++)
        n += m->records[i].bytes != NULL;
    return n;
}

static int load(tr_states_t *port, const char *agent, void **ret_bytes, size_t *ret_len, tr_error_t *error) {
    const record_t *r = record_of((memory_t *)port, agent);
    (void)error;
    *ret_bytes = NULL;
    *ret_len = 0;
    if (!r->bytes)
        return 0;
    *ret_bytes = malloc(r->len);
    assert_non_null(*ret_bytes);
    memcpy(*ret_bytes, r->bytes, r->len);
    *ret_len = r->len;
    return 0;
}

static int save(tr_states_t *port, const tr_state_change_t *changes, size_t count, tr_error_t *error) {
    memory_t *m = (memory_t *)port;
    if (m->fails)
        return tr_error_set(error, m->fails, "no room");
    tr_fixture_settled(m->host, &m->settled_before);
    m->saved_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        record_t *r = record_of(m, changes[i].agent);
        free(r->bytes);
        r->bytes = changes[i].bytes ? malloc(changes[i].len) : NULL;
        if (r->bytes)
            memcpy(r->bytes, changes[i].bytes, changes[i].len);
        r->len = changes[i].len;
        m->saved_bytes += changes[i].len;
    }
    m->saves++;
    return 0;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    int64_t *sum = state;
    size_t len;
    const void *event = tr_message_content(message, &len);
    assert_int_equal(tr_agent_append(self, event, len), self->hosted->behaviour->replay ? 0 : -ENOTSUP);
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

static tr_agent_t *begin_with(memory_t *m, const tr_behaviour_t *behaviour) {
    m->host = tr_fixture_host();
    m->host->states = &m->port;
    tr_fixture_agent(m->host, "asker", &asker);
    return tr_fixture_agent(m->host, "sum", behaviour);
}

#define begin(m) begin_with(m, &adder)

static int64_t sum_of(tr_agent_t *agent) {
    return *(int64_t *)tr_agent_state(agent);
}

/* Leased; the first one that a host sees has the delivery number 1, the second 2 ... */
static void inject(memory_t *m, int64_t n) {
    const char *to = "sum";
    tr_content_writer_t w;
    tr_acl_t acl = {
        .performative = TR_REQUEST, .sender = "asker@here", .receivers = {.items = &to, .count = 1}};
    tr_content_writer_init(&w);
    tr_write_int(&w, n);
    assert_int_equal(tr_content_writer_take(&w, &acl.content, &acl.content_len), 0);
    tr_fixture_inject(m->host, &acl, TR_FLAG_LEASED);
    tr_content_writer_finish(&w);
}

static void add(memory_t *m, int64_t n) {
    inject(m, n);
    tr_fixture_run(m->host);
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
    for (size_t i = 0; i < RECORDS_MAX; i++)
        free(m->records[i].bytes);
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

/* Whether anything waits to leave. */
static bool is_leaving(memory_t *m) {
    return tr_fixture_deliver(m->host);
}

static void what_an_undone_turn_sent_does_not_leave(void **state) {
    (void)state;
    memory_t *m = memory_new();
    begin(m);
    m->fails = -ENOSPC;
    inject(m, 7);
    assert_true(tr_fixture_deliver(m->host));
    assert_false(is_leaving(m));
    m->fails = 0;
    tr_fixture_expire(m->host);
    inject(m, 7);
    assert_true(tr_fixture_deliver(m->host));
    assert_true(is_leaving(m));
    end(m);
}

static void a_commit_costs_what_it_changes(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    add(m, 1);
    size_t first = m->saved_bytes;
    for (int i = 0; i < 30; i++)
        add(m, 1);
    assert_true(m->saved_bytes <= first + 16); /* numbers have grown */
    assert_int_equal(records_of(m), 32);       /* its own, and a page of each answer that nobody has taken */
    tr_fixture_take(m->host);
    add(m, 1);
    assert_int_equal(records_of(m), 2);
    assert_int_equal(sum_of(sum), 32);
    end(m);
}

/* One of them writes nothing when it is told to. */
typedef struct moody {
    int64_t value;
    bool fails;
} moody_t;

static int save_moody(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    const moody_t *moody = state;
    (void)self;
    if (moody->fails)
        return -ERANGE;
    tr_write_int(out, moody->value);
    return 0;
}

static int restore_moody(tr_agent_t *self, void *state, tr_value_t saved) {
    (void)self;
    ((moody_t *)state)->value = tr_value_int(saved, -1);
    return 0;
}

static void count(tr_agent_t *self, void *state, void *arg) {
    (void)self;
    (void)arg;
    ((moody_t *)state)->value++;
}

static void who_cannot_be_written_fails_alone(void **state) {
    (void)state;
    static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI,
        .name = "moody",
        .state_size = sizeof(moody_t),
        .save = save_moody,
        .restore = restore_moody};
    memory_t *m = memory_new();
    begin(m);
    tr_agent_t *one = tr_fixture_agent(m->host, "one", &behaviour);
    tr_agent_t *two = tr_fixture_agent(m->host, "two", &behaviour);
    moody_t *of_one = tr_agent_state(one), *of_two = tr_agent_state(two);
    tr_timer_start(one, 0, count, NULL);
    tr_timer_start(two, 0, count, NULL);
    tr_host_step(m->host, 0);
    assert_int_equal(m->saves, 1); /* both in one */
    of_two->fails = true;
    tr_timer_start(one, 0, count, NULL);
    tr_timer_start(two, 0, count, NULL);
    tr_host_step(m->host, 0);
    assert_int_equal(m->saves, 2);
    assert_int_equal(one->status, TR_AGENT_RUNNING);
    assert_int_equal(of_one->value, 2);
    assert_int_equal(two->status, TR_AGENT_BACKOFF);
    tr_fixture_expire(m->host);
    assert_int_equal(of_two->value, 1);
    end(m);
}

static void another_broker_has_other_numbers(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    tr_fixture_broker(m->host, 77);
    add(m, 5);
    tr_fixture_broker(m->host, 77);
    add(m, 5); /* delivery 1 of the same */
    assert_int_equal(sum_of(sum), 5);
    tr_fixture_broker(m->host, 78);
    add(m, 7); /* delivery 1 of another one */
    assert_int_equal(sum_of(sum), 12);
    expect_settled(m, 1, false);
    tr_host_destroy(&m->host);
    sum = begin(m);
    tr_fixture_broker(m->host, 79);
    assert_int_equal(sum_of(sum), 12);
    add(m, 1); /* and of one that this process has not met */
    assert_int_equal(sum_of(sum), 13);
    end(m);
}

static void rest(memory_t *m, const tr_agent_t *agent) {
    for (int i = 0; i < 5000 && agent->status != TR_AGENT_PASSIVE; i++)
        tr_host_step(m->host, 10);
    assert_int_equal(agent->status, TR_AGENT_PASSIVE);
    assert_null(agent->more);
}

#define LONG_MS 1000000

/* From the next call of an agent on. */
static void rest_after(memory_t *m, int64_t ms) {
    if (m->host->passive_timer)
        tr_timers_remove(&m->host->timers, m->host->passive_timer);
    m->host->passive_timer = NULL;
    m->host->passive_ms = ms;
}

static void who_is_idle_rests_until_its_next_message(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    m->host->passive_ms = 1;
    add(m, 5);
    rest(m, sum);
    assert_int_equal(sum_of(sum), 0); /* nothing is left of it here */
    rest_after(m, LONG_MS);           /* or on a slow machine it rests again before it is looked at */
    add(m, 7);
    assert_int_equal(sum->status, TR_AGENT_RUNNING);
    assert_int_equal(sum_of(sum), 12);
    expect_settled(m, 2, false);
    rest_after(m, 1);
    add(m, 1);
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

static void looks(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    (void)self;
    (void)state;
    (void)fd;
    (void)events;
    (void)arg;
}

static void what_is_under_way_is_counted(void **state) {
    (void)state;
    memory_t *m = memory_new();
    int fired = 0;
    tr_agent_t *sum = begin(m);
    add(m, 1);
    const uint32_t *counter = &sum->more->under_way;
    tr_timer_t *one = tr_timer_start(sum, 1000, wakes, &fired);
    tr_timer_start(sum, 1000, wakes, &fired);
    tr_timer_start(sum, 0, wakes, &fired);
    assert_int_equal(*counter, 3);
    tr_timer_cancel(&one);
    tr_host_step(m->host, 0);
    assert_int_equal(fired, 1);
    assert_int_equal(*counter, 1);
    assert_int_equal(tr_watch(sum, 0, POLLIN, looks, NULL), 0);
    assert_int_equal(tr_watch(sum, 0, POLLOUT, looks, NULL), 0); /* the same, for something else */
    assert_int_equal(*counter, 2);
    assert_int_equal(tr_watch(sum, 0, 0, NULL, NULL), 0);
    assert_int_equal(tr_watch(sum, 0, 0, NULL, NULL), 0);
    assert_int_equal(*counter, 1);
    assert_int_equal(tr_watch(sum, 0, POLLOUT, looks, NULL), 0);
    m->fails = -ENOSPC;
    add(m, 1); /* a failure ends all of it, and begins one: that to begin again, which is the host's */
    assert_int_equal(*counter, 0);
    end(m);
}

static int keep_it(tr_agent_t *self, void *state, const tr_message_t *message) {
    tr_message_t **kept = state;
    (void)self;
    *kept = tr_message_keep(message);
    return *kept ? 0 : -ENOMEM;
}

static int save_nothing(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    (void)self;
    (void)state;
    tr_write_nil(out);
    return 0;
}

static int restore_nothing(tr_agent_t *self, void *state, tr_value_t saved) {
    (void)self;
    (void)state;
    (void)saved;
    return 0;
}

/* One that was kept before a failure says nothing of those that are kept now. */
static void a_kept_message_is_of_its_life(void **state) {
    (void)state;
    static const tr_behaviour_t keeper = {.abi = TR_BEHAVIOUR_ABI,
        .name = "keeper",
        .state_size = sizeof(tr_message_t *),
        .receive = keep_it,
        .save = save_nothing,
        .restore = restore_nothing};
    memory_t *m = memory_new();
    m->host = tr_fixture_host();
    m->host->states = &m->port;
    m->host->passive_ms = 1;
    tr_fixture_agent(m->host, "asker", &asker);
    tr_agent_t *sum = tr_fixture_agent(m->host, "sum", &keeper);
    tr_message_t **kept = tr_agent_state(sum), *former;
    inject(m, 1);
    tr_fixture_run(m->host);
    former = *kept;
    assert_non_null(former);
    tr_agent_failed(sum, -EIO);
    while (sum->status != TR_AGENT_RUNNING)
        tr_host_step(m->host, 10);
    inject(m, 2);
    tr_fixture_run(m->host);
    assert_int_equal(sum->more->saved->kept, 1);
    tr_message_release(&former);
    assert_int_equal(sum->more->saved->kept, 1);
    tr_message_done(kept);
    assert_int_equal(sum->more->saved->kept, 0);
    end(m);
}

static int offer(tr_agent_t *self, void *state, tr_value_t args) {
    (void)state;
    (void)args;
    int r = tr_describe(self, "\x81\xa6labels\x80", 9);
    return r == 0 ? tr_provide(self, "sum", 0) : r;
}

static int nothing(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)message;
    return 0;
}

static void the_df_is_not_told_again_by_who_wakes(void **state) {
    (void)state;
    static const tr_behaviour_t offers = {.abi = TR_BEHAVIOUR_ABI,
        .name = "offers",
        .state_size = 1,
        .init = offer,
        .receive = nothing,
        .save = save_nothing,
        .restore = restore_nothing};
    memory_t *m = memory_new();
    m->host = tr_fixture_host();
    m->host->states = &m->port;
    m->host->passive_ms = 1;
    tr_fixture_agent(m->host, "asker", &asker);
    tr_fixture_agent(m->host, "df", &asker); /* which never answers */
    tr_agent_t *sum = tr_fixture_agent(m->host, "sum", &offers);
    assert_non_null(strstr(tr_fixture_said(m->host), "sum>df request, sum>df request"));
    tr_fixture_run(m->host);
    tr_request_forget(m->host, sum); /* as if it had */
    tr_timers_forget(&m->host->timers, sum);
    inject(m, 1);
    tr_fixture_run(m->host);
    for (int i = 0; i < 5000 && sum->status != TR_AGENT_PASSIVE; i++)
        tr_host_step(m->host, 10);
    assert_int_equal(sum->status, TR_AGENT_PASSIVE);
    tr_fixture_said(m->host);
    rest_after(m, LONG_MS);
    inject(m, 2);
    tr_fixture_run(m->host);
    assert_int_equal(sum->status, TR_AGENT_RUNNING);
    assert_null(strstr(tr_fixture_said(m->host), "df"));
    end(m);
}

static void bytes_that_lie_are_refused(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_agent_t *sum = begin(m);
    add(m, 5);
    static const char *const names[] = {"sum", "sum#1"};
    for (size_t i = 0; i < 2; i++) {
        record_t *r = record_of(m, names[i]);
        size_t whole = r->len;
        assert_non_null(r->bytes);
        for (size_t len = 1; len < whole; len++) {
            r->len = len;
            assert_true(tr_agent_begin(sum) < 0);
            assert_null(sum->more ? sum->more->saved : NULL);
        }
        r->len = whole;
    }
    assert_int_equal(tr_agent_begin(sum), 0);
    assert_int_equal(sum_of(sum), 5);
    end(m);
}

static int replay_sum(tr_agent_t *self, void *state, tr_value_t event) {
    (void)self;
    *(int64_t *)state += tr_value_int(event, 0);
    return 0;
}

static void events_are_saved_until_there_are_many(void **state) {
    (void)state;
    memory_t *m = memory_new();
    tr_behaviour_t logger = adder;
    logger.replay = replay_sum;
    tr_agent_t *sum = begin_with(m, &logger);
    for (int n = 1; n <= (int)TR_APPENDED_RECORDS_MAX + 3; n++)
        add(m, 1);
    assert_non_null(record_of(m, "sum#state")->bytes);
    assert_null(record_of(m, "sum#event-1000")->bytes); /* one more was the whole state */
    assert_non_null(record_of(m, "sum#event-1002")->bytes);
    tr_agent_failed(sum, -EIO);
    assert_int_equal(tr_agent_begin(sum), 0);
    assert_int_equal(sum_of(sum), TR_APPENDED_RECORDS_MAX + 3);
    end(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_saved_before_it_is_settled),
        cmocka_unit_test(what_comes_again_is_answered_again_and_not_done),
        cmocka_unit_test(a_store_that_fails_undoes_the_turn),
        cmocka_unit_test(who_is_idle_rests_until_its_next_message),
        cmocka_unit_test(who_has_something_under_way_does_not_rest),
        cmocka_unit_test(what_an_undone_turn_sent_does_not_leave),
        cmocka_unit_test(a_commit_costs_what_it_changes),
        cmocka_unit_test(who_cannot_be_written_fails_alone),
        cmocka_unit_test(another_broker_has_other_numbers),
        cmocka_unit_test(what_is_under_way_is_counted),
        cmocka_unit_test(a_kept_message_is_of_its_life),
        cmocka_unit_test(the_df_is_not_told_again_by_who_wakes),
        cmocka_unit_test(bytes_that_lie_are_refused),
        cmocka_unit_test(events_are_saved_until_there_are_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
