/*
 * The format of an interaction protocol: a table of states and of moves between them.
 *
 * A move says: in this state, when this role sends this act, that state follows. State 0 is where every
 * conversation begins; a state with an outcome ends it. What holds in all protocols is not repeated in each
 * table but said by a flag, and done by the engine (machine.h):
 *
 *   TR_PROTOCOL_AGREE_OPTIONAL  where an agree may come, what may follow the agree may come at once
 *   TR_PROTOCOL_CANCEL          the cancel meta-protocol: once it has begun, the initiator may cancel at any
 *                               point
 *   TR_PROTOCOL_NOT_UNDERSTOOD  whoever received the last act may answer it with not-understood, which ends
 *                               it
 */
#ifndef TR_PROTOCOL_TABLE_H
#define TR_PROTOCOL_TABLE_H

#include "troupe/protocol.h"

typedef enum tr_role { TR_INITIATOR, TR_PARTICIPANT } tr_role_t;

typedef struct tr_protocol_state {
    const char *name;
    tr_outcome_t outcome; /* TR_OUTCOME_NONE: the conversation goes on */
    bool stream;          /* it may last for ever: the deadline is over */
    /* A deadline begins anew here: the initiator's act says it, the participant's asks for a decision that takes its
     * own time. */
    bool renew;
    bool patient; /* with renew: silence is an answer too, so it ends TR_CONVERSATION_TIMEOUT after it */
} tr_protocol_state_t;

typedef struct tr_protocol_move {
    uint8_t state;
    uint8_t from; /* tr_role_t */
    uint8_t act;  /* tr_performative_t */
    uint8_t next;
} tr_protocol_move_t;

#define TR_PROTOCOL_AGREE_OPTIONAL 1u
#define TR_PROTOCOL_CANCEL         2u
#define TR_PROTOCOL_NOT_UNDERSTOOD 4u

typedef struct tr_protocol {
    const char *name;
    unsigned flags;
    const tr_protocol_state_t *states;
    size_t states_n; /* below TR_STATE_CANCELLED */
    const tr_protocol_move_t *moves;
    size_t moves_n;
} tr_protocol_t;

extern const tr_protocol_t tr_fipa_request;               /* SC00026 */
extern const tr_protocol_t tr_fipa_query;                 /* SC00027 */
extern const tr_protocol_t tr_fipa_request_when;          /* SC00028 */
extern const tr_protocol_t tr_fipa_request_whenever;      /* after SC00028 */
extern const tr_protocol_t tr_fipa_propose;               /* SC00036 */
extern const tr_protocol_t tr_fipa_subscribe;             /* SC00035 */
extern const tr_protocol_t tr_fipa_contract_net;          /* SC00029 */
extern const tr_protocol_t tr_fipa_iterated_contract_net; /* SC00030 */
extern const tr_protocol_t tr_fipa_auction_english;       /* XC00031 */
extern const tr_protocol_t tr_fipa_auction_dutch;         /* XC00032 */
extern const tr_protocol_t tr_fipa_brokering;             /* SC00033 */
extern const tr_protocol_t tr_fipa_recruiting;            /* SC00034 */

/* All of them, ended by NULL. */
const tr_protocol_t *const *tr_protocols(void);
/* By name, any case; NULL where there is none. */
const tr_protocol_t *tr_protocol_find(const char *name);

#endif
