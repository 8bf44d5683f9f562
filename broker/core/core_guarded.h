/* A broker with certificates, in a test. */
#ifndef TR_BROKER_CORE_GUARDED_H
#define TR_BROKER_CORE_GUARDED_H

#include "broker/core/core_fixture.h"
#include "lib/cert/cert.h"

#define LIST(...)                                                                                            \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }

typedef struct wish {
    const char *name;
    uint8_t key, old_key;
    int64_t not_after_ms, old_until_ms, revoked_ms;
    const char *const *names, *const *publish, *const *subscribe, *const *offer, *const *ask, *const *verbs;
    tr_limits_t limits;
} wish_t;

/* The certificates that there are from now on; ended by one without a name. */
void guard(world_t *w, const wish_t *wishes);
/* The next event of that kind, and that it is about this. */
void expect_audit(world_t *w, tr_core_event_t kind, const char *what);

#endif
