#include "lib/agent/protocol/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same name with and without its platform is found later, by its conversation's key. */
static int check_names(const char *const *names, size_t n, tr_error_t *error) {
    if (!n || n > TR_CALL_PARTICIPANTS_MAX)
        return tr_error_set(
            error, -EINVAL, "%zu participants: 1 to %d can be called", n, TR_CALL_PARTICIPANTS_MAX);
    const char **sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        tr_aid_t aid;
        sorted[i] = names[i] ? names[i] : "";
        if (tr_aid_parse(&aid, sorted[i], strlen(sorted[i])) < 0 || aid.service)
            r = tr_error_set(
                error, -EINVAL, "\"%.200s\" is no participant: name or name@platform", sorted[i]);
    }
    if (r == 0)
        qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 1; i < n && r == 0; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            r = tr_error_set(
                error, -EINVAL, "%.200s is called twice: each participant is named once", sorted[i]);
    free(sorted);
    return r;
}

static int take_id(tr_group_t *self, tr_conversations_t *store, const char *id, tr_error_t *error) {
    if (id && strlen(id) >= sizeof self->id)
        return tr_error_set(
            error, -EINVAL, "the conversation-id is longer than %d bytes", TR_CONVERSATION_TEXT);
    if (id)
        snprintf(self->id, sizeof self->id, "%s", id);
    else
        tr_conversations_make_id(store, self->agent->hosted->host, self->id, sizeof self->id);
    store->names_calls |= id != NULL;
    return 0;
}

int tr_group_init(tr_group_t *self, tr_agent_t *agent, const char *id, const char *const *names, size_t n,
    tr_error_t *error) {
    int r = check_names(names, n, error);
    if (r < 0)
        return r;
    tr_conversations_t *store = tr_conversations_of(agent);
    self->members = store ? calloc(n, sizeof *self->members) : NULL;
    self->proposals = calloc(n, sizeof *self->proposals);
    if (!self->members || !self->proposals)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->agent = agent;
    self->n = n;
    for (size_t i = 0; i < n; i++)
        self->members[i].group = self;
    self->next = store->groups;
    if (self->next)
        self->next->link = &self->next;
    self->link = &store->groups;
    store->groups = self;
    return take_id(self, store, id, error);
}

void tr_group_forget_proposal(tr_member_t *m) {
    if (m->has_value)
        tr_content_finish(&m->value);
    free((void *)(uintptr_t)m->proposal.content);
    m->proposal = (tr_proposal_t){0};
    m->has_value = m->proposed = false;
}

void tr_group_destroy(tr_group_t *self) {
    tr_timer_cancel(&self->timer);
    for (size_t i = 0; self->members && i < self->n; i++) {
        tr_group_forget_proposal(&self->members[i]);
        free((void *)(uintptr_t)self->members[i].from);
    }
    if (self->link) {
        *self->link = self->next;
        if (self->next)
            self->next->link = self->link;
    }
    free(self->members);
    free(self->proposals);
    free(self);
}

int tr_group_start(
    tr_group_t *self, const tr_initiator_t *with, const char *const *names, tr_error_t *error) {
    tr_error_t why = {0};
    int first = 0;
    for (size_t i = 0; i < self->n; i++) {
        tr_member_t *m = &self->members[i];
        tr_initiator_t one = *with;
        one.receiver = names[i];
        one.conversation_id = self->id;
        one.arg = m;
        int r = tr_conversation_start(self->agent, &one, &m->conversation, first ? NULL : &why);
        first = first ? first : r;
        if (r < 0)
            continue;
        m->waiting = true;
        self->called++;
    }
    self->open = self->waiting = self->called;
    if (self->called)
        return 0;
    if (error)
        *error = why;
    return first;
}

int tr_group_note(tr_member_t *m, const tr_message_t *message) {
    size_t len;
    const void *bytes = tr_message_content(message, &len);
    void *copy = len ? malloc(len) : NULL;
    tr_group_forget_proposal(m);
    if (!m->from)
        m->from = strdup(tr_message_sender(message));
    if ((len && !copy) || !m->from) {
        free(copy);
        return -ENOMEM;
    }
    if (len)
        memcpy(copy, bytes, len);
    /* decoded from the copy, for a string in it points there */
    m->has_value = tr_message_value(message) && tr_content_init(&m->value, copy, len) == 0;
    m->proposed = true;
    m->proposal = (tr_proposal_t){.from = m->from,
        .value = m->has_value ? &m->value.root : NULL,
        .content = copy,
        .content_len = len,
        .member = m};
    m->group->proposals[m->group->proposals_n++] = m->proposal;
    return 0;
}

void tr_group_left(tr_member_t *m, tr_outcome_t outcome) {
    tr_group_t *g = m->group;
    m->conversation = NULL;
    g->open--;
    g->ended[outcome]++;
    if (m->waiting)
        g->waiting--;
    m->waiting = false;
}

void tr_groups_free(tr_conversations_t *store) {
    while (store->groups)
        tr_group_destroy(store->groups);
}
