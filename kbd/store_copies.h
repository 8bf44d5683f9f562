/*
 * What there is in a store of documents that several knowledge bases have (replicas: places.h), and what the others have not been told of them yet.
 *
 * A namespace N of all is in each of them as several of the store: N has the documents that this one owns, and N@SHARD copies of those that
 * SHARD owns. Nothing of the store knows more of it than the names.
 *
 * **Owed** is what is written down in the transaction of each write for the other one who has the document: that it has it, or its removal, not yet as
 * it is here. It goes when the other one has said so. So whatever ends at whatever moment, what is not the same in both is owed by one of them; and a document that
 * is removed here, and owed, does not come back from one who has it still.
 */
#ifndef TR_KBD_STORE_COPIES_H
#define TR_KBD_STORE_COPIES_H

#include "kbd/store.h"

/* N, and all N@SHARD, that are in the store. To be freed. */
int tr_kb_places_read(tr_kb_store_t *self, const char *ns, tr_kb_namespace_t **ret_places, size_t *ret_count,
    tr_error_t *error);
/* N of N@SHARD. ret_ns: TR_KB_NAMESPACE_MAX + 1 bytes. */
void tr_kb_place_base(const char *name, char *ret_ns);
bool tr_kb_place_is_copy(const char *name);

/* What is older, or as old, is no news: when the document was changed; the moment before what is owed of it was, which is its removal, or it is elsewhere in this
 * store. 0: nothing is known. */
int tr_kb_latest(
    tr_kb_store_t *self, const tr_kb_namespace_t *place, const char *id, int64_t *ret_ms, tr_error_t *error);
/* Removes it where it was changed no later than that. 0 also where there is none. */
int tr_kb_remove_before(
    tr_kb_store_t *self, tr_kb_namespace_t *place, const char *id, int64_t at_ms, tr_error_t *error);

typedef struct tr_kb_owed {
    int64_t number;      /* they rise */
    const char *ns, *id; /* N; borrowed until the call's end */
    int64_t at_ms;       /* when it was changed or removed */
    bool compare;        /* the other one may have it: it is to be asked first */
} tr_kb_owed_t;

/* Between begin and commit. shard: a hash of its name. In place of what was owed of that document before; `compare` leaves that as it is. */
int tr_kb_owe(tr_kb_store_t *self, uint64_t shard, const tr_kb_owed_t *owed, tr_error_t *error);
/* By their numbers. False ends it. */
typedef bool (*tr_kb_owed_fn)(void *arg, const tr_kb_owed_t *owed);
int tr_kb_owed_read(
    tr_kb_store_t *self, uint64_t shard, size_t most, tr_kb_owed_fn each, void *arg, tr_error_t *error);
/* The lowest number that is owed to a shard; 0: nothing is. */
int tr_kb_owed_first(tr_kb_store_t *self, uint64_t shard, int64_t *ret_number, tr_error_t *error);
/* The highest that was given. */
int tr_kb_owed_last(tr_kb_store_t *self, int64_t *ret_number, tr_error_t *error);
/* Between begin and commit: it is not owed any more; where it was asked for, it is to be sent. */
int tr_kb_owed_paid(tr_kb_store_t *self, int64_t number, bool wanted, tr_error_t *error);
/* Nobody is owed that document any more; id NULL: none of the namespace. */
int tr_kb_owed_forget(tr_kb_store_t *self, const char *ns, const char *id, tr_error_t *error);

#endif
