/* The parts of `troupe bench` that need no other process. tests/ runs the whole of it. */
#include "proto/content.h"
#include "tools/bench/child.h"
#include "tools/bench/content.h"
#include "tools/bench/runner.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const tr_bench_case_t fixed[] = {{.workload = "test", .pin = "free", .transport = "tcp"}};

static void contents_have_the_size_that_was_asked_for(void **state) {
    static const size_t sizes[] = {8, 64, 257, 258, 1024, 65538, 65539, 1 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *content = tr_bench_content(sizes[i]);
        assert_non_null(content);
        assert_int_equal(tr_content_check(content, sizes[i]), 0);
        free(content);
    }
}

static void cpus_are_numbers_and_ranges(void **state) {
    static const char *const bad[] = {"", "x", "0,", ",0", "0-", "2-1", "-1", "0 ", "99999"};
    (void)state;
    cpu_set_t cpus;
    bool any;
    assert_int_equal(tr_bench_cpus("free", &cpus, &any, NULL), 0);
    assert_false(any);
    assert_int_equal(tr_bench_cpus("0,2-4", &cpus, &any, NULL), 0);
    assert_true(any);
    assert_int_equal(CPU_COUNT(&cpus), 4);
    assert_true(CPU_ISSET(0, &cpus) && CPU_ISSET(4, &cpus) && !CPU_ISSET(1, &cpus));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tr_bench_cpus(bad[i], &cpus, &any, NULL), -EINVAL);
}

