/* What watchers of a guarded topic stream get to see. */
#include "place.h"

#include "proto/topic.h"

typedef struct world {
    place_t place;
    broker_t b;
    tr_secret_t ann, all, news;
    peer_t publisher;
    tr_route_t route;
} world_t;

static void begin(world_t *w, const char *const *options) {
    place_make(&w->place);
    w->ann = place_add(&w->place, "ann", &(grant_t){.names = LIST("ann"), .publish = LIST(">")});
    w->all = place_add(&w->place, "all", &(grant_t){.subscribe = LIST(">")});
    w->news = place_add(&w->place, "news", &(grant_t){.subscribe = LIST("news.>")});
    place_start(&w->place, &w->b, options);
    peer_open_as(&w->publisher, w->b.endpoint, &w->ann);
    assert_true(peer_knock(&w->publisher, PATIENCE_MS));
    w->route = peer_register(&w->publisher, "ann");
}

static void end(world_t *w) {
    peer_close(&w->publisher);
    broker_stop(&w->b);
    place_remove(&w->place);
}

static void publish(world_t *w, const char *topic) {
    peer_send(&w->publisher, w->route, "ann", NULL, topic, TR_INFORM, "x", 1);
}

/* Publishes on `topic` until the watcher has it: its subscription has come to the broker then. Other topics
 * fail the test. */
static void expect(world_t *w, watcher_t *watcher, const char *topic) {
    char got[TR_TOPIC_MAX + 1] = "";
    int64_t until = test_now_ms() + PATIENCE_MS;
    do
        publish(w, topic);
    while (!watcher_next(watcher, got, 50) && test_now_ms() < until);
    assert_string_equal(got, topic);
    while (watcher_next(watcher, got, 50)) /* those that were published in vain until then */
        assert_string_equal(got, topic);
}

/* The same for one that sees other topics too. */
static void await(world_t *w, watcher_t *watcher, const char *topic) {
    char got[TR_TOPIC_MAX + 1] = "";
    int64_t until = test_now_ms() + PATIENCE_MS;
    while (strcmp(got, topic) != 0) {
        assert_true(test_now_ms() < until);
        publish(w, topic);
        watcher_next(watcher, got, 50);
    }
}

/* Whatever is published on these, the watcher sees `last` next. */
static void expect_only(world_t *w, watcher_t *watcher, const char *const *others, const char *last) {
    char got[TR_TOPIC_MAX + 1] = "";
    for (; *others; others++)
        publish(w, *others);
    publish(w, last);
    assert_true(watcher_next(watcher, got, PATIENCE_MS));
    assert_string_equal(got, last);
}

static void a_watcher_gets_what_its_certificate_says(void **state) {
    (void)state;
    world_t w;
    watcher_t all, news;
    begin(&w, NULL);
    watcher_open(&all, &w.b, &w.all, ZMQ_SUB, LIST(""));
    watcher_open(&news, &w.b, &w.news, ZMQ_SUB, LIST("")); /* asks for everything, gets its part */
    expect(&w, &all, "other.a");
    expect(&w, &news, "news.a");
    expect_only(&w, &news, LIST("other.b", "newspaper", "new", "n"), "news.b");
    await(&w, &all, "last");
    watcher_close(&all);
    watcher_close(&news);
    end(&w);
}

static void what_is_not_allowed_is_told_to_the_audit(void **state) {
    (void)state;
    world_t w;
    watcher_t news;
    begin(&w, NULL);
    watcher_open(&news, &w.b, &w.news, ZMQ_SUB, LIST("$tap", "other."));
    broker_wait_log(&w.b, "watching \\\"$tap\\\" on the stream");
    broker_wait_log(&w.b, "watching \\\"other.\\\" on the stream");
    watcher_close(&news);
    end(&w);
}

/* Everything is not the wire tap, nor the platform's own events, unless they are named. */
static void all_is_not_the_platforms(void **state) {
    (void)state;
    world_t w;
    watcher_t all, operator;
    char got[TR_TOPIC_MAX + 1];
    begin(&w, NULL);
    tr_secret_t secret = place_add(&w.place, "op", &(grant_t){.subscribe = LIST("$tap.>", "$sys.>")});
    place_wait_read(&w.b, 2);
    watcher_open(&all, &w.b, &w.all, ZMQ_SUB, LIST(""));
    watcher_open(&operator, & w.b, &secret, ZMQ_SUB, LIST("$tap", "$sys"));
    expect(&w, &all, "ready");
    while (watcher_next(&operator, got, 1500) &&
           strncmp(got, "$sys.", 5) != 0) /* the statistics of each second */
        ;
    assert_true(!strncmp(got, "$sys.", 5));
    peer_send(&w.publisher, w.route, "ann", "ann", NULL, TR_INFORM, "x", 1);
    do
        assert_true(watcher_next(&operator, got, PATIENCE_MS));
    while (strcmp(got, "$tap.ann.ann") != 0);
    expect_only(&w, &all, LIST("a"), "a"); /* neither of them came in between */
    watcher_close(&all);
    watcher_close(&operator);
    end(&w);
}

