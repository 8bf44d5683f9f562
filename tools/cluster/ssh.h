/*
 * Commands on hosts by the user's own ssh: its keys, its known hosts, its configuration. Arguments are quoted for the shell that runs them over
 * there; here there is none. Nothing is asked (BatchMode): what needs an answer fails, and says so. One thread; what waits blocks.
 */
#ifndef TR_TOOLS_CLUSTER_SSH_H
#define TR_TOOLS_CLUSTER_SSH_H

#include "lib/base/buffer.h"
#include "tools/cluster/run.h"

typedef struct tr_ssh {
    const char *config;  /* of -F; "" = the user's */
    const char *program; /* `troupe` over there */
} tr_ssh_t;

/* Begins the command line: ssh and its options. */
void tr_ssh_begin(const tr_ssh_t *self, tr_run_t *run);
/* `words` (end with NULL) as a shell takes them, for an argument of ssh. */
void tr_ssh_quote(const char *const *words, tr_buffer_t *out);

/* One command at a host that runs. */
typedef struct tr_ssh_work {
    const char *at;
    tr_buffer_t command;
    tr_run_t run;
    tr_run_job_t running;
} tr_ssh_work_t;

/* Begins `troupe WORDS` at a host, so that several do something at once; `at` is borrowed, tr_ssh_end goes with each, also where this fails. */
int tr_ssh_start(const tr_ssh_t *self, const char *at, const char *const *words, const char *input,
    tr_ssh_work_t *work, tr_error_t *error);
/* Waits for it. The error begins with the host and has a cure: -EHOSTUNREACH (ssh does not get there, or what is to be there is not), -ENOENT (there is
 * no such program), -ETIMEDOUT and -EREMOTEIO (what it says over there), or as tr_run. */
int tr_ssh_end(const tr_ssh_t *self, tr_ssh_work_t *work, char **ret_out, tr_error_t *error);
/* Both. */
int tr_ssh_troupe(const tr_ssh_t *self, const char *at, const char *const *words, const char *input,
    char **ret_out, tr_error_t *error);

#endif
