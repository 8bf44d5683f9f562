/*
 * What `troupe doctor` looks at: a report of findings, and the checks that fill it.
 *
 * A finding says what was looked at, how it is, what was found, and, where it is not well, what to do.
 * `skip` is honest about what could not be looked at, or has no meaning here.
 *
 * The checks of what is given (numbers, JSON) are pure; those that look themselves end with _look.
 */
#ifndef TR_TOOLS_DOCTOR_H
#define TR_TOOLS_DOCTOR_H

#include "tools/cli/session.h"

#include <jansson.h>

typedef enum tr_health { TR_HEALTH_OK, TR_HEALTH_SKIP, TR_HEALTH_WARN, TR_HEALTH_FAIL } tr_health_t;
const char *tr_health_name(tr_health_t health);

typedef struct tr_finding {
    const char *check; /* static: "open files" */
    tr_health_t health;
    char found[600];
    char cure[400]; /* "" = none needed */
} tr_finding_t;

typedef struct tr_report {
    tr_finding_t *items;
    size_t count;
    const char *about; /* goes before what is found: the fleet, where there are several; NULL (borrowed) */
    bool no_memory;
} tr_report_t;

void tr_report_finish(tr_report_t *self);
/* `check` is borrowed. `cure`: NULL = none. What is longer than there is room is cut. */
void tr_report_add(tr_report_t *self, const char *check, tr_health_t health, const char *cure,
    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The worst of all. */
tr_health_t tr_report_worst(const tr_report_t *self);
size_t tr_report_count(const tr_report_t *self, tr_health_t health);

/* ---- this machine (doctor_machine.c) ---- */

/* libzmq before 4.3.5 corrupts a connection on subscriptions of 246 to 255 bytes. */
void tr_doctor_zmq(tr_report_t *report, int major, int minor, int patch);
/* The limits of open files; SIZE_MAX = none. */
void tr_doctor_files(tr_report_t *report, size_t soft, size_t hard);
void tr_doctor_memory(tr_report_t *report, uint64_t available, uint64_t total);
/* All of the above, as they are here. */
void tr_doctor_machine_look(tr_report_t *report);

/* ---- the installation and the state of fleets (doctor_place.c) ---- */

/* `text`: what PROGRAM --version printed, "" = nothing. */
void tr_doctor_program(tr_report_t *report, const char *name, const char *path, const char *text);
void tr_doctor_programs_look(tr_report_t *report);
/* `override`: of --state, NULL = none. */
void tr_doctor_state_look(tr_report_t *report, const char *override);
void tr_doctor_fleets(tr_report_t *report, const tr_state_list_t *fleets);

/* ---- a broker (doctor_broker.c, doctor_agents.c) ---- */

/* Connects as `common` says and looks at the broker there and at its agents. TR_EXIT_OK also where findings
 * fail; TR_EXIT_UNREACHABLE where nothing answers; TR_EXIT_SIGNAL + n. */
int tr_doctor_broker_look(tr_report_t *report, const tr_call_t *call, const tr_cli_common_t *common);

/* ---- journals (doctor_journal.c) ---- */

void tr_doctor_modules_look(tr_report_t *report);
/* How fast the disk of a directory syncs. */
void tr_doctor_disk_look(tr_report_t *report, const char *place);
void tr_doctor_syncs(tr_report_t *report, const char *place, size_t count, int64_t ns);
/* `journal`, `stats`: of the AMS of a broker that keeps a journal. */
void tr_doctor_journal(tr_report_t *report, const json_t *journal);
void tr_doctor_letters(tr_report_t *report, const json_t *stats);

/* `sorted`: `count` round trips in ns. */
void tr_doctor_round_trips(tr_report_t *report, const int64_t *sorted, size_t count);
/* `agents`: of the AMS; `self`: the doctor's own AID. */
void tr_doctor_agents(tr_report_t *report, const json_t *agents, const char *self);
/* `processes`: of the supervisor's status; `agents`: of the AMS, asked for after it. */
void tr_doctor_processes(tr_report_t *report, const json_t *processes, const json_t *agents);
/* Mailboxes and service queues over half of the broker's default limits. `services`: of the AMS. */
void tr_doctor_queues(tr_report_t *report, const json_t *agents, const json_t *services);
/* The broker put joined_ms on our registration, which came between from_ms and to_ms of our clock. */
void tr_doctor_clock(
    tr_report_t *report, const char *endpoint, int64_t joined_ms, int64_t from_ms, int64_t to_ms);

#endif
