/*
 * buyer: buys by contract nets.
 *
 *   args: {"sellers": "seller", "ask": 3, "value": 100, "spread": 0.3, "chance": 0.5}
 *
 * At each step it wants a piece with probability `chance`, which is worth around `value` to it, and calls for proposals to `ask` sellers, drawn by
 * chance. It takes the cheapest one that is not above the worth. Measures: deals, surplus (what it was worth less what it cost), unserved.
 * Sample: price.
 */
#include "sim/behaviours/table.h"

#include "troupe/contract_net.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MAX 64

typedef struct buyer_args {
    char sellers[TR_NAME_MAX + 1];
    int64_t ask;
    double value, spread, chance;
} buyer_args_t;

typedef struct buyer {
    tr_part_t part;
    tr_part_group_t sellers;
    uint32_t ask;
    double value, spread, chance;
    uint64_t bought, spent;
} buyer_t;

static const tr_arg_t known[] = {
    {"sellers", TR_ARG_TEXT, offsetof(buyer_args_t, sellers), TR_NAME_MAX + 1, .check = tr_arg_is_service,
        .expected = "the name of a group of agents"},
    {"ask", TR_ARG_WHOLE, offsetof(buyer_args_t, ask), .min = 1, .max = ASK_MAX},
    {"value", TR_ARG_REAL, offsetof(buyer_args_t, value), .min = 0, .max = 1000000000},
    {"spread", TR_ARG_REAL, offsetof(buyer_args_t, spread), .min = 0, .max = 1},
    {"chance", TR_ARG_REAL, offsetof(buyer_args_t, chance), .min = 0, .max = 1},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, buyer_args_t *ret, tr_problem_t *problem) {
    *ret = (buyer_args_t){.sellers = "seller", .ask = 3, .value = 100, .spread = 0.3, .chance = 0.5};
    int rc = tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
    return rc == 0 ? tr_part_need_group(args, "sellers", ret->sellers, problem) : rc;
}

int tr_buyer_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(buyer_args_t){0}, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    buyer_t *b = state;
    buyer_args_t read;
    int rc = read_args(args, &read, NULL);
    if (rc < 0)
        return rc;
    tr_part_group(args, read.sellers, &b->sellers);
    b->ask = (uint32_t)read.ask < b->sellers.count ? (uint32_t)read.ask : b->sellers.count;
    b->value = read.value;
    b->spread = read.spread;
    b->chance = read.chance;
    return tr_part_init(&b->part, self, args);
}

/* ---- a deal; its worth travels as the callbacks' argument ---- */

static tr_decision_t choose(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    int64_t worth = (int64_t)(intptr_t)arg, least = worth;
    const tr_proposal_t *best = NULL;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        int64_t price = tr_value_int(tr_value_get(proposals[i].value, "price"), INT64_MAX);
        if (price < least || (price == least && !best)) {
            best = &proposals[i];
            least = price;
        }
    }
    if (!best || tr_call_accept(call, best, NULL, 0, NULL) < 0)
        tr_part_measure(self, "unserved", 1);
    return TR_DECIDED;
}

static void bought(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    buyer_t *b = state;
    int64_t worth = (int64_t)(intptr_t)arg, price = tr_value_int(tr_value_get(proposal->value, "price"), 0);
    (void)call, (void)message;
    b->bought++;
    b->spent += (uint64_t)price;
    tr_part_measure(self, "deals", 1);
    tr_part_measure(self, "surplus", (double)(worth - price));
    tr_part_sample(self, "price", (double)price);
}

static void failed(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    tr_outcome_t outcome, const tr_message_t *last, void *arg) {
    (void)state, (void)call, (void)proposal, (void)outcome, (void)last, (void)arg;
    tr_part_measure(self, "unserved", 1);
}

/* Different ones, by drawing again what was drawn already: there are few. */
static void draw(buyer_t *b, char (*names)[TR_NAME_MAX + 1], const char **pointers) {
    uint32_t drawn[ASK_MAX];
    for (uint32_t i = 0; i < b->ask; i++) {
        bool again = true;
        while (again) {
            drawn[i] = tr_part_below(&b->part, b->sellers.count);
            again = false;
            for (uint32_t k = 0; k < i; k++)
                again |= drawn[k] == drawn[i];
        }
        pointers[i] = tr_part_name(&b->sellers, drawn[i], names[i]);
    }
}

static int want(tr_agent_t *self, buyer_t *b) {
    char names[ASK_MAX][TR_NAME_MAX + 1];
    const char *pointers[ASK_MAX];
    double worth = b->value * (1 + b->spread * (2 * tr_part_chance(&b->part) - 1));
    draw(b, names, pointers);
    int rc = tr_contract_net_start(self,
        &(tr_contract_net_t){.participants = pointers,
            .participants_n = b->ask,
            .on_proposals = choose,
            .on_result = bought,
            .on_failure = failed,
            .arg = (void *)(intptr_t)worth},
        NULL, NULL);
    return rc;
}

static int tell_state(tr_agent_t *self, const buyer_t *b) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 2);
    tr_write_kv_uint(&w, "bought", b->bought);
    tr_write_kv_uint(&w, "spent", b->spent);
    return tr_publish_content(self, "sim.state", &w);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    buyer_t *b = state;
    switch (tr_part_news(message, NULL)) {
    case TR_PART_END: return tell_state(self, b);
    case TR_PART_STEP: return tr_part_chance(&b->part) < b->chance ? want(self, b) : 0;
    default: return 0;
    }
}

const tr_behaviour_t tr_sim_buyer = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "buyer",
    .summary = "buys by contract nets",
    .state_size = sizeof(buyer_t),
    .init = init,
    .receive = receive,
};
