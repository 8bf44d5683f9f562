/* Moving an agent: what its old process, its station and those who write to it see, whoever refuses, ends or is silent. */
#include "broker/core/core_fixture.h"
#include "broker/core/state.h"
#include "proto/content.h"

typedef struct house {
    world_t *w;
    tr_route_t boss, x, depot, writer; /* of processes 1, 2, 3 and 4 */
    uint64_t asked;                    /* the boss, of the AMS */
    got_t *at_home, *at_station;       /* what was asked last */
} house_t;

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

static house_t house_of(const tr_core_config_t *config) {
    house_t h = {.w = world_new(config)};
    for (tr_peer_t peer = 1; peer <= 4; peer++)
        hello(h.w, peer);
    h.boss = join(h.w, 1, "boss");
    h.x = join(h.w, 2, "x");
    h.depot = join(h.w, 3, "depot");
    h.writer = join(h.w, 4, "writer");
    holds(ask(h.w, 3, h.depot, "depot", "df",
              "{\"action\":\"register\",\"services\":[{\"name\":\"station\",\"capacity\":4}]}"),
        "inform");
    forget(h.w);
    return h;
}

static uint64_t write_to_x(const house_t *h, const char *text) {
    return post(h->w, 4, &(letter_t){.src = h->writer, .from = "writer", .to = "x", .text = text});
}

static void order(house_t *h, const char *json) {
    h->asked = draft_ask(h->w, h->boss, "boss", "ams", json);
    draft_send(h->w, 1);
}

static const char *outcome(const house_t *h) {
    return answer_to(h->w, h->boss, h->asked);
}

/* The AMS's request to an agent of the process, which has this in it. */
static got_t *asked(const house_t *h, tr_peer_t peer, const char *word) {
    got_t *g = expect(h->w, peer, TR_KIND_MESSAGE);
    assert_int_equal(g->record.h.performative, TR_REQUEST);
    assert_true(memmem(g->record.content, g->record.content_len, word, strlen(word)) != NULL);
    return g;
}

/* What the agent of that name and route says to it. */
static void answer(const house_t *h, tr_peer_t peer, const char *name, tr_route_t src, const got_t *question,
    tr_performative_t act, const char *text) {
    tr_arena_t arena;
    tr_acl_t request;
    tr_arena_init(&arena, 1u << 20);
    assert_int_equal(tr_acl_read(&request, &question->record, &arena), 0);
    assert_string_equal(request.sender, "ams@north");
    const char *to = request.sender;
    tr_acl_t acl = {.sender = name, .receivers = {&to, 1}, .in_reply_to = request.reply_with};
    uint8_t envelope[256];
    size_t len = (size_t)(tr_acl_envelope_write(&acl, envelope) - envelope), text_len = strlen(text);
    tr_record_header_t head = {.length = (uint32_t)(TR_RECORD_HEADER + len + text_len),
        .kind = TR_KIND_MESSAGE,
        .performative = (uint8_t)act,
        .hops = TR_HOPS_DEFAULT,
        .src = src,
        .dst = question->record.h.src,
        .id = 70,
        .envelope_len = (uint16_t)len};
    draft(h->w, &head, envelope, text, text_len);
    draft_send(h->w, peer);
    tr_arena_finish(&arena);
}

static void home_says(const house_t *h, tr_performative_t act, const char *text) {
    answer(h, 2, "x", h->x, h->at_home, act, text);
}

static void station_says(const house_t *h, tr_performative_t act, const char *text) {
    answer(h, 3, "depot", h->depot, h->at_station, act, text);
}

#define BUSY                                                                                                 \
    "\x82\xa6reason\xa4"                                                                                     \
    "busy\xa6"                                                                                               \
    "detail\xa5"                                                                                             \
    "later"
#define NOT_TAKEN                                                                                            \
    "\x82\xa6reason\xa9not-taken\xa6"                                                                        \
    "detail\xa4none"

/* Up to where the station is asked. */
static void pack(house_t *h) {
    order(h, "{\"action\":\"move\",\"name\":\"x\",\"to\":\"depot\"}");
    h->at_home = asked(h, 2, "prepare");
    home_says(h, TR_INFORM, "\x80");
    h->at_home = asked(h, 2, "leave");
    home_says(h, TR_INFORM,
        "\x81\xa5"
        "state\x07");
    h->at_station = asked(h, 3, "parcel");
}

static uint64_t number_of(const house_t *h) {
    tr_content_t c;
    assert_int_equal(
        tr_content_init(&c, h->at_station->record.content, h->at_station->record.content_len), 0);
    uint64_t number = (uint64_t)tr_value_int(tr_value_get(&c.root, "move"), 0);
    tr_content_finish(&c);
    return number;
}

