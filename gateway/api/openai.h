/*
 * What the two ways of OpenAI to talk share (chat completions, responses): an agent is a model, what was said last is its question, and its
 * sentences come as it publishes them.
 */
#ifndef TR_GATEWAY_API_OPENAI_H
#define TR_GATEWAY_API_OPENAI_H

#include "gateway/feed/hub.h"
#include "gateway/http/exchange.h"

typedef struct tr_talk tr_talk_t;

/* How a reply is said. */
typedef struct tr_talk_kind {
    const char *prefix;   /* of its id */
    const char *messages; /* the field with what was said: a list, or a text */
    json_t *(*whole)(const tr_talk_t *talk, const char *text);
    void (*begin)(tr_talk_t *talk); /* of a stream; into exchange->out, as what follows */
    void (*piece)(tr_talk_t *talk, const char *text);
    void (*end)(
        tr_talk_t *talk, const char *text); /* all of it: what pieces have not said yet was a piece before */
    void (*problem)(tr_talk_t *talk, const char *text, const char *code);
} tr_talk_kind_t;

struct tr_talk {
    tr_feed_watcher_t watcher;
    const tr_talk_kind_t *kind;
    tr_web_exchange_t *exchange;
    char id[40], model[TR_AID_MAX + 1];
    int64_t created;
    bool watches;
    bool bound; /* its reply may be cut, and is told when it is whole */
    bool
        is_void; /* what was shown is not the reply's any more, and no client of OpenAI's API can take it back */
    unsigned events;    /* of a stream, that were put */
    tr_buffer_t shown;  /* of the reply */
    const char *finish; /* why it ends: "stop", or "length" where it was cut (wishes.h) */
};

/* Asks the agent, and responds as the kind says. */
void tr_openai_talk(tr_web_exchange_t *e, const tr_talk_kind_t *kind);
/* Whether what is in the field has something that the user says; false: it was responded to. */
bool tr_openai_asks(tr_web_exchange_t *e, const char *field);
/* Goes on when what is asked has been looked at. */
void tr_openai_go_on(tr_web_exchange_t *e);
/* pictures.c: has the images of a message's content looked at, with the question. 0: there are none; 1: tr_openai_go_on will be called, with what was seen as
 * e->found, or it is responded why not; negative: it was responded to. */
int tr_openai_look(tr_web_exchange_t *e, const json_t *content, const char *question);
/* "data: JSON\n\n", with "event: NAME\n" before it where there is a name. Steals value. */
void tr_openai_put(tr_talk_t *talk, const char *name, json_t *value);
#define TR_OPENAI_TOKEN 4
/* Tokens: nobody counts them; as a rule one is four bytes of text. */
json_int_t tr_openai_tokens(size_t bytes);

#endif
