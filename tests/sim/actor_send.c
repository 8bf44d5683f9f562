/* Messages, requests and their answers, echoes. */
#include "lib/agent/host_private.h"
#include "lib/link/link_private.h"
#include "tests/sim/actor.h"
#include "tests/sim/durable.h"
#include "tests/sim/guarded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 40
#define TRIES    10

size_t sim_size(sim_actor_t *self) {
    size_t max = self->world->plan.size_max;
    return SIM_CONTENT_MIN + sim_below(&self->prng, sim_chance(&self->prng, 900) ? 64 : max);
}

/* For the caller to free. */
void *sim_content(sim_actor_t *self, uint32_t number, size_t *len) {
    (void)self;
    void *content = sim_alloc(*len);
    sim_letter_write(number, content, *len);
    return content;
}

static unsigned other_actor(sim_actor_t *self) {
    unsigned n = self->world->plan.receivers_n;
    return (self->index + 1 + (unsigned)sim_below(&self->prng, n - 1)) % n;
}

static void name_of(sim_actor_t *self, unsigned to, char out[64]) {
    sim_actor_address(self, to, sim_chance(&self->prng, 300), out);
}

/* What tr_send may say when all is well: taken, or try again later. */
static bool was_taken(sim_actor_t *self, uint32_t number, uint64_t record, int r) {
    if (r < 0 && r != -EAGAIN)
        sim_fail(self->world, "%s cannot send: %s", self->name, strerror(-r));
    if (r < 0)
        sim_letter(self->world->ledger, number)->unsent = true;
    if (r < 0)
        return false;
    sim_letter_sent(self->world->ledger, number, record);
    const sim_letter_t *l = sim_letter(self->world->ledger, number);
    sim_say(self->world, "%s sends letter %u to %s, about %u", self->name, number,
        sim_actor_name(self->world, l->to), l->about);
    return true;
}

/* The number that the link gives to the next record. */
uint64_t sim_next_record(const sim_actor_t *self) {
    return self->proc->host->link->next_id;
}

/* What may be spent on a third of the requests, in tokens, and on a fifth, in money. By their number: no random number is drawn for it. */
static tr_budget_t budget_of(uint32_t number) {
    return (tr_budget_t){
        .of_tokens = number % 3 == 0,
        .tokens = 1 + number % SIM_TOKENS,
        .of_money = number % 5 == 0,
        .micro_cost = 1 + number % SIM_MONEY,
    };
}

static void check_left(const sim_actor_t *self, uint32_t number, const char *what, bool asked_limited,
    uint64_t asked, uint64_t left) {
    if (!asked_limited || left >= asked)
        sim_fail(self->world, "%s: the answer to request %u says that %" PRIu64 " %s are left", self->name,
            number, left, what);
}

/* Whatever became of the request, nobody has more left than it had. */
static void check_budget(const sim_actor_t *self, uint32_t number, const tr_message_t *answer) {
    tr_budget_t asked = budget_of(number), left = tr_message_budget(answer);
    if (left.of_tokens)
        check_left(self, number, "tokens", asked.of_tokens, asked.tokens, left.tokens);
    if (left.of_money)
        check_left(self, number, "millionths", asked.of_money, asked.micro_cost, left.micro_cost);
}

