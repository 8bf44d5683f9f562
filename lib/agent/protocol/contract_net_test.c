/* Calls for proposals, over a wire in memory: who proposes, who is late, who is chosen, and what becomes of it. */
#include "lib/agent/host_fixture.h"
#include "lib/agent/protocol/group.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef enum plan { PROPOSE, REFUSE, SILENT, FAIL } plan_t;

/* The state of each agent: a caller, or one that is called. */
typedef struct party {
    plan_t plan;
    int64_t price;
    tr_conversation_t *open; /* as participant */
    tr_call_t *call;         /* as initiator */
    tr_decision_t decision;
    size_t rounds; /* to call again */
    const tr_proposal_t *kept;
    char log[512];
} party_t;

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bidders[3];
    party_t *a, *b[3];
    tr_error_t error;
} stage_t;

static const char *const names[] = {"bob", "carol@here", "dave"};

static void note(party_t *p, const char *what, const char *detail) {
    size_t at = strlen(p->log);
    snprintf(p->log + at, sizeof p->log - at, "%s%s%s", at ? " " : "", what, detail);
}

static int propose(party_t *p, tr_conversation_t *c) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, "price", p->price);
    return tr_conversation_act_content(c, TR_PROPOSE, &w, NULL);
}

static int answer(party_t *p, tr_conversation_t *c) {
    switch (p->plan) {
    case REFUSE: return tr_conversation_refuse(c, "busy", "no time");
    case SILENT: return 0;
    default: return propose(p, c);
    }
}

static int on_cfp(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    party_t *p = state;
    (void)self;
    (void)message;
    note(p, "cfp", "");
    p->open = c;
    return answer(p, c);
}

static int on_act(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    party_t *p = state;
    (void)self;
    note(p, "", tr_performative_name(tr_message_performative(message)));
    if (tr_message_performative(message) == TR_CFP) {
        p->price--;
        return answer(p, c);
    }
    return p->plan == FAIL ? tr_conversation_failure(c, "internal-error", "broken")
                           : tr_conversation_inform(c, "\xc3", 1);
}

static void on_bidder_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    party_t *p = state;
    (void)self;
    (void)c;
    (void)last;
    (void)arg;
    note(p, "end:", tr_outcome_name(outcome));
    p->open = NULL;
}

static const tr_participant_t bids = {
    .protocol = "fipa-contract-net", .on_request = on_cfp, .on_act = on_act, .on_end = on_bidder_end};
static const tr_participant_t bids_again = {.protocol = "fipa-iterated-contract-net",
    .on_request = on_cfp,
    .on_act = on_act,
    .on_end = on_bidder_end};

static tr_decision_t on_proposals(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    party_t *p = state;
    char text[64];
    (void)self;
    assert_ptr_equal(arg, p);
    p->call = call;
    p->kept = tr_proposal_least(proposals, n, "price");
    snprintf(text, sizeof text, "%zu best:%s", n, p->kept ? p->kept->from : "-");
    note(p, "proposals:", text);
    if (p->rounds) {
        p->rounds--;
        assert_int_equal(tr_call_again(call, NULL, 0, NULL), 0);
    } else if (p->decision == TR_DECIDED && p->kept) {
        assert_int_equal(tr_call_accept(call, p->kept, "\x01", 1, NULL), 0);
        assert_int_equal(tr_call_accept(call, p->kept, NULL, 0, NULL), -EPROTO);
        assert_int_equal(tr_call_reject(call, p->kept, "x", "y"), -EPROTO);
    }
    return p->decision;
}

static void on_result(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    (void)self;
    (void)call;
    (void)arg;
    assert_true(tr_value_bool(tr_message_value(message), false));
    note(state, "result:", proposal->from);
}

static void on_failure(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    tr_outcome_t outcome, const tr_message_t *last, void *arg) {
    (void)self;
    (void)call;
    (void)last;
    (void)arg;
    assert_non_null(proposal->from);
    note(state, "failure:", tr_outcome_name(outcome));
}

static void on_call_end(tr_agent_t *self, void *state, tr_call_t *call, void *arg) {
    party_t *p = state;
    char text[96];
    (void)self;
    (void)arg;
    snprintf(text, sizeof text, "%zu/%zu rejected:%zu refused:%zu late:%zu",
        tr_call_ended(call, TR_OUTCOME_DONE), tr_call_called(call), tr_call_ended(call, TR_OUTCOME_REJECTED),
        tr_call_ended(call, TR_OUTCOME_REFUSED), tr_call_ended(call, TR_OUTCOME_TIMED_OUT));
    note(p, "end:", text);
    p->call = NULL;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    note(state, "receive:", tr_performative_name(tr_message_performative(message)));
    return 0;
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI, .name = "party", .state_size = sizeof(party_t), .receive = receive};

