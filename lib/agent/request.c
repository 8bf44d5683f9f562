/* Requests with one answer: matched by in-reply-to, bounded by a timer. */
#include "lib/agent/host_private.h"

#include <errno.h>
#include <stdlib.h>

/* At least so many digits. (Each request makes two ids: printf takes as long for them as all the rest.) */
static char *put_hex(char *out, uint64_t v, unsigned digits) {
    while (digits < 16 && v >> (4 * digits))
        digits++;
    for (unsigned i = digits; i-- > 0; v >>= 4)
        out[i] = "0123456789abcdef"[v & 15];
    return out + digits;
}

/* Eight digits that are the host's, a dash, and its counter. */
void tr_new_id(tr_host_t *host, char out[TR_ID_SIZE]) {
    char *end = put_hex(out, (uint32_t)(host->unique ^ host->unique >> 32), 8);
    *end++ = '-';
    *put_hex(end, ++host->counter, 1) = 0;
}

static tr_pending_t *find(tr_host_t *host, const char *reply_with) {
    return tr_map_find_ptr(&host->pending, reply_with, strlen(reply_with));
}

static void forget(tr_host_t *host, tr_pending_t *p) {
    tr_map_delete(&host->pending, p->reply_with, strlen(p->reply_with));
    if (p->timer)
        tr_timer_cancel(&p->timer);
    free(p);
}

static void on_timeout(tr_agent_t *agent, void *state, void *arg) {
    tr_pending_t *p = arg;
    tr_answer_fn fn = p->on_answer;
    void *user = p->arg;
    p->timer = NULL;
    forget(agent->hosted->host, p);
    fn(agent, state, NULL, user);
}

bool tr_request_answer(tr_host_t *host, tr_message_t *message) {
    if (message->type == TR_MESSAGE_EVENT || message->type == TR_MESSAGE_GAP)
        return false;
    const tr_acl_t *acl = tr_message_acl(message);
    const char *id = !acl ? NULL : message->type == TR_MESSAGE_FAILED ? acl->reply_with : acl->in_reply_to;
    tr_pending_t *p = id ? find(host, id) : NULL;
    if (!p || p->agent != message->agent)
        return false;
    if (message->type == TR_MESSAGE_DIRECT && tr_message_performative(message) == TR_AGREE)
        return true; /* the answer proper follows */
    if (!p->of_status && tr_message_is_status(message))
        return true; /* likewise */
    tr_answer_fn fn = p->on_answer;
    void *user = p->arg;
    forget(host, p);
    fn(message->agent, tr_agent_state(message->agent), message, user);
    return true;
}

static tr_pending_t *pending_new(tr_agent_t *self, const tr_acl_t *acl, tr_answer_fn on_answer, void *arg) {
    const char *receiver = acl->receivers.items[0];
    size_t len = strlen(receiver) + 1, conversation = strlen(acl->conversation_id) + 1;
    tr_pending_t *p = calloc(1, sizeof *p + len + conversation);
    if (!p)
        return NULL;
    p->agent = self;
    p->on_answer = on_answer;
    p->arg = arg;
    p->act = (uint8_t)acl->performative;
    p->of_status = acl->ontology && !strcmp(acl->ontology, TR_STATUS_ONTOLOGY);
    p->conversation = p->receiver + len;
    memcpy(p->receiver, receiver, len);
    memcpy(p->conversation, acl->conversation_id, conversation);
    memcpy(p->reply_with, acl->reply_with, strlen(acl->reply_with) + 1); /* tr_new_id made it */
    return p;
}

static tr_pending_t *remember(
    tr_agent_t *self, const tr_acl_t *acl, int64_t timeout_ms, tr_answer_fn fn, void *arg) {
    tr_host_t *host = self->hosted->host;
    tr_pending_t *p = pending_new(self, acl, fn, arg);
    if (!p)
        return NULL;
    p->timer = tr_timer_start(self, timeout_ms, on_timeout, p);
    if (!p->timer || tr_map_put(&host->pending, p->reply_with, strlen(p->reply_with), (uintptr_t)p) < 0) {
        tr_timer_cancel(&p->timer);
        free(p);
        return NULL;
    }
    return p;
}

int tr_request(
    tr_agent_t *self, const tr_acl_t *message, int64_t timeout_ms, tr_answer_fn on_answer, void *arg) {
    tr_host_t *host = self->hosted->host;
    char id[TR_ID_SIZE] = "", conversation[TR_ID_SIZE];
    tr_acl_t acl = *message;
    if (acl.receivers.count != 1)
        return -EINVAL;
    tr_new_id(host, id);
    acl.reply_with = id;
    if (!acl.conversation_id) {
        tr_new_id(host, conversation);
        acl.conversation_id = conversation;
    }
    if (!acl.reply_by_ms)
        acl.reply_by_ms = (uint64_t)(tr_clock_wall_ms() + timeout_ms);
    tr_pending_t *p = remember(self, &acl, timeout_ms, on_answer, arg);
    if (!p)
        return -ENOMEM;
    int r = tr_send_at(self, &acl, &p->position);
    if (r < 0)
        forget(host, p);
    return r;
}

typedef struct request_id {
    char text[TR_ID_SIZE];
} request_id_t;

/* The ids of those requests, since what is called for one of them may end or begin others. NULL: none, or out of
 * memory (they wait for their time). */
static request_id_t *ids_of_gone(const tr_host_t *host, const tr_gone_t *gone, size_t *ret_n) {
    const char *platform = tr_link_platform(host->link);
    request_id_t *ids = NULL;
    size_t cursor = 0, n = 0, cap = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&host->pending, &cursor))) {
        const tr_pending_t *p = (const tr_pending_t *)(uintptr_t)slot->value;
        if (p->position > gone->position || !tr_gone_is(gone, platform, p->receiver))
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 16;
            request_id_t *grown = realloc(ids, cap * sizeof *grown);
            if (!grown)
                break;
            ids = grown;
        }
        memcpy(ids[n++].text, p->reply_with, sizeof ids->text);
    }
    *ret_n = n;
    return ids;
}

void tr_request_gone(tr_host_t *host, const tr_gone_t *gone) {
    size_t n;
    request_id_t *ids = ids_of_gone(host, gone, &n);
    for (size_t i = 0; i < n; i++) {
        const tr_pending_t *p = find(host, ids[i].text);
        const char *receiver = p ? p->receiver : NULL;
        if (!p)
            continue;
        tr_acl_t acl = {
            .performative = p->act,
            .receivers = {.items = &receiver, .count = 1},
            .reply_with = p->reply_with,
            .conversation_id = p->conversation,
        };
        tr_gone_fail(p->agent, &acl);
    }
    free(ids);
}

void tr_request_forget(tr_host_t *host, const tr_agent_t *agent) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&host->pending, &cursor))) {
        tr_pending_t *p = (tr_pending_t *)(uintptr_t)slot->value;
        if (p->agent != agent)
            continue;
        p->timer = NULL; /* the agent's timers are gone already */
        forget(host, p);
        cursor = 0; /* deleting moves slots */
    }
}
