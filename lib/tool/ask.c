#include "lib/tool/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/agent/json_request.h"

struct tr_ask {
    tr_ask_t *next, **link;
    tr_ask_fn on_answer; /* NULL: forgotten */
    void *arg;
};

static void end_ask(tr_ask_t *ask) {
    *ask->link = ask->next;
    if (ask->next)
        ask->next->link = ask->link;
    free(ask);
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_ask_t *ask = arg;
    tr_ask_fn fn = ask->on_answer;
    void *his = ask->arg;
    (void)agent, (void)state;
    end_ask(ask);
    if (!fn)
        return;
    json_t *content = tr_answer_json(answer);
    fn(his, tr_answer_is_good(answer), content);
    json_decref(content);
}

int tr_ask_send(tr_asks_t *self, const tr_question_to_t *q, tr_ask_t **ret_ask) {
    tr_ask_t *ask = calloc(1, sizeof *ask);
    int rc = ask ? 0 : -ENOMEM;
    if (ask) {
        *ask = (tr_ask_t){self->first, &self->first, q->on_answer, q->arg};
        if (ask->next)
            ask->next->link = &ask->next;
        self->first = ask;
        rc = tr_request_json(q->agent, q->under, q->to, q->content, q->timeout_ms, on_answer, ask);
        if (rc < 0)
            end_ask(ask);
    }
    json_decref(q->content);
    if (rc == 0)
        *ret_ask = ask;
    return rc;
}

void tr_ask_forget(tr_ask_t **ask) {
    if (*ask)
        (*ask)->on_answer = NULL;
    *ask = NULL;
}

void tr_asks_finish(tr_asks_t *self) {
    while (self->first)
        end_ask(self->first);
}

const char *tr_ask_why(const json_t *content, char *out, size_t size) {
    const char *reason = json_string_value(json_object_get(content, "reason"));
    const char *detail = json_string_value(json_object_get(content, "detail"));
    snprintf(out, size, "%s%s%s", reason ? reason : "", reason && detail ? ": " : "", detail ? detail : "");
    if (!reason && !detail)
        snprintf(out, size, "it gave no reason");
    return out;
}
