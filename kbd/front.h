/*
 * Several knowledge bases as one: shards. Each has the documents that lib/knowledge/shards.h gives it, and offers the service `kb`; whichever is
 * asked asks all of them, or those that it concerns, and answers for all. Who asks sees no difference, but where a shard is away: then an
 * answer says so (`missing`), and a write that needs it fails for what it concerns.
 *
 * What shards ask each other are **parts**: the requests of everybody (docs/knowledge.md) and a few more, with an entry `part` that says which shards the asker
 * takes for all. They are taken from shards alone, and done with what is here.
 *
 * A search is done in rounds, so that it finds exactly what one knowledge base would find (front_search.c).
 */
#ifndef TR_KBD_FRONT_H
#define TR_KBD_FRONT_H

#include "lib/knowledge/gather.h"
#include "lib/knowledge/shards.h"

#include <stdint.h>

#define TR_KB_WINDOW                                                                                         \
    ((uint64_t)64 << 20) /* bytes that the broker sends ahead: a shard waits for others with messages kept */

struct tr_kb_question;
struct tr_kbd;
typedef struct tr_kb_errand tr_kb_errand_t;

typedef struct tr_kb_front {
    tr_shards_t shards; /* none: there is one knowledge base, and this is it */
    size_t here;        /* its place among them */
    uint64_t instance;  /* another one for each process */
    tr_gathers_t gathers;
    tr_kb_errand_t *errands;
    size_t errand_count, searching;
    size_t held;       /* bytes of the messages that are kept: errands', and those of searches that wait */
    bool keeps_copies; /* there are replicas, or what is left of them */
    bool
        was_empty; /* nothing was here when the process began, and not all that belongs here has come since */
    uint64_t greeted;  /* shards that have answered a greeting: they know that */
    uint64_t greeting; /* that have, or are asked */
    bool settled
        [TR_SHARDS_MAX]; /* it has no documents of others, as it has said; false: or it has said nothing yet */
    int64_t left_alone_ms
        [TR_SHARDS_MAX]; /* tr_clock_ms: it said nothing in its time, and searches do without it */
} tr_kb_front_t;

/* A shard's own part of a namespace (`of` is `shard`), or the copies that it has of what `of` owns. */
typedef struct tr_kb_spot {
    uint8_t shard, of;
} tr_kb_spot_t;

#define TR_KB_SPOTS_MAX 4096u

/* How the shards are, for one errand: who is asked (front_view.c). */
typedef struct tr_kb_view {
    bool judged;                /* there are replicas: what follows holds, and `missing` is who is away */
    bool whole;                 /* nothing is missing */
    bool absent[TR_SHARDS_MAX]; /* it is not asked for what it owns */
    bool copied[TR_SHARDS_MAX]; /* the others are asked for their copies of that */
    bool told[TR_SHARDS_MAX];   /* it is missing in the answer */
    bool doubles;               /* documents may be found twice */
} tr_kb_view_t;

/* What is done for somebody who asked, over several shards. */
struct tr_kb_errand {
    struct tr_kbd *kbd;
    tr_message_t *message; /* owned */
    size_t bytes;          /* of it */
    tr_value_t content;
    int64_t until_ms; /* tr_clock_ms */
    bool missing[TR_SHARDS_MAX];
    tr_kb_view_t view;
    tr_kb_spot_t *spots; /* owned; that are asked */
    size_t spot_count;
    void (*next)(tr_kb_errand_t *self); /* when it is known how the shards are */
    tr_gather_t *gather;
    void (*finish)(tr_kb_errand_t *self); /* what it owns beside that; may be NULL */
    void *more;
    tr_kb_errand_t *before, *after;
};

/* ---- front.c ---- */

/* The options' shards. -EINVAL with a text: this one is none of them. */
int tr_kb_front_init(struct tr_kbd *kbd, tr_error_t *error);
/* Errands that go on are given up: others answer them. Before the agent ends. */
void tr_kb_front_stop(struct tr_kbd *kbd);
void tr_kb_front_finish(struct tr_kbd *kbd); /* after it */
/* Asks the others how they are, and tells them. */
void tr_kb_front_greet(struct tr_kbd *kbd);
/* What shards say of themselves in a round's answers; the i-th is of the shard i, or i less the count of them. */
void tr_kb_front_note(struct tr_kbd *kbd, const tr_gather_t *gather);
/* Whether a document may be where it does not belong. */
bool tr_kb_front_is_settled(const struct tr_kbd *kbd);
/* Whether none can be in this shard that belongs elsewhere. */
bool tr_kb_front_shard_is_settled(const struct tr_kbd *kbd, size_t shard);
/* What there is in the store says whether there are copies. */
bool tr_kb_front_keeps_copies(const struct tr_kbd *kbd);
/* How this shard is, as all that it says to the others tells: TR_KB_STATE entries of a map. */
#define TR_KB_STATE 2u
void tr_kb_front_write_state(const struct tr_kbd *kbd, tr_content_writer_t *w);
/* What a shard has said of itself. */
void tr_kb_front_note_one(struct tr_kbd *kbd, size_t shard, tr_value_t said);
/* Whether it can be kept until the others have answered: their answers must still find room (TR_KB_WINDOW). If not, it was refused. */
bool tr_kb_front_has_room(struct tr_kbd *kbd, const tr_message_t *message);
/* True: it was asked as the one who answers for all, and does. */
bool tr_kb_front_takes(struct tr_kb_question *q);
/* Whether a part is from one who may ask it; if not, it was refused. */
bool tr_kb_front_may_ask(struct tr_kb_question *q);

