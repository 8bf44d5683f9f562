#include "agentd/behaviours/errand.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/agent/json_request.h"

struct tr_errand {
    tr_errand_t *next, **link;
    tr_agent_t *agent;
    tr_message_t *under;
    tr_errand_fn on_answer;
    json_t *carried;
};

static void end_errand(tr_errand_t *errand, bool done) {
    *errand->link = errand->next;
    if (errand->next)
        errand->next->link = errand->link;
    if (done)
        tr_message_done(&errand->under);
    else
        tr_message_release(&errand->under);
    json_decref(errand->carried);
    free(errand);
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_errand_t *errand = arg;
    if (answer)
        tr_message_regain(errand->under, answer);
    errand->on_answer(agent, state, errand->under, answer, errand->carried);
    end_errand(errand, true);
}

int tr_errand_send(tr_errands_t *self, tr_agent_t *agent, const tr_message_t *under, const char *to,
    json_t *content, int64_t timeout_ms, tr_errand_fn on_done, json_t *carried) {
    tr_errand_t *errand = calloc(1, sizeof *errand);
    tr_message_t *kept = errand ? tr_message_keep(under) : NULL;
    int rc = kept ? 0 : -ENOMEM;
    if (rc == 0) {
        *errand = (tr_errand_t){self->first, &self->first, agent, kept, on_done, json_incref(carried)};
        if (errand->next)
            errand->next->link = &errand->next;
        self->first = errand;
        rc = tr_request_json(agent, errand->under, to, content, timeout_ms, on_answer, errand);
        if (rc < 0)
            end_errand(errand, false);
    } else {
        free(errand);
    }
    json_decref(content);
    json_decref(carried);
    return rc;
}

void tr_errands_finish(tr_errands_t *self) {
    while (self->first)
        end_errand(self->first, false);
}
