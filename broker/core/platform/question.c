/* What the AMS itself asks of agents, and of their hosts. Nobody else speaks by a route of the platform, so it cannot be forged. */
#include "broker/core/platform/platform.h"

#include <stdio.h>
#include <stdlib.h>

bool tr_ams_ask(tr_core_t *core, const tr_members_t *who, tr_performative_t act, const char *id,
    const void *content, size_t len) {
    char from[TR_AID_MAX + 8], to[TR_AID_MAX + 1];
    const char *receiver = to;
    snprintf(from, sizeof from, "ams@%s", core->platform);
    tr_members_name(who, to);
    tr_acl_t acl = {.sender = from,
        .receivers = {&receiver, 1},
        .ontology = "fipa-agent-management",
        .protocol = act == TR_REQUEST ? "fipa-request" : "fipa-query",
        .conversation_id = id,
        .reply_with = id};
    size_t envelope = tr_acl_envelope_size(&acl), length = TR_RECORD_HEADER + envelope + len;
    uint8_t *bytes = length <= core->config.max_record ? malloc(envelope + len) : NULL;
    if (!bytes)
        return false;
    memcpy(tr_acl_envelope_write(&acl, bytes), content, len);
    tr_record_header_t h = {.length = (uint32_t)length,
        .kind = TR_KIND_MESSAGE,
        .performative = (uint8_t)act,
        .flags = TR_FLAG_NO_NACK,
        .hops = TR_HOPS_DEFAULT,
        .dst = tr_session_route(who->entry->session, who->agent),
        .src = tr_route(TR_ROUTE_PLATFORM, TR_PLATFORM_AMS, 1, 0),
        .envelope_len = (uint16_t)envelope};
    tr_record_t r = {.h = h, .envelope = bytes};
    tr_reason_t why = tr_mailbox_push(core, who->entry, &r, &h, NULL);
    free(bytes);
    return why == TR_REASON_NONE;
}
