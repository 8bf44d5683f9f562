/* The registry with a tool of the test's own, in a loop that is turned by hand. */
#include "lib/tool/tools.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tool/config.h"

#define SCHEMA "{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":\"integer\"}}}"

/* What it does with a call: n 0 answers at once, 1 keeps it, 2 says that it failed, 3 fails. */
typedef struct fake {
    tr_tool_t tool; /* first */
    json_t *schema;
    tr_tool_call_t *kept;
    unsigned started, cancelled;
    const char *text;
    size_t text_len;
    unsigned *destroyed;
} fake_t;

static void start(tr_tool_call_t *call) {
    fake_t *fake = (fake_t *)call->tool;
    json_int_t n = json_integer_value(json_object_get(call->arguments, "n"));
    fake->started++;
    if (n == 0)
        tr_tool_call_done(call, fake->text, fake->text_len);
    else if (n == 1)
        fake->kept = call;
    else if (n == 2)
        tr_tool_call_error(call, "no such page", 12);
    else
        tr_tool_call_fail(call, TR_TOOL_UNAVAILABLE, "the %s is\nnot there", "server");
}

static void cancel(tr_tool_call_t *call) {
    fake_t *fake = (fake_t *)call->tool;
    assert_ptr_equal(fake->kept, call);
    fake->kept = NULL;
    fake->cancelled++;
}

static void destroy(tr_tool_t *tool) {
    fake_t *fake = (fake_t *)tool;
    ++*fake->destroyed;
    json_decref(fake->schema);
    free(fake);
}

static const tr_tool_ops_t ops = {start, cancel, destroy};

typedef struct scene {
    tr_tools_t *tools;
    fake_t *fake;
    unsigned destroyed;
    unsigned told, busy, ready;
    bool refuses_ready;
    tr_tool_status_t status;
    char text[256], detail[512];
    size_t text_len, whole_len;
    bool cut;
    json_t *json;
} scene_t;

static fake_t *new_fake(const char *name, bool privileged, unsigned *destroyed) {
    fake_t *fake = calloc(1, sizeof *fake);
    fake->schema = json_loads(SCHEMA, 0, NULL);
    fake->tool = (tr_tool_t){.ops = &ops,
        .name = name,
        .description = "for tests",
        .parameters = fake->schema,
        .privileged = privileged};
    fake->text = "42";
    fake->text_len = 2;
    fake->destroyed = destroyed;
    return fake;
}

static int set_up(void **state) {
    char key[TR_TOOLS_KEY_MAX];
    scene_t *s = calloc(1, sizeof *s);
    assert_int_equal(tr_tools_open(&(tr_tools_options_t){0}, &s->tools, key, NULL), 0);
    s->fake = new_fake("fake", false, &s->destroyed);
    assert_int_equal(tr_tools_add(s->tools, &s->fake->tool), 0);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    scene_t *s = *state;
    tr_tools_close(&s->tools);
    tr_tools_close(&s->tools);
    json_decref(s->json);
    free(s);
    return 0;
}

static void on_done(void *arg, const tr_tool_result_t *result) {
    scene_t *s = arg;
    s->told++;
    s->busy += result->status == TR_TOOL_BUSY;
    s->status = result->status;
    s->text_len = result->text_len;
    s->whole_len = result->whole_len;
    s->cut = result->cut;
    assert_int_equal(strlen(result->text), result->text_len);
    snprintf(s->text, sizeof s->text, "%s", result->text);
    snprintf(s->detail, sizeof s->detail, "%s", result->detail);
    json_decref(s->json);
    s->json = tr_tool_result_json(result);
    assert_non_null(s->json);
}

static tr_tool_run_t *ask(scene_t *s, const char *tool, const char *arguments, int64_t timeout_ms) {
    tr_tool_run_t *run = NULL;
    json_t *object = json_loads(arguments, JSON_DECODE_ANY, NULL);
    assert_int_equal(
        tr_tools_start(s->tools,
            &(tr_tool_request_t){
                .tool = tool, .arguments = object, .timeout_ms = timeout_ms, .on_done = on_done, .arg = s},
            &run, NULL),
        0);
    json_decref(object);
    return run;
}

/* Turns until something is told. */
static void await(scene_t *s) {
    unsigned before = s->told;
    while (s->told == before) {
        struct pollfd fd = {tr_tools_fd(s->tools), POLLIN, 0};
        assert_int_equal(poll(&fd, 1, 10000), 1);
        tr_tools_work(s->tools);
    }
}

static bool is_readable(scene_t *s) {
    struct pollfd fd = {tr_tools_fd(s->tools), POLLIN, 0};
    return poll(&fd, 1, 0) == 1;
}

static void answers_are_told_from_the_loop(void **state) {
    scene_t *s = *state;
    ask(s, "fake", "{\"n\":0}", 0);
    assert_int_equal(s->told, 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_OK);
    assert_string_equal(s->text, "42");
    assert_string_equal(json_string_value(json_object_get(s->json, "data-of-tool")), "42");
    assert_false(s->cut);
    assert_false(is_readable(s));
}

