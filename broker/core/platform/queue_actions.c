/* What the AMS does with a durable queue: its own limits, and the end of one that nobody is there for. */
#include "broker/core/durable/durable.h"
#include "broker/core/platform/platform.h"

#include <stdio.h>

/* "name": the agent's; or "service". */
static tr_service_t *asked_for(tr_answer_t *a) {
    char agent[TR_AID_MAX + 1];
    if (tr_answer_mailbox(a, agent))
        return tr_mailbox_service(a->core, agent, false);
    size_t len;
    const char *name = tr_value_str(tr_value_get(a->request, "service"), &len);
    return name ? tr_service_get(a->core, name, len, false) : NULL;
}

/* NULL, and refused, where there is none. */
static tr_service_t *found(tr_answer_t *a) {
    if (!tr_answer_has_journal(a))
        return NULL;
    tr_service_t *s = asked_for(a);
    if (s && s->durable)
        return s;
    tr_answer_refuse(a, "unrecognised-parameter-value", "there is no durable mailbox or queue of this name");
    return NULL;
}

static bool read_limit(tr_answer_t *a, const char *key, int64_t *ret_limit) {
    *ret_limit = tr_value_int(tr_value_get(a->request, key), 0);
    if (*ret_limit < 0)
        tr_answer_refuse(a, "unrecognised-parameter-value", key);
    return *ret_limit >= 0;
}

void tr_handle_mailbox_limits(tr_answer_t *a) {
    tr_service_t *s = found(a);
    int64_t records, bytes, age;
    if (!s || !read_limit(a, "max-records", &records) || !read_limit(a, "max-bytes", &bytes) ||
        !read_limit(a, "max-age-ms", &age))
        return;
    tr_queue_limits_t before = s->durable->limits;
    s->durable->limits =
        (tr_queue_limits_t){.records = (uint64_t)records, .bytes = (uint64_t)bytes, .age_ms = age};
    if (tr_batch_queue(a->core, s->durable)) {
        tr_answer_done(a);
        tr_answer_when_stored(a);
        return;
    }
    s->durable->limits = before;
    tr_answer_fail(a, "out of memory");
}

void tr_handle_mailbox_drop(tr_answer_t *a) {
    tr_service_t *s = found(a);
    bool force = tr_value_bool(tr_value_get(a->request, "force"), false);
    char detail[80];
    if (!s)
        return;
    if (s->providers_n) {
        tr_answer_refuse(a, "unauthorised", "its agent is registered");
        return;
    }
    if (s->durable->records && !force) {
        snprintf(detail, sizeof detail, "%llu messages wait in it, and only `force` drops them",
            (unsigned long long)s->durable->records);
        tr_answer_refuse(a, "unauthorised", detail);
        return;
    }
    tr_reason_t why = tr_queue_drop(a->core, s->durable);
    if (why != TR_REASON_NONE) {
        tr_answer_refuse(a, "unauthorised",
            why == TR_REASON_BUSY ? "something of it is on its way to the disk: try again" : "out of memory");
        return;
    }
    tr_answer_done(a);
    tr_answer_when_stored(a);
}