/* The callback of a request: once, with an answer, with what came back, or with nothing in time. */
static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    sim_actor_t *a = *(sim_actor_t **)state;
    uint32_t number = (uint32_t)(uintptr_t)arg;
    (void)agent;
    if (a->proc->ghost)
        return;
    sim_ledger_t *ledger = a->world->ledger;
    sim_letter_t *l = sim_letter(ledger, number);
    if (l->life != a->life)
        sim_fail(a->world, "%s got the answer to request %u of a life before", a->name, number);
    l->outcomes++;
    sim_say(a->world, "%s: request %u %s", a->name, number,
        !answer                                        ? "timed out"
        : tr_message_type(answer) == TR_MESSAGE_FAILED ? "came back"
                                                       : "is answered");
    l->timed_out = !answer;
    if (!answer)
        return;
    if (tr_message_type(answer) == TR_MESSAGE_FAILED) {
        sim_letter_refused(ledger, number, tr_message_reason(answer));
        return;
    }
    size_t len;
    const void *content = tr_message_content(answer, &len);
    uint32_t of = sim_letter_read(content, len);
    if (!of && tr_message_performative(answer) == TR_FAILURE)
        return; /* by the library, for a behaviour that failed */
    if (!of || sim_letter(ledger, of)->about != number)
        sim_fail(a->world, "%s got what answers another request than %u", a->name, number);
    check_budget(a, number, answer);
    sim_letter_delivered(ledger, of, a->index, answer);
    a->roll_service.done |= l->roll_call;
}

/* What is leased may stand behind something durable, and the answer too. */
static bool may_wait_for_disk(const sim_world_t *world, const sim_letter_t *l) {
    return world->plan.any_durable || (world->plan.core.journal && l->leased);
}

uint32_t sim_send_letter(sim_actor_t *self, sim_kind_t kind, unsigned to, const char *receiver, size_t size) {
    sim_ledger_t *ledger = self->world->ledger;
    uint32_t number = sim_letter_new(ledger, kind, self->index, self->life, to);
    char id[24];
    sim_letter_id(number, id);
    sim_letter_t *l = sim_letter(ledger, number);
    l->leased |= to == SIM_NOBODY;
    sscanf(receiver, "svc:s%hhu", &l->lane);
    l->forbidden = to == SIM_NOBODY && !sim_may_ask(self, l->lane);
    l->lane = (uint8_t)(to == SIM_NOBODY ? 1 + l->lane : 0);
    l->explained = kind == SIM_REQUEST && may_wait_for_disk(self->world, l);
    void *content = sim_content(self, number, &size);
    tr_acl_t acl = {
        .performative = kind == SIM_REQUEST ? TR_REQUEST : TR_INFORM,
        .receivers = {.items = &receiver, .count = 1},
        .language = "sim",
        .conversation_id = id,
        .content = content,
        .content_len = size,
    };
    if (kind == SIM_REQUEST)
        acl.budget = budget_of(number);
    uint64_t record = sim_next_record(self);
    int r = kind == SIM_REQUEST
                ? tr_request(self->agent, &acl, SIM_REQUEST_MS, on_answer, (void *)(uintptr_t)number)
                : tr_send(self->agent, &acl);
    free(content);
    return was_taken(self, number, record, r) ? number : 0;
}

void sim_send_direct(sim_actor_t *self) {
    char name[64];
    unsigned to = other_actor(self);
    name_of(self, to, name);
    sim_send_letter(self, SIM_DIRECT, to, name, sim_size(self));
}

void sim_send_echo(sim_actor_t *self) {
    char name[64];
    unsigned to = other_actor(self);
    name_of(self, to, name);
    if (sim_chance(&self->prng, 100))
        sim_send_letter(self, SIM_ECHO, to, name, SIM_CONTENT_MIN);
}

void sim_send_request(sim_actor_t *self) {
    char name[64];
    unsigned to = SIM_NOBODY;
    if (sim_chance(&self->prng, 700)) {
        snprintf(name, sizeof name, "svc:s%u", (unsigned)sim_below(&self->prng, SIM_SERVICES));
    } else {
        to = other_actor(self);
        name_of(self, to, name);
    }
    sim_send_letter(self, SIM_REQUEST, to, name, sim_size(self));
}

