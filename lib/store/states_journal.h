/*
 * The state of agents (troupe/state.h) in any of the journal's stores (lib/store/journal.h): PostgreSQL, where it is to be replicated
 * or to outlive the machine; RocksDB. The key is the agent's name. What the store promises of reconnection, of one process that has it
 * and of failure holds here.
 */
#ifndef TR_STORE_STATES_JOURNAL_H
#define TR_STORE_STATES_JOURNAL_H

#include "lib/store/journal.h"
#include "troupe/state.h"

/* Takes over the journal, and closes it in the end. 0 or -ENOMEM with a text; the journal is then still the caller's. */
int tr_states_open_journal(tr_journal_t **journal, tr_states_t **ret_states, tr_error_t *error);

#endif
