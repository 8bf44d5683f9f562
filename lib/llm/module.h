/* What the model client's module exports, under the name tr_llm_module; llm.c calls it. */
#ifndef TR_LLM_MODULE_H
#define TR_LLM_MODULE_H

#include "lib/base/module.h"
#include "lib/llm/llm.h"

#define TR_LLM_MODULE_SYMBOL "tr_llm_module"

/* The functions of llm.h. */
typedef struct tr_llm_module {
    const char *version; /* TROUPE_VERSION */
    int (*open)(const tr_llm_options_t *options, tr_llm_t **ret_llm, tr_error_t *error);
    void (*close)(tr_llm_t **self);
    int (*fd)(const tr_llm_t *self);
    void (*work)(tr_llm_t *self);
    int (*start)(
        tr_llm_t *self, const tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error);
    tr_llm_usage_t (*cancel)(tr_llm_t *self, tr_llm_call_t **call);
    bool (*account)(const tr_llm_t *self, const char *name, tr_llm_account_t *ret_account);
    int (*limit)(tr_llm_t *self, const char *name, uint64_t tokens_max, uint64_t nano_max);
    void (*forget)(tr_llm_t *self, const char *name);
    void (*stat)(const tr_llm_t *self, tr_llm_stats_t *ret_stats);
    bool (*has_model)(const tr_llm_t *self, tr_llm_op_t op, const char *operation);
} tr_llm_module_t;

/* A client begins with its module. */
struct tr_llm {
    const tr_llm_module_t *module;
};

#endif
