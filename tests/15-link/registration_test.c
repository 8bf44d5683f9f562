/* Names: registered, taken, freed, resolved, cached. */
#include "lib/base/clock.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void an_agent_is_there_once_it_is_added(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    char aid[TR_AID_MAX + 1];
    assert_string_equal(tr_agent_aid(a->agent, aid), "a@local");
    assert_int_equal(a->box->begun, 1);
    assert_int_equal(member_send(a, "b", 7), 0);
    assert_int_equal(member_send(a, "b@local", 8), 0);
    until(c, b->box->n == 2);
    assert_int_equal(b->box->seen[0].number, 7);
    assert_int_equal(b->box->seen[1].number, 8);
    assert_string_equal(b->box->seen[0].sender, "a@local");
}

static void a_name_is_refused_while_its_owner_lives(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *other = crowd_host(c, NULL);
    tr_error_t error = {0};
    assert_int_equal(member_add(other, "a", &error), -EEXIST);
    assert_non_null(strstr(error.text, "a:"));
    assert_int_equal(member_add(other, "b", &error), 0); /* the host is none the worse */
    assert_int_equal(member_send(other, "a", 1), 0);
    until(c, a->box->n == 1);
}

/* The owner keeps talking, so that the one who asks for its name is busy with other messages meanwhile. */
static void a_name_is_taken_over_when_its_owner_was_killed(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    process_t *owner = crowd_role(c, "sink", "a", NULL);
    member_t *b = crowd_join(c, "b"), *heir = crowd_host(c, NULL);
    process_kill(owner);
    tr_error_t error = {0};
    if (member_add(heir, "a", &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(member_send(b, "a", 5), 0);
    until(c, heir->box->n == 1);
}

/* Silent, but connected: its lease must pass first. */
static void a_name_is_taken_over_when_its_owner_hangs(void **state) {
    crowd_t *c = *state;
    const char *const options[] = {"--lease", "1s", "--heartbeat", "200ms", NULL};
    crowd_open(c, options);
    process_t *owner = crowd_role(c, "sink", "a", NULL);
    member_t *heir = crowd_host(c, NULL);
    tr_error_t error = {0};
    process_stop(owner);
    if (member_add(heir, "a", &error) < 0)
        fail_msg("%s", error.text);
    process_continue(owner);
    member_t *b = crowd_join(c, "b");
    assert_int_equal(member_send(b, "a", 5), 0);
    until(c, heir->box->n == 1); /* the old one does not get it back */
}

typedef struct counter {
    uint32_t begun, received;
} counter_t;

static int count_begin(tr_agent_t *self, void *state, tr_value_t args) {
    (void)self;
    (void)args;
    ((counter_t *)state)->begun++;
    return 0;
}

/* A message before init would find begun 0. */
static int count_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    counter_t *s = state;
    (void)self;
    (void)m;
    s->received += s->begun == 1;
    return 0;
}

static const tr_behaviour_t counting = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "counting",
    .state_size = sizeof(counter_t),
    .init = count_begin,
    .receive = count_receive,
};

static void a_hundred_thousand_agents_are_one_registration(void **state) {
    enum { N = 100000 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *host = crowd_host(c, NULL), *b = crowd_join(c, "b");
    tr_error_t error = {0};
    if (tr_host_add_range(host->host, "citizen", N, &counting, NULL, &error) < 0)
        fail_msg("%s", error.text);
    static const uint32_t some[] = {0, 1, 9, 10, 4711, N - 1};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        char name[32];
        snprintf(name, sizeof name, "citizen-%u", some[i]);
        assert_int_equal(member_send(b, name, i), 0);
        const counter_t *s = tr_agent_state(tr_host_agent(host->host, "citizen", some[i]));
        until(c, s->received == 1);
    }
    assert_int_equal(member_send(b, "citizen-100000", 1), 0);
    until(c, member_count(b, TR_MESSAGE_FAILED) == 1);
    member_t *other = crowd_host(c, NULL);
    assert_int_equal(member_add(other, "citizen-5", &error), -EEXIST);
}

