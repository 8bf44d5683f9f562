/* Durable mailboxes: whose messages are kept, also while their agents are away, and what the AMS says of them. */
#include "broker/core/core_fixture.h"

/* Peer 1 has agent a, which asks and sends; peer 2 comes and goes as b. */
typedef struct house {
    world_t *w;
    tr_route_t a;
} house_t;

static void sender_comes(house_t *h) {
    hello_producer(h->w, 1, "p", 1);
    expect(h->w, 1, TR_KIND_WELCOME);
    h->a = join(h->w, 1, "a");
}

static house_t house(void) {
    tr_core_config_t c = world_config();
    c.journal = true;
    house_t h = {.w = world_new(&c)};
    sender_comes(&h);
    return h;
}

static void arrive(house_t *h, tr_peer_t peer, const char *name, bool durable) {
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t)name;
    m.durable = durable;
    hello(h->w, peer);
    control(h->w, peer, TR_KIND_REGISTER, 0, 0, &m.base);
    expect(h->w, peer, TR_KIND_REGISTERED);
}

static uint64_t send(const house_t *h, const char *to, const char *text) {
    letter_t l = {.src = h->a, .from = "a", .to = to, .text = text};
    return post(h->w, 1, &l);
}

static void send_durably(const house_t *h, uint64_t id, const char *to) {
    letter_t l = {.src = h->a, .from = "a", .to = to, .text = "durable", .flags = TR_FLAG_DURABLE, .id = id};
    post(h->w, 1, &l);
    expect(h->w, 1, TR_KIND_STORED);
}

static const char *mailboxes(const house_t *h, const char *more) {
    char json[128];
    snprintf(json, sizeof json, "{\"action\":\"mailboxes\"%s}", more);
    return ask(h->w, 1, h->a, "a", "ams", json);
}

static void restart(house_t *h) {
    world_crash(h->w, SIZE_MAX);
    forget(h->w);
    sender_comes(h);
}

static void who_registered_as_durable_misses_nothing_while_away(void **state) {
    (void)state;
    house_t h = house();
    arrive(&h, 2, "b", true);
    leave(h.w, 2, "b");
    send(&h, "b", "one");
    expect_none(h.w, 1, TR_KIND_NACK);
    restart(&h);
    send(&h, "b", "two");
    expect_none(h.w, 1, TR_KIND_NACK);
    arrive(&h, 2, "b", true);
    settle(h.w, 2, expect_text(h.w, 2, TR_KIND_MESSAGE, "one"), false);
    settle(h.w, 2, expect_text(h.w, 2, TR_KIND_MESSAGE, "two"), false);
    world_end(h.w);
}

/* Even if nothing was ever sent to it. */
static void a_registration_outlives_the_broker(void **state) {
    (void)state;
    house_t h = house();
    arrive(&h, 2, "b", true);
    restart(&h);
    send(&h, "b", "one");
    expect_none(h.w, 1, TR_KIND_NACK);
    arrive(&h, 2, "b", true);
    expect_text(h.w, 2, TR_KIND_MESSAGE, "one");
    world_end(h.w);
}

static void the_last_registration_counts(void **state) {
    (void)state;
    house_t h = house();
    arrive(&h, 2, "b", true);
    leave(h.w, 2, "b");
    arrive(&h, 3, "b", false);
    send(&h, "b", "not kept");
    assert_false(expect_text(h.w, 3, TR_KIND_MESSAGE, "not kept")->record.h.flags & TR_FLAG_LEASED);
    leave(h.w, 3, "b");
    restart(&h);
    expect_nack(h.w, 1, send(&h, "b", "not kept"), TR_REASON_NOT_FOUND);
    send_durably(&h, 1, "b"); /* its mailbox is still there for what is durable by itself */
    world_end(h.w);
}

/* Queues come back in the order of their names. A new one must not get the number of one that is there. */
static void a_new_mailbox_is_not_mixed_up_with_an_old_one(void **state) {
    (void)state;
    house_t h = house();
    static const char *const names[] = {"z", "m", "c"};
    for (tr_peer_t i = 0; i < 3; i++) {
        arrive(&h, 2 + i, names[i], true);
        send(&h, names[i], names[i]);
    }
    restart(&h);
    arrive(&h, 2, "new", true);
    send(&h, "new", "new");
    restart(&h);
    static const char *const all[] = {"c", "m", "new", "z"};
    for (tr_peer_t i = 0; i < 4; i++) {
        arrive(&h, 2 + i, all[i], true);
        settle(h.w, 2 + i, expect_text(h.w, 2 + i, TR_KIND_MESSAGE, all[i]), false);
        expect_none(h.w, 2 + i, TR_KIND_MESSAGE);
    }
    world_end(h.w);
}

static void a_service_is_durable_while_its_providers_are_away(void **state) {
    (void)state;
    house_t h = house();
    static const char offer[] =
        "{\"action\":\"register\",\"services\":[{\"name\":\"digest\",\"durable\":true}]}";
    hello(h.w, 2);
    tr_route_t b = join(h.w, 2, "b");
    assert_string_equal(ask(h.w, 2, b, "b", "df", offer), "inform {\"done\":true}");
    restart(&h);
    send(&h, "svc:digest", "one");
    expect_none(h.w, 1, TR_KIND_NACK);
    hello(h.w, 2);
    b = join(h.w, 2, "b");
    assert_string_equal(ask(h.w, 2, b, "b", "df", offer), "inform {\"done\":true}");
    settle(h.w, 2, expect_text(h.w, 2, TR_KIND_MESSAGE, "one"), false);
    world_end(h.w);
}