static int set_up(void **state) {
    stage_t *s = calloc(1, sizeof *s);
    s->host = tr_fixture_host();
    s->alice = tr_fixture_agent(s->host, "alice", &behaviour);
    s->a = tr_agent_state(s->alice);
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(names[i], "@"), names[i]);
        s->bidders[i] = tr_fixture_agent(s->host, name, &behaviour);
        assert_int_equal(tr_participate(s->bidders[i], &bids), 0);
        assert_int_equal(tr_participate(s->bidders[i], &bids_again), 0);
        s->b[i] = tr_agent_state(s->bidders[i]);
        s->b[i]->price = 30 - (int64_t)i * 10;
    }
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    stage_t *s = *state;
    assert_int_equal(tr_fixture_held(s->host), 0);
    tr_host_destroy(&s->host);
    free(s);
    return 0;
}

static tr_contract_net_t net(stage_t *s) {
    return (tr_contract_net_t){.participants = names,
        .participants_n = 3,
        .content = "\xa4task",
        .content_len = 5,
        .proposals_ms = 1000,
        .result_ms = 5000,
        .on_proposals = on_proposals,
        .on_result = on_result,
        .on_failure = on_failure,
        .on_end = on_call_end,
        .arg = s->a};
}

static void call(stage_t *s, bool iterated) {
    tr_contract_net_t n = net(s);
    n.iterated = iterated;
    assert_int_equal(tr_contract_net_start(s->alice, &n, &s->a->call, &s->error), 0);
}

static void expect_closed(stage_t *s) {
    assert_null(s->a->call);
    assert_int_equal(tr_conversation_count(s->alice), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tr_conversation_count(s->bidders[i]), 0);
    assert_int_equal(s->host->timers.count, 0);
}

/* The timers that are due first are those of the call to bob, on both sides. */
static void expire_bob(stage_t *s) {
    while (!s->a->log[0] || s->b[0]->open) {
        tr_timer_t *t = tr_timers_due(&s->host->timers, INT64_MAX), fired = *t;
        free(t);
        fired.fn(fired.agent, tr_agent_state(fired.agent), fired.arg);
    }
}

static void the_best_is_chosen_and_the_others_are_rejected(void **state) {
    stage_t *s = *state;
    call(s, false);
    assert_int_equal(tr_call_called(s->a->call), 3);
    tr_fixture_run(s->host);
    assert_string_equal(
        s->a->log, "proposals:3 best:dave@here result:dave@here end:1/3 rejected:2 refused:0 late:0");
    assert_string_equal(s->b[0]->log, "cfp end:rejected");
    assert_string_equal(s->b[1]->log, "cfp end:rejected");
    assert_string_equal(s->b[2]->log, "cfp accept-proposal end:done");
    expect_closed(s);
}

static void who_refuses_is_not_waited_for(void **state) {
    stage_t *s = *state;
    s->b[0]->plan = s->b[2]->plan = REFUSE;
    call(s, false);
    tr_fixture_run(s->host);
    assert_string_equal(
        s->a->log, "proposals:1 best:carol@here result:carol@here end:1/3 rejected:0 refused:2 late:0");
    expect_closed(s);
}

static void a_late_proposal_is_rejected(void **state) {
    stage_t *s = *state;
    static const char *const to[] = {"alice@here"};
    s->b[0]->plan = SILENT;
    call(s, false);
    char id[64];
    snprintf(id, sizeof id, "%s", tr_call_id(s->a->call));
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "");
    expire_bob(s);
    tr_fixture_run(s->host);
    assert_string_equal(
        s->a->log, "proposals:2 best:dave@here result:dave@here end:1/3 rejected:1 refused:0 late:1");
    tr_fixture_said(s->host);
    tr_acl_t late = {.performative = TR_PROPOSE,
        .sender = "bob@here",
        .receivers = {.items = to, .count = 1},
        .protocol = "fipa-contract-net",
        .conversation_id = id};
    tr_fixture_inject(s->host, &late, 0);
    assert_true(tr_fixture_deliver(s->host));
    assert_non_null(strstr(tr_fixture_said(s->host), "alice>bob reject-proposal"));
    const tr_acl_t *said = tr_fixture_last(s->host);
    tr_content_t content;
    assert_int_equal(tr_content_init(&content, said->content, said->content_len), 0);
    assert_true(tr_value_equals(tr_value_get(&content.root, "reason"), "late"));
    tr_content_finish(&content);
    tr_fixture_run(s->host);
    assert_string_equal(s->b[0]->log, "cfp end:timed-out");
    expect_closed(s);
}

