#include "coordinator/approval/approval.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct scene {
    char *directory;
    tr_approvals_t *all;
    char id[TR_APPROVAL_ID_MAX + 1], by[64], log[512];
    tr_approval_state_t state;
    unsigned given;
} scene_t;

static const tr_approval_t usual = {.agent = "hands@p",
    .key = "t1/3",
    .tool = "command",
    .arguments = "{\"program\":\"rm\"}",
    .digest = "d1",
    .created_ms = 1000,
    .expires_ms = 2000};

static void see(void *arg, const tr_approval_t *a) {
    scene_t *s = arg;
    size_t used = strlen(s->log);
    s->given++;
    s->state = a->state;
    snprintf(s->id, sizeof s->id, "%s", a->id);
    snprintf(s->by, sizeof s->by, "%s", a->by ? a->by : "");
    snprintf(s->log + used, sizeof s->log - used, "%s %s;", a->tool, tr_approval_state_words[a->state]);
}

static int set_up(void **state) {
    scene_t *s = calloc(1, sizeof *s);
    s->directory = scratch_new();
    assert_non_null(s->directory);
    assert_int_equal(tr_approvals_open(s->directory, &s->all, NULL), 0);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    scene_t *s = *state;
    tr_approvals_close(&s->all);
    tr_approvals_close(&s->all);
    scratch_end(s->directory);
    free(s);
    return 0;
}

static bool ask(scene_t *s, const tr_approval_t *asked) {
    bool is_new = false;
    s->given = 0;
    assert_int_equal(tr_approvals_ask(s->all, asked, false, see, s, &is_new), 0);
    assert_int_equal(s->given, 1);
    return is_new;
}

static void granted_once_and_used_once(void **state) {
    scene_t *s = *state;
    assert_true(ask(s, &usual));
    assert_int_equal(s->state, TR_APPROVAL_PENDING);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1100), -EALREADY);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", "fine", 1200), 0);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_DENIED, "bob@p", NULL, 1250), -EALREADY);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1300), 0);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1300), -EALREADY);
    assert_int_equal(tr_approvals_find(s->all, s->id, see, s), 0);
    assert_int_equal(s->state, TR_APPROVAL_USED);
    assert_string_equal(s->by, "ann@p");
}

static void who_was_not_answered_takes_again(void **state) {
    scene_t *s = *state;
    ask(s, &usual);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", "n1", 1100), -EALREADY);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), 0);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", "n1", 1300), 0);
    tr_approvals_close(&s->all); /* the desk was killed before it answered */
    assert_int_equal(tr_approvals_open(s->directory, &s->all, NULL), 0);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", "n1", 2500), 1);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", "n2", 1300), -EALREADY);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1300), -EALREADY);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d2", "n1", 1300), -EPERM);
    assert_int_equal(tr_approvals_take(s->all, s->id, "other@p", "d1", "n1", 1300), -EPERM);
}

static void only_for_who_asked_and_what_he_asked(void **state) {
    scene_t *s = *state;
    ask(s, &usual);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "hands@p", NULL, 1200), -EPERM);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), 0);
    assert_int_equal(tr_approvals_take(s->all, s->id, "other@p", "d1", NULL, 1300), -EPERM);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d2", NULL, 1300), -EPERM);
    assert_int_equal(
        tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 2000), -EALREADY); /* its time is over */
    assert_int_equal(tr_approvals_take(s->all, "a0", "hands@p", "d1", NULL, 1300), -ENOENT);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1300), 0);
}

static void the_same_call_is_found_again_until_it_is_used(void **state) {
    scene_t *s = *state;
    char first[TR_APPROVAL_ID_MAX + 1];
    tr_approval_t other = usual, nameless = usual;
    ask(s, &usual);
    strcpy(first, s->id);
    tr_approvals_close(&s->all); /* also by another process */
    assert_int_equal(tr_approvals_open(s->directory, &s->all, NULL), 0);
    assert_false(ask(s, &usual));
    assert_string_equal(s->id, first);
    other.digest = "d2";
    assert_true(ask(s, &other));
    other = usual;
    other.agent = "other@p";
    assert_true(ask(s, &other));
    nameless.key = NULL;
    assert_true(ask(s, &nameless));
    assert_true(ask(s, &nameless));
    assert_int_equal(tr_approvals_decide(s->all, first, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), 0);
    assert_int_equal(tr_approvals_take(s->all, first, "hands@p", "d1", NULL, 1300), 0);
    assert_true(ask(s, &usual));
}

