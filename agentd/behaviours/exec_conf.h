/*
 * The arguments of the exec behaviour: from a fleet file, or from flags of troupe-agentd.
 *
 *   command         [PROGRAM, ARGUMENT...], or PROGRAM     required; no shell reads it
 *   mode            "persistent" (default): one program for the agent's life; "once": one run for each
 *                   message
 *   timeout_ms      for one message: 30000
 *   in_flight       persistent: requests that the program has at once: 1
 *   cwd             directory to run in: that of troupe-agentd
 *   env             {NAME: VALUE} added to the environment
 *   backoff_ms      pause before a program that ended is started again: 100; doubled each time ...
 *   max_backoff_ms  ... up to this: 10000
 *   log             {level, format} of the lines about the program, as --log-level and --log-format
 */
#ifndef TR_AGENTD_BEHAVIOURS_EXEC_CONF_H
#define TR_AGENTD_BEHAVIOURS_EXEC_CONF_H

#include "agentd/problem.h"
#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "proto/content.h"

#include <jansson.h>

typedef enum tr_exec_mode {
    TR_EXEC_PERSISTENT,
    TR_EXEC_ONCE,
} tr_exec_mode_t;

extern const char *const tr_exec_mode_words[];

typedef struct tr_exec_conf {
    const char **command; /* NULL at the end */
    int mode;
    int64_t timeout_ms;
    int64_t in_flight;
    const char *cwd;  /* NULL: as it is */
    const char **env; /* "NAME=VALUE" to add, NULL at the end */
    int64_t backoff_ms;
    int64_t max_backoff_ms;
    int log_level;
    int log_format;
    tr_arena_t arena; /* owns what is above */
} tr_exec_conf_t;

/* 0; -EINVAL with the key and what was expected; -ENOMEM. Finish it after success only. */
int tr_exec_conf_read(tr_exec_conf_t *ret_conf, tr_value_t args, tr_problem_t *problem);
void tr_exec_conf_finish(tr_exec_conf_t *self);

/* What the command line of troupe-agentd adds. */
typedef struct tr_exec_flags {
    const char *const *command; /* wins over that of the arguments, where count > 0; so do mode and timeout */
    size_t count;
    int mode;
    int64_t timeout_ms;
    int log_level, log_format;
} tr_exec_flags_t;

/* Adds the flags to the arguments, an object. 0, -EINVAL, -ENOMEM. */
int tr_exec_args(json_t *args, const tr_exec_flags_t *flags, tr_problem_t *problem);

#endif
