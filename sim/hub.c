#include "sim/hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 200
#define PLENTY                                                                                               \
    (1u << 30) /* limits that a world must not meet: it has no disk to be short of, and no honest guests */
#define PLENTY_64 (UINT64_C(1) << 40)

static void turn(void *owner, uint64_t arg);

static void plan_turn(tr_sim_hub_t *self) {
    if (self->turn_planned)
        return;
    self->turn_planned = true;
    tr_sim_at(self->world, self->world->now_ns, turn, self, 0);
}

static tr_core_now_t now_of(const tr_sim_hub_t *self) {
    int64_t ms = self->world->now_ns / TR_SIM_MS + 1000;
    return (tr_core_now_t){.mono_ms = ms, .wall_ms = INT64_C(1700000000000) + ms};
}

/* ---- wires ---- */

void tr_sim_hub_connect(tr_sim_hub_t *self, tr_sim_process_t *process) {
    if (self->peer_count + 1 >= self->peer_room) {
        uint32_t room = self->peer_room ? 2 * self->peer_room : 64;
        tr_sim_process_t **peers = reallocarray(self->peers, room, sizeof *peers);
        if (!peers) {
            self->world->failed = true;
            return;
        }
        self->peers = peers;
        self->peer_room = room;
    }
    if (process->peer)
        self->peers[process->peer] = NULL;
    process->peer = ++self->peer_count;
    process->up_ns = process->down_ns = 0;
    self->peers[process->peer] = process;
}

/* In order, after the delay. */
static int64_t due(tr_sim_process_t *process, int64_t *last_ns) {
    tr_sim_world_t *world = process->world;
    int64_t at = world->now_ns + process->delay_ns;
    if (process->jitter_ns)
        at += (int64_t)(tr_sim_random(world) % (uint64_t)process->jitter_ns);
    *last_ns = at > *last_ns ? at : *last_ns;
    return *last_ns;
}

static void arrive_up(void *owner, uint64_t arg) {
    tr_sim_hub_t *self = owner;
    tr_sim_queue_put(&self->in, (tr_sim_frame_t *)(uintptr_t)arg);
    plan_turn(self);
}

void tr_sim_hub_send(tr_sim_hub_t *self, tr_sim_process_t *process, const void *bytes, size_t len) {
    tr_sim_frame_t *frame = tr_sim_frame_new(bytes, len);
    tr_sim_trace(self->world, process->peer, bytes, len);
    if (!frame) {
        self->world->failed = true;
        return;
    }
    frame->peer = process->peer;
    tr_sim_at(self->world, due(process, &process->up_ns), arrive_up, self, (uintptr_t)frame);
}

static void arrive_down(void *owner, uint64_t arg) {
    tr_sim_hub_t *self = owner;
    tr_sim_frame_t *frame = (tr_sim_frame_t *)(uintptr_t)arg;
    tr_sim_process_t *process = self->peers[frame->peer];
    if (!process) {
        free(frame);
        return;
    }
    tr_sim_queue_put(&process->in, frame);
    if (process->host)
        tr_sim_process_wake(process, self->world->now_ns);
}

static void send_down(tr_sim_hub_t *self, const tr_core_out_t *out) {
    tr_sim_process_t *process = out->peer <= self->peer_count ? self->peers[out->peer] : NULL;
    tr_sim_frame_t *frame = process ? tr_sim_frame_new(out->buf->data, out->buf->len) : NULL;
    if (!process)
        return;
    if (!frame) {
        self->world->failed = true;
        return;
    }
    frame->peer = process->peer;
    tr_sim_at(self->world, due(process, &process->down_ns), arrive_down, self, (uintptr_t)frame);
}

static void lost(void *owner, uint64_t peer) {
    tr_sim_hub_t *self = owner;
    tr_core_peer_lost(self->core, peer, now_of(self));
    plan_turn(self);
}

void tr_sim_hub_forget(tr_sim_hub_t *self, tr_sim_process_t *process) {
    if (!process->peer)
        return;
    self->peers[process->peer] = NULL;
    tr_sim_at(self->world, due(process, &process->up_ns), lost, self, process->peer);
    process->peer = 0;
}

/* ---- turns ---- */

static bool carry_out(tr_sim_hub_t *self) {
    tr_core_out_t out;
    bool any = false;
    while (tr_core_next(self->core, &out)) {
        any = true;
        if (out.type == TR_OUT_SEND)
            send_down(self, &out);
        else if (out.type == TR_OUT_EVENT && self->told)
            self->told(self->told_arg, out.event, out.text, out.text + strlen(out.text) + 1);
        tr_buf_release(out.buf);
        free(out.detail);
    }
    return any;
}

static void turn(void *owner, uint64_t arg) {
    tr_sim_hub_t *self = owner;
    tr_core_now_t now = now_of(self);
    tr_sim_frame_t *frame;
    (void)arg;
    self->turn_planned = false;
    while ((frame = tr_sim_queue_take(&self->in))) {
        if (self->peers[frame->peer])
            tr_core_bundle(self->core, frame->peer, frame->bytes, frame->len, now);
        free(frame);
    }
    tr_core_flush(self->core);
    if (carry_out(self))
        plan_turn(self);
}

static void tick(void *owner, uint64_t arg) {
    tr_sim_hub_t *self = owner;
    (void)arg;
    tr_core_tick(self->core, now_of(self));
    plan_turn(self);
    tr_sim_at(self->world, self->world->now_ns + TICK_MS * TR_SIM_MS, tick, self, 0);
}

int tr_sim_hub_init(tr_sim_hub_t *self, tr_sim_world_t *world, const char *platform) {
    tr_core_config_t config;
    *self = (tr_sim_hub_t){.world = world};
    tr_core_config_defaults(&config);
    config.platform = platform;
    config.version = TROUPE_VERSION;
    config.stream_endpoint = "";
    config.seed = tr_sim_random(world);
    config.window_records = config.mailbox_records = config.service_records = PLENTY;
    config.window_bytes = config.mailbox_bytes = config.service_bytes = PLENTY_64;
    tr_pool_init(&self->pool, 64);
    self->core = tr_core_new(&config, &self->pool);
    if (!self->core)
        return -ENOMEM;
    tick(self, 0);
    return 0;
}

void tr_sim_hub_finish(tr_sim_hub_t *self) {
    tr_sim_world_t *world = self->world;
    for (size_t i = 0; world && i < world->count; i++) /* on their way when the world ends */
        if (world->heap[i].fn == arrive_up || world->heap[i].fn == arrive_down)
            free((void *)(uintptr_t)world->heap[i].arg);
    if (world)
        world->count = 0;
    tr_sim_queue_drop(&self->in);
    tr_core_destroy(&self->core);
    tr_pool_finish(&self->pool);
    free(self->peers);
    self->peers = NULL;
}

const tr_core_stats_t *tr_sim_hub_stats(const tr_sim_hub_t *self) {
    return tr_core_stats(self->core);
}
