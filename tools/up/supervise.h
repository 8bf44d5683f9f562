/*
 * Child processes of `troupe up`: started, watched, started again by the rules of lib/fleet/supervisor.h, and
 * stopped. Each has a supervisor for itself alone, with its own rule, or one that it shares.
 *
 * Never blocks (but for the moment between fork and exec) and has no loop of its own. The owner calls
 * tr_supervise_step on SIGCHLD (a signalfd does), after each call that changes something, and when the time
 * that step returned has come. Time is passed in: `now_ms` of a monotonic clock.
 *
 *              start                  ended, again             due
 *   IDLE ---------------> RUNNING -----------------> BACKOFF ------> RUNNING
 *                           |  \-- ended, rests ---> STOPPED           (by its rule, or because it is done elsewhere)
 *                           |  \-- ended, too often > FAILED
 *                           |  stop              ended
 *                           +--------> STOPPING -------> STOPPED       (SIGTERM, after the grace SIGKILL)
 *                           |  stop, with others  ended
 *                           +--------> STOPPING -------> BACKOFF
 *
 * Each child is the leader of its own process group. SIGTERM goes to the child alone, so that it can end what
 * it does; when it has ended (or is late, and gets SIGKILL), what is left of its group is killed, so that an
 * agent takes its programs with it. stdin is /dev/null; stdout and stderr are appended to the log file, whose
 * older part is kept in LOG.1 when it is over log_limit (lines written within that moment can be lost). No
 * other descriptor is inherited, but for the ready pipe.
 *
 * Only children of this supervisor are waited for. One thread, which must live as long as the process: the
 * kernel ties the parent-death signal to the thread that forked.
 */
#ifndef TR_TOOLS_SUPERVISE_H
#define TR_TOOLS_SUPERVISE_H

#include "lib/base/error.h"
#include "lib/fleet/supervisor.h"
#include "lib/yaml/yaml_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TR_SUPERVISE_NEVER      INT64_MAX
#define TR_SUPERVISE_REASON_MAX 199
#define TR_SUPERVISE_READY_FD   3 /* in the child: the ready pipe's end to write to */
#define TR_SUPERVISE_EXIT_AWAY                                                                               \
    72 /* what it is for is done elsewhere: it rests, whatever its rule (TR_HOST_EXIT_MOVED) */

typedef enum tr_child_state {
    TR_CHILD_IDLE,
    TR_CHILD_RUNNING,
    TR_CHILD_BACKOFF, /* waits for its next start */
    TR_CHILD_STOPPING,
    TR_CHILD_STOPPED,
    TR_CHILD_FAILED,
    TR_CHILD_STATES,
} tr_child_state_t;

/* The words of the enum, in its order and ended by NULL: "idle", "running" ... */
extern const char *const tr_child_state_words[];

/* What to run. All of it is copied. */
typedef struct tr_child_spec {
    const char *name;        /* unique in a supervisor */
    const char *const *argv; /* ends with NULL; argv[0] with a slash is a path, otherwise PATH is searched */
    const tr_pair_t *env;    /* added to this process's environment */
    size_t env_count;
    const char *directory; /* to run in; NULL = this process's */
    const char *log;       /* file for stdout and stderr; NULL = those of this process */
    tr_restart_t restart;  /* with a shared supervisor only `when` counts */
    size_t supervisor;     /* of tr_supervise_add_supervisor; 0 = one for itself */
    const char *after;     /* the child behind which it comes there; NULL = behind all */
    int stop_order;        /* children of a lower order are stopped first, and are gone before the next */
    bool ready_pipe; /* a pipe at TR_SUPERVISE_READY_FD, new with every start; see tr_supervise_ready_fd */
} tr_child_spec_t;

typedef struct tr_child_view {
    const char *name;
    pid_t pid; /* 0 where there is no process */
    tr_child_state_t state;
    uint64_t restarts;
    int64_t since_ms;   /* when it came into this state */
    int64_t due_ms;     /* BACKOFF: of the next start */
    bool ended;         /* it has ended at least once: */
    int exit_code;      /* of the last end, or -1 */
    int exit_signal;    /* of the last end, or 0 */
    const char *reason; /* FAILED, BACKOFF: why, for people; otherwise "" */
} tr_child_view_t;

