#include "exporter/events.h"

const tr_event_t tr_exporter_events[TR_E_EVENTS] = {
    [TR_E_READY] = {"E001", TR_LOG_INFO, "ready", "Spans and logs go where the options say.", "None needed."},
    [TR_E_STOPPING] = {"E002", TR_LOG_INFO, "stopping",
        "A signal asked the process to stop. What waits stays on its disk.", "None needed."},
    [TR_E_STOPPED] = {"E003", TR_LOG_INFO, "stopped", "The process ends.", "None needed."},
    [TR_E_CONNECTED] = {"E004", TR_LOG_INFO, "connected", "The link to the broker is up.", "None needed."},
    [TR_E_DISCONNECTED] = {"E005", TR_LOG_WARN, "disconnected",
        "The link to the broker is lost. The process connects again by itself; spans of the meantime are not "
        "exported.",
        "Where it lasts: see whether the broker runs and whether its endpoint can be reached from here."},
    [TR_E_REFUSED] = {"E006", TR_LOG_WARN, "refused",
        "The broker refused something that this process asked for.",
        "The detail says what and why: often a right that its certificate has not ($sys.spans to subscribe "
        "to)."},
    [TR_E_CANNOT_START] = {"E007", TR_LOG_ERROR, "cannot start",
        "The process ends before it has exported anything.", "The error says what is in the way."},
    [TR_E_FAILS] = {"E008", TR_LOG_WARN, "destination fails",
        "A destination does not take what it is sent. It waits on the disk, and is sent again with pauses of "
        "up to a minute.",
        "The detail says why: see whether the server runs and its address is right."},
    [TR_E_WORKS] = {"E009", TR_LOG_INFO, "destination works again",
        "A destination that had failed takes batches again.", "None needed."},
    [TR_E_TURNED_DOWN] = {"E010", TR_LOG_WARN, "batch turned down",
        "A destination refused a batch, or a part of it, for good. It is dropped, and counted.",
        "The detail has what it said: often credentials, or an index whose mapping is another."},
    [TR_E_DROPPED] = {"E011", TR_LOG_WARN, "batches dropped",
        "A destination has been away for longer than its queue on the disk can hold, or the disk is full. "
        "The oldest batches were dropped.",
        "Make the destination work, or the queue larger (--queue-bytes)."},
};
