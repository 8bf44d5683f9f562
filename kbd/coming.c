#include "kbd/coming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tr_kb_coming_finish(tr_kb_coming_t *c) {
    for (size_t i = 0; i < sizeof c->texts / sizeof *c->texts; i++)
        free(c->texts[i]);
    free(c->cuts);
    *c = (tr_kb_coming_t){0};
}

static int wrong(tr_error_t *error, const char *what) {
    return tr_error_set(error, -EINVAL, "a document that moves: %s", what);
}

/* nil: NULL. */
static int read_text(tr_kb_coming_t *c, size_t i, const char *key, size_t most, tr_error_t *error) {
    size_t len = 0;
    tr_value_t v = tr_value_get(c->map, key);
    const char *text = tr_value_str(v, &len);
    if (!v || v->type == MSGPACK_OBJECT_NIL)
        return 0;
    if (!text || len > most || memchr(text, '\0', len))
        return wrong(error, key);
    c->texts[i] = strndup(text, len);
    return c->texts[i] ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
}

static int read_texts(tr_kb_coming_t *c, tr_error_t *error) {
    static const struct {
        const char *key;
        size_t most;
    } texts[] = {{"id", TR_KB_ID_MAX}, {"title", TR_KB_DOCUMENT_MAX}, {"source", 4096}, {"format", 64},
        {"agent", 512}, {"conversation", 4096}, {"taint", 4096}, {"metadata", TR_KB_DOCUMENT_MAX}};
    int rc = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && rc == 0; i++)
        rc = read_text(c, i, texts[i].key, texts[i].most, error);
    if (rc == 0 && (!c->texts[0] || !*c->texts[0] || !c->texts[1]))
        rc = wrong(error, "it has no id, or no title");
    return rc;
}

static int read_document(tr_kb_coming_t *c, tr_error_t *error) {
    int rc = tr_value_is_map(c->map) ? read_texts(c, error) : wrong(error, "it is no map");
    if (rc < 0)
        return rc;
    c->document = (tr_kb_document_t){.id = c->texts[0],
        .title = c->texts[1],
        .source = c->texts[2],
        .format = c->texts[3],
        .agent = c->texts[4],
        .conversation = c->texts[5],
        .taint = c->texts[6],
        .metadata = c->texts[7],
        .added_ms = tr_value_int(tr_value_get(c->map, "added_ms"), 0),
        .changed_ms = tr_value_int(tr_value_get(c->map, "changed_ms"), 0)};
    c->document.text = tr_value_str(tr_value_get(c->map, "text"), &c->document.text_len);
    if (!c->document.text || c->document.text_len > TR_KB_DOCUMENT_MAX || c->document.changed_ms <= 0)
        return wrong(error, "text, changed_ms");
    return 0;
}

/* Where in the text the heading is: any place that says the same does, first of those behind the last one. */
static bool find_heading(const tr_kb_coming_t *c, tr_value_t heading, tr_chunk_t *cut) {
    size_t len = 0, from = cut > c->cuts ? cut[-1].heading : 0;
    const char *text = tr_value_str(heading, &len);
    if (heading && heading->type == MSGPACK_OBJECT_NIL)
        return true;
    const char *at =
        text && len ? memmem(c->document.text + from, c->document.text_len - from, text, len) : NULL;
    if (!at && text && len)
        at = memmem(c->document.text, c->document.text_len, text, len);
    if (at)
        *cut = (tr_chunk_t){.offset = cut->offset,
            .length = cut->length,
            .heading = (size_t)(at - c->document.text),
            .heading_length = len};
    return at;
}

static int read_chunks(tr_kb_coming_t *c, tr_error_t *error) {
    c->chunks = tr_value_get(c->map, "chunks");
    c->count = tr_value_size(c->chunks);
    if (!tr_value_is_array(c->chunks) || c->count > TR_KB_COMING_CHUNKS)
        return wrong(error, "chunks");
    c->cuts = calloc(c->count + 1, sizeof *c->cuts);
    if (!c->cuts)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < c->count; i++) {
        tr_value_t chunk = tr_value_at(c->chunks, i);
        int64_t offset = tr_value_int(tr_value_at(chunk, 0), -1),
                length = tr_value_int(tr_value_at(chunk, 1), -1), all = (int64_t)c->document.text_len;
        if (offset < 0 || length < 0 || offset > all || length > all - offset)
            return wrong(error, "a chunk is not in its text");
        c->cuts[i] = (tr_chunk_t){.offset = (size_t)offset, .length = (size_t)length};
        if (!find_heading(c, tr_value_at(chunk, 2), &c->cuts[i]))
            return wrong(error, "a heading is not in its text");
    }
    return 0;
}

int tr_kb_coming_read(tr_value_t document, tr_kb_coming_t *ret, tr_error_t *error) {
    tr_kb_coming_t c = {.map = document};
    int rc = read_document(&c, error);
    if (rc == 0)
        rc = read_chunks(&c, error);
    if (rc < 0)
        tr_kb_coming_finish(&c);
    else
        *ret = c;
    return rc;
}

tr_value_t tr_kb_coming_vector(const tr_kb_coming_t *c, size_t chunk) {
    return tr_value_at(tr_value_at(c->chunks, chunk), 3);
}
