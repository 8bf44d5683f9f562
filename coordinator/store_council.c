/* Decisions on the disk: their events are what counts; what is told of them is kept beside, for lists. */
#include "coordinator/store_private.h"

#include <errno.h>
#include <string.h>

void tr_store_add_decision(tr_store_t *self, const char *id, const char *key, tr_motion_state_t state,
    const void *told, size_t len) {
    sqlite3_stmt *s = self->statements[NEW_DECISION];
    tr_sqlite_bind_text(s, 1, id);
    tr_sqlite_bind_text(s, 2, key);
    sqlite3_bind_int(s, 3, (int)state);
    sqlite3_bind_blob64(s, 4, told, len, SQLITE_STATIC);
    tr_store_run(self, s);
}

void tr_store_update_decision(
    tr_store_t *self, const char *id, tr_motion_state_t state, const void *told, size_t len) {
    sqlite3_stmt *s = self->statements[MOVE_DECISION];
    sqlite3_bind_int(s, 1, (int)state);
    sqlite3_bind_blob64(s, 2, told, len, SQLITE_STATIC);
    tr_sqlite_bind_text(s, 3, id);
    tr_store_run(self, s);
}

/* ---- events ---- */

void tr_store_add_event(tr_store_t *self, const char *id, const tr_motion_event_t *event) {
    sqlite3_stmt *s = self->statements[ADD_EVENT];
    tr_content_writer_t w;
    const void *bytes = NULL;
    size_t len = 0;
    tr_content_writer_init(&w);
    if (event->value)
        tr_write_value(&w, event->value);
    if (tr_content_writer_take(&w, &bytes, &len) < 0 && !self->failed) {
        self->failed = SQLITE_NOMEM;
        strcpy(self->why, "out of memory");
    }
    tr_sqlite_bind_text(s, 1, id);
    sqlite3_bind_int64(s, 2, event->at_ms);
    sqlite3_bind_int(s, 3, (int)event->what);
    tr_sqlite_bind_text(s, 4, event->who);
    if (len)
        sqlite3_bind_blob64(s, 5, bytes, len, SQLITE_STATIC);
    tr_store_run(self, s);
    tr_content_writer_finish(&w);
}

static int give_event(sqlite3_stmt *s, tr_store_replayed_fn replayed, void *arg) {
    tr_content_t content;
    const void *bytes = sqlite3_column_blob(s, 3);
    int what = sqlite3_column_int(s, 1), len = sqlite3_column_bytes(s, 3);
    int rc = len ? tr_content_init(&content, bytes, (size_t)len) : 0;
    if (rc < 0 || what < 0 || what >= TR_MOTION_WHATS)
        return rc == -ENOMEM ? rc : -EBADMSG;
    tr_motion_event_t event = {.what = (tr_motion_what_t)what,
        .at_ms = sqlite3_column_int64(s, 0),
        .who = tr_sqlite_text(s, 2),
        .value = len ? &content.root : NULL};
    rc = replayed(arg, &event);
    if (len)
        tr_content_finish(&content);
    return rc;
}

int tr_store_replay(tr_store_t *self, const char *id, tr_store_replayed_fn replayed, void *arg) {
    sqlite3_stmt *s = self->statements[EVENTS];
    int step, rc = -ENOENT;
    tr_sqlite_bind_text(s, 1, id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        if ((rc = give_event(s, replayed, arg)) < 0)
            break;
    int ended = tr_store_end(s, step);
    return ended < 0 ? ended : rc;
}

/* ---- which there are ---- */

int tr_store_open_decisions(tr_store_t *self, tr_store_id_fn each, void *arg) {
    sqlite3_stmt *s = self->statements[OPEN_DECISIONS];
    int step, rc = 0;
    sqlite3_bind_int(s, 1, TR_MOTION_DECIDED);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        if ((rc = each(arg, tr_sqlite_text(s, 0))) < 0)
            break;
    int ended = tr_store_end(s, step);
    return ended < 0 ? ended : rc;
}

int tr_store_find_decision_key(tr_store_t *self, const char *key, char *id) {
    return tr_store_find(self, DECISION_KEY, key, id);
}

int tr_store_list_decisions(
    tr_store_t *self, int state, int64_t before, size_t most, tr_store_told_fn told, void *arg) {
    sqlite3_stmt *s = self->statements[LIST_DECISIONS];
    int step;
    sqlite3_bind_int(s, 1, state);
    sqlite3_bind_int64(s, 2, before);
    sqlite3_bind_int64(s, 3, (int64_t)most);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        told(arg, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), sqlite3_column_int64(s, 0));
    return tr_store_end(s, step);
}

/* ---- voters' records ---- */

void tr_store_add_record(tr_store_t *self, const char *voter, int right, int wrong) {
    sqlite3_stmt *s = self->statements[ADD_RECORD];
    tr_sqlite_bind_text(s, 1, voter);
    sqlite3_bind_int(s, 2, right);
    sqlite3_bind_int(s, 3, wrong);
    tr_store_run(self, s);
}

int tr_store_record(tr_store_t *self, const char *voter, uint32_t *ret_right, uint32_t *ret_wrong) {
    sqlite3_stmt *s = self->statements[RECORD];
    tr_sqlite_bind_text(s, 1, voter);
    int step = sqlite3_step(s);
    bool there = step == SQLITE_ROW;
    *ret_right = there ? (uint32_t)sqlite3_column_int64(s, 0) : 0;
    *ret_wrong = there ? (uint32_t)sqlite3_column_int64(s, 1) : 0;
    return tr_store_end(s, step);
}
