/* The behaviours that the simulation brings along. Each says in its file what it does and what it takes. */
#ifndef TR_SIM_BEHAVIOURS_TABLE_H
#define TR_SIM_BEHAVIOURS_TABLE_H

#include "sim/behaviours/part.h"

#include <stdio.h>

extern const tr_behaviour_t tr_sim_auctioneer;
extern const tr_behaviour_t tr_sim_bidder;
extern const tr_behaviour_t tr_sim_buyer;
extern const tr_behaviour_t tr_sim_citizen;
extern const tr_behaviour_t tr_sim_dispatcher;
extern const tr_behaviour_t tr_sim_gossip;
extern const tr_behaviour_t tr_sim_seller;
extern const tr_behaviour_t tr_sim_teller;
extern const tr_behaviour_t tr_sim_worker;

/* 0, or -EINVAL with the problem; -ENOMEM. `args` may be NULL, but has what the simulation adds. */
int tr_auctioneer_check(tr_value_t args, tr_problem_t *problem);
int tr_bidder_check(tr_value_t args, tr_problem_t *problem);
int tr_buyer_check(tr_value_t args, tr_problem_t *problem);
int tr_citizen_check(tr_value_t args, tr_problem_t *problem);
int tr_dispatcher_check(tr_value_t args, tr_problem_t *problem);
int tr_gossip_check(tr_value_t args, tr_problem_t *problem);
int tr_seller_check(tr_value_t args, tr_problem_t *problem);
int tr_teller_check(tr_value_t args, tr_problem_t *problem);
int tr_worker_check(tr_value_t args, tr_problem_t *problem);

typedef struct tr_sim_part_kind {
    const tr_behaviour_t *behaviour;
    int (*check)(tr_value_t args, tr_problem_t *problem);
} tr_sim_part_kind_t;

/* By name, or NULL; the nearest name to one that is unknown, or NULL. */
const tr_sim_part_kind_t *tr_sim_part_find(const char *name);
const char *tr_sim_part_nearest(const char *name);
/* "NAME  summary" lines. */
void tr_sim_parts_print(FILE *out);

#endif
