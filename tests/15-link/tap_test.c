/* The wire tap: copies of direct traffic, while somebody listens and not otherwise. */
#include "lib/base/clock.h"
#include "tests/15-link/crowd.h"
#include "tests/15-link/roles.h"
#include "tests/15-link/stream.h"

#include <stdlib.h>

#define test(name) cmocka_unit_test_setup_teardown(name, crowd_setup, crowd_teardown)

/* Sends a to b until a copy comes: a subscription takes a moment to reach the broker. The copy's number. */
static uint64_t first_copy(crowd_t *c, member_t *a, stream_t *stream, uint64_t *number) {
    tr_record_t r;
    until(c, ({
        *number += member_send(a, "b", *number) == 0;
        stream_next(stream, &r);
    }));
    assert_string_equal(stream->topic, "$tap.a.b");
    return r.h.id;
}

static void copies_while_somebody_listens(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    stream_t stream;
    uint64_t number = 0;
    tr_record_t r;
    member_send_all(c, a, "b", 0, 10);
    until(c, b->box->n == 10);
    stream_open(&stream, c->broker.stream, "$tap.");
    uint64_t sequence = first_copy(c, a, &stream, &number);
    assert_int_equal(sequence, 1); /* what went before was not copied */
    member_forget(b);
    member_send_all(c, a, "b", 1000, 100);
    uint64_t next = 1000;
    until(c, ({
        while (stream_next(&stream, &r)) {
            assert_string_equal(stream.topic, "$tap.a.b");
            assert_int_equal(r.h.id, ++sequence);
            assert_true(r.h.flags & TR_FLAG_TAP);
            assert_int_equal(r.h.kind, TR_KIND_MESSAGE);
            assert_int_equal(r.content_len, 8);
            if (tr_get64(r.content) >= 1000)
                assert_int_equal(tr_get64(r.content), next++);
        }
        next == 1100;
    }));
    stream_close(&stream);
    until(c, b->box->n >= 100);
    assert_true(b->box->seen[b->box->n - 1].intact); /* the receiver has its own, without the mark */
}

/* The topic's sequence tells how many copies were made. That the listener has gone takes a moment to reach the
 * broker, so the first thousand messages after it may have been copied, but not the next ones. */
static void no_copies_when_the_listener_has_gone(void **state) {
    enum { N = 1000 };
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    stream_t stream;
    uint64_t number = 0, before, after = 0;
    int64_t give_up = crowd_deadline();
    tr_record_t r;
    do {
        stream_open(&stream, c->broker.stream, "$tap.a.");
        before = first_copy(c, a, &stream, &number);
        while (stream_next(&stream, &r))
            before = r.h.id;
        stream_close(&stream);
        size_t have = b->box->n;
        member_send_all(c, a, "b", 0, N);
        until(c, b->box->n >= have + N);
        stream_open(&stream, c->broker.stream, "$tap.a.");
        after = first_copy(c, a, &stream, &number);
        stream_close(&stream);
        assert_true(tr_clock_ms() < give_up);
    } while (after - before > N);
}

/* A plain subscription to everything is not one to the tap. */
static void everything_is_without_the_tap(void **state) {
    crowd_t *c = *state;
    crowd_open(c, NULL);
    member_t *a = crowd_join(c, "a"), *b = crowd_join(c, "b");
    stream_t stream;
    tr_record_t r;
    stream_open(&stream, c->broker.stream, "");
    uint64_t number = 0;
    until(c, ({
        member_send(a, "b", 1);
        number += member_publish(a, "t", number) == 0;
        bool topic = false;
        while (stream_next(&stream, &r)) {
            assert_true(strncmp(stream.topic, "$tap", 4) != 0);
            topic |= !strcmp(stream.topic, "t");
        }
        topic && b->box->n > 10;
    }));
    stream_close(&stream);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(copies_while_somebody_listens),
        test(no_copies_when_the_listener_has_gone),
        test(everything_is_without_the_tap),
    };
    int code = role_main(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
