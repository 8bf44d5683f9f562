/*
 * A document out of one store and into another, as it is: its text, what is known of it, when it was added and changed, where its chunks begin and
 * end, and their vectors, where the other store's are of the same model (kbd/coming.h).
 */
#ifndef TR_KBD_STORE_MOVE_H
#define TR_KBD_STORE_MOVE_H

#include "kbd/store.h"
#include "proto/content.h"

/* By their numbers, those behind `after`, at most `most`: with its number and id alone, and how many bytes its text and metadata have (text_len). False ends
 * it. */
typedef bool (*tr_kb_scan_fn)(void *arg, const tr_kb_document_t *document);
int tr_kb_scan(tr_kb_store_t *self, const tr_kb_namespace_t *ns, int64_t after, size_t most,
    tr_kb_scan_fn each, void *arg, tr_error_t *error);

/* Writes it with the vectors of its chunks, whose model is named. 0; -ENOENT. */
int tr_kb_move_write(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const char *id, const char *model,
    tr_content_writer_t *w, tr_error_t *error);

typedef struct tr_kb_moved {
    bool taken;    /* false: what is here was changed later, or at the same time, and stays */
    size_t chunks; /* of it */
    size_t made;   /* vectors of them that were put */
} tr_kb_moved_t;

/* Between begin and commit: takes it, where nothing newer of that id is here. Vectors of another model are left out: they are made anew. `got` (may be NULL) gets
 * each that was put. -EINVAL with a text: it is no such map; negative as tr_kb_put. */
int tr_kb_move_take(tr_kb_store_t *self, tr_kb_namespace_t *ns, tr_value_t document, const char *model,
    tr_kb_vector_fn got, void *arg, tr_kb_moved_t *ret, tr_error_t *error);

/* Whether the documents here are where shards with this print (lib/knowledge/shards.h) have them. */
int tr_kb_placed_as(tr_kb_store_t *self, uint64_t print, bool *ret_same, tr_error_t *error);
/* That is not known any more: they may be anywhere. */
int tr_kb_place_anew(tr_kb_store_t *self, tr_error_t *error);
/* They are now. */
int tr_kb_place_as(tr_kb_store_t *self, uint64_t print, tr_error_t *error);

#endif
