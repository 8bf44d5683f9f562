/*
 * Writing is done here by a table of fields, because every message pays for it (protobuf-c's packer walks all
 * descriptors twice, four times as slow); reading is left to protobuf-c, whose checks have seen more hostile
 * bytes than ours, but for the plain envelopes of nearly all messages (acl_plain.c). acl_test.c compares the
 * bytes of both packers, and what both ways of reading make of good and bad bytes.
 */
#include "proto/acl.h"

#include "proto/acl.pb-c.h"
#include "proto/acl_plain.h"

#include <errno.h>
#include <stdbool.h>

enum { TAG_BYTES = 2 };

/* The plain string fields in the order of their numbers, so that the bytes are those of any
 * canonical packer. */
typedef struct string_field {
    uint8_t number;
    size_t offset;
} string_field_t;

static const string_field_t head_fields[] = {
    {4, offsetof(tr_acl_t, language)},
    {5, offsetof(tr_acl_t, encoding)},
    {6, offsetof(tr_acl_t, ontology)},
    {7, offsetof(tr_acl_t, protocol)},
    {8, offsetof(tr_acl_t, conversation_id)},
    {9, offsetof(tr_acl_t, reply_with)},
    {10, offsetof(tr_acl_t, in_reply_to)},
    {11, offsetof(tr_acl_t, topic)},
    {12, offsetof(tr_acl_t, traceparent)},
};
#define HEAD_FIELDS (sizeof head_fields / sizeof *head_fields)

static const char *string_at(const tr_acl_t *acl, size_t offset) {
    return *(const char *const *)((const char *)acl + offset);
}

