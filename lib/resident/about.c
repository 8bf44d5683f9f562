#include "lib/resident/about.h"

#include "proto/traceparent.h"
#include "troupe/message.h"

bool tr_about_message(const tr_message_t *message, tr_log_about_t *about) {
    const tr_acl_t *acl = message ? tr_message_acl(message) : NULL;
    if (!acl)
        return false;
    about->trace = tr_traceparent_id(acl->traceparent, about->trace_text);
    about->conversation = acl->conversation_id;
    return true;
}

void tr_about_busy(const tr_host_t *host, tr_log_about_t *about) {
    tr_host_busy_with(host, &about->trace, &about->conversation);
}

bool tr_about_host(const tr_host_t *host, tr_log_about_t *about) {
    const tr_message_t *told = tr_host_event_message(host);
    return tr_about_message(told ? told : tr_host_message(host), about);
}
