#include "tools/up/up_events.h"

const tr_event_t tr_up_events[TR_UP_LOG_COUNT] = {
    [TR_UP_LOG_STARTING] = {"U001", TR_LOG_INFO, "starting",
        "A supervisor begins: it starts the broker of the fleet, then its agents.", "None needed."},
    [TR_UP_LOG_BROKER_READY] = {"U002", TR_LOG_INFO, "broker ready", "The broker listens at these addresses.",
        "None needed."},
    [TR_UP_LOG_READY] = {"U003", TR_LOG_INFO, "fleet ready", "All agents of the fleet are registered.",
        "None needed."},
    [TR_UP_LOG_CANNOT_START] = {"U004", TR_LOG_ERROR, "cannot start",
        "The fleet could not be brought up; what ran already is ended.",
        "The detail says what is wrong, and the log of the process it names says why."},
    [TR_UP_LOG_STARTED] = {"U005", TR_LOG_INFO, "process started", "A process of the fleet runs.",
        "None needed."},
    [TR_UP_LOG_REGISTERED] = {"U006", TR_LOG_INFO, "registered",
        "The agents of a process are registered with the broker.", "None needed."},
    [TR_UP_LOG_ENDED] = {"U007", TR_LOG_WARN, "process ended",
        "A process of the fleet ended without having been asked to; the state says what comes next: backoff "
        "is a "
        "restart soon, failed is none.",
        "Where it repeats: look at that process's own log."},
    [TR_UP_LOG_FAILED] = {"U008", TR_LOG_ERROR, "gave up on a process",
        "A process ended more often than its restart policy allows, and stays down: the fleet is degraded. "
        "Or one "
        "that the coordinator had begun (`autoscale`) cannot start, and is not kept.",
        "Mend the cause that its log shows; then detach and attach it, or end the fleet and bring it up "
        "again."},
    [TR_UP_LOG_REMOVED] = {"U009", TR_LOG_INFO, "process removed",
        "A process that was asked to end has ended and belongs to the fleet no more.", "None needed."},
    [TR_UP_LOG_ORDER] = {"U010", TR_LOG_INFO, "order",
        "An agent, usually that of a `troupe` command, asked the supervisor to change the fleet.",
        "None needed."},
    [TR_UP_LOG_REFUSED] = {"U011", TR_LOG_WARN, "order refused",
        "The supervisor was asked for something that it does not do.",
        "The detail says why. Unauthorised ones come from whoever cannot write the fleet's state directory."},
    [TR_UP_LOG_LINK] = {"U012", TR_LOG_INFO, "link",
        "The supervisor's own link to the broker was lost, or is up again; it connects again by itself.",
        "Where it stays lost: see whether the broker runs."},
    [TR_UP_LOG_STOPPING] = {"U013", TR_LOG_INFO, "stopping",
        "The fleet is being ended: agents first, then the broker.", "None needed."},
    [TR_UP_LOG_KILLING] = {"U014", TR_LOG_WARN, "killing",
        "Asked to end a second time, the supervisor gives no more grace.", "None needed."},
    [TR_UP_LOG_STOPPED] = {"U015", TR_LOG_INFO, "stopped", "All processes of the fleet have ended.",
        "None needed."},
    [TR_UP_LOG_GAVE_UP] = {"U016", TR_LOG_ERROR, "supervisor gave up",
        "One more restart was needed than the supervisor's intensity allows. All below it is ended; above "
        "says "
        "which supervisor decides now, or that there is none, and the fleet ends with 70.",
        "Mend the cause that the culprit's log shows; a fleet that ended is brought up again."},
    [TR_UP_LOG_UNCHECKED] = {"U017", TR_LOG_WARN, "protocols not checked",
        "The broker did not take that a mailbox is to be held to the interaction protocols (`protocol` in "
        "the fleet file).",
        "The detail says why; `troupe mailbox protocol NAME check` asks for it again."},
};
