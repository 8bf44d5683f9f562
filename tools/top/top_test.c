/* The numbers and the screen of `troupe top`. */
#include "tools/top/top_layout.h"
#include "tools/top/top_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/json.h"

/* Takes an answer in, given as JSON. */
static void take(tr_top_sample_t *sample, int (*reader)(tr_top_sample_t *, tr_value_t), const char *json) {
    tr_content_writer_t w;
    tr_content_t content;
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    assert_int_equal(tr_json_to_content(json, strlen(json), &w, NULL), 0);
    assert_int_equal(tr_content_writer_take(&w, &bytes, &len), 0);
    assert_int_equal(tr_content_init(&content, bytes, len), 0);
    assert_int_equal(reader(sample, &content.root), 0);
    tr_content_finish(&content);
    tr_content_writer_finish(&w);
}

static void fill(tr_top_sample_t *s, int64_t at_ms, int received) {
    char agents[512];
    *s = (tr_top_sample_t){.at_ms = at_ms, .wall_ms = 1000};
    take(s, tr_top_read_description,
        "{\"name\": \"local\", \"version\": \"0.1.0\", \"agents\": 12, \"sessions\": 2}");
    take(s, tr_top_read_stats,
        "{\"records_in\": 4000, \"records_out\": 100, \"queued\": 7, \"queued_bytes\": 2048, \"dropped\": "
        "{\"busy\": 2, "
        "\"expired\": 3}, \"refused\": {}}");
    snprintf(agents, sizeof agents,
        "{\"total\": 2, \"agents\": [{\"name\": \"b@local\", \"count\": 1, \"state\": \"active\", "
        "\"received\": %d, "
        "\"sent\": 5, \"queued\": 1}, {\"name\": \"a@local\", \"count\": 11, \"state\": \"active\", "
        "\"queued\": 9}]}",
        received);
    take(s, tr_top_read_agents, agents);
    take(s, tr_top_read_services,
        "{\"services\": [{\"service\": \"digest\", \"providers\": 4, \"capacity\": 16, \"queued\": 3, "
        "\"leased\": 8, "
        "\"requests\": 100}]}");
    take(s, tr_top_read_topics,
        "{\"topics\": [{\"topic\": \"news\", \"messages\": 50, \"bytes\": 5000, \"per_s\": 2.5, "
        "\"subscribers\": 1}]}");
}

static void answers_are_read(void **state) {
    (void)state;
    tr_top_sample_t s;
    fill(&s, 1000, 10);
    assert_string_equal(s.platform, "local");
    assert_int_equal(s.broker.dropped, 5);
    assert_int_equal(s.agent_count, 2);
    assert_string_equal(s.agents[0].name, "b@local");
    assert_int_equal(s.agents[1].count, 11);
    assert_int_equal(s.services[0].leased, 8);
    assert_true(s.topics[0].per_s == 2.5);
    tr_top_sample_finish(&s);
}

static void what_an_answer_lacks_is_nothing(void **state) {
    (void)state;
    tr_top_sample_t s = {0};
    take(&s, tr_top_read_description, "[]");
    take(&s, tr_top_read_stats, "{\"dropped\": 7}");
    take(&s, tr_top_read_agents, "{\"agents\": [{}, 3]}");
    take(&s, tr_top_read_topics, "{\"topics\": \"none\"}");
    assert_int_equal(s.agent_count, 2);
    assert_string_equal(s.agents[0].name, "");
    assert_int_equal(s.broker.dropped, 0);
    assert_int_equal(s.topic_count, 0);
    tr_top_sample_finish(&s);
}

static void rates_are_between_two_samples(void **state) {
    (void)state;
    tr_top_sample_t before, now;
    fill(&before, 1000, 10);
    fill(&now, 3000, 110);
    now.broker.records_in = 5000;
    now.broker.records_out = 50; /* the broker was started again */
    now.services[0].requests = 104;
    tr_top_rates(&now, &before);
    assert_string_equal(now.agents[0].name, "a@local");
    assert_true(now.agents[1].in_per_s == 50.0);
    assert_true(now.agents[1].out_per_s == 0.0);
    assert_true(now.broker.in_per_s == 500.0);
    assert_true(now.broker.out_per_s == 0.0);
    assert_true(now.services[0].per_s == 2.0);
    assert_true(now.topics[0].per_s == 0.0);
    tr_top_sample_finish(&before);
    tr_top_sample_finish(&now);
}

static void the_first_sample_has_no_rates(void **state) {
    (void)state;
    tr_top_sample_t before = {0}, now;
    fill(&now, 3000, 110);
    tr_top_rates(&now, &before);
    assert_true(now.agents[1].in_per_s == 0.0);
    assert_true(now.topics[0].per_s == 2.5); /* what the broker said */
    tr_top_sample_finish(&now);
}

