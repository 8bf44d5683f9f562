/* What the library says of chains and budgets when agents hand on and answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/agent/host_fixture.h"

#include <errno.h>

/* Each agent does what the test tells it to do with a message. */
typedef struct doer {
    int (*act)(tr_agent_t *self, const tr_message_t *message);
    tr_message_t *kept;
    int code;
    tr_budget_t last; /* of the last message */
} doer_t;

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    doer_t *d = state;
    d->last = tr_message_budget(message);
    if (d->act)
        d->code = d->act(self, message);
    return 0;
}

static const tr_behaviour_t behaviour = {
    .abi = TR_BEHAVIOUR_ABI, .name = "doer", .state_size = sizeof(doer_t), .receive = receive};

typedef struct cast {
    tr_host_t *host;
    tr_agent_t *ann, *bob, *cid;
} cast_t;

static cast_t cast(
    int (*bob)(tr_agent_t *, const tr_message_t *), int (*cid)(tr_agent_t *, const tr_message_t *)) {
    cast_t c = {.host = tr_fixture_host()};
    c.ann = tr_fixture_agent(c.host, "ann", &behaviour);
    c.bob = tr_fixture_agent(c.host, "bob", &behaviour);
    c.cid = tr_fixture_agent(c.host, "cid", &behaviour);
    ((doer_t *)tr_agent_state(c.bob))->act = bob;
    ((doer_t *)tr_agent_state(c.cid))->act = cid;
    return c;
}

static void send_budget(const cast_t *c, const char *to, tr_budget_t budget) {
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&to, 1}, .reply_with = "r", .budget = budget};
    assert_int_equal(tr_send(c->ann, &acl), 0);
}

