/*
 * A document as its readers see it: a title and blocks (paragraphs, headings, list items ...) of clean UTF-8
 * text.
 *
 * Reads plain text, Markdown (CommonMark, by cmark), HTML (by gumbo) and manual pages (man(7), mdoc(7)), chosen by extension and by the first
 * bytes. Hard-wrapped lines are joined to paragraphs; white space is single blanks; the blocks lie in `text`
 * in their order with an empty line between. Bytes are UTF-8, UTF-16 with a byte order mark, or, where they
 * are neither, Windows-1252. Anything else is refused as binary.
 *
 * Errors: -EFBIG (over the limit), -EISDIR, -ENODATA (empty), -EILSEQ (binary), -E2BIG (HTML nested or
 * expanded beyond reason), -ENOMEM, and what open(2) and read(2) say; the text of the error names the
 * document and the reason. Nothing here keeps state between calls; a document may be read from several
 * threads once it is there.
 */
#ifndef TR_TEXT_DOCUMENT_H
#define TR_TEXT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

#define TR_DOCUMENT_DEFAULT_LIMIT ((size_t)4 * 1024 * 1024)
#define TR_DOCUMENT_HIGHEST_LIMIT ((size_t)256 * 1024 * 1024)

typedef enum {
    TR_FORMAT_PLAIN,
    TR_FORMAT_MARKDOWN,
    TR_FORMAT_HTML,
    TR_FORMAT_MAN,
} tr_document_format_t;

typedef enum {
    TR_BLOCK_PARAGRAPH,
    TR_BLOCK_HEADING,
    TR_BLOCK_ITEM,  /* of a list; its bullet or number is part of the text where the source had it as text */
    TR_BLOCK_CODE,  /* as it was, line breaks included */
    TR_BLOCK_TABLE, /* columns: no sentences */
} tr_block_kind_t;

typedef struct {
    tr_block_kind_t kind;
    size_t offset, length; /* in the document's text */
} tr_block_t;

typedef struct tr_document {
    char *name;  /* path, or what the caller called it */
    char *title; /* HTML title, first heading, or the last part of the name; never NULL */
    char *text;
    size_t text_length;
    tr_block_t *blocks;
    size_t block_count;
    size_t bytes; /* size of the source */
    tr_document_format_t format;
    const char *encoding; /* "utf-8", "utf-16" or "windows-1252" (a constant) */
} tr_document_t;

/* Reads a file; symbolic links are followed. `limit` in bytes, 0 for the default. */
int tr_document_load(const char *path, size_t limit, tr_document_t **ret_document, tr_error_t *error);

/* The same from memory. The name's extension tells the format; it is copied. */
int tr_document_parse(const char *name, const char *bytes, size_t length, size_t limit,
    tr_document_t **ret_document, tr_error_t *error);

void tr_document_destroy(tr_document_t **self);

const char *tr_document_format_name(tr_document_format_t format);

#endif
