#include "lib/base/metrics.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const reasons[] = {"no-route", "busy", NULL};
static const char *const classes[] = {"a\"b", "c\\d", "e\nf", NULL};

typedef struct fixture {
    tr_metrics_t *metrics;
    tr_buffer_t out;
    tr_error_t error;
} fixture_t;

static int set_up(void **state) {
    fixture_t *self = calloc(1, sizeof *self);
    self->metrics = tr_metrics_new();
    tr_buffer_init(&self->out, 0);
    *state = self;
    return self->metrics == NULL;
}

static int tear_down(void **state) {
    fixture_t *self = *state;
    tr_metrics_destroy(&self->metrics);
    tr_metrics_destroy(&self->metrics);
    tr_buffer_finish(&self->out);
    free(self);
    return 0;
}

static const char *rendered(fixture_t *self) {
    tr_metrics_render(self->metrics, &self->out);
    assert_false(self->out.failed);
    return tr_buffer_string(&self->out);
}

static void counters_and_gauges(void **state) {
    fixture_t *self = *state;
    tr_counter_t records = {0}, drops[2] = {0}, pairs[6] = {0};
    tr_gauge_t depth = {0}, age = {0};
    tr_metric_t records_info = {"troupe_records_total", "Records \\ routed,\nall.", {NULL}, {NULL}, 0};
    tr_metric_t drops_info = {"troupe_drops_total", "Dropped.", {"reason"}, {reasons}, 0};
    tr_metric_t pairs_info = {"troupe_pairs_total", "Pairs.", {"reason", "class"}, {reasons, classes}, 0};
    tr_metric_t depth_info = {"troupe_depth", "Depth.", {NULL}, {NULL}, 0};
    tr_metric_t age_info = {"troupe_age_seconds", "Age.", {NULL}, {NULL}, 1000};
    assert_int_equal(tr_metrics_counter(self->metrics, &records_info, &records, &self->error), 0);
    assert_int_equal(tr_metrics_counter(self->metrics, &drops_info, drops, &self->error), 0);
    assert_int_equal(tr_metrics_counter(self->metrics, &pairs_info, pairs, &self->error), 0);
    assert_int_equal(tr_metrics_gauge(self->metrics, &depth_info, &depth, &self->error), 0);
    assert_int_equal(tr_metrics_gauge(self->metrics, &age_info, &age, &self->error), 0);
    tr_counter_inc(&records);
    tr_counter_add(&records, UINT64_C(18446744073709551000));
    tr_counter_inc(&drops[1]);
    tr_counter_inc(&pairs[1 * 3 + 2]);
    tr_gauge_set(&depth, 5);
    tr_gauge_add(&depth, -8);
    tr_gauge_set(&age, 1500);
    assert_int_equal(tr_metric_count(&pairs_info), 6);
    assert_string_equal(rendered(self), "# HELP troupe_records_total Records \\\\ routed,\\nall.\n"
                                        "# TYPE troupe_records_total counter\n"
                                        "troupe_records_total 18446744073709551001\n"
                                        "# HELP troupe_drops_total Dropped.\n"
                                        "# TYPE troupe_drops_total counter\n"
                                        "troupe_drops_total{reason=\"no-route\"} 0\n"
                                        "troupe_drops_total{reason=\"busy\"} 1\n"
                                        "# HELP troupe_pairs_total Pairs.\n"
                                        "# TYPE troupe_pairs_total counter\n"
                                        "troupe_pairs_total{reason=\"no-route\",class=\"a\\\"b\"} 0\n"
                                        "troupe_pairs_total{reason=\"no-route\",class=\"c\\\\d\"} 0\n"
                                        "troupe_pairs_total{reason=\"no-route\",class=\"e\\nf\"} 0\n"
                                        "troupe_pairs_total{reason=\"busy\",class=\"a\\\"b\"} 0\n"
                                        "troupe_pairs_total{reason=\"busy\",class=\"c\\\\d\"} 0\n"
                                        "troupe_pairs_total{reason=\"busy\",class=\"e\\nf\"} 1\n"
                                        "# HELP troupe_depth Depth.\n"
                                        "# TYPE troupe_depth gauge\n"
                                        "troupe_depth -3\n"
                                        "# HELP troupe_age_seconds Age.\n"
                                        "# TYPE troupe_age_seconds gauge\n"
                                        "troupe_age_seconds 1.5\n");
}

static void histograms(void **state) {
    static const uint64_t bounds[] = {50000, 1000000, 2500000000};
    fixture_t *self = *state;
    tr_histogram_t wait[2];
    assert_int_equal(tr_histogram_init(&wait[0], bounds, 3), 0);
    assert_int_equal(tr_histogram_init(&wait[1], bounds, 3), 0);
    tr_metric_t info = {"troupe_wait_seconds", "Wait.", {"reason"}, {reasons}, 1e9};
    assert_int_equal(tr_metrics_histogram(self->metrics, &info, wait, &self->error), 0);
    tr_histogram_observe(&wait[1], 50000); /* on the bound: in the bucket */
    tr_histogram_observe(&wait[1], 50001);
    tr_histogram_observe(&wait[1], 1000000000);
    tr_histogram_observe(&wait[1], 3000000000); /* above all */
    assert_string_equal(rendered(self), "# HELP troupe_wait_seconds Wait.\n"
                                        "# TYPE troupe_wait_seconds histogram\n"
                                        "troupe_wait_seconds_bucket{reason=\"no-route\",le=\"5e-05\"} 0\n"
                                        "troupe_wait_seconds_bucket{reason=\"no-route\",le=\"0.001\"} 0\n"
                                        "troupe_wait_seconds_bucket{reason=\"no-route\",le=\"2.5\"} 0\n"
                                        "troupe_wait_seconds_bucket{reason=\"no-route\",le=\"+Inf\"} 0\n"
                                        "troupe_wait_seconds_sum{reason=\"no-route\"} 0\n"
                                        "troupe_wait_seconds_count{reason=\"no-route\"} 0\n"
                                        "troupe_wait_seconds_bucket{reason=\"busy\",le=\"5e-05\"} 1\n"
                                        "troupe_wait_seconds_bucket{reason=\"busy\",le=\"0.001\"} 2\n"
                                        "troupe_wait_seconds_bucket{reason=\"busy\",le=\"2.5\"} 3\n"
                                        "troupe_wait_seconds_bucket{reason=\"busy\",le=\"+Inf\"} 4\n"
                                        "troupe_wait_seconds_sum{reason=\"busy\"} 4.000100001\n"
                                        "troupe_wait_seconds_count{reason=\"busy\"} 4\n");
}

