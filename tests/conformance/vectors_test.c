/*
 * The vectors of this folder against the machine, the checker, and both roles of the library's conversations, over a wire in memory:
 * the one role is the library's, the other one's acts are messages that the test makes up.
 */
#include "lib/agent/host_fixture.h"
#include "lib/agent/protocol/checker.h"
#include "lib/agent/protocol/conversation.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ACTS_MAX 16

typedef struct act {
    tr_role_t from;
    tr_performative_t act;
    bool crossed;
} act_t;

typedef struct vector {
    const tr_protocol_t *protocol;
    act_t acts[ACTS_MAX];
    size_t n;
    bool illegal;
    bool path; /* of paths/: no state is said, nor, of a legal one, what may follow */
    const char *state, *outcome;
    uint32_t allowed, initiator, participant;
} vector_t;

/* What happened to the library's side. */
typedef struct side {
    tr_conversation_t *open;
    tr_outcome_t outcome;
    bool told; /* ended */
    int cancel_code;
} side_t;

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bob;
    side_t *side;
} stage_t;

static uint32_t acts_of(const json_t *list) {
    uint32_t acts = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        tr_performative_t act = tr_performative_parse(name, strlen(name));
        assert_int_not_equal(act, TR_ACT_NONE);
        acts |= 1u << act;
    }
    return acts;
}

static void read_vector(const tr_protocol_t *protocol, const json_t *line, vector_t *v) {
    const json_t *acts = json_object_get(line, "acts");
    *v = (vector_t){.protocol = protocol,
        .n = json_array_size(acts),
        .illegal = json_is_true(json_object_get(line, "illegal")),
        .state = json_string_value(json_object_get(line, "state")),
        .outcome = json_string_value(json_object_get(line, "outcome")),
        .allowed = acts_of(json_object_get(line, "allowed")),
        .initiator = acts_of(json_object_get(line, "initiator")),
        .participant = acts_of(json_object_get(line, "participant"))};
    v->path = json_is_string(json_object_get(line, "path"));
    assert_true(v->n <= ACTS_MAX && (v->state || v->path) && (v->outcome || (v->path && v->illegal)));
    for (size_t i = 0; i < v->n; i++) {
        const char *text = json_string_value(json_array_get(acts, i));
        size_t len = strlen(text);
        act_t *a = &v->acts[i];
        a->from = text[0] == 'I' ? TR_INITIATOR : TR_PARTICIPANT;
        a->crossed = text[len - 1] == '~';
        a->act = tr_performative_parse(text + 2, len - 2 - a->crossed);
        assert_int_not_equal(a->act, TR_ACT_NONE);
    }
}

/* Which steps the vectors of a protocol take: what is done, by whom, in which state while no cancel is under way. */
typedef struct coverage {
    bool legal[UINT8_MAX + 1][2][TR_ACT_MAX], illegal[UINT8_MAX + 1][2][TR_ACT_MAX];
    bool cancelled[UINT8_MAX + 1][2]; /* a cancel in that state was answered with failure, and with inform */
} coverage_t;

static void cover(coverage_t *c, const tr_machine_t *m, const act_t *a, bool illegal) {
    if (m->cancelling && !a->crossed && a->from == TR_PARTICIPANT && !illegal)
        c->cancelled[m->state][a->act == TR_INFORM] |= a->act == TR_INFORM || a->act == TR_FAILURE;
    if (!m->cancelling)
        (illegal ? c->illegal : c->legal)[m->state][a->from][a->act] = true;
}

static uint32_t acts_known(const tr_protocol_t *p) {
    uint32_t acts = 0;
    for (size_t i = 0; i < p->moves_n; i++)
        acts |= 1u << p->moves[i].act;
    return acts | (p->flags & TR_PROTOCOL_CANCEL ? 1u << TR_CANCEL : 0) |
           (p->flags & TR_PROTOCOL_NOT_UNDERSTOOD ? 1u << TR_NOT_UNDERSTOOD : 0);
}

static void expect_covered(bool is, const tr_protocol_t *p, size_t state, unsigned from, const char *what) {
    if (!is)
        fail_msg("%s: no vector has the %s send %s in state \"%s\"", p->name,
            from == TR_INITIATOR ? "initiator" : "participant", what, p->states[state].name);
}

