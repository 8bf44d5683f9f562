/* What agents have spent on models: told with spans, summed up by the AMS. */
#include "broker/core/core_fixture.h"

#include "broker/core/platform/spending.h"
#include "proto/json.h"

typedef struct office {
    world_t *w;
    tr_route_t a, b;
} office_t;

static office_t office_of(void) {
    office_t o = {.w = world_new(NULL)};
    hello(o.w, 1);
    o.a = join(o.w, 1, "a");
    o.b = join(o.w, 1, "b");
    forget(o.w);
    return o;
}

/* In the name of that agent. */
static void tell(const office_t *o, const char *from, const char *spent) {
    char json[600];
    tr_content_writer_t content;
    const void *bytes;
    size_t len;
    tr_error_t error;
    forget(o->w);
    snprintf(json, sizeof json, "{\"action\": \"spans\", \"spans\": [], \"spent\": %s}", spent);
    tr_content_writer_init(&content);
    assert_int_equal(tr_json_to_content(json, strlen(json), &content, &error), 0);
    assert_int_equal(tr_content_writer_take(&content, &bytes, &len), 0);
    post(o->w, 1,
        &(letter_t){.src = *from == 'a' ? o->a : o->b,
            .from = from,
            .to = "ams",
            .act = TR_INFORM,
            .text = bytes,
            .size = len});
    tr_content_writer_finish(&content);
    expect_none(o->w, 1, TR_KIND_MESSAGE);
}

static void answers(const office_t *o, const char *json, const char *part) {
    const char *answer = ask(o->w, 1, o->a, "a", "ams", json);
    if (!answer || !strstr(answer, part))
        fail_msg("%s does not hold %s", answer ? answer : "nothing", part);
}

#define SPENT(run, model, calls, input, nano)                                                                \
    "{\"run\": " #run ", \"models\": [{\"model\": \"" model "\", \"calls\": " #calls ", \"failed\": 1, "     \
    "\"input\": " #input ", \"output\": 1, \"nano\": " #nano "}]}"

static void what_is_told_again_counts_once(void **state) {
    (void)state;
    office_t o = office_of();
    answers(&o, "{\"action\": \"spending\"}", "\"total\":0");
    tell(&o, "a", SPENT(7, "small", 1, 100, 5));
    tell(&o, "a", SPENT(7, "small", 1, 100, 5));
    tell(&o, "a", SPENT(7, "small", 3, 250, 9));
    answers(&o, "{\"action\": \"spending\"}",
        "\"complete\":true,\"total\":1,\"sum\":{\"calls\":3,\"failed\":1,\"input\":250,\"output\":1,"
        "\"nano\":9}");
    world_end(o.w);
}

static void runs_of_one_name_add_up(void **state) {
    (void)state;
    office_t o = office_of();
    tell(&o, "a", SPENT(7, "small", 3, 250, 9));
    tell(&o, "a", SPENT(8, "small", 1, 10, 1)); /* another process */
    tell(&o, "a", SPENT(8, "small", 2, 20, 2));
    answers(
        &o, "{\"action\": \"spending\"}", "\"calls\":5,\"failed\":2,\"input\":270,\"output\":2,\"nano\":11}");
    tell(&o, "a", SPENT(8, "small", 1, 5, 1)); /* the agent alone began anew */
    answers(
        &o, "{\"action\": \"spending\"}", "\"calls\":6,\"failed\":3,\"input\":275,\"output\":3,\"nano\":12}");
    world_end(o.w);
}