static void bad_bounds(void **state) {
    (void)state;
    tr_histogram_t histogram;
    uint64_t many[TR_HISTOGRAM_BOUNDS_MAX + 1];
    for (size_t i = 0; i <= TR_HISTOGRAM_BOUNDS_MAX; i++)
        many[i] = i;
    assert_int_equal(tr_histogram_init(&histogram, many, 0), -EINVAL);
    assert_int_equal(tr_histogram_init(&histogram, many, TR_HISTOGRAM_BOUNDS_MAX + 1), -EINVAL);
    assert_int_equal(tr_histogram_init(&histogram, many, TR_HISTOGRAM_BOUNDS_MAX), 0);
    assert_int_equal(tr_histogram_init(&histogram, (uint64_t[]){1, 1}, 2), -EINVAL);
    assert_int_equal(tr_histogram_init(&histogram, tr_latency_bounds_ns, TR_LATENCY_BOUNDS_NS_COUNT), 0);
    assert_int_equal(tr_histogram_init(&histogram, tr_work_bounds_ns, TR_WORK_BOUNDS_NS_COUNT), 0);
}

static double collect(void *context, size_t index) {
    const double *values = context;
    return values[index];
}

static void computed_values(void **state) {
    static const char *const names[] = {"x", "y", "z", NULL};
    fixture_t *self = *state;
    double values[] = {0.1, NAN, -INFINITY};
    tr_metric_t info = {"troupe_computed", "Computed.", {"name"}, {names}, 0};
    assert_int_equal(tr_metrics_collect_gauge(self->metrics, &info, collect, values, &self->error), 0);
    assert_non_null(
        strstr(rendered(self), "troupe_computed{name=\"x\"} 0.1\ntroupe_computed{name=\"y\"} NaN\n"
                               "troupe_computed{name=\"z\"} -Inf\n"));
}

static void bad_registrations(void **state) {
    static const char *const empty[] = {NULL};
    fixture_t *self = *state;
    tr_counter_t value = {0};
    const struct {
        tr_metric_t metric;
        int rc;
    } bad[] = {
        {{"9_total", "H.", {NULL}, {NULL}, 0}, -EINVAL},
        {{"a-b_total", "H.", {NULL}, {NULL}, 0}, -EINVAL},
        {{"", "H.", {NULL}, {NULL}, 0}, -EINVAL},
        {{"a", "H.", {NULL}, {NULL}, 0}, -EINVAL},
        {{"a_total", NULL, {NULL}, {NULL}, 0}, -EINVAL},
        {{"a_total", "H.", {"b-c"}, {reasons}, 0}, -EINVAL},
        {{"a_total", "H.", {"__b"}, {reasons}, 0}, -EINVAL},
        {{"a_total", "H.", {"b"}, {empty}, 0}, -EINVAL},
        {{"a_total", "H.", {"b"}, {NULL}, 0}, -EINVAL},
        {{"a_total", "H.", {"b", "b"}, {reasons, reasons}, 0}, -EINVAL},
        {{"a_total", "H.", {NULL, "b"}, {NULL, reasons}, 0}, -EINVAL},
        {{"a_total", "H.", {NULL}, {NULL}, -1}, -EINVAL},
        {{"taken_total", "H.", {NULL}, {NULL}, 0}, -EEXIST},
    };
    tr_metric_t taken = {"taken_total", "H.", {NULL}, {NULL}, 0};
    assert_int_equal(tr_metrics_counter(self->metrics, &taken, &value, &self->error), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tr_metrics_counter(self->metrics, &bad[i].metric, &value, &self->error), bad[i].rc);
    assert_string_equal(self->error.text, "metric taken_total: the name is taken");
}

static void many_families(void **state) {
    fixture_t *self = *state;
    char names[200][32];
    tr_gauge_t value = {0};
    for (size_t i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "troupe_g%zu", i);
        tr_metric_t info = {names[i], "G.", {NULL}, {NULL}, 0};
        assert_int_equal(tr_metrics_gauge(self->metrics, &info, &value, &self->error), 0);
    }
    assert_non_null(strstr(rendered(self), "\ntroupe_g199 0\n"));
}

static void process_values(void **state) {
    fixture_t *self = *state;
    assert_int_equal(tr_metrics_process(self->metrics, "1.2.3", &self->error), 0);
    const char *text = rendered(self);
    assert_non_null(strstr(text, "\ntroupe_build_info{version=\"1.2.3\"} 1\n"));
    assert_non_null(strstr(text, "\nprocess_resident_memory_bytes "));
    assert_non_null(strstr(text, "\nprocess_cpu_seconds_total "));
    assert_null(strstr(text, "NaN"));
    assert_null(strstr(text, "process_open_fds 0\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(counters_and_gauges),
        TEST(histograms),
        TEST(bad_bounds),
        TEST(computed_values),
        TEST(bad_registrations),
        TEST(many_families),
        TEST(process_values),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
