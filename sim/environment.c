/* The steps, and what the observer hears. */
#include "sim/simulation.h"

#include "proto/json.h"

#include <math.h>
#include <string.h>

double tr_sim_time(const tr_simulation_t *self) {
    return self->step || self->begun_ns ? (double)(self->world.now_ns - self->begun_ns) / 1e9 : 0;
}

/* ---- steps ---- */

static void tell_step(void *arg) {
    tr_simulation_t *self = arg;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv_uint(&w, "step", self->step);
    tr_write_kv_uint(&w, "steps", self->steps);
    tr_write_kv_double(&w, "time", tr_sim_time(self));
    if (tr_publish_content(self->environment, "sim.step", &w) < 0)
        self->world.failed = true;
    tr_flush(self->environment);
}

static void tell_end(void *arg) {
    tr_simulation_t *self = arg;
    if (tr_publish(self->environment, "sim.end", "\xc0", 1) < 0)
        self->world.failed = true;
    tr_flush(self->environment);
}

/* At the begin of each step, and once at the end of the last one. */
static void next_step(void *owner, uint64_t done) {
    tr_simulation_t *self = owner;
    tr_sim_process_t *process = &self->members[0].process;
    if (done)
        tr_sim_results_row(&self->results, (double)done * (double)self->scenario.step_ms / 1e3);
    if (done == self->rows) {
        self->over = true;
        tr_sim_process_call(process, tell_end, self);
        return;
    }
    self->step = done + 1;
    if (self->steps)
        tr_sim_process_call(process, tell_step, self);
    tr_sim_at(&self->world, self->begun_ns + (int64_t)(done + 1) * self->scenario.step_ms * TR_SIM_MS,
        next_step, self, done + 1);
}

void tr_sim_environment_begin(tr_simulation_t *self) {
    self->begun_ns = (self->world.now_ns / TR_SIM_SECOND + 1) * TR_SIM_SECOND;
    tr_sim_at(&self->world, self->begun_ns, next_step, self, 0);
}

static int hear_nothing(tr_agent_t *agent, void *state, const tr_message_t *message) {
    (void)agent, (void)state, (void)message;
    return 0;
}

const tr_behaviour_t tr_sim_environment = {
    .abi = TR_BEHAVIOUR_ABI, .name = "environment", .receive = hear_nothing};

/* ---- the observer ---- */

static int observe(tr_agent_t *agent, void *state, tr_value_t args) {
    static const char *const topics[] = {"sim.measure.*", "sim.sample.*", "sim.event", "sim.state"};
    int rc = 0;
    (void)state, (void)args;
    for (size_t i = 0; i < sizeof topics / sizeof *topics && rc == 0; i++)
        rc = tr_subscribe(agent, topics[i]);
    return rc;
}

static void hear_number(tr_simulation_t *self, const char *kind, const char *name, double value) {
    if (isnan(value))
        return; /* it told something else */
    if (strcmp(kind, "measure") == 0)
        tr_sim_results_add(&self->results, name, value);
    else
        tr_sim_results_sample(&self->results, name, value);
}

static int hear(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_simulation_t *self = *(tr_simulation_t **)state;
    const char *topic = tr_message_topic(message);
    tr_value_t value = tr_message_value(message);
    (void)agent;
    if (!self || tr_message_type(message) != TR_MESSAGE_EVENT)
        return 0;
    if (strncmp(topic, "sim.measure.", 12) == 0)
        hear_number(self, "measure", topic + 12, tr_value_double(value, NAN));
    else if (strncmp(topic, "sim.sample.", 11) == 0)
        hear_number(self, "sample", topic + 11, tr_value_double(value, NAN));
    else if (strcmp(topic, "sim.event") == 0)
        tr_sim_results_event(&self->results, tr_sim_time(self), self->step, tr_message_sender(message),
            tr_value_to_json(value));
    else
        tr_sim_results_state(&self->results, tr_message_sender(message), tr_value_to_json(value));
    return 0;
}

const tr_behaviour_t tr_sim_observer = {.abi = TR_BEHAVIOUR_ABI,
    .name = "observer",
    .state_size = sizeof(tr_simulation_t *),
    .init = observe,
    .receive = hear};
