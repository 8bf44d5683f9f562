/* What is asked of schedules. */
#include "coordinator/readers.h"
#include "coordinator/schedules.h"

#include <errno.h>
#include <string.h>

static void write_time(tr_content_writer_t *w, const char *key, int64_t ms) {
    tr_write_str(w, key);
    if (ms)
        tr_write_int(w, ms);
    else
        tr_write_nil(w);
}

static void write_schedule(tr_content_writer_t *w, const tr_store_schedule_t *s) {
    tr_content_t wish;
    bool readable = tr_content_init(&wish, s->task, s->task_len) == 0;
    tr_write_map(w, 7);
    tr_write_kv(w, "schedule", s->name);
    tr_write_kv(w, "cron", s->cron);
    write_time(w, "next_ms", s->next_ms == TR_CRON_NEVER ? 0 : s->next_ms);
    write_time(w, "fired_ms", s->fired_ms);
    tr_write_kv_uint(w, "fired", s->fired);
    tr_write_kv_bool(w, "overlap", readable && tr_value_bool(tr_value_get(&wish.root, "overlap"), false));
    tr_write_str(w, "task");
    if (readable)
        tr_write_value(w, tr_value_get(&wish.root, "task"));
    else
        tr_write_nil(w);
    if (readable)
        tr_content_finish(&wish);
}

static int on_listed(void *arg, const tr_store_schedule_t *schedule) {
    tr_page_t *page = arg;
    write_schedule(&page->rows, schedule);
    page->count++;
    return 0;
}

/* All of them are one page. */
static int gather_list(tr_look_t *look, tr_store_t *store) {
    look->page.most = SIZE_MAX;
    return tr_store_schedules(store, on_listed, &look->page);
}

static void tell_list(tr_look_t *look, const tr_question_t *q) {
    tr_page_tell(q, &look->page, "schedules", look->rc);
}

void tr_desk_schedules(tr_question_t *q) {
    static const tr_look_kind_t kind = {.gather = gather_list, .tell = tell_list};
    tr_readers_look(q, &kind);
}

/* ---- schedule, unschedule ---- */

static int find_name(void *arg, const tr_store_schedule_t *schedule) {
    return strcmp(arg, schedule->name) == 0 ? -EEXIST : 0;
}

/* What is kept: {"task", "overlap"}. */
static int write_wish(tr_content_writer_t *w, tr_value_t content, const void **ret, size_t *ret_len) {
    tr_content_writer_init(w);
    tr_write_map(w, 2);
    tr_write_str(w, "task");
    tr_write_value(w, tr_value_get(content, "task"));
    tr_write_kv_bool(w, "overlap", tr_value_bool(tr_value_get(content, "overlap"), false));
    return tr_content_writer_take(w, ret, ret_len);
}

static int add(const tr_question_t *q, const char *text, const tr_cron_t *cron) {
    tr_content_writer_t w;
    tr_store_schedule_t s = {
        .name = q->id, .cron = text, .next_ms = tr_cron_next(cron, q->now_ms, tr_schedules_offset, NULL)};
    int rc = write_wish(&w, q->content, &s.task, &s.task_len);
    if (rc == 0)
        rc = tr_schedules_take(q->coordinator, &s);
    if (rc == 0) {
        tr_effects_change(q->coordinator);
        tr_store_add_schedule(q->coordinator->store, &s);
        tr_content_writer_t *answer = tr_question_answer(q);
        if (answer)
            write_schedule(answer, &s);
    }
    tr_content_writer_finish(&w);
    return rc;
}

void tr_desk_schedule(tr_question_t *q) {
    char text[128];
    tr_cron_t cron;
    tr_error_t error = {0};
    tr_value_t task = tr_value_get(q->content, "task");
    const char *wrong = tr_desk_task_wrong(q, task);
    int rc = 0;
    if (strlen(q->id) > TR_SCHEDULE_NAME_MAX || !tr_desk_is_id(q->id))
        tr_question_refuse(
            q, "unrecognised-parameter-value", "schedule: expected 1 to 40 of A-Z a-z 0-9 _ - + ~");
    else if (tr_value_copy(tr_value_get(q->content, "cron"), text, sizeof text) < 0)
        tr_question_refuse(q, "missing-argument", "cron");
    else if (tr_cron_parse(text, &cron, &error) < 0)
        tr_question_refuse(q, "unrecognised-parameter-value", error.text);
    else if (wrong)
        tr_question_refuse(q, "unrecognised-parameter-value", wrong);
    else if ((rc = tr_store_schedules(q->coordinator->store, find_name, q->id)) == -EEXIST)
        tr_question_refuse(q, "already-registered", "there is a schedule of this name");
    else if (rc < 0 || (rc = add(q, text, &cron)) < 0)
        tr_question_fail(q, rc);
}

void tr_desk_unschedule(tr_question_t *q) {
    if (!tr_schedules_find(q->coordinator, q->id)) {
        tr_question_refuse(q, "not-registered", "there is no schedule of this name");
        return;
    }
    tr_schedules_remove(q->coordinator, q->id);
    tr_effects_change(q->coordinator);
    tr_store_remove_schedule(q->coordinator->store, q->id);
    tr_question_done(q);
}
