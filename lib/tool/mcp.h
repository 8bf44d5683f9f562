/*
 * mcp: the tools of a server of the Model Context Protocol, which is a process of ours (its stdin and stdout) or somewhere behind HTTP.
 *
 * A connection opens (is the modern revision spoken? else initialize), lists its tools, and then carries calls beside each other. It is opened when the
 * registry is, and again by the next call after it was lost, but not before a pause that doubles with each loss. Calls that come meanwhile wait for it.
 *
 * The wire carries messages and knows nothing of them (mcp_stdio.c, mcp_http.c); mcp.c knows nothing of processes and HTTP. What a server does wrong
 * (it dies, says what is no message or more than there may be, says nothing) ends what waits for it, each with its status and the reason.
 */
#ifndef TR_TOOL_MCP_H
#define TR_TOOL_MCP_H

#include "lib/tool/config.h"
#include "lib/tool/mcp_message.h"
#include "lib/tool/tools_private.h"

typedef struct tr_mcp tr_mcp_t;
typedef struct tr_mcp_wire tr_mcp_wire_t;

typedef struct tr_mcp_config {
    tr_tool_config_t common; /* first */
    tr_texts_t command;      /* the program and its arguments; none: url */
    const char *cwd;
    tr_pairs_t env; /* added to the little that it gets of ours */
    const char *url;
    tr_pairs_t headers;
    const char *key_env, *key_file, *ca_file;
    int protocol;     /* tr_mcp_protocol_t */
    tr_texts_t tools; /* only these; none = all */
    int64_t open_ms;
    int64_t message_max; /* bytes of one message of the server */
} tr_mcp_config_t;

extern const tr_yaml_table_t tr_mcp_table; /* of tr_mcp_config_t: mcp_config.c */

typedef enum tr_mcp_protocol { TR_MCP_BY_ASKING, TR_MCP_BY_SESSION, TR_MCP_STATELESS } tr_mcp_protocol_t;

/* One message to the server. */
typedef struct tr_mcp_letter {
    json_int_t id;                        /* TR_MCP_NO_ID: nothing is answered */
    const char *method;                   /* NULL of an answer */
    const char *name;                     /* of the tool or resource; NULL */
    const json_t *parameters, *arguments; /* of a tool: its schema, and what it is called with; NULL */
    const char *text;
    const char *traceparent; /* "" of what is not traced; NULL */
    bool modern;
} tr_mcp_letter_t;

typedef struct tr_mcp_wire_ops {
    /* 0, or negative with a text for people. */
    int (*open)(tr_mcp_wire_t *self, tr_error_t *error);
    int (*send)(tr_mcp_wire_t *self, const tr_mcp_letter_t *letter, tr_error_t *error);
    /* The answer to a request is not wanted any more. True: the server knows by that; false: tell it. */
    bool (*drop)(tr_mcp_wire_t *self, json_int_t id);
    void (*close)(tr_mcp_wire_t *self); /* it can be opened again */
    void (*destroy)(tr_mcp_wire_t *self);
} tr_mcp_wire_ops_t;

struct tr_mcp_wire {
    const tr_mcp_wire_ops_t *ops;
    tr_mcp_t *mcp;
};

int tr_mcp_stdio_new(
    tr_llm_loop_t *loop, const tr_mcp_config_t *config, tr_mcp_wire_t **ret_wire, tr_error_t *error);
int tr_mcp_http_new(
    tr_llm_loop_t *loop, const tr_mcp_config_t *config, tr_mcp_wire_t **ret_wire, tr_error_t *error);

/* ---- what the wire tells; after each of them the wire may have been closed ---- */

/* One message. `of`: the request that it came for, where the wire knows; TR_MCP_NO_ID. False: the connection is closed. */
bool tr_mcp_heard(tr_mcp_t *self, const char *bytes, size_t len, json_int_t of);
/* One request will have no answer. was_sent: the server may have it. */
void tr_mcp_unanswered(
    tr_mcp_t *self, json_int_t id, bool was_sent, tr_tool_status_t status, const char *why);
/* The server has forgotten the session, and with it all that it had been asked: what is open begins anew. */
void tr_mcp_forgotten(tr_mcp_t *self, json_int_t id);
/* The connection is gone. */
void tr_mcp_lost(tr_mcp_t *self, tr_tool_status_t status, const char *why);
/* Whether the request has no answer yet. */
bool tr_mcp_waits(const tr_mcp_t *self, json_int_t id);
/* The request that has no answer yet, where it is the only one; TR_MCP_NO_ID. */
json_int_t tr_mcp_only(const tr_mcp_t *self);
/* Whether the session may be begun anew in doubt: the request is a call that was not made again yet, and nothing else is under way, which would be lost. */
bool tr_mcp_may_begin_anew(const tr_mcp_t *self, json_int_t id);

/* ---- mcp_tool.c: its tools in the registry ---- */

typedef enum tr_mcp_act { TR_MCP_CALL, TR_MCP_LIST_RESOURCES, TR_MCP_READ_RESOURCE } tr_mcp_act_t;

typedef struct tr_mcp_tool {
    tr_tool_t tool; /* first */
    tr_mcp_t *mcp;
    struct tr_mcp_tool *next;
    tr_mcp_act_t act;
    char name[TR_TOOL_NAME_MAX + 1];
    json_t *spec;   /* as the server told it; NULL of ours */
    json_t *schema; /* owned */
    char *description;
    const char *remote; /* its name there; of spec */
    bool told;          /* by the list that is being read */
} tr_mcp_tool_t;

struct tr_mcp {
    tr_tool_source_t source; /* first */
    tr_tools_t *tools;
    const char *name;
    const tr_mcp_config_t *config;
    tr_mcp_wire_t *wire;
    int state; /* mcp.c */
    bool modern, resources;
    bool was_slow; /* it did not say in time which revision it speaks */
    const char *version;
    json_int_t last_id;
    struct tr_mcp_request *requests; /* that were sent */
    struct tr_mcp_request *waiting;  /* calls, until it is open */
    tr_llm_timer_t opening;
    int64_t opened_ms, not_before_ms, pause_ms;
    json_t *listing; /* tools that were told so far */
    unsigned pages;
    tr_mcp_tool_t *owned;
    const char *unknown; /* what `privileged` names, and no tool is called; NULL */
    char refused[300];   /* the first tool that is left out for its schema, and why; "" */
    char noted[300];     /* the first whose schema has what is not checked; "" */
    char trouble[300];   /* why it is not open; "" */
};

/* The list is complete: what is new is added, what is gone is taken out. */
void tr_mcp_tools_settle(tr_mcp_t *self);
void tr_mcp_tools_forget(tr_mcp_tool_t *tool);
/* What a person should know of them, in one line; owned. NULL: nothing. */
json_t *tr_mcp_tools_warning(const tr_mcp_t *self);

/* ---- mcp.c, for mcp_tool.c ---- */

void tr_mcp_start(tr_mcp_t *self, tr_tool_call_t *call, const char *method, json_t *params);
void tr_mcp_cancel(tr_mcp_t *self, tr_tool_call_t *call);

#endif