static void a_restricted_topic_is_not_on_the_stream(void **state) {
    (void)state;
    world_t w;
    watcher_t all;
    begin(&w, (const char *const[]){"--restrict=secret.>", NULL});
    watcher_open(&all, &w.b, &w.all, ZMQ_SUB, LIST(""));
    expect(&w, &all, "open");
    expect_only(&w, &all, LIST("secret.a", "secret.b"), "open.again");
    watcher_close(&all);
    end(&w);
}

static void subscriptions_come_and_go(void **state) {
    (void)state;
    world_t w;
    watcher_t news;
    char got[TR_TOPIC_MAX + 1];
    begin(&w, NULL);
    watcher_open(&news, &w.b, &w.news, ZMQ_SUB, LIST("n", "news")); /* both grant "news." */
    expect(&w, &news, "news.a");
    zmq_setsockopt(news.socket, ZMQ_UNSUBSCRIBE, "n", 1);
    zmq_setsockopt(news.socket, ZMQ_SUBSCRIBE, "news.b", 6);
    expect(&w, &news, "news.b"); /* one is left */
    zmq_setsockopt(news.socket, ZMQ_UNSUBSCRIBE, "news", 4);
    expect_only(&w, &news, LIST("news.a"), "news.b");
    zmq_setsockopt(news.socket, ZMQ_UNSUBSCRIBE, "news.b", 6);
    zmq_setsockopt(news.socket, ZMQ_SUBSCRIBE, "news.c", 6);
    expect(&w, &news, "news.c");
    assert_false(watcher_next(&news, got, 0));
    watcher_close(&news);
    end(&w);
}

/* Nobody else is affected when one of several watchers of a topic goes. */
static void who_goes_takes_nobody_along(void **state) {
    (void)state;
    world_t w;
    watcher_t first, second;
    begin(&w, NULL);
    watcher_open(&first, &w.b, &w.news, ZMQ_SUB, LIST("news."));
    expect(&w, &first, "news.a");
    watcher_open(&second, &w.b, &w.news, ZMQ_SUB, LIST("news."));
    expect(&w, &second, "news.b");
    watcher_close(&first);
    expect(&w, &second, "news.c");
    watcher_close(&second);
    watcher_open(&second, &w.b, &w.news, ZMQ_SUB, LIST("news."));
    expect(&w, &second, "news.d");
    watcher_close(&second);
    end(&w);
}

static void a_revoked_watcher_sees_nothing_within_two_seconds(void **state) {
    (void)state;
    world_t w;
    watcher_t all, news;
    char got[TR_TOPIC_MAX + 1];
    begin(&w, NULL);
    watcher_open(&all, &w.b, &w.all, ZMQ_SUB, LIST(""));
    watcher_open(&news, &w.b, &w.news, ZMQ_SUB, LIST(""));
    expect(&w, &all, "a");
    expect(&w, &news, "news.a");
    while (watcher_next(&all, got, 50))
        ;
    int64_t from_ms = test_now_ms();
    place_revoke(&w.place, "all");
    assert_true(watcher_event(&all, ZMQ_EVENT_DISCONNECTED, PATIENCE_MS));
    int64_t took_ms = test_now_ms() - from_ms;
    print_message("revoked: a watcher was cut off after %lld ms\n", (long long)took_ms);
    assert_true(took_ms <= 2000);
    assert_true(watcher_event(&all, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, PATIENCE_MS)); /* it tried again */
    expect(&w, &news, "news.b");
    assert_false(watcher_next(&all, got, 100));
    watcher_close(&all);
    watcher_close(&news);
    end(&w);
}

static void narrow(tr_cert_t *cert, void *arg) {
    (void)arg;
    const char *const none[] = {"other.>"};
    assert_int_equal(tr_cert_set(cert, &cert->rights.subscribe, none, 1), 0);
}