static void the_ams_tells_of_mailboxes(void **state) {
    (void)state;
    house_t h = house();
    assert_string_equal(mailboxes(&h, ""), "inform {\"total\":0,\"mailboxes\":[]}");
    arrive(&h, 2, "b", true);
    int64_t first_ms = h.w->now.wall_ms;
    send(&h, "b", "one");
    expect_text(h.w, 2, TR_KIND_MESSAGE, "one");
    pass(h.w, 1000);
    send(&h, "b", "two");
    const got_t *two = expect_text(h.w, 2, TR_KIND_MESSAGE, "two");
    char want[256];
    snprintf(want, sizeof want,
        "inform {\"total\":1,\"mailboxes\":[{\"name\":\"b@north\",\"present\":true,\"queued\":0,\"leased\":2,"
        "\"bytes\":%u,\"on_disk\":0,\"oldest_ms\":%lld,\"subscriptions\":[],\"max-records\":0,\"max-bytes\":"
        "0,\"max-age-ms\":0}]}",
        2 * two->record.h.length, (long long)first_ms);
    assert_string_equal(mailboxes(&h, ""), want);
    leave(h.w, 2, "b");
    assert_non_null(strstr(mailboxes(&h, ",\"name\":\"b\""), "\"present\":false,\"queued\":2,\"leased\":0,"));
    restart(&h);
    pass(h.w, 1); /* it reads what is on disk */
    snprintf(want, sizeof want, "\"oldest_ms\":%lld", (long long)first_ms);
    assert_non_null(strstr(mailboxes(&h, ",\"name\":\"b@north\""), want));
    assert_string_equal(mailboxes(&h, ",\"name\":\"b@elsewhere\""), "inform {\"total\":0,\"mailboxes\":[]}");
    world_end(h.w);
}

static void mailboxes_come_in_pages(void **state) {
    (void)state;
    house_t h = house();
    for (tr_peer_t i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "m%u", (unsigned)i);
        arrive(&h, 2 + i, name, true);
    }
    const char *page = mailboxes(&h, ",\"offset\":1,\"max-results\":1");
    assert_non_null(strstr(page, "{\"total\":3,"));
    assert_null(strstr(page, "m0@north"));
    assert_non_null(strstr(page, "m1@north"));
    assert_null(strstr(page, "m2@north"));
    world_end(h.w);
}

static void what_waits_durably_is_queued_in_a_search(void **state) {
    (void)state;
    house_t h = house();
    arrive(&h, 2, "b", true);
    send(&h, "b", "one");
    const char *found = ask(h.w, 1, h.a, "a", "ams", "{\"action\":\"search\",\"name\":\"b\"}");
    assert_non_null(strstr(found, "\"queued\":0,\"queued_bytes\":0,\"durable\":true,\"leased\":1,"));
    lose(h.w, 2); /* for a moment, in which more comes */
    send(&h, "b", "two");
    found = ask(h.w, 1, h.a, "a", "ams", "{\"action\":\"search\",\"name\":\"b\"}");
    assert_non_null(strstr(found, "\"queued\":1,"));
    world_end(h.w);
}

static void the_journal_is_told_of(void **state) {
    (void)state;
    house_t h = house();
    tr_core_journal_is(h.w->core, &(tr_core_journal_t){.store = "RocksDB",
                                      .where = "/j",
                                      .bytes = 100,
                                      .keys = 3,
                                      .free_bytes = UINT64_MAX,
                                      .grown_bytes = -5,
                                      .writes = 4,
                                      .syncs = 2,
                                      .sync_ns = 3000000,
                                      .sync_max_ns = 2500000});
    assert_string_equal(ask(h.w, 1, h.a, "a", "ams", "{\"action\":\"journal\"}"),
        "inform {\"store\":\"RocksDB\",\"where\":\"/j\",\"bytes\":100,\"keys\":3,\"free_bytes\":null,"
        "\"grown_bytes\":-5,\"writes\":4,\"syncs\":2,\"sync_mean_ms\":1.5,\"sync_max_ms\":2.5}");
    world_end(h.w);
}

static void a_broker_without_a_journal_says_so(void **state) {
    (void)state;
    house_t h = {.w = world_new(NULL)};
    hello(h.w, 1);
    h.a = join(h.w, 1, "a");
    assert_string_equal(mailboxes(&h, ""), "inform {\"total\":0,\"mailboxes\":[]}");
    assert_non_null(strstr(ask(h.w, 1, h.a, "a", "ams", "{\"action\":\"journal\"}"),
        "refuse {\"reason\":\"unsupported-function\""));
    world_end(h.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_registered_as_durable_misses_nothing_while_away),
        cmocka_unit_test(a_registration_outlives_the_broker),
        cmocka_unit_test(the_last_registration_counts),
        cmocka_unit_test(a_new_mailbox_is_not_mixed_up_with_an_old_one),
        cmocka_unit_test(a_service_is_durable_while_its_providers_are_away),
        cmocka_unit_test(the_ams_tells_of_mailboxes),
        cmocka_unit_test(mailboxes_come_in_pages),
        cmocka_unit_test(what_waits_durably_is_queued_in_a_search),
        cmocka_unit_test(the_journal_is_told_of),
        cmocka_unit_test(a_broker_without_a_journal_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
