/* Requests to a service: to one of its providers each, balanced, and none lost with a provider. */
#include "proto/json.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

#define REQUESTS_MAX 512

/* What providers have written: by request, how often it came, and the last attempt and mark. */
typedef struct got {
    unsigned times[REQUESTS_MAX], attempt[REQUESTS_MAX];
    int redelivered[REQUESTS_MAX];
    size_t n;
} got_t;

/* Takes what a provider has written so far. Returns how many requests it got. */
static size_t collect(process_t *provider, got_t *got) {
    char line[128];
    size_t n = 0;
    while (process_line_now(provider, line, sizeof line)) {
        unsigned number, attempt;
        int mark;
        if (sscanf(line, "got %u %u %d", &number, &attempt, &mark) != 3 || number >= REQUESTS_MAX)
            fail_msg("unexpected: %s", line);
        got->times[number]++;
        got->attempt[number] = attempt;
        got->redelivered[number] = mark;
        got->n++;
        n++;
    }
    return n;
}

static process_t *provide(crowd_t *c, const char *name, const char *capacity, const char *how) {
    return crowd_role(c, "provider", name, "work", capacity, how, NULL);
}

/* A role is ready when it has told the DF, not when the DF has taken it: asks until the service has n providers. */
static void wait_providers(crowd_t *c, member_t *m, size_t n) {
    static const char template[] = "{\"action\":\"search\",\"template\":{\"services\":[\"work\"]}}";
    static const char *const df = "df";
    tr_content_writer_t w;
    const void *bytes;
    size_t len, found = 0;
    tr_content_writer_init(&w);
    assert_int_equal(tr_json_to_content(template, strlen(template), &w, NULL), 0);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    tr_acl_t acl = {.performative = TR_REQUEST,
        .receivers = {.items = &df, .count = 1},
        .content = bytes,
        .content_len = len};
    while (found < n) {
        size_t before = m->box->n;
        assert_int_equal(tr_send(m->agent, &acl), 0);
        until(c, m->box->n > before);
        found = m->box->seen[before].elements;
    }
    tr_content_writer_finish(&w);
    member_forget(m);
}

static void ask(crowd_t *c, member_t *m, uint64_t first, uint64_t count) {
    int r;
    for (uint64_t i = first; i < first + count; i++) {
        until(c, (r = member_send_as(m, "svc:work", i, TR_REQUEST, NULL)) != -EAGAIN);
        assert_int_equal(r, 0);
    }
}

/* Each number was answered exactly once, and nothing else came. */
static void check_answers(const member_t *m, uint64_t count) {
    unsigned times[REQUESTS_MAX] = {0};
    for (size_t i = 0; i < m->box->n; i++) {
        assert_int_equal(m->box->seen[i].type, TR_MESSAGE_DIRECT);
        assert_true(m->box->seen[i].number < count);
        times[m->box->seen[i].number]++;
    }
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(times[i], 1);
}

static size_t answers_of(const member_t *m, const char *sender) {
    size_t n = 0;
    for (size_t i = 0; i < m->box->n; i++)
        n += !strcmp(m->box->seen[i].sender, sender);
    return n;
}

