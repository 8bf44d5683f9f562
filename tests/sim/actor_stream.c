/*
 * Readers of a stream, the topics' memory. Each is a consumer of its own name: it declares the stream, reads pages from where it is,
 * and says how far it has come. What it must see, over all lives of itself and of the broker: numbers without a hole that nothing
 * explains, under each number always the same publication, and no position beyond what it was given.
 */
#include "proto/acl.h"
#include "proto/bundle.h"
#include "tests/sim/actor.h"
#include "tests/sim/broker.h"
#include "tests/sim/guarded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STREAM "memory"

/* What the page shows stays: the same number is the same publication for ever. */
static void remember(sim_actor_t *self, uint64_t sequence, uint32_t letter) {
    tr_map_t *shown = &self->world->ledger->shown;
    const uint64_t *before = tr_map_find(shown, (const char *)&sequence, sizeof sequence);
    if (before && *before != letter)
        sim_fail(self->world, "stream: %s reads letter %u as number %llu, which was letter %u before",
            self->name, letter, (unsigned long long)sequence, (unsigned)*before);
    if (tr_map_put(shown, (const char *)&sequence, sizeof sequence, letter) < 0)
        abort();
}

/* Numbers that are missing were forgotten (they are below the oldest) or dropped because the disk was behind. */
static void check_hole(sim_actor_t *self, uint64_t from, uint64_t to, uint64_t first) {
    if (from < to && to > first && !self->world->ledger->stream_dropped)
        sim_fail(self->world, "stream: %s misses the numbers %llu to %llu, and the oldest is %llu",
            self->name, (unsigned long long)from, (unsigned long long)to - 1, (unsigned long long)first);
}

static void read_event(sim_actor_t *self, tr_value_t event, uint64_t sequence) {
    tr_arena_t arena;
    tr_acl_t acl;
    unsigned topic = SIM_TOPICS;
    tr_value_t v = tr_value_get(event, "record");
    uint32_t len = v && v->type == MSGPACK_OBJECT_BIN ? v->via.bin.size : 0;
    if (len < TR_RECORD_HEADER)
        sim_fail(self->world, "stream: number %llu has no record", (unsigned long long)sequence);
    tr_record_t r = {.bytes = (const uint8_t *)v->via.bin.ptr};
    tr_record_header_read(&r.h, r.bytes);
    r.envelope = r.bytes + TR_RECORD_HEADER;
    r.content = r.envelope + r.h.envelope_len;
    r.content_len = len - TR_RECORD_HEADER - r.h.envelope_len;
    uint32_t letter = sim_letter_read(r.content, r.content_len);
    const sim_letter_t *l = sim_letter(self->world->ledger, letter);
    tr_arena_init(&arena, 1u << 16);
    if (tr_acl_read(&acl, &r, &arena) == 0 && acl.topic)
        sscanf(acl.topic, "t.%u", &topic);
    tr_arena_finish(&arena);
    if (l->kind != SIM_EVENT || l->topic != topic)
        sim_fail(self->world, "stream: number %llu is letter %u, on topic %u", (unsigned long long)sequence,
            letter, topic);
    sim_check_allowed(self->world->ledger, letter, self->index);
    remember(self, sequence, letter);
}

/* A page begins where the consumer is: at what was committed last, or before it where that was lost. */
static void read_page(sim_actor_t *self, tr_value_t page) {
    uint64_t next = (uint64_t)tr_value_int(tr_value_get(page, "next"), 0);
    uint64_t first = (uint64_t)tr_value_int(tr_value_get(page, "first"), 0);
    uint64_t tail = (uint64_t)tr_value_int(tr_value_get(page, "tail"), 0);
    tr_value_t events = tr_value_get(page, "events");
    uint64_t at = self->stream.given;
    for (size_t i = 0; i < tr_value_size(events); i++) {
        tr_value_t event = tr_value_at(events, i);
        uint64_t sequence = (uint64_t)tr_value_int(tr_value_get(event, "sequence"), 0);
        if (i == 0 && sequence < at)
            at = sequence; /* once more */
        check_hole(self, at, sequence, first);
        read_event(self, event, sequence);
        at = sequence + 1;
    }
    if (next > tail || next < at)
        next = next > tail ? tail : at;
    check_hole(self, at, next, first);
    sim_say(self->world, "%s reads %zu publications, up to %llu of %llu", self->name, tr_value_size(events),
        (unsigned long long)next, (unsigned long long)tail);
    self->stream.given = next > self->stream.given ? next : self->stream.given;
    self->stream.commit = next;
    self->stream.caught_up |= self->world->roll_call && next == tail;
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    sim_actor_t *a = *(sim_actor_t **)state;
    const char *action = arg;
    (void)agent;
    if (a->proc->ghost)
        return;
    a->stream.asked = false;
    bool done = answer && tr_message_type(answer) == TR_MESSAGE_DIRECT &&
                tr_message_performative(answer) == TR_INFORM;
    if (!done) { /* lost, or the broker is another one and may have lost the declaration */
        a->stream.declared = false;
        return;
    }
    if (!strcmp(action, "stream-declare"))
        a->stream.declared = true;
    else if (!strcmp(action, "stream-read"))
        read_page(a, tr_message_value(answer));
    else
        a->stream.commit = 0;
}

static void write_request(sim_actor_t *self, tr_content_writer_t *w, const char *action) {
    const sim_plan_t *p = &self->world->plan;
    bool declares = strcmp(action, "stream-declare") == 0, commits = strcmp(action, "stream-commit") == 0;
    tr_write_map(w, declares ? 6 : commits ? 4 : 3);
    tr_write_kv(w, "action", action);
    tr_write_kv(w, "stream", STREAM);
    if (declares) {
        tr_write_kv(w, "pattern", "t.>");
        tr_write_kv_uint(w, "max-records", p->stream_records);
        tr_write_kv_uint(w, "max-bytes", p->stream_bytes);
        tr_write_kv_uint(w, "max-age-ms", p->stream_age_ms);
        return;
    }
    tr_write_kv(w, "consumer", self->name);
    if (commits)
        tr_write_kv_uint(w, "position", self->stream.commit);
}

static void ask(sim_actor_t *self, const char *action) {
    static const char *const ams = "ams";
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    write_request(self, &w, action);
    tr_acl_t acl = {
        .performative = TR_REQUEST,
        .receivers = {.items = (const char **)(uintptr_t)&ams, .count = 1},
        .protocol = "fipa-request",
        .ontology = "fipa-agent-management",
    };
    if (tr_content_writer_take(&w, &acl.content, &acl.content_len) < 0)
        abort();
    int r = tr_request(self->agent, &acl, SIM_REQUEST_MS, on_answer, (void *)(uintptr_t)action);
    tr_content_writer_finish(&w);
    if (r < 0 && r != -EAGAIN)
        sim_fail(self->world, "%s cannot ask the AMS: %s", self->name, strerror(-r));
    self->stream.asked = r == 0;
}

void sim_read_stream(sim_actor_t *self) {
    if (self->stream.asked)
        return;
    if (!self->stream.declared)
        ask(self, "stream-declare");
    else if (self->stream.commit)
        ask(self, "stream-commit");
    else
        ask(self, "stream-read");
}

bool sim_reads(const sim_actor_t *self) {
    return self->world->plan.core.journal && self->plan->roles & SIM_ROLE_READ && sim_may_hear_all(self);
}
