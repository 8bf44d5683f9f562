#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/performative.h"

static void each_act_has_a_name_that_reads_back(void **state) {
    (void)state;
    for (unsigned act = 1; act < TR_ACT_MAX; act++) {
        const char *name = tr_performative_name(act);
        assert_string_not_equal(name, "none");
        assert_int_equal(tr_performative_parse(name, strlen(name)), act);
    }
    assert_int_equal(TR_ACT_MAX, 23);
    assert_string_equal(tr_performative_name(TR_ACCEPT_PROPOSAL), "accept-proposal");
    assert_string_equal(tr_performative_name(TR_SUBSCRIBE), "subscribe");
    assert_string_equal(tr_performative_name(0), "none");
    assert_string_equal(tr_performative_name(TR_ACT_MAX), "none");
    assert_string_equal(tr_performative_name(~0u), "none");
}

static void reads_any_case_and_nothing_else(void **state) {
    (void)state;
    assert_int_equal(tr_performative_parse("INFORM", 6), TR_INFORM);
    assert_int_equal(tr_performative_parse("Query-Ref", 9), TR_QUERY_REF);
    assert_int_equal(tr_performative_parse("inform-ref", 6), TR_INFORM); /* by length, not by NUL */
    assert_int_equal(tr_performative_parse("infor", 5), TR_ACT_NONE);
    assert_int_equal(tr_performative_parse("informs", 7), TR_ACT_NONE);
    assert_int_equal(tr_performative_parse("none", 4), TR_ACT_NONE);
    assert_int_equal(tr_performative_parse("", 0), TR_ACT_NONE);
    assert_int_equal(tr_performative_parse(NULL, 0), TR_ACT_NONE);
}

static void a_kind_is_a_triple(void **state) {
    (void)state;
    static const char *const names[] = {
        "query", "response", "task_assignment", "task_result", "status_update", "collaboration_request"};
    const tr_message_kind_t *kind = tr_message_kinds();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++, kind++) {
        tr_performative_t act = TR_ACT_NONE;
        assert_string_equal(kind->name, names[i]);
        assert_ptr_equal(tr_message_kind_parse(names[i], strlen(names[i]), &act), kind);
        assert_int_equal(act, kind->performative);
        assert_int_not_equal(act, TR_ACT_NONE);
        assert_non_null(kind->ontology);
        assert_non_null(kind->summary);
        /* a kind never hides a performative */
        assert_int_equal(tr_performative_parse(kind->name, strlen(kind->name)), TR_ACT_NONE);
    }
    assert_null(kind->name);
}

static void a_kind_or_a_performative_can_be_typed(void **state) {
    (void)state;
    tr_performative_t act = TR_ACT_NONE;
    assert_null(tr_message_kind_parse("request", 7, &act));
    assert_int_equal(act, TR_REQUEST);
    const tr_message_kind_t *kind = tr_message_kind_parse("Task_Result", 11, &act);
    assert_non_null(kind);
    assert_int_equal(act, TR_INFORM);
    assert_string_equal(kind->protocol, "fipa-request");
    assert_string_equal(kind->ontology, "troupe-task");
    assert_null(tr_message_kind_parse("quer", 4, &act));
    assert_int_equal(act, TR_ACT_NONE);
    act = TR_INFORM;
    assert_null(tr_message_kind_parse(NULL, 0, &act));
    assert_int_equal(act, TR_ACT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_act_has_a_name_that_reads_back),
        cmocka_unit_test(reads_any_case_and_nothing_else),
        cmocka_unit_test(a_kind_is_a_triple),
        cmocka_unit_test(a_kind_or_a_performative_can_be_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