static uint64_t ask_claim(const house_t *h, tr_peer_t peer, uint64_t number) {
    Troupe__Register m = TROUPE__REGISTER__INIT;
    m.name = (char *)(uintptr_t) "x";
    m.behaviour = (char *)(uintptr_t) "there";
    m.move = number;
    return control(h->w, peer, TR_KIND_REGISTER, 0, 0, &m.base);
}

/* The agent's new route. */
static tr_route_t claim(const house_t *h) {
    ask_claim(h, 3, number_of(h));
    const got_t *g = expect(h->w, 3, TR_KIND_REGISTERED);
    Troupe__Registered *r = troupe__registered__unpack(NULL, g->record.content_len, g->record.content);
    tr_route_t route = r->route;
    troupe__registered__free_unpacked(r, NULL);
    return route;
}

static void is_in(const house_t *h, const char *state, const char *behaviour) {
    const char *found = ask(h->w, 1, h->boss, "boss", "ams", "{\"action\":\"search\",\"name\":\"x\"}");
    holds(found, state);
    holds(found, behaviour);
}

static void it_moves_with_all_that_waits(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    write_to_x(&h, "1");
    expect_text(h.w, 2, TR_KIND_MESSAGE, "1");
    pack(&h);
    write_to_x(&h, "2");
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    tr_route_t there = claim(&h);
    assert_true(there != h.x);
    write_to_x(&h, "3");
    is_in(&h, "\"state\":\"transit\"", "\"behaviour\":\"there\"");
    expect_none(h.w, 3, TR_KIND_MESSAGE);
    station_says(&h, TR_INFORM, "\x80");
    assert_int_equal(expect(h.w, 2, TR_KIND_MOVED)->record.h.src, h.x);
    expect_none(h.w, 3, TR_KIND_MESSAGE); /* its old process has not let it go yet */
    expect_done(h.w, 2, leave(h.w, 2, "x"));
    assert_int_equal(expect_text(h.w, 3, TR_KIND_MESSAGE, "2")->record.h.dst, there);
    expect_text(h.w, 3, TR_KIND_MESSAGE, "3");
    const char *said = outcome(&h);
    holds(said, "inform {\"name\":\"x@north\",\"to\":\"depot\"");
    holds(said, "\"pause_ms\":0");
    is_in(&h, "\"state\":\"active\"", "\"behaviour\":\"there\"");
    write_to_x(&h, "4");
    expect_text(h.w, 3, TR_KIND_MESSAGE, "4");
    world_end(h.w);
}

/* Its old route is nobody's, for those who write to it; and the old process says nothing in its name any more. */
static void the_old_place_is_fenced_off(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    tr_route_t there = claim(&h);
    station_says(&h, TR_INFORM, "\x80");
    uint64_t id = post(h.w, 2, &(letter_t){.src = h.x, .from = "x", .to = "writer", .text = "I am here"});
    expect_refused(h.w, 2, id, TR_REASON_FORGED_SENDER);
    expect_done(h.w, 2, leave(h.w, 2, "x"));
    forget(h.w);
    post(h.w, 4, &(letter_t){.src = h.writer, .from = "writer", .to = "x", .dst = h.x, .text = "old route"});
    assert_int_equal(expect_resolved(h.w, 4, "x"), there);
    expect_text(h.w, 3, TR_KIND_MESSAGE, "old route");
    post(h.w, 3, &(letter_t){.src = there, .from = "x", .to = "writer", .text = "no, here"});
    expect_text(h.w, 4, TR_KIND_MESSAGE, "no, here");
    world_end(h.w);
}

/* What it sent before and could not be delivered comes back to where it is now. */
static void what_comes_back_finds_it(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    holds(ask(h.w, 1, h.boss, "boss", "ams", "{\"action\":\"suspend\",\"name\":\"writer\"}"), "inform");
    uint64_t id = post(h.w, 2, &(letter_t){.src = h.x, .from = "x", .to = "writer", .text = "hello"});
    pack(&h);
    tr_route_t there = claim(&h);
    station_says(&h, TR_INFORM, "\x80");
    leave(h.w, 2, "x");
    forget(h.w);
    leave(h.w, 4, "writer");
    assert_int_equal(expect_nack(h.w, 3, id, TR_REASON_AGENT_GONE)->record.h.dst, there);
    world_end(h.w);
}

