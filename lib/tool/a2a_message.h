/*
 * What an agent of A2A 1.0 that is not of the fleet says of itself (its card), and in answer to a message: a result by JSON-RPC, or events of a stream.
 * And what it is asked.
 *
 * Its bytes are not trusted: they are bounded before they are parsed (mcp_message.h), as is all that is kept of them. Pure; one thread.
 *
 * Source: https://a2a-protocol.org (1.0), sections 3, 4, 8 and 9.
 */
#ifndef TR_TOOL_A2A_MESSAGE_H
#define TR_TOOL_A2A_MESSAGE_H

#include "lib/base/buffer.h"
#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TR_A2A_SKILLS_MAX 64
#define TR_A2A_TEXT_MAX   500               /* bytes of what a card says somewhere */
#define TR_A2A_REPLY_MAX  ((size_t)1 << 20) /* bytes of an answer's texts */

/* ---- cards ---- */

typedef struct tr_a2a_card {
    char *url; /* where it takes JSON-RPC */
    bool streams;
    json_t *
        told; /* {"name", "description", "version", "skills": [{"id", "name", "description", "tags"}]}, as the DF takes it */
} tr_a2a_card_t;

/* 0; -EBADMSG, -E2BIG with a text: it is none, or has no interface that is known here; -ENOMEM. tr_a2a_card_finish after 0. */
int tr_a2a_card_read(const char *bytes, size_t len, tr_a2a_card_t *ret_card, tr_error_t *error);
void tr_a2a_card_finish(tr_a2a_card_t *self);

/* ---- what is asked: JSON-RPC as text, allocated; NULL when out of memory ---- */

/* parts is consumed. context and task "": none. */
char *tr_a2a_print_send(bool streams, json_t *parts, const char *context, const char *task);
/* GetTask, CancelTask. */
char *tr_a2a_print_about(const char *method, const char *task);

/* ---- what is answered ---- */

typedef enum tr_a2a_how {
    TR_A2A_GOES_ON,
    TR_A2A_DONE,
    TR_A2A_ASKS_BACK, /* it wants to be told more, in the same task */
    TR_A2A_REFUSED,   /* rejected */
    TR_A2A_BROKE,     /* failed, cancelled, or an error of the protocol's */
} tr_a2a_how_t;

/* One message to it, and all that came of it by now. */
typedef struct tr_a2a_reply {
    tr_a2a_how_t how;
    char task[129], context[129]; /* "": not known yet */
    json_t *artifacts;            /* by their ids: {"text", "data": [...]} in the order in which they came */
    char said[TR_A2A_TEXT_MAX + 1]; /* with its state; or of the error */
    size_t bytes;
} tr_a2a_reply_t;

/* A piece of the text, borrowed. again: what was told before is void. */
typedef void (*tr_a2a_piece_fn)(void *arg, const char *text, bool again);

int tr_a2a_reply_init(tr_a2a_reply_t *self); /* 0 or -ENOMEM */
void tr_a2a_reply_finish(tr_a2a_reply_t *self);
/* An answer by JSON-RPC, or an event's. 0; -EBADMSG, -E2BIG with a text; -EMSGSIZE: more than TR_A2A_REPLY_MAX; -ENOMEM. on_piece may be NULL. */
int tr_a2a_reply_hear(tr_a2a_reply_t *self, const char *bytes, size_t len, tr_a2a_piece_fn on_piece,
    void *arg, tr_error_t *error);
/* The texts of all artifacts, with an empty line between, else what was said; appended. */
void tr_a2a_reply_text(const tr_a2a_reply_t *self, tr_buffer_t *out);
/* The data of all artifacts: the one, or a list of them; NULL: there is none. Owned. */
json_t *tr_a2a_reply_data(const tr_a2a_reply_t *self);

#endif
