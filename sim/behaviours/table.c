#include "sim/behaviours/table.h"

#include "lib/base/suggest.h"

#include <string.h>

static const tr_sim_part_kind_t table[] = {
    {&tr_sim_auctioneer, tr_auctioneer_check},
    {&tr_sim_bidder, tr_bidder_check},
    {&tr_sim_buyer, tr_buyer_check},
    {&tr_sim_citizen, tr_citizen_check},
    {&tr_sim_dispatcher, tr_dispatcher_check},
    {&tr_sim_gossip, tr_gossip_check},
    {&tr_sim_seller, tr_seller_check},
    {&tr_sim_teller, tr_teller_check},
    {&tr_sim_worker, tr_worker_check},
};

#define COUNT (sizeof table / sizeof *table)

const tr_sim_part_kind_t *tr_sim_part_find(const char *name) {
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(table[i].behaviour->name, name) == 0)
            return &table[i];
    return NULL;
}

const char *tr_sim_part_nearest(const char *name) {
    const char *names[COUNT + 1] = {0};
    for (size_t i = 0; i < COUNT; i++)
        names[i] = table[i].behaviour->name;
    return tr_suggest(name, names);
}

void tr_sim_parts_print(FILE *out) {
    for (size_t i = 0; i < COUNT; i++)
        fprintf(out, "%-12s%s\n", table[i].behaviour->name, table[i].behaviour->summary);
}
