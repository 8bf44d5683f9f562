#include "sim/simulation.h"

#include "lib/base/process.h"
#include "sim/plot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK     256                  /* events between two looks at signals and the terminal */
#define LAST_NS  (60 * TR_SIM_SECOND) /* after the end: what was said then may still arrive */
#define PLATFORM "sim"

/* What the broker refuses is worth a line: a scenario should not make it do so. */
static void told(void *arg, tr_core_event_t event, const char *text, const char *detail) {
    tr_simulation_t *self = arg;
    if (event == TR_EVENT_REFUSED || event == TR_EVENT_DEAD_LETTER)
        tr_sim_results_event(&self->results, tr_sim_time(self), self->step, NULL,
            json_pack(
                "{s:s, s:s}", event == TR_EVENT_REFUSED ? "refused" : "dead-letter", text, "why", detail));
}

static void take_options(tr_simulation_t *self) {
    const tr_sim_options_t *o = self->options;
    const tr_sim_scenario_t *s = &self->scenario;
    self->seed = (uint64_t)(o->seed >= 0 ? o->seed : s->seed);
    self->steps = (uint64_t)(o->steps && s->steps ? o->steps : s->steps);
    self->rows = self->steps ? self->steps : (uint64_t)((s->until_ms + s->step_ms - 1) / s->step_ms);
}

static int open_results(tr_simulation_t *self, tr_error_t *error) {
    char *directory = NULL;
    if (self->options->out)
        directory = strdup(self->options->out);
    else if (asprintf(&directory, "sim-%s-%llu", self->scenario.name, (unsigned long long)self->seed) < 0)
        directory = NULL;
    int rc = directory ? tr_sim_results_open(&self->results, directory, error)
                       : tr_error_set(error, -ENOMEM, "out of memory");
    free(directory);
    return rc;
}

int tr_simulation_init(tr_simulation_t *self, const tr_sim_options_t *options, tr_error_t *error) {
    *self = (tr_simulation_t){.options = options, .signal_fd = -1, .real_begun_ms = tr_sim_real_ms()};
    int rc = tr_sim_scenario_read(&self->scenario, options->scenario, error);
    if (rc < 0)
        return rc;
    take_options(self);
    tr_sim_world_init(&self->world, self->seed);
    if ((rc = tr_sim_cast(self, error)) < 0)
        return rc;
    if (tr_sim_hub_init(&self->hub, &self->world, PLATFORM) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->hub.told = told;
    self->hub.told_arg = self;
    rc = tr_process_signals(&self->signal_fd, error);
    return rc == 0 ? open_results(self, error) : rc;
}

static bool is_asked_to_stop(tr_simulation_t *self) {
    tr_sim_progress(self);
    return tr_process_next_signal(self->signal_fd) > 0;
}

/* Up to the end of the last step, and then until nothing is under way any more. -EINTR. */
static int live(tr_simulation_t *self) {
    int64_t until_ns = TR_SIM_NEVER;
    for (uint64_t i = 1; !self->world.failed; i++) {
        if (self->over && until_ns == TR_SIM_NEVER)
            until_ns = self->world.now_ns + LAST_NS;
        if (!tr_sim_next(&self->world, until_ns))
            break;
        if (i % LOOK == 0 && is_asked_to_stop(self))
            return -EINTR;
    }
    return 0;
}

int tr_simulation_run(tr_simulation_t *self, tr_error_t *error) {
    size_t plots = 0;
    int rc = tr_sim_cast_start(self, error);
    if (rc < 0)
        return rc;
    tr_sim_environment_begin(self);
    int lived = live(self);
    tr_sim_progress_end(self);
    if (self->world.failed)
        return tr_error_set(error, -ENOMEM, "out of memory: the world is too large for this machine");
    if (self->code < 0)
        return tr_error_set(error, self->code, "%s", self->error.text);
    if ((rc = tr_sim_results_write(&self->results, error)) < 0)
        return rc;
    if (!self->options->no_plots && self->scenario.plots.count &&
        tr_sim_plot(&self->scenario, &self->results, &plots, error) != 0)
        fprintf(stderr, "troupe sim: %s\n", error->text);
    tr_sim_report(self, plots);
    return lived;
}

void tr_simulation_finish(tr_simulation_t *self) {
    self->over = true;
    tr_sim_cast_finish(self);
    tr_sim_hub_finish(&self->hub);
    tr_sim_world_finish(&self->world);
    tr_sim_results_close(&self->results);
    tr_sim_scenario_finish(&self->scenario);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
}
