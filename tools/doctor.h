/*
 * What `troupe doctor` looks at: a report of findings, and the checks that fill it.
 *
 * A finding says what was looked at, how it is, what was found, and, where it is not well, what to do. `skip`
 * is honest about what could not be looked at, or has no meaning here.
 */
#ifndef TR_TOOLS_DOCTOR_H
#define TR_TOOLS_DOCTOR_H

#include "tools/session.h"

typedef enum tr_health { TR_HEALTH_OK, TR_HEALTH_SKIP, TR_HEALTH_WARN, TR_HEALTH_FAIL } tr_health_t;
const char *tr_health_name(tr_health_t health);

typedef struct tr_finding {
    const char *check; /* static: "open files" */
    tr_health_t health;
    char found[400];
    char cure[400]; /* "" = none needed */
} tr_finding_t;

typedef struct tr_report {
    tr_finding_t *items;
    size_t count;
    bool no_memory;
} tr_report_t;

void tr_report_finish(tr_report_t *self);
/* `check` is borrowed. `cure`: NULL = none. What is longer than there is room is cut. */
void tr_report_add(tr_report_t *self, const char *check, tr_health_t health, const char *cure,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The worst of all. */
tr_health_t tr_report_worst(const tr_report_t *self);

/* ---- this machine ---- */

void tr_doctor_troupe(tr_report_t *report);
/* libzmq before 4.3.5 corrupts a connection on subscriptions of 246 to 255 bytes. */
void tr_doctor_zmq(tr_report_t *report, int major, int minor, int patch);
/* The limits of open files; SIZE_MAX = none. */
void tr_doctor_files(tr_report_t *report, size_t soft, size_t hard);

#endif
