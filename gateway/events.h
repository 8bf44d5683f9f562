/* The log catalogue of troupe-gateway: G001 ... Printed into docs/operations.md. */
#ifndef TR_GATEWAY_EVENTS_H
#define TR_GATEWAY_EVENTS_H

#include "lib/base/log.h"

typedef enum tr_gateway_event {
    TR_G_READY,
    TR_G_STOPPING,
    TR_G_STOPPED,
    TR_G_CONNECTED,
    TR_G_DISCONNECTED,
    TR_G_REFUSED,
    TR_G_CANNOT_START,
    TR_G_TOKENS,
    TR_G_TOKENS_WRONG,
    TR_G_CHANGE,
    TR_G_CUT,
    TR_G_CERTIFICATE,
    TR_G_CERTIFICATE_WRONG,
    TR_G_NOT_TOLD,
    TR_G_SIGNED_IN,
    TR_G_SIGN_IN_WRONG,
    TR_G_SIGN_IN_LIMITED,
    TR_G_SIGNED_OUT,
    TR_G_USERS,
    TR_G_USERS_WRONG,
    TR_G_CHANGE_BY_USER,
    TR_G_CHANGE_REFUSED,
    TR_G_SIGN_OUT_ALONE,
    TR_G_PROVIDER_WRONG,
    TR_G_KEYS_ALONE,
    TR_G_PROVIDER_SILENT,
    TR_G_EVENTS,
} tr_gateway_event_t;

/* By tr_gateway_event_t. */
extern const tr_event_t tr_gateway_events[TR_G_EVENTS];

#endif
