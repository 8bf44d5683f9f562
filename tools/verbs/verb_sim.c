/* `troupe sim`: simulations, from a shell. They are another room's, and so is their program, troupe-sim, which this one becomes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/fleet/programs.h"
#include "tools/verbs/verbs.h"

#define ARGUMENTS_MAX 16

typedef struct options {
    const char *seed, *steps, *out;
    int output;
    bool no_plots, quiet, list;
} options_t;

static const char *const outputs[] = {"table", "json", NULL};

static const tr_option_t table[] = {
    {"seed", 's', "N", TR_STRING(options_t, seed), NULL,
        "Where chance begins, in place of the scenario's seed.", .flags = TR_OPTION_FLAG_ONLY},
    {"steps", 'n', "N", TR_STRING(options_t, steps), NULL, "So many steps, in place of the scenario's.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"out", 'd', "DIR", TR_STRING(options_t, out), NULL,
        "Where the results are written; default: sim-NAME-SEED in the working directory.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"no-plots", 0, NULL, TR_BOOL(options_t, no_plots), NULL, "Draw no pictures.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"quiet", 'q', NULL, TR_BOOL(options_t, quiet), NULL, "Show no progress.", .flags = TR_OPTION_FLAG_ONLY},
    {"output", 'o', "FORMAT", TR_WORD(options_t, output), "table",
        "What is printed at the end: table or json.", .words = outputs, .flags = TR_OPTION_FLAG_ONLY},
    {"list-behaviours", 0, NULL, TR_BOOL(options_t, list), NULL, "Show which behaviours there are, and end.",
        .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_program_t sim_program = {
    .name = "troupe sim",
    .summary = "Run a scenario of many agents in virtual time",
    .description = "The broker, libtroupe and the agents are the real ones, in one process; the clock, "
                   "chance and the network are "
                   "virtual, so the same scenario and seed give the same run (docs/simulation.md). Measures, "
                   "events, states "
                   "and plots are written to a directory. No broker is needed.\n\n"
                   "The exit code is 3 where the scenario is not valid, 5 where results cannot be written, "
                   "130 where a signal "
                   "stopped it.",
    .examples = "troupe sim examples/sim/rumour.yaml\n"
                "troupe sim examples/sim/fleet.yaml --seed 7 --out /tmp/fleet -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .arguments = "SCENARIO",
    .least_arguments = 0,
    .most_arguments = 1,
};

/* Comes back only where it fails. */
static int run_sim(const tr_call_t *call) {
    const options_t *o = call->options;
    const struct {
        const char *name, *value;
    } given[] = {
        {"--seed", o->seed}, {"--steps", o->steps}, {"--out", o->out}, {"--output", outputs[o->output]}};
    const struct {
        const char *name;
        bool given;
    } flags[] = {{"--no-plots", o->no_plots}, {"--quiet", o->quiet}, {"--list-behaviours", o->list}};
    const char *arguments[ARGUMENTS_MAX] = {"troupe-sim"};
    char path[PATH_MAX];
    size_t n = 1;
    tr_error_t error = {0};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].value) {
            arguments[n++] = given[i].name;
            arguments[n++] = given[i].value;
        }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].given)
            arguments[n++] = flags[i].name;
    arguments[n++] = "--";
    if (call->arguments.count)
        arguments[n++] = call->arguments.items[0];
    if (tr_programs_find_beside("sim", "troupe-sim", path, &error) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    execv(path, (char *const *)(uintptr_t)arguments);
    return tr_cli_fail(call, TR_EXIT_REFUSED, "cannot run %s: %s", path, strerror(errno));
}

const tr_verb_t tr_verb_sim = {"sim", TR_VERB_SUPPORT, &sim_program, sizeof(options_t), run_sim};
