/*
 * Which of several knowledge bases has a document: rendezvous hashing (Thaler and Ravishankar 1998). Each shard gets a number for each document, made of
 * the namespace, the document's id and the shard's name; the shards with the highest ones have it. So everybody who knows the names agrees, the
 * shares are about equal, and where a shard comes or goes only its share moves. A shard that is leaving has nothing any more, as if it were not there,
 * but is still asked for what it has not yet given away. With replicas a document is in the two shards with the highest numbers: the first is its owner, and the
 * second one has a copy of it.
 *
 * The numbers are the same everywhere and for ever (SipHash-2-4, then splitmix64's finish): documents stand on disks by them.
 *
 * Pure, but for memory.
 */
#ifndef TR_KNOWLEDGE_SHARDS_H
#define TR_KNOWLEDGE_SHARDS_H

#include "lib/base/error.h"
#include "proto/aid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_SHARDS_MAX    64u
#define TR_SHARDS_COPIES 2u

typedef struct tr_shard {
    char name[TR_AID_MAX + 1]; /* of its agent: NAME, or NAME@PLATFORM */
    uint64_t hash;
    bool leaving;
} tr_shard_t;

typedef struct tr_shards {
    tr_shard_t *items; /* by their names; owned */
    size_t count;      /* 0: there are none, and all is in one place */
    size_t copies;     /* of each document: 1, or 2 where there are replicas */
    uint64_t print;    /* of the names: two with the same one are the same shards */
} tr_shards_t;

/* "kb-1,kb-2,kb-3:leaving", in any order; NULL or "": none. -EINVAL: no name, one twice, more than TR_SHARDS_MAX, or all are leaving; -ENOMEM. */
int tr_shards_read(const char *list, tr_shards_t *ret, tr_error_t *error);
void tr_shards_finish(tr_shards_t *self); /* idempotent */
/* So many copies of each document, 1 or TR_SHARDS_COPIES: they are other shards, by their print. */
void tr_shards_replicate(tr_shards_t *self, size_t copies);
/* Its place; count where it is none of them. An AID without a platform is of `platform`, as is a shard's name without one. */
size_t tr_shards_find(const tr_shards_t *self, const char *aid, const char *platform);
/* The shard that has it. There is one at least. */
size_t tr_shards_owner(const tr_shards_t *self, const char *ns, const char *id);
/* Those that have it, the owner first; how many these are: `copies`, or 1 where no more than one stays. */
size_t tr_shards_holders(
    const tr_shards_t *self, const char *ns, const char *id, size_t ret[TR_SHARDS_COPIES]);
/* All of them, the owner first, then who would have it without those before; at last those that are leaving. Room for `count`. */
void tr_shards_rank(const tr_shards_t *self, const char *ns, const char *id, size_t *ret);

#endif
