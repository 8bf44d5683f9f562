/*
 * A simulation: a scenario, its world, the processes in it, and its results. It owns all of them.
 *
 * Process 0 is the environment's: the agent `environment` tells the others of steps, the agent `observer` hears what they publish. The others
 * are the scenario's. All is registered before the first step, which begins at a whole second of virtual time.
 */
#ifndef TR_SIM_SIMULATION_H
#define TR_SIM_SIMULATION_H

#include "agentd/load.h"
#include "sim/behaviours/table.h"
#include "sim/hub.h"
#include "sim/options.h"
#include "sim/process.h"
#include "sim/results.h"
#include "sim/scenario.h"

/* A process of the scenario: which of its agents it is, and what becomes of it. */
typedef struct tr_sim_member {
    struct tr_simulation *simulation;
    tr_sim_process_t process;
    tr_sim_crew_t crew;
    char name[TR_NAME_MAX + 1];
    const tr_sim_failure_t *failure; /* NULL: it does not fail */
} tr_sim_member_t;

typedef struct tr_sim_role {
    const tr_behaviour_t *behaviour;
    tr_loaded_t *loaded; /* NULL: built in */
    char *args;          /* JSON with what the simulation adds */
} tr_sim_role_t;

typedef struct tr_simulation {
    const tr_sim_options_t *options; /* borrowed */
    tr_sim_scenario_t scenario;
    uint64_t seed;
    uint64_t steps; /* 0: event time */
    uint64_t rows;  /* how many in all */
    tr_sim_world_t world;
    tr_sim_hub_t hub;
    tr_sim_results_t results;
    tr_sim_role_t *roles;     /* one for each group */
    tr_sim_member_t *members; /* [0] is the environment's */
    size_t member_count;
    uint64_t agents;
    tr_agent_t *environment, *observer;
    uint64_t step;    /* the one that goes on; 0 = none has begun */
    int64_t begun_ns; /* of the world: when the first one began */
    bool over;
    int code; /* of the first process that could not be started again */
    tr_error_t error;
    int signal_fd;
    int64_t real_begun_ms, shown_ms; /* of the machine's clock */
} tr_simulation_t;

/* Reads and checks the scenario, and prepares the world. Negative errno. tr_simulation_finish in both cases. */
int tr_simulation_init(tr_simulation_t *self, const tr_sim_options_t *options, tr_error_t *error);
/* All of it, up to the written results. -EINTR: a signal ended it; what there is then was written. */
int tr_simulation_run(tr_simulation_t *self, tr_error_t *error);
void tr_simulation_finish(tr_simulation_t *self);

/* ---- cast.c: who there is ---- */

/* The roles and the members, none of whom is started. -EINVAL with the place in the file. */
int tr_sim_cast(tr_simulation_t *self, tr_error_t *error);
/* Starts them. */
int tr_sim_cast_start(tr_simulation_t *self, tr_error_t *error);
void tr_sim_cast_finish(tr_simulation_t *self);

/* ---- environment.c ---- */

extern const tr_behaviour_t tr_sim_environment, tr_sim_observer;
/* The steps, from the next whole second on, up to the last one. */
void tr_sim_environment_begin(tr_simulation_t *self);
/* Seconds since the first step. */
double tr_sim_time(const tr_simulation_t *self);

/* ---- progress.c ---- */

int64_t tr_sim_real_ms(void); /* the machine's clock */
void tr_sim_progress(tr_simulation_t *self);
void tr_sim_progress_end(const tr_simulation_t *self);
/* At the end, on stdout. plots: how many were drawn. */
void tr_sim_report(const tr_simulation_t *self, size_t plots);

#endif
