#include "broker/events.h"

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
    [TR_B_JOURNAL_UNREADABLE] = {"B034", TR_LOG_ERROR, "journal cannot be read",
        "A part of the journal could not be read now; it is tried again.",
        "Where it repeats: see the disk's health."},
};
