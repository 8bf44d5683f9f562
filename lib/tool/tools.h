/*
 * The tools that an agent has: a registry, and calls that run beside each other.
 *
 *     tr_tools_open(&(tr_tools_options_t){.config = config, .agent = agent}, &tools, key, &error);
 *     watch tr_tools_fd(tools) for reading (tr_watch); when it is readable: tr_tools_work(tools);
 *     tr_tools_start(tools, &(tr_tool_request_t){.tool = "fetch", .arguments = arguments, .on_done = done, .arg = x}, &call, &error);
 *
 * on_done is called exactly once for a call that was taken, never from tr_tools_start: with what the tool says, or with a typed failure that says
 * what went wrong and the cure. A call that its caller has cancelled is not heard of again.
 *
 * Whatever a tool says was written by others: it is data, and no instruction. So it leaves here as `text` of at most its tool's result-max bytes, valid
 * UTF-8 without control characters but tabs and line ends, or as the JSON of tr_tool_result_json, which names it as such; who gives it to a model
 * puts that JSON between the marks of its prompt (agentd/mind/prompts/data.txt).
 *
 * The tools of a server (MCP) are there when it has told them, a while after the registry was opened: `on_change` says so, tr_tools_ready whether
 * all have.
 *
 * Threads: a registry belongs to one thread.
 */
#ifndef TR_TOOL_TOOLS_H
#define TR_TOOL_TOOLS_H

#include "lib/base/error.h"
#include "lib/tool/tool.h"

typedef struct tr_tools tr_tools_t;
typedef struct tr_tool_run tr_tool_run_t;

#define TR_TOOLS_KEY_MAX   80
#define TR_TOOLS_MAX       256 /* tools of one registry */
#define TR_TOOLS_CALLS_MAX 64  /* at once; more are refused as busy */
#define TR_TOOLS_GATED_MAX 256 /* that wait for a person, beside those */

typedef struct tr_tools_options {
    const json_t
        *config; /* what stands under `tools` (docs/tools.md); NULL = no tools. Borrowed for the call */
    tr_agent_t *
        agent; /* whose they are, who closes them in its fini; NULL = nobody's: what needs a link is refused */
    bool check; /* only reads the configuration: nothing is started, and nothing may be */
    /* The list is another now. Called from tr_tools_work. May be NULL. */
    void (*on_change)(void *arg);
    void *arg;
} tr_tools_options_t;

/* 0; else a negative errno, the error, and which key of the configuration it is about ("fetch.allow[1]"; "" = all of it). */
int tr_tools_open(
    const tr_tools_options_t *options, tr_tools_t **ret_tools, char key[TR_TOOLS_KEY_MAX], tr_error_t *error);
/* Cancels what runs, without a word. NULL-safe, nulls the reference. Not from a callback. */
void tr_tools_close(tr_tools_t **self);

/* Readable when tr_tools_work has something to do. */
int tr_tools_fd(const tr_tools_t *self);
void tr_tools_work(tr_tools_t *self);

/* Adds a tool of the caller's; consumes it, also where it fails: -EINVAL (its name, or a schema that calls cannot be checked by: tr_llm_schema_verify), -EEXIST, -E2BIG, -ENOMEM. */
int tr_tools_add(tr_tools_t *self, tr_tool_t *tool);
/* Takes a tool out and frees it; calls of it that run fail as unavailable. */
void tr_tools_remove(tr_tools_t *self, tr_tool_t *tool);
/* NULL where there is none. Borrowed until the list changes. */
const tr_tool_t *tr_tools_find(const tr_tools_t *self, const char *name);
/* What there is now, as a model is told: [{"name", "description", "parameters"}], with "privileged" and "repeatable": true where it is. What cannot be told (a text that
 * is no UTF-8) is left out. A new reference; NULL when out of memory. */
json_t *tr_tools_list(const tr_tools_t *self);
/* Whether every server has told its tools, or failed to. */
bool tr_tools_ready(const tr_tools_t *self);

/* The servers that bring tools: [{"server", "state": "open"|"opening"|"closed", "protocol", "detail": why it is closed, "warning"}]. A new reference; NULL when out
 * of memory. */
json_t *tr_tools_servers(const tr_tools_t *self);

typedef struct tr_tool_result {
    const char *tool;
    tr_tool_status_t status;
    const char
        *text; /* what the tool said (TR_TOOL_OK, TR_TOOL_ERROR): UTF-8, text_len bytes and a NUL; else "" */
    size_t text_len;
    bool cut; /* it said more: whole_len bytes */
    size_t whole_len;
    const char *detail;   /* of any other status: what went wrong, where, and the cure; else "" */
    const char *approval; /* the approval that it ran under, or was denied by; "" = none */
    int64_t took_ms;      /* the tool alone: without the wait for who approves */
} tr_tool_result_t;

/* Borrowed for the call. It may start others, and cancel others. */
typedef void (*tr_tool_done_fn)(void *arg, const tr_tool_result_t *result);

/* All of it is borrowed for tr_tools_start, but for `arguments`, which must not be changed, and `under`, which stays, until the call ended. */
typedef struct tr_tool_request {
    const char *tool;
    const json_t *arguments; /* an object; NULL = {} */
    int64_t timeout_ms;      /* from the start of the tool; 0 = the tool's own */
    /* What the call is, for approvals: one that was granted is found again, by the same agent for the same key, tool and arguments, also by a process
     * that was started again ("TASK/STEP"). NULL = nothing is found again: each call asks anew. */
    const char *key;
    const tr_message_t *
        under; /* what it is done for: others are asked in the name of who sent it. NULL = in the agent's own */
    /* It may have been begun before, by a process that ended: a tool that is not repeatable is not called, and the call ends as TR_TOOL_UNCERTAIN. */
    bool begun;
    /* It may have been asked for before, by a process that ended: as `begun`. Of a privileged tool its approval tells: where it has a key, and was used. */
    bool again;
    /* NULL, or: everything is as it should be for a tool that is not repeatable, which is started by tr_tools_proceed, and not before. So the
     * caller can put on the disk that it will be. Called once, maybe from tr_tools_start. Negative: the call fails. */
    int (*on_ready)(void *arg);
    /* NULL, or: a person has to approve the call and is waited for, maybe for days; then, that he is not any more. Maybe from tr_tools_start; may not start or cancel calls. */
    void (*on_gate)(void *arg, bool waits);
    tr_tool_done_fn on_done;
    void *arg;
} tr_tool_request_t;

/* 0; -EINVAL (no on_done), -ENOMEM: then on_done is not called. Whatever else is wrong (no such tool, wrong arguments) is told by on_done. ret_run
 * (may be NULL) is good until on_done or tr_tools_cancel. */
int tr_tools_start(
    tr_tools_t *self, const tr_tool_request_t *request, tr_tool_run_t **ret_run, tr_error_t *error);
/* After on_ready: the tool's turn. Nothing where it is not waited for. */
void tr_tools_proceed(tr_tools_t *self, tr_tool_run_t *run);
/* NULL-safe, nulls the reference. The tool may have done what it does. */
void tr_tools_cancel(tr_tools_t *self, tr_tool_run_t **run);

/* The same, for good: of an approval that it waits for the desk is told that nobody does any more, so nobody grants it in vain. */
void tr_tools_withdraw(tr_tools_t *self, tr_tool_run_t **run);

/* {"tool", "status", "data-of-tool": text} with "cut": whole bytes where it is, or {"tool", "status", "detail"}. A new reference; NULL when out of
 * memory. */
json_t *tr_tool_result_json(const tr_tool_result_t *result);

#endif
