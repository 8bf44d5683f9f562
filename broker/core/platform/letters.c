/* What the AMS says of dead letters, and does with them: they are in the journal, so each answer waits for a read. */
#include "broker/core/platform/platform.h"

#include "lib/store/journal_batch.h"

#include <stdio.h>

#define LETTERS_MAX  200u /* in one answer; "after" gives the next ones */
#define FULL_MAX     100u /* mailboxes at their limit that are told */
#define LETTER_LIMIT (8u << 20)
#define ARENA_LIMIT  (1u << 20)
#define PAGE_LIMIT   (1u << 20) /* bytes that are read for one answer about many */

/* One that could be read, with its number and the bytes it takes. */
typedef struct letter {
    uint64_t number;
    size_t size;
    tr_letter_info_t info;
} letter_t;

static uint64_t number_of(const tr_answer_t *a, const char *key, int64_t otherwise) {
    int64_t number = tr_value_int(tr_value_get(a->request, key), otherwise);
    return number < 0 ? 0 : (uint64_t)number;
}

/* What was found, as it is gone through. */
typedef struct sight {
    const tr_answer_t *answer;
    tr_journal_reader_t reader;
    uint64_t last; /* number that was looked at */
} sight_t;

static sight_t sight_of(const tr_answer_t *a, const tr_found_t *found) {
    sight_t s = {.answer = a, .last = number_of(a, "after", 0)};
    tr_journal_reader_init(&s.reader, found->pairs, found->len);
    return s;
}

/* Matches by "reason", "name" (of the agent whose mailbox it was in) and "service", where given. */
static bool wanted(const tr_answer_t *a, const tr_letter_info_t *letter) {
    size_t len;
    char agent[TR_AID_MAX + 1];
    tr_value_t reason = tr_value_get(a->request, "reason");
    if (reason && !tr_value_equals(reason, tr_reason_name(letter->reason)))
        return false;
    if (tr_answer_mailbox(a, agent) &&
        !tr_queue_name_is_mailbox(letter->queue, letter->queue_len, agent, strlen(agent)))
        return false;
    const char *service = tr_value_str(tr_value_get(a->request, "service"), &len);
    return !service || (len == letter->queue_len && !memcmp(service, letter->queue, len));
}

/* The next one that can be read, and is wanted; damaged ones were counted where they were found. */
static bool next_letter(sight_t *sight, letter_t *ret) {
    tr_journal_op_t op;
    while (tr_journal_reader_next(&sight->reader, &op) > 0) {
        if (op.key_len != 9)
            continue;
        sight->last = ret->number = tr_key_number(op.key);
        ret->size = op.value_len;
        if (tr_letter_read(&ret->info, op.value, op.value_len) && wanted(sight->answer, &ret->info) &&
            !tr_letter_spent(sight->answer->core, ret->number))
            return true;
    }
    return false;
}

static void write_summary(tr_answer_t *a, const letter_t *l) {
    const tr_record_t *r = &l->info.record;
    tr_content_writer_t *w = &a->content;
    tr_acl_t acl;
    tr_arena_t arena; /* the core's has the request's envelope */
    tr_arena_init(&arena, ARENA_LIMIT);
    bool read = tr_acl_read(&acl, r, &arena) == 0;
    tr_write_kv_uint(w, "number", l->number);
    tr_write_kv(w, "reason", tr_reason_name(l->info.reason));
    tr_write_str(w, "queue");
    tr_write_strn(w, l->info.queue, l->info.queue_len);
    tr_write_kv_uint(w, "attempts", l->info.attempts);
    tr_write_kv_int(w, "since_ms", l->info.wall_ms);
    tr_write_kv(w, "performative", tr_performative_name(r->h.performative));
    tr_write_kv(w, "sender", read ? acl.sender : NULL);
    tr_write_kv(w, "receiver", read && acl.receivers.count ? acl.receivers.items[0] : NULL);
    tr_write_kv(w, "protocol", read ? acl.protocol : NULL);
    tr_write_kv(w, "conversation_id", read ? acl.conversation_id : NULL);
    tr_write_kv(w, "language", read ? acl.language : NULL);
    tr_write_kv_uint(w, "bytes", r->h.length);
    tr_arena_finish(&arena);
}

