/*
 * Where the logs of a fleet are, and which there are.
 *
 * The fleet is the one that runs; where none does, the one whose logs were written last: logs stay when a
 * fleet ends.
 */
#ifndef TR_TOOLS_LOG_PLACE_H
#define TR_TOOLS_LOG_PLACE_H

#include "lib/base/error.h"
#include "tools/fleet/state.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct tr_log_place {
    char fleet[TR_PLATFORM_MAX + 1];
    char directory[PATH_MAX]; /* of the logs */
    bool running;
} tr_log_place_t;

/* `override`: of --state, `fleet`: of --fleet; both may be NULL. 0; -ENOENT: no such fleet and no logs of
 * one, -EINVAL: several run. */
int tr_log_place_find(const char *override, const char *fleet, tr_log_place_t *ret_place, tr_error_t *error);

typedef struct tr_log_names {
    char **items; /* of processes, sorted; ends with NULL */
    size_t count;
} tr_log_names_t;

/* Whose logs there are. 0, -ENOMEM, or the errno of a directory that cannot be read. */
int tr_log_names_read(const char *directory, tr_log_names_t *ret_names);
void tr_log_names_finish(tr_log_names_t *self);

/* Whether a name is the one that was asked for, or a member of the group of that name: "reader" is "reader-1"
 * and "reader-2". */
bool tr_log_name_matches(const char *asked, const char *name);

#endif
