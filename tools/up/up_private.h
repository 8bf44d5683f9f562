/* The inside of the supervisor, shared by up.c (its life), up_children.c (its processes), up_orders.c (what
 * it is asked), up_say.c (what it tells). */
#ifndef TR_TOOLS_UP_PRIVATE_H
#define TR_TOOLS_UP_PRIVATE_H

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "tools/cli/session.h"
#include "tools/fleet/fleet_request.h"
#include "tools/fleet/plan.h"
#include "tools/fleet/programs.h"
#include "tools/fleet/state.h"
#include "tools/up/roster.h"
#include "tools/up/up.h"
#include "tools/up/up_events.h"
#include "tools/up/up_wait.h"
#include "troupe/host.h"

#include <jansson.h>
#include <limits.h>
#include <pthread.h>

#define TR_UP_TAIL_MAX 2048

typedef enum tr_up_phase {
    TR_UP_BROKER,
    TR_UP_AGENTS,
    TR_UP_RUNNING,
    TR_UP_ENDING,
    TR_UP_CLOSING,
    TR_UP_ENDED,
} tr_up_phase_t;

/* Something that was asked for and takes its time: answered when nobody is waited for any more, or when
 * it is late. */
typedef struct tr_order {
    struct tr_order *next;
    tr_message_t *request; /* NULL once it is answered */
    tr_fleet_action_t action;
    int64_t due_ms;
    size_t waiting;           /* members that have not come, or not gone */
    json_t *attached, *ended; /* [{"name", "pid"}], [name] */
    bool failed;
    char failure[TR_UP_TAIL_MAX + 512];
} tr_order_t;

/* The one line on a terminal that is written over. */
typedef struct tr_progress {
    bool live;   /* a terminal */
    bool shown;  /* there is one now */
    bool quiet;  /* nobody looks any more */
    size_t told; /* registered, when it was last told */
    int64_t told_ms;
} tr_progress_t;

struct tr_up {
    tr_up_config_t config;
    tr_fleet_t *fleet;
    tr_programs_t programs;
    tr_state_t *state;
    tr_state_info_t info;
    tr_plan_at_t at; /* where the broker listens */
    bool placed;     /* `at` is known */

    tr_up_wait_t wait;
    tr_supervise_t *supervise;
    tr_roster_t roster;
    size_t *supervisors; /* in `supervise`: of each of the fleet file */
    bool gave_up;        /* one without a supervisor of its own has */
    tr_order_t *orders;
    tr_host_t *host;
    tr_agent_t *agent;

    tr_up_phase_t phase;
    bool kill;  /* no grace */
    int code;   /* to exit with */
    int report; /* -1: none, or it was written */
    int64_t begun_ms, deadline_ms;
    char line[1024]; /* of the broker's ready pipe */
    size_t line_len;

    tr_progress_t progress;
    tr_log_t log;
    pthread_t thread; /* its own: the host has another */
    int log_fd;       /* -1 */
    char log_path[PATH_MAX];
    int64_t log_from; /* length of the log when it began */
};

/* up.c */
/* Ends the fleet with this code, unless it is ending already. */
void tr_up_end(tr_up_t *self, int code);
/* The start failed: says so, and ends. */
void tr_up_fail(tr_up_t *self, tr_exit_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Does what is due now: for callers that changed something. */
void tr_up_soon(tr_up_t *self);

/* up_children.c */
int tr_up_add_broker(tr_up_t *self, tr_error_t *error);
/* A new member of a group, to be started. */
int tr_up_add_member(
    tr_up_t *self, tr_group_t *group, int64_t number, tr_member_t **ret_member, tr_error_t *error);
int tr_up_add_fleet(tr_up_t *self, tr_error_t *error);
/* A supervisor of the fleet file gave up: `context` is the tr_up_t. */
void tr_up_on_gave_up(void *context, size_t supervisor, const tr_child_view_t *culprit, bool last);
void tr_up_on_pipe(tr_up_t *self, tr_member_t *member);
/* Looks at each process, and does what follows from its end or its being registered. */
void tr_up_sync(tr_up_t *self);
/* Agents that are registered, of all (processes of `processes: one` count once). */
void tr_up_count(const tr_up_t *self, size_t *ret_ready, size_t *ret_all);
/* Why a process failed, with the end of its log. */
void tr_up_why(const tr_up_t *self, const tr_member_t *member, char *out, size_t size);

/* up_protocol.c */
/* The AMS is asked to hold the mailboxes of a member that is registered to the protocols, where its description says so; and those of all
 * members, when the broker may have forgotten it. */
void tr_up_hold(tr_up_t *self, const tr_member_t *member);
void tr_up_hold_all(tr_up_t *self);

/* up_orders.c */
/* Does a request, whose message is answered now or later. */
void tr_up_order(tr_up_t *self, const tr_message_t *message, const tr_fleet_request_t *request);
void tr_up_order_came(tr_up_t *self, tr_member_t *member);
void tr_up_order_left(tr_up_t *self, tr_member_t *member);
void tr_up_order_failed(tr_up_t *self, tr_member_t *member, const char *why);
/* Answers those that are done or late. Returns when the next one is late. */
int64_t tr_up_orders_settle(tr_up_t *self, int64_t now_ms);
/* Answers the rest, as the fleet ends. */
void tr_up_orders_finish(tr_up_t *self);
/* The answer to {"action": "status"}. */
json_t *tr_up_status(const tr_up_t *self, size_t offset);

/* up_say.c */
void tr_up_open_log(tr_up_t *self);
/* Keeps it from growing without end: whoever writes a line often calls it. */
void tr_up_bound_log(const tr_up_t *self);
/* A line for whoever looks on. */
void tr_up_say(tr_up_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How many are registered: on a terminal a live line, otherwise a line a second. */
void tr_up_progress(tr_up_t *self, size_t ready, size_t all);
/* "ready", with what to do next; then, with a report, nobody looks on any more. */
void tr_up_say_ready(tr_up_t *self, size_t agents);
/* Tells the code of the start to whoever started it. */
void tr_up_report(tr_up_t *self, int code);

/* fleet_agent.c: the agent's behaviour. Its state is a tr_up_t *. */
extern const tr_behaviour_t tr_fleet_behaviour;
#define TR_UP_LOG(self, event, ...) tr_log(&(self)->log, &tr_up_events[TR_UP_LOG_##event], __VA_ARGS__)

#endif
