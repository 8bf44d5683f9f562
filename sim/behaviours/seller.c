/*
 * seller: sells in contract nets, and learns its price.
 *
 *   args: {"cost": 50, "spread": 0.2, "margin": 0.5, "step": 0.02, "stock": 1}
 *
 * Its cost is drawn around `cost` (by up to `spread` of it). It asks for its cost and a margin; a sale raises the margin by `step`, a
 * rejection lowers it. It sells at most `stock` pieces between two steps, and refuses then. Sample: margin.
 */
#include "sim/behaviours/table.h"

#include "troupe/protocol.h"

typedef struct seller_args {
    double cost, spread, margin, step;
    int64_t stock;
} seller_args_t;

typedef struct seller {
    tr_part_t part;
    double cost, margin, step;
    uint32_t stock, left;
    uint64_t sold;
} seller_t;

static const tr_arg_t known[] = {
    {"cost", TR_ARG_REAL, offsetof(seller_args_t, cost), .min = 0, .max = 1000000000},
    {"spread", TR_ARG_REAL, offsetof(seller_args_t, spread), .min = 0, .max = 1},
    {"margin", TR_ARG_REAL, offsetof(seller_args_t, margin), .min = 0, .max = 100},
    {"step", TR_ARG_REAL, offsetof(seller_args_t, step), .min = 0, .max = 1},
    {"stock", TR_ARG_WHOLE, offsetof(seller_args_t, stock), .min = 1, .max = 1000000},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, seller_args_t *ret, tr_problem_t *problem) {
    *ret = (seller_args_t){.cost = 50, .spread = 0.2, .margin = 0.5, .step = 0.02, .stock = 1};
    return tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
}

int tr_seller_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(seller_args_t){0}, problem);
}

static int64_t price_of(const seller_t *s) {
    return (int64_t)(s->cost * (1 + s->margin) + 0.5);
}

static int propose(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    seller_t *s = state;
    tr_content_writer_t w;
    (void)self, (void)message;
    if (s->left == 0)
        return tr_conversation_refuse(c, "sold-out", "nothing is left until the next step");
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, "price", price_of(s));
    return tr_conversation_act_content(c, TR_PROPOSE, &w, NULL);
}

static int deliver(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    seller_t *s = state;
    (void)self, (void)message;
    if (s->left == 0) /* another buyer was faster */
        return tr_conversation_failure(c, "sold-out", "nothing is left until the next step");
    s->left--;
    s->sold++;
    s->margin += s->step;
    return tr_conversation_inform(c, NULL, 0);
}

static void ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    seller_t *s = state;
    (void)self, (void)c, (void)last, (void)arg;
    if (outcome == TR_OUTCOME_REJECTED)
        s->margin = s->margin > s->step ? s->margin - s->step : 0;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says = {
        .protocol = "fipa-contract-net", .on_request = propose, .on_act = deliver, .on_end = ended};
    seller_t *s = state;
    seller_args_t read;
    int rc = read_args(args, &read, NULL);
    if (rc == 0)
        rc = tr_part_init(&s->part, self, args);
    s->cost = read.cost * (1 + read.spread * (2 * tr_part_chance(&s->part) - 1));
    s->margin = read.margin;
    s->step = read.step;
    s->stock = s->left = (uint32_t)read.stock;
    return rc == 0 ? tr_participate(self, &says) : rc;
}

static int tell_state(tr_agent_t *self, const seller_t *s) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv_double(&w, "cost", s->cost);
    tr_write_kv_double(&w, "margin", s->margin);
    tr_write_kv_uint(&w, "sold", s->sold);
    return tr_publish_content(self, "sim.state", &w);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    seller_t *s = state;
    tr_part_news_t news = tr_part_news(message, NULL);
    if (news == TR_PART_END)
        return tell_state(self, s);
    if (news == TR_PART_STEP) {
        s->left = s->stock;
        tr_part_sample(self, "margin", s->margin);
    }
    return 0;
}

const tr_behaviour_t tr_sim_seller = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "seller",
    .summary = "sells in contract nets, and learns its price",
    .state_size = sizeof(seller_t),
    .init = init,
    .receive = receive,
};
