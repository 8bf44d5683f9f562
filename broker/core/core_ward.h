/*
 * What the tests of quarantine share: ann, bob, cid, dan and the operator, each in a process of its own, peers 1 to 5.
 */
#ifndef TR_BROKER_CORE_WARD_H
#define TR_BROKER_CORE_WARD_H

#include "broker/core/core_fixture.h"

#define CHAIN(...)                                                                                           \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }

typedef struct ward {
    world_t *w;
    tr_route_t route[6];
} ward_t;

extern const char *const ward_names[6];

/* A config of NULL is the defaults. */
ward_t ward_of(const tr_core_config_t *config);
ward_t ward_with_journal(void);
/* Everybody, to a broker that has begun anew. */
void all_come(ward_t *d);

/* The operator's request: "", "-release" or "-list"; the answer as of ask. */
const char *order(const ward_t *d, const char *action, const char *name);
/* Into quarantine; and that who is in it because of name. */
void hold(const ward_t *d, const char *name, const char *who);
uint64_t say(const ward_t *d, tr_peer_t from, const char *to);
/* What it says comes back. */
void stopped(const ward_t *d, tr_peer_t from, const char *to);
/* Sets the other one to work, for those of the chain; NULL: for itself. */
void delegate(const ward_t *d, tr_peer_t from, const char *to, const char *const *chain);

#endif
