/* What agents have spent on models, as their host tells the AMS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/host_fixture.h"
#include "lib/agent/spent.h"
#include "proto/json.h"

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self, (void)state, (void)message;
    return 0;
}

static const tr_behaviour_t behaviour = {.abi = TR_BEHAVIOUR_ABI, .name = "actor", .receive = receive};

typedef struct stage {
    tr_host_t *host;
    tr_agent_t *alice, *bob;
} stage_t;

static stage_t stage_of(void) {
    stage_t s = {.host = tr_fixture_host()};
    s.alice = tr_fixture_agent(s.host, "alice", &behaviour);
    s.bob = tr_fixture_agent(s.host, "bob", &behaviour);
    return s;
}

/* The models of what was told last, as JSON, without its run; "" where nothing was. */
static const char *told(const stage_t *s, char out[600], const char *from) {
    tr_content_t content;
    const char *said = tr_fixture_said(s->host);
    char expected[64];
    *out = '\0';
    if (!*said)
        return out;
    snprintf(expected, sizeof expected, "%s>ams inform", from);
    assert_non_null(strstr(said, expected));
    const tr_acl_t *acl = tr_fixture_last(s->host);
    assert_int_equal(tr_content_init(&content, acl->content, acl->content_len), 0);
    json_t *json = tr_value_to_json(&content.root), *spent = json_object_get(json, "spent");
    assert_true(json_integer_value(json_object_get(spent, "run")) > 0);
    char *text = json_dumps(json_object_get(spent, "models"), JSON_COMPACT);
    assert_true((size_t)snprintf(out, 600, "%s", text) < 600);
    free(text);
    json_decref(json);
    tr_content_finish(&content);
    return out;
}

static void spend(tr_agent_t *agent, const char *model, uint64_t tokens) {
    tr_measure_model(agent,
        &(tr_model_use_t){.model = model, .input_tokens = tokens, .output_tokens = 1, .nano = 2 * tokens});
}

static void all_so_far_is_told_after_a_while(void **state) {
    char text[600];
    (void)state;
    stage_t s = stage_of();
    spend(s.bob, "small", 10);
    spend(s.bob, "small", 5);
    assert_string_equal(told(&s, text, "bob"), "");
    tr_fixture_expire(s.host);
    assert_string_equal(told(&s, text, "bob"),
        "[{\"model\":\"small\",\"calls\":2,\"failed\":0,\"input\":15,\"output\":2,\"nano\":30}]");
    tr_fixture_expire(s.host);
    assert_string_equal(told(&s, text, "bob"), ""); /* nothing has changed */
    spend(s.bob, "small", 1);
    tr_fixture_expire(s.host);
    assert_string_equal(told(&s, text, "bob"),
        "[{\"model\":\"small\",\"calls\":3,\"failed\":0,\"input\":16,\"output\":3,\"nano\":32}]");
    tr_host_destroy(&s.host);
}

static void each_tells_its_own(void **state) {
    (void)state;
    stage_t s = stage_of();
    spend(s.bob, "small", 10);
    spend(s.alice, NULL, 5);
    tr_fixture_expire(s.host);
    const char *said = tr_fixture_said(s.host);
    assert_non_null(strstr(said, "alice>ams inform"));
    assert_non_null(strstr(said, "bob>ams inform"));
    tr_host_destroy(&s.host);
}

static void a_new_session_hears_it_again(void **state) {
    char text[600];
    (void)state;
    stage_t s = stage_of();
    spend(s.bob, "small", 10);
    tr_fixture_expire(s.host);
    tr_fixture_said(s.host);
    tr_spent_again(s.host); /* as the host does in each new session */
    tr_fixture_expire(s.host);
    assert_string_equal(told(&s, text, "bob"),
        "[{\"model\":\"small\",\"calls\":1,\"failed\":0,\"input\":10,\"output\":1,\"nano\":20}]");
    tr_host_destroy(&s.host);
}

static void without_a_link_it_waits(void **state) {
    char text[600];
    (void)state;
    stage_t s = stage_of();
    tr_fixture_down(s.host, true);
    spend(s.bob, "small", 10);
    tr_fixture_expire(s.host);
    tr_fixture_down(s.host, false);
    tr_fixture_said(s.host);
    tr_fixture_expire(s.host);
    assert_string_equal(told(&s, text, "bob"),
        "[{\"model\":\"small\",\"calls\":1,\"failed\":0,\"input\":10,\"output\":1,\"nano\":20}]");
    tr_host_destroy(&s.host);
}

static void who_ends_tells_before(void **state) {
    char text[600];
    (void)state;
    stage_t s = stage_of();
    spend(s.bob, "small", 10);
    assert_int_equal(tr_host_remove(s.host, "bob"), 0);
    assert_string_equal(told(&s, text, "bob"),
        "[{\"model\":\"small\",\"calls\":1,\"failed\":0,\"input\":10,\"output\":1,\"nano\":20}]");
    tr_fixture_expire(s.host); /* of who is gone nothing is told */
    assert_string_equal(told(&s, text, "bob"), "");
    tr_host_destroy(&s.host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_so_far_is_told_after_a_while),
        cmocka_unit_test(each_tells_its_own),
        cmocka_unit_test(a_new_session_hears_it_again),
        cmocka_unit_test(without_a_link_it_waits),
        cmocka_unit_test(who_ends_tells_before),
    };
    return cmocka_run_group_tests_name("spent", tests, NULL, NULL);
}
