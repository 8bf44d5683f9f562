/* The log catalogue of troupe-exporter: E001 ... Printed into docs/operations.md. */
#ifndef TR_EXPORTER_EVENTS_H
#define TR_EXPORTER_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_exporter_event {
    TR_E_READY,
    TR_E_STOPPING,
    TR_E_STOPPED,
    TR_E_CONNECTED,
    TR_E_DISCONNECTED,
    TR_E_REFUSED,
    TR_E_CANNOT_START,
    TR_E_FAILS,
    TR_E_WORKS,
    TR_E_TURNED_DOWN,
    TR_E_DROPPED,
    TR_E_EVENTS,
} tr_exporter_event_t;

/* By tr_exporter_event_t. */
extern const tr_event_t tr_exporter_events[TR_E_EVENTS];

#endif
