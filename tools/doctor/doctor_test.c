/* What `troupe doctor` thinks of what is given. */
#include "tools/doctor/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above */
#include <cmocka.h>

static json_t *json(const char *text) {
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

/* The last finding. */
static const tr_finding_t *last(const tr_report_t *report) {
    assert_true(report->count > 0);
    return &report->items[report->count - 1];
}

/* The last finding's result, and a part of what was found; what is not well has a cure. */
static void expect(const tr_report_t *report, tr_health_t health, const char *found) {
    assert_string_equal(tr_health_name(last(report)->health), tr_health_name(health));
    if (!strstr(last(report)->found, found))
        assert_string_equal(last(report)->found, found);
    assert_true((health >= TR_HEALTH_WARN) == (last(report)->cure[0] != '\0'));
}

static void the_worst_counts(void **state) {
    (void)state;
    tr_report_t report = {0};
    assert_int_equal(tr_report_worst(&report), TR_HEALTH_OK);
    tr_report_add(&report, "a", TR_HEALTH_SKIP, NULL, "x");
    tr_report_add(&report, "b", TR_HEALTH_WARN, "do", "x");
    report.about = "trio";
    tr_report_add(&report, "c", TR_HEALTH_OK, NULL, "%d things", 3);
    assert_string_equal(last(&report)->found, "trio: 3 things");
    assert_int_equal(tr_report_worst(&report), TR_HEALTH_WARN);
    assert_int_equal(tr_report_count(&report, TR_HEALTH_WARN), 1);
    tr_report_add(&report, "d", TR_HEALTH_FAIL, "do", "x");
    assert_int_equal(tr_report_worst(&report), TR_HEALTH_FAIL);
    tr_report_finish(&report);
}

static void what_is_long_is_cut(void **state) {
    (void)state;
    tr_report_t report = {0};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    report.about = text;
    tr_report_add(&report, "a", TR_HEALTH_FAIL, text, "%s", text);
    assert_int_equal(strlen(last(&report)->found), sizeof last(&report)->found - 1);
    assert_int_equal(strlen(last(&report)->cure), sizeof last(&report)->cure - 1);
    tr_report_finish(&report);
}

static void versions_of_libzmq(void **state) {
    (void)state;
    tr_report_t report = {0};
    tr_doctor_zmq(&report, 4, 3, 4);
    expect(&report, TR_HEALTH_WARN, "4.3.4");
    tr_doctor_zmq(&report, 4, 2, 9);
    expect(&report, TR_HEALTH_WARN, "4.2.9");
    tr_doctor_zmq(&report, 3, 9, 9);
    expect(&report, TR_HEALTH_WARN, "3.9.9");
    tr_doctor_zmq(&report, 4, 3, 5);
    expect(&report, TR_HEALTH_OK, "4.3.5");
    tr_doctor_zmq(&report, 4, 4, 0);
    expect(&report, TR_HEALTH_OK, "4.4.0");
    tr_doctor_zmq(&report, 5, 0, 0);
    expect(&report, TR_HEALTH_OK, "5.0.0");
    tr_report_finish(&report);
}

static void limits(void **state) {
    (void)state;
    tr_report_t report = {0};
    tr_doctor_files(&report, 64, 64);
    expect(&report, TR_HEALTH_FAIL, "limit 64");
    tr_doctor_files(&report, 1024, 4096);
    expect(&report, TR_HEALTH_WARN, "limit 1024, hard limit 4096; the broker raises its own");
    tr_doctor_files(&report, 1024, 1048576);
    expect(&report, TR_HEALTH_OK, "hard limit 1048576");
    tr_doctor_files(&report, 1024, SIZE_MAX);
    expect(&report, TR_HEALTH_OK, "hard limit none");
    tr_doctor_files(&report, SIZE_MAX, SIZE_MAX);
    expect(&report, TR_HEALTH_OK, "no limit");
    tr_doctor_memory(&report, 10 << 20, 1ull << 30);
    expect(&report, TR_HEALTH_FAIL, "10M available of 1.0G");
    tr_doctor_memory(&report, 100 << 20, 1ull << 30);
    expect(&report, TR_HEALTH_WARN, "100M available");
    tr_doctor_memory(&report, 1ull << 30, 8ull << 30);
    expect(&report, TR_HEALTH_OK, "1.0G available of 8.0G");
    tr_report_finish(&report);
}

static void programs_of_the_same_version(void **state) {
    (void)state;
    tr_report_t report = {0};
    tr_doctor_program(&report, "troupe-broker", "/x/troupe-broker", "troupe-broker " TROUPE_VERSION "\n");
    expect(&report, TR_HEALTH_OK, "/x/troupe-broker, version " TROUPE_VERSION);
    tr_doctor_program(&report, "troupe-broker", "/x/troupe-broker", "troupe-broker " TROUPE_VERSION "1\n");
    expect(&report, TR_HEALTH_FAIL, "/x/troupe-broker says \"troupe-broker " TROUPE_VERSION "1\"");
    tr_doctor_program(&report, "troupe-broker", "/x/troupe-broker", "");
    expect(&report, TR_HEALTH_FAIL, "does not say its version");
    tr_report_finish(&report);
}

static void state_of_fleets(void **state) {
    (void)state;
    tr_report_t report = {0};
    tr_state_info_t infos[] = {{.fleet = "dead", .pid = 7, .directory = "/s/dead", .file = "/f.yaml"},
        {.fleet = "trio", .pid = 8, .listen = "tcp://127.0.0.1:1", .running = true}};
    tr_doctor_fleets(&report, &(tr_state_list_t){.items = infos, .count = 0});
    expect(&report, TR_HEALTH_OK, "none runs here");
    tr_doctor_fleets(&report, &(tr_state_list_t){.items = infos, .count = 2});
    expect(&report, TR_HEALTH_OK, "trio runs for");
    assert_int_equal(report.count, 3);
    assert_int_equal(report.items[1].health, TR_HEALTH_WARN);
    assert_non_null(strstr(report.items[1].found, "dead: its supervisor (pid 7) has died"));
    assert_non_null(strstr(report.items[1].cure, "troupe up /f.yaml"));
    tr_report_finish(&report);
}

static void the_state_directory(void **state) {
    (void)state;
    tr_report_t report = {0};
    char directory[] = "/tmp/troupe-doctor-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    tr_doctor_state_look(&report, directory);
    expect(&report, TR_HEALTH_OK, "can be written");
    snprintf(path, sizeof path, "%s/a/b", directory);
    tr_doctor_state_look(&report, path);
    expect(&report, TR_HEALTH_OK, "can be made");
    snprintf(path, sizeof path, "%s/file", directory);
    fclose(fopen(path, "w"));
    tr_doctor_state_look(&report, path);
    expect(&report, TR_HEALTH_FAIL, "Not a directory");
    remove(path);
    remove(directory);
    tr_doctor_state_look(&report, "/proc/1");
    assert_int_equal(last(&report)->health, TR_HEALTH_FAIL);
    tr_report_finish(&report);
}

static void round_trips(void **state) {
    (void)state;
    tr_report_t report = {0};
    int64_t took[100];
    for (int i = 0; i < 100; i++)
        took[i] = (i + 1) * 10000;
    tr_doctor_round_trips(&report, took, 100);
    expect(&report, TR_HEALTH_OK, "within 0.51 ms, 99 of 100 within 1.00 ms");
    for (int i = 50; i < 100; i++)
        took[i] = 30000000;
    tr_doctor_round_trips(&report, took, 100);
    expect(&report, TR_HEALTH_WARN, "within 30.00 ms");
    tr_report_finish(&report);
}

static void expect_agents(const char *agents, tr_health_t health, const char *found) {
    tr_report_t report = {0};
    json_t *list = json(agents);
    tr_doctor_agents(&report, list, "cli-1@p");
    expect(&report, health, found);
    tr_report_finish(&report);
    json_decref(list);
}

static void agents_in_a_bad_state(void **state) {
    (void)state;
    expect_agents(
        "[{\"name\": \"cli-1@p\", \"count\": 1, \"state\": \"active\"}]", TR_HEALTH_OK, "none is registered");
    expect_agents("[{\"name\": \"a@p\", \"count\": 100, \"state\": \"active\", \"silent_ms\": 400},"
                  " {\"name\": \"b@p\", \"count\": 1, \"state\": \"waiting\"}]",
        TR_HEALTH_OK, "101, all active");
    expect_agents(
        "[{\"name\": \"a@p\", \"count\": 1, \"state\": \"suspended\"}]", TR_HEALTH_WARN, "a@p (suspended)");
    expect_agents("[{\"name\": \"a@p\", \"count\": 1, \"state\": \"active\", \"silent_ms\": 2300, "
                  "\"reachable\": false}]",
        TR_HEALTH_WARN, "a@p (silent for 2.3s)");
    expect_agents("[{\"name\": \"a@p\", \"state\": \"transit\", \"count\": 1}, {\"name\": \"b@p\", "
                  "\"state\": \"transit\", \"count\": 1},"
                  " {\"name\": \"c@p\", \"state\": \"transit\", \"count\": 1}, {\"name\": \"d@p\", "
                  "\"state\": \"transit\", \"count\": 1},"
                  " {\"name\": \"e@p\", \"state\": \"transit\", \"count\": 1}, {\"name\": \"f@p\", "
                  "\"state\": \"transit\", \"count\": 1}]",
        TR_HEALTH_WARN, "e@p (transit) and 1 more");
}

static void processes_in_a_bad_state(void **state) {
    (void)state;
    tr_report_t report = {0};
    json_t *agents = json("[{\"name\": \"a@p\", \"state\": \"active\", \"reachable\": true},"
                          " {\"name\": \"e@p\", \"state\": \"active\", \"reachable\": false}]");
    json_t *good = json("[{\"name\": \"broker\", \"state\": \"running\", \"agents\": 0},"
                        " {\"name\": \"a\", \"state\": \"running\", \"agents\": 1}]");
    json_t *gone = json("[{\"name\": \"a\", \"state\": \"running\", \"agents\": 1},"
                        " {\"name\": \"d\", \"state\": \"running\", \"agents\": 1, \"pid\": 77},"
                        " {\"name\": \"e\", \"state\": \"running\", \"agents\": 1, \"pid\": 78}]");
    json_t *bad = json("[{\"name\": \"a\", \"state\": \"running\"}, {\"name\": \"b\", \"state\": \"failed\", "
                       "\"reason\": \"too often\"},"
                       " {\"name\": \"c\", \"state\": \"backoff\"}]");
    tr_doctor_processes(&report, good, agents);
    expect(&report, TR_HEALTH_OK, "2, all running");
    tr_doctor_processes(&report, bad, agents);
    expect(&report, TR_HEALTH_WARN, "c (backoff)");
    assert_int_equal(report.count, 3);
    assert_int_equal(report.items[1].health, TR_HEALTH_FAIL);
    assert_string_equal(report.items[1].found, "failed for good: b (too often)");
    tr_doctor_processes(&report, gone, agents);
    expect(&report, TR_HEALTH_FAIL, "run, but the broker has given them up: d (pid 77)");
    assert_int_equal(report.count, 4);
    json_decref(agents);
    json_decref(good);
    json_decref(bad);
    json_decref(gone);
    tr_report_finish(&report);
}

static void expect_queues(const char *agents, const char *services, tr_health_t health, const char *found) {
    tr_report_t report = {0};
    json_t *a = json(agents), *s = json(services);
    tr_doctor_queues(&report, a, s);
    expect(&report, health, found);
    tr_report_finish(&report);
    json_decref(a);
    json_decref(s);
}

static void queues(void **state) {
    (void)state;
    expect_queues("[{\"name\": \"a@p\", \"queued\": 3, \"queued_bytes\": 300}]",
        "[{\"service\": \"s\", \"queued\": 4}]", TR_HEALTH_OK, "7 messages wait");
    expect_queues("[{\"name\": \"a@p\", \"queued\": 140000, \"queued_bytes\": 300}]", "[]", TR_HEALTH_WARN,
        "a@p (140000 messages, 300)");
    expect_queues("[{\"name\": \"a@p\", \"queued\": 9, \"queued_bytes\": 20000000}]", "[]", TR_HEALTH_WARN,
        "a@p (9 messages, 19M)");
    expect_queues(
        "[]", "[{\"service\": \"s\", \"queued\": 40000}]", TR_HEALTH_WARN, "svc:s (40000 requests)");
}

static void expect_journal(const char *journal, size_t findings, tr_health_t health, const char *found) {
    tr_report_t report = {0};
    json_t *j = json(journal);
    tr_doctor_journal(&report, j);
    assert_int_equal(report.count, findings);
    expect(&report, health, found);
    json_decref(j);
    tr_report_finish(&report);
}

static void journals(void **state) {
    (void)state;
    expect_journal(
        "{\"store\": \"PostgreSQL\", \"where\": \"troupe_journal\", \"bytes\": 2048, \"free_bytes\": null, "
        "\"grown_bytes\": -1024, \"sync_mean_ms\": 0.5, \"sync_max_ms\": 3}",
        1, TR_HEALTH_OK,
        "PostgreSQL at troupe_journal: 2.0K, -1.0K in the last minute; a sync took 0.50 ms, the longest 3.0 "
        "ms");
    expect_journal(
        "{\"where\": \"/j\", \"free_bytes\": null, \"sync_mean_ms\": 25.0}", 1, TR_HEALTH_WARN, "25.00 ms");
    expect_journal("{\"where\": \"/j\", \"free_bytes\": 5368709120}", 2, TR_HEALTH_OK, "5.0G left at /j");
    expect_journal("{\"where\": \"/j\", \"free_bytes\": 536870912}", 2, TR_HEALTH_WARN, "512M left at /j");
    expect_journal("{\"where\": \"/j\", \"free_bytes\": 1048576}", 2, TR_HEALTH_FAIL, "1.0M left at /j");
}

static void dead_letters_and_disks(void **state) {
    (void)state;
    tr_report_t report = {0};
    json_t *some = json("{\"letters\": 3}"), *none = json("{\"letters\": 0}");
    tr_doctor_letters(&report, none);
    expect(&report, TR_HEALTH_OK, "none");
    tr_doctor_letters(&report, some);
    expect(&report, TR_HEALTH_WARN, "3 durable messages could not be delivered");
    tr_doctor_syncs(&report, "/d", 50, 7500000);
    expect(&report, TR_HEALTH_OK, "/d: an fdatasync takes 0.15 ms, 6667 a second");
    tr_doctor_syncs(&report, "/d", 2, 60000000);
    expect(&report, TR_HEALTH_WARN, "30.00 ms");
    tr_doctor_disk_look(&report, "/proc/1");
    assert_int_equal(last(&report)->health, TR_HEALTH_SKIP);
    json_decref(some);
    json_decref(none);
    tr_report_finish(&report);
}

static void clocks(void **state) {
    (void)state;
    tr_report_t report = {0};
    const char *there = "tcp://10.0.0.7:5570";
    tr_doctor_clock(&report, "tcp://127.0.0.1:5570", 999, 5000, 6000);
    expect(&report, TR_HEALTH_SKIP, "one clock");
    tr_doctor_clock(&report, "ipc:///run/x", 999, 5000, 6000);
    expect(&report, TR_HEALTH_SKIP, "one clock");
    tr_doctor_clock(&report, there, 0, 5000, 6000);
    expect(&report, TR_HEALTH_SKIP, "does not say");
    tr_doctor_clock(&report, there, 5500, 5000, 6000);
    expect(&report, TR_HEALTH_OK, "agrees");
    tr_doctor_clock(&report, there, 6900, 5000, 6000);
    expect(&report, TR_HEALTH_OK, "agrees");
    tr_doctor_clock(&report, there, 8000, 5000, 6000);
    expect(&report, TR_HEALTH_WARN, "2.0s ahead of ours");
    tr_doctor_clock(&report, there, 1000, 5000, 6000);
    expect(&report, TR_HEALTH_WARN, "4.0s behind ours");
    tr_report_finish(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_counts),
        cmocka_unit_test(what_is_long_is_cut),
        cmocka_unit_test(versions_of_libzmq),
        cmocka_unit_test(limits),
        cmocka_unit_test(programs_of_the_same_version),
        cmocka_unit_test(state_of_fleets),
        cmocka_unit_test(the_state_directory),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(agents_in_a_bad_state),
        cmocka_unit_test(processes_in_a_bad_state),
        cmocka_unit_test(queues),
        cmocka_unit_test(journals),
        cmocka_unit_test(dead_letters_and_disks),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