/* Whoever sent the last act cannot fail to understand it: which one that is depends on the way to the state. */
static void expect_state_covered(const coverage_t *c, const tr_protocol_t *p, size_t state) {
    bool begun = state != TR_STATE_START;
    for (unsigned from = TR_INITIATOR; from <= TR_PARTICIPANT; from++) {
        for (unsigned act = TR_ACT_NONE + 1; act < TR_ACT_MAX; act++)
            if (acts_known(p) & 1u << act)
                expect_covered(c->legal[state][from][act] || c->illegal[state][from][act], p, state, from,
                    tr_performative_name(act));
    }
    if (begun && p->flags & TR_PROTOCOL_NOT_UNDERSTOOD)
        assert_true(c->legal[state][TR_INITIATOR][TR_NOT_UNDERSTOOD] ||
                    c->legal[state][TR_PARTICIPANT][TR_NOT_UNDERSTOOD]);
    if (begun && p->flags & TR_PROTOCOL_CANCEL) {
        expect_covered(c->legal[state][TR_INITIATOR][TR_CANCEL], p, state, TR_INITIATOR, "cancel");
        expect_covered(c->cancelled[state][true], p, state, TR_PARTICIPANT, "inform to a cancel");
        expect_covered(c->cancelled[state][false], p, state, TR_PARTICIPANT, "failure to a cancel");
    }
}

/* Each row of the table is stepped through, and each open state has every act that the protocol knows, from either side. */
static void expect_all_covered(const coverage_t *c, const tr_protocol_t *p) {
    for (size_t i = 0; i < p->moves_n; i++) {
        const tr_protocol_move_t *m = &p->moves[i];
        expect_covered(
            c->legal[m->state][m->from][m->act], p, m->state, m->from, tr_performative_name(m->act));
    }
    for (size_t state = 0; state < p->states_n; state++)
        if (p->states[state].outcome == TR_OUTCOME_NONE)
            expect_state_covered(c, p, state);
}

/* What a path does not say is where the table leads to: then the checker and both roles have to lead there, too. */
static void complete(vector_t *v, const tr_machine_t *m) {
    v->state = v->state ? v->state : tr_machine_state_name(m);
    v->outcome = v->outcome ? v->outcome : tr_outcome_name(tr_machine_outcome(m));
}

static void check_machine(vector_t *v, coverage_t *coverage) {
    tr_machine_t m;
    tr_machine_init(&m, v->protocol);
    for (size_t i = 0; i < v->n; i++) {
        const act_t *a = &v->acts[i];
        bool last = v->illegal && i + 1 == v->n;
        cover(coverage, &m, a, last);
        if (last)
            assert_int_equal(tr_machine_allowed(&m, a->from, a->crossed), v->allowed);
        assert_int_equal(tr_machine_step(&m, a->from, a->act, a->crossed) == TR_VERDICT_LEGAL, !last);
    }
    complete(v, &m);
    assert_string_equal(tr_machine_state_name(&m), v->state);
    assert_string_equal(tr_outcome_name(tr_machine_outcome(&m)), v->outcome);
    if (v->illegal || v->path)
        return;
    assert_int_equal(tr_machine_allowed(&m, TR_INITIATOR, false), v->initiator);
    assert_int_equal(tr_machine_allowed(&m, TR_PARTICIPANT, false), v->participant);
}

/* What an act is on the wire. */
static tr_acl_t message_of(const vector_t *v, const act_t *a, const char *id, const char *const *to) {
    static const char *const cancel = "c1/cancel";
    bool answer = a->from == TR_PARTICIPANT;
    bool cancelling = false;
    for (const act_t *b = v->acts; b < a; b++)
        cancelling |= b->act == TR_CANCEL;
    const char *cancel_id = strcmp(id, "c1") ? NULL : cancel;
    return (tr_acl_t){.performative = a->act,
        .sender = answer ? "bob@here" : "alice@here",
        .receivers = {.items = to, .count = 1},
        .protocol = v->protocol->name,
        .conversation_id = id,
        .reply_with = a->act == TR_CANCEL ? cancel_id : id,
        .in_reply_to = !answer                     ? NULL
                       : cancelling && !a->crossed ? cancel_id
                                                   : id};
}

static void check_checker(const vector_t *v) {
    tr_checker_t *checker;
    tr_checked_t is = {0};
    assert_int_equal(tr_checker_new("here", 10, &checker), 0);
    for (size_t i = 0; i < v->n; i++) {
        const act_t *a = &v->acts[i];
        const char *to = a->from == TR_INITIATOR ? "bob" : "alice@here";
        tr_acl_t acl = message_of(v, a, "c1", &to);
        assert_int_equal(tr_checker_take(checker, &acl, to, 1000, &is), 0);
        if (!v->illegal || i + 1 < v->n)
            assert_int_equal(is.check, TR_CHECK_LEGAL);
    }
    bool nothing = v->n && v->illegal && v->n == 1 && v->acts[0].act == TR_NOT_UNDERSTOOD;
    bool begins_wrong = v->n == 1 && v->illegal && v->acts[0].from == TR_PARTICIPANT;
    if (v->n && !nothing && !begins_wrong) {
        tr_check_t wrong = strcmp(v->outcome, "open") ? TR_CHECK_LATE : TR_CHECK_ILLEGAL;
        assert_int_equal(is.check, v->illegal ? wrong : TR_CHECK_LEGAL);
        assert_string_equal(is.state, v->state);
        assert_string_equal(tr_outcome_name(is.outcome), v->outcome);
        assert_int_equal(is.allowed, v->illegal ? v->allowed : 0);
        assert_int_equal(is.detail[0] != 0, v->illegal);
    }
    tr_checker_destroy(&checker);
}

