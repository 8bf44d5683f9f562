#include "lib/agent/protocol/table.h"

#include <strings.h>

static const tr_protocol_t *const all[] = {&tr_fipa_request, &tr_fipa_query, &tr_fipa_request_when,
    &tr_fipa_request_whenever, &tr_fipa_propose, &tr_fipa_subscribe, &tr_fipa_contract_net,
    &tr_fipa_iterated_contract_net, &tr_fipa_auction_english, &tr_fipa_auction_dutch, &tr_fipa_brokering,
    &tr_fipa_recruiting, NULL};

const tr_protocol_t *const *tr_protocols(void) {
    return all;
}

const tr_protocol_t *tr_protocol_find(const char *name) {
    for (const tr_protocol_t *const *p = all; name && *p; p++)
        if (!strcasecmp((*p)->name, name))
            return *p;
    return NULL;
}
