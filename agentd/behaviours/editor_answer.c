#include "agentd/behaviours/editor_answer.h"

#include <errno.h>

typedef enum detail {
    DETAIL_FULL,
    DETAIL_BRIEF,
    DETAIL_NONE,
    DETAILS,
} detail_t;

static size_t count_read(const tr_editor_result_t *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        n += r->digests[i] != NULL;
    return n;
}

static void write_brief(tr_content_writer_t *out, const tr_digest_t *d) {
    tr_write_map(out, 5);
    tr_write_kv(out, "document", d->name);
    tr_write_kv(out, "title", d->title);
    tr_write_kv(out, "language", d->language);
    tr_write_kv_uint(out, "words", d->words);
    tr_write_kv_uint(out, "bytes", d->bytes);
}

static void write_documents(tr_content_writer_t *out, const tr_editor_result_t *r, detail_t detail) {
    tr_write_str(out, "documents");
    tr_write_array(out, detail == DETAIL_NONE ? 0 : count_read(r));
    for (size_t i = 0; detail != DETAIL_NONE && i < r->count; i++) {
        if (!r->digests[i])
            continue;
        if (detail == DETAIL_BRIEF)
            write_brief(out, r->digests[i]);
        else {
            tr_write_map(out, tr_digest_pairs());
            tr_digest_write_pairs(out, r->digests[i]);
        }
    }
}

static void write_failures(tr_content_writer_t *out, const tr_editor_result_t *r) {
    tr_write_str(out, "failed");
    tr_write_array(out, r->failure_count);
    for (size_t i = 0; i < r->failure_count; i++) {
        tr_write_map(out, 3);
        tr_write_kv(out, "document", r->failures[i].document);
        tr_write_kv(out, "reason", r->failures[i].reason);
        tr_write_kv(out, "detail", r->failures[i].detail);
    }
}

static void write_counts(
    tr_content_writer_t *out, const tr_editor_result_t *r, const tr_overview_t *overview) {
    tr_write_str(out, "counts");
    tr_write_map(out, 8);
    tr_write_kv_uint(out, "documents", r->count);
    tr_write_kv_uint(out, "read", count_read(r));
    tr_write_kv_uint(out, "failed", r->failure_count);
    tr_write_kv_uint(out, "redelivered", r->redelivered);
    tr_write_kv_uint(out, "messages", r->messages);
    tr_write_kv_uint(out, "words", overview->words);
    tr_write_kv_uint(out, "bytes", overview->bytes);
    tr_write_kv_double(out, "seconds", r->seconds);
}

static int write_all(
    tr_content_writer_t *out, const tr_editor_result_t *r, const tr_overview_t *overview, detail_t detail) {
    const void *bytes;
    size_t len;
    tr_write_map(out, 5);
    tr_write_kv_bool(out, "brief", detail != DETAIL_FULL);
    write_documents(out, r, detail);
    write_failures(out, r);
    tr_write_str(out, "overview");
    tr_overview_write(out, overview, r->digests);
    write_counts(out, r, overview);
    return tr_content_writer_take(out, &bytes, &len);
}

int tr_editor_answer_write(tr_content_writer_t *out, const tr_editor_result_t *result, size_t limit) {
    tr_overview_t *overview = NULL;
    int rc = tr_overview_new(result->digests, result->count, NULL, &overview);
    if (rc < 0)
        return rc;
    rc = -EMSGSIZE;
    for (int detail = DETAIL_FULL; rc == -EMSGSIZE && detail < DETAILS; detail++) {
        tr_content_writer_finish(out);
        rc = write_all(out, result, overview, (detail_t)detail);
        if (rc == 0 && out->buffer.size > limit)
            rc = -EMSGSIZE;
    }
    tr_overview_destroy(&overview);
    return rc;
}
