/* What the files of the behaviour a2a-remote share (a2a_remote.c says what it does). */
#ifndef TR_AGENTD_BEHAVIOURS_A2A_REMOTE_H
#define TR_AGENTD_BEHAVIOURS_A2A_REMOTE_H

#include "agentd/behaviours/replies.h"
#include "lib/llm/loop.h"
#include "lib/llm/sse.h"
#include "lib/tool/a2a_message.h"
#include "lib/tool/web.h"

#define TR_REMOTE_ERRANDS_MAX  64
#define TR_REMOTE_SESSIONS_MAX 64
#define TR_REMOTE_USER_MAX     256
#define TR_REMOTE_BODY_MAX     ((size_t)4 << 20)
#define TR_REMOTE_CONNECT_MS   10000

typedef struct tr_remote_conf {
    char url[TR_WEB_URL_MAX + 1], rpc_url[TR_WEB_URL_MAX + 1];
    char key_env[128], key_file[1024], ca_file[1024];
    int64_t timeout_ms, refresh_ms;
} tr_remote_conf_t;

/* Whose talk it is, and where it stands at the other side. */
typedef struct tr_remote_session {
    char who[TR_REMOTE_USER_MAX]; /* "": free */
    char context[129], task[129]; /* task: it has asked back in that */
    uint64_t used;
} tr_remote_session_t;

struct tr_remote_errand;
struct tr_remote_notice;

typedef struct tr_remote {
    tr_agent_t *agent;
    tr_remote_conf_t conf;
    const tr_web_module_t *web;
    tr_llm_loop_t loop;
    bool has_loop;
    tr_llm_transfers_t *transfers;
    tr_replies_t replies;

    tr_a2a_card_t card; /* url NULL: there is none yet */
    char why[320];      /* there is none */
    tr_llm_transfer_t *fetch;
    tr_llm_timer_t again;
    tr_buffer_t came;
    unsigned failures;

    struct tr_remote_errand *errands;
    size_t errand_count;
    struct tr_remote_notice *notices;
    tr_remote_session_t sessions[TR_REMOTE_SESSIONS_MAX];
    uint64_t turns;
} tr_remote_t;

/* ---- a2a_remote.c ---- */

/* Starts a transfer with the headers that all have; body NULL: GET. body is borrowed until its end. trace: a traceparent, which goes along where it is
 * sampled; NULL: none. 0, or -ENOMEM or the error of the key. */
int tr_remote_ask(tr_remote_t *self, const char *url, const char *body, const char *trace, int64_t time_ms,
    const tr_llm_transfer_ops_t *ops, void *arg, tr_llm_transfer_t **ret_transfer, tr_error_t *error);
/* The session of that name, the one that was used least recently where there is none yet. */
tr_remote_session_t *tr_remote_session(tr_remote_t *self, const char *who);

/* ---- a2a_errand.c ---- */

/* Takes a request on: it will be answered. Negative: it was not, and has not been answered. */
int tr_remote_errand_start(tr_remote_t *self, const tr_message_t *message);
/* The errand of the request that this asks to cancel, where there is one. */
void tr_remote_cancel(tr_remote_t *self, const tr_message_t *message);
/* All are given back without an answer. For fini. */
void tr_remote_errands_finish(tr_remote_t *self);

#endif
