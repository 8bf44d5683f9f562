#include "tests/sim/ledger.h"

#include "proto/bundle.h"
#include "tests/sim/actor.h"
#include "tests/sim/broker.h"
#include "tests/sim/durable.h"
#include "tests/sim/guarded.h"
#include "tests/sim/proc.h"

#include <stdlib.h>

#define MAGIC 0x214d4953u /* "SIM!" */

sim_ledger_t *sim_ledger_new(sim_world_t *world) {
    sim_ledger_t *l = sim_alloc(sizeof *l);
    l->world = world;
    l->letters_n = l->lives_n = 1;
    l->letters_cap = l->lives_cap = 64;
    l->letters = sim_alloc(l->letters_cap * sizeof *l->letters);
    l->lives = sim_alloc(l->lives_cap * sizeof *l->lives);
    tr_map_init(&l->last, 1);
    tr_map_init(&l->records, 2);
    tr_map_init(&l->stored, 3);
    tr_map_init(&l->shown, 4);
    tr_map_init(&l->placed, 5);
    return l;
}

void sim_ledger_destroy(sim_ledger_t **self) {
    if (!*self)
        return;
    tr_map_finish(&(*self)->last);
    tr_map_finish(&(*self)->records);
    tr_map_finish(&(*self)->stored);
    tr_map_finish(&(*self)->shown);
    tr_map_finish(&(*self)->placed);
    free((*self)->writing);
    free((*self)->letters);
    free((*self)->lives);
    free(*self);
    *self = NULL;
}

uint32_t sim_life_begin(sim_ledger_t *self, unsigned actor) {
    if (self->lives_n == self->lives_cap) {
        self->lives_cap *= 2;
        self->lives = sim_grow(self->lives, self->lives_cap * sizeof *self->lives);
    }
    self->lives[self->lives_n] = (sim_life_t){.actor = (uint16_t)actor};
    return self->lives_n++;
}

void sim_life_end(sim_ledger_t *self, uint32_t life) {
    self->lives[life].over = true;
}

uint32_t sim_letter_new(sim_ledger_t *self, sim_kind_t kind, unsigned from, uint32_t life, unsigned to) {
    if (self->letters_n == self->letters_cap) {
        self->letters_cap *= 2;
        self->letters = sim_grow(self->letters, self->letters_cap * sizeof *self->letters);
    }
    self->letters[self->letters_n] = (sim_letter_t){
        .kind = (uint8_t)kind,
        .from = (uint16_t)from,
        .to = (uint16_t)to,
        .life = life,
        .root = self->letters_n,
        .leased = to != SIM_NOBODY && self->world->plan.durable[self->world->plan.actors[to].proc],
        .sent_ns = self->world->now_ns,
    };
    return self->letters_n++;
}

sim_letter_t *sim_letter(sim_ledger_t *self, uint32_t number) {
    if (!number || number >= self->letters_n)
        sim_fail(self->world, "letter %u was never written", number);
    return &self->letters[number];
}

void sim_letter_write(uint32_t number, void *content, size_t len) {
    memset((char *)content + SIM_CONTENT_MIN, (int)(number & 0xff), len - SIM_CONTENT_MIN);
    tr_put32(content, MAGIC);
    tr_put32((uint8_t *)content + 4, number);
}

/* All of it is looked at: what arrives is what was sent. */
uint32_t sim_letter_read(const void *content, size_t len) {
    const uint8_t *at = content;
    if (len < SIM_CONTENT_MIN || tr_get32(at) != MAGIC)
        return 0;
    uint32_t number = tr_get32(at + 4);
    for (size_t i = SIM_CONTENT_MIN; i < len; i++)
        if (at[i] != (number & 0xff))
            return 0;
    return number;
}

uint32_t sim_letter_of(const tr_record_t *record) {
    const uint8_t both = TR_FLAG_LEASED | TR_FLAG_DURABLE;
    uint32_t number = sim_letter_read(record->content, record->content_len);
    if (number || (record->h.flags & both) != both || record->content_len < TR_ORIGIN_SIZE)
        return number;
    return sim_letter_read(record->content, record->content_len - TR_ORIGIN_SIZE);
}

void sim_letter_id(uint32_t number, char out[24]) {
    snprintf(out, 24, "letter-%u", number);
}

uint32_t sim_letter_of_id(const char *conversation_id) {
    unsigned number = 0;
    return conversation_id && sscanf(conversation_id, "letter-%u", &number) == 1 ? number : 0;
}

