/* Streams: topics with memory. What is published is read again, by page and by consumer, across the end of the broker, until it is too
 * old. */
#include "broker/core/core_fixture.h"
#include "broker/core/durable/stream.h"

/* Peer 1 has agent a, which publishes and reads. */
typedef struct room {
    world_t *w;
    tr_route_t a;
} room_t;

static void comes(room_t *r) {
    hello(r->w, 1);
    r->a = join(r->w, 1, "a");
    forget(r->w);
}

static room_t room(void) {
    tr_core_config_t c = world_config();
    c.journal = true;
    room_t r = {.w = world_new(&c)};
    comes(&r);
    return r;
}

static const char *say(room_t *r, const char *json) {
    return ask(r->w, 1, r->a, "a", "ams", json);
}

static void publish(room_t *r, const char *topic, const char *text) {
    post(r->w, 1, &(letter_t){.src = r->a, .from = "a", .topic = topic, .text = text});
}

static void publish_many(room_t *r, const char *topic, int from, int to) {
    char text[32];
    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof text, "event %d", i);
        draft_letter(r->w, &(letter_t){.src = r->a, .from = "a", .topic = topic, .text = text}, NULL);
    }
    draft_send(r->w, 1);
}

/* A page: which numbers are on it, and what the first one says. */
typedef struct page {
    long long first, tail, next, from, to;
    int events;
    bool more;
} page_t;

static long long number_after(const char *text, const char *key) {
    const char *at = strstr(text, key);
    assert_non_null(at);
    return atoll(at + strlen(key));
}

static page_t read_page(room_t *r, const char *json) {
    const char *answer = say(r, json);
    if (strncmp(answer, "inform ", 7) != 0)
        fail_msg("%s", answer);
    page_t p = {.first = number_after(answer, "\"first\":"),
        .tail = number_after(answer, "\"tail\":"),
        .next = number_after(answer, "\"next\":"),
        .more = strstr(answer, "\"more\":true") != NULL};
    for (const char *at = answer; (at = strstr(at, "\"sequence\":")); at++) {
        long long n = atoll(at + strlen("\"sequence\":"));
        if (!p.events++)
            p.from = n;
        assert_true(!p.to || n == p.to + 1);
        p.to = n;
    }
    return p;
}

static void declare(room_t *r, const char *json) {
    assert_string_equal(say(r, json), "inform {\"done\":true}");
}

static void what_is_published_is_kept_and_read(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"news\",\"pattern\":\"news.>\"}");
    publish(&r, "news.a", "one");
    publish(&r, "other", "no");
    publish(&r, "news.b.c", "two");
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"news\"}");
    assert_int_equal(p.events, 2);
    assert_int_equal(p.from, 1);
    assert_int_equal(p.next, 3);
    assert_int_equal(p.tail, 3);
    assert_false(p.more);
    world_crash(r.w, SIZE_MAX);
    comes(&r);
    publish(&r, "news.a", "three");
    p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"news\",\"from\":2}");
    assert_int_equal(p.from, 2);
    assert_int_equal(p.to, 3);
    assert_non_null(strstr(say(&r, "{\"action\":\"streams\"}"),
        "\"stream\":\"news\",\"pattern\":\"news.>\",\"first\":1,\"tail\":4,\"records\":3"));
    world_end(r.w);
}

static void pages_follow_each_other(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    publish_many(&r, "t", 1, 5000);
    long long next = 1;
    int pages = 0;
    for (page_t p = {.more = true}; p.more; pages++) {
        char json[128];
        snprintf(json, sizeof json,
            "{\"action\":\"stream-read\",\"stream\":\"s\",\"from\":%lld,\"max-results\":700}", next);
        p = read_page(&r, json);
        assert_int_equal(p.from, next);
        next = p.next;
    }
    assert_int_equal(next, 5001);
    assert_int_equal(pages, 8);
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\",\"from\":5001}");
    assert_int_equal(p.events, 0);
    assert_int_equal(p.next, 5001);
    world_end(r.w);
}

/* Publications so large that what stands before the page takes more than one read. */
static void a_page_is_found_behind_large_blocks(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    for (int i = 0; i < 60; i++)
        post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .topic = "t", .text = "x", .size = 100000});
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\",\"from\":55}");
    assert_int_equal(p.from, 55);
    assert_true(p.events >= 1);
    world_end(r.w);
}

