#include "broker/shell/events.h"

#include "broker/core/core.h"

#include <string.h>

const tr_event_t tr_broker_events[TR_B_EVENTS] = {
    [TR_B_LISTENING] = {"B001", TR_LOG_INFO, "listening", "The broker takes connections at these addresses.",
        "None needed."},
    [TR_B_DRAINING] = {"B002", TR_LOG_INFO, "draining",
        "It was asked to end: nothing new is taken, what is queued goes out.",
        "Wait, or send SIGTERM again to end at once."},
    [TR_B_ENDED] = {"B003", TR_LOG_INFO, "ended", "The broker has ended; `queued` messages were left behind.",
        "If messages were left, look for agents that were stopped before the broker."},
    [TR_B_FEW_FILES] = {"B004", TR_LOG_WARN, "few file descriptors",
        "The limit of open files allows fewer sessions than --sessions; each process needs one.",
        "Raise it (`ulimit -n`, LimitNOFILE=) or lower --sessions."},
    [TR_B_CANNOT_START] = {"B005", TR_LOG_ERROR, "cannot start",
        "An address, a limit or an option does not work.", "The text says which and what to do."},
    [TR_B_SHUT] = {"B006", TR_LOG_ERROR, "connections turned away",
        "There are as many connections as the limit of open files allows, or descriptors have run out: new "
        "ones "
        "are cut off, and their processes try again. Those that are open go on.",
        "Raise the limit (`ulimit -n`, LimitNOFILE=); see who connects so often (`ss -tp`)."},
    [TR_B_OPEN] = {"B007", TR_LOG_INFO, "connections are taken again",
        "There are descriptors again; `cut` connections were cut off meanwhile.", "None needed."},
    [TR_B_JOINED] = {"B010", TR_LOG_INFO, "agent joined", "An agent, or a range of them, was registered.",
        "None needed."},
    [TR_B_LEFT] = {"B011", TR_LOG_INFO, "agent left", "An agent was deregistered by its process.",
        "None needed."},
    [TR_B_LOST] = {"B012", TR_LOG_WARN, "agent lost",
        "Its process died, or was silent for longer than the lease. Service requests that it had not settled "
        "were "
        "given to other providers; messages in its mailbox went back to their senders.",
        "See the log of that process. If it only was slow, raise --lease."},
    [TR_B_REFUSED] = {"B020", TR_LOG_WARN, "refused",
        "A process asked for what it may not have or sent what cannot be read.",
        "The reason and detail say what; docs/protocol.md explains each reason."},
    [TR_B_DEAD_LETTER] = {"B021", TR_LOG_WARN, "dead letter",
        "An accepted message cannot be delivered any more. Its sender has been told.",
        "Watch `$sys.dead-letter`; see why its receiver ended or was too slow."},
    [TR_B_MULTIPART] = {"B022", TR_LOG_WARN, "message of several frames dropped",
        "A process sent a ZeroMQ message that is not one frame.",
        "That client does not speak this protocol: see docs/protocol.md."},
    [TR_B_SILENCED] = {"B023", TR_LOG_WARN, "events not logged",
        "There were more warnings in the last second than are logged; counters in /metrics have them all.",
        "See /metrics: troupe_broker_refused_total and troupe_broker_dead_letters_total."},
    [TR_B_JOURNAL] = {"B030", TR_LOG_INFO, "journal open",
        "The journal is open; `messages` were in it, and wait for their receivers.", "None needed."},
    [TR_B_JOURNAL_TORN] = {"B068", TR_LOG_WARN, "journal's end was torn",
        "The last `bytes` of the journal were a write that had not ended when the machine stopped. They are "
        "cut "
        "off: nothing of them had been acknowledged, unless something else has shortened the file.",
        "None needed after a loss of power. Otherwise see the disk's health, and who else writes there."},
    [TR_B_JOURNAL_SALVAGED] = {"B069", TR_LOG_ERROR, "journal cut off before its damage",
        "--journal-salvage was given, and the journal is damaged: its last `bytes`, from the damage on, are "
        "given up. What they held, messages that had been acknowledged and what had been said of others, is "
        "lost; some may be delivered again.",
        "See the disk's health, have producers send again what they sent last, and start without "
        "--journal-salvage from now on."},
    [TR_B_RECOVERING] = {"B031", TR_LOG_INFO, "reading the journal",
        "The broker reads and checks what its journal holds, before it takes connections.", "Wait."},
    [TR_B_JOURNAL_FAILED] = {"B032", TR_LOG_ERROR, "journal failed",
        "The journal could not be written or synced. Nothing has been acknowledged since, and the broker "
        "ends "
        "with code 4: after a failed sync nobody knows what is on disk until it is read again.",
        "Mend what the detail names (a full or broken disk, a lost database), then start the broker again: "
        "producers send again what was not acknowledged."},
    [TR_B_CORRUPT] = {"B033", TR_LOG_ERROR, "journal damaged",
        "Messages of this queue are not what was written, or are missing. They are not delivered.",
        "See the disk's health. Their producers were told that they were stored: restore them from their "
        "source."},
    [TR_B_LETTERS_FULL] = {"B035", TR_LOG_ERROR, "too many dead letters",
        "The dead letters of this mailbox or queue (of the broker: `all`) are at their limit. New durable "
        "messages to it "
        "(to all that have dead letters) are answered busy; nothing is dropped.",
        "`troupe dlq ls` says which and why: mend the cause, then `troupe dlq requeue` or `drop` them. Where "
        "there may be "
        "more: --letters-each, --letters."},
    [TR_B_JOURNAL_UNREADABLE] = {"B034", TR_LOG_ERROR, "journal cannot be read",
        "A part of the journal could not be read now; it is tried again.",
        "Where it repeats: see the disk's health."},
    [TR_B_CONNECTED] = {"B040", TR_LOG_INFO, "connected",
        "A process has come in with a certificate, `what`. On `$sys.audit.connected`.", "None needed."},
    [TR_B_KEY_REFUSED] = {"B041", TR_LOG_WARN, "key refused",
        "Somebody tried to come in without a certificate, or with a key that is unknown, expired or revoked. "
        "On "
        "`$sys.audit.key-refused`.",
        "Where it is one of yours: `troupe cert ls` shows its state; give it a good one (--cert)."},
    [TR_B_NAME_REFUSED] = {"B042", TR_LOG_WARN, "name refused",
        "A process wanted to register an agent under a name that its certificate does not have. On "
        "`$sys.audit.name-refused`.",
        "Where it should: add the name to the certificate's rights. Where not: see whose certificate that "
        "is."},
    [TR_B_TOPIC_REFUSED] = {"B043", TR_LOG_WARN, "topic refused",
        "A process wanted to publish on, or to get, topics that its certificate does not have. On "
        "`$sys.audit.topic-refused`.",
        "As for B042, with `publish` and `subscribe`; topics that begin with $ must be named there."},
    [TR_B_SERVICE_REFUSED] = {"B044", TR_LOG_WARN, "service refused",
        "A process wanted to offer or to ask a service that its certificate does not have. On "
        "`$sys.audit.service-refused`.",
        "As for B042, with `offer` and `ask`."},
    [TR_B_VERB_REFUSED] = {"B045", TR_LOG_WARN, "verb refused",
        "A process wanted ams, df or the fleet to do what its certificate does not allow. On "
        "`$sys.audit.verb-refused`.",
        "As for B042, with `verbs`."},
    [TR_B_FORGED_SENDER] = {"B046", TR_LOG_WARN, "forged sender",
        "A process sent in the name of an agent that is not its own; `what` is the name that it used. On "
        "`$sys.audit.forged-sender`.",
        "A client with a fault, or an attack: see whose process that is."},
    [TR_B_CERT_LIMIT] = {"B047", TR_LOG_WARN, "limit of a certificate",
        "The holder of a certificate wanted more connections, messages or bytes than its limits allow, or "
        "another "
        "broker or he more durable queues or producers than one may have made; it was told to wait. On "
        "`$sys.audit.limit`.",
        "Where it needs them: raise the limit in the certificate, or --queues-each and --producers-each. "
        "Where not: "
        "look at what it does."},
    [TR_B_REVOKED] = {"B048", TR_LOG_WARN, "certificate ended",
        "A session was ended because its certificate or key was revoked, has expired or no longer allows "
        "what it did; or a durable subscription, whose agent may be away, because the certificate of who "
        "asked for it "
        "was revoked or no longer allows it. On `$sys.audit.revoked`.",
        "None needed, where that was wanted."},
    [TR_B_CERTIFICATES] = {"B050", TR_LOG_INFO, "certificates read",
        "The directory of certificates has changed, or was read for the first time; `count` of them are "
        "there.",
        "None needed."},
    [TR_B_CERT_BROKEN] = {"B051", TR_LOG_ERROR, "certificate cannot be read",
        "A file of the directory of certificates, or the directory, is not as it should be. Nobody gets in "
        "with what it "
        "held before.",
        "The detail says the place and what was expected: mend it, and it is read again by itself."},
    [TR_B_DELEGATION_REFUSED] = {"B052", TR_LOG_WARN, "delegation refused",
        "An agent sent a delegation chain that nobody handed on to it (`what` is the chain), or whose "
        "beginning was forgotten. On `$sys.audit.delegation-refused`.",
        "A client with a fault, or an attack: see whose process that is."},
    [TR_B_CYCLE_REFUSED] = {"B053", TR_LOG_WARN, "cycle refused",
        "Agents handed a conversation on in a circle: whoever was to get it next is in its delegation chain, "
        "`what`. On `$sys.audit.cycle-refused`.",
        "See how the agents of the chain choose whom they hand work to."},
    [TR_B_BUDGET_REFUSED] = {"B054", TR_LOG_WARN, "budget refused",
        "An agent wanted to hand on more than it had left to spend, or nothing was left; `what` is the "
        "delegation chain. On `$sys.audit.budget-refused`.",
        "Where the work needs it: give it a larger budget. Where not: see what the agents of the chain do."},
    [TR_B_QUARANTINED] = {"B055", TR_LOG_WARN, "quarantined",
        "An agent, `what`, sends nothing and gets nothing from now on, because somebody with the right to "
        "has "
        "said so of it, or of one that it works for. On `$sys.audit.quarantined`.",
        "See what it did; `troupe quarantine NAME --release` lets it go."},
    [TR_B_RELEASED] = {"B056", TR_LOG_INFO, "released from quarantine",
        "An agent, `what`, may send and get messages again. On `$sys.audit.released`.", "None needed."},
    [TR_B_ILLEGAL_ACT] = {"B057", TR_LOG_WARN, "illegal act",
        "An agent said in the conversation `what` something that its protocol does not allow there, to or "
        "from a "
        "mailbox that is checked (`troupe mailbox protocol`). On `$sys.audit.illegal-act`.",
        "The detail says who, in which state, and what was allowed: mend that agent's behaviour."},
    [TR_B_SUSPENDED] = {"B058", TR_LOG_INFO, "suspended",
        "An agent, `what`, gets nothing until it is resumed: another process has asked for it. On "
        "`$sys.audit.suspended`.",
        "`troupe why NAME` says who and why; `troupe resume NAME` lets it go on."},
    [TR_B_RESUMED] = {"B059", TR_LOG_INFO, "resumed",
        "An agent, `what`, is delivered to again. On `$sys.audit.resumed`.", "None needed."},
    [TR_B_MESSAGE] = {"B070", TR_LOG_DEBUG, "message",
        "A message has gone through the broker, or was `refused`, and why: who sent it, to whom or on which "
        "topic, "
        "its performative, its `conversation` and its `trace`. With --log-level debug; without it nothing is "
        "looked at.",
        "None needed."},
    [TR_B_MOVED] = {"B067", TR_LOG_INFO, "moved",
        "An agent, `what`, is in another process now, because somebody with the right to has asked for it. "
        "On "
        "`$sys.audit.moved`.",
        "None needed."},
    [TR_B_HANGS] = {"B065", TR_LOG_WARN, "agent hangs",
        "An agent has been busy with one message for longer than its --hang-time, says its process, whose "
        "link is well. "
        "It takes nothing else, nor do the other agents of that process. On `$sys.agent.hangs`.",
        "`troupe why NAME`; where such work is normal raise its --hang-time, where it is not, --hung-time "
        "ends the process."},
    [TR_B_GOES_ON] = {"B066", TR_LOG_INFO, "agent goes on", "An agent that had hung has come back.",
        "None needed."},
    [TR_B_PEER_UP] = {"B060", TR_LOG_INFO, "linked to a broker",
        "There is a link to the broker of the platform `what`. On `$sys.broker.peer.up`.", "None needed."},
    [TR_B_PEER_DOWN] = {"B061", TR_LOG_WARN, "link to a broker lost",
        "There is none any more: messages to its agents come back (peer-down). It is dialled again. On "
        "`$sys.broker.peer.down`.",
        "Where it lasts: see whether that broker runs, and `troupe brokers`."},
    [TR_B_PEER_REFUSED] = {"B062", TR_LOG_WARN, "no link to a broker",
        "This broker, or the other one, does not want the link, or something that was said on it.",
        "The detail says why: mostly a certificate without that platform in its rights, or two brokers of "
        "one "
        "name."},
    [TR_B_PEER_UNREACHED] = {"B063", TR_LOG_WARN, "broker not reached",
        "An address of --peer or --peers-dns does not answer, or not as it should. It is dialled again and "
        "again; this "
        "is logged when the reason changes.",
        "The detail says why. A failed handshake: compare the keys, `troupe cert show`, and see the other "
        "broker's "
        "log."},
    [TR_B_PEER_UNFOUND] = {"B064", TR_LOG_WARN, "name of brokers not found",
        "A name of --peers-dns cannot be looked up. The addresses that it stood for before stay; it is "
        "looked up "
        "again and again; this is logged when the reason changes.",
        "The detail says why. A headless service has addresses as soon as it has pods; else see the name "
        "server "
        "(/etc/resolv.conf)."},
    [TR_B_AUDITS_SKIPPED] = {"B049", TR_LOG_WARN, "audit events not told",
        "There were more events of the audit than are told; `what` is how many. On `$sys.audit.skipped`.",
        "See /metrics, and find who causes them: somebody tries again and again."},
};