/* Takes the message, also where it fails; NULL: out of memory, which was told. Allocates `size` bytes, of which an errand is the first part. */
tr_kb_errand_t *tr_kb_errand_new(
    struct tr_kbd *kbd, tr_message_t *message, size_t size, void (*finish)(tr_kb_errand_t *self));
void tr_kb_errand_destroy(tr_kb_errand_t *self);
/* A gather in place of the one before; false: out of memory, and it was told and ended. */
bool tr_kb_errand_gather(tr_kb_errand_t *self, size_t count);
/* Begins the i-th question, a map: what it is to do, and so many entries that are written next. */
tr_content_writer_t *tr_kb_errand_ask(
    tr_kb_errand_t *self, size_t i, size_t shard, const char *action, size_t entries);
/* The same, as the errand itself is asked. */
tr_content_writer_t *tr_kb_errand_ask_same(tr_kb_errand_t *self, size_t i, size_t shard, size_t entries);
/* All shards, as the errand itself is asked. */
void tr_kb_errand_ask_all(tr_kb_errand_t *self, int64_t timeout_ms, tr_gather_fn done);
/* Until who asked must have his answer. */
int64_t tr_kb_errand_left_ms(const tr_kb_errand_t *self);
/* The same; where documents move, no longer than one stays at least where it was: who answers later may not have it any more. */
int64_t tr_kb_errand_one_moment_ms(const tr_kb_errand_t *self);
/* done gets the errand. */
void tr_kb_errand_send(tr_kb_errand_t *self, int64_t timeout_ms, tr_gather_fn done);
/* Answers with what was answered to the i-th. */
void tr_kb_errand_pass_on(tr_kb_errand_t *self, size_t i);
void tr_kb_errand_refuse(tr_kb_errand_t *self, tr_performative_t act, const char *reason, const char *detail);
/* Where somebody refused, that is the answer; likewise where there is no answer at all. True: it was told. A namespace that only some
 * have is no refusal. */
bool tr_kb_errand_refused(tr_kb_errand_t *self);
/* Of a gather of all shards, those that are away are missing from now on. */
void tr_kb_errand_note_missing(tr_kb_errand_t *self);
/* Whether nobody knows the namespace, of those who were asked, who all have answered. */
bool tr_kb_errand_is_unknown(const tr_kb_errand_t *self);
/* "kb-1, kb-2": those that are missing; into out. */
const char *tr_kb_errand_names(const tr_kb_errand_t *self, char *out, size_t size);
size_t tr_kb_errand_missing(const tr_kb_errand_t *self);
/* Where any are: the entries `complete` (false; unless the answer has one of its own) and `missing`. */
void tr_kb_errand_write_missing(const tr_kb_errand_t *self, tr_content_writer_t *w, bool complete);

/* ---- front_view.c ---- */

/* Of what the shards have just said, and who of them is missing. Without replicas there is nothing to judge: all that are here are asked. */
void tr_kb_errand_judge(tr_kb_errand_t *self);
/* Those that are to be asked. -ENOMEM. */
int tr_kb_errand_find_spots(tr_kb_errand_t *self);
/* All spots, as the errand itself is asked. */
void tr_kb_errand_ask_spots(tr_kb_errand_t *self, int64_t timeout_ms, tr_gather_fn done);
/* Whether a spot is where the document belongs. */
bool tr_kb_errand_is_right(const tr_kb_errand_t *self, tr_kb_spot_t spot, tr_value_t id);
/* Who is to be asked for a document, or to take it: the first of its holders that has all that it is to have; else one that is here. */
size_t tr_kb_errand_holder(const tr_kb_errand_t *self, tr_value_t id);
/* Goes on with `next` when it is known how the shards are: at once where there are no replicas. */
void tr_kb_errand_survey(tr_kb_errand_t *self, void (*next)(tr_kb_errand_t *self));
/* Until all that was written by these shards (as the errand's gather has asked them) has been told to the others; then `next`, or it was refused. */
void tr_kb_errand_flush(tr_kb_errand_t *self, void (*next)(tr_kb_errand_t *self));
/* Of searches: who has said nothing in time is left alone for a while. */
void tr_kb_front_leave_alone(struct tr_kbd *kbd, size_t shard);
bool tr_kb_front_leaves_alone(const struct tr_kbd *kbd, size_t shard);

/* ---- front_documents.c ---- */

void tr_kb_front_get(tr_kb_errand_t *self);
void tr_kb_front_list(tr_kb_errand_t *self);
void tr_kb_front_remove(tr_kb_errand_t *self);

/* ---- front_add.c ---- */

void tr_kb_front_add(tr_kb_errand_t *self);
/* Which shard has the document with this id, as it is told; what is no id is told so by this one. */
size_t tr_kb_front_owner(const tr_kb_errand_t *self, tr_value_t id);

/* ---- front_all.c ---- */

void tr_kb_front_drop(tr_kb_errand_t *self);
void tr_kb_front_compact(tr_kb_errand_t *self);
void tr_kb_front_namespaces(tr_kb_errand_t *self);
void tr_kb_front_snapshot(tr_kb_errand_t *self);
void tr_kb_front_shards(tr_kb_errand_t *self);

/* ---- part.c: what only shards ask ---- */

/* False: it is none of these. */
bool tr_kb_part(struct tr_kb_question *q, tr_value_t action);
void tr_kb_shards(struct tr_kb_question *q); /* where there is but one */

#endif
