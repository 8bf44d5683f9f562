/*
 * One request and its response.
 *
 * A handler reads the fields, asks agents (tr_web_ask...), and responds, now or when the replies are there. It never waits. When the client
 * has gone meanwhile, the exchange stays until the replies have come, and what is responded goes nowhere.
 *
 * All of it belongs to the web's thread.
 */
#ifndef TR_GATEWAY_HTTP_EXCHANGE_H
#define TR_GATEWAY_HTTP_EXCHANGE_H

#include "gateway/bridge.h"
#include "gateway/http/address.h"
#include "gateway/http/chunks.h"
#include "gateway/http/multipart.h"
#include "gateway/http/route.h"
#include "gateway/http/session.h"
#include "gateway/http/token.h"
#include "lib/base/buffer.h"

#include <jansson.h>

#define TR_WEB_PATH_MAX    1024
#define TR_WEB_QUERY_MAX   2048
#define TR_WEB_KEY_MAX     128
#define TR_WEB_TAGS_SIZE   256 /* of a list of ETags; a longer one is not looked at */
#define TR_WEB_SLOTS       7
#define TR_WEB_SLOT_OTHERS TR_WEB_SLOTS /* of what other gateways say (again.c) */
#define TR_WEB_MESSAGE_MAX 16384        /* bytes of what a client says over a WebSocket */

struct lws;
struct tr_web_server;

typedef enum tr_web_state {
    TR_WEB_IDLE,      /* between two requests of a connection */
    TR_WEB_RECEIVING, /* the body */
    TR_WEB_WORKING,
    TR_WEB_RESPONDED, /* there is something to write */
    TR_WEB_WRITING,   /* the head has been written */
    TR_WEB_STREAMING, /* a response that goes on (stream.c) */
    TR_WEB_SOCKET,    /* a WebSocket (socket.c) */
} tr_web_state_t;

typedef struct tr_web_exchange tr_web_exchange_t;

typedef struct tr_web_stream {
    void *state; /* whose stream it is */
    void (*on_written)(tr_web_exchange_t *exchange);
    void (*on_end)(tr_web_exchange_t *exchange);
    bool began, ended; /* the head is written; nothing more is put */
    bool over;         /* the end is written */
    bool barred;       /* who it is for may not have it any more */
    int64_t written_ms;
} tr_web_stream_t;

/* What a WebSocket does; of its exchange. Messages are texts. */
typedef struct tr_web_socket {
    /* Appends the next message, where there is one; false: there is none now. */
    bool (*on_ready)(tr_web_exchange_t *exchange, tr_buffer_t *out);
    /* A whole message, of TR_WEB_MESSAGE_MAX bytes at most. False: nothing that is understood, and the connection ends. */
    bool (*on_message)(tr_web_exchange_t *exchange, const char *text, size_t len);
    void (*on_end)(tr_web_exchange_t *exchange);
} tr_web_socket_t;

typedef struct tr_web_trace {
    tr_traceparent_t parent; /* span 0: it begins here */
    uint64_t span;           /* the request's own; 0: it is of none */
} tr_web_trace_t;

struct tr_web_exchange {
    tr_web_exchange_t *next, *previous; /* of all of the server's */
    struct tr_web_server *server;
    struct lws *wsi; /* NULL: the client has gone */
    tr_web_state_t state;
    bool inside; /* a callback of its connection is running: what is responded is written at its end */
    char peer[TR_WEB_PEER_SIZE],
        from[TR_WEB_PEER_SIZE]; /* the client's address, as far as it is known; by what its limits are (address.h) */
    char net[TR_WEB_PEER_SIZE]; /* of the connection, where that is counted (crowd.c); "": it is not */