static void services_and_subscriptions_go_with_it(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    holds(ask(h.w, 2, h.x, "x", "df",
              "{\"action\":\"register\",\"services\":[{\"name\":\"count\",\"capacity\":4}]}"),
        "inform");
    subscribe(h.w, 2, h.x, "news.*");
    forget(h.w);
    pack(&h);
    post(h.w, 4, &(letter_t){.src = h.writer, .from = "writer", .to = "svc:count", .text = "job 1"});
    post(h.w, 4, &(letter_t){.src = h.writer, .from = "writer", .topic = "news.a", .text = "event 1"});
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    tr_route_t there = claim(&h);
    station_says(&h, TR_INFORM, "\x80");
    expect_done(h.w, 2, leave(h.w, 2, "x"));
    got_t *job = expect_text(h.w, 3, TR_KIND_MESSAGE, "job 1");
    assert_int_equal(job->record.h.dst, there);
    settle(h.w, 3, job, false);
    expect_text(h.w, 3, TR_KIND_PUBLISH, "event 1");
    expect_resolved(h.w, 3, "news.a");
    post(h.w, 4, &(letter_t){.src = h.writer, .from = "writer", .topic = "news.a", .text = "event 2"});
    assert_int_equal(expect_text(h.w, 3, TR_KIND_PUBLISH, "event 2")->record.h.dst, there);
    holds(ask(h.w, 1, h.boss, "boss", "df",
              "{\"action\":\"search\",\"template\":{\"services\":[{\"name\":\"count\"}]}}"),
        "x@north");
    leave(h.w, 3, "x");
    expect_none(h.w, 2, TR_KIND_PUBLISH);
    world_end(h.w);
}

static void durable_messages_go_with_it(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.journal = true;
    house_t h = house_of(&config);
    hello_producer(h.w, 5, "producer", 1);
    tr_route_t producer = join(h.w, 5, "producer");
    for (uint64_t id = 1; id <= 3; id++) {
        char text[2] = {(char)('0' + id), 0};
        if (id == 2) /* the first one was dealt with, and the others wait */
            pack(&h);
        post(h.w, 5,
            &(letter_t){.src = producer,
                .from = "producer",
                .to = "x",
                .text = text,
                .flags = TR_FLAG_DURABLE,
                .id = id});
        if (id == 1)
            settle(h.w, 2, expect_text(h.w, 2, TR_KIND_MESSAGE, "1"), false);
    }
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    claim(&h);
    station_says(&h, TR_INFORM, "\x80");
    expect_done(h.w, 2, leave(h.w, 2, "x"));
    for (const char *text = "2"; text; text = *text == '2' ? "3" : NULL) {
        const got_t *g = expect_text(h.w, 3, TR_KIND_MESSAGE, text);
        assert_int_equal(g->record.h.flags & (TR_FLAG_LEASED | TR_FLAG_REDELIVERED), TR_FLAG_LEASED);
        settle(h.w, 3, g, false);
    }
    assert_int_equal(tr_core_stats(h.w->core)->leased, 0);
    world_end(h.w);
}

/* ---- it stays ---- */

static void stays(house_t *h, const char *why) {
    h->at_home = asked(h, 2, "stay");
    expect_text(h->w, 2, TR_KIND_MESSAGE, "while");
    const char *said = outcome(h);
    holds(said, "failure {\"reason\":\"not-moved\"");
    holds(said, why);
    is_in(h, "\"state\":\"active\"", "\"pid\":");
    write_to_x(h, "after");
    assert_int_equal(expect_text(h->w, 2, TR_KIND_MESSAGE, "after")->record.h.src, h->writer);
    write_to_x(h, "and on");
    expect_text(h->w, 2, TR_KIND_MESSAGE, "and on");
    expect_none(h->w, 3, TR_KIND_MESSAGE);
    uint64_t late = ask_claim(h, 3, h->at_station ? number_of(h) : 1); /* it comes too late */
    if (h->at_station)
        expect_refused(h->w, 3, late, TR_REASON_NOT_FOUND);
    world_end(h->w);
}

static void its_station_refuses(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    write_to_x(&h, "while");
    station_says(&h, TR_FAILURE, NOT_TAKEN);
    stays(&h, "none");
}

/* What waits for it counts as well; that it stays, it hears all the same. */
static void a_full_mailbox_keeps_nobody_away(void **state) {
    (void)state;
    tr_core_config_t config = world_config();
    config.mailbox_records = 1;
    house_t h = house_of(&config);
    pack(&h);
    write_to_x(&h, "while");
    expect_nack(h.w, 4, write_to_x(&h, "one too many"), TR_REASON_BUSY);
    station_says(&h, TR_FAILURE, NOT_TAKEN);
    stays(&h, "none");
}

