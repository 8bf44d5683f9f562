#include "tools/kb/load.h"

#include "proto/json.h"

#include <inttypes.h>
#include <unistd.h>

#define BATCH_COUNT 200
#define BATCH_BYTES ((size_t)512 << 10)

void tr_kb_load_init(tr_kb_load_t *self, const tr_call_t *call, tr_cli_session_t *session, const char *ns) {
    *self = (tr_kb_load_t){
        .call = call, .session = session, .ns = ns, .progress = isatty(fileno(call->err)) == 1};
    tr_content_writer_init(&self->batch);
}

void tr_kb_load_finish(tr_kb_load_t *self) {
    tr_content_writer_finish(&self->batch);
}

static int write_request(tr_kb_load_t *self, tr_content_writer_t *w) {
    const void *bytes;
    size_t len;
    if (tr_content_writer_take(&self->batch, &bytes, &len) < 0)
        return tr_cli_fail(self->call, TR_EXIT_REFUSED, "out of memory");
    tr_write_map(w, self->language ? 4 : 3);
    tr_write_kv(w, "action", "add");
    tr_write_kv(w, "namespace", self->ns);
    if (self->language)
        tr_write_kv(w, "language", self->language);
    tr_write_str(w, "documents");
    tr_write_array(w, self->waiting);
    msgpack_sbuffer_write(&w->buffer, bytes, len);
    return TR_EXIT_OK;
}

static void tell_failure(tr_kb_load_t *self, const json_t *document, const char *error) {
    const char *id = json_string_value(json_object_get(document, "id"));
    if (self->progress)
        fputs("\r\033[K", self->call->err);
    tr_cli_fail(self->call, TR_EXIT_REFUSED, "%s: %s", id ? id : "?", error);
    self->failed++;
}

static void count_result(tr_kb_load_t *self, const json_t *document) {
    const char *error = json_string_value(json_object_get(document, "error"));
    if (error) {
        tell_failure(self, document, error);
        return;
    }
    if (json_is_true(json_object_get(document, "unchanged")))
        self->unchanged++;
    else if (json_is_true(json_object_get(document, "existed")))
        self->replaced++;
    else
        self->added++;
    self->chunks += (uint64_t)json_integer_value(json_object_get(document, "added"));
}

static void show_progress(const tr_kb_load_t *self) {
    uint64_t done = self->added + self->replaced + self->unchanged + self->failed;
    if (!self->progress)
        return;
    if (self->total)
        fprintf(self->call->err, "\r\033[K%" PRIu64 " of %zu documents", done, self->total);
    if (done >= self->total)
        fputs("\r\033[K", self->call->err);
    fflush(self->call->err);
}

int tr_kb_load_flush(tr_kb_load_t *self) {
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    if (!self->waiting)
        return TR_EXIT_OK;
    tr_content_writer_init(&request);
    int code = write_request(self, &request);
    tr_content_writer_finish(&self->batch);
    self->waiting = 0;
    tr_cli_session_renew(self->session);
    if (code == TR_EXIT_OK)
        code = tr_cli_ask_platform(self->session, TR_KB_SERVICE, &request, &answer);
    else
        tr_content_writer_finish(&request);
    json_t *told = code == TR_EXIT_OK ? tr_value_to_json(tr_message_value(answer)) : NULL, *document;
    size_t i;
    json_array_foreach(json_object_get(told, "documents"), i, document) count_result(self, document);
    json_decref(told);
    tr_message_done(&answer);
    show_progress(self);
    return code;
}

int tr_kb_load_add(tr_kb_load_t *self, const tr_kb_item_t *item) {
    tr_content_writer_t *w = &self->batch;
    if (self->waiting && w->buffer.size + item->len > BATCH_BYTES) {
        int code = tr_kb_load_flush(self);
        if (code != TR_EXIT_OK)
            return code;
    }
    tr_write_map(w, (size_t)(2 + (item->title != NULL) + (item->source != NULL) + (self->metadata != NULL)));
    tr_write_kv(w, "id", item->id);
    if (item->title)
        tr_write_kv(w, "title", item->title);
    if (item->source)
        tr_write_kv(w, "source", item->source);
    if (self->metadata) {
        tr_write_str(w, "metadata");
        if (tr_json_write(self->metadata, w) < 0)
            w->failed = true;
    }
    tr_write_str(w, "bytes");
    tr_write_bin(w, item->bytes, item->len);
    self->waiting++;
    return self->waiting == BATCH_COUNT ? tr_kb_load_flush(self) : TR_EXIT_OK;
}