/* The answer to a request or an echo. -EAGAIN: later. */
static int answer(sim_actor_t *self, const tr_message_t *message, uint32_t number, sim_kind_t kind) {
    sim_ledger_t *ledger = self->world->ledger;
    unsigned to = sim_letter(ledger, number)->from;
    uint32_t mine = sim_letter_new(ledger, kind, self->index, self->life, to);
    size_t size = kind == SIM_ECHO ? SIM_CONTENT_MIN : sim_size(self);
    sim_letter(ledger, mine)->about = number;
    sim_letter(ledger, mine)->root = sim_letter(ledger, number)->root;
    void *content = sim_content(self, mine, &size);
    uint64_t record = sim_next_record(self);
    int r = tr_reply(self->agent, message, TR_INFORM, content, size);
    free(content);
    was_taken(self, mine, record, r);
    return r;
}

static void finish_kept(tr_agent_t *agent, void *state, void *arg);

static void again_later(sim_kept_t *kept, int64_t ms) {
    if (!tr_timer_start(kept->actor->agent, ms, finish_kept, kept))
        abort();
}

static void unlink_kept(sim_kept_t *kept) {
    sim_kept_t **p = &kept->actor->kept;
    while (*p != kept)
        p = &(*p)->next;
    *p = kept->next;
    free(kept);
}

static void finish_kept(tr_agent_t *agent, void *state, void *arg) {
    sim_kept_t *kept = arg;
    sim_actor_t *a = kept->actor;
    (void)agent;
    (void)state;
    if (a->proc->ghost)
        return; /* sim_kept_drop follows */
    sim_kind_t kind = sim_letter(a->world->ledger, kept->number)->kind;
    bool request = kind == SIM_REQUEST, leased = tr_message_leased(kept->message);
    bool back = (request || kind == SIM_DURABLE) && leased && sim_chance(&a->prng, 100);
    if (request && !back && answer(a, kept->message, kept->number, SIM_ANSWER) < 0) {
        if (++kept->tries < TRIES) {
            again_later(kept, RETRY_MS);
            return;
        }
        back = true; /* who holds on to messages until others let go of theirs may wait for ever */
    }
    if (back)
        sim_say(a->world, "%s gives letter %u back", a->name, kept->number);
    if (back && !leased)
        sim_letter_explained(a->world->ledger, kept->number);
    if (!back && kind == SIM_DURABLE)
        sim_durable_finished(a->world->ledger, kept->number);
    if (back)
        tr_message_release(&kept->message);
    else
        tr_message_done(&kept->message);
    unlink_kept(kept);
}

void sim_kept_drop(sim_actor_t *self) {
    while (self->kept) {
        if (!tr_message_leased(self->kept->message))
            sim_letter_explained(self->world->ledger, self->kept->number);
        tr_message_release(&self->kept->message);
        unlink_kept(self->kept);
    }
}

static void keep(sim_actor_t *self, const tr_message_t *message, uint32_t number, int64_t ms) {
    sim_kept_t *kept = sim_alloc(sizeof *kept);
    kept->actor = self;
    kept->number = number;
    kept->message = tr_message_keep(message);
    kept->next = self->kept;
    self->kept = kept;
    if (!kept->message)
        abort();
    again_later(kept, ms);
}

/* One off at each broker, of which there are two at most; what answers something has what that had left. */
static void check_hops(sim_actor_t *self, sim_letter_t *l, uint32_t number, const tr_message_t *message) {
    unsigned before = l->about ? sim_letter(self->world->ledger, l->about)->hops : TR_HOPS_DEFAULT;
    l->hops = tr_message_record(message)->h.hops;
    if (l->about && sim_letter(self->world->ledger, l->about)->deliveries > 1)
        return; /* from how far the one that is answered came is not known */
    if (l->hops + 1u + sim_is_far(self, l->from) != before)
        sim_fail(
            self->world, "hops: letter %u came with %u, what it follows had %u", number, l->hops, before);
}

