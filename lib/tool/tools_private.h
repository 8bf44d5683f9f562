/* The inside of the registry, shared by tools.c, run.c and the sources of tools. */
#ifndef TR_TOOL_TOOLS_PRIVATE_H
#define TR_TOOL_TOOLS_PRIVATE_H

#include "lib/llm/loop.h"
#include "lib/tool/tools.h"

/* Who decides about calls of privileged tools (approval.c). */
typedef struct tr_tool_gate tr_tool_gate_t;

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
    tr_llm_timer_t timer; /* of the deadline; then of the end */
    bool running;         /* the tool has it: cancel it there */
    bool ended;           /* how is known; told from the loop */
    tr_tool_status_t status;
    char *text; /* NULL = none */
    size_t text_len, whole_len;
    char detail[480];
    char approval[64];
    void *wait; /* the gate's, while it decides */
};

struct tr_tools {
    tr_llm_loop_t loop;
    tr_tools_options_t options; /* config is not kept */
    tr_tool_t **tools;
    size_t count, room;
    size_t result_max;
    tr_tool_run_t *runs;
    size_t open;
};

/* ---- run.c ---- */

/* The tool's turn: what had to be approved is. */
void tr_tool_run_go(tr_tool_run_t *self);
/* Without a word. */
void tr_tool_run_drop(tr_tool_run_t *self);

#endif
