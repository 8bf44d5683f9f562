/* Any bytes are refused with a reason or become a document, tokens, a digest and an overview, whatever format
 * they are taken for. */
#include <string.h>

#include "agentd/text/overview.h"
#include "lib/text/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_blocks(const tr_document_t *document) {
    size_t end = 0;
    for (size_t i = 0; i < document->block_count; i++) {
        const tr_block_t *block = &document->blocks[i];
        PROMISE(block->length > 0 && block->offset >= end &&
                block->offset + block->length <= document->text_length);
        end = block->offset + block->length;
    }
    for (size_t at = 0; at < document->text_length;) {
        uint32_t code;
        size_t size = tr_utf8_decode(document->text + at, document->text_length - at, &code);
        PROMISE(size > 0 && code != 0);
        at += size;
    }
}

static void digest(const tr_document_t *document) {
    tr_digest_t *self = NULL;
    tr_overview_t *overview = NULL;
    tr_digest_limits_t limits = {.terms = 30, .sentences = 5, .entities = 100};
    PROMISE(tr_digest_new(document, NULL, &limits, &self) == 0);
    for (size_t i = 0; i < self->entity_count; i++)
        PROMISE(self->entities[i].offset + self->entities[i].length <= document->text_length);
    const tr_digest_t *const twice[] = {self, self};
    PROMISE(tr_overview_new(twice, 2, NULL, &overview) == 0);
    tr_overview_destroy(&overview);
    tr_digest_destroy(&self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"x", "x.html", "x.md", "x.txt", "x.man"};
    if (size == 0)
        return 0;
    tr_document_t *document = NULL;
    tr_error_t error = {0};
    int rc =
        tr_document_parse(names[data[0] % 5], (const char *)data + 1, size - 1, 64 * 1024, &document, &error);
    if (rc < 0) {
        PROMISE(error.code == rc && error.text[0] != '\0' && document == NULL);
        return 0;
    }
    check_blocks(document);
    digest(document);
    tr_document_destroy(&document);
    return 0;
}
