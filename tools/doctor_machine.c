/* What `troupe doctor` finds out without any broker: the machine, the installation, the state of fleets. */
#include "tools/doctor.h"

#define FILES_FEW    256 /* a small fleet, with the broker's own */
#define FILES_WISHED 10000

void tr_doctor_troupe(tr_report_t *report) {
    tr_report_add(report, "troupe", TR_HEALTH_OK, NULL, "version %s", TROUPE_VERSION);
}

void tr_doctor_zmq(tr_report_t *report, int major, int minor, int patch) {
    bool old = major < 4 || (major == 4 && (minor < 3 || (minor == 3 && patch < 5)));
    if (old)
        tr_report_add(report, "libzmq", TR_HEALTH_WARN,
            "Troupe refuses topics over 200 bytes, so it is safe; other programs that watch the stream must "
            "keep to that, or use "
            "libzmq 4.3.5 or later.",
            "version %d.%d.%d, which corrupts a connection on subscriptions of 246 to 255 bytes", major,
            minor, patch);
    else
        tr_report_add(report, "libzmq", TR_HEALTH_OK, NULL, "version %d.%d.%d", major, minor, patch);
}

void tr_doctor_files(tr_report_t *report, size_t soft, size_t hard) {
    static const char cure[] =
        "Each process of a fleet costs the broker one: raise the limit (`ulimit -n`, or LimitNOFILE= of "
        "a systemd unit).";
    tr_health_t health = hard < FILES_FEW      ? TR_HEALTH_FAIL
                         : hard < FILES_WISHED ? TR_HEALTH_WARN
                                               : TR_HEALTH_OK;
    const char *way = soft < hard ? "; the broker raises its own up to the hard limit" : "";
    char most[32] = "no limit";
    if (hard != SIZE_MAX)
        snprintf(most, sizeof most, "%zu", hard);
    if (soft == SIZE_MAX)
        tr_report_add(report, "open files", TR_HEALTH_OK, NULL, "no limit");
    else
        tr_report_add(report, "open files", health, health == TR_HEALTH_OK ? NULL : cure,
            "limit %zu, hard limit %s%s", soft, most, way);
}
