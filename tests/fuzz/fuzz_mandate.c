/* Mandates: what the broker finds in an envelope without decoding it is what whoever decodes it finds. */
#include "proto/mandate.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static bool same(tr_span_t span, const char *text) {
    return strlen(text) == span.len && !memcmp(span.at, text, span.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_mandate_t m;
    tr_arena_t arena;
    tr_acl_t acl;
    if (tr_mandate_scan(&m, data, size) < 0)
        return 0;
    PROMISE(m.chain_n <= TR_DELEGATION_MAX);
    for (size_t i = 0; i < m.chain_n; i++)
        PROMISE(m.chain[i].at >= data && m.chain[i].at + m.chain[i].len <= data + size);
    tr_arena_init(&arena, 1 << 20);
    if (tr_acl_alone_read(&acl, data, size, &arena) == 0) {
        PROMISE(acl.delegation.count == m.chain_n);
        for (size_t i = 0; i < m.chain_n; i++)
            PROMISE(same(m.chain[i], acl.delegation.items[i]) || memchr(m.chain[i].at, 0, m.chain[i].len));
        PROMISE(acl.budget.of_tokens == m.budget.of_tokens && acl.budget.of_money == m.budget.of_money);
        PROMISE(!m.budget.of_tokens || acl.budget.tokens == m.budget.tokens);
        PROMISE(!m.budget.of_money || acl.budget.micro_cost == m.budget.micro_cost);
    }
    tr_arena_finish(&arena);
    return 0;
}