static int take_request(sim_actor_t *self, const tr_message_t *message, uint32_t number) {
    bool quiet = self->world->now_ns >= self->world->plan.phases.quiet_ns;
    if (!quiet && sim_chance(&self->prng, self->world->plan.keep_per_mille))
        keep(self, message, number, sim_between(&self->prng, 1, 2500));
    else if (answer(self, message, number, SIM_ANSWER) < 0)
        keep(self, message, number, RETRY_MS);
    return 0;
}

/* What the library says for its behaviours: that one failed, to a request that has timed out meanwhile; or what
 * answers a life before, or late: the DF, the AMS, an act of a conversation. */
static void check_stray(sim_actor_t *self, const tr_message_t *message) {
    const tr_acl_t *acl = tr_message_acl(message);
    if (acl && (!strncmp(acl->sender, "df@", 3) || !strncmp(acl->sender, "ams@", 4)))
        return;
    uint32_t root = acl ? sim_letter_of_id(acl->conversation_id) : 0;
    const sim_letter_t *l = root ? sim_letter(self->world->ledger, root) : NULL;
    tr_performative_t act = tr_message_performative(message);
    if (l && l->kind == SIM_TALK &&
        (act == TR_INFORM || act == TR_AGREE)) /* or a subscription goes on for ever */
        tr_reply_reason(self->agent, message, TR_NOT_UNDERSTOOD, "not-in-progress", "");
    if (l && (l->kind == SIM_TALK || (l->kind == SIM_REQUEST && act == TR_FAILURE)))
        return;
    sim_fail(self->world, "%s got a %s that nobody sent, of conversation %u", self->name,
        tr_performative_name(tr_message_performative(message)), root);
}

/* Dealt with when the behaviour returns without failing, or later. */
static void take_durable(
    sim_actor_t *self, const tr_message_t *message, const sim_letter_t *l, uint32_t number) {
    if (l->roll_call)
        sim_actor(self->world, l->from)->roll_durable.done = true;
    if (self->world->now_ns < self->world->plan.phases.quiet_ns &&
        sim_chance(&self->prng, self->world->plan.keep_per_mille))
        keep(self, message, number, sim_between(&self->prng, 1, 2500));
    else
        self->in_hand = number;
}

int sim_receive_direct(sim_actor_t *self, const tr_message_t *message) {
    size_t len;
    const void *content = tr_message_content(message, &len);
    uint32_t number = sim_letter_read(content, len);
    if (!number) {
        check_stray(self, message);
        return 0;
    }
    sim_ledger_t *ledger = self->world->ledger;
    sim_say(self->world, "%s gets letter %u", self->name, number);
    sim_letter_delivered(ledger, number, self->index, message);
    sim_letter_t *l = sim_letter(ledger, number);
    check_hops(self, l, number, message);
    switch (l->kind) {
    case SIM_REQUEST: return take_request(self, message, number);
    case SIM_ECHO: answer(self, message, number, SIM_ECHO); break;
    case SIM_ANSWER: sim_letter(ledger, l->about)->explained = true; break;
    case SIM_DURABLE: take_durable(self, message, l, number); break;
    default:
        if (l->roll_call)
            sim_actor(self->world, l->from)->roll_message.done = true;
        else if (sim_chance(&self->prng, self->world->plan.keep_per_mille))
            keep(self, message, number, sim_between(&self->prng, 1, 2500));
    }
    return 0;
}

void sim_receive_failed(sim_actor_t *self, const tr_message_t *message) {
    sim_ledger_t *ledger = self->world->ledger;
    if (tr_message_record(message)->h.flags & TR_FLAG_DURABLE) {
        sim_receive_returned(self, message);
        return;
    }
    uint32_t number = sim_letter_of_record(ledger, self->index, tr_message_record(message)->h.id);
    sim_say(self->world, "%s: letter %u comes back: %s", self->name, number,
        tr_reason_name(tr_message_reason(message)));
    if (number) /* otherwise an act of a conversation */
        sim_letter_refused(ledger, number, tr_message_reason(message));
}
