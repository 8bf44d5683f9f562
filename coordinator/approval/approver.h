/*
 * Who may grant an approval: a list of names, one a line, as its tool is configured (docs/tools.md).
 *
 *     ann            an agent of this local name, of any platform
 *     ann@office     of this one
 *     cli-*          whose name begins so
 *     gateway/ann    a person, as the agent that asks for persons says (troupe-coordinator --front)
 *
 * An agent in the list stands for all persons that it asks for. Pure.
 */
#ifndef TR_COORDINATOR_APPROVAL_APPROVER_H
#define TR_COORDINATOR_APPROVAL_APPROVER_H

#include <stdbool.h>

#define TR_APPROVER_MAX 256 /* bytes of a name */

/* `by`: NAME@PLATFORM or NAME@PLATFORM/PERSON. An empty list, or NULL: all may. */
bool tr_approver_may(const char *list, const char *by);
/* Whether one name of the above, without its end, can be one. */
bool tr_approver_valid(const char *name);
/* Whether an agent is what a name of the list says. */
bool tr_approver_is(const char *name, const char *agent);

#endif
