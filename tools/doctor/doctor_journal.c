/* What `troupe doctor` finds out of journals: their modules, the disk that they would be on, and that of a broker that keeps one. */
#include "tools/doctor/doctor.h"

#include "lib/base/clock.h"
#include "lib/store/journal.h"
#include "tools/cli/ask_json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SYNCS       50
#define SYNCS_NS    INT64_C(1000000000) /* no longer than that in all */
#define SLOW_NS     INT64_C(20000000)
#define FREE_LITTLE (UINT64_C(1) << 30)
#define FREE_LEAST  (UINT64_C(64) << 20) /* a broker's write buffers want to go somewhere */

void tr_doctor_modules_look(tr_report_t *report) {
    static const char *const stores[] = {"rocksdb", "postgres"};
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
        tr_error_t error = {0};
        if (tr_journal_module_check(stores[i], &error) == 0)
            tr_report_add(report, "journal store", TR_HEALTH_OK, NULL,
                "%s: brokers can keep a journal with it", stores[i]);
        else
            tr_report_add(report, "journal store", TR_HEALTH_SKIP, NULL, "%s: %s", stores[i], error.text);
    }
}

void tr_doctor_syncs(tr_report_t *report, const char *place, size_t count, int64_t ns) {
    double each_ms = (double)ns / 1e6 / (double)count;
    bool slow = ns / (int64_t)count > SLOW_NS;
    tr_report_add(report, "disk", slow ? TR_HEALTH_WARN : TR_HEALTH_OK,
        slow ? "Durable messages wait for the disk: put the journal on a faster one (`journal:` in the fleet "
               "file, "
               "--journal of the broker)."
             : NULL,
        "%.300s: an fdatasync takes %.2f ms, %.0f a second", place, each_ms, 1000 / each_ms);
}

/* Writes and syncs a file that has no name; how many times, 0 where it cannot be done. */
static size_t sync_often(int fd, int64_t *ret_ns) {
    static const char bytes[128];
    int64_t began = tr_clock_ns();
    size_t n = 0;
    *ret_ns = 0;
    while (n < SYNCS && *ret_ns < SYNCS_NS) {
        if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fdatasync(fd) < 0)
            return 0;
        n++;
        *ret_ns = tr_clock_ns() - began;
    }
    return n;
}

void tr_doctor_disk_look(tr_report_t *report, const char *place) {
    int fd = open(place, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    int64_t ns;
    size_t n = fd < 0 ? 0 : sync_often(fd, &ns);
    int problem = errno;
    if (fd >= 0)
        close(fd);
    if (n)
        tr_doctor_syncs(report, place, n, ns);
    else
        tr_report_add(report, "disk", TR_HEALTH_SKIP, NULL, "%.300s: how fast it syncs cannot be tried: %s",
            place, strerror(problem));
}

/* ---- a broker's ---- */

static uint64_t number(const json_t *object, const char *key) {
    json_int_t n = json_integer_value(json_object_get(object, key));
    return n > 0 ? (uint64_t)n : 0;
}

static void judge_free(tr_report_t *report, const json_t *journal, const char *where) {
    char text[16];
    const json_t *value = json_object_get(journal, "free_bytes");
    uint64_t left = number(journal, "free_bytes");
    tr_health_t health = left < FREE_LEAST    ? TR_HEALTH_FAIL
                         : left < FREE_LITTLE ? TR_HEALTH_WARN
                                              : TR_HEALTH_OK;
    if (!json_is_integer(value)) /* a database knows it, and does not say */
        return;
    tr_print_bytes(left, text, sizeof text);
    tr_report_add(report, "journal's disk", health,
        health == TR_HEALTH_OK
            ? NULL
            : "Free space there: a broker whose journal cannot be written ends (B032). `troupe mailbox "
              "ls`, `troupe dlq ls` and `troupe streams` show what is kept.",
        "%s left at %.300s", text, where);
}

void tr_doctor_journal(tr_report_t *report, const json_t *journal) {
    char bytes[16], grown[24];
    const char *store = json_string_value(json_object_get(journal, "store"));
    const char *where = json_string_value(json_object_get(journal, "where"));
    double mean = json_number_value(json_object_get(journal, "sync_mean_ms"));
    double most = json_number_value(json_object_get(journal, "sync_max_ms"));
    json_int_t growth = json_integer_value(json_object_get(journal, "grown_bytes"));
    bool slow = mean * 1e6 > (double)SLOW_NS;
    tr_print_bytes(number(journal, "bytes"), bytes, sizeof bytes);
    tr_print_bytes((uint64_t)(growth < 0 ? -growth : growth), grown, sizeof grown);
    tr_report_add(report, "journal", slow ? TR_HEALTH_WARN : TR_HEALTH_OK,
        slow ? "Durable messages wait for the disk: see what else writes there, or put the journal on a "
               "faster one."
             : NULL,
        "%s at %.300s: %s, %s%s in the last minute; a sync took %.2f ms, the longest %.1f ms",
        store ? store : "?", where ? where : "?", bytes, growth < 0 ? "-" : "+", grown, mean, most);
    judge_free(report, journal, where ? where : "?");
}

void tr_doctor_letters(tr_report_t *report, const json_t *stats) {
    uint64_t letters = number(stats, "letters");
    if (!letters)
        tr_report_add(report, "dead letters", TR_HEALTH_OK, NULL, "none");
    else
        tr_report_add(report, "dead letters", TR_HEALTH_WARN,
            "`troupe dlq ls` shows why; `troupe dlq requeue` sends them again, `troupe dlq drop` ends them.",
            "%" PRIu64 " durable messages could not be delivered", letters);
}
