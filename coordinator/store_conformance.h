/* What holds for each store of tasks: run by the test of each. */
#ifndef TR_COORDINATOR_STORE_CONFORMANCE_H
#define TR_COORDINATOR_STORE_CONFORMANCE_H

#include "coordinator/store.h"

typedef struct tr_store_conformance {
    tr_store_place_t place;
    void (*clean)(void *arg); /* empties it, before each test */
    void *arg;
} tr_store_conformance_t;

/* How many tests have failed. */
int tr_store_conform(const tr_store_conformance_t *of);

#endif