static void new_rights_count_for_who_is_there(void **state) {
    (void)state;
    world_t w;
    watcher_t news;
    begin(&w, NULL);
    watcher_open(&news, &w.b, &w.news, ZMQ_SUB, LIST(""));
    expect(&w, &news, "news.a");
    place_change(&w.place, "news", narrow, NULL);
    assert_true(watcher_event(&news, ZMQ_EVENT_DISCONNECTED, PATIENCE_MS));
    expect(&w, &news, "other.a"); /* it has come back by itself */
    expect_only(&w, &news, LIST("news.b"), "other.b");
    watcher_close(&news);
    end(&w);
}

static void without_the_right_to_watch_anything_nobody_connects(void **state) {
    (void)state;
    world_t w;
    watcher_t ann, stranger;
    begin(&w, NULL);
    tr_secret_t unknown = place_stranger(&w.place);
    watcher_open(&ann, &w.b, &w.ann, ZMQ_SUB, LIST(""));
    watcher_open(&stranger, &w.b, &unknown, ZMQ_SUB, LIST(""));
    assert_true(watcher_event(&ann, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, PATIENCE_MS));
    assert_true(watcher_event(&stranger, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, PATIENCE_MS));
    broker_wait_log(&w.b, "without the right to watch anything knocked at the stream");
    watcher_close(&ann);
    watcher_close(&stranger);
    end(&w);
}

/* What is no subscription would shift those behind it onto other connections (broker/shell/watchers.c). */
static void who_sends_messages_on_the_stream_is_cut_off(void **state) {
    (void)state;
    world_t w;
    watcher_t evil, all;
    char got[TR_TOPIC_MAX + 1];
    begin(&w, NULL);
    watcher_open(&all, &w.b, &w.all, ZMQ_SUB, LIST(""));
    expect(&w, &all, "a");
    watcher_open(&evil, &w.b, &w.news, ZMQ_XSUB, LIST("news."));
    expect(&w, &evil, "news.a");
    for (int i = 0; i < 20; i++) { /* while somebody with more rights subscribes */
        char prefix[16];
        zmq_send(evil.socket, "\2not a subscription", 19, ZMQ_DONTWAIT);
        snprintf(prefix, sizeof prefix, "p%d.", i);
        zmq_setsockopt(all.socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix));
        zmq_send(evil.socket, "\1news.", 6, ZMQ_DONTWAIT);
    }
    broker_wait_log(&w.b, "a message on the stream");
    assert_true(watcher_event(&evil, ZMQ_EVENT_DISCONNECTED, PATIENCE_MS));
    await(&w, &all, "b"); /* it has come back, if it was cut off with it */
    for (int i = 0; i < 20; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "p%d.secret", i);
        publish(&w, topic);
    }
    await(&w, &all, "c");
    while (watcher_next(&evil, got, 100))
        assert_true(!strncmp(got, "news.", 5));
    watcher_close(&evil);
    watcher_close(&all);
    end(&w);
}

static void watchers_are_counted(void **state) {
    (void)state;
    world_t w;
    watcher_t first, second;
    begin(&w, NULL);
    tr_secret_t one =
        place_add(&w.place, "one", &(grant_t){.subscribe = LIST(">"), .limits = {.connections = 1}});
    place_wait_read(&w.b, 2);
    watcher_open(&first, &w.b, &one, ZMQ_SUB, LIST(""));
    expect(&w, &first, "a");
    watcher_open(&second, &w.b, &one, ZMQ_SUB, LIST(""));
    assert_true(watcher_event(&second, ZMQ_EVENT_DISCONNECTED, PATIENCE_MS));
    broker_wait_log(&w.b, "as many watchers as it may");
    expect(&w, &first, "b");
    watcher_close(&first);
    watcher_close(&second);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watcher_gets_what_its_certificate_says),
        cmocka_unit_test(what_is_not_allowed_is_told_to_the_audit),
        cmocka_unit_test(all_is_not_the_platforms),
        cmocka_unit_test(a_restricted_topic_is_not_on_the_stream),
        cmocka_unit_test(subscriptions_come_and_go),
        cmocka_unit_test(who_goes_takes_nobody_along),
        cmocka_unit_test(a_revoked_watcher_sees_nothing_within_two_seconds),
        cmocka_unit_test(new_rights_count_for_who_is_there),
        cmocka_unit_test(without_the_right_to_watch_anything_nobody_connects),
        cmocka_unit_test(who_sends_messages_on_the_stream_is_cut_off),
        cmocka_unit_test(watchers_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
