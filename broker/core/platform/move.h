/*
 * Moving an agent to another process: the AMS's action `move`. The AMS leads it, and asks the host of the agent and the one that it goes
 * to (its station) by messages of its own, so that whoever owns the name is decided in one place, this core:
 *
 *   PREPARE  the agent's host is asked to bring it to rest; it goes on meanwhile
 *   LEAVE    the agent is in transit, and what comes for it waits here; its host is asked for its state
 *   TAKE     the station is asked to take it; it claims the name (REGISTER with the move's number), and begins the agent
 *   LET_GO   the agent's old process is told that it has it no more (MOVED), and says so (DEREGISTER)
 *
 * then it is active, in its new place, and what waited goes there. Up to TAKE it can always go back: when somebody refuses, ends, or does not
 * answer in time, the entry is its old process's (again), and active there. The old process gives its copy up only when it is told
 * so, and the new one has done nothing before that which others see of its state; so a broker that ends in between leaves two
 * copies that are alike, and whichever registers the name first is the agent.
 *
 * Fencing is by routes: the entry has one, in one session. What the other process says under its name is refused.
 */
#ifndef TR_BROKER_MOVE_H
#define TR_BROKER_MOVE_H

#include "broker/core/platform/platform.h"

#define TR_STATION_SERVICE "station" /* what takes agents offers it */

/* The AMS's action. */
void tr_handle_move(tr_answer_t *a);
/* Whether a message to the AMS is a host's answer in a move: then it is dealt with. */
bool tr_move_answered(tr_core_t *core, const tr_record_t *record, const tr_acl_t *acl);
/* A REGISTER with a move's number: the agent is the session's now. NULL: there is no such move, or it is not for this process. */
tr_entry_t *tr_move_claim(tr_core_t *core, tr_session_t *session, const char *name, uint64_t move);
/* A DEREGISTER of a name that has to do with a move: whether it is dealt with. */
bool tr_move_released(tr_core_t *core, const tr_session_t *session, tr_entry_t *entry);
/* Whether it is in transit by the AMS's doing: then nobody else ends that. */
bool tr_move_holds(const tr_core_t *core, const tr_entry_t *entry);
/* Before a session ends, or an entry. */
void tr_move_session_ends(tr_core_t *core, const tr_session_t *session);
void tr_move_entry_ends(tr_core_t *core, const tr_entry_t *entry);
void tr_move_tick(tr_core_t *core);
void tr_move_finish(tr_core_t *core);

#endif
