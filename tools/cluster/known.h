/* Whether the brokers of a fleet go by the certificates that were brought to them: the AMS of each says what it has read, as a mark. */
#ifndef TR_TOOLS_CLUSTER_KNOWN_H
#define TR_TOOLS_CLUSTER_KNOWN_H

#include "lib/cert/cert.h"
#include "tools/cli/cli.h"

#include <jansson.h>

typedef struct tr_known {
    const tr_call_t *call;
    const tr_cli_common_t *common; /* fleet, state, timeout_ms: borrowed */
    const json_t
        *wanted; /* platform -> mark of what it is to have read; platform "": the one that is reached */
    const char *otherwise; /* what is so if they do not know in time, for the error */
} tr_known_t;

/* The mark of a directory's public parts. 0 or negative errno; a file that cannot be read is told on the call's err. */
int tr_known_mark(
    const tr_call_t *call, const char *directory, char out[TR_CERT_MARK_TEXT], tr_error_t *error);

/*
 * Asks them again and again, as the operator and over the links of the one that is reached, until all have read it; how many have, and who has
 * not, is told on the call's err whenever it changes. An exit code: TR_EXIT_TIMEOUT after --timeout, which names who is missing, and why.
 */
int tr_known_wait(const tr_known_t *self);

#endif
