#include "proto/mandate.h"

#include <errno.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
enum { CONVERSATION = 8, DELEGATION = 13, BUDGET = 14 };
enum { TOKENS = 1, MICRO_COST = 2, LEFT = 1 };

static bool next_varint(tr_span_t *in, uint64_t *ret_v) {
    uint64_t v = 0;
    for (unsigned shift = 0; in->len && shift < 64; shift += 7) {
        uint8_t byte = *in->at++;
        in->len--;
        if (shift == 63 && byte > 1)
            return false;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_v = v;
            return true;
        }
    }
    return false;
}

static bool next_bytes(tr_span_t *in, uint64_t n, tr_span_t *ret_bytes) {
    if (n > in->len)
        return false;
    *ret_bytes = (tr_span_t){in->at, (size_t)n};
    in->at += n;
    in->len -= (size_t)n;
    return true;
}

/* One field: a number for VARINT, bytes for all else. False where it is none, or a group. */
typedef struct field {
    uint64_t number, v;
    tr_span_t bytes;
    unsigned type;
} field_t;

static bool next_field(tr_span_t *in, field_t *ret) {
    uint64_t tag, n;
    if (!next_varint(in, &tag) || !(tag >> 3) || tag >> 3 > UINT32_MAX >> 3)
        return false;
    ret->number = tag >> 3;
    ret->type = tag & 7;
    switch (ret->type) {
    case VARINT: return next_varint(in, &ret->v);
    case FIXED64: return next_bytes(in, 8, &ret->bytes);
    case FIXED32: return next_bytes(in, 4, &ret->bytes);
    case BYTES: return next_varint(in, &n) && next_bytes(in, n, &ret->bytes);
    default: return false;
    }
}

/* Empty, which is 0, or one number. */
static bool read_limit(tr_span_t in, uint64_t *ret_left) {
    field_t f = {.type = VARINT, .number = LEFT};
    if (in.len && (!next_field(&in, &f) || in.len))
        return false;
    *ret_left = f.v;
    return f.type == VARINT && f.number == LEFT;
}

static bool read_budget(tr_span_t in, tr_budget_t *ret_budget) {
    tr_budget_t b = {0};
    uint64_t before = 0;
    field_t f;
    while (in.len) {
        if (!next_field(&in, &f) || f.type != BYTES || f.number <= before || f.number > MICRO_COST)
            return false;
        before = f.number;
        bool tokens = f.number == TOKENS;
        *(tokens ? &b.of_tokens : &b.of_money) = true;
        if (!read_limit(f.bytes, tokens ? &b.tokens : &b.micro_cost))
            return false;
    }
    *ret_budget = b;
    return true;
}

static int take(tr_mandate_t *m, const field_t *f) {
    switch (f->number) {
    case CONVERSATION: m->conversation = f->bytes; break;
    case DELEGATION:
        if (m->chain_n == TR_DELEGATION_MAX)
            return -E2BIG;
        m->chain[m->chain_n++] = f->bytes;
        break;
    case BUDGET: return read_budget(f->bytes, &m->budget) ? 0 : -EBADMSG;
    default: break;
    }
    return 0;
}

static bool is_ours(uint64_t number) {
    return number == CONVERSATION || number == DELEGATION || number == BUDGET;
}

int tr_mandate_scan(tr_mandate_t *ret_mandate, const uint8_t *envelope, size_t len) {
    tr_span_t in = {envelope, len};
    uint64_t before = 0;
    field_t f;
    ret_mandate->conversation = (tr_span_t){0};
    ret_mandate->chain_n = 0;
    ret_mandate->budget = (tr_budget_t){0};
    while (in.len) {
        if (!next_field(&in, &f) || f.number < before)
            return -EBADMSG;
        bool once = f.number == CONVERSATION || f.number == BUDGET;
        if ((once && f.number == before) || (is_ours(f.number) && f.type != BYTES))
            return -EBADMSG;
        before = f.number;
        int r = take(ret_mandate, &f);
        if (r < 0)
            return r;
    }
    return 0;
}
