/*
 * An ACL message as its parameters (FIPA SC00061) and Troupe's additions, and its two forms on the wire: in a
 * record (envelope behind the fixed header, content behind the envelope), and standing alone (one protobuf
 * message, proto/acl.proto).
 *
 * Strings are C strings, NULL = absent. Packing borrows everything for the call. Unpacking puts all of it
 * into the caller's arena, except the content, which points into the record's bytes; both must outlive the
 * tr_acl_t.
 */
#ifndef TR_PROTO_ACL_H
#define TR_PROTO_ACL_H

#include "lib/base/arena.h"
#include "proto/performative.h"
#include "proto/record.h"

#include <stdbool.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TR_PRIORITY_MAX   9u
#define TR_ACL_LIST_MAX   1024 /* receivers, reply-to, delegation, user parameters: each at most */
#define TR_DELEGATION_MAX 32   /* of a delegation chain that a broker lets pass */

typedef struct tr_acl_list {
    const char *const *items;
    size_t count;
} tr_acl_list_t;

typedef struct tr_acl_user {
    const char *name; /* begins with "X-" */
    const char *value;
} tr_acl_user_t;

/* What may still be spent on a conversation. */
typedef struct tr_budget {
    bool of_tokens, of_money; /* what is limited; the number of what is not means nothing */
    uint64_t tokens;          /* of language models */
    uint64_t micro_cost;      /* millionths of the fleet's currency unit */
} tr_budget_t;

typedef struct tr_acl {
    tr_performative_t performative;
    uint8_t priority;     /* 0..TR_PRIORITY_MAX, the highest first where messages wait */
    uint8_t hops;         /* hop limit, 0 = TR_HOPS_DEFAULT */
    uint8_t flags;        /* TR_FLAG_* */
    bool hops_spent;      /* none is left (an answer to what came with none): it comes back as hop-limit */
    uint64_t reply_by_ms; /* Unix time, 0 = none */
    const char *sender;
    const char *language;
    const char *encoding;
    const char *ontology;
    const char *protocol;
    const char *conversation_id;
    const char *reply_with;
    const char *in_reply_to;
    const char *topic;
    const char *traceparent;
    tr_acl_list_t receivers;
    tr_acl_list_t reply_to;
    tr_acl_list_t delegation;
    const tr_acl_user_t *user;
    size_t user_count;
    tr_budget_t budget;
    const void *content;
    size_t content_len;
} tr_acl_t;

/* What a user parameter says; NULL where there is none of this name, and where there are no parameters at all (self may be NULL). */
static inline const char *tr_acl_user_value(const tr_acl_t *self, const char *name) {
    for (size_t i = 0; self && i < self->user_count; i++)
        if (strcmp(self->user[i].name, name) == 0)
            return self->user[i].value;
    return NULL;
}

/* Bytes of the envelope that tr_acl_envelope_write will write. May be over TR_ENVELOPE_MAX: then it cannot be
 * sent. */
size_t tr_acl_envelope_size(const tr_acl_t *self);
/* Writes the envelope of a record (no performative, reply-by, content). Returns the end. */
uint8_t *tr_acl_envelope_write(const tr_acl_t *self, uint8_t *out);
/* The header's and the envelope's parameters; delegation and budget only of a record with TR_FLAG_MANDATE, for
 * otherwise no broker has looked at them. 0, -EBADMSG (no valid envelope), -E2BIG (a list too long),
 * -ENOMEM. */
int tr_acl_read(tr_acl_t *ret_acl, const tr_record_t *record, tr_arena_t *arena);

/* Standing alone: all parameters in one protobuf message. */
size_t tr_acl_alone_size(const tr_acl_t *self);
uint8_t *tr_acl_alone_write(const tr_acl_t *self, uint8_t *out);
int tr_acl_alone_read(tr_acl_t *ret_acl, const void *bytes, size_t len, tr_arena_t *arena);

/* The sender's AID in an envelope without decoding the rest; NULL where the first field is no sender. */
static inline const char *tr_envelope_sender(const uint8_t *envelope, size_t len, size_t *ret_len) {
    if (len < 2 || envelope[0] != 0x0a)
        return NULL;
    size_t n = envelope[1], head = 2;
    if (n & 0x80) {
        if (len < 3 || envelope[2] & 0x80)
            return NULL;
        n = (n & 0x7f) | (size_t)envelope[2] << 7;
        head = 3;
    }
    if (n > len - head)
        return NULL;
    *ret_len = n;
    return (const char *)envelope + head;
}

#ifdef __cplusplus
}
#endif

#endif
