/*
 * Digests and overviews as contents (msgpack maps), and the requests for them. Pure.
 *
 * A digest:
 *
 *   {document, title, language, confidence, bytes, words, sentences,
 *    terms: [{term, key, score, count}], key_sentences: [{text, score, index}],
 *    entities: [{kind, text, key, count, offset, length}]}
 *
 * An overview names documents by their names:
 *
 *   {documents, bytes, words, sentence_count, languages: [{language, documents}],
 *    terms: [{term, score, count, documents: [NAME]}],
 *    entities: [{kind, text, score, count, documents: [NAME]}],
 *    sentences: [{text, score, document, index}]}
 */
#ifndef TR_AGENTD_BEHAVIOURS_DIGEST_CONTENT_H
#define TR_AGENTD_BEHAVIOURS_DIGEST_CONTENT_H

#include "agentd/text/digest.h"
#include "agentd/text/overview.h"
#include "lib/base/error.h"
#include "proto/content.h"

#define TR_DIGEST_NAME_MAX 4096 /* bytes of a document's path or name */

/* So many pairs of key and value, for the map around it. */
size_t tr_digest_pairs(void);
void tr_digest_write_pairs(tr_content_writer_t *out, const tr_digest_t *digest);
/* A digest that another agent wrote: bounded and checked. Other keys are ignored. 0, -EBADMSG with the key,
 * -ENOMEM. */
int tr_digest_read(tr_value_t v, tr_digest_t **ret_digest, tr_error_t *error);

/* `digests` are those that it was made of; a document's name is theirs. */
void tr_overview_write(
    tr_content_writer_t *out, const tr_overview_t *overview, const tr_digest_t *const *digests);

/* One document of a request: {"path": PATH}, {"name": NAME, "text": TEXT}, or PATH alone. */
typedef struct tr_document_ref {
    const char *name; /* the path, or the name: 1 to TR_DIGEST_NAME_MAX bytes, none of them NUL */
    size_t name_len;
    const char *text; /* NULL: it is to be read from the path */
    size_t text_len;
} tr_document_ref_t; /* points into the content */

/* 0; -EBADMSG with the key and what was expected. */
int tr_document_ref_read(tr_value_t v, tr_document_ref_t *ret_ref, tr_error_t *error);
/* As pairs of a map: tr_document_ref_pairs of them. */
size_t tr_document_ref_pairs(const tr_document_ref_t *ref);
void tr_document_ref_write(tr_content_writer_t *out, const tr_document_ref_t *ref);

/* The word for what an errno of reading a document means: "not-found", "binary", "too-large" ... */
const char *tr_document_reason(int code);

#endif
