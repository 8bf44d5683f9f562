#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/verbs/trace_rows.h"

/* The tree as a table says it. */
static char *shown(const char *json) {
    json_t *spans = json_loads(json, 0, NULL);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    tr_output_t *output = NULL;
    assert_non_null(spans);
    assert_int_equal(tr_output_new(&(tr_output_config_t){.out = out,
                                       .format = TR_OUTPUT_TABLE,
                                       .columns = tr_trace_columns,
                                       .column_count = TR_TRACE_COLUMNS,
                                       .bare = true},
                         &output),
        0);
    assert_int_equal(tr_trace_put_tree(spans, output), 0);
    assert_int_equal(tr_output_finish(output), 0);
    tr_output_destroy(&output);
    fclose(out);
    json_decref(spans);
    return text;
}

static void follows(const char *text, const char *first, const char *then) {
    const char *at = strstr(text, first);
    if (!at || !strstr(at, then))
        fail_msg("in\n%s\n%s does not come before %s", text, first, then);
}

static void children_stand_behind_their_parents(void **state) {
    (void)state;
    char *text = shown("[{\"span\": \"c\", \"parent\": \"a\", \"name\": \"later\", \"agent\": \"x\", "
                       "\"start_us\": 3000, \"took_us\": 5},"
                       " {\"span\": \"b\", \"parent\": \"a\", \"name\": \"child\", \"agent\": \"x\", "
                       "\"start_us\": 2000, \"took_us\": 2500000},"
                       " {\"span\": \"d\", \"parent\": \"b\", \"name\": \"grandchild\", \"start_us\": 4000, "
                       "\"error\": \"no room\"},"
                       " {\"span\": \"a\", \"name\": \"root\", \"start_us\": 1000, \"took_us\": 1}]");
    follows(text, "root", "└ child");
    follows(text, "└ child", "  └ grandchild");
    follows(text, "grandchild", "failed: no room");
    follows(text, "grandchild", "└ later");
    follows(text, "1.0ms", "2.50s");
    free(text);
}

static void what_has_no_parent_here_is_shown_all_the_same(void **state) {
    (void)state;
    char *text = shown("[{\"span\": \"b\", \"parent\": \"lost\", \"name\": \"orphan\", \"start_us\": 1},"
                       " {\"span\": \"x\", \"parent\": \"y\", \"name\": \"round\", \"start_us\": 2},"
                       " {\"span\": \"y\", \"parent\": \"x\", \"name\": \"about\", \"start_us\": 3}, {}]");
    follows(text, "orphan", "round");
    follows(text, "round", "about");
    free(text);
    free(shown("[]"));
}

static void details_say_where_it_went(void **state) {
    (void)state;
    char *text =
        shown("[{\"span\": \"a\", \"name\": \"send\", \"kind\": \"producer\","
              "  \"attributes\": {\"messaging.destination.name\": \"bob\"}},"
              " {\"span\": \"c\", \"name\": \"route\", \"agent\": \"broker@p\", \"kind\": \"internal\","
              "  \"attributes\": {\"messaging.destination.name\": \"bob\", \"troupe.queue.ahead\": 3}},"
              " {\"span\": \"d\", \"name\": \"deliver\", \"agent\": \"broker@p\", \"kind\": \"internal\","
              "  \"attributes\": {\"messaging.destination.name\": \"bob\", \"troupe.queue.tries\": 1}},"
              " {\"span\": \"b\", \"name\": \"chat\", \"kind\": \"client\","
              "  \"attributes\": {\"gen_ai.request.model\": \"small\", \"tokens\": 7}}]");
    follows(text, "send", "to bob");
    follows(text, "route", "to bob, behind 3");
    follows(text, "deliver", "to bob, after 1 try");
    follows(text, "chat", "gen_ai.request.model=small tokens=7");
    free(text);
}

static void the_whole_is_summed_up(void **state) {
    (void)state;
    char out[120];
    json_t *spans =
        json_loads("[{\"agent\": \"a\", \"start_us\": 1000, \"took_us\": 1},"
                   " {\"agent\": \"broker@p\", \"name\": \"route\", \"start_us\": 1500, \"took_us\": 1},"
                   " {\"agent\": \"b\", \"start_us\": 3000, \"took_us\": 2000, \"error\": \"x\"}]",
            0, NULL);
    assert_string_equal(tr_trace_sum_up(spans, out, sizeof out), "4.0ms, 3 spans of 2 agents, 1 failed");
    json_decref(spans);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_stand_behind_their_parents),
        cmocka_unit_test(what_has_no_parent_here_is_shown_all_the_same),
        cmocka_unit_test(details_say_where_it_went),
        cmocka_unit_test(the_whole_is_summed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