static void an_answer_may_come_later(void **state) {
    scene_t *s = *state;
    ask(s, "fake", "{\"n\":1}", 0);
    tr_tools_work(s->tools);
    assert_int_equal(s->told, 0);
    tr_tool_call_done(s->fake->kept, "late", 4);
    assert_int_equal(s->told, 0);
    await(s);
    assert_string_equal(s->text, "late");
    assert_int_equal(s->fake->cancelled, 0);
}

static void what_a_tool_says_of_its_failure_is_data(void **state) {
    scene_t *s = *state;
    ask(s, "fake", "{\"n\":2}", 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_ERROR);
    assert_string_equal(s->text, "no such page");
    ask(s, "fake", "{\"n\":3}", 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_UNAVAILABLE);
    assert_string_equal(s->detail, "the server is not there");
    assert_string_equal(s->text, "");
    assert_null(json_object_get(s->json, "data-of-tool"));
}

static void wrong_calls_never_reach_the_tool(void **state) {
    scene_t *s = *state;
    ask(s, "fake", "{\"n\":\"x\"}", 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_INVALID);
    assert_non_null(strstr(s->detail, "$.n"));
    ask(s, "fake", "[1]", 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_INVALID);
    ask(s, "nothing", "{}", 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_UNKNOWN);
    assert_int_equal(s->fake->started, 0);
}

static void a_deadline_takes_the_call_from_the_tool(void **state) {
    scene_t *s = *state;
    ask(s, "fake", "{\"n\":1}", 20);
    await(s);
    assert_int_equal(s->status, TR_TOOL_UNCERTAIN);
    assert_int_equal(s->fake->cancelled, 1);
    s->fake->tool.repeatable = true;
    ask(s, "fake", "{\"n\":1}", 20);
    await(s);
    assert_int_equal(s->status, TR_TOOL_TIMED_OUT);
    assert_int_equal(s->fake->cancelled, 2);
}

static void a_cancelled_call_is_not_heard_of(void **state) {
    scene_t *s = *state;
    tr_tool_run_t *kept = ask(s, "fake", "{\"n\":1}", 0);
    tr_tools_cancel(s->tools, &kept);
    assert_null(kept);
    tr_tools_cancel(s->tools, &kept);
    assert_int_equal(s->fake->cancelled, 1);
    tr_tool_run_t *known = ask(s, "fake", "{\"n\":0}", 0); /* it has an answer already */
    tr_tools_cancel(s->tools, &known);
    ask(s, "fake", "{\"n\":0}", 0);
    await(s);
    assert_int_equal(s->told, 1);
    ask(s, "fake", "{\"n\":1}", 0); /* and one runs when all is closed */
}

static void text_is_cut_and_cleaned(void **state) {
    scene_t *s = *state;
    char *long_text = malloc(TR_TOOL_RESULT_BYTES + 10);
    memset(long_text, 'x', TR_TOOL_RESULT_BYTES + 10);
    memcpy(long_text + TR_TOOL_RESULT_BYTES - 1, "\xc3\xa9", 2); /* does not fit as a whole */
    s->fake->text = long_text;
    s->fake->text_len = TR_TOOL_RESULT_BYTES + 10;
    ask(s, "fake", "{\"n\":0}", 0);
    await(s);
    assert_true(s->cut);
    assert_int_equal(s->text_len, TR_TOOL_RESULT_BYTES - 1);
    assert_int_equal(s->whole_len, TR_TOOL_RESULT_BYTES + 10);
    assert_int_equal(json_integer_value(json_object_get(s->json, "cut")), TR_TOOL_RESULT_BYTES + 10);
    free(long_text);
    s->fake->text = "a\0b\x1b[31m\xff\tc";
    s->fake->text_len = 11;
    ask(s, "fake", "{\"n\":0}", 0);
    await(s);
    assert_string_equal(s->text, "a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd[31m\xef\xbf\xbd\tc");
}

static void too_many_calls_are_refused(void **state) {
    scene_t *s = *state;
    for (int i = 0; i < TR_TOOLS_CALLS_MAX; i++)
        ask(s, "fake", "{\"n\":0}", 0);
    ask(s, "fake", "{\"n\":0}", 0);
    while (s->told < TR_TOOLS_CALLS_MAX + 1)
        await(s);
    assert_int_equal(s->busy, 1);
    assert_int_equal(s->fake->started, TR_TOOLS_CALLS_MAX);
}

static void privileged_tools_are_denied_where_nobody_can_approve(void **state) {
    scene_t *s = *state;
    fake_t *strong = new_fake("strong", true, &s->destroyed);
    assert_int_equal(tr_tools_add(s->tools, &strong->tool), 0);
    ask(s, "strong", "{\"n\":0}", 0);
    await(s);
    assert_int_equal(s->status, TR_TOOL_DENIED);
    assert_int_equal(strong->started, 0);
    json_t *list = tr_tools_list(s->tools);
    assert_int_equal(json_array_size(list), 2);
    assert_null(json_object_get(json_array_get(list, 0), "privileged"));
    assert_true(json_is_true(json_object_get(json_array_get(list, 1), "privileged")));
    json_decref(list);
}

