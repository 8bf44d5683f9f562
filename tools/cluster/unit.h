/*
 * A fleet as a unit of systemd: `troupe up`, which says when it is ready (Type=notify) and ends its agents in order. Its own supervisor looks
 * after the processes; systemd looks after that one. tools/systemd has templates of the same for administrators.
 *
 * Source: systemd.service(5), systemd.exec(5), systemd.unit(5). Pure.
 */
#ifndef TR_TOOLS_CLUSTER_UNIT_H
#define TR_TOOLS_CLUSTER_UNIT_H

#include "lib/base/buffer.h"

#include <stdbool.h>

typedef struct tr_unit {
    const char *fleet;   /* its name */
    const char *program; /* `troupe`, absolute */
    const char *root;    /* of states, absolute; the file is ROOT/FLEET/fleet.yaml */
    bool system;         /* of the machine's manager, else of the user's */
} tr_unit_t;

void tr_unit_print(const tr_unit_t *self, tr_buffer_t *out);

#endif
