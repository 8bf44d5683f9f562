/*
 * The life of an agent by FIPA SC00023 (5.1): five states, and the transitions between them, each with those who
 * may ask for it. Only an active agent is delivered to; for the others, messages wait in its mailbox.
 *
 * The agents of a range live alike, in their entry's life, but for those that somebody has asked for alone: such a
 * one stands apart, with a life, an account and a place for its messages of its own, so that what waits for it takes
 * no room from the others. It joins them again when it is in their state. Nothing is looked up while none is apart.
 */
#ifndef TR_BROKER_LIFE_H
#define TR_BROKER_LIFE_H

#include "broker/core/core.h"
#include "lib/base/map.h"
#include "proto/outbox.h"

struct tr_entry;

typedef enum tr_agent_state {
    TR_AGENT_ACTIVE,
    TR_AGENT_INITIATED,
    TR_AGENT_WAITING,
    TR_AGENT_SUSPENDED,
    TR_AGENT_TRANSIT,
    TR_AGENT_STATES,
} tr_agent_state_t;

const char *tr_agent_state_name(tr_agent_state_t state);
/* False where it is no state's name. */
bool tr_agent_state_parse(const char *name, tr_agent_state_t *ret_state);

/* Who asks the AMS for a transition. */
typedef enum tr_asker {
    TR_ASKER_SELF,    /* the agent itself */
    TR_ASKER_PROCESS, /* another agent of its process */
    TR_ASKER_OTHER,   /* an agent of another process */
    TR_ASKERS,
} tr_asker_t;

typedef struct tr_transition {
    tr_agent_state_t from, to;
    const char *name;
    uint8_t askers; /* bits, by 1 << tr_asker_t */
} tr_transition_t;

/* NULL where there is none: it is illegal. */
const tr_transition_t *tr_life_transition(tr_agent_state_t from, tr_agent_state_t to);

typedef struct tr_life {
    tr_agent_state_t state;
    bool outside;     /* somebody of another process has brought it here */
    int64_t since_ms; /* wall */
    char *by;         /* the AID of who asked for it; NULL = it began so */
    char *reason;     /* that was given; NULL = none */
} tr_life_t;

typedef struct tr_apart {
    uint32_t agent; /* its number in the session */
    tr_life_t life;
    tr_account_t mailbox; /* of what is in `held` */
    tr_outbox_t held;
} tr_apart_t;

#define TR_APART_MAX 65536u /* of one range */

const tr_life_t *tr_life_of(const struct tr_entry *entry, uint32_t agent);
/* NULL where the agent is as its entry is. */
tr_apart_t *tr_apart_find(const struct tr_entry *entry, uint32_t agent);
/* Begin with *cursor 0; NULL at the end. */
tr_apart_t *tr_apart_next(const struct tr_entry *entry, size_t *cursor);
uint32_t tr_apart_count(const struct tr_entry *entry);
/* What waits in the mailboxes of the entry, those of who stands apart with it. */
tr_account_t tr_life_waiting(const struct tr_entry *entry);

/* Some agents of an entry: all of them, or one. */
typedef struct tr_members {
    struct tr_entry *entry;
    uint32_t agent, count;
} tr_members_t;

typedef struct tr_wish {
    tr_agent_state_t to;
    tr_asker_t asker;
    const char *by, *reason; /* "" = none */
} tr_wish_t;

typedef enum tr_life_answer {
    TR_LIFE_DONE,
    TR_LIFE_ILLEGAL,    /* there is no such transition */
    TR_LIFE_NOT_YOURS,  /* there is, but not for who asks */
    TR_LIFE_NOT_UNDONE, /* suspended from outside: not for its own process to resume */
    TR_LIFE_FULL,       /* too many stand apart, or no memory */
} tr_life_answer_t;

/* Brings them into a state, all or none of them; in `ret_from` the state of the one that it failed for, or of the first. What
 * waits goes to where it belongs then. */
tr_life_answer_t tr_life_change(
    tr_core_t *core, const tr_members_t *who, const tr_wish_t *wish, tr_agent_state_t *ret_from);

void tr_life_finish(struct tr_entry *entry);

#endif