static int on_ready(void *arg) {
    scene_t *s = arg;
    s->ready++;
    return s->refuses_ready ? -ENOSPC : 0;
}

static tr_tool_run_t *ask_noted(scene_t *s, const char *tool, bool begun) {
    tr_tool_run_t *run = NULL;
    json_t *arguments = json_loads("{\"n\":0}", 0, NULL);
    const tr_tool_request_t request = {.tool = tool,
        .arguments = arguments,
        .begun = begun,
        .on_ready = on_ready,
        .on_done = on_done,
        .arg = s};
    assert_int_equal(tr_tools_start(s->tools, &request, &run, NULL), 0);
    json_decref(arguments);
    return run;
}

static void what_is_not_repeatable_waits_until_it_is_noted(void **state) {
    scene_t *s = *state;
    tr_tool_run_t *run = ask_noted(s, "fake", false);
    assert_int_equal(s->ready, 1);
    assert_false(is_readable(s));
    assert_int_equal(s->fake->started, 0);
    tr_tools_proceed(s->tools, run);
    tr_tools_proceed(s->tools, run);
    await(s);
    assert_int_equal(s->status, TR_TOOL_OK);
    assert_int_equal(s->fake->started, 1);
    s->refuses_ready = true;
    ask_noted(s, "fake", false);
    await(s);
    assert_int_equal(s->status, TR_TOOL_FAILED);
    run = ask_noted(s, "nothing", false);
    tr_tools_proceed(s->tools, run); /* it has failed already */
    await(s);
    assert_int_equal(s->status, TR_TOOL_UNKNOWN);
    assert_int_equal(s->fake->started, 1);
    assert_int_equal(s->ready, 2);
}

static void what_may_have_been_begun_is_called_again_only_if_repeatable(void **state) {
    scene_t *s = *state;
    ask_noted(s, "fake", true);
    await(s);
    assert_int_equal(s->status, TR_TOOL_UNCERTAIN);
    assert_string_equal(json_string_value(json_object_get(s->json, "status")), "unknown-outcome");
    assert_int_equal(s->fake->started, 0);
    s->fake->tool.repeatable = true;
    ask_noted(s, "fake", true);
    await(s);
    assert_int_equal(s->status, TR_TOOL_OK);
    assert_int_equal(s->fake->started, 1);
    assert_int_equal(s->ready, 0);
    json_t *list = tr_tools_list(s->tools);
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "repeatable")));
    json_decref(list);
}

static void take_config(tr_tool_t *tool, const char *word, const char *remote) {
    const char *words[] = {word};
    const tr_tool_config_t config = {.repeatable = {.items = words, .count = word ? 1 : 0}};
    tr_tool_take_config(tool, &config, remote);
    tool->config = NULL;
}

static void the_configuration_says_what_is_repeatable(void **state) {
    tr_tool_t tool = {.name = "files_read", .repeatable = true};
    (void)state;
    take_config(&tool, NULL, NULL);
    assert_true(tool.repeatable); /* as the tool has it */
    take_config(&tool, "false", NULL);
    assert_false(tool.repeatable);
    take_config(&tool, "write", "read");
    assert_false(tool.repeatable);
    take_config(&tool, "read", "read");
    assert_true(tool.repeatable);
    take_config(&tool, "files_read", NULL);
    assert_true(tool.repeatable);
    take_config(&tool, "true", NULL);
    assert_true(tool.repeatable);
}

static void what_is_no_tool_is_not_added(void **state) {
    scene_t *s = *state;
    assert_int_equal(tr_tools_add(s->tools, &new_fake("fake", false, &s->destroyed)->tool), -EEXIST);
    assert_int_equal(tr_tools_add(s->tools, &new_fake("a b", false, &s->destroyed)->tool), -EINVAL);
    assert_int_equal(tr_tools_add(s->tools, &new_fake("", false, &s->destroyed)->tool), -EINVAL);
    assert_int_equal(s->destroyed, 3);
}

static void a_tool_that_cannot_be_told_leaves_the_others(void **state) {
    scene_t *s = *state;
    fake_t *cut = new_fake("cut", false, &s->destroyed);
    cut->tool.description = "half a character: \xc3";
    assert_int_equal(tr_tools_add(s->tools, &cut->tool), 0);
    json_t *list = tr_tools_list(s->tools);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")), "fake");
    json_decref(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(answers_are_told_from_the_loop),
        TEST(an_answer_may_come_later),
        TEST(what_a_tool_says_of_its_failure_is_data),
        TEST(wrong_calls_never_reach_the_tool),
        TEST(a_deadline_takes_the_call_from_the_tool),
        TEST(a_cancelled_call_is_not_heard_of),
        TEST(text_is_cut_and_cleaned),
        TEST(too_many_calls_are_refused),
        TEST(privileged_tools_are_denied_where_nobody_can_approve),
        TEST(what_is_not_repeatable_waits_until_it_is_noted),
        TEST(what_may_have_been_begun_is_called_again_only_if_repeatable),
        TEST(the_configuration_says_what_is_repeatable),
        TEST(what_is_no_tool_is_not_added),
        TEST(a_tool_that_cannot_be_told_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
