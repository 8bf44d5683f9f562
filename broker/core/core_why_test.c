/* The AMS's action `why`: what the broker knows of an agent, and what its process says when it is asked. */
#include "broker/core/core_fixture.h"
#include "proto/content.h"

typedef struct ward {
    world_t *w;
    tr_route_t doctor, x; /* of processes 1 and 2 */
} ward_t;

static ward_t ward_of(void) {
    ward_t o = {.w = world_new(NULL)};
    hello(o.w, 1);
    hello(o.w, 2);
    o.doctor = join(o.w, 1, "doctor");
    o.x = join(o.w, 2, "x");
    forget(o.w);
    return o;
}

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

static uint64_t begin(const ward_t *o, const char *name) {
    char json[96];
    snprintf(json, sizeof json, "{\"action\":\"why\",\"name\":\"%s\"}", name);
    uint64_t id = draft_ask(o->w, o->doctor, "doctor", "ams", json);
    draft_send(o->w, 1);
    return id;
}

/* What an agent of process 2 says to the AMS's question, under its id. */
static void say_as(
    const ward_t *o, const char *name, const got_t *question, tr_performative_t act, const char *text) {
    tr_arena_t arena;
    tr_acl_t asked;
    tr_arena_init(&arena, 1u << 20);
    assert_int_equal(tr_acl_read(&asked, &question->record, &arena), 0);
    assert_string_equal(asked.sender, "ams@north");
    const char *to = asked.sender;
    tr_acl_t acl = {.sender = name, .receivers = {&to, 1}, .in_reply_to = asked.reply_with};
    uint8_t envelope[256];
    size_t len = (size_t)(tr_acl_envelope_write(&acl, envelope) - envelope), text_len = strlen(text);
    tr_record_header_t h = {.length = (uint32_t)(TR_RECORD_HEADER + len + text_len),
        .kind = TR_KIND_MESSAGE,
        .performative = (uint8_t)act,
        .hops = TR_HOPS_DEFAULT,
        .src = o->x,
        .dst = question->record.h.src,
        .id = 70,
        .envelope_len = (uint16_t)len};
    draft(o->w, &h, envelope, text, text_len);
    draft_send(o->w, 2);
    tr_arena_finish(&arena);
}

static void say(const ward_t *o, const got_t *question, tr_performative_t act, const char *text) {
    say_as(o, "x", question, act, text);
}

static const got_t *question(const ward_t *o) {
    const got_t *g = expect(o->w, 2, TR_KIND_MESSAGE);
    assert_int_equal(g->record.h.performative, TR_QUERY_REF);
    assert_int_equal(g->record.h.dst, o->x);
    return g;
}

static void its_process_is_asked(void **state) {
    (void)state;
    ward_t o = ward_of();
    uint64_t id = begin(&o, "x@north");
    const got_t *asked = question(&o);
    expect_none(o.w, 1, TR_KIND_MESSAGE);
    say(&o, asked, TR_INFORM,
        "\x81\xa6status\xa4"
        "fine");
    const char *answer = answer_to(o.w, o.doctor, id);
    holds(answer, "inform {\"name\":\"x@north\",\"count\":1,\"state\":\"active\",\"apart\":0,");
    holds(answer, "\"queued\":0,\"queued_bytes\":0,\"oldest_ms\":null,");
    holds(answer, "\"told\":{\"status\":\"fine\"}}");
    say(&o, asked, TR_INFORM,
        "\x81\xa6status\xa4"
        "late"); /* nobody has asked any more */
    assert_int_equal(expect(o.w, 2, TR_KIND_MESSAGE)->record.h.performative, TR_NOT_UNDERSTOOD);
    world_end(o.w);
}

static void who_does_not_say_is_not_waited_for(void **state) {
    (void)state;
    static const struct {
        tr_performative_t act;
        const char *text;
    } rows[] = {{TR_NOT_UNDERSTOOD, "\x80"}, {TR_INFORM, "\xc1"}, {TR_INFORM, "\x07"}, {TR_REFUSE, ""}};
    ward_t o = ward_of();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t id = begin(&o, "x");
        say(&o, question(&o), rows[i].act, rows[i].text);
        holds(answer_to(o.w, o.doctor, id), "\"told\":null}");
    }
    uint64_t id = begin(&o, "x");
    question(&o);
    pass(o.w, 900);
    expect_none(o.w, 1, TR_KIND_MESSAGE);
    pass(o.w, 200);
    holds(answer_to(o.w, o.doctor, id), "\"told\":null}");
    world_end(o.w);
}

static void another_one_cannot_say_it_for_him(void **state) {
    (void)state;
    ward_t o = ward_of();
    uint64_t id = begin(&o, "x");
    const got_t *asked = question(&o);
    ward_t liar = o;
    liar.x = join(o.w, 2, "y");
    forget(o.w);
    say_as(&liar, "y", asked, TR_INFORM, "\x80");
    assert_int_equal(expect(o.w, 2, TR_KIND_MESSAGE)->record.h.performative, TR_NOT_UNDERSTOOD);
    expect_none(o.w, 1, TR_KIND_MESSAGE);
    say(&o, asked, TR_INFORM, "\x80");
    holds(answer_to(o.w, o.doctor, id), "\"told\":{}}");
    world_end(o.w);
}

