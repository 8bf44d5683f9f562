#include "proto/record.h"

static const char *const kind_names[TR_KIND_MAX] = {
    [TR_KIND_MESSAGE] = "message",
    [TR_KIND_PUBLISH] = "publish",
    [TR_KIND_HELLO] = "hello",
    [TR_KIND_WELCOME] = "welcome",
    [TR_KIND_PING] = "ping",
    [TR_KIND_PONG] = "pong",
    [TR_KIND_CREDIT] = "credit",
    [TR_KIND_BYE] = "bye",
    [TR_KIND_BYE_OK] = "bye-ok",
    [TR_KIND_REGISTER] = "register",
    [TR_KIND_REGISTERED] = "registered",
    [TR_KIND_DEREGISTER] = "deregister",
    [TR_KIND_RESOLVED] = "resolved",
    [TR_KIND_SUBSCRIBE] = "subscribe",
    [TR_KIND_UNSUBSCRIBE] = "unsubscribe",
    [TR_KIND_DONE] = "done",
    [TR_KIND_REFUSED] = "refused",
    [TR_KIND_NACK] = "nack",
    [TR_KIND_SETTLE] = "settle",
    [TR_KIND_GAP] = "gap",
    [TR_KIND_MUTE] = "mute",
    [TR_KIND_UNMUTE] = "unmute",
    [TR_KIND_GONE] = "gone",
    [TR_KIND_STORED] = "stored",
    [TR_KIND_PEER] = "peer",
    [TR_KIND_PEER_OK] = "peer-ok",
    [TR_KIND_INTEREST] = "interest",
    [TR_KIND_MOVED] = "moved",
};

static const char *const reason_names[TR_REASON_MAX] = {
    [TR_REASON_NONE] = "none",
    [TR_REASON_NO_SESSION] = "no-session",
    [TR_REASON_BAD_BUNDLE] = "bad-bundle",
    [TR_REASON_BAD_VERSION] = "bad-version",
    [TR_REASON_BAD_RECORD] = "bad-record",
    [TR_REASON_BAD_ENVELOPE] = "bad-envelope",
    [TR_REASON_TOO_LARGE] = "too-large",
    [TR_REASON_UNKNOWN_KIND] = "unknown-kind",
    [TR_REASON_BAD_NAME] = "bad-name",
    [TR_REASON_DUPLICATE_NAME] = "duplicate-name",
    [TR_REASON_NOT_FOUND] = "not-found",
    [TR_REASON_STALE_ROUTE] = "stale-route",
    [TR_REASON_BUSY] = "busy",
    [TR_REASON_NO_PROVIDER] = "no-provider",
    [TR_REASON_AGENT_GONE] = "agent-gone",
    [TR_REASON_FORGED_SENDER] = "forged-sender",
    [TR_REASON_HOPS] = "hop-limit",
    [TR_REASON_BAD_TOPIC] = "bad-topic",
    [TR_REASON_FORBIDDEN] = "forbidden",
    [TR_REASON_EXPIRED] = "expired",
    [TR_REASON_TRIES] = "too-many-tries",
    [TR_REASON_LIMIT] = "limit",
    [TR_REASON_CREDIT] = "over-credit",
    [TR_REASON_SHUTDOWN] = "shutdown",
    [TR_REASON_OLD_EPOCH] = "old-epoch",
    [TR_REASON_NO_JOURNAL] = "no-journal",
    [TR_REASON_NO_PRODUCER] = "no-producer",
    [TR_REASON_CORRUPT] = "corrupt",
    [TR_REASON_TOO_OLD] = "too-old",
    [TR_REASON_UNKNOWN_PLATFORM] = "unknown-platform",
    [TR_REASON_PEER_DOWN] = "peer-down",
    [TR_REASON_DELEGATION] = "bad-delegation",
    [TR_REASON_CYCLE] = "cycle",
    [TR_REASON_BUDGET] = "budget",
    [TR_REASON_QUARANTINED] = "quarantined",
    [TR_REASON_POISON] = "poison",
};

const char *tr_kind_name(unsigned kind) {
    return kind < TR_KIND_MAX && kind_names[kind] ? kind_names[kind] : "unknown";
}

const char *tr_reason_name(unsigned reason) {
    return reason < TR_REASON_MAX && reason_names[reason] ? reason_names[reason] : "unknown";
}