static void nobody_proposes(void **state) {
    stage_t *s = *state;
    for (size_t i = 0; i < 3; i++)
        s->b[i]->plan = i ? REFUSE : SILENT;
    call(s, false);
    tr_fixture_run(s->host);
    tr_fixture_expire(s->host);
    assert_string_equal(s->a->log, "proposals:0 best:- end:0/3 rejected:0 refused:2 late:1");
    assert_string_equal(s->b[0]->log, "cfp end:timed-out");
    tr_fixture_run(s->host); /* bob's refusal, which nobody waits for */
    expect_closed(s);
}

static void the_chosen_one_fails(void **state) {
    stage_t *s = *state;
    s->b[2]->plan = FAIL;
    call(s, false);
    tr_fixture_run(s->host);
    assert_string_equal(
        s->a->log, "proposals:3 best:dave@here failure:failed end:0/3 rejected:2 refused:0 late:0");
    expect_closed(s);
}

static void a_participant_that_is_gone_is_not_waited_for(void **state) {
    stage_t *s = *state;
    s->b[0]->plan = SILENT;
    call(s, false);
    tr_fixture_run(s->host);
    tr_fixture_gone(s->host, "bob", 1);
    tr_fixture_run(s->host);
    assert_string_equal(
        s->a->log, "proposals:2 best:dave@here result:dave@here end:1/3 rejected:1 refused:0 late:0");
}

static void an_iterated_call_has_more_rounds(void **state) {
    stage_t *s = *state;
    s->a->rounds = 2;
    call(s, true);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log,
        "proposals:3 best:dave@here proposals:3 best:dave@here "
        "proposals:3 best:dave@here result:dave@here end:1/3 rejected:2 refused:0 late:0");
    assert_string_equal(s->b[1]->log, "cfp cfp cfp end:rejected");
    assert_string_equal(s->b[2]->log, "cfp cfp cfp accept-proposal end:done");
    assert_int_equal(s->b[2]->price, 8);
    expect_closed(s);
}

static void a_revised_call_has_a_deadline_of_its_own(void **state) {
    stage_t *s = *state;
    s->a->decision = TR_DEFERRED;
    call(s, true);
    tr_fixture_run(s->host);
    s->b[0]->plan = SILENT;
    s->b[1]->plan = REFUSE;
    s->a->decision = TR_DECIDED;
    uint64_t now = (uint64_t)tr_clock_wall_ms();
    assert_int_equal(tr_call_again(s->a->call, "\x02", 1, NULL), 0);
    const tr_acl_t *revised = tr_fixture_last(s->host);
    assert_int_equal(revised->performative, TR_CFP);
    assert_true(revised->reply_by_ms >= now + 1000 && revised->reply_by_ms < now + 5000);
    tr_fixture_run(s->host);
    s->a->log[0] = 0;
    expire_bob(s);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "proposals:1 best:dave@here result:dave@here "
                                   "end:1/3 rejected:0 refused:1 late:1");
    expect_closed(s);
}

static void a_choice_may_come_later(void **state) {
    stage_t *s = *state;
    s->a->decision = TR_DEFERRED;
    call(s, false);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "proposals:3 best:dave@here");
    assert_int_equal(tr_call_again(s->a->call, NULL, 0, &s->error), -EPROTO);
    assert_non_null(strstr(s->error.text, "not iterated"));
    assert_int_equal(tr_call_accept(s->a->call, s->a->kept, NULL, 0, NULL), 0);
    assert_int_equal(tr_call_reject(s->a->call, s->a->kept - 1, "no", "too dear"), 0);
    tr_call_decided(s->a->call);
    tr_fixture_run(s->host);
    assert_non_null(strstr(s->a->log, "result:dave@here end:1/3 rejected:2"));
    expect_closed(s);
}

static void without_a_choice_all_are_rejected_in_the_end(void **state) {
    stage_t *s = *state;
    s->a->decision = TR_DEFERRED;
    call(s, false);
    tr_fixture_run(s->host);
    tr_fixture_said(s->host);
    tr_fixture_expire(s->host);
    const char *said = tr_fixture_said(s->host);
    assert_non_null(strstr(said, "alice>bob reject-proposal"));
    assert_non_null(strstr(said, "alice>dave reject-proposal"));
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "proposals:3 best:dave@here end:0/3 rejected:0 refused:0 late:3");
    expect_closed(s);
}

