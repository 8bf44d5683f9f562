/*
 * HTTP for tools: the transfers of lib/llm/transfer.h, which need libcurl, as a module, so that an agent whose tools ask nobody by HTTP does not pay
 * for it. It works on the loop of the registry.
 */
#ifndef TR_TOOL_WEB_H
#define TR_TOOL_WEB_H

#include "lib/llm/transfer.h"

#define TR_WEB_MODULE_SYMBOL "tr_web_module"

#define TR_WEB_URL_MAX 2048

/* A URL in its parts, made plain as libcurl asks for it: no dots in its path, the port that its scheme has. */
typedef struct tr_web_url {
    char whole[TR_WEB_URL_MAX + 1], path[TR_WEB_URL_MAX + 1];
    char scheme[16], host[256];
    unsigned port;
} tr_web_url_t;

/* The functions of transfer.h, and of URLs. */
typedef struct tr_web_module {
    const char *version; /* TROUPE_VERSION */
    int (*open)(tr_llm_loop_t *loop, tr_llm_transfers_t **ret_self, tr_error_t *error);
    void (*close)(tr_llm_transfers_t **self);
    int (*start)(tr_llm_transfers_t *self, const tr_llm_http_t *http, const tr_llm_transfer_ops_t *ops,
        void *arg, tr_llm_transfer_t **ret_transfer);
    void (*cancel)(tr_llm_transfer_t **transfer);
    /* `url`, seen from `base` (NULL = it is whole). -EINVAL: none, not of http or https, with a user, or too long. */
    int (*url)(const char *base, const char *url, tr_web_url_t *ret_url);
} tr_web_module_t;

/* 0, or -ENOTSUP with what to install. */
int tr_web_load(const tr_web_module_t **ret_web, tr_error_t *error);

#endif
