/* What the AMS says of dead letters, and does with them: they are in the journal, so each answer waits for a read. */
#include "broker/platform.h"

#include "lib/store/journal_batch.h"

#define LETTERS_MAX  200u /* in one answer; "after" gives the next ones */
#define LETTER_LIMIT (8u << 20)

/* One that could be read, with its number and the bytes it takes. */
typedef struct letter {
    uint64_t number;
    size_t size;
    tr_letter_info_t info;
} letter_t;

static bool next_letter(tr_journal_reader_t *reader, letter_t *ret) {
    tr_journal_op_t op;
    while (tr_journal_reader_next(reader, &op) > 0) {
        if (op.key_len != 9 || !tr_letter_read(&ret->info, op.value, op.value_len))
            continue; /* damaged: counted where it was found */
        ret->number = tr_key_number(op.key);
        ret->size = op.value_len;
        return true;
    }
    return false;
}

static void write_summary(tr_answer_t *a, const letter_t *l) {
    const tr_record_t *r = &l->info.record;
    tr_content_writer_t *w = &a->content;
    tr_acl_t acl;
    tr_arena_reset(&a->core->arena);
    bool read = tr_acl_read(&acl, r, &a->core->arena) == 0;
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
}

static void list_found(tr_answer_t *a, const tr_found_t *found) {
    tr_journal_reader_t reader;
    letter_t l;
    size_t n = 0;
    bool more = found->more;
    tr_journal_reader_init(&reader, found->pairs, found->len);
    while (next_letter(&reader, &l))
        n++;
    if (n > LETTERS_MAX) {
        n = LETTERS_MAX;
        more = true;
    }
    tr_write_map(&a->content, 3);
    tr_write_kv_uint(&a->content, "total", a->core->stats.letters);
    tr_write_kv_bool(&a->content, "more", more);
    tr_write_str(&a->content, "letters");
    tr_write_array(&a->content, n);
    tr_journal_reader_init(&reader, found->pairs, found->len);
    while (n-- && next_letter(&reader, &l)) {
        tr_write_map(&a->content, 12);
        write_summary(a, &l);
    }
}

void tr_handle_dead_letters(tr_answer_t *a) {
    if (!tr_answer_has_journal(a))
        return;
    int64_t after = tr_value_int(tr_value_get(a->request, "after"), 0);
    tr_key_t from = tr_key_numbered(TR_KEY_LETTER, after < 0 ? 0 : (uint64_t)after + 1);
    tr_key_t to = tr_key_numbered(TR_KEY_LETTER, UINT64_MAX);
    tr_answer_read(a, &from, &to, LETTER_LIMIT / 8, list_found);
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
    tr_journal_reader_t reader;
    tr_journal_reader_init(&reader, found->pairs, found->len);
    if (next_letter(&reader, ret))
        return true;
    tr_answer_refuse(a, "unrecognised-parameter-value", "no dead letter has this number");
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

static void requeue_found(tr_answer_t *a, const tr_found_t *found) {
    letter_t l;
    if (!found_one(a, found, &l))
        return;
    tr_reason_t why = tr_letter_requeue(a->core, l.number, &l.info, l.size);
    if (why == TR_REASON_NONE)
        tr_answer_done(a);
    else
        tr_answer_refuse(a, "unauthorised",
            why == TR_REASON_BUSY ? "its queue is full: try again later" : tr_reason_name(why));
}

void tr_handle_dead_letter_requeue(tr_answer_t *a) {
    read_one(a, requeue_found);
}

static void drop_found(tr_answer_t *a, const tr_found_t *found) {
    letter_t l;
    if (!found_one(a, found, &l))
        return;
    if (tr_letter_drop(a->core, l.number, l.size))
        tr_answer_done(a);
    else
        tr_answer_fail(a, "out of memory");
}

void tr_handle_dead_letter_drop(tr_answer_t *a) {
    read_one(a, drop_found);
}
