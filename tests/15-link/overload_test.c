/* One that reads nothing: its senders are told, nobody else waits, and memory has its limit. */
#include "lib/base/clock.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

static const char *const small_mailboxes[] = {
    "--mailbox-records", "2000", "--mailbox-bytes", "2M", "--lease", "60s", NULL};

/* What libzmq and a process's window hold for one that is stopped, besides its mailbox. */
enum { WINDOW_KB = 8 * 1024, MAILBOX_KB = 2 * 1024, SLACK_KB = 12 * 1024 };

static void others_do_not_notice(void **state) {
    enum { ROUNDS = 500, FLOOD = 150000 };
    crowd_t *c = *state;
    crowd_open(c, small_mailboxes);
    process_t *slow = crowd_role(c, "sink", "slow", NULL);
    crowd_role(c, "many", "echo", "1", "2", NULL);
    member_t *a = crowd_join(c, "a");
    member_send_all(c, a, "echo0-0", 0, 1);
    until(c, a->box->n == 1);
    long before = process_memory_kb(&c->broker.process, "VmRSS");
    process_stop(slow);
    process_t *flood = crowd_role(c, "flood", "flood", "slow", "150000", "64", NULL);
    char line[128];
    for (uint64_t i = 1; i <= ROUNDS; i++) { /* there and back, each before the next one */
        member_send_all(c, a, "echo0-0", i, 1);
        until(c, a->box->n == i + 1);
        assert_int_equal(a->box->seen[i].number, i);
        assert_int_equal(a->box->seen[i].type, TR_MESSAGE_DIRECT);
    }
    if (process_line_now(flood, line, sizeof line)) /* it is held back meanwhile */
        fail_msg("not held back: %s, %llu came back", line, (unsigned long long)sink_report(flood).failed);
    assert_true(process_memory_kb(&c->broker.process, "VmRSS") - before < WINDOW_KB + MAILBOX_KB + SLACK_KB);
    process_continue(slow);
    assert_true(process_line(flood, line, sizeof line) && !strncmp(line, "sent 150000 ", 12));
    report_t r = {0}, back = {0};
    until(c, (r = sink_report(slow)).received + (back = sink_report(flood)).failed == FLOOD);
    assert_int_equal(r.doubled + r.damaged, 0);
    assert_true(r.missing <= back.failed); /* what came back is all that is not there */
}

/* Who does not listen to it that he should wait gets what is too much back, with advice when to try again. */
static void too_much_comes_back_as_busy(void **state) {
    crowd_t *c = *state;
    crowd_open(c, small_mailboxes);
    process_t *slow = crowd_role(c, "sink", "slow", NULL);
    process_stop(slow);
    process_t *blast = crowd_role(c, "blast", "blast", "slow", "60000", NULL);
    char line[128];
    unsigned long long sent, again, busy, other, retry;
    assert_true(process_line(blast, line, sizeof line));
    assert_int_equal(sscanf(line, "sent %llu again %llu", &sent, &again), 2);
    until(c, ({
        process_tell(blast, "report");
        assert_true(process_line(blast, line, sizeof line));
        assert_int_equal(sscanf(line, "busy %llu other %llu retry %llu", &busy, &other, &retry), 3);
        busy > 0;
    }));
    assert_int_equal(other, 0);
    assert_int_equal(retry, busy);
    member_t *m = crowd_join(c, "m"); /* somebody who knows nothing yet is told as well */
    assert_int_equal(member_send_as(m, "slow", 1, TR_REQUEST, "c-1"), 0);
    until(c, m->box->n == 1);
    assert_int_equal(m->box->seen[0].type, TR_MESSAGE_FAILED);
    assert_int_equal(m->box->seen[0].reason, TR_REASON_BUSY);
    assert_string_equal(m->box->seen[0].conversation, "c-1");
    assert_true(m->box->seen[0].retry_ms > 0);
    process_continue(slow);
    report_t r = {0};
    until(c, ({
        process_tell(blast, "report");
        assert_true(process_line(blast, line, sizeof line));
        assert_int_equal(sscanf(line, "busy %llu other %llu retry %llu", &busy, &other, &retry), 3);
        (r = sink_report(slow)).received + busy == sent;
    }));
    assert_int_equal(r.doubled + r.damaged, 0);
    assert_true(r.missing <= busy);
    until(c, (member_send(m, "slow", 2), sink_report(slow).received > r.received));
}

