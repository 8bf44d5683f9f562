/*
 * MCP over stdio, for clients that start their servers as programs: each line on stdin is a message (JSON-RPC 2.0), which goes to a gateway as a
 * POST (Streamable HTTP), and what is answered comes as a line on stdout. Many may be on their way at once, and each answer comes when it is
 * there. The gateway is the server, in whichever revision of the protocol the client speaks; here nothing is kept and nothing understood but
 * what the transport wants to know: a request's id, its method, and what it names.
 *
 * What the gateway cannot answer is answered here, as an error of JSON-RPC with the cause and the cure; a client is never left waiting.
 *
 * Source: modelcontextprotocol.io/specification, revisions 2025-06-18 and 2026-07-28, Transports.
 */
#ifndef TR_TOOLS_MCP_BRIDGE_H
#define TR_TOOLS_MCP_BRIDGE_H

#include "lib/base/error.h"

#include <stdint.h>

typedef struct tr_mcp_bridge_options {
    const char *url;     /* of the gateway; with or without /mcp behind it */
    const char *token;   /* "" = none */
    const char *ca_file; /* whose certificates are believed; NULL = the system's */
    int64_t timeout_ms;  /* for an answer */
    int in, out;         /* descriptors, which stay the caller's */
} tr_mcp_bridge_options_t;

/* Until the end of `in` and of all that was asked by then. 0; -EINVAL: the token or the URL is none, or that would carry the token in the clear through a network;
 * -ENOTSUP: built without libcurl; -EPIPE: nobody reads `out`; -ENOMEM. All texts of the options are borrowed meanwhile. One thread. */
int tr_mcp_bridge_run(const tr_mcp_bridge_options_t *options, tr_error_t *error);

#endif
