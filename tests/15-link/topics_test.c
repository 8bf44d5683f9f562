/* Topics: who hears what, in which order, and what is said of what was missed. */
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"
#include "tests/15-link/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

/* The DONE of a subscription is not told; what is published by another comes once it is there. */
static void wait_subscribed(crowd_t *c, member_t *publisher, const char *topic, const member_t *subscriber) {
    size_t before = subscriber->box->n;
    until(c, ({
        member_publish(publisher, topic, 0);
        subscriber->box->n > before;
    }));
    until(c, ({ /* and all of those */
        before = subscriber->box->n;
        crowd_pass(c, 20);
        before == subscriber->box->n;
    }));
}

static void publish_all(crowd_t *c, member_t *m, const char *topic, uint64_t first, uint64_t count) {
    int r;
    for (uint64_t i = first; i < first + count; i++) {
        until(c, (r = member_publish(m, topic, i)) != -EAGAIN);
        assert_int_equal(r, 0);
    }
}

/* Two publish, one of them subscribes as well, and a plain SUB looks on. */
static void all_hear_the_same_in_the_same_order(void **state) {
    enum { N = 2000 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b"), *s = crowd_join(c, "s");
    stream_t stream;
    tr_record_t r;
    stream_open(&stream, c->broker.stream, "news");
    assert_int_equal(tr_subscribe(s->agent, "news"), 0);
    assert_int_equal(tr_subscribe(b->agent, "news"), 0);
    uint64_t begun = 0;
    until(c, (member_publish(a, "news", 0), stream_next(&stream, &r)));
    wait_subscribed(c, a, "news", s);
    begun = s->box->seen[s->box->n - 1].sequence;
    while (stream_next(&stream, &r))
        ;
    member_forget(a);
    member_forget(b);
    member_forget(s);
    for (uint64_t i = 0; i < N; i++) {
        publish_all(c, a, "news", i, 1);
        publish_all(c, b, "news", i, 1);
    }
    until(c, s->box->n == 2 * N && b->box->n == N);
    uint64_t next[2] = {0};
    for (size_t i = 0; i < 2 * N; i++) {
        const seen_t *e = &s->box->seen[i];
        bool from_b = !strcmp(e->sender, "b@local");
        assert_int_equal(e->type, TR_MESSAGE_EVENT);
        assert_string_equal(e->topic, "news");
        assert_int_equal(e->sequence, begun + 1 + i);
        assert_int_equal(e->number, next[from_b]++);
        assert_string_equal(e->sender, from_b ? "b@local" : "a@local");
        until(c, stream_next(&stream, &r));
        size_t len;
        const char *sender = tr_envelope_sender(r.envelope, r.h.envelope_len, &len);
        assert_int_equal(r.h.id, e->sequence);
        assert_int_equal(tr_get64(r.content), e->number);
        assert_memory_equal(sender, e->sender, len);
    }
    for (size_t i = 0; i < N; i++) /* nobody hears himself */
        assert_string_equal(b->box->seen[i].sender, "a@local");
    assert_int_equal(a->box->n, 0);
    stream_close(&stream);
}

static void patterns_choose(void **state) {
    static const struct {
        const char *pattern, *topic;
        bool hears;
    } rows[] = {
        {"x.*", "x.one", true},
        {"x.*", "x", false},
        {"x.*", "x.one.two", false},
        {"x.>", "x.one.two", true},
        {"x.>", "x", false},
        {"x.>", "xy.one", false},
        {"*.one", "x.one", true},
        {"*.one", "x.two", false},
        {"x.one", "x.one", true},
        {"x.one", "x.One", false},
        {">", "x.one", true},
    };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *s = crowd_join(c, "s");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(tr_subscribe(s->agent, rows[i].pattern), 0);
        assert_int_equal(tr_subscribe(s->agent, "mark"), 0);
        wait_subscribed(c, a, "mark", s);
        member_forget(s);
        publish_all(c, a, rows[i].topic, i, 1);
        publish_all(c, a, "mark", i, 1);
        until(c, s->box->n && !strcmp(s->box->seen[s->box->n - 1].topic, "mark"));
        bool heard = !strcmp(s->box->seen[0].topic, rows[i].topic);
        if (heard != rows[i].hears)
            fail_msg("%s %s %s", rows[i].pattern, heard ? "hears" : "does not hear", rows[i].topic);
        assert_int_equal(tr_unsubscribe(s->agent, rows[i].pattern), 0);
        assert_int_equal(tr_unsubscribe(s->agent, "mark"), 0);
    }
}

