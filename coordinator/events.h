/* The log catalogue of troupe-coordinator: C001 ... Printed into docs/operations.md. */
#ifndef TR_COORDINATOR_EVENTS_H
#define TR_COORDINATOR_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_coordinator_event {
    TR_C_READY,
    TR_C_STOPPING,
    TR_C_STOPPED,
    TR_C_CONNECTED,
    TR_C_DISCONNECTED,
    TR_C_REFUSED,
    TR_C_CANNOT_START,
    TR_C_STORE_FAILED,
    TR_C_NO_DIRECTORY,
    TR_C_TASK_FAILED,
    TR_C_TOOK_OVER,
    TR_C_TAKEN_OVER,
    TR_C_NOT_SUBMITTED,
    TR_C_NOT_TAKEN,
    TR_C_LOOK_FAILED,
    TR_C_SCALED,
    TR_C_NOT_SCALED,
    TR_C_NOT_FORGOTTEN,
    TR_C_MESSAGE,
    TR_C_STARTS_IN_VAIN,
    TR_C_EVENTS,
} tr_coordinator_event_t;

/* By tr_coordinator_event_t. */
extern const tr_event_t tr_coordinator_events[TR_C_EVENTS];

#endif
