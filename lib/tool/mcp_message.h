/*
 * The messages of the Model Context Protocol: JSON-RPC 2.0 in two revisions.
 *
 * 2025-06-18 begins with `initialize` and keeps a session. 2026-07-28 has neither: each request says in `_meta` which version it is of, who asks and what
 * he can do. Both call tools and read resources by the same methods.
 *
 * A server's bytes are not trusted: a message is refused before it is parsed where it nests deeper than TR_MCP_DEPTH or has more than TR_MCP_ELEMENTS
 * values, so that a few bytes cannot become many. Pure functions.
 *
 * Source: modelcontextprotocol.io/specification, revisions 2025-06-18 and 2026-07-28.
 */
#ifndef TR_TOOL_MCP_MESSAGE_H
#define TR_TOOL_MCP_MESSAGE_H

#include "lib/base/error.h"
#include "lib/text/textbuf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TR_MCP_STATEFUL  "2025-06-18"
#define TR_MCP_MODERN    "2026-07-28"
#define TR_MCP_DEPTH     64
#define TR_MCP_ELEMENTS  100000
#define TR_MCP_NO_ID     (-1)
#define TR_MCP_PAGES_MAX 32 /* of a list */

/* Of errors that servers answer with. */
#define TR_MCP_BAD_REQUEST (-32600)
#define TR_MCP_NO_METHOD   (-32601)

typedef enum tr_mcp_what {
    TR_MCP_RESULT,  /* of a request of ours; body = what it is */
    TR_MCP_FAILURE, /* likewise; body = {"code", "message"} */
    TR_MCP_REQUEST, /* the server asks; body = params, or NULL */
    TR_MCP_NOTICE,  /* the server tells; likewise */
} tr_mcp_what_t;

typedef struct tr_mcp_heard {
    tr_mcp_what_t what;
    json_t *message; /* owned; all below is borrowed from it */
    json_int_t id;   /* of a result or failure: of our request; TR_MCP_NO_ID where it names none of ours */
    const json_t *asker; /* of a request: the id to answer with */
    const char *method;  /* of a request or notice */
    const json_t *body;
} tr_mcp_heard_t;

/* JSON that is bounded so; owned. Of a name that an object has twice the last counts; U+0000, and half a pair of surrogates, becomes U+FFFD. NULL with a
 * text: it is none, -E2BIG, or -ENOMEM. */
json_t *tr_mcp_load(const char *bytes, size_t len, tr_error_t *error);
/* 0; -EBADMSG: no message, the text says why; -E2BIG: too deep or too many values; -ENOMEM. tr_mcp_heard_finish after 0. */
int tr_mcp_read(const char *bytes, size_t len, tr_mcp_heard_t *ret_heard, tr_error_t *error);
void tr_mcp_heard_finish(tr_mcp_heard_t *self);
/* Which request of ours a message answers that cannot be read, as far as it can be seen; TR_MCP_NO_ID. */
json_int_t tr_mcp_find_answered(const char *bytes, size_t len);
/* Whether it is an answer, as far as it can be seen. */
bool tr_mcp_is_answer(const char *bytes, size_t len);

/* A request, or with TR_MCP_NO_ID a notice; `params` (an object) is consumed. As text; NULL when out of memory. The modern revision has a place for a
 * traceparent; NULL, "": none. */
char *tr_mcp_print(json_int_t id, const char *method, json_t *params, bool modern, const char *traceparent);
/* The answer to what a server asks: {} to a ping, else that there is no such method here. */
char *tr_mcp_print_answer(const tr_mcp_heard_t *asked);

/* Whether a `server/discover` says that the modern revision is spoken. */
bool tr_mcp_is_modern(const json_t *discovered);
/* Whether the version that a server chose by `initialize` is one that is understood here. */
bool tr_mcp_is_spoken(const json_t *initialized);
/* Whether it can do it: "tools", "resources". */
bool tr_mcp_is_capable(const json_t *told, const char *what);

/*
 * What came of tools/call, resources/read, as text: texts as they are, one behind the other; of all else (images, sound, bytes) a line that
 * says what it is. Allocated; NULL when out of memory, or where it is no result of that (*ret_wrong says why).
 */
char *tr_mcp_text_of_call(const json_t *result, bool *ret_is_error, const char **ret_wrong);
char *tr_mcp_text_of_resource(const json_t *result, const char **ret_wrong);

/* The cursor of the next page of a list; NULL: there is none. */
const json_t *tr_mcp_next(const json_t *result);

/* What there is to read, as text: templates of resources, and then resources, each in pages. Zeroed at first; its text is the owner's to take or finish. */
typedef struct tr_mcp_catalogue {
    tr_textbuf_t text;
    bool has_templates; /* all of them, so that resources are asked for */
    unsigned pages;
} tr_mcp_catalogue_t;

/* What the next page is asked for by; constant. */
const char *tr_mcp_catalogue_method(const tr_mcp_catalogue_t *self);
/* Takes a page; NULL: the server has no templates. The params for the next one, owned; NULL: all is there (or as much as about `most` bytes), or it is no
 * page (*ret_wrong says why). */
json_t *tr_mcp_catalogue_take(
    tr_mcp_catalogue_t *self, const json_t *result, size_t most, const char **ret_wrong);

/* Whether a failure may be that the session is not known, for which each SDK has a code of its own. */
bool tr_mcp_is_of_session(const json_t *failure);
/* Why a result is not complete: it asks for input of a user. NULL where it is. */
const char *tr_mcp_incomplete(const json_t *result);

#endif
