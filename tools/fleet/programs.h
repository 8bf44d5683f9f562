/* Where the other programs of Troupe are. */
#ifndef TR_TOOLS_PROGRAMS_H
#define TR_TOOLS_PROGRAMS_H

#include "lib/base/error.h"

#include <limits.h>

typedef struct tr_programs {
    char broker[PATH_MAX];
    char agentd[PATH_MAX];
    char coordinator[PATH_MAX], kbd[PATH_MAX], gateway[PATH_MAX],
        exporter[PATH_MAX]; /* "" where they are not there: not everybody needs them */
} tr_programs_t;

/* Finds troupe-broker and troupe-agentd: beside this program (as installed), in the rooms beside its own (a
 * build tree: ../broker/troupe-broker), or in PATH. 0, or -ENOENT: the error says which one and where it was
 * looked for. */
int tr_programs_find(tr_programs_t *ret_programs, tr_error_t *error);
/* "troupe-coordinator", "troupe-kbd", "troupe-gateway" or "troupe-exporter": where it is, or "". */
const char *tr_programs_daemon(const tr_programs_t *self, const char *program);
/* The same for one program, for a `troupe` in `directory` (absolute). `room` is its folder in a build tree.
 * out: PATH_MAX bytes. */
int tr_programs_find_one(
    const char *directory, const char *room, const char *name, char *out, tr_error_t *error);
/* The same for this `troupe`. */
int tr_programs_find_beside(const char *room, const char *name, char *out, tr_error_t *error);

#endif
