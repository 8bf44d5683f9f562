/* A document that comes from another knowledge base: refused with a reason, or all of it within its bounds. */
#include "kbd/coming.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

static void look(const tr_kb_coming_t *coming) {
    const tr_kb_document_t *d = &coming->document;
    PROMISE(d->id && *d->id && strlen(d->id) <= TR_KB_ID_MAX && d->title && d->text);
    PROMISE(d->text_len <= TR_KB_DOCUMENT_MAX && d->changed_ms > 0);
    PROMISE(coming->count <= TR_KB_COMING_CHUNKS);
    for (size_t i = 0; i < coming->count; i++) {
        const tr_chunk_t *cut = &coming->cuts[i];
        PROMISE(cut->offset <= d->text_len && cut->length <= d->text_len - cut->offset);
        PROMISE(cut->heading <= d->text_len && cut->heading_length <= d->text_len - cut->heading);
        tr_kb_coming_vector(coming, i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_content_t content;
    tr_kb_coming_t coming = {0};
    tr_error_t error = {0};
    if (tr_content_init(&content, data, size) < 0)
        return 0;
    int rc = tr_kb_coming_read(&content.root, &coming, &error);
    PROMISE(rc == 0 || rc == -EINVAL);
    PROMISE(rc == 0 || *error.text);
    if (rc == 0)
        look(&coming);
    tr_kb_coming_finish(&coming);
    tr_content_finish(&content);
    return 0;
}