static void a_consumer_goes_on_where_it_was(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    publish_many(&r, "t", 1, 10);
    declare(&r, "{\"action\":\"stream-commit\",\"stream\":\"s\",\"consumer\":\"c\",\"position\":4}");
    world_crash(r.w, SIZE_MAX);
    comes(&r);
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\",\"consumer\":\"c\"}");
    assert_int_equal(p.from, 4);
    assert_int_equal(p.to, 10);
    p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\",\"consumer\":\"new\"}");
    assert_int_equal(p.from, 1);
    world_end(r.w);
}

static void the_oldest_are_forgotten(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\",\"max-records\":100}");
    for (int i = 0; i < 10; i++)
        publish_many(&r, "t", i * 50 + 1, i * 50 + 50);
    pass(r.w, 200);
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}");
    assert_int_equal(p.from, 401);
    assert_int_equal(p.to, 500);
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\",\"max-age-ms\":5000}");
    pass(r.w, 1000);
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}").events, 100);
    hello(r.w, 1);
    r.a = join(r.w, 1, "a2");
    for (int i = 0; i < 6; i++) {
        pass(r.w, 1000);
        ask(r.w, 1, r.a, "a2", "ams", "{\"action\":\"stats\"}");
    }
    assert_non_null(strstr(
        ask(r.w, 1, r.a, "a2", "ams", "{\"action\":\"stream-read\",\"stream\":\"s\"}"), "\"events\":[]"));
    world_end(r.w);
}

/* A block is forgotten when what stays is no less than the limit; and of it no one is counted who is young. */
static void the_youngest_are_never_forgotten(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\",\"max-records\":1}");
    publish_many(&r, "t", 1, 22);
    pass(r.w, 2000);
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}");
    assert_int_equal(p.from, 1);
    assert_int_equal(p.to, 22);
    publish_many(&r, "t", 23, 23);
    pass(r.w, 2000);
    p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}");
    assert_int_equal(p.from, 23);
    assert_int_equal(p.to, 23);
    world_end(r.w);
}

static long long bytes_of(room_t *r) {
    return number_after(say(r, "{\"action\":\"streams\"}"), "\"bytes\":");
}

/* Whole blocks go, here of 50 events of one size each; as many stay as the limit has room for. */
static void no_more_bytes_are_kept_than_may_be(void **state) {
    (void)state;
    room_t r = room();
    char json[128];
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    for (int i = 2; i < 12; i++)
        publish_many(&r, "t", i * 50 + 1, i * 50 + 50);
    pass(r.w, 200);
    long long all = bytes_of(&r), limit = all * 35 / 100;
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}").events, 500);
    snprintf(json, sizeof json,
        "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\",\"max-bytes\":%lld}", limit);
    declare(&r, json);
    pass(r.w, 200);
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}");
    assert_int_equal(p.from, 351);
    assert_int_equal(p.to, 500);
    assert_int_equal(bytes_of(&r), all * 3 / 10);
    world_crash(r.w, SIZE_MAX); /* the limit holds in the next broker too */
    comes(&r);
    publish_many(&r, "t", 601, 650);
    pass(r.w, 200);
    p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}");
    assert_int_equal(p.from, 401);
    assert_int_equal(p.to, 550);
    assert_true(bytes_of(&r) <= limit);
    world_end(r.w);
}

static void a_dropped_stream_leaves_nothing(void **state) {
    (void)state;
    room_t r = room();
    tr_journal_stat_t before, after;
    assert_int_equal(tr_journal_stat(r.w->journal, &before), 0);
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    publish_many(&r, "t", 1, 3000);
    declare(&r, "{\"action\":\"stream-commit\",\"stream\":\"s\",\"consumer\":\"c\",\"position\":4}");
    declare(&r, "{\"action\":\"stream-drop\",\"stream\":\"s\"}");
    assert_int_equal(tr_journal_stat(r.w->journal, &after), 0);
    assert_int_equal(after.keys, before.keys);
    assert_non_null(
        strstr(say(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}"), "unrecognised-parameter-value"));
    publish(&r, "t", "gone");
    world_end(r.w);
}

/* Direct messages are recorded where a stream asks for the wire tap, whether or not anybody watches it. */
static void a_stream_of_the_tap_records_direct_messages(void **state) {
    (void)state;
    room_t r = room();
    hello(r.w, 2);
    tr_route_t b = join(r.w, 2, "b");
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"all\",\"pattern\":\">\"}");
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"b\",\"pattern\":\"$tap.*.b\"}");
    post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .dst = b, .to = "b", .text = "secret"});
    expect_text(r.w, 2, TR_KIND_MESSAGE, "secret");
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"b\"}").events, 1);
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"all\"}").events, 0);
    interest(r.w, "news", true);
    post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .dst = b, .to = "b", .text = "more"});
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"b\"}").events, 2);
    world_end(r.w);
}

