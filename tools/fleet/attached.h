/*
 * Agents that `troupe attach --connect` left running here, without a supervisor: ROOT/_attached/NAME.json
 * says which process it is, so that `troupe detach` can end it, and ROOT/_attached/logs/NAME.log is its log.
 * ROOT is that of tools/fleet/state.h. No fleet can be called _attached.
 */
#ifndef TR_TOOLS_ATTACHED_H
#define TR_TOOLS_ATTACHED_H

#include "lib/base/error.h"
#include "proto/aid.h"
#include "tools/fleet/state.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct tr_attached {
    char name[TR_NAME_MAX + 1];
    char endpoint[TR_STATE_ENDPOINT_MAX + 1];
    pid_t pid;
    uint64_t start_time;
} tr_attached_t;

/* Where they are kept; made where it is missing. out: PATH_MAX bytes. */
int tr_attached_directory(const char *state, char *out, tr_error_t *error);
/* The one of that name, if it runs. -ENOENT otherwise (what is left of one that has ended is removed). */
int tr_attached_find(const char *directory, const char *name, tr_attached_t *ret_attached);
/* Whole or not at all. */
int tr_attached_save(const char *directory, const tr_attached_t *attached, tr_error_t *error);
void tr_attached_remove(const char *directory, const char *name);
/* The names of those that run, with commas between, as far as they fit. Returns how many. */
size_t tr_attached_names(const char *directory, char *out, size_t size);

#endif