/* It has room in its own queue, but is asked not to fill it for this receiver; for others it may. */
static void a_sender_is_muted_and_unmuted(void **state) {
    crowd_t *c = *state;
    crowd_open(c, small_mailboxes);
    process_t *slow = crowd_role(c, "sink", "slow", NULL);
    member_t *m = crowd_join(c, "m"), *b = crowd_join(c, "b");
    member_send_all(c, m, "slow", 0, 1);
    until(c, sink_report(slow).received == 1);
    process_stop(slow);
    tr_host_stats_t stats;
    uint64_t sent = 1;
    until(c, ({
        int r = 0;
        for (int i = 0; i < 1000 && r == 0; i++)
            sent += (r = member_send(m, "slow", sent)) == 0;
        tr_host_stats(m->host, &stats);
        r == -EAGAIN &&stats.queued_bytes == 0;
    }));
    member_send_all(c, m, "b", 0, 100);
    until(c, b->box->n == 100);
    assert_int_equal(member_send(m, "slow", sent), -EAGAIN);
    process_continue(slow);
    member_send_all(c, m, "slow", sent, 10);
    report_t r = {0};
    until(c, (r = sink_report(slow)).received + m->box->n == sent + 10);
    assert_int_equal(r.doubled + r.damaged, 0);
    assert_true(r.missing <= m->box->n);
}

/* Where all is not sent within the lease, the last of it finds nobody of that name. */
static bool is_back(const member_t *m, size_t i) {
    tr_reason_t why = m->box->seen[i].reason;
    return m->box->seen[i].type == TR_MESSAGE_FAILED &&
           (why == TR_REASON_AGENT_GONE || why == TR_REASON_NOT_FOUND);
}

/* Stopped for longer than a lease: what waits for it comes back. */
static void what_waits_for_the_dead_comes_back(void **state) {
    static const char *const options[] = {"--lease", "1s", "--heartbeat", "200ms", NULL};
    enum { SENT = 40000, WINDOW = 32768 };
    crowd_t *c = *state;
    crowd_open(c, options);
    process_t *slow = crowd_role(c, "sink", "slow", NULL);
    member_t *m = crowd_join(c, "m");
    process_stop(slow);
    member_send_all(c, m, "slow", 0, SENT);
    until(c, m->box->n >= SENT - WINDOW); /* the rest was on its way to it */
    assert_int_equal(m->box->seen[0].reason, TR_REASON_AGENT_GONE);
    for (size_t i = 0; i < m->box->n; i++)
        assert_true(is_back(m, i));
    member_forget(m);
    member_send_all(c, m, "slow", 0, 1);
    /* Bundles go whole, so somewhat less than a window may have been on its way, and what was not comes first. */
    until(c, m->box->n > 0 && m->box->seen[m->box->n - 1].reason == TR_REASON_NOT_FOUND);
    for (size_t i = 0; i + 1 < m->box->n; i++)
        assert_true(is_back(m, i));
}

/* The broker's memory is measured: freed memory that AddressSanitizer keeps back would be in it. */
static void keep_no_freed_memory(void) {
    char options[512];
    const char *have = getenv("ASAN_OPTIONS");
    snprintf(options, sizeof options, "%s%squarantine_size_mb=1", have ? have : "", have ? ":" : "");
    setenv("ASAN_OPTIONS", options, 1);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(others_do_not_notice),
        test(too_much_comes_back_as_busy),
        test(a_sender_is_muted_and_unmuted),
        test(what_waits_for_the_dead_comes_back),
    };
    int code = role_main(argc, argv);
    if (code >= 0)
        return code;
    keep_no_freed_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