static void who_ends_meanwhile_is_not_registered(void **state) {
    (void)state;
    ward_t o = ward_of();
    uint64_t id = begin(&o, "x");
    expect_done(o.w, 2, leave(o.w, 2, "x"));
    pass(o.w, 1100);
    holds(answer_to(o.w, o.doctor, id), "refuse {\"reason\":\"not-registered\"");
    holds(ask(o.w, 1, o.doctor, "doctor", "ams", "{\"action\":\"why\",\"name\":\"x\"}"), "not-registered");
    begin(&o, "doctor"); /* a question that is open when the broker ends */
    world_end(o.w);
}

static void one_that_is_suspended_is_asked_too(void **state) {
    (void)state;
    ward_t o = ward_of();
    holds(ask(o.w, 1, o.doctor, "doctor", "ams",
              "{\"action\":\"suspend\",\"name\":\"x\",\"reason\":\"a pause\"}"),
        "inform");
    int64_t since = o.w->now.wall_ms;
    pass(o.w, 50);
    for (int i = 0; i < 3; i++) {
        post(o.w, 1, &(letter_t){.src = o.doctor, .from = "doctor", .to = "x", .text = "how are you?"});
        pass(o.w, 20);
    }
    uint64_t id = begin(&o, "x");
    say(&o, question(&o), TR_INFORM, "\x80");
    const char *answer = answer_to(o.w, o.doctor, id);
    char part[160];
    snprintf(part, sizeof part,
        "\"state\":\"suspended\",\"apart\":0,\"since_ms\":%lld,\"by\":\"doctor\",\"reason\":\"a pause\"",
        (long long)since);
    holds(answer, part);
    holds(answer, "\"queued\":3,");
    snprintf(part, sizeof part, "\"oldest_ms\":%lld,", (long long)since + 50);
    holds(answer, part);
    world_end(o.w);
}

static void of_a_range_each_is_asked_alone(void **state) {
    (void)state;
    ward_t o = ward_of();
    tr_route_t crew = join_range(o.w, 2, "crew", 4);
    ask(o.w, 1, o.doctor, "doctor", "ams", "{\"action\":\"suspend\",\"name\":\"crew\"}");
    ask(o.w, 1, o.doctor, "doctor", "ams", "{\"action\":\"resume\",\"name\":\"crew-3\"}");
    for (int i = 0; i < 2; i++)
        post(o.w, 1, &(letter_t){.src = o.doctor, .from = "doctor", .to = "crew-1", .text = "one"});
    post(o.w, 1, &(letter_t){.src = o.doctor, .from = "doctor", .to = "crew-2", .text = "two"});
    forget(o.w);
    const char *all = ask(o.w, 1, o.doctor, "doctor", "ams", "{\"action\":\"why\",\"name\":\"crew\"}");
    holds(all, "\"count\":4,\"state\":\"suspended\",\"apart\":1,");
    holds(all, "\"queued\":3,");
    holds(all, "\"told\":null}");
    uint64_t id = begin(&o, "crew-1");
    const got_t *g = expect(o.w, 2, TR_KIND_MESSAGE);
    assert_int_equal(g->record.h.dst, crew + 1);
    pass(o.w, 1100);
    const char *one = answer_to(o.w, o.doctor, id);
    holds(one, "{\"name\":\"crew-1@north\",\"count\":1,\"state\":\"suspended\"");
    holds(one, "\"queued\":2,");
    world_end(o.w);
}

static void what_it_has_in_hand_is_told(void **state) {
    (void)state;
    ward_t o = ward_of();
    ask(o.w, 2, o.x, "x", "df",
        "{\"action\":\"register\",\"services\":[{\"name\":\"sum\",\"capacity\":30}]}");
    forget(o.w);
    for (int i = 0; i < 20; i++)
        post(o.w, 1,
            &(letter_t){.src = o.doctor,
                .from = "doctor",
                .to = "svc:sum",
                .act = TR_REQUEST,
                .text = "add",
                .conversation = "c7",
                .protocol = "fipa-request"});
    forget(o.w);
    uint64_t id = begin(&o, "x");
    say(&o, question(&o), TR_INFORM, "\x80");
    const char *answer = answer_to(o.w, o.doctor, id);
    holds(answer,
        "\"work_total\":20,\"work\":[{\"service\":\"sum\",\"performative\":\"request\",\"sender\":\"doctor\","
        "\"protocol\":\"fipa-request\",\"conversation_id\":\"c7\",\"since_ms\":");
    size_t n = 0;
    for (const char *at = answer; (at = strstr(at, "\"service\":\"sum\"")); at++)
        n++;
    assert_int_equal(n, 16);
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_process_is_asked),
        cmocka_unit_test(who_does_not_say_is_not_waited_for),
        cmocka_unit_test(another_one_cannot_say_it_for_him),
        cmocka_unit_test(who_ends_meanwhile_is_not_registered),
        cmocka_unit_test(one_that_is_suspended_is_asked_too),
        cmocka_unit_test(of_a_range_each_is_asked_alone),
        cmocka_unit_test(what_it_has_in_hand_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
