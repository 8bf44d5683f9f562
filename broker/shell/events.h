/* The broker's log events; docs/operations.md is made from this table. */
#ifndef TR_BROKER_EVENTS_H
#define TR_BROKER_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_broker_event {
    TR_B_LISTENING,
    TR_B_DRAINING,
    TR_B_ENDED,
    TR_B_FEW_FILES,
    TR_B_CANNOT_START,
    TR_B_SHUT,
    TR_B_OPEN,
    TR_B_JOINED,
    TR_B_LEFT,
    TR_B_LOST,
    TR_B_REFUSED,
    TR_B_DEAD_LETTER,
    TR_B_MULTIPART,
    TR_B_SILENCED,
    TR_B_JOURNAL,
    TR_B_JOURNAL_TORN,
    TR_B_JOURNAL_SALVAGED,
    TR_B_RECOVERING,
    TR_B_JOURNAL_FAILED,
    TR_B_CORRUPT,
    TR_B_LETTERS_FULL,
    TR_B_JOURNAL_UNREADABLE,
    TR_B_CONNECTED,
    TR_B_KEY_REFUSED,
    TR_B_NAME_REFUSED,
    TR_B_TOPIC_REFUSED,
    TR_B_SERVICE_REFUSED,
    TR_B_VERB_REFUSED,
    TR_B_FORGED_SENDER,
    TR_B_CERT_LIMIT,
    TR_B_REVOKED,
    TR_B_AUDITS_SKIPPED,
    TR_B_CERTIFICATES,
    TR_B_CERT_BROKEN,
    TR_B_DELEGATION_REFUSED,
    TR_B_CYCLE_REFUSED,
    TR_B_BUDGET_REFUSED,
    TR_B_QUARANTINED,
    TR_B_RELEASED,
    TR_B_ILLEGAL_ACT,
    TR_B_SUSPENDED,
    TR_B_RESUMED,
    TR_B_MOVED,
    TR_B_HANGS,
    TR_B_GOES_ON,
    TR_B_PEER_UP,
    TR_B_PEER_DOWN,
    TR_B_PEER_REFUSED,
    TR_B_PEER_UNREACHED,
    TR_B_PEER_UNFOUND,
    TR_B_MESSAGE,
    TR_B_EVENTS,
} tr_broker_event_t;

extern const tr_event_t tr_broker_events[TR_B_EVENTS];

/* The core's own event, a tr_core_event_t, with the two texts that follow each other in `what`. */
void tr_broker_log_core(tr_log_t *log, unsigned core_event, const char *what);

#endif