static void excuse(sim_letter_t *l, const char *why) {
    l->lost = true;
    if (!l->why)
        l->why = why;
}

void sim_check_order(sim_ledger_t *self, uint32_t number, unsigned actor, uint32_t lane) {
    const sim_letter_t *l = sim_letter(self, number);
    uint32_t key[3] = {l->life, actor, lane};
    uint64_t *last = tr_map_find(&self->last, (const char *)key, sizeof key);
    if (last && *last >= number)
        sim_fail(self->world, "order: %s got letter %u of %s after letter %u",
            sim_actor_name(self->world, actor), number, sim_actor_name(self->world, l->from),
            (unsigned)*last);
    if (tr_map_put(&self->last, (const char *)key, sizeof key, number) < 0)
        abort();
}

/* Each platform counts its own tries. */
static bool counts_tries(const sim_ledger_t *self, const sim_letter_t *l) {
    return self->world->brokers_n == 1 || l->to != SIM_NOBODY;
}

/* Whoever gets it sees who sent it, and from which platform, where that is another one. */
static void check_sender(
    sim_ledger_t *self, const sim_letter_t *l, unsigned actor, const tr_message_t *message) {
    char stamp[64];
    const char *name = sim_actor_name(self->world, l->from), *sender = tr_message_sender(message);
    const sim_broker_t *from = sim_home(self->world, sim_actor_proc(self->world, l->from));
    bool near = sim_home(self->world, sim_actor_proc(self->world, actor)) == from;
    snprintf(stamp, sizeof stamp, "%s@%s", name, from->platform);
    if (strcmp(sender, stamp) != 0 && !(near && !strcmp(sender, name)))
        sim_fail(self->world, "%s got a letter of %s, which says that it is from \"%s\"",
            sim_actor_name(self->world, actor), stamp, sender);
}

void sim_check_allowed(sim_ledger_t *self, uint32_t number, unsigned actor) {
    const sim_letter_t *l = sim_letter(self, number);
    if (l->forbidden)
        sim_fail(self->world, "%s got letter %u, which %s may not send", sim_actor_name(self->world, actor),
            number, sim_actor_name(self->world, l->from));
}

void sim_letter_delivered(sim_ledger_t *self, uint32_t number, unsigned actor, const tr_message_t *message) {
    sim_letter_t *l = sim_letter(self, number);
    const char *to = sim_actor_name(self->world, actor);
    bool again = tr_message_redelivered(message);
    if (l->unsent)
        sim_fail(self->world, "%s got letter %u, which was refused to its sender by tr_send", to, number);
    if (l->to != SIM_NOBODY && l->to != actor)
        sim_fail(self->world, "%s got letter %u, which is for another", to, number);
    check_sender(self, l, actor, message);
    if (l->forged)
        sim_fail(self->world, "%s got letter %u, whose sender was forged", to, number);
    sim_guarded_heard(self, number, actor);
    sim_check_allowed(self, number, actor);
    if (tr_message_durable(message)) {
        sim_durable_delivered(self, number, actor, message);
        return;
    }
    unsigned attempt = tr_message_attempt(message);
    if (!counts_tries(self, l) && !again && l->unflagged++)
        sim_fail(self->world, "%s got letter %u, which had come before, and nothing says so", to, number);
    if (counts_tries(self, l) && l->attempts & 1u << (attempt & 31))
        sim_fail(self->world, "%s got letter %u, which had come before as attempt %u", to, number, attempt);
    if (l->kind == SIM_DURABLE)
        sim_fail(self->world, "%s got letter %u, which is durable, as one that is not", to, number);
    if (!l->leased && l->deliveries)
        sim_fail(self->world, "at most once: %s got letter %u twice", to, number);
    if (l->leased != tr_message_leased(message) || (counts_tries(self, l) && again != (attempt > 0)))
        sim_fail(self->world, "%s got letter %u with wrong flags", to, number);
    if (!l->leased && l->refused)
        sim_fail(self->world, "%s got letter %u, which came back to its sender before", to, number);
    if (!l->leased)
        sim_check_order(self, number, actor, 0);
    l->deliveries++;
    l->attempts |= 1u << (attempt & 31);
}

void sim_letter_heard(sim_ledger_t *self, uint32_t number, unsigned actor) {
    sim_letter_t *l = sim_letter(self, number);
    if (l->forged)
        sim_fail(self->world, "%s heard letter %u, whose sender was forged",
            sim_actor_name(self->world, actor), number);
    sim_check_order(self, number, actor, 1u + l->topic);
    sim_guarded_heard(self, number, actor);
    sim_check_allowed(self, number, actor);
    l->deliveries++;
}

