/* Mailboxes that are held to the interaction protocols: `protocol` of the fleet file, asked of the AMS (mailbox-protocol), which forgets it
 * with the end of a broker without a journal. */
#include "proto/json.h"
#include "tools/up/up_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 10000
#define AGAIN_MS  500

static void again(tr_agent_t *agent, void *state, void *arg) {
    (void)agent;
    (void)state;
    tr_up_hold_all(arg);
}

/* The name is the answer's to free. */
static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_up_t *self = *(tr_up_t **)state;
    char detail[200] = "the AMS does not answer";
    (void)agent;
    if (answer)
        tr_value_copy(tr_value_get(tr_message_value(answer), "detail"), detail, sizeof detail);
    if (!answer || tr_message_performative(answer) != TR_INFORM)
        TR_UP_LOG(self, UNCHECKED, "name=%s detail=%s", (const char *)arg, detail);
    free(arg);
}

/* 0 or a negative errno. */
static int ask(tr_up_t *self, const char *name, const char *policy) {
    tr_content_writer_t w;
    const char *ams = "ams";
    char *copy = strdup(name);
    tr_acl_t acl = {.performative = TR_REQUEST, .receivers = {&ams, 1}, .protocol = "fipa-request"};
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "action", "mailbox-protocol");
    tr_write_kv(&w, "name", name);
    tr_write_kv(&w, "policy", policy);
    int rc = copy ? tr_content_writer_take(&w, &acl.content, &acl.content_len) : -ENOMEM;
    if (rc == 0)
        rc = tr_request(self->agent, &acl, ANSWER_MS, on_answer, copy);
    tr_content_writer_finish(&w);
    if (rc < 0)
        free(copy);
    return rc;
}

/* The link has no room, or is not up yet: all of them, in a moment. */
static void hold(tr_up_t *self, const tr_member_t *member, bool *ret_again) {
    int policy = member->group ? member->group->agent.protocol : 0;
    if (policy && ask(self, member->name, tr_fleet_protocol_words[policy]) < 0)
        *ret_again = true;
}

static void try_again(tr_up_t *self, bool wanted) {
    if (wanted && !tr_timer_start(self->agent, AGAIN_MS, again, self))
        TR_UP_LOG(self, UNCHECKED, "name=%s detail=%s", "all", strerror(ENOMEM));
}

void tr_up_hold(tr_up_t *self, const tr_member_t *member) {
    bool wanted = false;
    if (self->agent)
        hold(self, member, &wanted);
    try_again(self, wanted);
}

void tr_up_hold_all(tr_up_t *self) {
    bool wanted = false;
    for (size_t i = 0; i < self->roster.member_count && !wanted; i++)
        if (self->roster.members[i]->ready || self->roster.members[i]->moved)
            hold(self, self->roster.members[i], &wanted);
    try_again(self, wanted);
}