/* The library's side. */
static void on_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    side_t *side = arg ? arg : state;
    (void)self;
    (void)c;
    (void)last;
    side->told = true;
    side->open = NULL;
    side->outcome = outcome;
}

static int on_request(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    side_t *side = state;
    (void)self;
    (void)message;
    side->open = c;
    return 0;
}

static int on_act(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)c;
    (void)message;
    return 0;
}

static int on_cancel(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    side_t *side = state;
    (void)self;
    (void)c;
    (void)message;
    return side->cancel_code;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)message;
    return 0;
}

static const tr_behaviour_t plain = {
    .abi = TR_BEHAVIOUR_ABI, .name = "plain", .state_size = sizeof(side_t), .receive = receive};

static void set_up(stage_t *s) {
    s->host = tr_fixture_host();
    s->alice = tr_fixture_agent(s->host, "alice", &plain);
    s->bob = tr_fixture_agent(s->host, "bob", &plain);
}

/* The library answered with not-understood, and said what would have been allowed. */
static void expect_not_understood(stage_t *s, const vector_t *v) {
    const tr_acl_t *last = tr_fixture_last(s->host);
    tr_content_t content;
    uint32_t allowed = 0;
    assert_int_equal(last->performative, TR_NOT_UNDERSTOOD);
    assert_int_equal(tr_content_init(&content, last->content, last->content_len), 0);
    tr_value_t list = tr_value_get(&content.root, "allowed");
    for (size_t i = 0; i < tr_value_size(list); i++) {
        size_t n;
        const char *name = tr_value_str(tr_value_at(list, i), &n);
        allowed |= 1u << tr_performative_parse(name, n);
    }
    assert_true(tr_value_equals(tr_value_get(&content.root, "reason"), "unexpected-act"));
    assert_int_equal(allowed, v->allowed);
    tr_content_finish(&content);
}

static void expect_refused(stage_t *s, const vector_t *v, const act_t *a) {
    char allowed[256];
    tr_error_t error = {0};
    int r = a->act == TR_CANCEL ? tr_conversation_cancel(s->side->open)
                                : tr_conversation_act(s->side->open, a->act, NULL, 0, &error);
    assert_int_equal(r, -EPROTO);
    if (a->act != TR_CANCEL && v->allowed)
        assert_non_null(strstr(error.text, tr_acts_print(v->allowed, allowed, sizeof allowed)));
}

static void say(stage_t *s, const vector_t *v, const act_t *a, bool wrong) {
    if (wrong)
        expect_refused(s, v, a);
    else
        assert_int_equal(tr_conversation_act(s->side->open, a->act, NULL, 0, NULL), 0);
    tr_fixture_run(s->host);
}

static void hear(stage_t *s, const vector_t *v, const act_t *a, bool wrong) {
    const char *to = a->from == TR_INITIATOR ? "bob@here" : "alice@here";
    tr_acl_t acl = message_of(v, a, "c1", &to);
    tr_fixture_inject(s->host, &acl, 0);
    tr_fixture_run(s->host);
    if (!wrong)
        return;
    if (a->act != TR_NOT_UNDERSTOOD)
        expect_not_understood(s, v);
    assert_true(s->side->told);
    assert_int_equal(s->side->outcome, TR_OUTCOME_NOT_UNDERSTOOD);
}

static void expect_end(const stage_t *s, const vector_t *v, bool heard_wrong) {
    if (heard_wrong)
        return;
    if (strcmp(v->outcome, "open")) {
        assert_true(s->side->told);
        assert_string_equal(tr_outcome_name(s->side->outcome), v->outcome);
    } else {
        assert_false(s->side->told);
        assert_string_equal(tr_conversation_state(s->side->open), v->state);
    }
}

/* After the end there is no conversation any more that could say anything. */
static bool is_after_end(const vector_t *v) {
    return v->illegal && strcmp(v->outcome, "open") != 0;
}

