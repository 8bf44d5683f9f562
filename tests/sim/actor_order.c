/* The operator's orders: agents into quarantine and out of it, dead letters into their queue again or away. Each is a request to the AMS;
 * what becomes of it is seen in the world (guarded.c, durable.c). */
#include "tests/sim/actor.h"
#include "tests/sim/broker.h"
#include "tests/sim/guarded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg);

/* With `name` or `number`, where there is one. */
static void ask(sim_actor_t *self, const char *action, const char *name, uint64_t number) {
    static const char *const ams = "ams";
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, name || number ? 2 : 1);
    tr_write_kv(&w, "action", action);
    if (name)
        tr_write_kv(&w, "name", name);
    else if (number)
        tr_write_kv_uint(&w, "number", number);
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
    self->ordered = r == 0;
    if (r == 0)
        sim_say(self->world, "%s orders: %s %s %llu", self->name, action, name ? name : "",
            (unsigned long long)number);
}

/* One of those that are shown, to be looked into. */
static void choose_letter(sim_actor_t *self, tr_value_t answer) {
    tr_value_t letters = tr_value_get(answer, "letters");
    size_t n = tr_value_size(letters);
    self->letter = 0;
    if (n)
        self->letter = (uint64_t)tr_value_int(
            tr_value_get(tr_value_at(letters, sim_below(&self->prng, n)), "number"), 0);
}

/* Which of ours it is, and what is to become of it: dropped it need not be anywhere any more, whatever becomes of the order. */
static void decide(sim_actor_t *self, tr_value_t answer) {
    tr_value_t content = tr_value_get(answer, "content");
    uint32_t number = content && content->type == MSGPACK_OBJECT_BIN
                          ? sim_letter_read(content->via.bin.ptr, content->via.bin.size)
                          : 0;
    bool drop = sim_chance(&self->prng, 300);
    if (number && drop)
        sim_letter(self->world->ledger, number)->dropped = true;
    else if (number) /* otherwise it is the DF's, or the library's, to somebody to whom all is durable */
        sim_letter(self->world->ledger, number)->requeued = true;
    sim_say(self->world, "%s %s letter %u", self->name, drop ? "drops" : "sends again", number);
    ask(self, drop ? "dead-letter-drop" : "dead-letter-requeue", NULL, self->letter);
    self->letter = 0;
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    sim_actor_t *a = *(sim_actor_t **)state;
    const char *action = arg;
    (void)agent;
    if (a->proc->ghost)
        return;
    a->ordered = false;
    bool done = answer && tr_message_type(answer) == TR_MESSAGE_DIRECT &&
                tr_message_performative(answer) == TR_INFORM;
    sim_say(a->world, "%s: %s is %s", a->name, action, done ? "done" : "not done");
    if (done && !strcmp(action, "dead-letters"))
        choose_letter(a, tr_message_value(answer));
    else if (done && !strcmp(action, "dead-letter"))
        decide(a, tr_message_value(answer));
}

static void order_about(sim_actor_t *self) {
    char name[16];
    snprintf(name, sizeof name, "a%u", (unsigned)sim_below(&self->prng, self->world->plan.receivers_n));
    ask(self, sim_chance(&self->prng, 500) ? "quarantine" : "quarantine-release", name, 0);
}

void sim_order(sim_actor_t *self) {
    if (self->ordered)
        return;
    if (self->letter)
        ask(self, "dead-letter", NULL, self->letter);
    else if (self->world->plan.core.journal && sim_chance(&self->prng, 400))
        ask(self, "dead-letters", NULL, 0);
    else
        order_about(self);
}

void sim_order_release(sim_actor_t *self) {
    const char *name = sim_guarded_held(sim_home(self->world, self->proc));
    if (name && !self->ordered)
        ask(self, "quarantine-release", name, 0);
}
