/* The functions of llm.h, which lead into the module. */
#include "lib/llm/module.h"

static const tr_module_kind_t kind = {"the model client's module", "llm.so", TR_LLM_MODULE_SYMBOL, "lib/llm",
    TR_LLM_MODULES, TR_LLM_LIBDIR, "llm"};

const char *tr_llm_status_word(tr_llm_status_t status) {
    static const char *const words[TR_LLM_STATUSES] = {
        [TR_LLM_OK] = "ok",
        [TR_LLM_NO_PROVIDER] = "no-provider",
        [TR_LLM_UNREACHABLE] = "unreachable",
        [TR_LLM_TIMED_OUT] = "timed-out",
        [TR_LLM_RATE_LIMITED] = "rate-limited",
        [TR_LLM_UNAVAILABLE] = "unavailable",
        [TR_LLM_REFUSED] = "refused",
        [TR_LLM_BROKEN] = "broken",
        [TR_LLM_GARBLED] = "garbled",
        [TR_LLM_MISMATCH] = "mismatch",
        [TR_LLM_CUT] = "cut",
        [TR_LLM_FILTERED] = "filtered",
        [TR_LLM_TOO_LARGE] = "too-large",
        [TR_LLM_OVER_BUDGET] = "over-budget",
        [TR_LLM_FAILED] = "failed",
        [TR_LLM_CANCELLED] = "cancelled",
    };
    return status < TR_LLM_STATUSES ? words[status] : "unknown";
}

int tr_llm_open(const tr_llm_options_t *options, tr_llm_t **ret_llm, tr_error_t *error) {
    const tr_llm_module_t *module = NULL;
    int r = tr_module_load(&kind, options->module, (const void **)&module, error);
    return r < 0 ? r : module->open(options, ret_llm, error);
}

void tr_llm_close(tr_llm_t **self) {
    if (*self)
        (*self)->module->close(self);
}

int tr_llm_fd(const tr_llm_t *self) {
    return self->module->fd(self);
}

void tr_llm_work(tr_llm_t *self) {
    self->module->work(self);
}

int tr_llm_start(
    tr_llm_t *self, const tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error) {
    return self->module->start(self, request, ret_call, error);
}

tr_llm_usage_t tr_llm_cancel(tr_llm_t *self, tr_llm_call_t **call) {
    return self->module->cancel(self, call);
}

bool tr_llm_account(const tr_llm_t *self, const char *name, tr_llm_account_t *ret_account) {
    return self->module->account(self, name, ret_account);
}

int tr_llm_limit(tr_llm_t *self, const char *name, uint64_t tokens_max, uint64_t nano_max) {
    return self->module->limit(self, name, tokens_max, nano_max);
}

void tr_llm_forget(tr_llm_t *self, const char *name) {
    self->module->forget(self, name);
}

void tr_llm_stat(const tr_llm_t *self, tr_llm_stats_t *ret_stats) {
    self->module->stat(self, ret_stats);
}

bool tr_llm_has_model(const tr_llm_t *self, tr_llm_op_t op, const char *operation) {
    return self->module->has_model(self, op, operation);
}
