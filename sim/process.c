#include "sim/process.h"

#include "sim/hub.h"
#include "sim/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 60000
#define STEPS_MAX  1000000 /* of one wake-up: it talks to itself without end */

void tr_sim_queue_put(tr_sim_queue_t *queue, tr_sim_frame_t *frame) {
    frame->next = NULL;
    if (queue->last)
        queue->last->next = frame;
    else
        queue->head = frame;
    queue->last = frame;
}

tr_sim_frame_t *tr_sim_queue_take(tr_sim_queue_t *queue) {
    tr_sim_frame_t *frame = queue->head;
    if (frame && !(queue->head = frame->next))
        queue->last = NULL;
    return frame;
}

void tr_sim_queue_drop(tr_sim_queue_t *queue) {
    tr_sim_frame_t *frame;
    while ((frame = tr_sim_queue_take(queue)))
        free(frame);
}

tr_sim_frame_t *tr_sim_frame_new(const void *bytes, size_t len) {
    tr_sim_frame_t *frame = malloc(sizeof *frame + len);
    if (frame) {
        *frame = (tr_sim_frame_t){.len = len};
        memcpy(frame->bytes, bytes, len);
    }
    return frame;
}

/* ---- its turns ---- */

static void run(void *owner, uint64_t wake) {
    tr_sim_process_t *p = owner;
    if (wake != p->wake || !p->host)
        return;
    tr_sim_process_t *before = tr_sim_ports_enter(p);
    p->wake_ns = TR_SIM_NEVER;
    p->stepping = true;
    int steps = 0;
    while (tr_host_step(p->host, -1) == 1 && steps < STEPS_MAX)
        steps++;
    p->stepping = false;
    tr_sim_ports_enter(before);
    tr_sim_process_wake(p, p->next_ns);
}

void tr_sim_process_wake(tr_sim_process_t *self, int64_t at_ns) {
    if (at_ns >= self->wake_ns || self->stepping)
        return;
    self->wake_ns = at_ns;
    tr_sim_at(self->world, at_ns, run, self, ++self->wake);
}

void tr_sim_process_call(tr_sim_process_t *self, void (*fn)(void *arg), void *arg) {
    tr_sim_process_t *before = tr_sim_ports_enter(self);
    fn(arg);
    tr_sim_ports_enter(before);
    tr_sim_process_wake(self, self->world->now_ns);
}

/* ---- its life ---- */

static void on_event(void *arg, tr_host_event_t event, const char *detail) {
    tr_sim_process_t *p = arg;
    if (event == TR_HOST_DROPPED || event == TR_HOST_REFUSED || event == TR_HOST_GAVE_UP)
        tr_error_set(&p->error, -1, "%s", detail);
}

static int add(tr_sim_process_t *p, const tr_sim_crew_t *crew, tr_error_t *error) {
    return crew->count
               ? tr_host_add_range(p->host, crew->name, crew->count, crew->behaviour, crew->args, error)
               : tr_host_add(p->host, crew->name, crew->behaviour, crew->args, NULL, error);
}

int tr_sim_process_start(
    tr_sim_process_t *self, const tr_sim_crew_t *crews, size_t count, tr_error_t *error) {
    const tr_host_options_t options = {
        .endpoint = "tcp://simulated:1",
        .process = self->name,
        .window_records = 1u << 30,
        .window_bytes = UINT64_C(1) << 40,
        .queue_bytes = UINT64_C(1) << 40,
        .connect_ms = CONNECT_MS,
        .restart_intensity = TR_HOST_RESTART_NEVER,
        .on_event = on_event,
        .arg = self,
    };
    tr_sim_process_t *before = tr_sim_ports_enter(self);
    self->lives++;
    self->wake_ns = TR_SIM_NEVER;
    int rc = tr_host_new(&options, &self->host, error);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add(self, &crews[i], error);
    tr_sim_ports_enter(before);
    if (rc == 0)
        tr_sim_process_wake(self, self->world->now_ns);
    return rc;
}

void tr_sim_process_kill(tr_sim_process_t *self) {
    if (!self->host)
        return;
    tr_sim_process_t *before = tr_sim_ports_enter(self);
    self->ghost = true;
    tr_host_destroy(&self->host);
    tr_sim_ports_enter(before);
    tr_sim_hub_forget(self->hub, self);
    tr_sim_queue_drop(&self->in);
    self->ghost = false;
    self->ghost_ns = 0;
    self->wake++;
    self->wake_ns = TR_SIM_NEVER;
}