/* "exited with 1", "killed by signal 9 (SIGKILL)", "" where it has not ended. */
void tr_print_exit(const tr_child_view_t *view, char *out, size_t size);

typedef struct tr_supervise tr_supervise_t;

typedef struct tr_supervise_config {
    bool die_with_parent;   /* children get SIGTERM when this process ends */
    int64_t grace_ms;       /* between SIGTERM and SIGKILL; 0 = 10 s */
    size_t log_limit;       /* bytes; 0 = 16 MiB */
    size_t starts_per_step; /* so that a step stays short; 0 = 16 */
    uint32_t seed;          /* of the jitter */
    /* A child has come into another state (may be NULL). Must not call the supervisor. */
    void (*changed)(void *context, const tr_child_view_t *child, tr_child_state_t before);
    /* A supervisor that is shared gave up because of this child, whose reason says why; `last`: it has none
     * above it, and its children stay down. May be NULL, must not call the supervisor. */
    void (*gave_up)(void *context, size_t supervisor, const tr_child_view_t *culprit, bool last);
    void *context;
} tr_supervise_config_t;

int tr_supervise_new(const tr_supervise_config_t *config, tr_supervise_t **ret_self);
/* Kills (SIGKILL) and reaps what still runs. */
void tr_supervise_destroy(tr_supervise_t **self);

/* A supervisor for several children, below another or, with TR_SUPERVISOR_TOP, none. -EINVAL, -ENOMEM. */
int tr_supervise_add_supervisor(
    tr_supervise_t *self, size_t parent, tr_strategy_t strategy, const tr_restart_t *rule, size_t *ret_id);
/* Adds a child that the next step starts. ret_id stays valid until it is removed. -EEXIST: the name is taken;
 * -EINVAL: no name or no argv; -ENOMEM. */
int tr_supervise_add(tr_supervise_t *self, const tr_child_spec_t *spec, size_t *ret_id, tr_error_t *error);
/* Another command line for the next starts of a child; what runs goes on. -ENOENT, -ENOMEM (the old
 * one stays). */
int tr_supervise_set_argv(tr_supervise_t *self, size_t id, const char *const *argv);
/* Starts again what is STOPPED or FAILED, with its past forgotten. -EBUSY otherwise, -ENOENT. */
int tr_supervise_start(tr_supervise_t *self, size_t id, int64_t now_ms);
/* Stops one child for good; whatever its state. -ENOENT. */
int tr_supervise_stop(tr_supervise_t *self, size_t id, int64_t now_ms);
/* Forgets a child that has no process. -EBUSY while it has one, -ENOENT. */
int tr_supervise_remove(tr_supervise_t *self, size_t id);
/* Stops all of them, in their order; nothing starts any more. */
void tr_supervise_stop_all(tr_supervise_t *self, int64_t now_ms);
/* From now on no grace: SIGKILL. For a second Ctrl-C. */
void tr_supervise_kill_all(tr_supervise_t *self, int64_t now_ms);

/* Reaps, starts what is due, signals what is late, bounds the logs. Returns when to call it next at the
 * latest. */
int64_t tr_supervise_step(tr_supervise_t *self, int64_t now_ms);

/* True when no child has a process or waits for a start. */
bool tr_supervise_quiet(const tr_supervise_t *self);
/* Ids of children are below this; some of them may be removed. */
size_t tr_supervise_limit(const tr_supervise_t *self);
/* 0, or -ENOENT. The texts are valid until the next call that is not a view. */
int tr_supervise_view(const tr_supervise_t *self, size_t id, tr_child_view_t *ret_view);
/* -ENOENT where there is none of that name. */
int tr_supervise_find(const tr_supervise_t *self, const char *name, size_t *ret_id);
/* The end of the child's ready pipe to read from (does not block, owned by the supervisor, closed at the next
 * start of that child), or -1. */
int tr_supervise_ready_fd(const tr_supervise_t *self, size_t id);
/* Closes it when it has said what it has to say. */
void tr_supervise_close_ready(tr_supervise_t *self, size_t id);

#endif