static void an_agent_may_go_and_come_again(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    tr_error_t error = {0};
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(member_send(b, "a", i), 0);
        until(c, a->box->n == 1);
        assert_int_equal(a->box->seen[0].number, i);
        assert_int_equal(tr_host_remove(a->host, "a"), 0);
        assert_int_equal(tr_host_remove(a->host, "a"), -ENOENT);
        if (member_add(a, "a", &error) < 0)
            fail_msg("%s", error.text);
    }
    assert_int_equal(member_count(b, TR_MESSAGE_FAILED), 0);
}

static void bad_names_are_refused_with_a_reason(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    char longest[TR_NAME_MAX + 1], longer[TR_NAME_MAX + 2];
    memset(longest, 'n', TR_NAME_MAX);
    memset(longer, 'n', TR_NAME_MAX + 1);
    longest[TR_NAME_MAX] = longer[TR_NAME_MAX + 1] = 0;
    const char *const bad[] = {"", "a b", "a@b", ".a", "-a", "a:b", "$sys", "\xc3\xa4", longer, "x*", "a>"};
    member_t *m = crowd_host(c, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tr_error_t error = {0};
        assert_int_equal(member_add(m, bad[i], &error), -EINVAL);
        assert_true(error.text[0]);
    }
    assert_int_equal(member_add(m, longest, NULL), 0);
    assert_int_equal(member_send(m, "a b", 1), -EINVAL);
    assert_int_equal(member_send(m, "", 1), -EINVAL);
    assert_int_equal(member_send(m, "svc:", 1), -EINVAL);
}

static void platform_agents_have_their_names(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *m = crowd_host(c, NULL);
    tr_error_t error = {0};
    assert_int_equal(member_add(m, "df", &error), -EEXIST);
}

/* The soonest of five: the machine has others to serve. */
static int64_t soonest_failure_ms(crowd_t *c, member_t *a) {
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < 5; i++) {
        int64_t begun = tr_clock_ms();
        member_forget(a);
        assert_int_equal(member_send_as(a, "nobody", 1, TR_REQUEST, "conversation-1"), 0);
        until(c, a->box->n == 1);
        int64_t took = tr_clock_ms() - begun;
        least = took < least ? took : least;
    }
    return least;
}

static void nobody_of_that_name_comes_back_as_a_failure(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    assert_true(soonest_failure_ms(c, a) < 100);
    const seen_t *s = &a->box->seen[0];
    assert_int_equal(s->type, TR_MESSAGE_FAILED);
    assert_int_equal(s->reason, TR_REASON_NOT_FOUND);
    assert_int_equal(s->act, TR_REQUEST);
    assert_string_equal(s->conversation, "conversation-1");
    assert_int_equal(member_send_as(a, "a@elsewhere", 1, TR_REQUEST, "conversation-2"), 0);
    until(c, a->box->n == 2);
    assert_int_equal(a->box->seen[1].reason, TR_REASON_UNKNOWN_PLATFORM);
    assert_string_equal(a->box->seen[1].conversation, "conversation-2");
    member_t *nobody = crowd_join(c, "nobody");
    assert_int_equal(member_send(a, "nobody", 3), 0);
    until(c, nobody->box->n == 1);
    assert_int_equal(a->box->n, 2);
}

static void a_receiver_that_came_back_gets_the_next_message(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    process_t *first = crowd_role(c, "sink", "b", NULL);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(member_send(a, "b", i), 0); /* the route is in the cache now */
    until(c, sink_report(first).received == 100);
    process_tell(first, "end");
    crowd_role_end(first);
    member_forget(a);
    process_t *second = crowd_role(c, "sink", "b", NULL);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(member_send(a, "b", i), 0);
    report_t r = {0};
    until(c, (r = sink_report(second)).received == 10);
    assert_int_equal(r.missing + r.doubled + r.damaged, 0);
    assert_int_equal(member_count(a, TR_MESSAGE_FAILED), 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_agent_is_there_once_it_is_added, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(a_name_is_refused_while_its_owner_lives, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(
            a_name_is_taken_over_when_its_owner_was_killed, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(
            a_name_is_taken_over_when_its_owner_hangs, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(
            a_hundred_thousand_agents_are_one_registration, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(an_agent_may_go_and_come_again, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(bad_names_are_refused_with_a_reason, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(platform_agents_have_their_names, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(
            nobody_of_that_name_comes_back_as_a_failure, crowd_setup, crowd_teardown),
        cmocka_unit_test_setup_teardown(
            a_receiver_that_came_back_gets_the_next_message, crowd_setup, crowd_teardown),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
