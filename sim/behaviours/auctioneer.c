/*
 * auctioneer: sells one piece after the other by auction.
 *
 *   args: {"bidders": "bidder", "kind": "english", "start": 10, "rise": 5, "reserve": 40, "every": 5}
 *
 * At every `every`-th step it auctions a piece among all bidders, English (the price rises from `start` by `rise`) or Dutch (it falls from
 * `start`), never below `reserve`. Measures: sold, unsold, revenue. Samples: hammer (the price), rounds.
 */
#include "sim/behaviours/table.h"

#include "troupe/auction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct auctioneer_args {
    char bidders[TR_NAME_MAX + 1], kind[16];
    int64_t start, rise, reserve, every;
} auctioneer_args_t;

typedef struct auctioneer {
    tr_part_t part;
    tr_part_group_t bidders;
    auctioneer_args_t args;
    bool busy;
    uint64_t sold;
} auctioneer_t;

static bool is_kind(const char *text, size_t len) {
    return (len == 7 && memcmp(text, "english", 7) == 0) || (len == 5 && memcmp(text, "dutch", 5) == 0);
}

static const tr_arg_t known[] = {
    {"bidders", TR_ARG_TEXT, offsetof(auctioneer_args_t, bidders), TR_NAME_MAX + 1,
        .check = tr_arg_is_service, .expected = "the name of a group of agents"},
    {"kind", TR_ARG_TEXT, offsetof(auctioneer_args_t, kind), 16, .check = is_kind,
        .expected = "english or dutch"},
    {"start", TR_ARG_WHOLE, offsetof(auctioneer_args_t, start), .min = 0, .max = 1000000000},
    {"rise", TR_ARG_WHOLE, offsetof(auctioneer_args_t, rise), .min = 1, .max = 1000000000},
    {"reserve", TR_ARG_WHOLE, offsetof(auctioneer_args_t, reserve), .min = 0, .max = 1000000000},
    {"every", TR_ARG_WHOLE, offsetof(auctioneer_args_t, every), .min = 1, .max = 1000000},
    TR_PART_ARG,
};

static int read_args(tr_value_t args, auctioneer_args_t *ret, tr_problem_t *problem) {
    *ret = (auctioneer_args_t){
        .bidders = "bidder", .kind = "english", .start = 10, .rise = 5, .reserve = 40, .every = 5};
    int rc = tr_args_read(known, sizeof known / sizeof *known, args, ret, problem);
    if (rc == 0 && *ret->kind == 'd' && ret->start < ret->reserve)
        rc = tr_args_wrong(problem, "start", tr_value_get(args, "start"),
            "a Dutch auction to begin at the reserve or above it");
    return rc == 0 ? tr_part_need_group(args, "bidders", ret->bidders, problem) : rc;
}

int tr_auctioneer_check(tr_value_t args, tr_problem_t *problem) {
    return read_args(args, &(auctioneer_args_t){0}, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    auctioneer_t *a = state;
    int rc = read_args(args, &a->args, NULL);
    if (rc < 0)
        return rc;
    tr_part_group(args, a->args.bidders, &a->bidders);
    return tr_part_init(&a->part, self, args);
}

static void over(tr_agent_t *self, void *state, tr_sale_t *sale, const tr_sale_end_t *end, void *arg) {
    auctioneer_t *a = state;
    (void)sale, (void)arg;
    a->busy = false;
    a->sold += end->sold;
    tr_part_measure(self, end->sold ? "sold" : "unsold", 1);
    tr_part_sample(self, "rounds", (double)end->rounds);
    if (!end->sold)
        return;
    tr_part_measure(self, "revenue", (double)end->price);
    tr_part_sample(self, "hammer", (double)end->price);
}

static int sell(tr_agent_t *self, auctioneer_t *a) {
    uint32_t count = a->bidders.count;
    char(*names)[TR_NAME_MAX + 1] = calloc(count, sizeof *names);
    const char **pointers = names ? calloc(count, sizeof *pointers) : NULL;
    int rc = pointers ? 0 : -ENOMEM;
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        pointers[i] = tr_part_name(&a->bidders, i, names[i]);
    if (rc == 0)
        rc = tr_auction_start(self,
            &(tr_auction_t){.dutch = *a->args.kind == 'd',
                .participants = pointers,
                .participants_n = count,
                .start = a->args.start,
                .step = a->args.rise,
                .reserve = a->args.reserve,
                .round_ms = 500,
                .on_end = over},
            NULL, NULL);
    free(pointers);
    free(names);
    a->busy = rc == 0;
    return rc;
}

static int tell_state(tr_agent_t *self, const auctioneer_t *a) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_uint(&w, "sold", a->sold);
    return tr_publish_content(self, "sim.state", &w);
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    auctioneer_t *a = state;
    uint64_t step = 0;
    tr_part_news_t news = tr_part_news(message, &step);
    if (news == TR_PART_END)
        return tell_state(self, a);
    if (news == TR_PART_STEP && !a->busy && step % (uint64_t)a->args.every == 0)
        return sell(self, a);
    return 0;
}

const tr_behaviour_t tr_sim_auctioneer = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "auctioneer",
    .summary = "sells by English or Dutch auctions",
    .state_size = sizeof(auctioneer_t),
    .init = init,
    .receive = receive,
};
