/*
 * Groups of this machine's fleet that grow and shrink by what waits for them (--autoscale): each second the AMS is asked what waits (services), the
 * supervisor, agent `fleet`, how many there are (status), and told when that is to change (scale, as `troupe scale` does, with a ticket of the
 * fleet's state directory). What cannot be asked is asked again; meanwhile all stays as it is.
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
