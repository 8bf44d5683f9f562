/* The log catalogue of troupe-agentd: A001 ... Printed into docs/operations.md. */
#ifndef TR_AGENTD_EVENTS_H
#define TR_AGENTD_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_agentd_event {
    TR_EVENT_REGISTERED,
    TR_EVENT_STOPPING,
    TR_EVENT_STOPPED,
    TR_EVENT_CONNECTED,
    TR_EVENT_RESUMED,
    TR_EVENT_DISCONNECTED,
    TR_EVENT_REFUSED,
    TR_EVENT_RESTARTED,
    TR_EVENT_GAVE_UP,
    TR_EVENT_HANGS,
    TR_EVENT_DROPPED,
    TR_EVENT_CANNOT_START,
    TR_EVENT_STUCK,
    TR_EVENT_HUNG,
    TR_EVENT_UNSAVED,
    TR_EVENT_STATELESS,
    TR_EVENT_MOVED,
    TR_EVENT_AWAY,
    TR_EVENT_TAKEN_AGAIN,
    TR_EVENT_NOT_TAKEN,
    TR_EVENT_PROGRAM_STARTED,
    TR_EVENT_PROGRAM_ENDED,
    TR_EVENT_PROGRAM_SAYS,
    TR_EVENT_PROGRAM_NOISY,
    TR_EVENT_PROGRAM_BAD_LINE,
    TR_EVENT_PROGRAM_LATE,
    TR_EVENT_PROGRAM_UNSENT,
    TR_EVENT_PROGRAM_CANNOT_RUN,
    TR_EVENT_COUNT,
} tr_agentd_event_t;

/* By tr_agentd_event_t. */
extern const tr_event_t tr_agentd_events[TR_EVENT_COUNT];

#endif
