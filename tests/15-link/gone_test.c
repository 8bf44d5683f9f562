/* Agents that end with a request in hand: who waits for the answer is told, and only he. */
#include "lib/base/clock.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"
#include "troupe/protocol.h"

#include <errno.h>
#include <stdio.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

#define TIMEOUT_MS 600000 /* of what is asked here: far longer than a test may take */

typedef struct outcome {
    unsigned answers, failures, silences;
    tr_reason_t reason;
} outcome_t;

static void on_answer(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    outcome_t *o = arg;
    (void)self;
    (void)state;
    o->silences += !answer;
    if (!answer)
        return;
    bool failed = tr_message_type(answer) == TR_MESSAGE_FAILED;
    o->failures += failed;
    o->answers += !failed;
    o->reason = tr_message_reason(answer);
}

static void ask(crowd_t *c, member_t *m, const char *to, outcome_t *o) {
    uint8_t content[8] = {7};
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {.items = &to, .count = 1},
        .content = content,
        .content_len = sizeof content,
    };
    int r;
    until(c, (r = tr_request(m->agent, &acl, TIMEOUT_MS, on_answer, o)) != -EAGAIN);
    assert_int_equal(r, 0);
}

static void expect_failed(const outcome_t *o, tr_reason_t reason) {
    assert_int_equal(o->failures, 1);
    assert_int_equal(o->answers + o->silences, 0);
    assert_int_equal(o->reason, reason);
}

static bool has_taken(process_t *sink, uint64_t n) {
    return sink_report(sink).received == n;
}

static void who_waits_for_a_killed_agent_is_told(void **state) {
    crowd_t *c = *state;
    outcome_t first = {0}, second = {0}, other = {0}, later = {0};
    crowd_open(c, NULL);
    process_t *killed = crowd_role(c, "sink", "killed", NULL), *lives = crowd_role(c, "sink", "lives", NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    ask(c, a, "killed", &first);
    ask(c, b, "killed@local", &second);
    ask(c, b, "lives", &other);
    until(c, has_taken(killed, 2) && has_taken(lives, 1));
    int64_t at = tr_clock_ms();
    process_kill(killed);
    until(c, first.failures && second.failures);
    int64_t told_ms = tr_clock_ms() - at;
    print_message("told after %lld ms\n", (long long)told_ms);
    assert_in_range(told_ms, 0, 5000); /* 1.5 s where nobody else keeps the machine busy */
    expect_failed(&first, TR_REASON_AGENT_GONE);
    expect_failed(&second, TR_REASON_AGENT_GONE);
    ask(c, a, "killed", &later);
    until(c, later.failures);
    expect_failed(&later, TR_REASON_NOT_FOUND);
    assert_int_equal(other.failures + other.answers + other.silences, 0);
    assert_int_equal(a->box->n + b->box->n, 0); /* nothing of this is a message to them */
}

/* Its successor has the name before anybody else knows of its end. */
static void a_successor_answers_what_it_was_asked(void **state) {
    enum { N = 20 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    process_t *old = crowd_role(c, "sink", "it", NULL);
    member_t *a = crowd_join(c, "a");
    outcome_t lost = {0}, kept[N] = {0};
    ask(c, a, "it", &lost);
    until(c, has_taken(old, 1));
    process_kill(old);
    process_t *successor = crowd_role(c, "sink", "it", NULL);
    for (size_t i = 0; i < N; i++)
        ask(c, a, "it", &kept[i]);
    until(c, lost.failures);
    until(c, has_taken(successor, N));
    expect_failed(&lost, TR_REASON_AGENT_GONE);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(kept[i].failures + kept[i].answers + kept[i].silences, 0);
    process_kill(successor);
    until(c, kept[N - 1].failures);
    for (size_t i = 0; i < N; i++)
        expect_failed(&kept[i], TR_REASON_AGENT_GONE);
}

static int answer(tr_agent_t *self, void *state, const tr_message_t *m) {
    size_t len;
    const void *bytes = tr_message_content(m, &len);
    ++*(unsigned *)state;
    return tr_message_type(m) == TR_MESSAGE_DIRECT ? tr_reply(self, m, TR_INFORM, bytes, len) : 0;
}

static const tr_behaviour_t answers = {
    .abi = TR_BEHAVIOUR_ABI, .name = "answers", .state_size = sizeof(unsigned), .receive = answer};

/* An answer that was given counts, however fast its giver ended: in a process of its own, and in the asker's. */
static void an_answer_comes_before_the_end(void **state) {
    enum { TIMES = 30 };
    crowd_t *c = *state;
    tr_error_t error = {0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a");
    for (int i = 0; i < TIMES; i++) {
        outcome_t o = {0};
        member_t *b = i % 2 ? a : crowd_host(c, NULL);
        tr_agent_t *agent = NULL;
        assert_int_equal(tr_host_add(b->host, "b", &answers, NULL, &agent, &error), 0);
        ask(c, a, "b", &o);
        until(c, *(unsigned *)tr_agent_state(agent) == 1);
        if (b == a)
            assert_int_equal(tr_host_remove(a->host, "b"), 0);
        else
            crowd_leave(c, b);
        until(c, o.answers + o.failures);
        assert_int_equal(o.answers, 1);
    }
}

static void an_agent_that_pauses_is_not_gone(void **state) {
    crowd_t *c = *state;
    outcome_t o = {0};
    crowd_open(c, NULL);
    process_t *many = crowd_role(c, "many", "m", "1", "3", NULL);
    member_t *a = crowd_join(c, "a");
    process_stop(many);
    ask(c, a, "m0-1", &o);
    crowd_pass(c, 1000);
    assert_int_equal(o.failures, 0);
    process_continue(many);
    until(c, o.answers);
    assert_int_equal(o.failures + o.silences, 0);
}

typedef struct end {
    unsigned n;
    tr_outcome_t outcome;
    tr_reason_t reason;
} end_t;

static void on_end(tr_agent_t *self, void *state, tr_conversation_t *conversation, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    end_t *end = arg;
    (void)self;
    (void)state;
    (void)conversation;
    end->n++;
    end->outcome = outcome;
    end->reason = last ? tr_message_reason(last) : TR_REASON_NONE;
}

static void conversations_with_a_range_end_with_it(void **state) {
    crowd_t *c = *state;
    tr_error_t error = {0};
    end_t end = {0};
    outcome_t o = {0};
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_host(c, NULL);
    assert_int_equal(tr_host_add_range(b->host, "many", 10, &recorder, NULL, &error), 0);
    const box_t *box = tr_agent_state(tr_host_agent(b->host, "many", 9));
    tr_initiator_t initiator = {.protocol = "fipa-request",
        .receiver = "many-9",
        .timeout_ms = TIMEOUT_MS,
        .on_end = on_end,
        .arg = &end};
    assert_int_equal(tr_conversation_start(a->agent, &initiator, NULL, &error), 0);
    ask(c, a, "many-9", &o);
    until(c, box->n == 2);
    assert_int_equal(tr_host_remove(b->host, "many"), 0);
    until(c, end.n && o.failures);
    assert_int_equal(end.n, 1);
    assert_int_equal(end.outcome, TR_OUTCOME_FAILED);
    assert_int_equal(end.reason, TR_REASON_AGENT_GONE);
    expect_failed(&o, TR_REASON_AGENT_GONE);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(who_waits_for_a_killed_agent_is_told),
        test(a_successor_answers_what_it_was_asked),
        test(an_answer_comes_before_the_end),
        test(an_agent_that_pauses_is_not_gone),
        test(conversations_with_a_range_end_with_it),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
