/* What is asked of tasks. */
#include "coordinator/readers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is told of a task ---- */

static void write_texts(tr_content_writer_t *w, const char *key, const char *const *texts, size_t count) {
    tr_write_str(w, key);
    tr_write_array(w, count);
    for (size_t i = 0; i < count; i++)
        tr_write_str(w, texts[i]);
}

static void write_purse(
    tr_content_writer_t *w, const char *key, const tr_purse_t *purse, const tr_purse_t *limits) {
    size_t count = 0;
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        count += limits->of[i] != 0;
    tr_write_str(w, key);
    tr_write_map(w, count);
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        if (limits->of[i])
            tr_write_kv_int(w, tr_purse_words[i], purse->of[i]);
}

void tr_task_print_status(const tr_task_t *task, char *out, size_t size) {
    tr_content_t content;
    *out = '\0';
    if (!task->status || tr_content_init(&content, task->status, task->status_len) < 0)
        return;
    double done = tr_value_double(tr_value_get(&content.root, "done"), -1);
    tr_value_t says = tr_value_is_map(&content.root) ? tr_value_get(&content.root, "text") : &content.root;
    size_t len = 0;
    const char *whole = tr_value_str(says, &len);
    int shown = whole ? (int)tr_desk_cut(whole, len, size - sizeof "100 %") : 0;
    if (done >= 0 && done <= 1)
        snprintf(out, size, "%.0f %%%s%.*s", done * 100, shown ? " " : "", shown, whole ? whole : "");
    else
        snprintf(out, size, "%.*s", shown, whole ? whole : "");
    tr_content_finish(&content);
}

/* What few tasks have is left out of the others. */
static size_t count_rare(const tr_task_t *task) {
    bool limited = false;
    for (int i = 0; i < TR_PURSE_KINDS; i++)
        limited |= task->budget.of[i] != 0;
    return (size_t)task->composes + (task->callback ? 1u : 0u) + (task->trace ? 1u : 0u) +
           (task->status ? 2u : 0u) + (limited ? 2u : 0u);
}

static void write_rare(tr_content_writer_t *w, const tr_task_t *task) {
    static const tr_purse_t none = {0};
    char text[256];
    if (task->composes)
        tr_write_kv_bool(w, "compose", true);
    if (task->callback)
        tr_write_kv(w, "callback", task->callback);
    if (task->trace)
        tr_write_kv(w, "trace", task->trace);
    if (memcmp(&task->budget, &none, sizeof none) != 0) {
        write_purse(w, "budget", &task->budget, &task->budget);
        write_purse(w, "spent", &task->spent, &task->budget);
    }
    if (!task->status)
        return;
    tr_task_print_status(task, text, sizeof text);
    tr_write_kv(w, "progress", text);
    tr_desk_write_content(w, "status", task->status, task->status_len);
}

void tr_write_task(tr_content_writer_t *w, const tr_task_t *task, size_t more) {
    tr_write_map(w, 16 + count_rare(task) + more);
    tr_write_kv(w, "task", task->id);
    tr_write_kv(w, "state", tr_task_state_words[task->state]);
    tr_write_kv(w, "description", task->description);
    tr_write_kv(w, "agent", *task->agent ? task->agent : NULL);
    tr_write_kv_uint(w, "tries", task->tries);
    tr_write_kv_uint(w, "tries-max", task->tries_max);
    tr_write_kv_uint(w, "token", task->token);
    tr_write_kv_uint(w, "priority", task->priority);
    tr_write_kv(w, "assign", tr_task_way_words[task->way]);
    tr_write_kv(w, "reason", task->reason);
    tr_write_kv_int(w, "created_ms", task->created_ms);
    tr_write_kv_int(w, "changed_ms", task->changed_ms);
    tr_write_kv_int(w, "due_ms", task->due_ms);
    tr_write_kv_int(w, "deadline_ms", task->deadline_ms);
    write_texts(w, "skills", task->skills, task->skill_count);
    write_texts(w, "needs", task->needs, task->need_count);
    write_rare(w, task);
}

/* ---- show, list, stats ---- */

