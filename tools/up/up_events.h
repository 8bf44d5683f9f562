/* The log catalogue of the supervisor, `troupe up`: U001 ... Printed into docs/operations.md. */
#ifndef TR_TOOLS_UP_EVENTS_H
#define TR_TOOLS_UP_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_up_log {
    TR_UP_LOG_STARTING,
    TR_UP_LOG_BROKER_READY,
    TR_UP_LOG_READY,
    TR_UP_LOG_CANNOT_START,
    TR_UP_LOG_STARTED,
    TR_UP_LOG_REGISTERED,
    TR_UP_LOG_ENDED,
    TR_UP_LOG_FAILED,
    TR_UP_LOG_REMOVED,
    TR_UP_LOG_ORDER,
    TR_UP_LOG_REFUSED,
    TR_UP_LOG_LINK,
    TR_UP_LOG_STOPPING,
    TR_UP_LOG_KILLING,
    TR_UP_LOG_STOPPED,
    TR_UP_LOG_GAVE_UP,
    TR_UP_LOG_UNCHECKED,
    TR_UP_LOG_COUNT,
} tr_up_log_t;

/* By tr_up_log_t. */
extern const tr_event_t tr_up_events[TR_UP_LOG_COUNT];

#endif
