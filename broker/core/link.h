/* Handlers of the link's control records; broker/core/core.c has the table that calls them. */
#ifndef TR_BROKER_LINK_H
#define TR_BROKER_LINK_H

#include "broker/core/state.h"

#include <protobuf-c/protobuf-c.h>

/* Bodies are decoded into the core's arena: nothing to free, and good until the next one. */
ProtobufCAllocator tr_link_bodies(tr_core_t *core);

/* Opens or resumes a session; NULL when it was refused. */
tr_session_t *tr_handle_hello(tr_core_t *core, tr_peer_t peer, const tr_record_t *r);
void tr_handle_register(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
void tr_handle_deregister(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
void tr_handle_subscribe(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
/* report.c */
void tr_handle_report(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
void tr_handle_ping(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
void tr_handle_pong(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
void tr_handle_credit(tr_core_t *core, tr_session_t *s, const tr_record_t *r);
void tr_handle_bye(tr_core_t *core, tr_session_t *s, const tr_record_t *r);

#endif