    tr_web_method_t method;
    char path[TR_WEB_PATH_MAX + 1];
    char query[TR_WEB_QUERY_MAX + 1]; /* decoded, as name=value, each ended by a NUL */
    size_t query_len;
    char last_event[64];               /* Last-Event-ID */
    char host[256];                    /* that was asked, with its port */
    char once_key[TR_WEB_KEY_MAX + 1]; /* Idempotency-Key; "": none */
    bool once;                         /* its answer is to be kept under it */
    bool unknown;                      /* what became of what it asked: it may have been done */
    bool repeats;                      /* who is asked knows it again, and does it once */
    bool once_shared;                  /* and other gateways are to be told of it */
    uint64_t once_nonce;               /* by which it is known there as this one's */
    int64_t once_until_ms;             /* what they say is waited for until then; 0: it is not */
    unsigned late;                     /* answers of theirs that nobody waits for any more */
    char known_tags[TR_WEB_TAGS_SIZE]; /* If-None-Match; "": none */
    char tag[24];                      /* the ETag of what was responded, with its quotes */
    char a2a_version[16];              /* A2A-Version */
    char mcp_version[16], mcp_method[48], mcp_name[128]; /* MCP-Protocol-Version, Mcp-Method, Mcp-Name */
    char origin[256];                                    /* of a page that may read the answer; "": none */
    char page_origin[256];                               /* Origin, whatever it is; "": none */
    char fetch_site[16];                                 /* Sec-Fetch-Site */
    char csrf[TR_WEB_CSRF_SIZE + 1];                     /* that was given; "": none */
    tr_web_match_t match;                                /* points into path */
    char who[TR_WEB_TOKEN_NAME_MAX + 1];                 /* the token's or the user's name; "": nobody's */
    tr_web_role_t role;
    bool by_session;         /* of a user who has signed in */
    bool by_token;           /* of the file of tokens */
    bool by_provider;        /* by a token of the OpenID provider */
    unsigned char token[32]; /* its hash; of the provider's: of the key that has signed it */
    int64_t until_s;         /* the provider's counts until then; of the wall clock */
    tr_web_session_t session;
    int64_t began_ns;
    tr_web_trace_t trace;
    size_t length, received; /* bytes of the body: announced, and come */
    tr_buffer_t raw;
    bool chunked;       /* and it comes in chunks: the connection ends with the response */
    tr_chunks_t chunks; /* how far they are */
    json_t *body;       /* an object, or NULL */
    char boundary[TR_MULTIPART_BOUNDARY_MAX + 1]; /* of a form */
    tr_multipart_part_t file;                     /* the form's, in raw; .bytes.at NULL: there is none */
    json_t *found;                                /* what a handler has found out before it asks; or NULL */

    unsigned asked;        /* replies that are awaited */
    char conversation[96]; /* that the first reply was of, for the log; "" = none yet */
    tr_web_reply_t *replies[TR_WEB_SLOTS + 1];
    void (*on_replies)(tr_web_exchange_t *self);

    unsigned status;
    const char *type;
    unsigned retry_s;   /* Retry-After; 0: none */
    const char *allow;  /* Allow; NULL: none */
    const char *policy; /* Content-Security-Policy; NULL: nothing may be loaded */
    const char *cache;  /* Cache-Control; NULL: no-store */
    char *set_cookie,
        *flow_cookie;  /* Set-Cookie, owned: of a session, and of a sign-in at a provider; NULL: none */
    char *location;    /* Location, owned; NULL: none */
    char reason[32];   /* of a problem, for the audit trail */
    bool gzip;         /* the client takes it */
    bool packed, vary; /* out is in gzip; it would be something else for another client */
    bool pack_due;     /* ... is to be made so */
    char allowed[64];
    tr_buffer_t out;
    size_t written;
    tr_web_stream_t stream;
    void *parked; /* what waits for something else than replies */
    void (*on_gone)(
        tr_web_exchange_t *exchange); /* it waits no longer: it was responded to, or the client has gone */
    bool upgrade;                     /* the client asks for a WebSocket */
    const tr_web_socket_t *socket;    /* what it does, where it is one */
};

/* ---- reading ---- */

/* A stream of HTTP/2. */
bool tr_web_exchange_mux(const tr_web_exchange_t *self);
/* "https://NAME:PORT", as the client sees this server. */
void tr_web_base_url(const tr_web_exchange_t *self, char *out, size_t size);

