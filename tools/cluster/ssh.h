/*
 * Commands on hosts by the user's own ssh: its keys, its known hosts, its configuration. Arguments are quoted for the shell that runs them over
 * there; here there is none. Nothing is asked (BatchMode): what needs an answer fails, and says so. One thread, blocking.
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
/* Runs `troupe WORDS` at a host. As tr_run; the error begins with the host and has a cure. */
int tr_ssh_troupe(const tr_ssh_t *self, const char *at, const char *const *words, const char *input,
    char **ret_out, tr_error_t *error);

#endif