static void check_chain(const tr_acl_t *acl, size_t n, const char *const *names) {
    assert_int_equal(acl->delegation.count, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(acl->delegation.items[i], names[i]);
}

static const tr_budget_t hundred = {.of_tokens = true, .tokens = 100};

static int to_cid(tr_agent_t *self, const tr_message_t *message) {
    static const char *const cid = "cid";
    return tr_delegate(self, message, &(tr_acl_t){.performative = TR_REQUEST, .receivers = {&cid, 1}});
}

static int answer(tr_agent_t *self, const tr_message_t *message) {
    assert_int_equal(tr_message_spend(message, 30, 5), 0);
    assert_int_equal(tr_message_budget(message).tokens, 69);
    int r = tr_reply(self, message, TR_AGREE, NULL, 0);
    return r ? r : tr_reply(self, message, TR_INFORM, NULL, 0);
}

static void a_chain_grows_and_a_budget_falls(void **state) {
    (void)state;
    cast_t c = cast(to_cid, answer);
    send_budget(&c, "bob", hundred);
    const tr_acl_t *acl = tr_fixture_last(c.host);
    char conversation[TR_ID_SIZE];
    assert_non_null(acl->conversation_id); /* a mandate is one of a conversation */
    snprintf(conversation, sizeof conversation, "%s", acl->conversation_id);
    assert_int_equal(acl->budget.tokens, 100);
    assert_true(tr_fixture_deliver(c.host)); /* bob hands it on */
    acl = tr_fixture_last(c.host);
    check_chain(acl, 2, (const char *const[]){"ann@here", "bob@here"});
    assert_int_equal(acl->budget.tokens, 99);
    assert_string_equal(acl->conversation_id, conversation);
    assert_int_equal(acl->hops, TR_HOPS_DEFAULT); /* it is the broker who takes one off */
    tr_fixture_said(c.host);
    assert_true(tr_fixture_deliver(c.host)); /* cid agrees, and answers with what is left */
    assert_string_equal(tr_fixture_said(c.host), "cid>bob agree, cid>bob inform");
    acl = tr_fixture_last(c.host);
    check_chain(acl, 2, (const char *const[]){"ann@here", "bob@here"});
    assert_int_equal(acl->budget.tokens, 68); /* of 99, 30 were spent, and one is for the message */
    tr_host_destroy(&c.host);
}

static int split(tr_agent_t *self, const tr_message_t *message) {
    static const char *const cid = "cid";
    tr_acl_t acl = {.performative = TR_REQUEST,
        .receivers = {&cid, 1},
        .budget = {.of_tokens = true, .of_money = true, .tokens = 40, .micro_cost = 7}};
    assert_int_equal(tr_delegate(self, message, &acl), 0);
    assert_int_equal(tr_message_budget(message).tokens, 59);
    acl.budget.tokens = 59;
    assert_int_equal(tr_delegate(self, message, &acl), -EDQUOT);
    assert_int_equal(tr_message_spend(message, 60, 0), -EDQUOT);
    return tr_message_budget(message).tokens == 0 ? 0 : -1;
}

static void no_more_than_was_given(void **state) {
    (void)state;
    cast_t c = cast(split, NULL);
    send_budget(&c, "bob", hundred);
    tr_fixture_run(c.host);
    assert_int_equal(((doer_t *)tr_agent_state(c.bob))->code, 0);
    const tr_budget_t *got = &((doer_t *)tr_agent_state(c.cid))->last;
    assert_int_equal(got->tokens, 40);
    assert_true(got->of_money && got->micro_cost == 7); /* a limit of bob's own */
    tr_host_destroy(&c.host);
}

static void on_answer(tr_agent_t *self, void *state, const tr_message_t *message, void *arg) {
    (void)arg;
    doer_t *d = state;
    assert_non_null(message);
    tr_message_regain(d->kept, message);
    assert_int_equal(tr_message_budget(message).tokens, 0);
    d->code = tr_reply(self, d->kept, TR_INFORM, NULL, 0);
    tr_message_done(&d->kept);
}

static int ask_cid(tr_agent_t *self, const tr_message_t *message) {
    static const char *const cid = "cid";
    doer_t *d = tr_agent_state(self);
    d->kept = tr_message_keep(message);
    tr_acl_t acl = {
        .performative = TR_QUERY_REF, .receivers = {&cid, 1}, .budget = {.of_tokens = true, .tokens = 50}};
    return tr_delegate_request(self, d->kept, &acl, 1000, on_answer, NULL);
}

static int inform(tr_agent_t *self, const tr_message_t *message) {
    return tr_reply(self, message, TR_INFORM, NULL, 0);
}

static void what_an_answer_leaves_may_be_spent_again(void **state) {
    (void)state;
    cast_t c = cast(ask_cid, inform);
    send_budget(&c, "bob", hundred);
    tr_fixture_run(c.host);
    const tr_budget_t *got = &((doer_t *)tr_agent_state(c.ann))->last;
    /* 100 less 51 for the question, and the 49 that its answer left, less one for the answer to ann */
    assert_int_equal(got->tokens, 97);
    tr_host_destroy(&c.host);
}

/* Whoever gets an answer may go on with what is left: it is its own conversation. */
static int once_more(tr_agent_t *self, const tr_message_t *message) {
    return tr_message_performative(message) == TR_INFORM ? tr_reply(self, message, TR_REQUEST, NULL, 0) : 0;
}

static void an_answer_can_be_answered(void **state) {
    (void)state;
    cast_t c = cast(inform, NULL);
    ((doer_t *)tr_agent_state(c.ann))->act = once_more;
    send_budget(&c, "bob", (tr_budget_t){.of_money = true, .micro_cost = 10});
    assert_true(tr_fixture_deliver(c.host) && tr_fixture_deliver(c.host));
    const tr_acl_t *acl = tr_fixture_last(c.host);
    assert_int_equal(acl->performative, TR_REQUEST);
    check_chain(acl, 1, (const char *const[]){"ann@here"});
    assert_int_equal(acl->budget.micro_cost, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_true(tr_fixture_deliver(c.host));
    assert_int_equal(
        tr_fixture_last(c.host)->budget.micro_cost, 0); /* its end: a broker lets no question pass */
    tr_host_destroy(&c.host);
}

/* It was here, and comes again. */
static void nobody_hands_on_twice(void **state) {
    (void)state;
    cast_t c = cast(to_cid, to_cid);
    static const char *const bob[] = {"bob@here"}, *const chain[] = {"ann@here", "bob@here", "cid@here"};
    tr_acl_t acl = {.performative = TR_REQUEST,
        .sender = "cid@here",
        .receivers = {bob, 1},
        .conversation_id = "c",
        .delegation = {chain, 3}};
    tr_fixture_inject(c.host, &acl, TR_FLAG_MANDATE);
    tr_fixture_deliver(c.host);
    assert_int_equal(((doer_t *)tr_agent_state(c.bob))->code, -ELOOP);
    const char *full[TR_DELEGATION_MAX];
    for (size_t i = 0; i < TR_DELEGATION_MAX; i++)
        full[i] = i + 1 < TR_DELEGATION_MAX ? "x@here" : "cid@here";
    acl.delegation = (tr_acl_list_t){full, TR_DELEGATION_MAX};
    tr_fixture_inject(c.host, &acl, TR_FLAG_MANDATE);
    tr_fixture_deliver(c.host);
    assert_int_equal(((doer_t *)tr_agent_state(c.bob))->code, -E2BIG);
    tr_host_destroy(&c.host);
}

/* What no broker has looked at is not believed, nor handed on. */
static void without_the_flag_there_is_no_mandate(void **state) {
    (void)state;
    cast_t c = cast(to_cid, NULL);
    static const char *const bob[] = {"bob@here"}, *const chain[] = {"eve@here", "ann@here"};
    tr_acl_t acl = {.performative = TR_REQUEST,
        .sender = "ann@here",
        .receivers = {bob, 1},
        .conversation_id = "c",
        .delegation = {chain, 2},
        .budget = {.of_tokens = true, .tokens = 1000}};
    tr_fixture_inject(c.host, &acl, 0);
    tr_fixture_deliver(c.host);
    assert_false(((doer_t *)tr_agent_state(c.bob))->last.of_tokens);
    const tr_acl_t *sent = tr_fixture_last(c.host);
    check_chain(sent, 1, (const char *const[]){"bob@here"});
    assert_false(sent->budget.of_tokens);
    tr_host_destroy(&c.host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_grows_and_a_budget_falls),
        cmocka_unit_test(no_more_than_was_given),
        cmocka_unit_test(what_an_answer_leaves_may_be_spent_again),
        cmocka_unit_test(an_answer_can_be_answered),
        cmocka_unit_test(nobody_hands_on_twice),
        cmocka_unit_test(without_the_flag_there_is_no_mandate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
