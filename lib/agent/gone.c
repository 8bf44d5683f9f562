/*
 * Agents that have ended. Who had asked them something is told at once, as if the broker had sent the question
 * back: a request calls its on_answer, a conversation ends. Only what the ended ones had taken is concerned, which
 * the link knows by its position; what was sent after that went to whoever has the name now, or has come back
 * by itself.
 */
#include "lib/agent/host_private.h"

#include "proto/link.pb-c.h"

#include <ctype.h>
#include <stdlib.h>

/* "-7" of the member 7 of a range of that many. */
static bool is_member(const char *text, size_t len, uint64_t count) {
    uint64_t index = 0;
    if (len < 2 || len > 9 || text[0] != '-' || (text[1] == '0' && len > 2))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        index = index * 10 + (uint64_t)(text[i] - '0');
    }
    return index < count;
}

bool tr_gone_is(const tr_gone_t *gone, const char *platform, const char *aid) {
    size_t len = strcspn(aid, "@"), prefix = strlen(gone->name);
    if (strchr(gone->name, '@')) /* of another platform */
        return !strcmp(aid, gone->name);
    if (aid[len] && strcmp(aid + len + 1, platform) != 0)
        return false;
    if (len < prefix || memcmp(aid, gone->name, prefix) != 0)
        return false;
    return gone->count > 1 ? is_member(aid + prefix, len - prefix, gone->count) : len == prefix;
}

/* It counts for no credit: nothing has come. */
void tr_gone_fail(tr_agent_t *agent, tr_acl_t *sent) {
    char aid[TR_AID_MAX + 1];
    uint8_t body[128];
    Troupe__Nack m = TROUPE__NACK__INIT;
    m.detail = (char *)(uintptr_t) "the agent ended, or fell silent, before it answered";
    sent->sender = tr_agent_aid(agent, aid);
    sent->content_len = troupe__nack__pack(&m, body);
    size_t envelope = tr_acl_envelope_size(sent);
    uint8_t *bytes =
        envelope <= TR_ENVELOPE_MAX ? malloc(TR_RECORD_HEADER + envelope + sent->content_len) : NULL;
    if (!bytes)
        return; /* out of memory: it waits for its time */
    tr_record_t record = {
        .h =
            {
                .length = (uint32_t)(TR_RECORD_HEADER + envelope + sent->content_len),
                .kind = TR_KIND_NACK,
                .performative = (uint8_t)sent->performative,
                .reason = TR_REASON_AGENT_GONE,
                .envelope_len = (uint16_t)envelope,
            },
        .bytes = bytes,
        .envelope = bytes + TR_RECORD_HEADER,
        .content = bytes + TR_RECORD_HEADER + envelope,
        .content_len = (uint32_t)sent->content_len,
    };
    tr_record_header_write(&record.h, bytes);
    memcpy(tr_acl_envelope_write(sent, bytes + TR_RECORD_HEADER), body, sent->content_len);
    tr_dispatch_failure(agent, &record);
    free(bytes);
}

void tr_dispatch_gone(tr_host_t *host, tr_inbound_t *inbound) {
    if (host->pending.count)
        tr_request_gone(host, inbound->gone);
    if (host->conversations)
        tr_conversations_gone(host, inbound->gone);
    tr_link_finished(host->link, inbound, 0, 0);
}
