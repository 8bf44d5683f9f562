/* Decisions on the disk: their events are what counts; what is told of them is kept beside, for lists. */
#include "coordinator/store_private.h"

#include <errno.h>
#include <string.h>

void tr_store_add_decision(tr_store_t *self, const char *id, const char *key, tr_motion_state_t state,
    const void *told, size_t len) {
    tr_sql_t *db = self->sql;
    const size_t s = NEW_DECISION;
    tr_sql_bind_text(db, s, 1, id);
    tr_sql_bind_text(db, s, 2, key);
    tr_sql_bind_int(db, s, 3, (int)state);
    tr_sql_bind_blob(db, s, 4, told, len);
    tr_sql_run(db, s);
}

void tr_store_update_decision(
    tr_store_t *self, const char *id, tr_motion_state_t state, const void *told, size_t len) {
    tr_sql_t *db = self->sql;
    const size_t s = MOVE_DECISION;
    tr_sql_bind_int(db, s, 1, (int)state);
    tr_sql_bind_blob(db, s, 2, told, len);
    tr_sql_bind_text(db, s, 3, id);
    tr_sql_run(db, s);
}

/* ---- events ---- */

void tr_store_add_event(tr_store_t *self, const char *id, const tr_motion_event_t *event) {
    tr_sql_t *db = self->sql;
    const size_t s = ADD_EVENT;
    tr_content_writer_t w;
    const void *bytes = NULL;
    size_t len = 0;
    tr_content_writer_init(&w);
    if (event->value)
        tr_write_value(&w, event->value);
    if (tr_content_writer_take(&w, &bytes, &len) < 0)
        tr_sql_fail(db, -ENOMEM, "out of memory");
    tr_sql_bind_text(db, s, 1, id);
    tr_sql_bind_int(db, s, 2, event->at_ms);
    tr_sql_bind_int(db, s, 3, (int)event->what);
    tr_sql_bind_text(db, s, 4, event->who);
    tr_sql_bind_blob(db, s, 5, len ? bytes : NULL, len);
    tr_sql_run(db, s);
    tr_content_writer_finish(&w);
}

static int give_event(tr_sql_t *db, size_t s, tr_store_replayed_fn replayed, void *arg) {
    tr_content_t content;
    size_t len;
    const void *bytes = tr_sql_blob(db, s, 3, &len);
    int what = (int)tr_sql_int(db, s, 1);
    int rc = len ? tr_content_init(&content, bytes, len) : 0;
    if (rc < 0 || what < 0 || what >= TR_MOTION_WHATS)
        return rc == -ENOMEM ? rc : -EBADMSG;
    tr_motion_event_t event = {.what = (tr_motion_what_t)what,
        .at_ms = tr_sql_int(db, s, 0),
        .who = tr_sql_text(db, s, 2),
        .value = len ? &content.root : NULL};
    rc = replayed(arg, &event);
    if (len)
        tr_content_finish(&content);
    return rc;
}

int tr_store_replay(tr_store_t *self, const char *id, tr_store_replayed_fn replayed, void *arg) {
    tr_sql_t *db = self->sql;
    const size_t s = EVENTS;
    int step, rc = -ENOENT;
    tr_sql_bind_text(db, s, 1, id);
    while ((step = tr_sql_step(db, s)) > 0)
        if ((rc = give_event(db, s, replayed, arg)) < 0)
            break;
    int ended = tr_store_end(self, s, step);
    return ended < 0 ? ended : rc;
}

/* ---- which there are ---- */

int tr_store_open_decisions(tr_store_t *self, tr_store_id_fn each, void *arg) {
    tr_sql_t *db = self->sql;
    const size_t s = OPEN_DECISIONS;
    int step, rc = 0;
    tr_sql_bind_int(db, s, 1, TR_MOTION_DECIDED);
    while ((step = tr_sql_step(db, s)) > 0)
        if ((rc = each(arg, tr_sql_text(db, s, 0))) < 0)
            break;
    int ended = tr_store_end(self, s, step);
    return ended < 0 ? ended : rc;
}

int tr_store_find_decision_key(tr_store_t *self, const char *key, char *id) {
    return tr_store_find(self, DECISION_KEY, key, id);
}

int tr_store_list_decisions(
    tr_store_t *self, int state, int64_t before, size_t most, tr_store_told_fn told, void *arg) {
    tr_sql_t *db = self->sql;
    const size_t s = LIST_DECISIONS;
    int step;
    tr_sql_bind_int(db, s, 1, state);
    tr_sql_bind_int(db, s, 2, before);
    tr_sql_bind_int(db, s, 3, (int64_t)most);
    while ((step = tr_sql_step(db, s)) > 0) {
        size_t len;
        const void *bytes = tr_sql_blob(db, s, 1, &len);
        told(arg, bytes, len, tr_sql_int(db, s, 0));
    }
    return tr_store_end(self, s, step);
}

/* ---- voters' records ---- */

void tr_store_add_record(tr_store_t *self, const tr_store_record_t *record) {
    tr_sql_t *db = self->sql;
    const size_t s = ADD_RECORD;
    tr_sql_bind_text(db, s, 1, record->voter);
    tr_sql_bind_int(db, s, 2, record->right);
    tr_sql_bind_int(db, s, 3, record->wrong);
    tr_sql_bind_int(db, s, 4, record->rated);
    tr_sql_bind_int(db, s, 5, record->off);
    tr_sql_run(db, s);
}

int tr_store_records(tr_store_t *self, size_t skip, size_t most, tr_store_record_fn each, void *arg) {
    tr_sql_t *db = self->sql;
    const size_t s = RECORDS;
    int step;
    tr_sql_bind_int(db, s, 1, (int64_t)most);
    tr_sql_bind_int(db, s, 2, (int64_t)skip);
    while ((step = tr_sql_step(db, s)) > 0) {
        const tr_store_record_t record = {tr_sql_text(db, s, 0), tr_sql_int(db, s, 1), tr_sql_int(db, s, 2),
            tr_sql_int(db, s, 3), tr_sql_int(db, s, 4)};
        each(arg, &record);
    }
    return tr_store_end(self, s, step);
}

int tr_store_record(tr_store_t *self, const char *voter, uint32_t *ret_right, uint32_t *ret_wrong) {
    tr_sql_t *db = self->sql;
    const size_t s = RECORD;
    tr_sql_bind_text(db, s, 1, voter);
    int step = tr_sql_step(db, s);
    bool there = step > 0;
    *ret_right = there ? (uint32_t)tr_sql_int(db, s, 0) : 0;
    *ret_wrong = there ? (uint32_t)tr_sql_int(db, s, 1) : 0;
    return tr_store_end(self, s, step);
}