static void what_was_used_is_told_to_who_may_have_made_the_call(void **state) {
    scene_t *s = *state;
    char first[TR_APPROVAL_ID_MAX + 1];
    bool is_new = true;
    tr_approval_t later = usual;
    ask(s, &usual);
    strcpy(first, s->id);
    assert_int_equal(tr_approvals_decide(s->all, first, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), 0);
    assert_int_equal(tr_approvals_take(s->all, first, "hands@p", "d1", NULL, 1300), 0);
    later.created_ms = 5000; /* its time is over, but it was used */
    later.expires_ms = 6000;
    assert_int_equal(tr_approvals_ask(s->all, &later, true, see, s, &is_new), 0);
    assert_false(is_new);
    assert_string_equal(s->id, first);
    assert_int_equal(s->state, TR_APPROVAL_USED);
    assert_true(ask(s, &later)); /* who makes another such call gets his own */
    assert_int_equal(tr_approvals_ask(s->all, &later, true, see, s, &is_new), 0);
    assert_int_equal(s->state, TR_APPROVAL_PENDING);
}

static void a_grant_for_one_is_not_anothers(void **state) {
    scene_t *s = *state;
    char first[TR_APPROVAL_ID_MAX + 1];
    tr_approval_t for_alice = usual, for_bob = usual;
    for_alice.behalf = "alice@p";
    for_bob.behalf = "bob@p";
    ask(s, &for_alice);
    strcpy(first, s->id);
    assert_int_equal(tr_approvals_decide(s->all, first, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), 0);
    assert_true(ask(s, &for_bob));
    assert_int_equal(s->state, TR_APPROVAL_PENDING);
    assert_true(ask(s, &usual)); /* nor his who asks for himself */
    assert_int_equal(s->state, TR_APPROVAL_PENDING);
    assert_false(ask(s, &for_alice));
    assert_string_equal(s->id, first);
}

static void who_it_is_asked_for_cannot_decide(void **state) {
    scene_t *s = *state;
    tr_approval_t for_alice = usual;
    for_alice.behalf = "alice@p";
    ask(s, &for_alice);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "alice@p", NULL, 1200), -EPERM);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_DENIED, "alice@p", NULL, 1200), -EPERM);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "bob@p", NULL, 1200), 0);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1300), 0);
}

static void only_its_approvers_decide(void **state) {
    scene_t *s = *state;
    tr_approval_t asked = usual;
    asked.approvers = "ann\ngateway/bob\n";
    ask(s, &asked);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "eve@p", NULL, 1200), -EACCES);
    assert_int_equal(
        tr_approvals_decide(s->all, s->id, TR_APPROVAL_DENIED, "gateway@p/eve", NULL, 1200), -EACCES);
    tr_approvals_close(&s->all); /* the list is kept */
    assert_int_equal(tr_approvals_open(s->directory, &s->all, NULL), 0);
    assert_int_equal(
        tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "gateway@p", NULL, 1200), -EACCES);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "gateway@p/bob", NULL, 1200), 0);
    assert_int_equal(tr_approvals_find(s->all, s->id, see, s), 0);
    assert_string_equal(s->by, "gateway@p/bob");
}

static void who_asks_cannot_say_that_it_was_for_another(void **state) {
    scene_t *s = *state;
    tr_approval_t asked = usual;
    asked.behalf = "proxy@p/ann";
    ask(s, &asked);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "proxy@p", NULL, 1200), -EPERM);
    asked.key = "t1/4";
    asked.approvers = "proxy\nhands";
    ask(s, &asked); /* nor though it is an approver */
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "proxy@p", NULL, 1200), -EPERM);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "hands@p", NULL, 1200), -EPERM);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "proxy@p/ann", NULL, 1200), 0);
}

static void what_was_denied_stays_denied_for_its_time(void **state) {
    scene_t *s = *state;
    ask(s, &usual);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_DENIED, "ann@p", "no", 1200), 0);
    assert_false(ask(s, &usual));
    assert_int_equal(s->state, TR_APPROVAL_DENIED);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1300), -EALREADY);
    tr_approval_t later = usual;
    later.created_ms = 2000;
    later.expires_ms = 3000;
    assert_true(ask(s, &later));
    assert_int_equal(s->state, TR_APPROVAL_PENDING);
}

static void what_nobody_grants_or_uses_expires(void **state) {
    scene_t *s = *state;
    int64_t due = 0;
    tr_approval_t later = usual;
    ask(s, &usual);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), 0);
    later.key = "t1/4";
    later.expires_ms = 3000;
    later.tool = "fetch";
    ask(s, &later);
    s->log[0] = '\0';
    assert_int_equal(tr_approvals_expire(s->all, 1999, see, s, &due), 0);
    assert_int_equal(due, 2000);
    assert_string_equal(s->log, "");
    assert_int_equal(tr_approvals_expire(s->all, 2000, see, s, &due), 0);
    assert_int_equal(due, 3000);
    assert_int_equal(tr_approvals_expire(s->all, 9000, see, s, &due), 0);
    assert_string_equal(s->log, "command expired;fetch expired;");
    assert_true(due == INT64_MAX);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", NULL, 9000), -EALREADY);
    assert_true(ask(s, &usual)); /* it may be asked for anew */
}

