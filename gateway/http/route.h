/*
 * What the gateway answers: a table of methods and paths. The same rows find the handler of a request, say which role and which
 * fields it needs, and make the OpenAPI document (openapi.h), so that the document cannot say anything else than the code does.
 *
 * A path is of parts with slashes between; `{name}` is any one part, and is the field `name`. A part that is given comes before one
 * that may be anything.
 */
#ifndef TR_GATEWAY_HTTP_ROUTE_H
#define TR_GATEWAY_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum tr_web_method {
    TR_WEB_GET,
    TR_WEB_HEAD,
    TR_WEB_POST,
    TR_WEB_PUT,
    TR_WEB_PATCH,
    TR_WEB_DELETE,
    TR_WEB_OPTIONS,
    TR_WEB_METHODS, /* another one, or how many there are */
} tr_web_method_t;

/* "GET" ...; ended by NULL. */
extern const char *const tr_web_methods[];

/* Each may do what those before it may. */
typedef enum tr_web_role {
    TR_WEB_ANYBODY,
    TR_WEB_VIEWER,
    TR_WEB_OPERATOR,
    TR_WEB_ADMIN,
    TR_WEB_ROLES,
} tr_web_role_t;

extern const char *const tr_web_roles[];

typedef enum tr_web_place {
    TR_WEB_IN_PATH,
    TR_WEB_IN_QUERY,
    TR_WEB_IN_BODY, /* a member of the JSON object */
} tr_web_place_t;

typedef enum tr_web_type {
    TR_WEB_TEXT,
    TR_WEB_INTEGER,
    TR_WEB_NUMBER,
    TR_WEB_BOOLEAN,
    TR_WEB_LIST,
    TR_WEB_OBJECT,
    TR_WEB_ANY,
} tr_web_type_t;

typedef struct tr_web_field {
    const char *name; /* NULL ends a list */
    tr_web_place_t place;
    tr_web_type_t type;
    bool required;
    const char *help; /* one sentence without its full stop */
    size_t most;      /* bytes of a text of the body; 0: as many as a body may have */
} tr_web_field_t;

struct tr_web_exchange;

typedef struct tr_web_route {
    tr_web_method_t method;
    const char *path;
    tr_web_role_t role;
    const char *id; /* the document's operationId */
    const char *summary;
    const tr_web_field_t *fields; /* may be NULL */
    const char *to, *action;      /* of tr_web_ask: which agent or service is asked for what */
    unsigned success;             /* the status; 0 = 200 */
    const char *type;             /* of the answer; NULL = application/json */
    bool form;                    /* the body is a form with a file (multipart/form-data) */
    bool rpc;                     /* problems are said as JSON-RPC does */
    bool socket;                  /* it becomes a WebSocket where it is asked to */
    bool
        login; /* of sessions: under this server's own names alone, its answers are not kept, and it has log events of its own */
    void (*handle)(struct tr_web_exchange *exchange);
} tr_web_route_t;

#define TR_WEB_PARTS_MAX 12

/* A part of a path, borrowed. */
typedef struct tr_web_part {
    const char *at;
    size_t len;
} tr_web_part_t;

typedef struct tr_web_match {
    const tr_web_route_t *route; /* NULL: none */
    unsigned allowed;            /* methods that the path has, bit by bit; 0: there is no such path */
    tr_web_part_t parts[TR_WEB_PARTS_MAX];
    size_t count;
} tr_web_match_t;

/* `path` without its query. HEAD finds GET. */
void tr_web_route_find(const tr_web_route_t *routes, size_t count, tr_web_method_t method, const char *path,
    tr_web_match_t *ret_match);
/* The part that stands for a field in the path. .at NULL: there is none. */
tr_web_part_t tr_web_match_part(const tr_web_match_t *match, const char *field);
/* The field of that name and place; NULL where the route has none. */
const tr_web_field_t *tr_web_route_field(
    const tr_web_route_t *route, tr_web_place_t place, const char *name, size_t len);
bool tr_web_route_has(const tr_web_route_t *route, tr_web_place_t place);

#endif
