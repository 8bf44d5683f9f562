/* Programs of others (kubectl, podman) that do the work: by their arguments, never through a shell. One thread, blocking. */
#ifndef TR_TOOLS_CLUSTER_RUN_H
#define TR_TOOLS_CLUSTER_RUN_H

#include "lib/base/error.h"

#include <stddef.h>
#include <sys/types.h>

#define TR_RUN_OUTPUT_MAX ((size_t)64 << 20)

/* An argument list that is made step by step; what it is given must outlive it. */
#define TR_RUN_MAX 512
typedef struct tr_run {
    const char *argv[TR_RUN_MAX + 1];
    size_t count; /* over TR_RUN_MAX: too many, nothing is run */
} tr_run_t;

void tr_run_add(tr_run_t *self, const char *argument);
/* Several; ends with NULL. */
void tr_run_add_all(tr_run_t *self, const char *const *arguments);

/* One that runs. */
typedef struct tr_run_job {
    pid_t pid;        /* 0: none */
    int in, out, err; /* files in memory in place of pipes, so that nobody waits for a reader; -1: none */
} tr_run_job_t;

/* Begins it, so that several run at once; tr_run_end goes with each, also where this fails. As tr_run. */
int tr_run_begin(const tr_run_t *self, const char *input, tr_run_job_t *running, tr_error_t *error);
/* Waits for its end. *ret_status (may be NULL): its exit code where that is why it failed. As tr_run. */
int tr_run_end(
    const tr_run_t *self, tr_run_job_t *running, char **ret_out, int *ret_status, tr_error_t *error);

/* Runs it to its end. `input` (may be NULL) is its stdin. *ret_out (may be NULL) gets its stdout, a text that the caller frees. 0; -ENOENT (there is
 * no such program), -EREMOTEIO (it failed: the error has the end of what it said), -E2BIG, -ENOMEM, -EINTR (a signal ended it). */
int tr_run(const tr_run_t *self, const char *input, char **ret_out, tr_error_t *error);
/* Becomes it; returns only where it cannot be run. */
int tr_run_exec(const tr_run_t *self, tr_error_t *error);
/* Leaves it running until this process ends, which it does not outlive. */
int tr_run_beside(const tr_run_t *self, pid_t *ret_pid, tr_error_t *error);

#endif
