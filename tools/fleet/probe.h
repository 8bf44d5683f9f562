/*
 * Short programs that are asked a question each, several at a time: what they say on their ready pipe and on
 * their output, and how they end.
 */
#ifndef TR_TOOLS_PROBE_H
#define TR_TOOLS_PROBE_H

#include "lib/base/error.h"
#include "tools/up/child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_PROBE_TEXT 512

typedef struct tr_probe {
    tr_child_start_t start; /* argv, variables, directory; the rest is filled in */
    /* What came of it: */
    char said[TR_PROBE_TEXT];    /* on the ready pipe, without a newline at its end; what is longer is cut */
    char printed[TR_PROBE_TEXT]; /* the same of stdout and stderr */
    int status;                  /* as of waitpid */
    bool late;                   /* it was killed when its time was over */
    tr_error_t error;            /* it could not be started */
    /* While it runs: */
    pid_t pid; /* 0: not now */
    int process, ready, out;
    int64_t until_ms;
} tr_probe_t;

/* Runs all of them, each for at most timeout_ms. 0, or the negative errno of what no probe can be run without. */
int tr_probes_run(tr_probe_t *probes, size_t count, int64_t timeout_ms);

#endif