static void who_unsubscribes_hears_no_more(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *s = crowd_join(c, "s");
    assert_int_equal(tr_subscribe(s->agent, "news"), 0);
    assert_int_equal(tr_subscribe(s->agent, "mark"), 0);
    wait_subscribed(c, a, "news", s);
    assert_int_equal(tr_unsubscribe(s->agent, "news"), 0);
    assert_int_equal(tr_unsubscribe(s->agent, "news"), -ENOENT);
    assert_int_equal(member_send(s, "a", 1), 0); /* once a has it, the broker has had the other */
    until(c, a->box->n == 1);
    member_forget(s);
    publish_all(c, a, "news", 1, 10);
    publish_all(c, a, "mark", 2, 1);
    until(c, s->box->n > 0);
    assert_string_equal(s->box->seen[0].topic, "mark");
}

static void bad_topics_are_refused_at_once(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *s = crowd_join(c, "s");
    char longest[TR_TOPIC_MAX + 1], longer[TR_TOPIC_MAX + 2];
    memset(longest, 't', TR_TOPIC_MAX);
    memset(longer, 't', TR_TOPIC_MAX + 1);
    longest[TR_TOPIC_MAX] = longer[TR_TOPIC_MAX + 1] = 0;
    const char *const bad[] = {
        "", ".", "a..b", "a.", ".a", "a b", "a.*", ">", "$sys.mine", "$tap.a.b", longer};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(member_publish(a, bad[i], 1), -EINVAL);
    assert_int_equal(tr_subscribe(s->agent, longer), -EINVAL);
    assert_int_equal(tr_subscribe(s->agent, "a.>.b"), -EINVAL);
    assert_int_equal(tr_subscribe(s->agent, ""), -EINVAL);
    assert_int_equal(tr_subscribe(s->agent, longest), 0);
    wait_subscribed(c, a, longest, s);
    assert_string_equal(s->box->seen[0].topic, longest);
}

typedef struct heard {
    unsigned long long events, missed, gaps, bad, last;
} heard_t;

static heard_t watch_report(process_t *watch) {
    char line[256];
    heard_t h = {0};
    process_tell(watch, "report");
    assert_true(process_line(watch, line, sizeof line));
    assert_int_equal(sscanf(line, "events %llu missed %llu gaps %llu bad %llu last %llu", &h.events,
                         &h.missed, &h.gaps, &h.bad, &h.last),
        5);
    return h;
}

/* Stopped for a while: what it missed is told to the number, in its place, and others miss nothing. */
static void a_gap_is_told_exactly(void **state) {
    enum { N = 60000 };
    static const char *const options[] = {"--mailbox-records", "1000", "--lease", "60s", NULL};
    crowd_t *c = *state;
    crowd_open(c, options);
    process_t *watch = crowd_role(c, "watch", "w", "news", NULL);
    member_t *a = crowd_join(c, "a"), *s = crowd_join(c, "s");
    heard_t h = {0};
    until(c, (member_publish(a, "news", 0), (h = watch_report(watch)).events > 0));
    assert_int_equal(tr_subscribe(s->agent, "news"), 0);
    wait_subscribed(c, a, "news", s);
    member_forget(s);
    process_stop(watch);
    for (size_t i = 0; i < N; i += 500) { /* no faster than the other one reads */
        publish_all(c, a, "news", i, 500);
        until(c, s->box->n == i + 500);
    }
    uint64_t last = s->box->seen[N - 1].sequence;
    assert_int_equal(last - s->box->seen[0].sequence, N - 1);
    process_continue(watch);
    until(c, ({
        h = watch_report(watch);
        publish_all(c, a, "news", 0, 1); /* events go on behind the gap */
        h.missed > 0 && h.last > last;
    }));
    assert_int_equal(h.bad, 0);
    assert_true(h.gaps >= 1);
    assert_true(h.missed >= 1000);
    assert_int_equal(member_count(a, TR_MESSAGE_FAILED), 0); /* the publisher has nothing to do with it */
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(all_hear_the_same_in_the_same_order),
        test(patterns_choose),
        test(who_unsubscribes_hears_no_more),
        test(bad_topics_are_refused_at_once),
        test(a_gap_is_told_exactly),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
