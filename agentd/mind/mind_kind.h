/* What an implementation of a mind gives to the port. Only for those that implement one. */
#ifndef TR_AGENTD_MIND_MIND_KIND_H
#define TR_AGENTD_MIND_MIND_KIND_H

#include "agentd/mind/mind.h"

/* All take the implementation's own struct, whose first member is the tr_mind_t. None may be NULL. */
typedef struct tr_mind_kind {
    const char *description;
    int (*fd)(const tr_mind_t *self);
    void (*work)(tr_mind_t *self);
    int (*ask)(tr_mind_t *self, const tr_mind_request_t *request, tr_error_t *error); /* of a valid request */
    tr_mind_cost_t (*cancel)(tr_mind_t *self, const void *arg);
    void (*destroy)(tr_mind_t *self);
} tr_mind_kind_t;

struct tr_mind {
    const tr_mind_kind_t *kind;
    tr_mind_span_fn on_span; /* NULL = nobody is told */
    void *span_arg;
};

#endif
