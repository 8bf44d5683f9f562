#include "sim/options.h"

#include "sim/scenario.h"

#include <errno.h>

#define O tr_sim_options_t

static const char *const outputs[] = {"table", "json", NULL};

static const tr_option_t table[] = {
    {"seed", 's', "N", TR_INT(O, seed), "-1", "Where chance begins, in place of the scenario's seed.",
        .min = -1, .max = INT64_MAX},
    {"steps", 'n', "N", TR_INT(O, steps), "0", "So many steps, in place of the scenario's.", .min = 0,
        .max = TR_SIM_STEPS_MAX},
    {"out", 'd', "DIR", TR_STRING(O, out), NULL,
        "Where the results are written; default: sim-NAME-SEED in the working directory."},
    {"no-plots", 0, NULL, TR_BOOL(O, no_plots), NULL, "Draw no pictures."},
    {"quiet", 'q', NULL, TR_BOOL(O, quiet), NULL, "Show no progress."},
    {"output", 'o', "FORMAT", TR_WORD(O, output), "table", "What is printed at the end: table or json.",
        .words = outputs},
    {"list-behaviours", 0, NULL, TR_BOOL(O, list), NULL, "Show which behaviours there are, and end."},
};

static const tr_program_t program = {
    .name = "troupe-sim",
    .summary = "Run a scenario of many agents in virtual time",
    .description =
        "The broker, libtroupe and the agents are the real ones, in one process; the clock, chance and the "
        "network are virtual, so the same scenario and seed give the same run. Measures, events, "
        "states and plots are written to a directory.\n\n"
        "It ends with 0, 1 for wrong usage, 3 when the scenario is not valid, 5 when results cannot be "
        "written, 130 when a signal stopped it.",
    .examples = "troupe sim examples/sim/rumour.yaml\n"
                "troupe sim examples/sim/fleet.yaml --seed 7 --out /tmp/fleet -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .arguments = "SCENARIO",
    .least_arguments = 0,
    .most_arguments = 1,
};

int tr_sim_options_read(int argc, char *const *argv, tr_sim_options_t *ret_options) {
    tr_sim_options_t o = {0};
    tr_error_t error = {0};
    int ask = tr_options_read(&program, argc, argv, &o, &o.flags, &error);
    if (ask != TR_OPTIONS_RUN)
        return tr_options_answer(&program, ask, &error);
    tr_strings_t arguments = tr_options_arguments(o.flags);
    o.scenario = arguments.count ? arguments.items[0] : NULL;
    if (!o.scenario && !o.list) {
        tr_options_destroy(&o.flags);
        return tr_options_answer(
            &program, tr_error_set(&error, -EINVAL, "expected a SCENARIO, a YAML file"), &error);
    }
    *ret_options = o;
    return TR_SIM_GO;
}
