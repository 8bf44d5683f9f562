/* What `troupe doctor` finds out of the machine. */
#include "tools/doctor/doctor.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <zmq.h>

#define FILES_FEW    256 /* a small fleet, with the broker's own */
#define FILES_WISHED 10000
#define MEMORY_FEW   (64ull << 20)
#define MEMORY_LOW   (512ull << 20)

void tr_doctor_zmq(tr_report_t *report, int major, int minor, int patch) {
    bool old = major < 4 || (major == 4 && (minor < 3 || (minor == 3 && patch < 5)));
    if (old)
        tr_report_add(report, "libzmq", TR_HEALTH_WARN,
            "Troupe is safe: it refuses topics over 200 bytes. Other programs that watch the stream must "
            "keep to that, or use "
            "libzmq 4.3.5 or later.",
            "version %d.%d.%d, which corrupts a connection on subscriptions of 246 to 255 bytes", major,
            minor, patch);
    else
        tr_report_add(report, "libzmq", TR_HEALTH_OK, NULL, "version %d.%d.%d", major, minor, patch);
}

void tr_doctor_files(tr_report_t *report, size_t soft, size_t hard) {
    static const char cure[] =
        "Each process of a fleet costs the broker one descriptor: raise the limit (`ulimit -n`, or "
        "LimitNOFILE= of a systemd unit).";
    tr_health_t health = hard < FILES_FEW      ? TR_HEALTH_FAIL
                         : hard < FILES_WISHED ? TR_HEALTH_WARN
                                               : TR_HEALTH_OK;
    const char *raised = soft < hard ? "; the broker raises its own up to the hard limit" : "";
    char most[32] = "none";
    if (hard != SIZE_MAX)
        snprintf(most, sizeof most, "%zu", hard);
    if (soft == SIZE_MAX)
        tr_report_add(report, "open files", TR_HEALTH_OK, NULL, "no limit");
    else
        tr_report_add(report, "open files", health, health == TR_HEALTH_OK ? NULL : cure,
            "limit %zu, hard limit %s%s", soft, most, raised);
}

void tr_doctor_memory(tr_report_t *report, uint64_t available, uint64_t total) {
    static const char cure[] =
        "End what needs it, or lower the broker's limits (--mailbox-bytes, --window-bytes): under load it "
        "may hold one mailbox for each slow agent.";
    tr_health_t health = available < MEMORY_FEW   ? TR_HEALTH_FAIL
                         : available < MEMORY_LOW ? TR_HEALTH_WARN
                                                  : TR_HEALTH_OK;
    char free_text[24], all_text[24];
    tr_print_bytes(available, free_text, sizeof free_text);
    tr_print_bytes(total, all_text, sizeof all_text);
    tr_report_add(report, "memory", health, health == TR_HEALTH_OK ? NULL : cure, "%s available of %s",
        free_text, all_text);
}

static size_t limit(rlim_t value) {
    return value == RLIM_INFINITY || value > SIZE_MAX ? SIZE_MAX : (size_t)value;
}

static void files_look(tr_report_t *report) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        tr_doctor_files(report, limit(files.rlim_cur), limit(files.rlim_max));
    else
        tr_report_add(report, "open files", TR_HEALTH_SKIP, NULL, "the limit cannot be read");
}

static void memory_look(tr_report_t *report) {
    uint64_t available = 0, total = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "MemAvailable: %" SCNu64, &available);
        sscanf(line, "MemTotal: %" SCNu64, &total);
    }
    if (file)
        fclose(file);
    if (total > 0)
        tr_doctor_memory(report, available << 10, total << 10);
    else
        tr_report_add(report, "memory", TR_HEALTH_SKIP, NULL, "/proc/meminfo cannot be read");
}

void tr_doctor_machine_look(tr_report_t *report) {
    int major, minor, patch;
    struct utsname machine;
    bool known = uname(&machine) == 0;
    tr_report_add(report, "troupe", TR_HEALTH_OK, NULL, "version %s%s%.64s %.64s %.64s", TROUPE_VERSION,
        known ? ", on " : "", known ? machine.sysname : "", known ? machine.release : "",
        known ? machine.machine : "");
    zmq_version(&major, &minor, &patch);
    tr_doctor_zmq(report, major, minor, patch);
    files_look(report);
    memory_look(report);
}