void sim_letter_refused(sim_ledger_t *self, uint32_t number, tr_reason_t reason) {
    sim_letter_t *l = sim_letter(self, number);
    if (reason == TR_REASON_AGENT_GONE && l->kind == SIM_REQUEST && !l->leased) {
        l->explained = true; /* perhaps by GONE: who had it in hand was given up, and may deal with it yet */
        return;
    }
    if (!l->leased && l->deliveries)
        sim_fail(
            self->world, "letter %u came back (%s) though it was delivered", number, tr_reason_name(reason));
    if (l->refused)
        sim_fail(self->world, "letter %u came back twice (%s)", number, tr_reason_name(reason));
    if (reason == TR_REASON_BUDGET || reason == TR_REASON_DELEGATION || reason == TR_REASON_CREDIT ||
        reason == TR_REASON_BAD_ENVELOPE || reason == TR_REASON_BAD_NAME ||
        (reason == TR_REASON_HOPS && l->kind != SIM_ECHO) || (reason == TR_REASON_FORBIDDEN && !l->forbidden))
        sim_fail(self->world, "letter %u came back for %s: a link never does that", number,
            tr_reason_name(reason));
    l->refused = true;
    l->why = tr_reason_name(reason);
    if (l->about)
        self->letters[l->about].explained = true;
}

typedef struct record_key {
    uint64_t actor, start, record;
} record_key_t;

static record_key_t key_of(const sim_ledger_t *self, unsigned actor, uint64_t record) {
    return (record_key_t){actor, sim_actor_proc(self->world, actor)->starts, record};
}

void sim_letter_sent(sim_ledger_t *self, uint32_t number, uint64_t record) {
    record_key_t key = key_of(self, sim_letter(self, number)->from, record);
    if (tr_map_put(&self->records, (const char *)&key, sizeof key, number) < 0)
        abort();
}

uint32_t sim_letter_of_record(sim_ledger_t *self, unsigned actor, uint64_t record) {
    record_key_t key = key_of(self, actor, record);
    const uint64_t *number = tr_map_find(&self->records, (const char *)&key, sizeof key);
    return number ? (uint32_t)*number : 0;
}

void sim_letter_explained(sim_ledger_t *self, uint32_t number) {
    sim_letter(self, number)->explained = true;
}

void sim_letter_forged(sim_ledger_t *self, uint32_t number) {
    sim_letter_t *l = sim_letter(self, number);
    l->forged = true;
    excuse(l, "its sender was forged");
    if (l->about)
        excuse(&self->letters[l->about], "the sender of its answer was forged");
}

static uint32_t number_of(const tr_record_t *r, tr_arena_t *arena) {
    tr_acl_t acl;
    if (r->h.kind == TR_KIND_MESSAGE || r->h.kind == TR_KIND_PUBLISH) {
        uint32_t number = sim_letter_of(r);
        if (number)
            return number;
    }
    tr_arena_reset(arena);
    return tr_acl_read(&acl, r, arena) == 0 ? sim_letter_of_id(acl.conversation_id) : 0;
}

/* A NACK may be of any letter of its conversation. */
static void lose_letter(sim_ledger_t *self, uint32_t number, bool nack, const char *why) {
    sim_say(self->world, "%s letter %u is lost: %s", nack ? "the NACK of" : "", number, why);
    sim_letter_t *l = sim_letter(self, number);
    excuse(l, why);
    if (l->about)
        excuse(&self->letters[l->about], "its answer was lost");
    for (uint32_t i = number + 1; nack && i < self->letters_n; i++)
        if (self->letters[i].root == number)
            excuse(&self->letters[i], "its NACK was lost");
}

void sim_ledger_lost(sim_world_t *world, const void *frame, size_t len, const char *why) {
    sim_ledger_t *self = world->ledger;
    tr_bundle_reader_t reader;
    tr_record_t r;
    tr_arena_t arena;
    if (tr_bundle_open(&reader, frame, len, UINT32_MAX) != TR_REASON_NONE)
        return;
    tr_arena_init(&arena, 1u << 20);
    while (tr_bundle_next(&reader, &r) > 0) {
        if (!tr_kind_is_data(r.h.kind))
            continue;
        uint32_t number = number_of(&r, &arena);
        if (number)
            lose_letter(self, number, r.h.kind == TR_KIND_NACK, why);
    }
    tr_arena_finish(&arena);
}

