/*
 * The port of tools: what an agent can do beside talking, and what an implementation of one looks like.
 *
 * A tool is a name, words that say what it is for, the JSON Schema of its arguments, and a way to start and to cancel a call. Agents do not use
 * it from here but through their registry (lib/tool/tools.h), which has done the same for all of them before a tool is started: the arguments are by
 * the schema, who has to approve did, a place among the calls is free, the time is watched.
 *
 * An implementation embeds tr_tool_t as its first member. `start` begins the call and returns; it ends with exactly one of
 * tr_tool_call_done, tr_tool_call_error and tr_tool_call_fail, from within start or later from the loop of the registry (or from the agent's
 * own, for what came by its link). After `cancel` none of them may follow. Nothing here blocks. One thread, that of the agent.
 */
#ifndef TR_TOOL_TOOL_H
#define TR_TOOL_TOOL_H

#include "proto/traceparent.h"
#include "troupe/agent.h"

#include <jansson.h>

/* Of a name: what every model API takes. */
#define TR_TOOL_NAME_MAX        64
#define TR_TOOL_NAME_BYTES      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
#define TR_TOOL_DESCRIPTION_MAX 4096 /* bytes; longer ones are cut */

typedef enum tr_tool_status {
    TR_TOOL_OK,
    TR_TOOL_ERROR,     /* it ran, and says itself that it did not succeed: the text is its own */
    TR_TOOL_UNKNOWN,   /* there is no tool of this name */
    TR_TOOL_INVALID,   /* the arguments are not by its schema */
    TR_TOOL_FORBIDDEN, /* the configuration does not allow it */
    TR_TOOL_DENIED,    /* who has to approve it did not, or not in time */
    TR_TOOL_BUSY,      /* too many calls at once: later */
    TR_TOOL_UNCERTAIN, /* it was begun, and no answer came: nobody knows whether it did what it does. Of one that is repeatable it is one of the next two */
    TR_TOOL_TIMED_OUT, /* it was cancelled at its deadline */
    TR_TOOL_UNAVAILABLE, /* who does it is not there, or went away meanwhile */
    TR_TOOL_GARBLED,     /* what came is no answer */
    TR_TOOL_TOO_LARGE,   /* more than an answer may have, and of no use when it is cut */
    TR_TOOL_FAILED,      /* here: memory, descriptors */
    TR_TOOL_STATUSES,
} tr_tool_status_t;

/* "ok", "error", "timed-out" ... */
const char *tr_tool_status_word(tr_tool_status_t status);

typedef struct tr_tool tr_tool_t;

/* One call, as the tool sees it. All of it is borrowed and stays until the call has ended. */
typedef struct tr_tool_call {
    tr_tool_t *tool;
    const json_t *arguments;   /* an object, by the tool's schema */
    const tr_message_t *under; /* what the agent does it for; NULL */
    tr_agent_t *agent;         /* NULL where no agent has the registry: then nothing can be asked of others */
    int64_t deadline_ms;       /* of tr_clock_ms; it is watched, and only told here for who hands it on */
    void *state;               /* the tool's, NULL before start */
    char traceparent
        [TR_TRACEPARENT_SIZE]; /* of the call's own span, for other servers that are asked for it; "": it is not traced */
} tr_tool_call_t;

typedef struct tr_tool_ops {
    void (*start)(tr_tool_call_t *call);
    void (*cancel)(tr_tool_call_t *call);
    /* The registry is closed, after all calls were cancelled. */
    void (*destroy)(tr_tool_t *self);
} tr_tool_ops_t;

struct tr_tool {
    const tr_tool_ops_t *ops;
    const char *name;         /* owned by the implementation, as is all below, and does not change */
    const char *description;  /* what it is for: a model chooses by it */
    const json_t *parameters; /* JSON Schema of an object */
    bool privileged;          /* a person has to approve each call */
    bool repeatable;          /* to do it twice is as to do it once */
    int64_t timeout_ms;       /* of a call for which nothing else is asked; 0 = TR_TOOL_TIMEOUT_MS */
    size_t result_max;        /* bytes of a result; 0 = TR_TOOL_RESULT_BYTES */
    const struct tr_tool_config *config; /* what all kinds are told (lib/tool/config.h); NULL = nothing */
};

#define TR_TOOL_TIMEOUT_MS   30000
#define TR_TOOL_RESULT_BYTES 65536

/* It did what it does: `text` is what came of it, copied; cut where it is longer than results may be. */
void tr_tool_call_done(tr_tool_call_t *call, const char *text, size_t len);
/* The same, but the tool says that it failed. */
void tr_tool_call_error(tr_tool_call_t *call, const char *text, size_t len);
/* There is nothing of the tool: what went wrong, where, and the cure. */
void tr_tool_call_fail(tr_tool_call_t *call, tr_tool_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
