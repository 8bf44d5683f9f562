/*
 * Replicas: the other shard that has a document is told of each write, and whoever was away is brought level.
 *
 * What is to be told is in the store, with the write itself (store_copies.h), and is told from there: at once, some documents at a time, to each shard in the order in
 * which they were written, as they are now. It is owed no more when they are on the other one's disk. Who adds or removes is answered when all have been told
 * who could be (`flush`). One who could not has **missed** something: searches do without it until it has all, and its copies answer in its place.
 * Where it may have a document already (after a change of shards, or where one has come with nothing) it is asked first, and only what it has not, or older, is sent.
 *
 * Of two versions the one that was changed later stays, wherever they meet; a write is later than what it replaces, whatever the clock says.
 *
 * Each shard tells with all that it says whom it owes what they do not know of (`owes`), and who has told it that he owes it nothing (`heard`): who has just
 * started has heard of nobody, and is not asked for what it has until it has.
 *
 * The host's thread.
 */
#ifndef TR_KBD_OWING_H
#define TR_KBD_OWING_H

#include "kbd/store.h"
#include "lib/knowledge/gather.h"
#include "lib/knowledge/shards.h"

struct tr_kbd;
struct tr_kb_question;

#define TR_KB_OWING_BATCH 64u

typedef struct tr_kb_bill {
    int64_t number, at_ms;
    char *id; /* owned */
} tr_kb_bill_t;

/* To one shard. */
typedef struct tr_kb_debt {
    struct tr_kbd *kbd;
    size_t shard;
    bool missed;    /* it has not been told of something that others have been told is done */
    bool fresh;     /* it has come without what it had, and what it is owed is not all written down yet */
    uint64_t empty; /* its last process that has come with nothing; 0: there was none */
    tr_gather_t *gather; /* the bills are on their way */
    bool compare;        /* it is asked what it has */
    char ns[TR_KB_NAMESPACE_MAX + 1];
    tr_kb_bill_t bills[TR_KB_OWING_BATCH];
    size_t count;
    int64_t next_ms, pause_ms; /* tr_clock_ms: it is left alone until then */
} tr_kb_debt_t;

/* Who waits until all that was written before him has been told. */
typedef struct tr_kb_flush {
    tr_message_t *message; /* owned */
    int64_t number;        /* what is owed up to it */
} tr_kb_flush_t;

typedef struct tr_kb_owing {
    tr_kb_debt_t *debts; /* owned; one for each shard. NULL: there are no replicas */
    tr_timer_t *timer;
    tr_kb_flush_t *flushes; /* owned */
    size_t flush_count, flush_room;
    uint64_t owes[TR_SHARDS_MAX], heard[TR_SHARDS_MAX]; /* by each shard, as it has said: a bit for each */
    uint64_t heard_here;
    int64_t warm; /* the namespace whose copies' vectors have been asked for last */
} tr_kb_owing_t;

/* When the agent is there. Negative with a text: the store cannot be read, or there is no memory. */
int tr_kb_owing_start(struct tr_kbd *kbd, tr_error_t *error);
void tr_kb_owing_stop(struct tr_kbd *kbd); /* before the agent ends; idempotent */
/* Something is owed since. */
void tr_kb_owing_wake(struct tr_kbd *kbd);
/* Whether nothing is owed to anybody. */
bool tr_kb_owing_none(const struct tr_kbd *kbd);
/* Whether something is on its way. */
bool tr_kb_owing_sends(const struct tr_kbd *kbd);
/* All that is owed to those who have come with nothing is written down. */
void tr_kb_owing_marked(struct tr_kbd *kbd);

/* The entry `state`; and what another shard has said of itself in one. */
void tr_kb_owing_write(const struct tr_kbd *kbd, tr_content_writer_t *w);
void tr_kb_owing_note(struct tr_kbd *kbd, size_t shard, tr_value_t said);
/* It greets. empty: which of its processes it is, where that has come with nothing; else 0. */
void tr_kb_owing_greeted(struct tr_kbd *kbd, size_t shard, uint64_t empty);
/* Whether a shard has all that it is to have, as those say who are here (away: who is not). */
bool tr_kb_owing_is_level(const struct tr_kbd *kbd, size_t shard, const bool *away);
/* Whether all that are here have all that it has told them of. */
bool tr_kb_owing_is_covered(const struct tr_kbd *kbd, size_t shard, const bool *away);

/* What only shards ask. flush -> {}; offer {"namespace", "documents": [[id, changed_ms] ...]} -> {"wants": [BOOL ...]} */
void tr_kb_owing_flush(struct tr_kb_question *q);
void tr_kb_owing_offer(struct tr_kb_question *q);

#endif
