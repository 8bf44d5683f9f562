/* What agents were asked to do and have not answered: for work.c, which asks, and bids.c, which calls first. */
#ifndef TR_COORDINATOR_WORK_H
#define TR_COORDINATOR_WORK_H

#include "coordinator/coordinator.h"
#include "troupe/contract_net.h"

typedef struct tr_errand {
    tr_coordinator_t *coordinator;
    tr_conversation_t *conversation; /* of a request */
    tr_call_t *call;                 /* of a contract net; NULL after its end */
    const tr_proposal_t *chosen;     /* awarded, and not accepted yet */
    bool awarded;
    bool full; /* there were bids, and none of who made them has room */
    bool
        stale; /* it was withdrawn or lost: what comes of it changes nothing, for the same try of the task may have begun anew */
    struct tr_errand *next, **link; /* among all of the coordinator's */
    char *picked;                   /* who was chosen (choice.c); owned */
    char id[TR_TASK_ID_MAX + 1];
    uint32_t try;
} tr_errand_t;

tr_errand_t *tr_errand_find(const tr_coordinator_t *self, const char *id, uint32_t try);
/* Whichever there was of this try is stale. NULL when out of memory. */
tr_errand_t *tr_errand_new(tr_coordinator_t *self, const char *id, uint32_t try);
void tr_errand_free(tr_errand_t *errand);
/* What came is the result of the task's try. */
void tr_errand_complete(const tr_errand_t *errand, const tr_message_t *message);
/* How it goes, where the message says that. */
void tr_errand_status(const tr_errand_t *errand, const tr_message_t *message);
/* It came to nothing. last: may be NULL. */
void tr_errand_fail(const tr_errand_t *errand, tr_outcome_t outcome, const tr_message_t *last);

/* Accepts the bid that was awarded, once that is on the disk; the task's input goes with it. */
void tr_bids_accept(tr_errand_t *errand, const tr_task_t *task);

#endif
