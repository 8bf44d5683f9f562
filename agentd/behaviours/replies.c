#include "agentd/behaviours/replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 10

struct tr_reply_entry {
    tr_reply_entry_t *next;
    tr_message_t *to;
    tr_performative_t act;
    size_t len;
    uint8_t bytes[];
};

static void shift(tr_replies_t *self, bool release) {
    tr_reply_entry_t *entry = self->head;
    self->head = entry->next;
    if (!self->head)
        self->tail = NULL;
    if (release)
        tr_message_release(&entry->to);
    else
        tr_message_done(&entry->to);
    free(entry);
}

static void retry(tr_agent_t *agent, void *state, void *arg) {
    (void)state;
    tr_replies_t *self = arg;
    self->timer = NULL;
    while (self->head) {
        const tr_reply_entry_t *e = self->head;
        /* Another error than -EAGAIN comes at the first try or never, ignoring. */
        if (tr_reply(agent, e->to, e->act, e->bytes, e->len) == -EAGAIN)
            break;
        shift(self, false);
    }
    if (self->head)
        self->timer = tr_timer_start(agent, RETRY_MS, retry, self);
}

static int keep(tr_replies_t *self, tr_agent_t *agent, const tr_message_t *to, tr_performative_t act,
    const void *bytes, size_t len) {
    tr_reply_entry_t *entry = calloc(1, sizeof *entry + len);
    if (!entry)
        return -ENOMEM;
    if (!self->timer)
        self->timer = tr_timer_start(agent, RETRY_MS, retry, self);
    entry->to = self->timer ? tr_message_keep(to) : NULL;
    if (!entry->to) {
        free(entry);
        return -ENOMEM;
    }
    entry->act = act;
    entry->len = len;
    memcpy(entry->bytes, bytes, len);
    if (self->tail)
        self->tail->next = entry;
    else
        self->head = entry;
    self->tail = entry;
    return 0;
}

int tr_replies_send(tr_replies_t *self, tr_agent_t *agent, const tr_message_t *to, tr_performative_t act,
    tr_content_writer_t *content) {
    const void *bytes;
    size_t len;
    int rc = tr_content_writer_take(content, &bytes, &len);
    if (rc == 0) {
        rc = self->head ? -EAGAIN : tr_reply(agent, to, act, bytes, len);
        if (rc == -EAGAIN)
            rc = keep(self, agent, to, act, bytes, len);
    }
    tr_content_writer_finish(content);
    return rc;
}

int tr_replies_send_reason(tr_replies_t *self, tr_agent_t *agent, const tr_message_t *to,
    tr_performative_t act, const char *reason, const char *detail) {
    tr_content_writer_t writer;
    tr_content_writer_init(&writer);
    tr_write_map(&writer, 2);
    tr_write_kv(&writer, "reason", reason);
    tr_write_kv(&writer, "detail", detail);
    return tr_replies_send(self, agent, to, act, &writer);
}

void tr_replies_finish(tr_replies_t *self) {
    if (self->timer)
        tr_timer_cancel(&self->timer);
    while (self->head)
        shift(self, true);
}

static bool same(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

bool tr_replies_cancels(const tr_message_t *cancel, const tr_message_t *asked) {
    const tr_acl_t *a = tr_message_acl(cancel), *b = tr_message_acl(asked);
    return a && b && same(a->conversation_id, b->conversation_id) && same(a->sender, b->sender);
}