static size_t varint_size(uint64_t v) {
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

static uint8_t *put_varint(uint8_t *p, uint64_t v) {
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static size_t bytes_size(unsigned number, size_t len) {
    return varint_size((uint64_t)number << 3) + varint_size(len) + len;
}

static uint8_t *put_bytes(uint8_t *p, unsigned number, const void *bytes, size_t len) {
    p = put_varint(p, (uint64_t)number << 3 | TAG_BYTES);
    p = put_varint(p, len);
    if (len)
        memcpy(p, bytes, len);
    return p + len;
}

/* proto3: an empty string is not written. */
static size_t string_size(unsigned number, const char *s) {
    return s && *s ? bytes_size(number, strlen(s)) : 0;
}

static uint8_t *put_string(uint8_t *p, unsigned number, const char *s) {
    return s && *s ? put_bytes(p, number, s, strlen(s)) : p;
}

static size_t list_size(unsigned number, const tr_acl_list_t *list) {
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        n += bytes_size(number, strlen(list->items[i]));
    return n;
}

static uint8_t *put_list(uint8_t *p, unsigned number, const tr_acl_list_t *list) {
    for (size_t i = 0; i < list->count; i++)
        p = put_bytes(p, number, list->items[i], strlen(list->items[i]));
    return p;
}

static size_t number_size(unsigned number, uint64_t v) {
    return v ? varint_size((uint64_t)number << 3) + varint_size(v) : 0;
}

static uint8_t *put_number(uint8_t *p, unsigned number, uint64_t v) {
    if (!v)
        return p;
    p = put_varint(p, (uint64_t)number << 3);
    return put_varint(p, v);
}

/* A limit of 0 is there, and empty. */
static size_t limit_size(unsigned number, bool limited, uint64_t v) {
    return limited ? bytes_size(number, number_size(1, v)) : 0;
}

static uint8_t *put_limit(uint8_t *p, unsigned number, bool limited, uint64_t v) {
    if (!limited)
        return p;
    p = put_varint(p, (uint64_t)number << 3 | TAG_BYTES);
    p = put_varint(p, number_size(1, v));
    return put_number(p, 1, v);
}

static size_t budget_body_size(const tr_budget_t *b) {
    return limit_size(1, b->of_tokens, b->tokens) + limit_size(2, b->of_money, b->micro_cost);
}

static size_t user_body_size(const tr_acl_user_t *user) {
    return string_size(1, user->name) + string_size(2, user->value);
}

size_t tr_acl_envelope_size(const tr_acl_t *self) {
    size_t n = string_size(1, self->sender) + list_size(2, &self->receivers) + list_size(3, &self->reply_to);
    for (size_t i = 0; i < HEAD_FIELDS; i++)
        n += string_size(head_fields[i].number, string_at(self, head_fields[i].offset));
    n += list_size(13, &self->delegation);
    size_t budget = budget_body_size(&self->budget);
    if (budget)
        n += bytes_size(14, budget);
    for (size_t i = 0; i < self->user_count; i++)
        n += bytes_size(15, user_body_size(&self->user[i]));
    return n;
}

uint8_t *tr_acl_envelope_write(const tr_acl_t *self, uint8_t *p) {
    p = put_string(p, 1, self->sender);
    p = put_list(p, 2, &self->receivers);
    p = put_list(p, 3, &self->reply_to);
    for (size_t i = 0; i < HEAD_FIELDS; i++)
        p = put_string(p, head_fields[i].number, string_at(self, head_fields[i].offset));
    p = put_list(p, 13, &self->delegation);
    size_t budget = budget_body_size(&self->budget);
    if (budget) {
        p = put_varint(p, 14 << 3 | TAG_BYTES);
        p = put_varint(p, budget);
        p = put_limit(p, 1, self->budget.of_tokens, self->budget.tokens);
        p = put_limit(p, 2, self->budget.of_money, self->budget.micro_cost);
    }
    for (size_t i = 0; i < self->user_count; i++) {
        p = put_varint(p, 15 << 3 | TAG_BYTES);
        p = put_varint(p, user_body_size(&self->user[i]));
        p = put_string(p, 1, self->user[i].name);
        p = put_string(p, 2, self->user[i].value);
    }
    return p;
}

size_t tr_acl_alone_size(const tr_acl_t *self) {
    return tr_acl_envelope_size(self) + number_size(20, self->performative) + number_size(21, self->hops) +
           number_size(22, self->reply_by_ms) + (self->content_len ? bytes_size(23, self->content_len) : 0);
}

uint8_t *tr_acl_alone_write(const tr_acl_t *self, uint8_t *p) {
    p = tr_acl_envelope_write(self, p);
    p = put_number(p, 20, self->performative);
    p = put_number(p, 21, self->hops);
    p = put_number(p, 22, self->reply_by_ms);
    return self->content_len ? put_bytes(p, 23, self->content, self->content_len) : p;
}

static void *arena_alloc(void *arena, size_t size) {
    return tr_arena_alloc(arena, size);
}

static void arena_free(void *arena, void *p) {
    (void)arena;
    (void)p; /* freed with the arena */
}

static const char *some(const char *s) {
    return s && *s ? s : NULL;
}

static tr_acl_list_t list_of(char **items, size_t count) {
    return (tr_acl_list_t){.items = (const char *const *)items, .count = count};
}

static int read_user(tr_acl_t *acl, const Troupe__Envelope *e, tr_arena_t *arena) {
    if (!e->n_user)
        return 0;
    tr_acl_user_t *user = tr_arena_alloc(arena, e->n_user * sizeof *user);
    if (!user)
        return -ENOMEM;
    for (size_t i = 0; i < e->n_user; i++)
        user[i] = (tr_acl_user_t){.name = e->user[i]->name, .value = e->user[i]->value};
    acl->user = user;
    acl->user_count = e->n_user;
    return 0;
}

static int read_envelope(
    tr_acl_t *acl, Troupe__Envelope **ret_envelope, const void *bytes, size_t len, tr_arena_t *arena) {
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    Troupe__Envelope *e = troupe__envelope__unpack(&allocator, len, bytes);
    if (!e)
        return -EBADMSG;
    if (e->n_receivers > TR_ACL_LIST_MAX || e->n_reply_to > TR_ACL_LIST_MAX ||
        e->n_delegation > TR_ACL_LIST_MAX || e->n_user > TR_ACL_LIST_MAX)
        return -E2BIG;
    *acl = (tr_acl_t){
        .sender = some(e->sender),
        .receivers = list_of(e->receivers, e->n_receivers),
        .reply_to = list_of(e->reply_to, e->n_reply_to),
        .language = some(e->language),
        .encoding = some(e->encoding),
        .ontology = some(e->ontology),
        .protocol = some(e->protocol),
        .conversation_id = some(e->conversation_id),
        .reply_with = some(e->reply_with),
        .in_reply_to = some(e->in_reply_to),
        .topic = some(e->topic),
        .traceparent = some(e->traceparent),
        .delegation = list_of(e->delegation, e->n_delegation),
    };
    if (e->budget)
        acl->budget = (tr_budget_t){
            .of_tokens = e->budget->tokens,
            .of_money = e->budget->micro_cost,
            .tokens = e->budget->tokens ? e->budget->tokens->left : 0,
            .micro_cost = e->budget->micro_cost ? e->budget->micro_cost->left : 0,
        };
    *ret_envelope = e;
    return read_user(acl, e, arena);
}

/* The broker has compared the first field; protobuf lets a later one of the same number win, so both
 * must agree. */
static bool is_stamped(const tr_acl_t *acl, const tr_record_t *record) {
    size_t len;
    const char *first = tr_envelope_sender(record->envelope, record->h.envelope_len, &len);
    return !acl->sender || (first && strlen(acl->sender) == len && !memcmp(acl->sender, first, len));
}

int tr_acl_read(tr_acl_t *ret_acl, const tr_record_t *record, tr_arena_t *arena) {
    Troupe__Envelope *e;
    tr_acl_t acl;
    int r = tr_acl_plain_read(&acl, record->envelope, record->h.envelope_len, arena);
    if (r == 0)
        r = read_envelope(&acl, &e, record->envelope, record->h.envelope_len, arena);
    if (r < 0)
        return r;
    if (!is_stamped(&acl, record))
        return -EBADMSG;
    if (!(record->h.flags & TR_FLAG_MANDATE)) {
        acl.delegation = (tr_acl_list_t){0};
        acl.budget = (tr_budget_t){0};
    }
    acl.performative = record->h.performative < TR_ACT_MAX ? record->h.performative : TR_ACT_NONE;
    acl.priority = record->h.priority;
    acl.hops = record->h.hops;
    acl.hops_spent = !record->h.hops;
    acl.flags = record->h.flags;
    acl.reply_by_ms = record->h.deadline_ms;
    acl.content = record->content;
    acl.content_len = record->content_len;
    *ret_acl = acl;
    return 0;
}

int tr_acl_alone_read(tr_acl_t *ret_acl, const void *bytes, size_t len, tr_arena_t *arena) {
    Troupe__Envelope *e;
    tr_acl_t acl;
    int r = read_envelope(&acl, &e, bytes, len, arena);
    if (r < 0)
        return r;
    acl.performative = e->performative < TR_ACT_MAX ? (tr_performative_t)e->performative : TR_ACT_NONE;
    acl.hops = e->hop_limit > UINT8_MAX ? UINT8_MAX : (uint8_t)e->hop_limit;
    acl.reply_by_ms = e->reply_by_ms;
    acl.content = e->content.data;
    acl.content_len = e->content.len;
    *ret_acl = acl;
    return 0;
}
