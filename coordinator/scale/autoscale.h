/*
 * Groups of the fleet that grow and shrink by what waits for them (--autoscale): each second it is asked what waits, and how many agents there are, on
 * each platform where the group is (places.h), and the supervisor there is told when that is to change (scale, as `troupe scale` does). That of
 * this machine's fleet with a ticket of its state directory; one of a rule with platforms by the coordinator's own name, which its fleet file has
 * (`autoscale: {by: ...}`). What cannot be asked is asked again; meanwhile all stays as it is.
 *
 * One thread, that of the coordinator's host.
 */
#ifndef TR_COORDINATOR_AUTOSCALE_H
#define TR_COORDINATOR_AUTOSCALE_H

#include "coordinator/desk.h"
#include "coordinator/scale/scaler.h"

/* Nothing where the options name no group. Begins by itself, as soon as the host runs. 0, -ENOMEM. */
int tr_autoscale_begin(tr_coordinator_t *self, tr_error_t *error);
/* After the host, whose timers and requests are its own. */
void tr_autoscale_finish(tr_coordinator_t *self);
/* The action "autoscale": what it knows. */
void tr_desk_autoscale(tr_question_t *q);

#endif
