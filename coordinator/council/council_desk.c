/* What is asked of decisions. */
#include "coordinator/council/council.h"
#include "coordinator/council/wish.h"
#include "coordinator/readers.h"
#include "lib/decision/record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- answers ---- */

static void conclude(const tr_question_t *q, int rc, const tr_error_t *error) {
    switch (rc) {
    case 0: tr_question_done(q); break;
    case -ENOENT: tr_question_refuse(q, "not-registered", error->text); break;
    case -EPROTO: tr_question_refuse(q, "unexpected-argument", error->text); break;
    case -EINVAL: tr_question_refuse(q, "unrecognised-parameter-value", error->text); break;
    default: tr_question_fail(q, rc);
    }
}

/* One that has not ended; after a refusal NULL. */
static tr_held_t *find(const tr_question_t *q) {
    tr_held_t *held = tr_council_find(q->coordinator, q->id);
    tr_motion_t *ended = NULL;
    tr_error_t error = {0};
    if (held)
        return held;
    int rc = tr_council_load(q->coordinator, q->id, &ended, &error);
    if (rc == 0)
        rc = tr_error_set(&error, -EPROTO, "it has ended already");
    tr_motion_destroy(&ended);
    conclude(q, rc, &error);
    return NULL;
}

/* ---- decide ---- */

static void tell_opened(const tr_question_t *q, const char *id, bool existed) {
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w)
        return;
    tr_write_map(w, 2);
    tr_write_kv(w, "decision", id);
    tr_write_kv_bool(w, "existed", existed);
}

/* Its id: the one that was asked for, or a new one. */
static const char *read_id(const tr_question_t *q, char id[TR_TASK_ID_MAX + 1]) {
    tr_value_t asked = tr_value_get(q->content, "id");
    tr_motion_t *there = NULL;
    tr_error_t error = {0};
    if (!asked) {
        tr_desk_make_id('d', id);
        return NULL;
    }
    if (tr_value_copy(asked, id, TR_TASK_ID_MAX + 1) < 0 || !tr_desk_is_id(id))
        return "id: expected 1 to 64 of A-Z a-z 0-9 _ - + ~";
    bool taken = tr_council_load(q->coordinator, id, &there, &error) == 0;
    tr_motion_destroy(&there);
    return taken ? "id: there is a decision of this id" : NULL;
}

static int open_decision(const tr_question_t *q, const char *id, const char *key,
    const tr_content_writer_t *completed, tr_error_t *error) {
    tr_content_t wish;
    const void *bytes;
    size_t len;
    int rc = tr_content_writer_take(completed, &bytes, &len);
    if (rc == 0)
        rc = tr_content_init(&wish, bytes, len);
    if (rc < 0)
        return tr_error_set(error, rc == -ENOMEM ? rc : -EINVAL, "the wish is nested too deeply");
    rc = tr_council_open(q->coordinator, id, key, &wish.root, q->now_ms, error);
    tr_content_finish(&wish);
    return rc;
}

static void decide(const tr_question_t *q, const char *key) {
    char id[TR_TASK_ID_MAX + 1];
    tr_content_writer_t completed;
    tr_error_t error = {0};
    tr_content_writer_init(&completed);
    const char *wrong = read_id(q, id);
    if (!wrong)
        wrong = tr_wish_complete(q->coordinator, q->content, tr_question_trace(q), &completed);
    int rc =
        wrong ? tr_error_set(&error, -EINVAL, "%s", wrong) : open_decision(q, id, key, &completed, &error);
    tr_content_writer_finish(&completed);
    if (rc == 0)
        tell_opened(q, id, false);
    else
        conclude(q, rc, &error);
}

/* Whether what is asked is what was asked under this key. In rounds options are added to those that were asked for. */
static bool is_asked(const tr_question_t *q, const tr_motion_t *d) {
    tr_value_t options = tr_value_get(q->content, "options");
    size_t n = tr_value_size(options);
    bool same = tr_value_equals(tr_value_get(q->content, "question"), d->question) &&
                (n == d->option_count || (d->rounds > 1 && n < d->option_count));
    for (size_t i = 0; same && i < n; i++)
        same = tr_value_equals(tr_value_at(options, i), d->options[i]);
    return same;
}

static void tell_of_key(const tr_question_t *q, const char *id) {
    tr_motion_t *d = NULL;
    tr_error_t error = {0};
    int rc = tr_council_load(q->coordinator, id, &d, &error);
    if (rc < 0)
        conclude(q, rc, &error);
    else if (is_asked(q, d))
        tell_opened(q, id, true);
    else
        tr_question_refuse(q, "unrecognised-parameter-value",
            "key: it is that of another decision: under one key go the same question and options");
    tr_motion_destroy(&d);
}

#define LISTING 500 /* times: the directory has answered by then, or does not */

/* What was heard of before it was asked counts: while the directory is being read, who offers what is not known. */
static bool is_too_early(const tr_question_t *q) {
    return q->coordinator->asking && tr_wish_asks_who_offers(q->content) &&
           tr_put_off(q->coordinator, q->message, LISTING);
}

