/* How the readers of the formats hand over what they find. Only for the files document*.c. */
#ifndef TR_TEXT_DOCUMENT_BUILDER_H
#define TR_TEXT_DOCUMENT_BUILDER_H

#include "lib/text/document.h"
#include "lib/text/textbuf.h"

typedef struct {
    tr_textbuf_t text;
    tr_block_t *blocks;
    size_t count, capacity;
    tr_textbuf_t title; /* told by the source itself (HTML title, front matter) */
    tr_block_kind_t kind;
    size_t start;   /* where the open block's text begins */
    bool is_open;   /* a block is being written */
    bool has_space; /* white space came after the last character of the open block */
    bool failed;    /* out of memory; everything after it is ignored */
} tr_builder_t;

/* Closes an open block and begins another. A block without a visible character vanishes. */
void tr_builder_begin(tr_builder_t *self, tr_block_kind_t kind);
/* Adds text; runs of white space become one blank (in code they stay). Begins a paragraph where no block is
 * open. */
void tr_builder_text(tr_builder_t *self, const char *text, size_t length);
void tr_builder_end(tr_builder_t *self);
void tr_builder_finish(tr_builder_t *self);

/* The text is clean UTF-8, NUL-terminated. Each returns 0, -ENOMEM or -E2BIG. */
int tr_document_read_plain(tr_builder_t *builder, const char *text, size_t length);
int tr_document_read_html(tr_builder_t *builder, const char *text, size_t length);
int tr_document_read_markdown(tr_builder_t *builder, const char *text, size_t length);
int tr_document_read_man(tr_builder_t *builder, const char *text, size_t length);

/* Whether it is the source of a manual page. */
bool tr_document_looks_like_man(const char *text);

/*
 * Bytes of an unknown encoding to clean UTF-8: no control characters but newline and tab, no byte order mark,
 * no terminal sequences, no overstriking. Returns 0, -ENOMEM or -EILSEQ, and then tells why in `ret_reason`
 * (a constant).
 */
int tr_document_decode(
    const char *bytes, size_t length, tr_textbuf_t *out, const char **ret_encoding, const char **ret_reason);

#endif
