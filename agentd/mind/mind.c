#include "agentd/mind/mind.h"

#include <errno.h>
#include <string.h>

#include "agentd/mind/mind_kind.h"

static const char *const op_words[TR_MIND_OPS] = {
    [TR_MIND_SENTIMENT] = "sentiment",
    [TR_MIND_INTENT] = "intent",
    [TR_MIND_ENTITIES] = "entities",
    [TR_MIND_SUMMARISE] = "summarise",
    [TR_MIND_RANK] = "rank",
    [TR_MIND_CHOOSE] = "choose",
    [TR_MIND_REWRITE] = "rewrite",
    [TR_MIND_INSTRUCTION] = "instruction",
    [TR_MIND_EMBED] = "embed",
    [TR_MIND_PLAN] = "plan",
    [TR_MIND_DIALOGUE] = "dialogue",
    [TR_MIND_JUDGE] = "judge",
    [TR_MIND_ANSWER] = "answer",
    [TR_MIND_ACT] = "act",
    [TR_MIND_TRANSCRIBE] = "transcribe",
    [TR_MIND_SPEAK] = "speak",
    [TR_MIND_DESCRIBE_IMAGE] = "describe_image",
};

static const char *const status_words[TR_MIND_STATUSES] = {
    [TR_MIND_OK] = "ok",
    [TR_MIND_INVALID] = "invalid",
    [TR_MIND_UNSUPPORTED] = "unsupported",
    [TR_MIND_OVER] = "over-limit",
    [TR_MIND_FAILED] = "failed",
};

const char *tr_mind_op_word(tr_mind_op_t op) {
    return (unsigned)op < TR_MIND_OPS ? op_words[op] : "unknown";
}

tr_mind_op_t tr_mind_op_find(const char *word) {
    for (unsigned op = 0; op < TR_MIND_OPS; op++)
        if (strcmp(op_words[op], word) == 0)
            return (tr_mind_op_t)op;
    return TR_MIND_OPS;
}

const char *tr_mind_status_word(tr_mind_status_t status) {
    return (unsigned)status < TR_MIND_STATUSES ? status_words[status] : "unknown";
}

const char *tr_mind_describe(const tr_mind_t *self) {
    return self->kind->description;
}

int tr_mind_fd(const tr_mind_t *self) {
    return self->kind->fd(self);
}

void tr_mind_on_span(tr_mind_t *self, tr_mind_span_fn on_span, void *arg) {
    self->on_span = on_span;
    self->span_arg = arg;
}

void tr_mind_work(tr_mind_t *self) {
    self->kind->work(self);
}

int tr_mind_ask(tr_mind_t *self, const tr_mind_request_t *request, tr_error_t *error) {
    if ((unsigned)request->op >= TR_MIND_OPS)
        return tr_error_set(error, -EINVAL, "mind: there is no operation %u", (unsigned)request->op);
    if (!request->on_done || (!request->text && request->length > 0))
        return tr_error_set(error, -EINVAL, "mind: %s without %s", op_words[request->op],
            request->on_done ? "a text" : "on_done, to whom to answer");
    if (request->length > TR_MIND_TEXT_MAX)
        return tr_error_set(error, -EFBIG, "mind: %s of %zu bytes; %zu at most: ask for it in parts",
            op_words[request->op], request->length, TR_MIND_TEXT_MAX);
    return self->kind->ask(self, request, error);
}

tr_mind_cost_t tr_mind_cancel(tr_mind_t *self, const void *arg) {
    return self->kind->cancel(self, arg);
}

void tr_mind_destroy(tr_mind_t **self) {
    if (!self || !*self)
        return;
    (*self)->kind->destroy(*self);
    *self = NULL;
}