static void a_call_may_be_cancelled(void **state) {
    stage_t *s = *state;
    s->b[0]->plan = s->b[1]->plan = SILENT;
    call(s, false);
    tr_fixture_run(s->host);
    tr_call_cancel(s->a->call);
    tr_fixture_run(s->host);
    assert_string_equal(s->a->log, "end:0/3 rejected:0 refused:0 late:0");
    assert_string_equal(s->b[0]->log, "cfp end:cancelled");
    assert_string_equal(s->b[2]->log, "cfp end:cancelled");
    expect_closed(s);
}

static void a_wrong_call_says_what_is_wrong(void **state) {
    stage_t *s = *state;
    static const char *const twice[] = {"bob", "carol", "bob"}, *const service[] = {"svc:work"};
    tr_contract_net_t n = net(s);
    n.participants = twice;
    assert_int_equal(tr_contract_net_start(s->alice, &n, NULL, &s->error), -EINVAL);
    assert_string_equal(s->error.text, "bob is called twice: each participant is named once");
    n.participants = service;
    n.participants_n = 1;
    assert_int_equal(tr_contract_net_start(s->alice, &n, NULL, &s->error), -EINVAL);
    assert_string_equal(s->error.text, "\"svc:work\" is no participant: name or name@platform");
    n.participants_n = 0;
    assert_int_equal(tr_contract_net_start(s->alice, &n, NULL, &s->error), -EINVAL);
    n = net(s);
    n.on_proposals = NULL;
    assert_int_equal(tr_contract_net_start(s->alice, &n, NULL, &s->error), -EINVAL);
    n = net(s);
    tr_fixture_down(s->host, true);
    assert_int_equal(tr_contract_net_start(s->alice, &n, NULL, &s->error), -EAGAIN);
    assert_int_equal(tr_conversation_count(s->alice), 0);
    tr_fixture_down(s->host, false);
    const tr_participant_t deaf = {.protocol = "fipa-contract-net", .ontology = "x", .on_request = on_cfp};
    assert_int_equal(tr_participate(s->alice, &deaf), -EINVAL); /* it could never hear that it was chosen */
}

static void a_call_ends_with_its_agent(void **state) {
    stage_t *s = *state;
    s->b[1]->plan = SILENT;
    call(s, false);
    tr_fixture_run(s->host);
    tr_conversations_forget(s->alice, "gone"); /* the sanitizer would tell what is left */
    assert_string_equal(s->a->log, "");
    assert_int_equal(tr_conversation_count(s->alice), 0);
}

/* Initiators of other libraries may know an answer by its in-reply-to alone. */
static void an_answer_names_the_act_that_it_answers(void **state) {
    stage_t *s = *state;
    const char *to = "bob@here";
    tr_acl_t acl = {.performative = TR_CFP,
        .sender = "alice@here",
        .receivers = {.items = &to, .count = 1},
        .protocol = "fipa-contract-net",
        .conversation_id = "c1",
        .reply_with = "the call"};
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_string_equal(tr_fixture_last(s->host)->in_reply_to, "the call");
    acl.performative = TR_ACCEPT_PROPOSAL;
    acl.reply_with = "the acceptance";
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    assert_int_equal(tr_fixture_last(s->host)->performative, TR_INFORM);
    assert_string_equal(tr_fixture_last(s->host)->in_reply_to, "the acceptance");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_best_is_chosen_and_the_others_are_rejected),
        CASE(who_refuses_is_not_waited_for),
        CASE(a_late_proposal_is_rejected),
        CASE(nobody_proposes),
        CASE(the_chosen_one_fails),
        CASE(a_participant_that_is_gone_is_not_waited_for),
        CASE(an_iterated_call_has_more_rounds),
        CASE(a_revised_call_has_a_deadline_of_its_own),
        CASE(a_choice_may_come_later),
        CASE(without_a_choice_all_are_rejected_in_the_end),
        CASE(a_call_may_be_cancelled),
        CASE(a_wrong_call_says_what_is_wrong),
        CASE(a_call_ends_with_its_agent),
        CASE(an_answer_names_the_act_that_it_answers),
    };
    return cmocka_run_group_tests_name("contract_net", tests, NULL, NULL);
}
