/*
 * Every state of every table, by the acts that lead there, and in each the acts that either role may send:
 * those are legal and lead on, and all the others of the 22 are illegal and change nothing.
 */
#include "lib/agent/protocol/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "I:request P:agree"; a `~` behind an act of the participant: it crossed a cancel. */
typedef struct vector {
    const char *path;
    const char *state;
    tr_outcome_t outcome;
    const char *initiator; /* what each may send now, where nothing crosses */
    const char *participant;
} vector_t;

static const vector_t request_vectors[] = {
    {"", "start", TR_OUTCOME_NONE, "request", ""},
    {"I:request", "requested", TR_OUTCOME_NONE, "cancel", "agree, failure, inform, not-understood, refuse"},
    {"I:request P:agree", "agreed", TR_OUTCOME_NONE, "cancel, not-understood", "failure, inform"},
    {"I:request P:refuse", "refused", TR_OUTCOME_REFUSED, "", ""},
    {"I:request P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:request P:failure", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:request P:agree P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:request P:agree P:failure", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:request P:not-understood", "not-understood", TR_OUTCOME_NOT_UNDERSTOOD, "", ""},
    {"I:request P:agree I:not-understood", "not-understood", TR_OUTCOME_NOT_UNDERSTOOD, "", ""},
    {"I:request I:cancel", "cancelling", TR_OUTCOME_NONE, "",
        "agree, failure, inform, not-understood, refuse"},
    {"I:request I:cancel P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {"I:request I:cancel P:inform~", "done", TR_OUTCOME_DONE, "", ""},
    {"I:request I:cancel P:failure~", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:request I:cancel P:refuse~", "refused", TR_OUTCOME_REFUSED, "", ""},
    {"I:request I:cancel P:not-understood", "not-understood", TR_OUTCOME_NOT_UNDERSTOOD, "", ""},
    {"I:request I:cancel P:agree~", "cancelling", TR_OUTCOME_NONE, "not-understood",
        "failure, inform, not-understood"},
    {"I:request I:cancel P:agree~ P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {"I:request I:cancel P:failure", "requested", TR_OUTCOME_NONE, "cancel, not-understood",
        "agree, failure, inform, refuse"},
    {"I:request P:agree I:cancel P:failure", "agreed", TR_OUTCOME_NONE, "cancel, not-understood",
        "failure, inform"},
    {"I:request P:agree I:cancel P:failure P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:request P:agree I:cancel P:failure I:cancel P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {NULL, NULL, TR_OUTCOME_NONE, NULL, NULL},
};

static const vector_t query_vectors[] = {
    {"", "start", TR_OUTCOME_NONE, "query-if, query-ref", ""},
    {"I:query-if", "asked", TR_OUTCOME_NONE, "cancel", "agree, failure, inform, not-understood, refuse"},
    {"I:query-ref", "asked", TR_OUTCOME_NONE, "cancel", "agree, failure, inform, not-understood, refuse"},
    {"I:query-if P:agree", "agreed", TR_OUTCOME_NONE, "cancel, not-understood", "failure, inform"},
    {"I:query-ref P:agree", "agreed", TR_OUTCOME_NONE, "cancel, not-understood", "failure, inform"},
    {"I:query-if P:refuse", "refused", TR_OUTCOME_REFUSED, "", ""},
    {"I:query-if P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:query-ref P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:query-ref P:failure", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:query-if P:agree P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:query-ref P:agree P:inform", "done", TR_OUTCOME_DONE, "", ""},
    {"I:query-ref P:agree P:failure", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:query-ref P:not-understood", "not-understood", TR_OUTCOME_NOT_UNDERSTOOD, "", ""},
    {"I:query-ref I:cancel", "cancelling", TR_OUTCOME_NONE, "",
        "agree, failure, inform, not-understood, refuse"},
    {"I:query-ref I:cancel P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {"I:query-ref P:agree I:cancel P:inform~", "done", TR_OUTCOME_DONE, "", ""},
    {NULL, NULL, TR_OUTCOME_NONE, NULL, NULL},
};

static const vector_t subscribe_vectors[] = {
    {"", "start", TR_OUTCOME_NONE, "subscribe", ""},
    {"I:subscribe", "asked", TR_OUTCOME_NONE, "cancel", "agree, failure, inform, not-understood, refuse"},
    {"I:subscribe P:inform", "subscribed", TR_OUTCOME_NONE, "cancel, not-understood", "failure, inform"},
    {"I:subscribe P:failure", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:subscribe P:refuse", "refused", TR_OUTCOME_REFUSED, "", ""},
    {"I:subscribe P:not-understood", "not-understood", TR_OUTCOME_NOT_UNDERSTOOD, "", ""},
    {"I:subscribe P:agree", "subscribed", TR_OUTCOME_NONE, "cancel, not-understood", "failure, inform"},
    {"I:subscribe P:agree P:inform", "subscribed", TR_OUTCOME_NONE, "cancel, not-understood",
        "failure, inform"},
    {"I:subscribe P:agree P:inform P:inform P:inform", "subscribed", TR_OUTCOME_NONE,
        "cancel, not-understood", "failure, inform"},
    {"I:subscribe P:agree P:inform P:failure", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:subscribe P:agree P:inform I:not-understood", "not-understood", TR_OUTCOME_NOT_UNDERSTOOD, "", ""},
    {"I:subscribe P:agree I:cancel", "cancelling", TR_OUTCOME_NONE, "", "failure, inform, not-understood"},
    {"I:subscribe P:agree I:cancel P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {"I:subscribe P:agree I:cancel P:inform~ P:inform~ P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {"I:subscribe P:agree I:cancel P:failure~", "failed", TR_OUTCOME_FAILED, "", ""},
    {"I:subscribe P:agree I:cancel P:failure", "subscribed", TR_OUTCOME_NONE, "cancel, not-understood",
        "failure, inform"},
    {"I:subscribe P:agree I:cancel P:failure P:inform I:cancel P:inform", "cancelled", TR_OUTCOME_CANCELLED,
        "", ""},
    {"I:subscribe I:cancel P:inform", "cancelled", TR_OUTCOME_CANCELLED, "", ""},
    {NULL, NULL, TR_OUTCOME_NONE, NULL, NULL},
};

static uint32_t acts_of(const char *list) {
    uint32_t acts = 0;
    while (*list) {
        size_t n = strcspn(list, ",");
        tr_performative_t act = tr_performative_parse(list, n);
        assert_int_not_equal(act, TR_ACT_NONE);
        acts |= 1u << act;
        list += n + strspn(list + n, ", ");
    }
    return acts;
}

/* Walks a path; every act on it must be legal. */
static void walk(tr_machine_t *m, const tr_protocol_t *protocol, const char *path) {
    tr_machine_init(m, protocol);
    while (*path) {
        size_t n = strcspn(path, " ");
        tr_role_t from = path[0] == 'I' ? TR_INITIATOR : TR_PARTICIPANT;
        bool crossed = path[n - 1] == '~';
        tr_performative_t act = tr_performative_parse(path + 2, n - 2 - crossed);
        assert_int_not_equal(act, TR_ACT_NONE);
        assert_int_equal(tr_machine_step(m, from, act, crossed), TR_VERDICT_LEGAL);
        path += n + (path[n] == ' ');
    }
}

static void check_role(const tr_machine_t *m, tr_role_t from, uint32_t expected) {
    assert_int_equal(tr_machine_allowed(m, from, false), expected);
    for (unsigned act = 0; act < 40; act++) {
        tr_machine_t trial = *m;
        bool legal = act < TR_ACT_MAX && expected & 1u << act;
        tr_verdict_t wrong = tr_machine_outcome(m) == TR_OUTCOME_NONE ? TR_VERDICT_ILLEGAL : TR_VERDICT_LATE;
        assert_int_equal(
            tr_machine_step(&trial, from, (tr_performative_t)act, false), legal ? TR_VERDICT_LEGAL : wrong);
        if (!legal)
            assert_memory_equal(&trial, m, sizeof trial);
    }
}

static void check_protocol(const char *name, const vector_t *vectors) {
    const tr_protocol_t *protocol = tr_protocol_find(name);
    assert_non_null(protocol);
    bool reached[256] = {false};
    for (const vector_t *v = vectors; v->path; v++) {
        tr_machine_t m;
        walk(&m, protocol, v->path);
        reached[m.state] = true;
        assert_string_equal(tr_machine_state_name(&m), v->state);
        assert_int_equal(tr_machine_outcome(&m), v->outcome);
        check_role(&m, TR_INITIATOR, acts_of(v->initiator));
        check_role(&m, TR_PARTICIPANT, acts_of(v->participant));
    }
    for (size_t i = 0; i < protocol->states_n; i++)
        assert_true(reached[i]); /* a state that no vector covers */
    assert_true(reached[TR_STATE_CANCELLED] && reached[TR_STATE_NOT_UNDERSTOOD]);
}

static void request_allows_its_paths_only(void **state) {
    (void)state;
    check_protocol("fipa-request", request_vectors);
}

static void query_allows_its_paths_only(void **state) {
    (void)state;
    check_protocol("fipa-query", query_vectors);
}

static void subscribe_allows_its_paths_only(void **state) {
    (void)state;
    check_protocol("FIPA-Subscribe", subscribe_vectors);
}

static void tables_are_sound(void **state) {
    (void)state;
    for (const tr_protocol_t *const *p = tr_protocols(); *p; p++) {
        assert_true((*p)->states_n < TR_STATE_CANCELLED);
        for (size_t i = 0; i < (*p)->moves_n; i++) {
            const tr_protocol_move_t *m = &(*p)->moves[i];
            assert_true(m->state < (*p)->states_n && m->next < (*p)->states_n);
            assert_true(m->from == TR_INITIATOR || m->from == TR_PARTICIPANT);
            assert_true(m->act > TR_ACT_NONE && m->act < TR_ACT_MAX);
            assert_int_equal((*p)->states[m->state].outcome, TR_OUTCOME_NONE); /* nothing follows an end */
            for (size_t j = 0; j < i; j++) {
                const tr_protocol_move_t *o = &(*p)->moves[j];
                assert_false(o->state == m->state && o->from == m->from && o->act == m->act);
            }
        }
    }
    assert_null(tr_protocol_find("fipa-reques"));
    assert_null(tr_protocol_find(NULL));
}

static void says_what_is_allowed(void **state) {
    (void)state;
    tr_machine_t m;
    char text[256];
    walk(&m, &tr_fipa_request, "I:request");
    assert_string_equal(tr_machine_explain(&m, TR_PARTICIPANT, TR_PROPOSE, false, text, sizeof text),
        "propose is not for the participant to send in state \"requested\" of fipa-request; "
        "allowed: agree, failure, inform, not-understood, refuse");
    walk(&m, &tr_fipa_query, "");
    assert_string_equal(tr_machine_explain(&m, TR_PARTICIPANT, TR_INFORM, false, text, sizeof text),
        "inform is not for the participant to send in state \"start\" of fipa-query; "
        "allowed: nothing, it is the other side's turn");
    walk(&m, &tr_fipa_subscribe, "I:subscribe P:refuse");
    assert_string_equal(tr_machine_explain(&m, TR_INITIATOR, TR_CANCEL, false, text, sizeof text),
        "cancel by the initiator comes after the end of fipa-subscribe (refused): nothing may follow");
    char tight[8];
    assert_string_equal(tr_acts_print(1u << TR_AGREE | 1u << TR_INFORM, tight, sizeof tight), "agree, ");
    assert_string_equal(tr_acts_print(0, tight, sizeof tight), "");
}

static void only_streams_last_for_ever(void **state) {
    (void)state;
    tr_machine_t m;
    walk(&m, &tr_fipa_subscribe, "I:subscribe");
    assert_false(tr_machine_streams(&m));
    walk(&m, &tr_fipa_subscribe, "I:subscribe P:agree P:inform");
    assert_true(tr_machine_streams(&m));
    walk(&m, &tr_fipa_subscribe, "I:subscribe P:agree I:cancel");
    assert_false(tr_machine_streams(&m));
    walk(&m, &tr_fipa_request, "I:request P:agree");
    assert_false(tr_machine_streams(&m));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_allows_its_paths_only),
        cmocka_unit_test(query_allows_its_paths_only),
        cmocka_unit_test(subscribe_allows_its_paths_only),
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(says_what_is_allowed),
        cmocka_unit_test(only_streams_last_for_ever),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
