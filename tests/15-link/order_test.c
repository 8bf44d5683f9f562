/* Messages: in order, whole, each once. */
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

/* Of three who flood one receiver, each message arrives once and in its sender's order, or comes back. */
static void flood_from_three(
    crowd_t *c, const char *each, const char *size, const char *big, uint64_t count) {
    static const char *const names[] = {"one", "two", "three"};
    process_t *sink = crowd_role(c, "sink", "sink", NULL), *from[3];
    report_t r = {0}, back[3] = {0};
    char line[128];
    for (size_t i = 0; i < 3; i++)
        from[i] = crowd_role(c, "flood", names[i], "sink", each, size, big, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_true(process_line(from[i], line, sizeof line) && !strncmp(line, "sent ", 5));
    until(c, (r = sink_report(sink)).received + (back[0] = sink_report(from[0])).failed +
                     (back[1] = sink_report(from[1])).failed + (back[2] = sink_report(from[2])).failed ==
                 3 * count);
    assert_int_equal(r.doubled, 0);
    uint64_t failed = back[0].failed + back[1].failed + back[2].failed;
    assert_int_equal(r.doubled, 0);
    assert_int_equal(r.damaged, 0);
    assert_true(r.missing <= failed);
    if (failed >= count / 10) /* they are told to hold back in time */
        fail_msg("%llu messages came back", (unsigned long long)failed);
}

static void two_hundred_thousand_messages_keep_their_order(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    flood_from_three(c, "66667", "64", NULL, 66667);
}

static void large_and_small_ones_keep_their_order(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    flood_from_three(c, "1000", "64", "big", 1000);
}

/* With windows so small that credit runs out all the time. The mailbox has room for what the three have in their
 * outgoing queues when they are told to hold back. */
static void small_windows_change_nothing(void **state) {
    static const char *const options[] = {
        "--window-records", "64", "--window-bytes", "65536", "--mailbox-bytes", "64M", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    flood_from_three(c, "3000", "200", "big", 3000);
}

static void every_request_has_its_one_answer(void **state) {
    enum { N = 2000 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    crowd_role(c, "many", "echo", "1", "2", NULL);
    member_t *a = crowd_join(c, "a");
    member_send_all(c, a, "echo0-1", 0, N);
    until(c, a->box->n == N);
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(a->box->seen[i].type, TR_MESSAGE_DIRECT);
        assert_int_equal(a->box->seen[i].number, i);
        assert_string_equal(a->box->seen[i].sender, "echo0-1@local");
    }
}

static int send_bytes(member_t *from, const char *to, const uint8_t *bytes, size_t len) {
    tr_acl_t acl = {
        .performative = TR_INFORM,
        .receivers = {.items = &to, .count = 1},
        .content = bytes,
        .content_len = len,
    };
    return tr_send(from->agent, &acl);
}

static void too_large_is_refused_at_once(void **state) {
    static const char *const options[] = {"--max-record", "64K", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    uint8_t bytes[65536];
    content_fill(bytes, sizeof bytes, 1);
    assert_int_equal(send_bytes(a, "b", bytes, sizeof bytes), -EMSGSIZE);
    assert_int_equal(
        send_bytes(a, "b", bytes, sizeof bytes - TR_RECORD_HEADER), -EMSGSIZE); /* and an envelope */
    size_t most = sizeof bytes - 256;
    content_fill(bytes, most, 2);
    assert_int_equal(send_bytes(a, "b", bytes, most), 0);
    until(c, b->box->n == 1);
    assert_true(b->box->seen[0].intact);
    assert_int_equal(b->box->seen[0].len, most);
    assert_int_equal(a->box->n, 0);
}

static void an_envelope_over_its_limit_is_refused_at_once(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    char *conversation = calloc(1, TR_ENVELOPE_MAX + 1);
    assert_non_null(conversation);
    memset(conversation, 'c', TR_ENVELOPE_MAX);
    assert_int_equal(member_send_as(a, "b", 1, TR_INFORM, conversation), -EMSGSIZE);
    conversation[TR_ENVELOPE_MAX - 64] = 0;
    assert_int_equal(member_send_as(a, "b", 2, TR_INFORM, conversation), 0);
    free(conversation);
    until(c, b->box->n == 1);
    assert_int_equal(b->box->seen[0].number, 2);
}

static void several_receivers_get_a_copy_each(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b"), *d = crowd_join(c, "d");
    const char *const to[] = {"b", "nobody", "d@local"};
    tr_acl_t acl = {.performative = TR_INFORM, .receivers = {.items = to, .count = 3}};
    assert_int_equal(tr_send(a->agent, &acl), 0);
    until(c, b->box->n == 1 && d->box->n == 1 && a->box->n == 1);
    assert_int_equal(a->box->seen[0].reason, TR_REASON_NOT_FOUND);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(two_hundred_thousand_messages_keep_their_order),
        test(large_and_small_ones_keep_their_order),
        test(small_windows_change_nothing),
        test(every_request_has_its_one_answer),
        test(too_large_is_refused_at_once),
        test(an_envelope_over_its_limit_is_refused_at_once),
        test(several_receivers_get_a_copy_each),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
