/* What an agent tells the DF of itself: its services, and what tr_describe adds to them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/protocol/actor_fixture.h"
#include "proto/json.h"

static int describe(stage_t *s, const char *text) {
    tr_content_writer_t w;
    const void *bytes;
    size_t len;
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    tr_content_writer_init(&w);
    assert_int_equal(tr_json_write(json, &w), 0);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    int r = tr_describe(s->alice, bytes, len);
    tr_content_writer_finish(&w);
    json_decref(json);
    return r;
}

/* What was last sent, to the DF. */
static void expect_told(stage_t *s, const char *json) {
    const tr_acl_t *acl = tr_fixture_last(s->host);
    char *text = NULL;
    assert_string_equal(acl->receivers.items[0], "df");
    assert_int_equal(tr_content_to_json(acl->content, acl->content_len, JSON_COMPACT, &text), 0);
    assert_string_equal(text, json);
    free(text);
}

static void a_description_stands_beside_the_services(void **state) {
    stage_t *s = *state;
    assert_int_equal(describe(s, "{\"labels\":{\"env\":\"prod\"}}"), 0);
    expect_told(
        s, "{\"action\":\"register\",\"behaviour\":\"actor\",\"services\":[],\"labels\":{\"env\":\"prod\"}}");
    assert_int_equal(tr_provide(s->alice, "sum", 4), 0);
    expect_told(s,
        "{\"action\":\"modify\",\"behaviour\":\"actor\",\"services\":[{\"name\":\"sum\",\"capacity\":4}],"
        "\"labels\":{\"env\":\"prod\"}}");
    assert_int_equal(
        describe(s, "{\"services\":[{\"name\":\"other\",\"cost\":1},{\"name\":\"sum\",\"capacity\":9,"
                    "\"properties\":{\"cost\":2}}],\"languages\":[\"en\"]}"),
        0);
    expect_told(s,
        "{\"action\":\"modify\",\"behaviour\":\"actor\",\"services\":[{\"name\":\"sum\",\"capacity\":4,"
        "\"properties\":{\"cost\":2}}],\"languages\":[\"en\"]}"); /* the last one counts */
    tr_fixture_run(s->host);
}

static void what_is_none_is_not_taken(void **state) {
    stage_t *s = *state;
    static const char *const wrong[] = {"7", "[]", "{\"action\":\"register\"}", "{\"name\":\"x\"}",
        "{\"behaviour\":\"x\"}", "{\"lease-ms\":5}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(describe(s, wrong[i]), -EINVAL);
    assert_int_equal(tr_describe(s->alice, "\xc1", 1), -EINVAL);
    char *large = calloc(1, 40000);
    assert_int_equal(tr_describe(s->alice, large, 40000), -E2BIG);
    free(large);
    assert_string_equal(tr_fixture_said(s->host), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_description_stands_beside_the_services, tr_stage_set_up, tr_stage_tear_down),
        cmocka_unit_test_setup_teardown(what_is_none_is_not_taken, tr_stage_set_up, tr_stage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
