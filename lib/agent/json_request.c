#include "lib/agent/json_request.h"

#include <errno.h>
#include <string.h>

#include "proto/json.h"

int tr_request_json(tr_agent_t *self, const tr_message_t *under, const char *to, const json_t *content,
    int64_t timeout_ms, tr_answer_fn on_answer, void *arg) {
    tr_content_writer_t w;
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&to, 1}, .protocol = "fipa-request"};
    const void *bytes;
    tr_content_writer_init(&w);
    int rc = content ? tr_json_write(content, &w) : -ENOMEM;
    if (rc == 0)
        rc = tr_content_writer_take(&w, &bytes, &acl.content_len);
    if (rc == 0) {
        acl.content = bytes;
        rc = under ? tr_delegate_request(self, under, &acl, timeout_ms, on_answer, arg)
                   : tr_request(self, &acl, timeout_ms, on_answer, arg);
    }
    tr_content_writer_finish(&w);
    return rc;
}

json_t *tr_answer_json(const tr_message_t *answer) {
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

bool tr_answer_is_good(const tr_message_t *answer) {
    if (!answer || tr_message_type(answer) == TR_MESSAGE_FAILED)
        return false;
    tr_performative_t act = tr_message_performative(answer);
    return act == TR_INFORM || act == TR_CONFIRM;
}