static int recorded(room_t *r, const char *stream) {
    char json[100];
    snprintf(json, sizeof json, "{\"action\":\"stream-read\",\"stream\":\"%s\"}", stream);
    return read_page(r, json).events;
}

/* As it was: what came by way of a service and while the agent was away, what was refused not, and names as long as they may be. */
static void a_record_has_what_the_agent_got(void **state) {
    (void)state;
    room_t r = room();
    char name[TR_NAME_MAX + 1] = "", text[400];
    hello_producer(r.w, 2, "thinker", 1);
    tr_route_t b = join(r.w, 2, "b");
    ask(r.w, 2, b, "b", "df", "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":1}]}");
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"b\",\"pattern\":\"$tap.*.b\"}");
    post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .to = "svc:sum", .text = "one"});
    post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .to = "svc:sum", .text = "two"});
    assert_int_equal(recorded(&r, "b"), 1); /* the other one waits until it has room */
    settle(r.w, 2, expect_text(r.w, 2, TR_KIND_MESSAGE, "one"), false);
    assert_int_equal(recorded(&r, "b"), 2);
    settle(r.w, 2, expect_text(r.w, 2, TR_KIND_MESSAGE, "two"), false);
    hello_producer(r.w, 3, "writer", 1);
    tr_route_t c = join(r.w, 3, "c");
    letter_t l = {.src = c, .from = "c", .to = "b", .flags = TR_FLAG_DURABLE, .id = 1, .text = "kept"};
    post(r.w, 3, &l);
    settle(r.w, 2, expect_text(r.w, 2, TR_KIND_MESSAGE, "kept"), false);
    leave(r.w, 2, "b");
    l.id = 2;
    post(r.w, 3, &l); /* for when it is back */
    l.flags = 0;
    post(r.w, 3, &l); /* refused */
    int kept = recorded(&r, "b");
    memset(name, 'x', sizeof name - 1);
    tr_route_t to = join(r.w, 3, name);
    snprintf(text, sizeof text,
        "{\"action\":\"stream-declare\",\"stream\":\"long\",\"pattern\":\"$tap.*.%s\"}", name);
    declare(&r, text);
    memset(name, 'y', sizeof name - 1);
    tr_route_t from = join(r.w, 3, name);
    post(r.w, 3, &(letter_t){.src = from, .from = name, .dst = to, .text = "long"});
    assert_int_equal(recorded(&r, "long"), 1);
    assert_int_equal(kept, 4);
    world_end(r.w);
}

/* In their order, with the topics that they were on; also those of which its publisher named no topic any more. */
static void a_record_has_the_publications_that_the_agent_got(void **state) {
    (void)state;
    room_t r = room();
    hello_window(r.w, 2, 1, 1u << 20);
    tr_route_t b = join(r.w, 2, "b");
    subscribe(r.w, 2, b, "news.*");
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"b\",\"pattern\":\"$tap.*.b\"}");
    forget(r.w);
    publish(&r, "news.x", "one");
    tr_route_t topic = expect_resolved(r.w, 1, "news.x");
    post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .kind = TR_KIND_PUBLISH, .dst = topic, .text = "two"});
    publish(&r, "sport", "not for it");
    post(r.w, 1, &(letter_t){.src = r.a, .from = "a", .dst = b, .to = "b", .text = "three"});
    const char *page = say(&r, "{\"action\":\"stream-read\",\"stream\":\"b\"}");
    assert_int_equal(number_after(page, "\"tail\":"), 4);
    assert_int_equal(recorded(&r, "b"), 3);
    world_end(r.w);
}

/* Nobody waits for a publication to be on disk, but who reads it does: the machine may end at any time after. */
static void what_a_page_has_shown_stays(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    publish_many(&r, "t", 1, 3);
    publish_many(&r, "t", 4, 6);
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}").to, 6);
    publish_many(&r, "t", 7, 9);
    world_crash(r.w, 0);
    comes(&r);
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}");
    assert_int_equal(p.from, 1);
    assert_int_equal(p.to, 6);
    world_end(r.w);
}

static void disk_does_all(struct net *world) {
    disk_works((void *)world, SIZE_MAX);
}

/* Also where the disk is behind: two batches are on their way to it, and what came last waits for them. */
static void a_page_has_all_that_was_published_before(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    r.w->hold = true;
    for (int i = 1; i <= 5; i++)
        publish_many(&r, "t", i, i);
    r.w->carry = disk_does_all;
    r.w->net = (void *)r.w;
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}").to, 5);
    world_end(r.w);
}