static bool run_initiator(const vector_t *v) {
    stage_t s;
    if (!v->n || v->acts[0].from != TR_INITIATOR || is_after_end(v))
        return false;
    set_up(&s);
    s.side = tr_agent_state(s.alice);
    tr_initiator_t i = {.protocol = v->protocol->name,
        .receiver = "bob",
        .performative = v->acts[0].act,
        .conversation_id = "c1",
        .on_end = on_end,
        .arg = s.side};
    bool wrong = v->illegal && v->n == 1;
    assert_int_equal(tr_conversation_start(s.alice, &i, &s.side->open, NULL), wrong ? -EPROTO : 0);
    tr_fixture_run(s.host);
    bool heard_wrong = wrong;
    for (size_t k = 1; k < v->n; k++) {
        const act_t *a = &v->acts[k];
        wrong = v->illegal && k + 1 == v->n;
        heard_wrong = wrong && a->from == TR_PARTICIPANT;
        (a->from == TR_INITIATOR ? say : hear)(&s, v, a, wrong);
    }
    expect_end(&s, v, heard_wrong);
    tr_host_destroy(&s.host);
    return true;
}

/* The library answers a cancel at once, so nothing else can come between the two. */
static bool answers_cancels_at_once(const vector_t *v) {
    for (size_t i = 0; i < v->n; i++) {
        if (v->acts[i].act != TR_CANCEL || (v->illegal && i + 1 == v->n))
            continue;
        const act_t *next = &v->acts[i + 1];
        bool legal = i + 1 < v->n - v->illegal;
        if (!legal || next->crossed || next->from != TR_PARTICIPANT ||
            (next->act != TR_INFORM && next->act != TR_FAILURE))
            return false;
    }
    return true;
}

static bool run_participant(const vector_t *v) {
    const tr_participant_t says = {.protocol = v->protocol->name,
        .on_request = on_request,
        .on_act = on_act,
        .on_cancel = on_cancel,
        .on_end = on_end};
    stage_t s;
    if (!v->n || v->acts[0].from != TR_INITIATOR || is_after_end(v) || !answers_cancels_at_once(v) ||
        (v->illegal && v->n == 1))
        return false;
    set_up(&s);
    s.side = tr_agent_state(s.bob);
    assert_int_equal(tr_participate(s.bob, &says), 0);
    bool heard_wrong = false;
    for (size_t k = 0; k < v->n; k++) {
        const act_t *a = &v->acts[k];
        bool wrong = v->illegal && k + 1 == v->n;
        heard_wrong = wrong && a->from == TR_INITIATOR;
        if (a->act == TR_CANCEL && !wrong)
            s.side->cancel_code = v->acts[k + 1].act == TR_INFORM ? 0 : -EBUSY;
        (a->from == TR_PARTICIPANT ? say : hear)(&s, v, a, wrong);
        if (a->act == TR_CANCEL && !wrong)
            k++;
    }
    expect_end(&s, v, heard_wrong);
    tr_host_destroy(&s.host);
    return true;
}

typedef struct tally {
    size_t n, illegal, initiator, participant;
} tally_t;

static tally_t run_file(const tr_protocol_t *protocol, const char *folder, coverage_t *coverage) {
    char path[512], line[1024];
    tally_t t = {0};
    snprintf(path, sizeof path, "%s%s/%s.jsonl", VECTORS, folder, protocol->name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s: %s: each protocol has its vectors", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        json_t *json = json_loads(line, 0, NULL);
        vector_t v;
        assert_non_null(json);
        read_vector(protocol, json, &v);
        if (v.path)
            printf("%s: %s\n", protocol->name, json_string_value(json_object_get(json, "path")));
        check_machine(&v, coverage);
        check_checker(&v);
        t.initiator += run_initiator(&v);
        t.participant += run_participant(&v);
        t.illegal += v.illegal;
        json_decref(json);
        t.n++;
    }
    fclose(file);
    printf("conformance %s%s: %zu vectors, %zu as initiator, %zu as participant\n", protocol->name, folder,
        t.n, t.initiator, t.participant);
    return t;
}

static void every_protocol_keeps_to_its_vectors(void **state) {
    (void)state;
    for (const tr_protocol_t *const *p = tr_protocols(); *p; p++) {
        coverage_t coverage = {0};
        tally_t t = run_file(*p, "", &coverage);
        expect_all_covered(&coverage, *p);
        assert_true(t.initiator > 20 && t.participant > 10);
    }
}

/* Each row of the table is part of a path that somebody took from the documents. */
static void every_protocol_keeps_to_the_documents_paths(void **state) {
    (void)state;
    for (const tr_protocol_t *const *p = tr_protocols(); *p; p++) {
        coverage_t c = {0};
        tally_t t = run_file(*p, "/paths", &c);
        for (size_t i = 0; i < (*p)->moves_n; i++) {
            const tr_protocol_move_t *m = &(*p)->moves[i];
            expect_covered(
                c.legal[m->state][m->from][m->act], *p, m->state, m->from, tr_performative_name(m->act));
        }
        assert_true(t.illegal >= 4 && t.n - t.illegal >= 6 && t.initiator && t.participant);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_protocol_keeps_to_its_vectors),
        cmocka_unit_test(every_protocol_keeps_to_the_documents_paths)};
    return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
