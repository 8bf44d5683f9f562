#include "lib/knowledge/gather.h"

#include <stdlib.h>
#include <string.h>

typedef struct part {
    tr_gather_t *gather;
    char to[TR_AID_MAX + 1]; /* "" = nobody */
    tr_content_writer_t content;
    bool waits;
    char *answer; /* owned; NULL: there is none */
    size_t len;
    tr_performative_t act;
    tr_content_t said; /* of the answer's bytes; empty where they are no content */
    bool is_said;
} part_t;

struct tr_gather {
    tr_gather_t *next, **link;
    tr_agent_t *agent;
    tr_gather_fn done; /* NULL: nobody is to be called */
    void *arg;
    size_t count, waiting;
    bool forgotten; /* it is freed when nobody is waited for any more */
    tr_timer_t *timer;
    part_t parts[];
};

tr_gather_t *tr_gather_new(tr_gathers_t *owner, tr_agent_t *agent, size_t count) {
    tr_gather_t *self = calloc(1, sizeof *self + count * sizeof *self->parts);
    if (!self)
        return NULL;
    *self = (tr_gather_t){.next = owner->first, .link = &owner->first, .agent = agent, .count = count};
    if (self->next)
        self->next->link = &self->next;
    owner->first = self;
    for (size_t i = 0; i < count; i++) {
        self->parts[i].gather = self;
        tr_content_writer_init(&self->parts[i].content);
    }
    return self;
}

static void forget(tr_gather_t *self) {
    self->forgotten = true;
    tr_timer_cancel(&self->timer);
    for (size_t i = 0; i < self->count; i++) {
        part_t *part = &self->parts[i];
        tr_content_finish(&part->said);
        free(part->answer);
        part->answer = NULL;
        part->is_said = false;
    }
}

static void release(tr_gather_t *self) {
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    for (size_t i = 0; i < self->count; i++)
        tr_content_writer_finish(&self->parts[i].content);
    free(self);
}

tr_content_writer_t *tr_gather_ask(tr_gather_t *self, size_t i, const char *to) {
    strncpy(self->parts[i].to, to, TR_AID_MAX);
    return &self->parts[i].content;
}

static void conclude(tr_gather_t *self) {
    tr_gather_fn done = self->done;
    self->done = NULL;
    if (self->forgotten)
        release(self);
    else if (done)
        done(self, self->arg);
}

/* Without memory it is as if it had not come. */
static void take(part_t *part, const tr_message_t *answer) {
    const void *bytes = tr_message_content(answer, &part->len);
    if (!(part->answer = malloc(part->len + 1)))
        return;
    if (part->len)
        memcpy(part->answer, bytes, part->len);
    part->act = tr_message_performative(answer);
    part->is_said = tr_content_init(&part->said, part->answer, part->len) == 0;
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    part_t *part = arg;
    tr_gather_t *self = part->gather;
    (void)agent, (void)state;
    part->waits = false;
    if (answer && tr_message_type(answer) == TR_MESSAGE_DIRECT && !self->forgotten)
        take(part, answer);
    if (--self->waiting == 0)
        conclude(self);
}

static void on_nobody(tr_agent_t *agent, void *state, void *arg) {
    tr_gather_t *self = arg;
    (void)agent, (void)state;
    self->timer = NULL;
    conclude(self);
}

static void ask(tr_gather_t *self, part_t *part, int64_t timeout_ms) {
    const char *to = part->to;
    const void *bytes;
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&to, 1}, .protocol = "fipa-request"};
    if (*to && tr_content_writer_take(&part->content, &bytes, &acl.content_len) == 0) {
        acl.content = bytes;
        part->waits = tr_request(self->agent, &acl, timeout_ms, on_answer, part) == 0;
    }
    self->waiting += part->waits;
    tr_content_writer_finish(&part->content);
    tr_content_writer_init(&part->content);
}

void tr_gather_send(tr_gather_t *self, int64_t timeout_ms, tr_gather_fn done, void *arg) {
    self->done = done;
    self->arg = arg;
    for (size_t i = 0; i < self->count; i++)
        ask(self, &self->parts[i], timeout_ms < 1 ? 1 : timeout_ms);
    if (self->waiting == 0)
        self->timer = tr_timer_start(self->agent, 0, on_nobody, self);
    if (self->waiting == 0 && !self->timer)
        conclude(self); /* without memory it cannot be later */
}

size_t tr_gather_count(const tr_gather_t *self) {
    return self->count;
}

tr_gather_how_t tr_gather_how(const tr_gather_t *self, size_t i) {
    const part_t *part = &self->parts[i];
    return !*part->to               ? TR_GATHER_UNASKED
           : !part->answer          ? TR_GATHER_AWAY
           : part->act == TR_INFORM ? TR_GATHER_ANSWERED
                                    : TR_GATHER_REFUSED;
}

tr_value_t tr_gather_said(const tr_gather_t *self, size_t i) {
    return self->parts[i].is_said ? &self->parts[i].said.root : NULL;
}

tr_value_t tr_gather_value(const tr_gather_t *self, size_t i) {
    return tr_gather_how(self, i) == TR_GATHER_ANSWERED ? tr_gather_said(self, i) : NULL;
}

const void *tr_gather_bytes(const tr_gather_t *self, size_t i, tr_performative_t *ret_act, size_t *ret_len) {
    const part_t *part = &self->parts[i];
    if (!part->answer)
        return NULL;
    *ret_act = part->act;
    *ret_len = part->len;
    return part->answer;
}

void tr_gather_destroy(tr_gather_t **self_p) {
    tr_gather_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    forget(self);
    if (self->waiting == 0)
        release(self);
}

void tr_gathers_stop(tr_gathers_t *self) {
    for (tr_gather_t *one = self->first; one; one = one->next)
        forget(one);
}

void tr_gathers_finish(tr_gathers_t *self) {
    while (self->first)
        release(self->first);
}