static void order_is_what_was_asked_for(void **state) {
    (void)state;
    tr_top_sample_t before, now;
    fill(&before, 1000, 10);
    fill(&now, 3000, 110);
    tr_top_rates(&now, &before);
    tr_top_order(&now, TR_TOP_BY_RATE);
    assert_string_equal(now.agents[0].name, "b@local");
    tr_top_order(&now, TR_TOP_BY_QUEUE);
    assert_string_equal(now.agents[0].name, "a@local");
    tr_top_order(&now, TR_TOP_BY_NAME);
    assert_string_equal(now.agents[0].name, "a@local");
    tr_top_sample_finish(&before);
    tr_top_sample_finish(&now);
}

static void percentiles_are_of_the_last_minute(void **state) {
    (void)state;
    tr_top_latency_t l = {0};
    size_t n;
    assert_int_equal(tr_top_latency_percentile(&l, 0, 50, &n), -1);
    assert_int_equal(n, 0);
    tr_top_latency_add(&l, 1000, 1000000); /* too old */
    for (int i = 1; i <= 100; i++)
        tr_top_latency_add(&l, 100000 + i, i);
    assert_int_equal(tr_top_latency_percentile(&l, 100100, 50, &n), 50);
    assert_int_equal(tr_top_latency_percentile(&l, 100100, 99, NULL), 99);
    assert_int_equal(tr_top_latency_percentile(&l, 100100, 100, NULL), 100);
    assert_int_equal(n, 100);
    for (int i = 0; i < 3 * TR_TOP_TRIPS_MAX; i++)
        tr_top_latency_add(&l, 100200, 7);
    assert_int_equal(tr_top_latency_percentile(&l, 100200, 99, &n), 7);
    assert_int_equal(n, TR_TOP_TRIPS_MAX);
}

static void numbers_for_people(void **state) {
    (void)state;
    const struct {
        double value;
        const char *text;
    } rates[] = {{0, "0"}, {0.5, "0.5"}, {9.94, "9.9"}, {10, "10"}, {999, "999"}, {1000, "1.0k"},
        {12345, "12.3k"}, {123456, "123k"}, {999600, "1.0M"}, {5e6, "5.0M"}, {2.5e15, "2500T"}};
    char out[16];
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        tr_top_print_rate(rates[i].value, out, sizeof out);
        assert_string_equal(out, rates[i].text);
    }
    const struct {
        int64_t us;
        const char *text;
    } trips[] = {
        {-1, "-"}, {0, "0us"}, {120, "120us"}, {1250, "1.25ms"}, {31000, "31.0ms"}, {3100000, "3.1s"}};
    for (size_t i = 0; i < sizeof trips / sizeof *trips; i++) {
        tr_top_print_trip(trips[i].us, out, sizeof out);
        assert_string_equal(out, trips[i].text);
    }
}

static void lay_out(tr_top_view_t *view, tr_top_screen_t *screen, tr_top_sample_t *sample) {
    static const tr_top_latency_t none;
    view->sample = sample;
    view->latency = &none;
    view->endpoint = "tcp://127.0.0.1:5570";
    view->clock = "12:00:05";
    assert_int_equal(tr_top_layout(view, screen), 0);
    for (size_t i = 0; i < screen->count; i++)
        assert_true(strlen(screen->lines[i].text) <= view->width);
    if (view->height)
        assert_true(screen->count <= view->height);
}

static const tr_top_line_t *find(const tr_top_screen_t *screen, const char *beginning) {
    for (size_t i = 0; i < screen->count; i++)
        if (strncmp(screen->lines[i].text, beginning, strlen(beginning)) == 0)
            return &screen->lines[i];
    return NULL;
}

static void the_screen_has_all_of_it(void **state) {
    (void)state;
    tr_top_sample_t s;
    tr_top_screen_t screen = {0};
    fill(&s, 1000, 10);
    lay_out(&(tr_top_view_t){.width = 80, .height = 24, .keys = true}, &screen, &s);
    assert_int_equal(screen.count, 24);
    assert_string_equal(
        screen.lines[0].text, "troupe top  local  tcp://127.0.0.1:5570  broker 0.1.0  12:00:05");
    assert_string_equal(
        screen.lines[1].text, "agents 12  processes 2  services 1  topics 1  round trip p50 - p99 -");
    assert_string_equal(
        screen.lines[2].text, "in 0/s (0/s)  out 0/s (0/s)  stream 0/s  queued 7 (2.0K)  leased 0");
    assert_int_equal(screen.lines[3].style, TR_TOP_WARNING); /* something was dropped */
    assert_string_equal(find(&screen, "digest")->text,
        "digest                                 4        16         3         8         0");
    assert_string_equal(find(&screen, "b ")->text,
        "b                       active       1         1         0         0         0");
    assert_string_equal(find(&screen, "news")->text,
        "news                                           2.5        50      4.9K         1");
    assert_string_equal(screen.lines[23].text, "q quit   s sort (by rate)   p pause");
    lay_out(&(tr_top_view_t){.width = 80, .height = 24, .keys = true, .paused = true}, &screen, &s);
    assert_non_null(strstr(screen.lines[0].text, "PAUSED"));
    assert_non_null(strstr(screen.lines[23].text, "p go on"));
    lay_out(&(tr_top_view_t){.width = 120, .height = 24, .lost = true}, &screen, &s);
    assert_non_null(strstr(screen.lines[0].text, "DOES NOT ANSWER"));
    tr_top_screen_finish(&screen);
    tr_top_sample_finish(&s);
}

