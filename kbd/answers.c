/* What is told after a commit. */
#include "kbd/events.h"
#include "kbd/kbd.h"
#include "lib/resident/about.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

tr_content_writer_t *tr_kb_answer(tr_kbd_t *self, const tr_message_t *message, tr_performative_t act) {
    if (self->answer_count == self->answer_room) {
        size_t room = self->answer_room ? 2 * self->answer_room : 64;
        tr_kb_answer_t *grown = realloc(self->answers, room * sizeof *grown);
        if (!grown)
            return NULL;
        self->answers = grown;
        self->answer_room = room;
    }
    tr_message_t *kept = tr_message_keep(message);
    if (!kept)
        return NULL;
    tr_kb_answer_t *a = &self->answers[self->answer_count++];
    *a = (tr_kb_answer_t){.to = kept, .act = act};
    tr_content_writer_init(&a->content);
    return &a->content;
}

void tr_kb_refuse(tr_kbd_t *self, const tr_message_t *message, tr_performative_t act, const char *reason,
    const char *detail) {
    tr_content_writer_t *w = tr_kb_answer(self, message, act);
    if (!w)
        return;
    tr_write_map(w, 2);
    tr_write_kv(w, "reason", reason);
    tr_write_kv(w, "detail", detail);
}

void tr_kb_refuse_error(tr_kbd_t *self, const tr_message_t *message, const tr_error_t *error) {
    bool asked = error->code == -EINVAL || error->code == -EEXIST;
    tr_kb_refuse(self, message, asked || error->code == -ENOENT ? TR_REFUSE : TR_FAILURE,
        error->code == -ENOENT   ? "not-registered"
        : asked                  ? "unrecognised-parameter-value"
        : error->code == -ENOSPC ? "disk-full"
                                 : "internal-error",
        error->text);
}

void tr_kb_answer_list(tr_kbd_t *self, const tr_message_t *message, const char *key,
    const tr_content_writer_t *items, size_t count) {
    const void *bytes;
    size_t len;
    tr_content_writer_t *w =
        tr_content_writer_take(items, &bytes, &len) == 0 ? tr_kb_answer(self, message, TR_INFORM) : NULL;
    if (!w)
        return;
    tr_write_map(w, 1);
    tr_write_str(w, key);
    tr_write_array(w, count);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
}

static void tell(tr_kbd_t *self, tr_kb_answer_t *a) {
    tr_reply_content(self->agent, a->to, a->act, &a->content); /* who asked may be gone, ignoring */
    tr_message_done(&a->to);
}

/* What was to be told has not come to be: of searches as well, which may have seen it. */
static void take_back(tr_kbd_t *self, const tr_error_t *error) {
    for (size_t i = 0; i < self->answer_count; i++) {
        tr_kb_answer_t *a = &self->answers[i];
        if (a->act != TR_INFORM)
            continue;
        tr_content_writer_finish(&a->content);
        tr_content_writer_init(&a->content); /* it may have moved since */
        a->act = TR_FAILURE;
        tr_write_map(&a->content, 2);
        tr_write_kv(&a->content, "reason", error->code == -ENOSPC ? "disk-full" : "internal-error");
        tr_write_kv(&a->content, "detail", error->text);
    }
}

/* A full disk can be mended; of any other failure nobody knows what it has left on the disk. */
static void commit(tr_kbd_t *self) {
    tr_error_t error = {0};
    if (tr_kb_store_begun(self->store))
        tr_kb_meaning_written(&self->meaning);
    bool begun = tr_kb_store_begun(self->store); /* else SQLite may have undone all by itself */
    int rc = begun ? tr_kb_truth_write(&self->truth, &error) : 0;
    bool table = rc < 0;
    if (!begun)
        tr_kb_truth_undo(&self->truth);
    if (table)
        tr_kb_store_undo(self->store);
    else
        rc = tr_kb_store_commit(self->store, &error);
    if (rc == 0)
        return;
    bool full = rc == -ENOSPC && !(begun && self->truth.journal); /* else the store is behind the table */
    tr_log_about_t about = {0};
    tr_about_message(
        self->answer_count ? self->answers[0].to : NULL, &about); /* the first that is taken back */
    tr_log(&self->resident.log,
        &tr_kbd_events[full    ? TR_K_DISK_FULL
                       : table ? TR_K_TRUTH_FAILED
                               : TR_K_DISK_FAILED],
        "error=%s trace=%s conversation=%s", error.text, about.trace, about.conversation);
    take_back(self, &error);
    tr_kb_meaning_forget(&self->meaning);
    tr_kb_cache_clear(&self->cache);
    if (!full)
        tr_resident_stop(&self->resident, TR_RESIDENT_DISK);
}

void tr_kb_settle(tr_kbd_t *self) {
    commit(self);
    for (size_t i = 0; i < self->answer_count; i++)
        tell(self, &self->answers[i]);
    self->answer_count = 0;
}

void tr_kb_answers_finish(tr_kbd_t *self) {
    for (size_t i = 0; i < self->answer_count; i++) {
        tr_message_release(&self->answers[i].to);
        tr_content_writer_finish(&self->answers[i].content);
    }
    free(self->answers);
    self->answers = NULL;
    self->answer_count = self->answer_room = 0;
}