static void requests_are_shared_out(void **state) {
    enum { N = 300 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *m = crowd_join(c, "m");
    provide(c, "p1", "16", "answer");
    provide(c, "p2", "16", "answer");
    provide(c, "p3", "16", "answer");
    wait_providers(c, m, 3);
    ask(c, m, 0, N);
    until(c, m->box->n == N);
    check_answers(m, N);
    assert_true(
        answers_of(m, "p1@local") >= 16); /* at the least what each holds at once; the quick get more */
    assert_true(answers_of(m, "p2@local") >= 16);
    assert_true(answers_of(m, "p3@local") >= 16);
}

/* By what they hold, each has a third; the requests of the one that is killed go to the other two. */
static void a_killed_provider_loses_no_request(void **state) {
    enum { N = 90 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *m = crowd_join(c, "m");
    process_t *p1 = provide(c, "p1", "100", "hold"), *p2 = provide(c, "p2", "100", "hold"),
              *p3 = provide(c, "p3", "100", "hold");
    wait_providers(c, m, 3);
    ask(c, m, 0, N);
    got_t first = {0}, others = {0}, again = {0};
    until(c, (collect(p1, &first), collect(p2, &others), collect(p3, &others), first.n + others.n == N));
    assert_int_equal(first.n, N / 3);
    process_kill(p1);
    until(c, (collect(p2, &again), collect(p3, &again), again.n == first.n));
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(first.times[i] + others.times[i], 1);
        assert_int_equal(again.times[i], first.times[i]);
        assert_int_equal(again.attempt[i], first.times[i]);
        assert_int_equal(again.redelivered[i], first.times[i]);
    }
    process_tell(p2, "answer");
    process_tell(p3, "answer");
    until(c, m->box->n == N);
    check_answers(m, N);
}

static void a_request_that_is_given_back_goes_to_another(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *m = crowd_join(c, "m");
    process_t *p1 = provide(c, "p1", "4", "hold");
    wait_providers(c, m, 1);
    ask(c, m, 0, 1);
    got_t g1 = {0}, g2 = {0};
    until(c, collect(p1, &g1) == 1);
    process_t *p2 = provide(c, "p2", "4", "hold");
    wait_providers(c, m, 2);
    process_tell(p1, "release");
    until(c, collect(p2, &g2) == 1);
    assert_int_equal(g2.attempt[0], 1);
    assert_int_equal(g2.redelivered[0], 1);
    process_tell(p2, "answer");
    until(c, m->box->n == 1);
}

static void who_joins_late_gets_what_waits(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *m = crowd_join(c, "m");
    process_t *p1 = provide(c, "p1", "1", "hold");
    wait_providers(c, m, 1);
    ask(c, m, 0, 10);
    got_t g1 = {0};
    until(c, collect(p1, &g1) == 1);
    provide(c, "p2", "4", "answer");
    until(c, m->box->n == 9);
    assert_int_equal(g1.n + collect(p1, &g1), 1); /* no more than its capacity */
    process_tell(p1, "answer");
    until(c, m->box->n == 10);
    check_answers(m, 10);
}

static void requests_outlive_their_last_provider(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *m = crowd_join(c, "m");
    process_t *p1 = provide(c, "p1", "5", "hold");
    wait_providers(c, m, 1);
    ask(c, m, 0, 10);
    got_t g1 = {0};
    until(c, (collect(p1, &g1), g1.n == 5));
    process_kill(p1);
    provide(c, "p2", "2", "answer");
    until(c, m->box->n == 10);
    check_answers(m, 10);
}

static void nobody_there_is_a_failure(void **state) {
    static const char *const options[] = {"--service-wait", "300ms", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    member_t *m = crowd_join(c, "m");
    assert_int_equal(member_send_as(m, "svc:work", 0, TR_REQUEST, "c-1"), 0);
    until(c, m->box->n == 1);
    assert_int_equal(m->box->seen[0].type, TR_MESSAGE_FAILED);
    assert_int_equal(m->box->seen[0].reason, TR_REASON_NO_PROVIDER);
    assert_string_equal(m->box->seen[0].conversation, "c-1");
    member_forget(m);
    process_t *p1 = provide(c, "p1", "5", "hold");
    wait_providers(c, m, 1);
    ask(c, m, 0, 10);
    got_t g1 = {0};
    until(c, (collect(p1, &g1), g1.n == 5));
    process_kill(p1);
    until(c, m->box->n == 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(m->box->seen[i].reason, TR_REASON_NO_PROVIDER);
}

/* It hangs: connected, but silent for longer than a lease. What it does when it wakes up harms nobody. */
static void a_stopped_provider_loses_no_request(void **state) {
    static const char *const options[] = {"--lease", "1s", "--heartbeat", "200ms", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    member_t *m = crowd_join(c, "m");
    process_t *p1 = provide(c, "p1", "10", "hold");
    wait_providers(c, m, 1);
    ask(c, m, 0, 10);
    got_t g1 = {0};
    until(c, (collect(p1, &g1), g1.n == 10));
    process_stop(p1);
    provide(c, "p2", "10", "answer");
    until(c, m->box->n == 10);
    check_answers(m, 10);
    process_continue(p1);
    wait_providers(c, m, 2); /* it is there again */
    ask(c, m, 0, 4);
    until(c, m->box->n >= 2); /* those that go to the other one */
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(requests_are_shared_out),
        test(a_killed_provider_loses_no_request),
        test(a_request_that_is_given_back_goes_to_another),
        test(who_joins_late_gets_what_waits),
        test(requests_outlive_their_last_provider),
        test(nobody_there_is_a_failure),
        test(a_stopped_provider_loses_no_request),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