static const tr_event_t *event_of(unsigned core_event) {
    static const tr_broker_event_t events[] = {
        [TR_EVENT_MESSAGE] = TR_B_MESSAGE,
        [TR_EVENT_JOINED] = TR_B_JOINED,
        [TR_EVENT_LEFT] = TR_B_LEFT,
        [TR_EVENT_LOST] = TR_B_LOST,
        [TR_EVENT_HANGS] = TR_B_HANGS,
        [TR_EVENT_GOES_ON] = TR_B_GOES_ON,
        [TR_EVENT_REFUSED] = TR_B_REFUSED,
        [TR_EVENT_DEAD_LETTER] = TR_B_DEAD_LETTER,
        [TR_EVENT_LETTERS_FULL] = TR_B_LETTERS_FULL,
        [TR_EVENT_CORRUPT] = TR_B_CORRUPT,
        [TR_EVENT_CONNECTED] = TR_B_CONNECTED,
        [TR_EVENT_KEY_REFUSED] = TR_B_KEY_REFUSED,
        [TR_EVENT_NAME_REFUSED] = TR_B_NAME_REFUSED,
        [TR_EVENT_TOPIC_REFUSED] = TR_B_TOPIC_REFUSED,
        [TR_EVENT_SERVICE_REFUSED] = TR_B_SERVICE_REFUSED,
        [TR_EVENT_VERB_REFUSED] = TR_B_VERB_REFUSED,
        [TR_EVENT_FORGED_SENDER] = TR_B_FORGED_SENDER,
        [TR_EVENT_DELEGATION_REFUSED] = TR_B_DELEGATION_REFUSED,
        [TR_EVENT_CYCLE_REFUSED] = TR_B_CYCLE_REFUSED,
        [TR_EVENT_BUDGET_REFUSED] = TR_B_BUDGET_REFUSED,
        [TR_EVENT_LIMIT] = TR_B_CERT_LIMIT,
        [TR_EVENT_QUARANTINED] = TR_B_QUARANTINED,
        [TR_EVENT_RELEASED] = TR_B_RELEASED,
        [TR_EVENT_SUSPENDED] = TR_B_SUSPENDED,
        [TR_EVENT_RESUMED] = TR_B_RESUMED,
        [TR_EVENT_MOVED] = TR_B_MOVED,
        [TR_EVENT_ILLEGAL_ACT] = TR_B_ILLEGAL_ACT,
        [TR_EVENT_REVOKED] = TR_B_REVOKED,
        [TR_EVENT_SKIPPED] = TR_B_AUDITS_SKIPPED,
        [TR_EVENT_PEER_UP] = TR_B_PEER_UP,
        [TR_EVENT_PEER_DOWN] = TR_B_PEER_DOWN,
        [TR_EVENT_PEER_REFUSED] = TR_B_PEER_REFUSED,
    };
    return &tr_broker_events[events[core_event]];
}

static const char *next_text(const char **at) {
    const char *text = *at;
    *at += strlen(text) + 1;
    return *text ? text : NULL;
}

static void log_message(tr_log_t *log, const char *texts) {
    const char *sender = next_text(&texts), *to = next_text(&texts), *act = next_text(&texts);
    const char *refused = next_text(&texts), *conversation = next_text(&texts), *trace = next_text(&texts);
    tr_log(log, &tr_broker_events[TR_B_MESSAGE], "sender=%s to=%s act=%s refused=%s conversation=%s trace=%s",
        sender, to, act, refused, conversation, trace);
}

void tr_broker_log_core(tr_log_t *log, unsigned core_event, const char *what) {
    const tr_event_t *event = event_of(core_event);
    if (core_event == TR_EVENT_MESSAGE) {
        log_message(log, what);
        return;
    }
    const char *at = what + strlen(what) + 1, *detail = at;
    at += strlen(at) + 1;
    const char *conversation = next_text(&at), *trace = next_text(&at);
    if (conversation || trace)
        tr_log(log, event, "what=%s detail=%s conversation=%s trace=%s", what, detail, conversation, trace);
    else
        tr_log(log, event, "what=%s detail=%s", what, detail);
}