/* The text of a field of the query, or NULL. */
const char *tr_web_query(const tr_web_exchange_t *self, const char *name);
/* A text of the body, or of the query; NULL where there is none. Borrowed. */
const char *tr_web_text(const tr_web_exchange_t *self, const char *name);
/* Checks path, query and body against the route's fields; responds and returns false where one is wrong. */
bool tr_web_check_fields(tr_web_exchange_t *self);
/* {"action": action, FIELD: value ...} of all fields that are there; new. NULL: out of memory. */
json_t *tr_web_fields(const tr_web_exchange_t *self, const char *action);
/* Writes the same. 0 or a negative errno. */
int tr_web_write_fields(const tr_web_exchange_t *self, const char *action, tr_content_writer_t *out);
/* The milliseconds of a field `timeout-ms`, or the server's. */
int64_t tr_web_timeout(const tr_web_exchange_t *self);

/* ---- asking ---- */

/* Gives the call away; its reply will be replies[slot], and on_replies is called when all have come. */
void tr_web_exchange_call(tr_web_exchange_t *self, unsigned slot, tr_web_call_t **call);
/* What is sent for it is of its trace, unless the call says another one; tr_web_exchange_call does this by itself (trace.c). */
void tr_web_trace_put(const tr_web_exchange_t *self, tr_web_call_t *call);
/* A handler: asks route->to for route->action with the fields, and responds with what it answers. */
void tr_web_ask(tr_web_exchange_t *self);
#define TR_WEB_ONCE_NAME 38
/* What is asked under an Idempotency-Key, by a name that is the same at each gateway: of who asks and his key. False: there is no key. */
bool tr_web_once_name(const tr_web_exchange_t *self, char out[TR_WEB_ONCE_NAME]);
/* A reply of an agent as a new JSON value; NULL: out of memory. */
json_t *tr_web_reply_json(const tr_web_reply_t *reply);
/* Why there is none, for people, where the outcome is not TR_WEB_ANSWERED. */
const char *tr_web_why_not(const tr_web_reply_t *reply);
/* Whether it is an answer that tells what was asked. If not, responds with a problem. `whom`: who was asked, for people. */
bool tr_web_judge(tr_web_exchange_t *self, const tr_web_reply_t *reply, const char *whom);

/* ---- responding: once ---- */

/* Takes the bytes of self->out as they are. */
void tr_web_respond(tr_web_exchange_t *self, unsigned status, const char *type);
/* Steals `value`; NULL is out of memory. */
void tr_web_respond_json(tr_web_exchange_t *self, unsigned status, json_t *value);
/* 303: a browser goes on there. Copied. */
void tr_web_redirect(tr_web_exchange_t *self, const char *location);
/* False: whoever asks has not that role, and was told so. */
bool tr_web_admit_role(tr_web_exchange_t *self, tr_web_role_t needed);
/* RFC 9457. `reason`: a word for programs. Under /v1 and by JSON-RPC as those say it. */
void tr_web_problem(tr_web_exchange_t *self, unsigned status, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Likewise; `field`: which one is not as it must be (`param` under /v1). */
void tr_web_problem_of(tr_web_exchange_t *self, const char *field, unsigned status, const char *reason,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- responding bit by bit: what is put into self->out goes out ---- */

/* on_written (may be NULL) is called when all of it is written, and may put more; on_end (likewise) once: at the stream's end, or when the client has
 * gone, or the server ends. */
void tr_web_stream_begin(tr_web_exchange_t *self, const char *type, void *state,
    void (*on_written)(tr_web_exchange_t *self), void (*on_end)(tr_web_exchange_t *self));
/* Bytes that have not left. */
size_t tr_web_stream_waiting(const tr_web_exchange_t *self);
/* After something was put there. */
void tr_web_stream_flush(tr_web_exchange_t *self);
/* It ends when all that is there is written. */
void tr_web_stream_end(tr_web_exchange_t *self);

/* ---- a WebSocket, in place of a response ---- */

/* Of a request that asks for it (upgrade). on_end is called once: when the client has gone, or the server ends. */
void tr_web_socket_begin(tr_web_exchange_t *self, const tr_web_socket_t *socket, void *state);
/* There may be a message now. */
void tr_web_socket_news(tr_web_exchange_t *self);

/* "Not Found" ... */
const char *tr_web_phrase(unsigned status);

#endif
