#include "tests/sim/forge.h"

#include "proto/bundle.h"
#include "tests/sim/ledger.h"

/* The route of somebody else's agent, as its process has used it last; 0 where none has said anything yet. */
static tr_route_t victim_of(sim_proc_t *self) {
    const sim_world_t *w = self->world;
    const sim_proc_t *other = w->procs[sim_below(&self->forger, w->plan.procs_n)];
    return other != self && sim_home(w, other) == sim_home(w, self) ? other->route : 0;
}

static void forge_record(sim_proc_t *self, const tr_record_t *r) {
    tr_route_t victim = sim_chance(&self->forger, 30) ? victim_of(self) : 0;
    uint32_t letter = victim ? sim_letter_of(r) : 0;
    if (!letter)
        return;
    tr_put64((uint8_t *)(uintptr_t)r->bytes + TR_RECORD_SRC, victim);
    sim_say(self->world, "%s forges the sender of letter %u", self->name, letter);
    sim_letter_forged(self->world->ledger, letter);
}

void sim_forge(sim_proc_t *self, void *frame, size_t len) {
    tr_bundle_reader_t reader;
    tr_record_t r;
    const sim_plan_t *p = &self->world->plan;
    if (!p->forges || self->world->now_ns >= p->phases.heal_ns ||
        tr_bundle_open(&reader, frame, len, UINT32_MAX) != TR_REASON_NONE)
        return;
    while (tr_bundle_next(&reader, &r) > 0) {
        bool data = r.h.kind == TR_KIND_MESSAGE || r.h.kind == TR_KIND_PUBLISH;
        if (!data || r.h.flags & TR_FLAG_DURABLE)
            continue;
        self->route = r.h.src;
        forge_record(self, &r);
    }
}