static void write_limits(tr_answer_t *a) {
    const tr_core_config_t *c = &a->core->config;
    tr_write_str(&a->content, "limits");
    tr_write_map(&a->content, 4);
    tr_write_kv_uint(&a->content, "letters", c->letters_records);
    tr_write_kv_uint(&a->content, "bytes", c->letters_bytes);
    tr_write_kv_uint(&a->content, "each_letters", c->letters_each_records);
    tr_write_kv_uint(&a->content, "each_bytes", c->letters_each_bytes);
}

/* The next one that is at its limit. */
static const tr_map_slot_t *next_full(const tr_core_t *core, size_t *cursor) {
    const tr_map_slot_t *slot;
    do {
        slot = tr_map_next(&core->durable->boxes, cursor);
    } while (slot && !((const tr_letter_box_t *)(uintptr_t)slot->value)->full);
    return slot;
}

static void write_full(tr_answer_t *a) {
    size_t cursor = 0, n = 0;
    const tr_map_slot_t *slot;
    while (n < FULL_MAX && next_full(a->core, &cursor))
        n++;
    tr_write_str(&a->content, "full");
    tr_write_array(&a->content, n);
    for (cursor = 0; n && (slot = next_full(a->core, &cursor)); n--) {
        const tr_letter_box_t *box = (const tr_letter_box_t *)(uintptr_t)slot->value;
        tr_write_map(&a->content, 3);
        tr_write_str(&a->content, "queue");
        tr_write_strn(&a->content, slot->key, slot->key_len);
        tr_write_kv_uint(&a->content, "letters", box->records);
        tr_write_kv_uint(&a->content, "bytes", box->bytes);
    }
}

static void list_found(tr_answer_t *a, const tr_found_t *found) {
    sight_t sight = sight_of(a, found);
    letter_t l;
    size_t n = 0;
    bool full = false;
    uint64_t last = sight.last;
    while (!full && next_letter(&sight, &l)) {
        full = n == LETTERS_MAX;
        n += !full;
        last = full ? last : l.number;
    }
    tr_write_map(&a->content, 7);
    tr_write_kv_uint(&a->content, "total", a->core->stats.letters);
    tr_write_kv_bool(&a->content, "more", full || found->more);
    tr_write_kv_uint(&a->content, "last", full ? last : sight.last);
    tr_write_str(&a->content, "letters");
    tr_write_array(&a->content, n);
    sight = sight_of(a, found);
    while (n-- && next_letter(&sight, &l)) {
        tr_write_map(&a->content, 12);
        write_summary(a, &l);
    }
    tr_write_kv_uint(&a->content, "bytes", a->core->stats.letter_bytes);
    write_limits(a);
    write_full(a);
}

static void read_page(tr_answer_t *a, tr_answer_then_t then) {
    if (!tr_answer_has_journal(a))
        return;
    tr_key_t from = tr_key_numbered(TR_KEY_LETTER, number_of(a, "after", 0) + 1);
    tr_key_t to = tr_key_numbered(TR_KEY_LETTER, number_of(a, "until", INT64_MAX) + 1);
    tr_answer_read(a, &from, &to, PAGE_LIMIT, then);
}

void tr_handle_dead_letters(tr_answer_t *a) {
    read_page(a, list_found);
}

/* One letter, by its number. */
static void read_one(tr_answer_t *a, tr_answer_then_t then) {
    int64_t number = tr_value_int(tr_value_get(a->request, "number"), -1);
    if (!tr_answer_has_journal(a))
        return;
    if (number < 0) {
        tr_answer_refuse(a, "missing-argument", "number");
        return;
    }
    tr_key_t from = tr_key_numbered(TR_KEY_LETTER, (uint64_t)number);
    tr_key_t to = tr_key_numbered(TR_KEY_LETTER, (uint64_t)number + 1);
    tr_answer_read(a, &from, &to, LETTER_LIMIT, then);
}

