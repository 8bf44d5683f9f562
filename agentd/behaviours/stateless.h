/* What a behaviour without a state of its own saves and restores: nothing. It says so, and can be moved: what it has in hand it finishes
 * before. */
#ifndef TR_AGENTD_BEHAVIOURS_STATELESS_H
#define TR_AGENTD_BEHAVIOURS_STATELESS_H

#include "troupe/agent.h"

static inline int tr_stateless_save(tr_agent_t *self, const void *state, tr_content_writer_t *out) {
    (void)self;
    (void)state;
    tr_write_nil(out);
    return 0;
}

static inline int tr_stateless_restore(tr_agent_t *self, void *state, tr_value_t saved) {
    (void)self;
    (void)state;
    (void)saved;
    return 0;
}

#endif
