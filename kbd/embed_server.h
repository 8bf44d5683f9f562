/*
 * Vectors from a model server (lib/llm), asked in a thread of its own, in which any number of calls are in flight: who asks waits for none.
 *
 * The server's answers are made of length 1. It is asked again as its configuration says (429, 5xx, a lost connection); then the failure is
 * the asker's. Threads: all functions are of the host's thread, and so are the calls of `done`.
 */
#ifndef TR_KBD_EMBED_SERVER_H
#define TR_KBD_EMBED_SERVER_H

#include "lib/base/error.h"
#include "lib/resident/completions.h"

typedef struct tr_embed_server tr_embed_server_t;

typedef struct tr_embed_server_options {
    tr_host_t *host;    /* outlives the server */
    const char *config; /* path of the client's YAML: docs/models.md */
    const char *model;  /* as the server calls it; borrowed */
    size_t dimensions;  /* numbers of its vectors */
    tr_agent_t *const
        *spender; /* whose the tokens are (troupe/measure.h), once there is one; NULL: nobody's. Borrowed */
} tr_embed_server_options_t;

/* One question; it and what it borrows are left alone until `done`. */
typedef struct tr_embed_ask {
    tr_completion_t back;     /* first; the server's own */
    const char *const *texts; /* borrowed */
    size_t count;             /* 1 or more */
    float *vectors;           /* borrowed: `count` times the dimensions */
    int64_t most_ms;          /* that it may take; 0 = as the configuration says */
    void (*done)(struct tr_embed_ask *self);
    int rc; /* 0; -ECANCELED: the process ends; -ENOLINK: the server gives none, and `error` says why; -ENOMEM */
    bool refused;           /* -ENOLINK, because of these texts: the server takes others */
    uint64_t tokens, nano;  /* what it has cost */
    int64_t retry_after_ms; /* that the server wants to be left alone for; -1 = it did not say */
    tr_error_t error;
    int64_t asked_ns; /* the rest: the server's own */
    struct tr_embed_ask *next;
    tr_embed_server_t *server;
} tr_embed_ask_t;

/* -EINVAL, -ENOENT, ...: the configuration; -ENOTSUP: built without libcurl. */
int tr_embed_server_new(
    const tr_embed_server_options_t *options, tr_embed_server_t **ret_self, tr_error_t *error);
/* Ends the thread; what it was asked is done with -ECANCELED. Before the host is destroyed. NULL-safe, idempotent. */
void tr_embed_server_stop(tr_embed_server_t *self);
/* After the host. NULL-safe. */
void tr_embed_server_destroy(tr_embed_server_t **self);
/* `done` is called once, later. */
void tr_embed_server_ask(tr_embed_server_t *self, tr_embed_ask_t *ask);

#endif
