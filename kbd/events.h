/* The log catalogue of troupe-kbd: K001 ... Printed into docs/operations.md. */
#ifndef TR_KBD_EVENTS_H
#define TR_KBD_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_kbd_event {
    TR_K_READY,
    TR_K_STOPPING,
    TR_K_STOPPED,
    TR_K_CONNECTED,
    TR_K_DISCONNECTED,
    TR_K_REFUSED,
    TR_K_CANNOT_START,
    TR_K_DISK_FULL,
    TR_K_DISK_FAILED,
    TR_K_WEAK_MODEL,
    TR_K_NO_VECTORS,
    TR_K_INDEX_DAMAGED,
    TR_K_INDEX_UNWRITTEN,
    TR_K_NOT_MOVED,
    TR_K_MOVED,
    TR_K_MISSED,
    TR_K_LEVEL,
    TR_K_MESSAGE,
    TR_K_TRUTH,
    TR_K_TRUTH_FAILED,
    TR_K_EVENTS,
} tr_kbd_event_t;

/* By tr_kbd_event_t. */
extern const tr_event_t tr_kbd_events[TR_K_EVENTS];

#endif
