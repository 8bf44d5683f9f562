#include "agentd/behaviours/errand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"

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

static int send_json(tr_errand_t *errand, const char *to, const json_t *content, int64_t timeout_ms) {
    tr_content_writer_t w;
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&to, 1}, .protocol = "fipa-request"};
    const void *bytes;
    tr_content_writer_init(&w);
    int rc = content ? tr_json_write(content, &w) : -ENOMEM;
    if (rc == 0)
        rc = tr_content_writer_take(&w, &bytes, &acl.content_len);
    if (rc == 0) {
        acl.content = bytes;
        rc = tr_delegate_request(errand->agent, errand->under, &acl, timeout_ms, on_answer, errand);
    }
    tr_content_writer_finish(&w);
    return rc;
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
        rc = send_json(errand, to, content, timeout_ms);
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

json_t *tr_errand_content(const tr_message_t *answer) {
    size_t len = 0;
    const tr_acl_t *acl = answer ? tr_message_acl(answer) : NULL;
    if (!answer)
        return json_pack("{s:s, s:s}", "reason", "timed-out", "detail", "no answer came in time");
    if (tr_message_type(answer) == TR_MESSAGE_FAILED)
        return json_pack("{s:s, s:s}", "reason", "not-delivered", "detail",
            "it could not be delivered, or whom it was for ended");
    const char *bytes = tr_message_content(answer, &len);
    if (acl && acl->language && strcmp(acl->language, "text") == 0)
        return json_stringn(bytes, len);
    return tr_value_to_json(tr_message_value(answer));
}

bool tr_errand_went_well(const tr_message_t *answer) {
    if (!answer || tr_message_type(answer) == TR_MESSAGE_FAILED)
        return false;
    tr_performative_t act = tr_message_performative(answer);
    return act == TR_INFORM || act == TR_CONFIRM;
}
