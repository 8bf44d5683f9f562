/* The inside of transfers, shared by transfer*.c. */
#ifndef TR_LLM_TRANSFER_PRIVATE_H
#define TR_LLM_TRANSFER_PRIVATE_H

#include "lib/base/buffer.h"
#include "lib/base/map.h"
#include "lib/llm/transfer.h"

#include <curl/curl.h>

#define TR_LLM_IDLE_HANDLES 32 /* kept for the next transfers */

/* Who has resolved the name of a server lately (transfer_origin.c). */
typedef struct tr_llm_origin {
    tr_llm_transfer_t *scout;        /* it goes first; NULL = nobody does */
    tr_llm_transfer_t *first, **end; /* those that wait for it */
    int64_t known_until_ms;
} tr_llm_origin_t;

struct tr_llm_transfer {
    tr_llm_transfers_t *owner;
    tr_llm_transfer_t *next, *previous; /* of all */
    tr_llm_transfer_t *next_dirty, *next_waiting;
    CURL *easy;
    struct curl_slist *headers;
    curl_mime *mime;
    const tr_llm_transfer_ops_t *ops;
    void *arg;
    tr_llm_limits_t limits;
    tr_llm_origin_t *origin; /* NULL where its server is an address */
    tr_buffer_t in;          /* came, not handed out yet */
    size_t received;
    tr_llm_timer_t timer;                      /* of the next limit; or to tell at once that it cannot be */
    int64_t timer_ms;                          /* what it is set to */
    int64_t started_ms, connected_ms, last_ms; /* 0 = not yet */
    tr_llm_report_t report;
    const char *keep_header;
    bool (*may_connect)(void *arg, const struct sockaddr *address);
    bool forbidden; /* it said no, and yes to none since */
    bool headed;    /* the report has what the head says */
    bool adds;      /* it is with the multi handle */
    bool dirty;     /* in the list of those with bytes */
    bool calls;     /* a callback of it runs */
    bool over;      /* done was called, or it was cancelled: it is freed when no callback runs */
    char error[CURL_ERROR_SIZE];
};

struct tr_llm_transfers {
    tr_llm_loop_t *loop;
    CURLM *multi;
    tr_llm_timer_t timer; /* what libcurl asked for */
    tr_llm_transfer_t *all;
    tr_llm_transfer_t *dirty, **dirty_end;
    CURL *idle[TR_LLM_IDLE_HANDLES];
    size_t idle_n;
    tr_map_t origins; /* "host:port" -> tr_llm_origin_t */
};

/* transfer.c: hands it to libcurl. Negative: it was finished with a report. */
void tr_llm_transfer_go(tr_llm_transfer_t *self);

/* transfer_setup.c: the easy handle with all options. 0, -ENOMEM, -EINVAL (its URL). */
int tr_llm_transfer_setup(tr_llm_transfer_t *self, const tr_llm_http_t *http);
void tr_llm_transfer_unset(tr_llm_transfer_t *self);

/* transfer_origin.c */
/* Whether it may go now; else it waits, and tr_llm_transfer_go is called when it may. 0 wait, 1 go, -ENOMEM, -EINVAL. */
int tr_llm_origin_enter(tr_llm_transfer_t *self, const char *url);
/* It has the server's address, or never will: others may go. Idempotent. */
void tr_llm_origin_leave(tr_llm_transfer_t *self, bool resolved);
void tr_llm_origins_finish(tr_llm_transfers_t *self);

#endif
