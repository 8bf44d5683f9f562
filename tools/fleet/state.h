/*
 * Where a running fleet's state lives: ROOT/FLEET/, with
 *
 *   fleet.json     what runs: pid, endpoints, since when. There while the fleet runs; written whole or not
 *                  at all
 *   journal/       of its broker, where the fleet file says `journal: true`: stays when the fleet ends
 *   lock           held (flock) by the supervisor; a second `up` finds out by it
 *   logs/NAME.log  of each process
 *
 * ROOT is --state (TROUPE_STATE) where it is given; else `.troupe` in the working directory where it is there
 * and ours, or can be made; else $XDG_STATE_HOME/troupe or ~/.local/state/troupe. Directories are made with
 * 0700: logs may quote messages.
 *
 * A supervisor that died leaves fleet.json behind. It is recognised by its pid and the start time of that
 * process (/proc/PID/stat), so that another process with a used pid is not mistaken for it, and cleaned away
 * by the next command that finds it.
 */
#ifndef TR_TOOLS_STATE_H
#define TR_TOOLS_STATE_H

#include "lib/base/error.h"
#include "proto/aid.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TR_STATE_ENDPOINT_MAX 255

typedef struct tr_state_info {
    char fleet[TR_PLATFORM_MAX + 1];
    char platform[TR_PLATFORM_MAX + 1];
    pid_t pid;           /* of the supervisor */
    uint64_t start_time; /* of that process, in ticks since boot; see tr_state_start_time */
    int64_t started_ms;  /* Unix time */
    char listen[TR_STATE_ENDPOINT_MAX + 1];
    char stream[TR_STATE_ENDPOINT_MAX + 1];
    char http[TR_STATE_ENDPOINT_MAX + 1]; /* HOST:PORT */
    char file[PATH_MAX];                  /* the fleet file, absolute */
    char journal[PATH_MAX];               /* of its broker: a directory, "postgres", "" = none */
    char cert[PATH_MAX];      /* of a secure fleet: what its user's commands prove themselves with */
    char certs[PATH_MAX];     /* of a secure fleet: the directory of its certificates */
    char directory[PATH_MAX]; /* ROOT/FLEET, absolute; not stored, filled by readers */
    bool running;             /* not stored, filled by readers */
} tr_state_info_t;

/* A fleet's directory with its lock held. */
typedef struct tr_state tr_state_t;

/* The root for a new fleet, made where it is missing. `override`: of --state, NULL = none. ret_root: PATH_MAX
 * bytes. */
int tr_state_root(const char *override, char *ret_root, tr_error_t *error);

/* Where what belongs to the user and to no fleet is: `override` (of --state), else the place of XDG's base directories; made by nobody. -ENOENT (neither HOME nor
 * XDG_STATE_HOME says), -ENAMETOOLONG. */
int tr_state_user_root(const char *override, char ret_root[PATH_MAX]);

/* Where ROOT/FLEET would be, made by nobody. ret_directory: PATH_MAX bytes. */
int tr_state_where(const char *override, const char *fleet, char *ret_directory, tr_error_t *error);
/* ROOT/FLEET of a fleet that may have ended, where it is. -ENOENT. */
int tr_state_left(const char *override, const char *fleet, char *ret_directory, tr_error_t *error);

/* Makes ROOT/FLEET, takes its lock and removes what a dead supervisor left. -EBUSY where the fleet runs: the
 * error says its pid and since when. The lock is inherited by fork (for `up --detach`), not by exec. */
int tr_state_claim(const char *root, const char *fleet, tr_state_t **ret_state, tr_error_t *error);
/* Writes fleet.json: temporary file, fsync, rename. `directory` and `running` of the info are not used. */
int tr_state_save(tr_state_t *self, const tr_state_info_t *info, tr_error_t *error);
/* ROOT/FLEET, absolute. */
const char *tr_state_directory(const tr_state_t *self);
/* Removes fleet.json and gives the lock back; logs stay. */
void tr_state_release(tr_state_t **self);
/* Gives the lock back and touches nothing: for the parent that leaves a detached supervisor behind. */
void tr_state_leave(tr_state_t **self);

/* DIRECTORY/logs/NAME.log; makes logs/ where it is missing. `name` must be a valid agent's name. */
int tr_state_log_path(const char *directory, const char *name, char *out, size_t out_size, tr_error_t *error);

/* Start time of a process in ticks since boot; 0 where there is no such process. */
uint64_t tr_state_start_time(pid_t pid);

typedef struct tr_state_list {
    tr_state_info_t *items; /* by name */
    size_t count;
} tr_state_list_t;

/* All fleets with a fleet.json in `override`, or else in .troupe and in the XDG place, whether they run or
 * not. What cannot be read is left out. */
int tr_state_list(const char *override, tr_state_list_t *ret_list, tr_error_t *error);
void tr_state_list_finish(tr_state_list_t *self);

/* The running fleet of that name; `fleet` NULL: the only one that runs. -ENOENT where there is none, -EINVAL
 * where there are several: the error lists them. State of dead supervisors is removed on the way. */
int tr_state_find(const char *override, const char *fleet, tr_state_info_t *ret_info, tr_error_t *error);

#endif
