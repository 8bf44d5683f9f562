/*
 * Replicas: each document is in two shards, its owner and another one (lib/knowledge/shards.h). In its owner's store it is in the namespace N of its name,
 * in the other one's in N@OWNER (OWNER: the hash of that shard's name). So what a shard owns and what it has copies of are apart, with
 * statistics, words and vectors of their own: a search asks all shards for N alone, as if there were no copies, and where OWNER is away all others for
 * N@OWNER in its place. Each document counts once, and scores are the same.
 *
 * What a question is about is its `namespace`, and `of`: whose copies of it, by that shard's place among all.
 */
#ifndef TR_KBD_PLACES_H
#define TR_KBD_PLACES_H

#include "kbd/kbd.h"
#include "kbd/store_copies.h"

/* A document, as this shard has it. */
typedef struct tr_kb_place {
    char name[TR_KB_NAMESPACE_MAX + 1]; /* of the namespace in the store */
    size_t other;                       /* the other shard that has it; the count of shards: there is none */
} tr_kb_place_t;

/* ret: TR_KB_NAMESPACE_MAX + 1 bytes. */
void tr_kb_place_name(const char *ns, const tr_shard_t *owner, char *ret);
/* Whose copies these are; the count of shards: nobody's that is known, or they are no copies. */
size_t tr_kb_place_owner(const tr_shards_t *shards, const char *name);
/* False: it belongs elsewhere. */
bool tr_kb_place_of(const tr_kbd_t *kbd, const char *ns, const char *id, tr_kb_place_t *ret);
/* Of a question: its namespace, or the copies that are meant. False: it was refused. out: TR_KB_NAMESPACE_MAX + 1 bytes. */
bool tr_kb_read_place(const tr_kb_question_t *q, char *out);
/* Whether there are replicas. */
bool tr_kb_has_copies(const tr_kbd_t *kbd);

/* ---- writes; between begin and commit ---- */

/* When a document that is written now was changed: later than what is known of it. */
int tr_kb_stamp(
    tr_kbd_t *kbd, const tr_kb_namespace_t *place, const char *id, int64_t *ret_ms, tr_error_t *error);
/* The other one has to be told. */
int tr_kb_place_owe(tr_kbd_t *kbd, const char *ns, const char *id, const tr_kb_place_t *place, int64_t at_ms,
    tr_error_t *error);
/* Removes it where it is here, and the other one has to be told. -ENOENT: it is not here. */
int tr_kb_place_remove(tr_kbd_t *kbd, const char *ns, const char *id, tr_error_t *error);
/* All that pass of one place, at most `most`. */
int tr_kb_place_remove_where(tr_kbd_t *kbd, tr_kb_namespace_t *place, const tr_filter_t *filter, size_t most,
    size_t *ret_count, tr_error_t *error);
/* From wherever it is but where it belongs; `all`: from there, too. Where it does not belong here nobody is owed it any more. *ret_count rises. */
int tr_kb_place_clear(
    tr_kbd_t *kbd, const char *ns, const char *id, bool all, size_t *ret_count, tr_error_t *error);

/* Where vectors are searched, those of the copies are read as well: so that they are there when they are needed. */
void tr_kb_places_warm(tr_kbd_t *kbd, const tr_kb_namespace_t *ns);

#endif
