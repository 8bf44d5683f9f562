/*
 * The fleet as a server of the Model Context Protocol: its services, agents, tasks and knowledge base as tools and resources, for clients over
 * Streamable HTTP (POST /mcp).
 *
 * Two revisions: 2025-06-18, which begins with `initialize` (no session is kept here, so none is given), and 2026-07-28, where each request says
 * in `_meta` and in its headers what it is. Nothing is kept between two requests, so several gateways may share the work.
 *
 * Source: modelcontextprotocol.io/specification, revisions 2025-06-18 and 2026-07-28.
 */
#ifndef TR_GATEWAY_MCP_MCP_H
#define TR_GATEWAY_MCP_MCP_H

#include "gateway/http/exchange.h"

#define TR_MCP_INVALID_REQUEST (-32600)
#define TR_MCP_NO_SUCH_METHOD  (-32601)
#define TR_MCP_INVALID_PARAMS  (-32602)
#define TR_MCP_NOT_FOUND       (-32002)
#define TR_MCP_SERVER          (-32000)

/* A request of it: e->body, which stays until it is responded to. */
const json_t *tr_mcp_params(const tr_web_exchange_t *e);
/* The revision without sessions. */
bool tr_mcp_modern(const tr_web_exchange_t *e);
/* Responds. Steals result; NULL: out of memory. keep_ms: for how long it may be kept by the client; -1: it is none that may be. */
void tr_mcp_result(tr_web_exchange_t *e, json_t *result, int keep_ms);
void tr_mcp_error(tr_web_exchange_t *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What is asked is of the trace that `_meta` names, unless the request's header named one. */
void tr_mcp_trace(const tr_web_exchange_t *e, tr_web_call_t *call);
/* Asks an agent for {"action": action, members of arguments} (arguments may be NULL), as `slot`. False: out of memory, or too deep. */
bool tr_mcp_ask(
    tr_web_exchange_t *e, unsigned slot, const char *whom, const char *action, const json_t *arguments);

/* tools.c */
void tr_mcp_list_tools(tr_web_exchange_t *e);
void tr_mcp_call_tool(tr_web_exchange_t *e);
/* resources.c */
void tr_mcp_list_resources(tr_web_exchange_t *e);
void tr_mcp_list_templates(tr_web_exchange_t *e);
void tr_mcp_read_resource(tr_web_exchange_t *e);

#endif