static void write_event(void *arg, const tr_store_event_t *event) {
    tr_page_t *page = arg;
    tr_content_writer_t *w = &page->rows;
    page->count++;
    tr_write_map(w, 5);
    tr_write_kv_int(w, "at_ms", event->at_ms);
    tr_write_kv(w, "state", tr_task_state_words[event->state]);
    tr_write_kv_uint(w, "tries", event->tries);
    tr_write_kv(w, "agent", event->agent);
    tr_write_kv(w, "reason", event->reason);
}

/* What is long of a task, in the order in which it gives way where all of it is too much for a message. */
enum { INPUT, HISTORY, RESULT, PARTS };

static const char *const part_words[] = {"input", "history", "result", NULL};

typedef struct parts {
    size_t sizes[PARTS];
    bool one, asked[PARTS], told[PARTS];
} parts_t;

/* The content's "part": only that; without it, all. False: it is none. */
static bool read_part(const tr_question_t *q, parts_t *parts) {
    tr_value_t part = tr_value_get(q->content, "part");
    bool any = false;
    parts->one = part != NULL;
    for (int i = 0; i < PARTS; i++) {
        parts->asked[i] = !part || tr_value_equals(part, part_words[i]);
        any |= parts->asked[i];
    }
    return any;
}

/* How many are left out. */
static size_t choose_parts(parts_t *parts) {
    size_t left_out = 0, size = 0;
    for (int i = PARTS; i-- > 0;) {
        size += parts->asked[i] ? parts->sizes[i] : 0;
        parts->told[i] = parts->asked[i] && (parts->one || size <= TR_ANSWER_MAX);
        left_out += parts->asked[i] && !parts->told[i];
    }
    return left_out;
}

static void write_left_out(tr_content_writer_t *w, const parts_t *parts, size_t count) {
    if (!count)
        return;
    tr_write_str(w, "left-out");
    tr_write_array(w, count);
    for (int i = 0; i < PARTS; i++)
        if (parts->asked[i] && !parts->told[i])
            tr_write_str(w, part_words[i]);
}

static void write_parts(tr_content_writer_t *w, const tr_task_t *task, const parts_t *parts,
    const tr_page_t *history, const void *rows) {
    if (parts->told[INPUT])
        tr_desk_write_content(w, "input", task->input, task->input_len);
    if (parts->told[RESULT])
        tr_desk_write_content(w, "result", task->result, task->result_len);
    if (!parts->told[HISTORY])
        return;
    tr_write_str(w, "history");
    tr_write_array(w, history->count);
    msgpack_sbuffer_write(&w->buffer, rows, parts->sizes[HISTORY]);
}

static int write_shown(const tr_question_t *q, const tr_task_t *task, const tr_page_t *history) {
    const void *rows;
    parts_t parts = {.sizes = {[INPUT] = task->input_len, [RESULT] = task->result_len}};
    int rc = tr_content_writer_take(&history->rows, &rows, &parts.sizes[HISTORY]);
    if (rc < 0)
        return rc;
    if (!read_part(q, &parts))
        return -EINVAL;
    size_t left_out = choose_parts(&parts), told = 0;
    for (int i = 0; i < PARTS; i++)
        told += parts.told[i];
    tr_content_writer_t *w = tr_question_answer(q);
    if (!w)
        return 0;
    tr_write_task(w, task, 1 + told + (left_out > 0));
    tr_write_kv(w, "key", task->key);
    write_parts(w, task, &parts, history, rows);
    write_left_out(w, &parts, left_out);
    return 0;
}

static int gather_shown(tr_look_t *look, tr_store_t *store) {
    return tr_store_show(store, look->id, &look->task, write_event, &look->page);
}

static void tell_shown(tr_look_t *look, const tr_question_t *q) {
    int rc = look->rc == 0 ? write_shown(q, look->task, &look->page) : look->rc;
    if (rc == -ENOENT)
        tr_question_refuse(q, "not-registered", "there is no task of this id");
    else if (rc == -EINVAL)
        tr_question_refuse(q, "unrecognised-parameter-value",
            "part: expected input, history or result, or nothing: all of it");
    else if (rc < 0)
        tr_question_fail(q, rc);
}