/* Only who has it can write in its name: its old process, when it is back there. */
static void back_home(house_t *h, const char *why) {
    got_t *stay = asked(h, 2, "stay");
    tr_route_t home = stay->record.h.dst;
    assert_int_equal(home, h->x); /* as its process knows it */
    assert_int_equal(expect_text(h->w, 2, TR_KIND_MESSAGE, "while")->record.h.dst, home);
    holds(outcome(h), why);
    forget(h->w);
    post(h->w, 2, &(letter_t){.src = home, .from = "x", .to = "writer", .text = "at home"});
    expect_text(h->w, 4, TR_KIND_MESSAGE, "at home");
    world_end(h->w);
}

static void its_station_gives_it_back(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    tr_route_t there = claim(&h);
    write_to_x(&h, "while");
    expect_done(h.w, 3, leave(h.w, 3, "x")); /* its behaviour cannot begin there */
    assert_int_equal(expect(h.w, 3, TR_KIND_MOVED)->record.h.src, there);
    expect_none(h.w, 1, TR_KIND_MESSAGE);
    station_says(&h, TR_FAILURE, NOT_TAKEN);
    back_home(&h, "\"none\"");
}

static void its_station_gives_it_back_without_a_word(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    claim(&h);
    write_to_x(&h, "while");
    expect_done(h.w, 3, leave(h.w, 3, "x"));
    asked(&h, 2, "stay");
    expect_text(h.w, 2, TR_KIND_MESSAGE, "while");
    for (int i = 0; i < 5; i++) { /* alive, but for that */
        for (tr_peer_t peer = 1; peer <= 4; peer++)
            control(h.w, peer, TR_KIND_PING, 0, 0, NULL);
        pass(h.w, 1000);
    }
    holds(outcome(&h), "its station has given it back");
    world_end(h.w);
}

static void its_station_dies(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    claim(&h);
    write_to_x(&h, "while");
    lose(h.w, 3);
    pass(h.w, 700);
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    pass(h.w, 200);
    back_home(&h, "did not begin it in time"); /* the pause is over before the grace time is */
}

static void its_station_ends(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    claim(&h);
    write_to_x(&h, "while");
    control(h.w, 3, TR_KIND_BYE, 0, 0, NULL);
    back_home(&h, "the process that it was to go to has ended");
}

static void its_station_is_silent(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    write_to_x(&h, "while");
    pass(h.w, 700);
    expect_none(h.w, 2, TR_KIND_MESSAGE);
    pass(h.w, 200);
    stays(&h, "its station did not begin it in time");
}

static void its_process_refuses(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    order(&h, "{\"action\":\"move\",\"name\":\"x\"}");
    h.at_home = asked(&h, 2, "prepare");
    home_says(&h, TR_REFUSE,
        "\x82\xa6reason\xa4none\xa6"
        "detail\xa4none");
    write_to_x(&h, "while");
    stays(&h, "none");
}

static void one_that_is_busy_in_the_last_moment_is_asked_again(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    order(&h, "{\"action\":\"move\",\"name\":\"x\",\"wait-ms\":600}");
    h.at_home = asked(&h, 2, "prepare");
    home_says(&h, TR_INFORM, "\x80");
    h.at_home = asked(&h, 2, "leave");
    is_in(&h, "\"state\":\"transit\"", "\"pid\":");
    write_to_x(&h, "first");
    home_says(&h, TR_REFUSE, BUSY);
    asked(&h, 2, "stay");
    expect_text(h.w, 2, TR_KIND_MESSAGE, "first");
    asked(&h, 2, "prepare");
    is_in(&h, "\"state\":\"active\"", "\"pid\":");
    pass(h.w, 601);
    write_to_x(&h, "while");
    stays(&h, "it did not come to rest in time");
}

/* ---- its old process ends ---- */

static void its_process_ends_before_it_is_claimed(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    uint64_t waits = write_to_x(&h, "waits");
    control(h.w, 2, TR_KIND_BYE, 0, 0, NULL);
    expect_nack(h.w, 4, waits, TR_REASON_AGENT_GONE);
    holds(outcome(&h), "it has ended meanwhile");
    expect_refused(h.w, 3, ask_claim(&h, 3, number_of(&h)), TR_REASON_NOT_FOUND);
    join(h.w, 4, "x"); /* the name is free */
    world_end(h.w);
}

