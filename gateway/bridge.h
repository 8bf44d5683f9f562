/*
 * The bridge between the two threads of the gateway: the web's, which never waits for anybody, and the agent's, to which the host
 * belongs. Calls go over it one way (ask, send, publish), replies and events the other. What is put on it while the other side is busy is
 * taken in one go: one wake-up, and on the link one bundle, for all of them.
 *
 * A call has exactly one reply, also when the broker is away or begins anew; but none when the bridge is destroyed.
 */
#ifndef TR_GATEWAY_BRIDGE_H
#define TR_GATEWAY_BRIDGE_H

#include "proto/topic.h"
#include "proto/traceparent.h"
#include "troupe/host.h"

#define TR_WEB_LANGUAGE_MAX 64
#define TR_WEB_USER_MAX     64

typedef enum tr_web_call_kind {
    TR_WEB_ASK,         /* a request with one answer */
    TR_WEB_SEND,        /* the reply says that it left */
    TR_WEB_PUBLISH,     /* likewise; `to` is the topic */
    TR_WEB_SUBSCRIBE,   /* `to` is the pattern; there is no reply */
    TR_WEB_UNSUBSCRIBE, /* likewise */
    TR_WEB_SPAN,        /* likewise; what a request was, told as a span */
} tr_web_call_kind_t;

struct tr_web_reply;

/* Texts are static. */
typedef struct tr_web_span {
    const char *method, *route;
    unsigned status;   /* 0: there was no response */
    const char *error; /* NULL: it did not fail */
    uint64_t number;
    int64_t start_ns, end_ns; /* tr_clock_ns */
} tr_web_span_t;

/* Made by the web's thread, and given away with tr_bridge_call. */
typedef struct tr_web_call {
    struct tr_web_call *next, *previous; /* the bridge's */
    bool told;                           /* likewise: its reply has been given */
    struct tr_bridge *bridge;            /* likewise */
    tr_web_call_kind_t kind;
    char to[TR_AID_MAX + 1]; /* an agent, svc:NAME, or a topic */
    tr_performative_t act;
    int64_t timeout_ms;
    char protocol[64], ontology[64], conversation[96], language[TR_WEB_LANGUAGE_MAX + 1]; /* "": none */
    char traceparent[TR_TRACEPARENT_SIZE]; /* "": as the host has it */
    char user[TR_WEB_USER_MAX + 1];        /* who asks the gateway, told as X-user; "": nobody but itself */
    tr_content_writer_t content;           /* msgpack, where there is no text */
    tr_web_span_t *span;                   /* owned; of TR_WEB_SPAN, under the traceparent */
    char *text;                            /* owned; of `len` bytes, in the language */
    size_t len;
    void *owner; /* of the reply */
    unsigned slot;
    int64_t began_ns; /* when it was made */
    void (*on_reply)(
        void *server, void *owner, struct tr_web_reply *reply); /* takes it; NULL: the owner is an exchange */
} tr_web_call_t;

typedef enum tr_web_outcome {
    TR_WEB_ANSWERED,
    TR_WEB_SENT,
    TR_WEB_UNDELIVERED, /* reason */
    TR_WEB_LATE,        /* no answer within the time */
    TR_WEB_AWAY,        /* there is no broker: it was not sent */
    TR_WEB_LOST,        /* the broker went, or was started again, before there was an answer */
    TR_WEB_BUSY,        /* the receiver, or the link, takes no more now */
    TR_WEB_TOO_LARGE,
    TR_WEB_INVALID, /* the receiver's name, or the topic */
} tr_web_outcome_t;

typedef struct tr_web_reply {
    struct tr_web_reply *next;
    void *owner;
    unsigned slot;
    void (*on_reply)(void *server, void *owner, struct tr_web_reply *reply);
    int64_t began_ns; /* as of its call */
    tr_web_outcome_t outcome;
    tr_performative_t act; /* of an answer, as what follows */
    tr_reason_t reason;    /* of what was not delivered */
    uint32_t retry_ms;
    bool msgpack; /* else the content is in that language */
    char language[TR_WEB_LANGUAGE_MAX + 1];
    char sender[TR_AID_MAX + 1];
    char conversation[96];
    size_t len;
    char content[];
} tr_web_reply_t;

/* A publication on a topic that the agent has subscribed to, as JSON. */
typedef struct tr_web_news {
    struct tr_web_news *next;
    char topic[TR_TOPIC_MAX + 1];
    size_t len;
    char json[];
} tr_web_news_t;

typedef struct tr_bridge tr_bridge_t;

/* NULL: out of memory. */
tr_bridge_t *tr_bridge_new(void);
/* After both threads. */
void tr_bridge_destroy(tr_bridge_t **self);

/* ---- the web's thread ---- */

/* NULL: out of memory. */
tr_web_call_t *tr_bridge_call_new(tr_web_call_kind_t kind, const char *to);
void tr_bridge_call_destroy(tr_web_call_t **self); /* of one that was not given away; NULL-safe */
void tr_bridge_call(tr_bridge_t *self, tr_web_call_t **call);
/* All replies since the last time, in their order; the caller frees each. What was published is taken after them. */
tr_web_reply_t *tr_bridge_replies(tr_bridge_t *self);
/* Likewise what was published. */
tr_web_news_t *tr_bridge_news(tr_bridge_t *self);
/* Any thread: an answer that came from elsewhere, a text of JSON. Out of memory: there is none. */
void tr_bridge_tell(tr_bridge_t *self, void *owner, unsigned slot, const char *json);
/* Any thread. */
bool tr_bridge_connected(const tr_bridge_t *self);

/* ---- the agent's thread ---- */

/* From now on calls are taken. `wake` is called, from this thread, when there are replies and there were none. */
void tr_bridge_open(
    tr_bridge_t *self, tr_host_t *host, tr_agent_t *agent, void (*wake)(void *arg), void *arg);
/* A publication, or the notice that some were dropped. Where the web's thread does not keep up, it is dropped. */
void tr_bridge_publication(tr_bridge_t *self, const tr_message_t *message);
/* There is no host any more: calls are answered with TR_WEB_AWAY. */
void tr_bridge_close(tr_bridge_t *self);
/* Whether there is a broker, as the host's events say (from any thread). */
void tr_bridge_link(tr_bridge_t *self, bool connected);
/* There has been none for long: what was asked is answered with TR_WEB_LOST, and an answer that comes later is nobody's. */
void tr_bridge_give_up(tr_bridge_t *self);
/* A new session with the broker: what was asked in the old one gets no answer any more. */
void tr_bridge_lost(tr_bridge_t *self);

#endif