/* Also where nothing comes after it that would take it along. */
static void what_was_published_a_second_ago_is_on_disk(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    publish(&r, "t", "one");
    publish(&r, "t", "two");
    declare(&r, "{\"action\":\"stream-commit\",\"stream\":\"s\",\"consumer\":\"c\",\"position\":2}");
    pass(r.w, 1000);
    assert_int_equal(tr_journal_disk_unsynced(r.w->disk), 0);
    world_crash(r.w, 0);
    comes(&r);
    assert_int_equal(
        read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\",\"consumer\":\"c\"}").from, 2);
    world_end(r.w);
}

/* All of it is forgotten, and the broker begins anew: a consumer misses nothing of what comes then. */
static void numbers_are_not_used_twice(void **state) {
    (void)state;
    room_t r = room();
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\",\"max-age-ms\":100}");
    publish_many(&r, "t", 1, 10);
    declare(&r, "{\"action\":\"stream-commit\",\"stream\":\"s\",\"consumer\":\"c\",\"position\":11}");
    pass(r.w, 200);
    pass(r.w, 200);
    assert_int_equal(read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\"}").events, 0);
    world_crash(r.w, SIZE_MAX);
    comes(&r);
    publish(&r, "t", "eleven");
    page_t p = read_page(&r, "{\"action\":\"stream-read\",\"stream\":\"s\",\"consumer\":\"c\"}");
    assert_int_equal(p.events, 1);
    assert_int_equal(p.from, 11);
    assert_int_equal(p.first, 11);
    world_end(r.w);
}

static void what_is_wrong_is_refused(void **state) {
    (void)state;
    room_t r = room();
    static const char *const wrong[] = {
        "{\"action\":\"stream-declare\",\"stream\":\"a b\",\"pattern\":\"t\"}",
        "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t..u\"}",
        "{\"action\":\"stream-declare\",\"stream\":\"s\"}",
        "{\"action\":\"stream-read\",\"stream\":\"none\"}",
        "{\"action\":\"stream-read\"}",
        "{\"action\":\"stream-commit\",\"stream\":\"none\",\"consumer\":\"c\",\"position\":1}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_memory_equal(say(&r, wrong[i]), "refuse", 6);
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    assert_memory_equal(
        say(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"u\"}"), "refuse", 6);
    world_end(r.w);
}

/* More than the disk can take for now: the last ones are missing, and their numbers are used up all the same. */
static void nor_are_those_of_what_was_dropped(void **state) {
    (void)state;
    tr_core_config_t c = world_config();
    c.journal = true;
    c.unsynced_bytes = 1;
    room_t r = {.w = world_new(&c)};
    int kept = (int)TR_STREAM_BLOCK_MAX, all = kept + 10;
    char json[120];
    comes(&r);
    declare(&r, "{\"action\":\"stream-declare\",\"stream\":\"s\",\"pattern\":\"t\"}");
    publish_many(&r, "t", 1, all);
    snprintf(json, sizeof json, "{\"action\":\"stream-read\",\"stream\":\"s\",\"from\":%d}", kept + 1);
    page_t p = read_page(&r, json);
    assert_int_equal(p.events, 0);
    assert_int_equal(p.tail, all + 1);
    assert_int_equal(p.next, all + 1); /* a reader goes on there */
    world_crash(r.w, 0);
    comes(&r);
    publish(&r, "t", "new");
    snprintf(json, sizeof json, "{\"action\":\"stream-read\",\"stream\":\"s\",\"from\":%d}", all + 1);
    p = read_page(&r, json);
    assert_int_equal(p.events, 1);
    assert_int_equal(p.from, all + 1);
    world_end(r.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_is_kept_and_read),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(a_page_is_found_behind_large_blocks),
        cmocka_unit_test(a_consumer_goes_on_where_it_was),
        cmocka_unit_test(the_oldest_are_forgotten),
        cmocka_unit_test(the_youngest_are_never_forgotten),
        cmocka_unit_test(no_more_bytes_are_kept_than_may_be),
        cmocka_unit_test(a_dropped_stream_leaves_nothing),
        cmocka_unit_test(a_stream_of_the_tap_records_direct_messages),
        cmocka_unit_test(a_record_has_what_the_agent_got),
        cmocka_unit_test(a_record_has_the_publications_that_the_agent_got),
        cmocka_unit_test(what_a_page_has_shown_stays),
        cmocka_unit_test(a_page_has_all_that_was_published_before),
        cmocka_unit_test(what_was_published_a_second_ago_is_on_disk),
        cmocka_unit_test(numbers_are_not_used_twice),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(nor_are_those_of_what_was_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
