#include "proto/performative.h"

#include <string.h>
#include <strings.h>

static const char *const act_names[TR_ACT_MAX] = {
    [TR_ACT_NONE] = "none",
    [TR_ACCEPT_PROPOSAL] = "accept-proposal",
    [TR_AGREE] = "agree",
    [TR_CANCEL] = "cancel",
    [TR_CFP] = "cfp",
    [TR_CONFIRM] = "confirm",
    [TR_DISCONFIRM] = "disconfirm",
    [TR_FAILURE] = "failure",
    [TR_INFORM] = "inform",
    [TR_INFORM_IF] = "inform-if",
    [TR_INFORM_REF] = "inform-ref",
    [TR_NOT_UNDERSTOOD] = "not-understood",
    [TR_PROPAGATE] = "propagate",
    [TR_PROPOSE] = "propose",
    [TR_PROXY] = "proxy",
    [TR_QUERY_IF] = "query-if",
    [TR_QUERY_REF] = "query-ref",
    [TR_REFUSE] = "refuse",
    [TR_REJECT_PROPOSAL] = "reject-proposal",
    [TR_REQUEST] = "request",
    [TR_REQUEST_WHEN] = "request-when",
    [TR_REQUEST_WHENEVER] = "request-whenever",
    [TR_SUBSCRIBE] = "subscribe",
};

static const tr_message_kind_t kinds[] = {
    {"query", TR_QUERY_REF, "fipa-query", "troupe-query", "asks for what the receiver knows"},
    {"response", TR_INFORM, "fipa-query", "troupe-query", "answers a query"},
    {"task_assignment", TR_REQUEST, "fipa-request", "troupe-task", "gives the receiver a task to do"},
    {"task_result", TR_INFORM, "fipa-request", "troupe-task", "hands over what a task gave"},
    {"status_update", TR_INFORM, "fipa-subscribe", TR_STATUS_ONTOLOGY, "tells a subscriber how things stand"},
    {"collaboration_request", TR_CFP, "fipa-contract-net", "troupe-collaboration",
        "calls for proposals to do something together"},
    {NULL, TR_ACT_NONE, NULL, NULL, NULL},
};

const char *tr_performative_name(unsigned act) {
    return act_names[act < TR_ACT_MAX ? act : TR_ACT_NONE];
}

bool tr_performative_asks(unsigned act) {
    static const bool asks[TR_ACT_MAX] = {
        [TR_ACCEPT_PROPOSAL] = true,
        [TR_CFP] = true,
        [TR_PROPAGATE] = true,
        [TR_PROXY] = true,
        [TR_QUERY_IF] = true,
        [TR_QUERY_REF] = true,
        [TR_REQUEST] = true,
        [TR_REQUEST_WHEN] = true,
        [TR_REQUEST_WHENEVER] = true,
        [TR_SUBSCRIBE] = true,
    };
    return act < TR_ACT_MAX && asks[act];
}

static int same(const char *known, const char *name, size_t len) {
    return strlen(known) == len && strncasecmp(known, name, len) == 0;
}

tr_performative_t tr_performative_parse(const char *name, size_t len) {
    for (unsigned act = TR_ACT_NONE + 1; name && act < TR_ACT_MAX; act++)
        if (same(act_names[act], name, len))
            return (tr_performative_t)act;
    return TR_ACT_NONE;
}

const tr_message_kind_t *tr_message_kinds(void) {
    return kinds;
}

const tr_message_kind_t *tr_message_kind_parse(const char *name, size_t len, tr_performative_t *ret_act) {
    for (const tr_message_kind_t *kind = kinds; name && kind->name; kind++)
        if (same(kind->name, name, len)) {
            *ret_act = kind->performative;
            return kind;
        }
    *ret_act = tr_performative_parse(name, len);
    return NULL;
}
