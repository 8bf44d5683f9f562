/* What the coordinator has of approvals (approval_desk.c): the file, and the agents that wait for a person. Zeroed = closed. */
#ifndef TR_COORDINATOR_APPROVAL_APPROVAL_STATE_H
#define TR_COORDINATOR_APPROVAL_APPROVAL_STATE_H

typedef struct tr_approval_desk {
    struct tr_approvals *approvals;
    struct tr_approval_waiter *waiters;
} tr_approval_desk_t;

#endif
