/*
 * What waits for the services of groups that are scaled, and how many agents they have, on each platform where they are: its AMS is asked (services), and
 * its supervisor, agent `fleet` (status). All at once; who does not answer keeps what was last known of it for AWAY_MS, which is longer than a link that
 * is lost stays so unnoticed, and then counts as gone, with its agents: others have their work. When it answers again, all of it counts again.
 *
 * One thread, that of the coordinator's host.
 */
#ifndef TR_COORDINATOR_PLACES_H
#define TR_COORDINATOR_PLACES_H

#include "coordinator/coordinator.h"
#include "coordinator/scale/scaler.h"

#define TR_PLACES_SUPERVISOR "fleet"

/* Per group, in the order of the scalers. */
typedef struct tr_place_counts {
    int64_t waiting, agents;
} tr_place_counts_t;

typedef struct tr_place {
    struct tr_places *places;
    char platform[TR_PLATFORM_MAX + 1]; /* "": the coordinator's own */
    int64_t heard_ms;                   /* 0: never */
    int64_t offset;                     /* of the page of processes that was asked for */
    bool here, gone; /* it has answered in this round; it has not for long. Neither: it may yet */
    bool failed;     /* something in this round */
    char said[200];  /* what went wrong last, said once */
    tr_place_counts_t *now, *known; /* of the round that goes on; as last known */
} tr_place_t;

typedef struct tr_places {
    tr_coordinator_t *coordinator;
    const tr_scaler_t *scalers; /* borrowed */
    size_t scaler_count;
    tr_place_t *items;
    size_t count;
    size_t pending;   /* of the round that goes on */
    int64_t begun_ms; /* tr_clock_ms */
    void (*then)(tr_coordinator_t *self);
} tr_places_t;

/* `then` is called at the end of each round. 0, -ENOMEM; finish it in both cases. */
int tr_places_init(tr_places_t *self, tr_coordinator_t *coordinator, const tr_scaler_t *scalers, size_t count,
    void (*then)(tr_coordinator_t *self));
void tr_places_finish(tr_places_t *self);
/* Begins a round. */
void tr_places_look(tr_places_t *self);
/* "" or NULL: the own one. */
tr_place_t *tr_places_at(tr_places_t *self, const char *platform);

/* Asks an agent (`fleet`, `ams`) of a place. 0 or a negative errno, `then` is not called; takes what `w` has in both cases. */
int tr_place_ask(tr_place_t *self, const char *agent, tr_content_writer_t *w, tr_answer_fn then, void *arg);
bool tr_place_is_good(const tr_message_t *answer);
/* In the log, once for each reason; of a round, the first. `answer` NULL: there is none. */
void tr_place_say_why(tr_place_t *self, const char *agent, const tr_message_t *answer);

#endif