void tr_desk_decide(tr_question_t *q) {
    char key[129], id[TR_TASK_ID_MAX + 1];
    if (is_too_early(q))
        return;
    tr_value_t asked = tr_value_get(q->content, "key");
    if (asked && (tr_value_copy(asked, key, sizeof key) < 0 || !*key))
        tr_question_refuse(q, "unrecognised-parameter-value", "key: expected a text of at most 128 bytes");
    else if (asked && tr_store_find_decision_key(q->coordinator->store, key, id) == 0)
        tell_of_key(q, id);
    else
        decide(q, asked ? key : NULL);
}

/* ---- decision, decisions ---- */

/* Bytes of history and votes in one answer: with the rest it fits into a message. */
#define ANSWER_MAX (3u << 20)

/* Of the history what comes behind what who asks has; what does not fit is for the next answer. */
static int write_event(void *arg, const tr_motion_event_t *event) {
    tr_look_t *look = arg;
    tr_content_writer_t *w = &look->page.rows;
    size_t at = look->seen++, size = w->buffer.size;
    if (at < look->from || look->rest)
        return 0;
    tr_motion_write_event(w, look->decision, event);
    if (w->buffer.size <= ANSWER_MAX || look->page.count == 0) {
        look->page.count++;
        return 0;
    }
    w->buffer.size = size; /* takes it back */
    look->rest = at;
    return 0;
}

/* Likewise, of the votes. */
typedef struct votes {
    tr_content_writer_t rows;
    size_t count, next; /* next: 0 where those are all */
} votes_t;

static void write_votes(const tr_question_t *q, const tr_look_t *look, votes_t *votes) {
    tr_content_writer_t *w = &votes->rows;
    int64_t from = tr_value_int(tr_value_get(q->content, "votes-from"), 0);
    size_t room = look->page.rows.buffer.size < ANSWER_MAX ? ANSWER_MAX - look->page.rows.buffer.size : 0;
    for (size_t i = from > 0 ? (size_t)from : 0; i < look->decision->seat_count && !votes->next; i++) {
        size_t size = w->buffer.size;
        tr_motion_write_vote(w, look->decision, i);
        if (w->buffer.size <= room || votes->count == 0) {
            votes->count++;
            continue;
        }
        w->buffer.size = size;
        votes->next = i;
    }
}

static void write_next(tr_content_writer_t *w, const char *key, size_t next) {
    tr_write_str(w, key);
    if (next)
        tr_write_uint(w, next);
    else
        tr_write_nil(w);
}

static void write_rows(
    tr_content_writer_t *w, const char *key, size_t count, const tr_content_writer_t *rows) {
    tr_write_str(w, key);
    tr_write_array(w, count);
    msgpack_sbuffer_write(&w->buffer, rows->buffer.data, rows->buffer.size);
}

static int write_decision(const tr_question_t *q, const tr_look_t *look) {
    votes_t votes = {0};
    tr_content_writer_init(&votes.rows);
    write_votes(q, look, &votes);
    bool good = !look->page.rows.failed && !votes.rows.failed;
    tr_content_writer_t *w = good ? tr_question_answer(q) : NULL;
    if (w) {
        tr_motion_write(w, look->decision, 6);
        tr_write_kv(w, "context", look->decision->context);
        tr_write_str(w, "rules");
        tr_motion_write_rules(w, look->decision);
        write_rows(w, "votes", votes.count, &votes.rows);
        write_next(w, "votes-next", votes.next);
        write_rows(w, "history", look->page.count, &look->page.rows);
        write_next(w, "history-next", look->rest);
    }
    tr_content_writer_finish(&votes.rows);
    return good ? 0 : -ENOMEM;
}

static int gather_decision(tr_look_t *look, tr_store_t *store) {
    return tr_council_replay(store, look->id, &look->decision, write_event, look, &look->error);
}

static void tell_decision(tr_look_t *look, const tr_question_t *q) {
    int rc = look->rc == 0 ? write_decision(q, look) : look->rc;
    if (rc < 0)
        conclude(q, rc, &look->error);
}

void tr_desk_decision(tr_question_t *q) {
    static const tr_look_kind_t kind = {.gather = gather_decision, .tell = tell_decision};
    tr_readers_look(q, &kind);
}

static void on_listed(void *arg, const void *told, size_t len, int64_t number) {
    tr_page_t *page = arg;
    if (page->full)
        return;
    msgpack_sbuffer_write(&page->rows.buffer, told, len);
    tr_page_count(page, number);
}

static int gather_list(tr_look_t *look, tr_store_t *store) {
    tr_page_t *page = &look->page;
    return tr_store_list_decisions(store, look->state, page->before, page->most, on_listed, page);
}

static void tell_list(tr_look_t *look, const tr_question_t *q) {
    tr_page_tell(q, &look->page, "decisions", look->rc);
}

void tr_desk_decisions(tr_question_t *q) {
    static const tr_look_kind_t kind = {tr_motion_state_words, gather_list, tell_list};
    tr_readers_look(q, &kind);
}

/* ---- vote, settle, withdraw ---- */

