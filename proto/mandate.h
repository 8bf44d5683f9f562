/*
 * The mandate of a message: on whose behalf it is sent, and what may be spent on it. Read from the bytes of an
 * envelope without decoding the rest, and without memory of its own: it points into those bytes.
 *
 * Only for envelopes of records with TR_FLAG_MANDATE, which are held to more than others, so that no two
 * readers can see two mandates in them: fields come in the order of their numbers, and only lists have several
 * of one number; conversation-id, and all of the budget, stand there once at most.
 */
#ifndef TR_PROTO_MANDATE_H
#define TR_PROTO_MANDATE_H

#include "proto/acl.h"

typedef struct tr_span {
    const uint8_t *at;
    size_t len;
} tr_span_t;

typedef struct tr_mandate {
    tr_span_t conversation; /* len 0 = none */
    tr_span_t chain[TR_DELEGATION_MAX];
    size_t chain_n;
    tr_budget_t budget;
} tr_mandate_t;

/* 0; -EBADMSG: not an envelope of this kind; -E2BIG: a chain of more than TR_DELEGATION_MAX. */
int tr_mandate_scan(tr_mandate_t *ret_mandate, const uint8_t *envelope, size_t len);

#endif