static void its_process_ends_after_that(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    write_to_x(&h, "waits");
    claim(&h);
    control(h.w, 2, TR_KIND_BYE, 0, 0, NULL);
    pass(h.w, 2000); /* nobody else has it: its station takes its time */
    expect_none(h.w, 3, TR_KIND_MESSAGE);
    station_says(&h, TR_INFORM, "\x80");
    expect_text(h.w, 3, TR_KIND_MESSAGE, "waits");
    holds(outcome(&h), "inform");
    world_end(h.w);
}

static void its_process_is_silent_after_that(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    pack(&h);
    claim(&h);
    write_to_x(&h, "waits");
    station_says(&h, TR_INFORM, "\x80");
    expect_none(h.w, 3, TR_KIND_MESSAGE);
    pass(h.w, 900); /* who is stopped there can say nothing in its name */
    expect_text(h.w, 3, TR_KIND_MESSAGE, "waits");
    expect_done(h.w, 2, leave(h.w, 2, "x")); /* late, and nothing happens */
    write_to_x(&h, "more");
    expect_text(h.w, 3, TR_KIND_MESSAGE, "more");
    world_end(h.w);
}

/* ---- who may, and what ---- */

static void what_cannot_be_moved(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    join_range(h.w, 2, "many", 3);
    join(h.w, 3, "beside");
    static const struct {
        const char *json, *says;
    } rows[] = {
        {"{\"action\":\"move\",\"name\":\"nobody\"}", "not-registered"},
        {"{\"action\":\"move\",\"name\":\"many-1\"}", "an agent of a range is not moved"},
        {"{\"action\":\"move\",\"name\":\"x\",\"to\":\"boss\"}", "no station has this name"},
        {"{\"action\":\"move\",\"name\":\"beside\",\"to\":\"depot\"}", "it is in that process already"},
        {"{\"action\":\"move\",\"name\":\"beside\"}", "there is no station in another process"},
        {"{\"action\":\"move\",\"name\":\"ams\"}", "unauthorised"},
        {"{\"action\":\"move\",\"name\":\"x\",\"to\":7}", "unrecognised-parameter-value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        holds(ask(h.w, 1, h.boss, "boss", "ams", rows[i].json), rows[i].says);
    holds(ask(h.w, 1, h.boss, "boss", "ams", "{\"action\":\"suspend\",\"name\":\"x\"}"), "inform");
    holds(ask(h.w, 1, h.boss, "boss", "ams", "{\"action\":\"move\",\"name\":\"x\"}"),
        "illegal-transition\",\"detail\":\"move is from active to transit; it is suspended");
    world_end(h.w);
}

static void nobody_else_ends_its_transit(void **state) {
    (void)state;
    house_t h = house_of(NULL);
    tr_route_t beside = join(h.w, 2, "beside");
    pack(&h);
    holds(ask(h.w, 2, beside, "beside", "ams", "{\"action\":\"modify\",\"name\":\"x\",\"state\":\"active\"}"),
        "it is being moved");
    holds(ask(h.w, 1, h.boss, "boss", "ams", "{\"action\":\"move\",\"name\":\"x\"}"), "already-registered");
    expect_refused(
        h.w, 4, ask_claim(&h, 4, number_of(&h)), TR_REASON_NOT_FOUND); /* it is not for this process */
    expect_refused(h.w, 3, ask_claim(&h, 3, number_of(&h) + 1), TR_REASON_NOT_FOUND);
    claim(&h);
    world_end(h.w); /* in the midst of it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_moves_with_all_that_waits),
        cmocka_unit_test(the_old_place_is_fenced_off),
        cmocka_unit_test(what_comes_back_finds_it),
        cmocka_unit_test(services_and_subscriptions_go_with_it),
        cmocka_unit_test(durable_messages_go_with_it),
        cmocka_unit_test(its_station_refuses),
        cmocka_unit_test(a_full_mailbox_keeps_nobody_away),
        cmocka_unit_test(its_station_gives_it_back),
        cmocka_unit_test(its_station_gives_it_back_without_a_word),
        cmocka_unit_test(its_station_dies),
        cmocka_unit_test(its_station_ends),
        cmocka_unit_test(its_station_is_silent),
        cmocka_unit_test(its_process_refuses),
        cmocka_unit_test(one_that_is_busy_in_the_last_moment_is_asked_again),
        cmocka_unit_test(its_process_ends_before_it_is_claimed),
        cmocka_unit_test(its_process_ends_after_that),
        cmocka_unit_test(its_process_is_silent_after_that),
        cmocka_unit_test(what_cannot_be_moved),
        cmocka_unit_test(nobody_else_ends_its_transit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
