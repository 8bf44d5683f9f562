/*
 * Scatter and gather: several agents are asked at once, each something of its own, and the answers come together: when all are there, or at the
 * deadline. Who is away (no such agent, it ended, its mailbox is full, it says nothing) is told as such, and holds up nobody for longer than that.
 *
 *     tr_gather_t *gather = tr_gather_new(&owner, agent, 3);
 *     tr_content_writer_t *w = tr_gather_ask(gather, 0, "kb-1");
 *     ... write the question, and the others' ...
 *     tr_gather_send(gather, 2000, on_gathered, arg);
 *
 * Answers are copied, and their messages done with at once: who gathers holds no credit by them, so what others still have to answer comes, however
 * much it is together. The caller bounds how many gathers there are.
 *
 * The host's thread.
 */
#ifndef TR_KNOWLEDGE_GATHER_H
#define TR_KNOWLEDGE_GATHER_H

#include "troupe/agent.h"

typedef struct tr_gather tr_gather_t;

/* Those that somebody has begun: in his state, all zero in the beginning. */
typedef struct tr_gathers {
    tr_gather_t *first;
} tr_gathers_t;

/* Before the agent ends: nobody is called any more, and no message is held. */
void tr_gathers_stop(tr_gathers_t *self);
/* After it has. */
void tr_gathers_finish(tr_gathers_t *self);

typedef enum tr_gather_how {
    TR_GATHER_ANSWERED, /* by inform */
    TR_GATHER_REFUSED,  /* by anything else */
    TR_GATHER_AWAY,     /* it could not be asked, or has not answered */
    TR_GATHER_UNASKED,  /* there was no question for it */
} tr_gather_how_t;

/* Called once, never before tr_gather_send has returned. Destroy it there, or later. */
typedef void (*tr_gather_fn)(tr_gather_t *self, void *arg);

/* Of `count` questions. NULL: out of memory. */
tr_gather_t *tr_gather_new(tr_gathers_t *owner, tr_agent_t *agent, size_t count);
/* What the i-th is for, an agent's name, which is copied. */
tr_content_writer_t *tr_gather_ask(tr_gather_t *self, size_t i, const char *to);
void tr_gather_send(tr_gather_t *self, int64_t timeout_ms, tr_gather_fn done, void *arg);
size_t tr_gather_count(const tr_gather_t *self);
tr_gather_how_t tr_gather_how(const tr_gather_t *self, size_t i);
/* Its content, NULL where it has not answered by inform. Borrowed as long as the gather, as is what follows. */
tr_value_t tr_gather_value(const tr_gather_t *self, size_t i);
/* The content of any answer, also of a refusal; NULL where there is none. */
tr_value_t tr_gather_said(const tr_gather_t *self, size_t i);
/* Any answer as it came; NULL where there is none. */
const void *tr_gather_bytes(const tr_gather_t *self, size_t i, tr_performative_t *ret_act, size_t *ret_len);
/* Nobody is called any more. NULL-safe. */
void tr_gather_destroy(tr_gather_t **self);

#endif
