/*
 * The 22 performatives (FIPA SC00037), and named message kinds on top of them: a kind is a fixed triple of
 * performative, protocol and ontology that can be typed wherever a performative can.
 */
#ifndef TR_PROTO_PERFORMATIVE_H
#define TR_PROTO_PERFORMATIVE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tr_performative {
    TR_ACT_NONE = 0,
    TR_ACCEPT_PROPOSAL = 1,
    TR_AGREE,
    TR_CANCEL,
    TR_CFP,
    TR_CONFIRM,
    TR_DISCONFIRM,
    TR_FAILURE,
    TR_INFORM,
    TR_INFORM_IF,
    TR_INFORM_REF,
    TR_NOT_UNDERSTOOD,
    TR_PROPAGATE,
    TR_PROPOSE,
    TR_PROXY,
    TR_QUERY_IF,
    TR_QUERY_REF,
    TR_REFUSE,
    TR_REJECT_PROPOSAL,
    TR_REQUEST,
    TR_REQUEST_WHEN,
    TR_REQUEST_WHENEVER,
    TR_SUBSCRIBE = 22,
    TR_ACT_MAX,
} tr_performative_t;

/* One of the 22. */
static inline bool tr_performative_valid(unsigned act) {
    return act > TR_ACT_NONE && act < TR_ACT_MAX;
}
/* A static string ("query-if"), or "none" for what is no performative. */
const char *tr_performative_name(unsigned act);
/* By name, any case; TR_ACT_NONE where there is none. */
tr_performative_t tr_performative_parse(const char *name, size_t len);

/* Whether it wants something done or told. Not so of answers, which propose is where it was called for. */
bool tr_performative_asks(unsigned act);

/* How the work at a request goes: an inform with this ontology, in the request's conversation, which it leaves as it is. Not so where the
 * conversation is about that itself. */
#define TR_STATUS_ONTOLOGY "troupe-status"

/* query, response, task_assignment, task_result, status_update, collaboration_request. */
typedef struct tr_message_kind {
    const char *name;
    tr_performative_t performative;
    const char *protocol; /* NULL = none */
    const char *ontology;
    const char *summary; /* one line for --help and docs/protocol.md */
} tr_message_kind_t;

/* The table, ended by an entry whose name is NULL. */
const tr_message_kind_t *tr_message_kinds(void);
/* A kind by its name, or, where `name` is a performative, NULL with *ret_act set; NULL and TR_ACT_NONE where
 * it is neither. */
const tr_message_kind_t *tr_message_kind_parse(const char *name, size_t len, tr_performative_t *ret_act);

#ifdef __cplusplus
}
#endif

#endif