static bool is_of(const sim_world_t *world, unsigned actor, const sim_proc_t *proc) {
    return actor != SIM_NOBODY && sim_actor_proc(world, actor) == proc;
}

void sim_ledger_died(sim_world_t *world, const sim_proc_t *proc) {
    sim_ledger_t *self = world->ledger;
    for (uint32_t i = 1; i < self->letters_n; i++) {
        sim_letter_t *l = &self->letters[i];
        if (!is_of(world, l->to, proc) && !is_of(world, l->from, proc))
            continue;
        excuse(l, "a process died");
        if (l->about)
            excuse(&self->letters[l->about], "a process died");
    }
    for (uint32_t i = 1; i < self->lives_n; i++)
        if (is_of(world, self->lives[i].actor, proc))
            self->lives[i].over = true;
}

void sim_ledger_outcast(sim_world_t *world, const char *name) {
    sim_ledger_t *self = world->ledger;
    for (uint32_t i = 1; i < self->letters_n; i++) {
        sim_letter_t *l = &self->letters[i];
        if ((l->deliveries && !l->leased) || l->refused || strcmp(sim_actor_name(world, l->from), name) != 0)
            continue;
        excuse(l, "its sender was given up");
        if (l->about)
            excuse(&self->letters[l->about], "who answered was given up");
    }
}

static bool is_homed(const sim_world_t *world, unsigned actor, const sim_broker_t *broker) {
    return actor != SIM_NOBODY && sim_home(world, sim_actor_proc(world, actor)) == broker;
}

void sim_ledger_broker_died(const sim_broker_t *broker) {
    const sim_world_t *w = broker->world;
    for (uint32_t i = 1; i < w->ledger->letters_n; i++) {
        sim_letter_t *l = &w->ledger->letters[i];
        if (l->to == SIM_NOBODY || is_homed(w, l->from, broker) || is_homed(w, l->to, broker))
            excuse(l, "the broker died");
    }
}

void sim_ledger_parted(const sim_broker_t *broker, const char *platform) {
    const sim_world_t *w = broker->world;
    const sim_broker_t *other = sim_broker_of(w, platform);
    for (uint32_t i = 1; i < w->ledger->letters_n; i++) {
        sim_letter_t *l = &w->ledger->letters[i];
        bool there = is_homed(w, l->from, broker) && (l->to == SIM_NOBODY || is_homed(w, l->to, other));
        bool back = is_homed(w, l->from, other) && (l->to == SIM_NOBODY || is_homed(w, l->to, broker));
        if ((!there && !back) || (l->deliveries && !l->leased) || l->refused)
            continue;
        excuse(l, "the link between two brokers ended");
        if (l->about)
            excuse(&w->ledger->letters[l->about], "the link between two brokers ended");
    }
}

/* A request has had its end, or whoever asked is no more; and where it timed out, something is known to have
 * delayed or taken it. */
static void check_request(sim_ledger_t *self, uint32_t number, const sim_letter_t *l) {
    bool over = self->lives[l->life].over;
    if (l->outcomes > 1 || (!l->outcomes && !over))
        sim_fail(self->world, "request %u of %s had %u outcomes", number,
            sim_actor_name(self->world, l->from), l->outcomes);
    if (l->timed_out && !l->lost && !l->explained && !l->refused && !over)
        sim_fail(self->world, "request %u of %s timed out, and nothing explains it (delivered %u times)",
            number, sim_actor_name(self->world, l->from), l->deliveries);
}

static const char *const kind_names[] = {
    "message", "request", "answer", "publication", "conversation", "echo", "durable message"};

void sim_ledger_check(sim_ledger_t *self) {
    for (uint32_t i = 1; i < self->letters_n; i++) {
        const sim_letter_t *l = &self->letters[i];
        if (l->unsent || l->kind == SIM_DURABLE) /* sim_durable_check */
            continue;
        if (l->kind == SIM_REQUEST || l->kind == SIM_TALK)
            check_request(self, i, l);
        if (l->kind == SIM_EVENT || l->deliveries || l->refused || l->lost || l->explained ||
            self->lives[l->life].over)
            continue;
        sim_fail(self->world, "%s %u, sent by %s to %s at %.4f s, was neither delivered nor refused nor lost",
            kind_names[l->kind], i, sim_actor_name(self->world, l->from), sim_actor_name(self->world, l->to),
            (double)l->sent_ns / 1e9);
    }
}
