#include "coordinator/events.h"

const tr_event_t tr_coordinator_events[TR_C_EVENTS] = {
    [TR_C_READY] = {"C001", TR_LOG_INFO, "ready", "The coordinator is registered and takes tasks.",
        "None needed."},
    [TR_C_STOPPING] = {"C002", TR_LOG_INFO, "stopping",
        "A signal asked the process to stop. What agents have in work goes on; it is assigned anew after the "
        "next start.",
        "None needed."},
    [TR_C_STOPPED] = {"C003", TR_LOG_INFO, "stopped", "The process ends.", "None needed."},
    [TR_C_CONNECTED] = {"C004", TR_LOG_INFO, "connected", "The link to the broker is up.", "None needed."},
    [TR_C_DISCONNECTED] = {"C005", TR_LOG_WARN, "disconnected",
        "The link to the broker is lost. The process connects again by itself; nothing is assigned "
        "meanwhile.",
        "Where it lasts: see whether the broker runs and whether its endpoint can be reached from here."},
    [TR_C_REFUSED] = {"C006", TR_LOG_WARN, "refused",
        "The broker refused something that this process asked for.",
        "The detail says what and why: often a right that its certificate has not."},
    [TR_C_CANNOT_START] = {"C007", TR_LOG_ERROR, "cannot start",
        "The process ends before it has taken a task.",
        "The error says what is in the way: a broker that does not answer, a name that is taken, a file of "
        "tasks that "
        "another coordinator has."},
    [TR_C_STORE_FAILED] = {"C008", TR_LOG_ERROR, "tasks cannot be stored",
        "The disk refused what was to be written. Nobody was told of anything that is not on it; the process "
        "ends with 5.",
        "See the disk: full, read-only, broken. After the next start all goes on where it stood."},
    [TR_C_NO_DIRECTORY] = {"C009", TR_LOG_WARN, "directory not read",
        "The DF did not say which agents there are; the last answer holds, and it is asked again.",
        "Where it repeats: see whether the certificate may search in the DF."},
    [TR_C_TASK_FAILED] = {"C010", TR_LOG_WARN, "task failed",
        "A task has no tries left, or can never be done.",
        "`troupe task show` has all its tries with their reasons; `troupe task retry` begins anew."},
    [TR_C_TOOK_OVER] = {"C011", TR_LOG_WARN, "took over",
        "Another coordinator on the same database was not heard of for its lease, or has ended: its tasks "
        "and decisions are this one's now.",
        "See why it has ended; its log says it."},
    [TR_C_TAKEN_OVER] = {"C012", TR_LOG_ERROR, "was taken over",
        "This process was not heard of for its lease, by the database's clock, and another coordinator has "
        "what it had. It changes nothing "
        "any more, and ends with 5.",
        "See what made it hang: a machine that swaps, a database that does not answer. Start it again; where "
        "it repeats, give all of them a longer --lease."},
    [TR_C_NOT_SUBMITTED] = {"C013", TR_LOG_WARN, "not submitted",
        "What was due by a schedule could not be submitted; it is tried again at its next time.",
        "The error says what is wrong with it: often a task that it needs and that has failed. Remove the "
        "schedule, and make it anew."},
    [TR_C_NOT_TAKEN] = {"C014", TR_LOG_ERROR, "not taken over",
        "A decision or a schedule of another coordinator that is gone cannot be read. Nothing more is done "
        "about it.",
        "Withdraw the decision, or remove the schedule in the database, and make it anew."},
    [TR_C_LOOK_FAILED] = {"C015", TR_LOG_WARN, "look failed",
        "What somebody asked about tasks or decisions could not be read from the database; he was told so. "
        "Nothing "
        "else is held up.",
        "The error is the database's. What took too long: see what the database does (locks, a disk that is "
        "slow, "
        "tables that were not vacuumed)."},
    [TR_C_SCALED] = {"C016", TR_LOG_INFO, "scaled",
        "A group of the fleet has more or fewer agents, by what waits for its services.",
        "None needed. Where it goes up and down all the time: a longer cooldown, or a larger backlog."},
    [TR_C_NOT_SCALED] = {"C017", TR_LOG_WARN, "not scaled",
        "What waits, or how many agents there are, could not be asked, or the supervisor did not do as it "
        "was "
        "told. It is tried again each second, and said once for each reason.",
        "The error says what: often no supervisor runs (a fleet of `troupe up` has one), or the certificate "
        "of the coordinator may not ask it."},
    [TR_C_NOT_FORGOTTEN] = {"C018", TR_LOG_WARN, "not forgotten",
        "What ended longer ago than --keep could not be looked at. It is tried again in ten seconds; nothing "
        "else is held up.",
        "The error is the database's, or there is no memory."},
    [TR_C_MESSAGE] = {"C019", TR_LOG_DEBUG, "message",
        "It has got a message: its performative and its sender, its `trace` where it is of one, its "
        "`conversation`. With --log-level debug.",
        "None needed."},
    [TR_C_STARTS_IN_VAIN] = {"C020", TR_LOG_WARN, "starts in vain",
        "Agents of a group that were begun are gone again, more than once: they cannot start, or somebody "
        "ends "
        "them. More are begun only after `pause_ms`, which is twice as long each time, 5 minutes at most.",
        "`troupe logs up` and the log of the group's agents say why they end: mend that. What waits durably "
        "is "
        "not lost."},
};