/* Who votes: the sender; or the person whom it says it speaks for. NULL: neither. */
static const char *voter_of(const tr_question_t *q, char *out, size_t size) {
    tr_value_t as = tr_value_get(q->content, "voter");
    if (!as)
        return tr_message_sender(q->message);
    return tr_value_copy(as, out, size) == 0 && (strncmp(out, TR_PERSON, strlen(TR_PERSON)) == 0 ||
                                                    strcmp(out, tr_message_sender(q->message)) == 0)
               ? out
               : NULL;
}

void tr_desk_vote(tr_question_t *q) {
    char as[TR_AID_MAX + 1];
    tr_error_t error = {0};
    const char *who = voter_of(q, as, sizeof as);
    tr_held_t *held = who ? find(q) : NULL;
    tr_motion_event_t event = {TR_MOTION_BALLOT, q->now_ms, who, tr_value_get(q->content, "ballot")};
    if (!who)
        tr_question_refuse(
            q, "unauthorised", "voter: expected person:NAME, or nothing: an agent votes for itself");
    else if (held) {
        int rc = tr_motion_check_keys(held->decision, event.value, &error);
        conclude(q, rc < 0 ? rc : tr_council_happen(held, &event, &error), &error);
    }
}

static void happen(const tr_question_t *q, tr_motion_what_t what) {
    tr_error_t error = {0};
    tr_held_t *held = find(q);
    tr_motion_event_t event = {what, q->now_ms, tr_message_sender(q->message), q->content};
    if (held)
        conclude(q, tr_council_happen(held, &event, &error), &error);
}

void tr_desk_settle(tr_question_t *q) {
    happen(q, TR_MOTION_SETTLED);
}

void tr_desk_withdraw(tr_question_t *q) {
    happen(q, TR_MOTION_ENDED);
}

/* ---- truth ---- */

/* Who looks at a record before and after would see what was voted: so a secret vote is in none. Once it was. */
static void add_record(tr_store_t *store, const tr_motion_t *d, const tr_seat_t *seat, int sign) {
    int right = tr_motion_was_right(d, seat);
    bool first = d->truth_edition == 1, rated = !first && seat->confidence > 0;
    double off = seat->confidence - right;
    if (right < 0 || (d->secret && !first))
        return;
    tr_store_add_record(store, &(tr_store_record_t){.voter = seat->voter,
                                   .right = sign * right,
                                   .wrong = sign * !right,
                                   .rated = sign * rated,
                                   .off = rated ? sign * llround(off * off * 1e6) : 0});
}

/* What is known of its voters now counts (sign 1), or does not any more (-1). */
static void add_records(const tr_question_t *q, const tr_motion_t *d, int sign) {
    for (size_t i = 0; i < d->seat_count; i++)
        add_record(q->coordinator->store, d, &d->seats[i], sign);
}

void tr_desk_truth(tr_question_t *q) {
    tr_motion_t *before = NULL, *d = NULL;
    tr_error_t error = {0};
    tr_motion_event_t event = {TR_MOTION_TRUTH, q->now_ms, tr_message_sender(q->message), q->content};
    int rc = tr_council_load(q->coordinator, q->id, &before, &error);
    if (rc == 0)
        rc = tr_council_load(q->coordinator, q->id, &d, &error);
    if (rc == 0)
        rc = tr_motion_apply(d, &event, &error);
    if (rc == 0 && d->truth != before->truth) {
        d->truth_edition = TR_EDITION;
        rc = tr_council_record(q->coordinator, d, &event, &error);
        if (rc == 0) {
            add_records(q, before, -1);
            add_records(q, d, 1);
        }
    }
    conclude(q, rc, &error);
    tr_motion_destroy(&before);
    tr_motion_destroy(&d);
}

/* ---- records ---- */

static void on_record(void *arg, const tr_store_record_t *record) {
    tr_page_t *page = arg;
    tr_content_writer_t *w = &page->rows;
    uint64_t weight = tr_record_weight((uint32_t)record->right, (uint32_t)record->wrong);
    tr_write_map(w, 6);
    tr_write_kv(w, "voter", record->voter);
    tr_write_kv_int(w, "right", record->right);
    tr_write_kv_int(w, "wrong", record->wrong);
    tr_write_kv_double(w, "weight", (double)weight / (double)TR_WEIGHT_ONE);
    tr_write_kv_int(w, "rated", record->rated);
    tr_write_str(w, "brier");
    if (record->rated > 0)
        tr_write_double(w, (double)record->off / (double)record->rated / 1e6);
    else
        tr_write_nil(w);
    tr_page_count(page, page->before + (int64_t)page->count + 1);
}

/* Where this page begins is how many were on those before. */
static int gather_records(tr_look_t *look, tr_store_t *store) {
    tr_page_t *page = &look->page;
    page->before = page->before > 0 ? page->before : 0;
    return tr_store_records(store, (size_t)page->before, page->most, on_record, page);
}

static void tell_records(tr_look_t *look, const tr_question_t *q) {
    tr_page_tell(q, &look->page, "records", look->rc);
}

void tr_desk_records(tr_question_t *q) {
    static const tr_look_kind_t kind = {.gather = gather_records, .tell = tell_records};
    tr_readers_look(q, &kind);
}