static void each_agent_and_model_has_its_own(void **state) {
    (void)state;
    office_t o = office_of();
    tell(&o, "a", SPENT(7, "small", 1, 100, 5));
    tell(&o, "a", SPENT(7, "large", 1, 40, 50));
    tell(&o, "b", SPENT(7, "small", 2, 7, 1));
    answers(&o, "{\"action\": \"spending\"}", "\"total\":3,\"sum\":{\"calls\":4,\"failed\":3,\"input\":147");
    answers(&o, "{\"action\": \"spending\", \"name\": \"b\"}",
        "\"total\":1,\"sum\":{\"calls\":2,\"failed\":1,\"input\":7,\"output\":1,\"nano\":1},"
        "\"spent\":[{\"agent\":\"b@north\",\"model\":\"small\"");
    answers(&o, "{\"action\": \"spending\", \"offset\": 1, \"max-results\": 1}",
        "\"spent\":[{\"agent\":\"a@north\",\"model\":\"large\",\"calls\":1,\"failed\":1,\"input\":40,"
        "\"output\":1,\"nano\":50}]}");
    answers(&o, "{\"action\": \"spending\", \"offset\": 3}", "\"spent\":[]");
    answers(&o, "{\"action\": \"spending\", \"wrong\": 1}", "unexpected-argument");
    world_end(o.w);
}

static void what_makes_no_sense_is_left_out(void **state) {
    (void)state;
    office_t o = office_of();
    tell(&o, "a", "7");
    tell(&o, "a", "{\"run\": 1, \"models\": 3}");
    tell(&o, "a", "{\"run\": 1, \"models\": [7, {\"calls\": 1}, {\"model\": \"a\\nb\", \"calls\": 1}]}");
    answers(&o, "{\"action\": \"spending\"}", "\"total\":0");
    tell(&o, "a", "{\"run\": 1, \"models\": [{\"model\": \"m\", \"calls\": -5, \"input\": \"many\"}]}");
    answers(&o, "{\"action\": \"spending\"}", "\"total\":1,\"sum\":{\"calls\":0,\"failed\":0,\"input\":0");
    world_end(o.w);
}

/* One that names its models anew each time takes no room of others, and of those there is no end either. */
static void rows_are_bounded(void **state) {
    char spent[200], from[16];
    (void)state;
    office_t o = office_of();
    for (unsigned i = 0; i <= TR_SPENDING_EACH_MAX; i++) {
        snprintf(spent, sizeof spent, "{\"run\": 1, \"models\": [{\"model\": \"m%u\", \"calls\": 1}]}", i);
        tell(&o, "a", spent);
    }
    tell(&o, "b", SPENT(7, "small", 1, 100, 5));
    answers(&o, "{\"action\": \"spending\", \"max-results\": 0}",
        "\"complete\":false,\"total\":65,\"sum\":{\"calls\":65");
    o.b = join_range(o.w, 1, "crew", TR_SPENDING_ROWS_MAX / TR_SPENDING_EACH_MAX);
    for (unsigned i = 0; i < TR_SPENDING_ROWS_MAX; i++, o.b += i % TR_SPENDING_EACH_MAX ? 0 : 1) {
        snprintf(from, sizeof from, "crew-%u", i / TR_SPENDING_EACH_MAX);
        snprintf(spent, sizeof spent, "{\"run\": 1, \"models\": [{\"model\": \"m%u\", \"calls\": 1}]}",
            i % TR_SPENDING_EACH_MAX);
        tell(&o, from, spent);
    }
    answers(&o, "{\"action\": \"spending\", \"max-results\": 0}",
        "\"complete\":false,\"total\":16384,\"sum\":{\"calls\":16384");
    world_end(o.w);
}

static void no_sum_begins_anew(void **state) {
    (void)state;
    office_t o = office_of();
    for (int i = 0; i < 2; i++) {
        tell(&o, "a", SPENT(7, "small", 9223372036854775807, 1, 1));
        tell(&o, "a", SPENT(8, "small", 9223372036854775807, 1, 1));
        tell(&o, "b", SPENT(7, "small", 9223372036854775807, 1, 1));
    }
    answers(&o, "{\"action\": \"spending\"}", "\"sum\":{\"calls\":9223372036854775807,");
    answers(&o, "{\"action\": \"spending\", \"name\": \"a\"}", "\"sum\":{\"calls\":9223372036854775807,");
    world_end(o.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_again_counts_once),
        cmocka_unit_test(runs_of_one_name_add_up),
        cmocka_unit_test(each_agent_and_model_has_its_own),
        cmocka_unit_test(what_makes_no_sense_is_left_out),
        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(no_sum_begins_anew),
    };
    return cmocka_run_group_tests_name("spending", tests, NULL, NULL);
}