/* False, and refused, where there is none. */
static bool found_one(tr_answer_t *a, const tr_found_t *found, letter_t *ret) {
    sight_t sight = sight_of(a, found);
    char detail[64];
    if (next_letter(&sight, ret))
        return true;
    snprintf(detail, sizeof detail, "no dead letter has the number %lld",
        (long long)tr_value_int(tr_value_get(a->request, "number"), 0));
    tr_answer_refuse(a, "unrecognised-parameter-value", detail);
    return false;
}

static void show_found(tr_answer_t *a, const tr_found_t *found) {
    letter_t l;
    if (!found_one(a, found, &l))
        return;
    tr_write_map(&a->content, 13);
    write_summary(a, &l);
    tr_write_str(&a->content, "content");
    tr_write_bin(&a->content, l.info.record.content, l.info.record.content_len);
}

void tr_handle_dead_letter(tr_answer_t *a) {
    read_one(a, show_found);
}

static tr_reason_t requeue(tr_core_t *core, const letter_t *l) {
    return tr_letter_requeue(core, l->number, &l->info, l->size);
}

static tr_reason_t drop(tr_core_t *core, const letter_t *l) {
    return tr_letter_drop(core, l->number, &l->info, l->size) ? TR_REASON_NONE : TR_REASON_LIMIT;
}

static const char *why_not(tr_reason_t why) {
    switch (why) {
    case TR_REASON_BUSY: return "its queue is full: try again later";
    case TR_REASON_NOT_FOUND: return "its queue is gone";
    case TR_REASON_QUARANTINED: return "its sender is in quarantine: let it go first";
    default: return "out of memory";
    }
}

static void do_one(
    tr_answer_t *a, const tr_found_t *found, tr_reason_t (*act)(tr_core_t *core, const letter_t *l)) {
    letter_t l;
    if (!found_one(a, found, &l))
        return;
    tr_reason_t why = act(a->core, &l);
    if (why == TR_REASON_NONE)
        tr_answer_done(a);
    else
        tr_answer_refuse(a, "unauthorised", why_not(why));
}

static void requeue_found(tr_answer_t *a, const tr_found_t *found) {
    do_one(a, found, requeue);
}

void tr_handle_dead_letter_requeue(tr_answer_t *a) {
    read_one(a, requeue_found);
}

static void drop_found(tr_answer_t *a, const tr_found_t *found) {
    do_one(a, found, drop);
}

void tr_handle_dead_letter_drop(tr_answer_t *a) {
    read_one(a, drop_found);
}

/* A page of them, as far as it goes: what could not be done stays a letter, and the next page begins behind it. */
static void do_page(
    tr_answer_t *a, const tr_found_t *found, tr_reason_t (*act)(tr_core_t *core, const letter_t *l)) {
    sight_t sight = sight_of(a, found);
    letter_t l;
    uint64_t n = 0, kept = 0;
    tr_reason_t first = TR_REASON_NONE;
    while (next_letter(&sight, &l)) {
        tr_reason_t why = act(a->core, &l);
        n += why == TR_REASON_NONE;
        kept += why != TR_REASON_NONE;
        first = first == TR_REASON_NONE ? why : first;
    }
    tr_write_map(&a->content, 6);
    tr_write_kv_uint(&a->content, "count", n);
    tr_write_kv_uint(&a->content, "kept", kept);
    tr_write_kv(&a->content, "detail", kept ? why_not(first) : NULL);
    tr_write_kv_bool(&a->content, "more", found->more);
    tr_write_kv_uint(&a->content, "last", sight.last);
    tr_write_kv_uint(&a->content, "newest", a->core->durable->next_letter - 1);
}

static void requeue_page(tr_answer_t *a, const tr_found_t *found) {
    do_page(a, found, requeue);
}

void tr_handle_dead_letters_requeue(tr_answer_t *a) {
    read_page(a, requeue_page);
}

static void drop_page(tr_answer_t *a, const tr_found_t *found) {
    do_page(a, found, drop);
}

void tr_handle_dead_letters_drop(tr_answer_t *a) {
    read_page(a, drop_page);
}
