/* The inside of the registry, shared by tools.c, run.c and the sources of tools. */
#ifndef TR_TOOL_TOOLS_PRIVATE_H
#define TR_TOOL_TOOLS_PRIVATE_H

#include "lib/base/arena.h"
#include "lib/llm/loop.h"
#include "lib/tool/ask.h"
#include "lib/tool/tools.h"

/* What a call of a privileged tool waits at (approval.c). */
typedef struct tr_tool_gate tr_tool_gate_t;

/* What brings several tools, and more or fewer of them as time goes: a server. */
typedef struct tr_tool_source tr_tool_source_t;
struct tr_tool_source {
    void (*destroy)(tr_tool_source_t *self);           /* after its tools */
    json_t *(*describe)(const tr_tool_source_t *self); /* as tr_tools_servers; NULL when out of memory */
    bool ready;                                        /* it has told what it offers, or will not */
    tr_tool_source_t *next;
};

/* One call. A tool that is privileged waits for its gate first. */
struct tr_tool_run {
    tr_tool_call_t call; /* first: tools know only this */
    tr_tools_t *tools;
    tr_tool_run_t *next, **link;
    tr_tool_done_fn on_done;
    void *arg;
    char *name;           /* as it was asked for */
    char *key;            /* NULL */
    int64_t timeout_ms;   /* 0 = the tool's */
    int64_t started_ms;   /* of the tool, 0 = not yet */
    uint64_t span;        /* of the tool; 0 = it is not traced */
    tr_llm_timer_t timer; /* of the deadline; then of the end */
    int (*on_ready)(void *arg);
    void (*on_gate)(void *arg, bool waits);
    bool begun, again; /* maybe, before: tr_tool_request_t */
    bool early;        /* there is no such tool yet, and servers have not told all of theirs */
    bool held;         /* until tr_tools_proceed */
    bool running;      /* the tool has it: cancel it there */
    bool ended;        /* how is known; told from the loop */
    tr_tool_status_t status;
    char *text; /* NULL = none */
    size_t text_len, whole_len;
    char detail[480];
    char approval[64];
    tr_tool_gate_t *gate; /* while a person decides; NULL */
};

struct tr_tools {
    tr_llm_loop_t loop;
    tr_tools_options_t options; /* config is not kept */
    tr_tool_t **tools;
    size_t count, room;
    tr_tool_source_t *sources;
    tr_asks_t asks;   /* of approvals */
    tr_arena_t arena; /* of the configuration */
    tr_tool_run_t *runs;
    size_t open, gated; /* of those: that a person does not, or does, keep waiting */
};

/* ---- tools.c ---- */

/* A source of tools is the registry's from now on. */
void tr_tools_take_source(tr_tools_t *self, tr_tool_source_t *source);
/* What there is, or is ready, is another than before. */
void tr_tools_changed(tr_tools_t *self);

/* ---- run.c ---- */

/* The tool's turn, or its caller's to say so: what had to be approved is. */
void tr_tool_run_go(tr_tool_run_t *self);
/* There are other tools: for those that came too early. */
void tr_tool_runs_wake(tr_tools_t *self);
/* Its tool goes away. */
void tr_tool_run_orphan(tr_tool_run_t *self);
/* Without a word. */
void tr_tool_run_drop(tr_tool_run_t *self);

/* ---- approval.c ---- */

/* Asks whether the call may go on: tr_tool_run_go is called, or it fails as denied. */
void tr_tool_gate_ask(tr_tool_run_t *run);
/* Its approval ends, as far as it is known. */
void tr_tool_gate_withdraw(tr_tool_run_t *run);
/* Nobody waits any more. NULL-safe. */
void tr_tool_gate_drop(tr_tool_run_t *run);

#endif
