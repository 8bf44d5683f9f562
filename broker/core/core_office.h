/*
 * What the tests of durable messages share: peer 1 is the producer `p` with the agent a, peer 2 has the agent b, and a sends to b.
 */
#ifndef TR_BROKER_CORE_OFFICE_H
#define TR_BROKER_CORE_OFFICE_H

#include "broker/core/core_fixture.h"

typedef struct office {
    world_t *w;
    tr_route_t a, b;
} office_t;

/* A config to change before office_new. */
tr_core_config_t with_journal(void);
/* A config of NULL is with_journal. */
office_t office_new(const tr_core_config_t *config);
void sender_comes(office_t *o, uint64_t epoch);
void receiver_comes(office_t *o);

/* A durable message from a to b. */
letter_t office_letter(const office_t *o, uint64_t id, const char *text);
void office_send(const office_t *o, uint64_t id, const char *text);
/* That these numbers, first to last, are on disk, in one or more records. */
void expect_stored(world_t *w, uint64_t first, uint64_t last);
/* The next one to b, leased. */
const got_t *expect_message(const office_t *o, const char *text);

#endif