void tr_desk_show(tr_question_t *q) {
    static const tr_look_kind_t kind = {.gather = gather_shown, .tell = tell_shown};
    tr_readers_look(q, &kind);
}

static bool on_listed(void *arg, const tr_task_t *task, int64_t number) {
    tr_page_t *page = arg;
    tr_write_task(&page->rows, task, 0);
    return tr_page_count(page, number);
}

static int gather_list(tr_look_t *look, tr_store_t *store) {
    tr_page_t *page = &look->page;
    return tr_store_list(store, look->state, page->before, page->most, on_listed, page);
}

static void tell_list(tr_look_t *look, const tr_question_t *q) {
    tr_page_tell(q, &look->page, "tasks", look->rc);
}

void tr_desk_list(tr_question_t *q) {
    static const tr_look_kind_t kind = {tr_task_state_words, gather_list, tell_list};
    tr_readers_look(q, &kind);
}

static int gather_stats(tr_look_t *look, tr_store_t *store) {
    return tr_store_count(store, look->counts);
}

static void tell_stats(tr_look_t *look, const tr_question_t *q) {
    tr_content_writer_t *w = look->rc == 0 ? tr_question_answer(q) : NULL;
    if (look->rc < 0)
        tr_question_fail(q, look->rc);
    if (!w)
        return;
    tr_write_map(w, TR_TASK_STATES + 1);
    for (int i = 0; i < TR_TASK_STATES; i++)
        tr_write_kv_uint(w, tr_task_state_words[i], look->counts[i]);
    tr_write_kv_uint(w, "agents", tr_board_workers(q->coordinator->board));
}

void tr_desk_stats(tr_question_t *q) {
    static const tr_look_kind_t kind = {.gather = gather_stats, .tell = tell_stats};
    tr_readers_look(q, &kind);
}

/* ---- cancel, approve, retry ---- */

/* Told to who asked: it is done, or why not. */
static void conclude(const tr_question_t *q, int rc, const char *not_now) {
    if (rc == -ENOENT && tr_store_state(q->coordinator->store, q->id) >= 0)
        rc = -EPROTO;
    if (rc == -ENOENT) {
        tr_question_refuse(q, "not-registered", "there is no task of this id");
    } else if (rc == -EPROTO) {
        tr_question_refuse(q, "unexpected-argument", not_now);
    } else if (rc < 0) {
        tr_question_fail(q, rc);
    } else {
        tr_question_done(q);
    }
}

void tr_desk_cancel(tr_question_t *q) {
    char reason[513];
    if (tr_value_copy(tr_value_get(q->content, "reason"), reason, sizeof reason) < 0)
        snprintf(reason, sizeof reason, "cancelled by %.400s", tr_message_sender(q->message));
    conclude(q, tr_board_cancel(q->coordinator->board, q->id, reason, q->now_ms), "it has ended already");
}

void tr_desk_approve(tr_question_t *q) {
    char reason[513];
    snprintf(reason, sizeof reason, "approved by %.400s", tr_message_sender(q->message));
    conclude(q, tr_board_approve(q->coordinator->board, q->id, reason, q->now_ms),
        "it does not wait for an approval");
}

void tr_desk_retry(tr_question_t *q) {
    tr_error_t error = {0};
    tr_task_t *task = NULL;
    int rc = tr_store_load(q->coordinator->store, q->id, &task);
    if (rc == 0 && !tr_task_may(task->state, TR_TASK_PENDING))
        rc = -EPROTO;
    if (rc == 0 && tr_board_task(q->coordinator->board, q->id))
        rc = -EPROTO;
    if (rc == 0) {
        rc = tr_board_revive(q->coordinator->board, task, q->now_ms, &error);
        if (rc == -ENOENT || rc == -ETIME) {
            tr_question_refuse(q, "unrecognised-parameter-value", error.text);
            tr_task_destroy(&task);
            return;
        }
        if (rc == 0)
            task = NULL; /* the board's now */
    }
    conclude(q, rc, "only what has failed or was cancelled is tried again");
    tr_task_destroy(&task);
}