static void durable_mailboxes_have_columns_of_their_own(void **state) {
    (void)state;
    tr_top_sample_t s = {.at_ms = 2000}, before = {.at_ms = 1000};
    tr_top_screen_t screen = {0};
    take(&before, tr_top_read_stats, "{\"stored\": 100}");
    take(&s, tr_top_read_stats, "{\"stored\": 350, \"letters\": 2, \"unsynced_bytes\": 4096}");
    take(&s, tr_top_read_agents,
        "{\"total\": 1, \"agents\": [{\"name\": \"b@local\", \"count\": 1, \"state\": \"active\", "
        "\"queued\": 90, "
        "\"leased\": 5, \"on_disk\": 70}]}");
    tr_top_rates(&s, &before);
    lay_out(&(tr_top_view_t){.width = 100, .height = 24, .keys = true}, &screen, &s);
    assert_int_equal(screen.count, 24);
    assert_string_equal(
        screen.lines[4].text, "durable: stored 250/s  on its way to the disk 4.0K  dead letters kept 2");
    assert_int_equal(screen.lines[4].style, TR_TOP_WARNING);
    assert_non_null(strstr(find(&screen, "AGENT")->text, "   QUEUED   ON DISK    LEASED   IN HAND"));
    assert_non_null(strstr(find(&screen, "b ")->text, "       90        70         5         0"));
    tr_top_screen_finish(&screen);
    tr_top_sample_finish(&s);
    tr_top_sample_finish(&before);
}

static void any_size_holds(void **state) {
    (void)state;
    tr_top_sample_t s;
    tr_top_screen_t screen = {0};
    fill(&s, 1000, 10);
    for (size_t width = 0; width <= 2 * TR_TOP_WIDTH_MAX; width += 13)
        for (size_t height = 1; height < 60; height += 7)
            lay_out(&(tr_top_view_t){.width = width < TR_TOP_WIDTH_MAX ? width : TR_TOP_WIDTH_MAX,
                        .height = height,
                        .keys = true},
                &screen, &s);
    tr_top_screen_finish(&screen);
    tr_top_sample_finish(&s);
}

/* `n` agents with long names, of which `n` more are not here. */
static void crowd(tr_top_sample_t *s, size_t n) {
    free(s->agents);
    s->agents = calloc(n, sizeof *s->agents);
    assert_non_null(s->agents);
    for (size_t i = 0; i < n; i++) {
        snprintf(s->agents[i].name, sizeof s->agents[i].name, "%0100zu\033[2J@local", i);
        strcpy(s->agents[i].state, "active");
    }
    s->agent_count = n;
    s->agent_entries = 2 * n;
}

static void what_does_not_fit_is_counted(void **state) {
    (void)state;
    tr_top_sample_t s;
    tr_top_screen_t screen = {0};
    fill(&s, 1000, 10);
    crowd(&s, 100);
    lay_out(&(tr_top_view_t){.width = 80, .height = 24, .keys = true}, &screen, &s);
    size_t rows = 0;
    for (size_t i = 0; i < screen.count; i++)
        rows += strncmp(screen.lines[i].text, "0000", 4) == 0;
    assert_true(rows > 3);
    char text[40];
    snprintf(text, sizeof text, "  ... %zu more", 200 - rows);
    assert_non_null(find(&screen, text));
    assert_non_null(find(&screen, "news")); /* the others keep their place */
    assert_non_null(find(&screen, "q quit"));
    lay_out(&(tr_top_view_t){.width = 400, .rows = 20}, &screen, &s);
    assert_non_null(find(&screen, "  ... 180 more"));
    assert_null(find(&screen, "q quit"));
    for (size_t i = 0; i < screen.count; i++)
        assert_null(strchr(screen.lines[i].text, '\033')); /* nobody writes to the terminal */
    tr_top_screen_finish(&screen);
    tr_top_sample_finish(&s);
}

static void as_json(void **state) {
    (void)state;
    tr_top_sample_t s;
    tr_top_latency_t latency = {0};
    fill(&s, 1000, 10);
    json_t *object = tr_top_json(&s, &latency);
    assert_non_null(object);
    assert_true(json_is_null(json_object_get(object, "latency")));
    assert_int_equal(json_array_size(json_object_get(object, "agents")), 2);
    json_decref(object);
    tr_top_latency_add(&latency, 1000, 120);
    object = tr_top_json(&s, &latency);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "latency"), "p99_us")), 120);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "broker"), "dropped")), 5);
    json_decref(object);
    tr_top_sample_finish(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(what_an_answer_lacks_is_nothing),
        cmocka_unit_test(rates_are_between_two_samples),
        cmocka_unit_test(the_first_sample_has_no_rates),
        cmocka_unit_test(order_is_what_was_asked_for),
        cmocka_unit_test(percentiles_are_of_the_last_minute),
        cmocka_unit_test(numbers_for_people),
        cmocka_unit_test(the_screen_has_all_of_it),
        cmocka_unit_test(durable_mailboxes_have_columns_of_their_own),
        cmocka_unit_test(any_size_holds),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