static void lists(void **state) {
    scene_t *s = *state;
    tr_approval_t other = usual;
    ask(s, &usual);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_DENIED, "ann@p", NULL, 1200), 0);
    other.tool = "fetch";
    other.digest = "d2";
    ask(s, &other);
    s->log[0] = '\0';
    assert_int_equal(tr_approvals_list(s->all, -1, 0, 10, see, s), 0);
    assert_string_equal(s->log, "fetch pending;command denied;");
    s->log[0] = '\0';
    assert_int_equal(tr_approvals_list(s->all, TR_APPROVAL_DENIED, 0, 10, see, s), 0);
    assert_int_equal(tr_approvals_list(s->all, -1, 2, 10, see, s), 0);
    assert_int_equal(tr_approvals_list(s->all, -1, 0, 1, see, s), 0);
    assert_string_equal(s->log, "command denied;command denied;fetch pending;");
}

static void what_is_over_is_forgotten_after_its_time(void **state) {
    scene_t *s = *state;
    int64_t due;
    tr_approval_t other = usual;
    ask(s, &usual);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_DENIED, "ann@p", NULL, 1200), 0);
    other.key = "t1/4";
    other.tool = "fetch";
    ask(s, &other); /* waits */
    assert_int_equal(tr_approvals_forget(s->all, 1199), 0);
    s->log[0] = '\0';
    assert_int_equal(tr_approvals_list(s->all, -1, 0, 10, see, s), 0);
    assert_string_equal(s->log, "fetch pending;command denied;");
    assert_int_equal(tr_approvals_forget(s->all, 1999), 0);
    s->log[0] = '\0';
    assert_int_equal(tr_approvals_list(s->all, -1, 0, 10, see, s), 0);
    assert_string_equal(s->log, "fetch pending;");
    assert_int_equal(tr_approvals_expire(s->all, 2000, see, s, &due), 0);
    assert_int_equal(tr_approvals_forget(s->all, 2000), 0);
    s->log[0] = '\0';
    assert_int_equal(tr_approvals_list(s->all, -1, 0, 10, see, s), 0);
    assert_string_equal(s->log, "");
}

static void what_nobody_waits_for_is_no_more_to_be_granted(void **state) {
    scene_t *s = *state;
    ask(s, &usual);
    assert_int_equal(tr_approvals_withdraw(s->all, "a0", "hands@p", 1100), -ENOENT);
    assert_int_equal(tr_approvals_withdraw(s->all, s->id, "other@p", 1100), -EPERM);
    assert_int_equal(tr_approvals_withdraw(s->all, s->id, "hands@p", 1100), 0);
    assert_int_equal(tr_approvals_find(s->all, s->id, see, s), 0);
    assert_int_equal(s->state, TR_APPROVAL_EXPIRED);
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", NULL, 1200), -EALREADY);
    assert_int_equal(tr_approvals_withdraw(s->all, s->id, "hands@p", 1300), -EALREADY);
    assert_true(ask(s, &usual)); /* the next try asks anew */
    assert_int_equal(tr_approvals_decide(s->all, s->id, TR_APPROVAL_GRANTED, "ann@p", NULL, 1400), 0);
    assert_int_equal(tr_approvals_withdraw(s->all, s->id, "hands@p", 1500), 0);
    assert_int_equal(tr_approvals_take(s->all, s->id, "hands@p", "d1", NULL, 1600), -EALREADY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(granted_once_and_used_once),
        TEST(who_was_not_answered_takes_again),
        TEST(only_for_who_asked_and_what_he_asked),
        TEST(the_same_call_is_found_again_until_it_is_used),
        TEST(what_was_used_is_told_to_who_may_have_made_the_call),
        TEST(a_grant_for_one_is_not_anothers),
        TEST(who_it_is_asked_for_cannot_decide),
        TEST(only_its_approvers_decide),
        TEST(who_asks_cannot_say_that_it_was_for_another),
        TEST(what_was_denied_stays_denied_for_its_time),
        TEST(what_nobody_grants_or_uses_expires),
        TEST(what_nobody_waits_for_is_no_more_to_be_granted),
        TEST(lists),
        TEST(what_is_over_is_forgotten_after_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
