/* What a process says of its agents: that one hangs, and how many rest. */
#include "broker/core/core_fixture.h"

static void holds(const char *answer, const char *part) {
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

typedef struct ward {
    world_t *w;
    tr_route_t doctor, x, many; /* of processes 1, 2 and 2 */
} ward_t;

static ward_t ward_of(void) {
    ward_t o = {.w = world_new(NULL)};
    hello(o.w, 1);
    hello(o.w, 2);
    o.doctor = join(o.w, 1, "doctor");
    o.x = join(o.w, 2, "x");
    o.many = join_range(o.w, 2, "many", 5);
    forget(o.w);
    return o;
}

static uint64_t report(
    const ward_t *o, tr_peer_t peer, tr_route_t agent, uint64_t passive, uint64_t hung_ms) {
    Troupe__Report m = TROUPE__REPORT__INIT;
    m.passive = passive;
    m.hung_ms = hung_ms;
    return control(o->w, peer, TR_KIND_REPORT, agent, 0, &m.base);
}

static const char *search(const ward_t *o, const char *name) {
    char json[96];
    snprintf(json, sizeof json, "{\"action\":\"search\",\"name\":\"%s\"}", name);
    return ask(o->w, 1, o->doctor, "doctor", "ams", json);
}

static void one_that_hangs_is_shown_and_told(void **state) {
    (void)state;
    ward_t o = ward_of();
    holds(search(&o, "x"), "\"hung\":null,\"hung_ms\":null");
    pass(o.w, 100);
    subscribe(o.w, 1, o.doctor, "$sys.agent.hangs");
    report(&o, 2, o.many + 3, 0, 5000);
    const got_t *g = take_event(o.w, TR_EVENT_HANGS);
    assert_non_null(g);
    assert_string_equal(g->text, "many-3");
    expect(o.w, 1, TR_KIND_PUBLISH);
    pass(o.w, 1500);
    holds(search(&o, "many"), "\"hung\":\"many-3@north\",\"hung_ms\":6500");
    holds(search(&o, "x"), "\"hung\":\"many-3@north\""); /* it has the same thread */
    holds(search(&o, "doctor"), "\"hung\":null");
    report(&o, 2, o.x, 0, 0); /* of another agent */
    holds(search(&o, "x"), "\"hung\":\"many-3@north\"");
    report(&o, 2, o.many, 0, 0);
    holds(search(&o, "x"), "\"hung\":null");
    g = take_event(o.w, TR_EVENT_GOES_ON);
    assert_non_null(g);
    assert_string_equal(g->text, "many-3");
    world_end(o.w);
}

static void it_is_told_once_a_second_at_most(void **state) {
    (void)state;
    ward_t o = ward_of();
    pass(o.w, 100);
    for (int i = 0; i < 20; i++)
        report(&o, 2, o.x, 0, i % 2 ? 0 : 5000);
    assert_non_null(take_event(o.w, TR_EVENT_HANGS));
    assert_null(take_event(o.w, TR_EVENT_HANGS));
    assert_null(take_event(o.w, TR_EVENT_GOES_ON));
    world_end(o.w);
}

static void one_that_has_ended_hangs_no_more(void **state) {
    (void)state;
    ward_t o = ward_of();
    report(&o, 2, o.x, 0, UINT64_MAX);
    holds(search(&o, "many"), "\"hung\":\"x@north\"");
    leave(o.w, 2, "x");
    holds(search(&o, "many"), "\"hung\":null");
    world_end(o.w);
}

static void those_who_rest_are_counted(void **state) {
    (void)state;
    ward_t o = ward_of();
    report(&o, 2, o.many, 4, 0);
    holds(search(&o, "many"), "\"passive\":4");
    report(&o, 2, o.many, 400, 0); /* more than there are */
    holds(search(&o, "many"), "\"passive\":5");
    world_end(o.w);
}

static void it_is_of_its_own_agents(void **state) {
    (void)state;
    ward_t o = ward_of();
    expect_refused(o.w, 1, report(&o, 1, o.x, 0, 5000), TR_REASON_FORGED_SENDER);
    holds(search(&o, "x"), "\"hung\":null");
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_hangs_is_shown_and_told),
        cmocka_unit_test(it_is_told_once_a_second_at_most),
        cmocka_unit_test(one_that_has_ended_hangs_no_more),
        cmocka_unit_test(those_who_rest_are_counted),
        cmocka_unit_test(it_is_of_its_own_agents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
