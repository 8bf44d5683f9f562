/*
 * What the supervisor of a fleet is asked, as agent `fleet@PLATFORM`: the content of a fipa-request,
 * read and checked.
 *
 *   {"action": "status", "offset": 0}           processes from that one on, at most 1000 of them
 *   {"action": "attach", "name": GROUP, "count": 2}                            more members of a group
 *   {"action": "attach", "name": NAME, "behaviour": B, "services": [...], "durable": true, ...} a new group
 *   {"action": "detach", "name": NAME}
 *   {"action": "scale", "groups": {GROUP: N, ...}}
 *   {"action": "restart", "name": NAME}
 *   {"action": "down"}
 *
 * All but status need a "ticket" (lib/base/ticket.h). Those that take their time are answered when it is done,
 * or after "timeout_ms"; with "wait": false at once. Pure: contents in, structs out.
 */
#ifndef TR_TOOLS_FLEET_REQUEST_H
#define TR_TOOLS_FLEET_REQUEST_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "tools/fleet/fleet.h"

#include <jansson.h>

#define TR_FLEET_ATTACH_MAX 1000 /* processes by one request */

typedef enum tr_fleet_action {
    TR_FLEET_STATUS,
    TR_FLEET_ATTACH,
    TR_FLEET_DETACH,
    TR_FLEET_SCALE,
    TR_FLEET_RESTART,
    TR_FLEET_DOWN,
    TR_FLEET_ACTIONS,
} tr_fleet_action_t;

/* The words of the enum, in its order and ended by NULL. */
extern const char *const tr_fleet_action_words[];

/* Texts are borrowed from the content, or in the arena. */
typedef struct tr_fleet_request {
    tr_fleet_action_t action;
    const char *name;
    const char *ticket;
    const char *directory; /* of a new group; NULL = the fleet file's */
    int64_t count;
    int64_t offset;
    int64_t timeout_ms;
    bool wait;
    bool settings; /* of a new group: in `agent`, with count and name */
    tr_fleet_agent_t agent;
    json_t *groups; /* of scale: name -> integer, checked */
    tr_arena_t arena;
} tr_fleet_request_t;

/* 0; -EINVAL with what is wrong, -ENOMEM. Finish it in each case. */
int tr_fleet_request_read(json_t *content, tr_fleet_request_t *ret_request, tr_error_t *error);
void tr_fleet_request_finish(tr_fleet_request_t *self);

#endif
