/*
 * Documents that are here and belong elsewhere, because shards came or are leaving: they are given to whom they belong, behind everything else.
 *
 * At a start with other shards than those that the documents here were placed by (which the store remembers), all documents are gone
 * through. Those of others are sent to them, some at a time; what they have taken, and have on their disk, stays here for as long as a search that has begun may
 * last, and is removed then. So each is found at any moment; where two have it, its owner's is told, and once (front_answer.c). What could not be given is tried
 * again. When a round finds nothing that is others', the store remembers the shards: `moving` ends. Until then it remembers none, so that what is ended
 * half way, and started with the shards of before, goes through all as well.
 *
 * A write meanwhile goes to the owner, and what is left of the document elsewhere is removed before it is acknowledged. One that comes here while documents are on
 * their way waits until they have arrived, so that none of them arrives after its removal. Of two versions the one that was changed later, by the clocks of their
 * shards, stays.
 *
 * **With replicas** (places.h) a round has two parts. In the first one it is written down of each document that the others who are to have it may not (owing.h), and
 * what is here in another place than where it belongs is put there. When they have all of it, what belongs to others alone, or was put elsewhere, is removed in the
 * second one, as above. So each document is at any moment with all that had it before, or with all that are to have it.
 *
 * The host's thread.
 */
#ifndef TR_KBD_MOVER_H
#define TR_KBD_MOVER_H

#include "kbd/store.h"
#include "lib/knowledge/gather.h"
#include "lib/knowledge/shards.h"

struct tr_kbd;
struct tr_kb_question;

#define TR_KB_MOVER_BATCH 64u

typedef struct tr_kb_mover_document {
    char *ns, *id; /* owned */
    size_t owner;
    int64_t due_ms; /* when it is removed here (tr_clock_ms) */
} tr_kb_mover_document_t;

typedef struct tr_kb_mover {
    bool moving;
    bool
        marking; /* with copies: what others are to have is written down (owing.h); else what does not belong here is removed */
    bool failed; /* in this round: some could not be given */
    bool gave;   /* in this round, some: it is not the last one */
    bool away[TR_SHARDS_MAX]; /* in this round: nothing is given to them any more */
    char **names;             /* of namespaces: owned, as are they; those of this round */
    size_t name_count, name_at;
    int64_t after; /* the number of the document where the round is */
    tr_kb_mover_document_t batch[TR_KB_MOVER_BATCH];
    size_t batch_count;
    tr_gather_t *gather;           /* they are on their way */
    tr_kb_mover_document_t *given; /* owned; in the order in which they are due */
    size_t given_count, given_room;
    tr_message_t **held; /* owned; writes that wait */
    size_t held_count, held_room;
    tr_timer_t *timer;
    int64_t pause_ms;
    uint64_t done, bytes; /* documents given since the start; bytes of the batch */
} tr_kb_mover_t;

/* When the agent is there. Negative with a text: the store cannot be read. */
int tr_kb_mover_start(struct tr_kbd *kbd, tr_error_t *error);
void tr_kb_mover_stop(struct tr_kbd *kbd); /* before the agent ends; idempotent */
/* True: the request waits, and is asked anew when what is on its way has arrived. */
bool tr_kb_mover_holds(struct tr_kb_question *q);
/* With copies: all that is here is gone through, because another shard has come with nothing. */
void tr_kb_mover_go_through(struct tr_kbd *kbd);
/* Nothing is on its way any more: those that wait for that are asked. */
void tr_kb_mover_release(struct tr_kbd *kbd);
/* What only shards ask: {"namespace", "language", "dimensions", "documents": [MAP ...]} (coming.h) -> {"documents": [{"id", "taken"} or {"id", "error"}]} */
void tr_kb_mover_take(struct tr_kb_question *q);

#endif
