#include "kbd/events.h"

const tr_event_t tr_kbd_events[TR_K_EVENTS] = {
    [TR_K_READY] = {"K001", TR_LOG_INFO, "ready", "The knowledge base is registered and answers.",
        "None needed."},
    [TR_K_STOPPING] = {"K002", TR_LOG_INFO, "stopping",
        "A signal asked the process to stop. What was acknowledged is on its disk.", "None needed."},
    [TR_K_STOPPED] = {"K003", TR_LOG_INFO, "stopped", "The process ends.", "None needed."},
    [TR_K_CONNECTED] = {"K004", TR_LOG_INFO, "connected", "The link to the broker is up.", "None needed."},
    [TR_K_DISCONNECTED] = {"K005", TR_LOG_WARN, "disconnected",
        "The link to the broker is lost. The process connects again by itself.",
        "Where it lasts: see whether the broker runs and whether its endpoint can be reached from here."},
    [TR_K_REFUSED] = {"K006", TR_LOG_WARN, "refused",
        "The broker refused something that this process asked for.",
        "The detail says what and why: often a right that its certificate has not."},
    [TR_K_CANNOT_START] = {"K007", TR_LOG_ERROR, "cannot start",
        "The process ends before it has answered anybody.",
        "The error says what is in the way: a broker that does not answer, a name that is taken, a directory "
        "that another process "
        "has."},
    [TR_K_DISK_FULL] = {"K008", TR_LOG_ERROR, "disk full",
        "There was no room for what was to be written: it was refused to who asked. Searches go on.",
        "Make room, or remove documents."},
    [TR_K_DISK_FAILED] = {"K009", TR_LOG_ERROR, "disk failed",
        "The disk refused what was to be written. Nobody was told of anything that is not on it; the process "
        "ends with 5.",
        "See the disk: read-only, broken. After the next start all that was acknowledged is there."},
    [TR_K_WEAK_MODEL] = {"K010", TR_LOG_INFO, "weak embeddings",
        "There is no model of language: vectors are made of letters alone. Searches weigh words accordingly.",
        "The detail says how to get one. Vectors are then made anew, behind everything else."},
    [TR_K_NO_VECTORS] = {"K011", TR_LOG_WARN, "no vectors made",
        "What has no vector yet could not be read, or its model server gives none; it is tried again. It is "
        "found by its words.",
        "The error says what is in the way."},
    [TR_K_INDEX_DAMAGED] = {"K012", TR_LOG_WARN, "index made anew",
        "Files of a namespace's vector index were damaged, or of another model: they were thrown away. It is "
        "made anew of the "
        "documents; searches go on, by words and by the vectors that are there already.",
        "None needed, where it comes once. Where it comes again: see the disk."},
    [TR_K_INDEX_UNWRITTEN] = {"K013", TR_LOG_WARN, "index not written",
        "A part of a namespace's vector index could not be written, or made. Where it was made it is used "
        "from memory; at the next start it is "
        "made again.",
        "The error says what is in the way, often a full disk."},
    [TR_K_NOT_MOVED] = {"K014", TR_LOG_WARN, "not moved",
        "A document belongs to another shard, and could not be given to it. It stays here, where it is "
        "found, and is tried again.",
        "The error says what is in the way."},
    [TR_K_MOVED] = {"K015", TR_LOG_INFO, "moved",
        "No document is here any more that belongs to another shard, and so many were given away since the "
        "start.",
        "None needed."},
    [TR_K_MISSED] = {"K016", TR_LOG_WARN, "copies missed",
        "With --replicas 2: another shard has not taken what was written. It is written down, searches do "
        "without that shard, by the "
        "copies of the others, and it gets all of it when it is here.",
        "See whether it runs: `troupe kb shards`. Until it does each document that it has is in one shard "
        "alone."},
    [TR_K_LEVEL] = {"K017", TR_LOG_INFO, "level again",
        "That shard has all that was written while it was away.", "None needed."},
    [TR_K_MESSAGE] = {"K018", TR_LOG_DEBUG, "message",
        "It has got a message: its performative and its sender, its `trace` where it is of one, its "
        "`conversation`. With --log-level debug.",
        "None needed."},
    [TR_K_TRUTH] = {"K019", TR_LOG_INFO, "table and file made the same",
        "With --store postgres: the file in the data directory was made anew of the table (what=all), has "
        "got "
        "what was written last (last), or "
        "what was in it was written to a new table (written).",
        "None needed."},
    [TR_K_TRUTH_FAILED] = {"K020", TR_LOG_ERROR, "table failed",
        "With --store postgres: the database did not take what was to be written. Nobody was told of "
        "anything "
        "that is not there; the process "
        "ends with 5.",
        "See the database. After the next start all that was acknowledged is there."},
};