static void values_are_printed_for_people(void **state) {
    static const struct {
        tr_bench_unit_t unit;
        double value;
        const char *text;
    } rows[] = {
        {TR_BENCH_PER_SECOND, 5.123e6, "5.12 M/s"},
        {TR_BENCH_PER_SECOND, 51230, "51 k/s"},
        {TR_BENCH_PER_SECOND, 981, "981 /s"},
        {TR_BENCH_MICROSECONDS, 93.46, "93.5 us"},
        {TR_BENCH_SECONDS, 3.214, "3.21 s"},
        {TR_BENCH_BYTES, 400, "400 B"},
        {TR_BENCH_BYTES, 27.5 * 1024, "27.5 KiB"},
        {TR_BENCH_BYTES, 1.5 * 1024 * 1024, "1.50 MiB"},
        {TR_BENCH_NUMBER, 9000, "9000"},
        {TR_BENCH_NUMBER, 1, "1"},
        {TR_BENCH_NUMBER, .9975, "0.9975"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        tr_bench_print(rows[i].unit, rows[i].value, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

static void targets_are_printed(void **state) {
    (void)state;
    char text[64];
    tr_bench_print_target(
        &(tr_bench_metric_t){"a", TR_BENCH_PER_SECOND, TR_BENCH_RATIO_MIN, 4, 5e6}, text, sizeof text);
    assert_string_equal(text, ">= 4 x raw (5.00 M/s)");
    tr_bench_print_target(
        &(tr_bench_metric_t){"a", TR_BENCH_BYTES, TR_BENCH_VALUE_MAX, 32 * 1024, 0}, text, sizeof text);
    assert_string_equal(text, "<= 32.0 KiB");
    tr_bench_print_target(
        &(tr_bench_metric_t){"a", TR_BENCH_NUMBER, TR_BENCH_VALUE_MIN, .99, 0}, text, sizeof text);
    assert_string_equal(text, ">= 0.99");
    tr_bench_print_target(&(tr_bench_metric_t){"a", TR_BENCH_SECONDS, 0, 0, 0}, text, sizeof text);
    assert_string_equal(text, "");
}

/* A run of ours is compared with the raw run before it and the one after it, with no other. */
static void neighbours_are_compared(void **state) {
    static const tr_bench_sample_t raw[] = {{.values = {1, 10}}, {.values = {2, 0}}, {.values = {4, 10}}},
                                   ours[] = {{.values = {2, 10}}, {.values = {6, 10}}, {.values = {8, 10}}};
    static const double wanted[] = {2, 1, 3, 1.5, 2};
    double ratios[2 * TR_BENCH_RUNS_MAX];
    (void)state;
    assert_int_equal(tr_bench_ratios(ours, raw, 3, 0, ratios), 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(ratios[i] == wanted[i]);
    assert_int_equal(tr_bench_ratios(ours, raw, 1, 0, ratios), 1);
    assert_int_equal(tr_bench_ratios(ours, raw, 3, 1, ratios), 0); /* nothing to divide by */
}

/* Values of a role that stand for those of a measurement; each run is slower than the one before. */
static int drifts(tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    (void)c;
    (void)error;
    double speed = 1000.0 / ++bench->serial;
    *ret = (tr_bench_sample_t){.values = {bench->serial % 2 ? speed : 3 * speed}};
    return 0;
}

static int drifts_raw(
    tr_bench_t *bench, const tr_bench_case_t *c, tr_bench_sample_t *ret, tr_error_t *error) {
    return drifts(bench, c, ret, error);
}

/* Each run is slower than the one before, ours three times as fast as raw: the medians would say 2.25. */
static void a_drift_does_not_show_in_the_ratio(void **state) {
    tr_bench_t *bench = *state;
    const tr_bench_case_t c = {.workload = "test",
        .pin = "free",
        .transport = "tcp",
        .runs = 3,
        .ours = drifts,
        .raw = drifts_raw,
        .metrics = {{"speed", TR_BENCH_PER_SECOND, TR_BENCH_RATIO_MIN, 2, 0}}};
    tr_bench_result_t result;
    tr_error_t error = {0};
    FILE *progress = fopen("/dev/null", "w");
    assert_non_null(progress);
    assert_int_equal(tr_bench_run(bench, &c, false, progress, &result, &error), 0);
    fclose(progress);
    const tr_bench_row_t *row = &result.rows[0]; /* raw 1000, 333, 200; ours 1500, 750, 500 */
    assert_true(row->ratio > 2.49 && row->ratio < 2.51);
    assert_true(row->ratio_min == 1.5 && row->ratio_max > 4.4);
    assert_true(row->judged && row->pass);
}

/* The clock of a receiver starts after the warm-up, with what came with its end. */
static void the_warm_up_is_not_counted(void **state) {
    tr_bench_t *bench = *state;
    const tr_bench_task_t task = tr_bench_task(bench, fixed, 1000);
    tr_bench_tally_t tally = {.task = &task};
    assert_int_equal(task.warm, 101);
    assert_int_equal(bench->work, 1101);
    tr_bench_count(&tally, 100);
    assert_int_equal(tally.first_ns, 0);
    tr_bench_count(&tally, 50);
    assert_true(tally.first_ns > 0);
    assert_int_equal(tally.seen_first, 150);
    tr_bench_count(&tally, 950);
    assert_false(tr_bench_all_seen(&tally));
    tr_bench_count(&tally, 1);
    assert_true(tr_bench_all_seen(&tally));
}

/* A bench without programs: forks only. */
static int set_up(void **state) {
    tr_bench_t *bench = calloc(1, sizeof *bench);
    if (!bench || tr_process_signals(&bench->signals, NULL) < 0)
        return -1;
    bench->shared =
        mmap(NULL, sizeof *bench->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *state = bench;
    return bench->shared == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state) {
    tr_bench_t *bench = *state;
    tr_bench_finish(bench);
    free(bench);
    return 0;
}

static int speaks(const tr_bench_task_t *task, tr_error_t *error) {
    (void)error;
    tr_bench_say_ready(task, "here", task->count);
    tr_bench_say_flood(task, 7, 1, 10, 20);
    tr_bench_rest();
}

static void a_role_is_heard(void **state) {
    tr_bench_t *bench = *state;
    tr_bench_child_t *child;
    tr_bench_note_t note;
    tr_error_t error = {0};
    tr_bench_task_t task = {.count = 5};
    assert_int_equal(tr_bench_fork(bench, fixed, "the speaker", speaks, &task, &child, &error), 0);
    assert_int_equal(tr_bench_hear(bench, child, TR_BENCH_READY, 10000, &note, &error), 0);
    assert_string_equal(note.text, "here");
    assert_int_equal(note.number, 5);
    assert_int_equal(tr_bench_hear(bench, child, TR_BENCH_DONE, 10000, &note, &error), 0);
    assert_int_equal(note.count, 7);
    pid_t pid = child->pid;
    tr_bench_stop_all(bench);
    assert_int_equal(kill(pid, 0), -1); /* reaped */
}

static int fails(const tr_bench_task_t *task, tr_error_t *error) {
    (void)task;
    return tr_error_set(error, -EIO, "no luck");
}

static int sleeps(const tr_bench_task_t *task, tr_error_t *error) {
    (void)task;
    (void)error;
    tr_bench_rest();
}

static int dies(const tr_bench_task_t *task, tr_error_t *error) {
    (void)task;
    (void)error;
    raise(SIGKILL);
    return 0;
}

/* Whoever it waits for, a failure of any child ends the wait, with its reason. */
static void failures_are_heard_at_once(void **state) {
    static const struct {
        tr_bench_role_fn role;
        const char *text;
    } rows[] = {{fails, "the other: no luck"}, {dies, "the other was ended by signal 9 (Killed)"}};
    tr_bench_t *bench = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_bench_child_t *sleeper, *other;
        tr_error_t error = {0};
        tr_bench_task_t task = {0};
        assert_int_equal(tr_bench_fork(bench, fixed, "the sleeper", sleeps, &task, &sleeper, &error), 0);
        assert_int_equal(tr_bench_fork(bench, fixed, "the other", rows[i].role, &task, &other, &error), 0);
        assert_true(tr_bench_hear(bench, sleeper, TR_BENCH_DONE, 60000, NULL, &error) < 0);
        assert_string_equal(error.text, rows[i].text);
        tr_bench_stop_all(bench);
    }
}

static void silence_has_an_end(void **state) {
    tr_bench_t *bench = *state;
    tr_bench_child_t *child;
    tr_error_t error = {0};
    tr_bench_task_t task = {0};
    assert_int_equal(tr_bench_fork(bench, fixed, "the sleeper", sleeps, &task, &child, &error), 0);
    assert_int_equal(tr_bench_hear(bench, child, TR_BENCH_READY, 50, NULL, &error), -ETIMEDOUT);
    assert_non_null(strstr(error.text, "the sleeper has not become ready"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_have_the_size_that_was_asked_for),
        cmocka_unit_test(cpus_are_numbers_and_ranges),
        cmocka_unit_test(values_are_printed_for_people),
        cmocka_unit_test(targets_are_printed),
        cmocka_unit_test(neighbours_are_compared),
        cmocka_unit_test_setup_teardown(a_drift_does_not_show_in_the_ratio, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_warm_up_is_not_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_role_is_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_heard_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_has_an_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
