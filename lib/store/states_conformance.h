/* What holds for every store of agents' state (troupe/state.h): run by the test of each. */
#ifndef TR_STORE_STATES_CONFORMANCE_H
#define TR_STORE_STATES_CONFORMANCE_H

#include "troupe/state.h"

/* On a store that is empty; leaves it with the state of "kept" alone, which is then checked by the second. */
void tr_states_conform(tr_states_t *states);
/* After it was closed and opened again. */
void tr_states_conform_again(tr_states_t *states);

#endif
