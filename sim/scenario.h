/*
 * A scenario: which agents there are, how long their world lasts, what fails in it, and what is plotted. Read from YAML:
 *
 *     simulation: rumour
 *     seed: 7
 *     steps: 60              # of the environment; or `until: 10m`, and nobody is told of steps
 *     step: 1s
 *     delay: 2ms             # of each message between a process and the broker
 *     agents:
 *       - name: person
 *         behaviour: gossip
 *         count: 1000
 *         args: {contacts: 2}
 *     failures:
 *       - {agents: worker, every: 20s, down: 5s}
 *     plots:
 *       - {title: Who knows, measures: [ignorant, spreader, stifler]}
 */
#ifndef TR_SIM_SCENARIO_H
#define TR_SIM_SCENARIO_H

#include "lib/fleet/description.h"
#include "lib/yaml/yaml_file.h"
#include "lib/yaml/yaml_table.h"

#define TR_SIM_AGENTS_MAX    2000000
#define TR_SIM_PROCESSES_MAX 10000
#define TR_SIM_STEPS_MAX     1000000

typedef struct tr_sim_group {
    const char *name;
    const char *behaviour, *load; /* one of them */
    int64_t count;                /* over 1: the agents are NAME-0 to NAME-(count - 1) */
    int processes;                /* tr_fleet_processes_t; TR_FLEET_ONE where nothing is said */
    const char *args;             /* JSON, NULL = none */
    int line;
} tr_sim_group_t;

typedef struct tr_sim_failure {
    const char *agents; /* a group's name */
    int64_t every_ms;   /* the mean time between two of them, of one process */
    int64_t down_ms;    /* the mean time until it is started again */
    int line;
} tr_sim_failure_t;

typedef struct tr_sim_plot {
    const char *title;
    tr_texts_t measures;
} tr_sim_plot_t;

typedef struct tr_sim_scenario {
    tr_arena_t arena;
    tr_yaml_file_t file;
    const char *name;
    int64_t seed, steps, until_ms, step_ms, delay_ms, jitter_ms;
    tr_yaml_list_t groups;   /* tr_sim_group_t */
    tr_yaml_list_t failures; /* tr_sim_failure_t */
    tr_yaml_list_t plots;    /* tr_sim_plot_t */
} tr_sim_scenario_t;

/* 0, or a negative errno with the place of what is wrong. tr_sim_scenario_finish in both cases. */
int tr_sim_scenario_read(tr_sim_scenario_t *self, const char *path, tr_error_t *error);
void tr_sim_scenario_finish(tr_sim_scenario_t *self);

static inline const tr_sim_group_t *tr_sim_scenario_group(const tr_sim_scenario_t *self, size_t i) {
    return (const tr_sim_group_t *)self->groups.items + i;
}

/* How many processes a group is. */
int64_t tr_sim_group_processes(const tr_sim_group_t *group);

#endif
