/* What the supervisor is asked: each action changes the roster and the processes at once, and its answer
 * waits until the members that it concerns have come or gone. */
#include "tools/fleet/fleet_certs.h"
#include "tools/up/up_private.h"

#include "lib/base/ticket.h"
#include "proto/json.h"
#include "tools/up/fleet_status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

/* Takes the reference. NULL: out of memory, which the asker sees as a timeout. */
static void answer(tr_up_t *self, const tr_message_t *message, tr_performative_t act, json_t *content) {
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    if (content && tr_json_write(content, &w) == 0)
        tr_reply_content(self->agent, message, act, &w); /* who asked may be gone, ignoring */
    tr_content_writer_finish(&w);
    json_decref(content);
}

static void refuse(tr_up_t *self, const tr_message_t *message, const char *reason, const char *detail) {
    TR_UP_LOG(self, REFUSED, "from=%s reason=%s detail=%s", tr_message_sender(message), reason, detail);
    tr_reply_reason(self->agent, message, TR_REFUSE, reason, detail); /* as above, ignoring */
}

static const char *reason_of(int rc) {
    switch (rc) {
    case -ENOENT: return "not-registered";
    case -EEXIST: return "already-registered";
    case -ENOMEM: return "out-of-memory";
    default: return "unrecognised-parameter-value";
    }
}

static json_t *result(const tr_order_t *order) {
    return json_pack("{s:O, s:O}", "attached", order->attached, "ended", order->ended);
}

static void order_answer(tr_up_t *self, tr_order_t *order) {
    if (!order->request)
        return;
    if (order->failed)
        tr_reply_reason(self->agent, order->request, TR_FAILURE, "failed", order->failure);
    else
        answer(self, order->request, TR_INFORM, result(order));
    tr_message_done(&order->request);
}

static void order_destroy(tr_order_t *order) {
    tr_message_done(&order->request);
    json_decref(order->attached);
    json_decref(order->ended);
    free(order);
}

static tr_order_t *order_new(tr_up_t *self, const tr_message_t *message, const tr_fleet_request_t *request) {
    tr_order_t *order = calloc(1, sizeof *order);
    if (!order)
        return NULL;
    order->action = request->action;
    order->attached = json_array();
    order->ended = json_array();
    order->request = tr_message_keep(message);
    order->due_ms = tr_clock_ms() + request->timeout_ms;
    if (!order->attached || !order->ended || !order->request) {
        order_destroy(order);
        return NULL;
    }
    order->next = self->orders;
    self->orders = order;
    return order;
}

/* The first failure is the one that is told. */
static void order_fail(tr_order_t *order, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void order_fail(tr_order_t *order, const char *format, ...) {
    if (order->failed)
        return;
    order->failed = true;
    va_list args;
    va_start(args, format);
    vsnprintf(order->failure, sizeof order->failure, format, args);
    va_end(args);
}

/* ---- members that come and go ---- */

static json_t *named(const tr_member_t *member) {
    return json_pack("{s:s, s:i}", "name", member->name, "pid", (int)member->pid);
}

void tr_up_order_came(tr_up_t *self, tr_member_t *member) {
    tr_order_t *order = member->join;
    if (!order)
        return;
    member->join = NULL;
    order->waiting--;
    json_array_append_new(order->attached, named(member));
    tr_up_soon(self);
}

void tr_up_order_left(tr_up_t *self, tr_member_t *member) {
    tr_order_t *join = member->join, *leave = member->leave;
    member->join = member->leave = NULL;
    if (join) {
        order_fail(join, "%s was ended before it was registered", member->name);
        join->waiting--;
    }
    if (leave) {
        json_array_append_new(leave->ended, json_string(member->name));
        leave->waiting--;
    }
    tr_up_soon(self);
}

static void send_away(tr_up_t *self, tr_order_t *order, tr_member_t *member) {
    member->leaving = true;
    member->again = false;
    member->leave = order;
    if (order)
        order->waiting++;
    tr_supervise_stop(self->supervise, member->child, tr_clock_ms());
}

/* One that was moved is a member all the same: where it is, it goes on. */
static void stay_away(tr_up_t *self, tr_member_t *member) {
    member->once = true;
    member->join->waiting--;
    member->join = NULL;
    tr_supervise_stop(self->supervise, member->child, tr_clock_ms());
}

/* One that cannot start is not kept. */
void tr_up_order_failed(tr_up_t *self, tr_member_t *member, const char *why) {
    tr_order_t *order = member->join;
    if (!order->request) { /* nobody waits to be told */
        TR_UP_LOG(self, FAILED, "name=%s reason=%s", member->name, why);
        tr_up_say(self, "cannot start %s", why);
    }
    order_fail(order, "cannot start %s", why);
    if (member->fetched)
        stay_away(self, member);
    else if (!member->leaving)
        send_away(self, NULL, member);
    tr_up_soon(self);
}

static int bring_in(tr_up_t *self, tr_order_t *order, tr_group_t *group, tr_error_t *error) {
    char name[TR_NAME_MAX + 1];
    int64_t number = 0;
    tr_member_t *member = NULL;
    if (tr_roster_next(&self->roster, group, &number, name) < 0)
        return tr_error_set(
            error, -ENAMETOOLONG, "%s: the name is too long for a further member", group->agent.name);
    int rc = tr_up_add_member(self, group, number, &member, error);
    if (rc < 0)
        return rc;
    member->join = order;
    order->waiting++;
    return 0;
}

/* Several, or none: what was begun is taken back. */
static int bring_in_all(
    tr_up_t *self, tr_order_t *order, tr_group_t *group, int64_t count, tr_error_t *error) {
    int rc = 0;
    size_t before = self->roster.member_count;
    for (int64_t i = 0; rc == 0 && i < count; i++)
        rc = bring_in(self, order, group, error);
    for (size_t i = before; rc < 0 && i < self->roster.member_count; i++)
        send_away(self, NULL, self->roster.members[i]);
    return rc;
}

/* ---- the actions ---- */

/* The group that more members are asked for; made where the request brings settings. */
static int group_for(
    tr_up_t *self, const tr_fleet_request_t *request, tr_group_t **ret_group, tr_error_t *error) {
    if (request->settings && request->agent.durable && !*self->info.journal)
        return tr_error_set(error, -EINVAL,
            "%s would be durable, but the fleet's broker keeps no journal: say `journal: true` under "
            "`broker` in "
            "%s, and start the fleet again",
            request->name, self->info.file);
    if (request->settings) {
        const char *directory = request->directory ? request->directory : self->fleet->directory;
        int rc = tr_roster_add_group(&self->roster, &request->agent, directory, true, ret_group, error);
        bool secure = rc == 0 && self->fleet->secure;
        return secure ? tr_fleet_certs_group(self->fleet->state, &(*ret_group)->agent, error) : rc;
    }
    tr_group_t *group = tr_roster_group(&self->roster, request->name);
    if (group) {
        *ret_group = group;
        return 0;
    }
    tr_roster_no_group(&self->roster, request->name, error);
    tr_error_t none = *error;
    return tr_error_set(error, -ENOENT, "%s; a new agent needs --behaviour or a program", none.text);
}

static int check_several(const tr_group_t *group, tr_error_t *error) {
    if (group->agent.processes == TR_FLEET_PER_AGENT)
        return 0;
    return tr_error_set(error, -EINVAL,
        "\"%s\" is one process with %lld agents (processes: one): change its count in the fleet file",
        group->agent.name, (long long)group->agent.count);
}

static int do_attach(tr_up_t *self, tr_order_t *order, const tr_fleet_request_t *request, tr_error_t *error) {
    tr_group_t *group = NULL;
    int rc = group_for(self, request, &group, error);
    if (rc == 0)
        rc = check_several(group, error);
    if (rc == 0)
        rc = bring_in_all(self, order, group, request->count, error);
    if (rc < 0 && request->settings && group && group->members == 0)
        tr_roster_remove_group(&self->roster, group);
    return rc;
}

/* The one process that is meant. */
static int member_for(tr_up_t *self, const char *name, tr_member_t **ret_member, tr_error_t *error) {
    tr_member_t *member = tr_roster_member(&self->roster, name);
    tr_group_t *group = tr_roster_group(&self->roster, name);
    if (!member && group && tr_roster_staying(&self->roster, group) > 0)
        return tr_error_set(error, -EINVAL,
            "\"%s\" is a group of %zu: name one of them, like %s, or use `troupe scale %s=N`", name,
            tr_roster_staying(&self->roster, group), tr_roster_newest(&self->roster, group)->name, name);
    if (!member || !member->group)
        return tr_roster_no_member(&self->roster, name, error);
    if (member->leaving)
        return tr_error_set(error, -EBUSY, "\"%s\" is ending already", name);
    *ret_member = member;
    return 0;
}

/* Its own process has nothing to end, and what another one has is not this supervisor's to end. */
static int check_here(const tr_member_t *member, tr_error_t *error) {
    if (!member->moved)
        return 0;
    return tr_error_set(error, -EINVAL,
        "\"%s\" was moved to another process, whose pid `troupe ps` shows: end that one, its station, first, "
        "or begin "
        "\"%s\" here again once it has ended (`troupe restart %s`)",
        member->name, member->name, member->name);
}

static int do_detach(tr_up_t *self, tr_order_t *order, const tr_fleet_request_t *request, tr_error_t *error) {
    tr_member_t *member = NULL;
    int rc = member_for(self, request->name, &member, error);
    if (rc == 0)
        rc = check_here(member, error);
    if (rc == 0)
        send_away(self, order, member);
    return rc;
}

static int do_restart(
    tr_up_t *self, tr_order_t *order, const tr_fleet_request_t *request, tr_error_t *error) {
    tr_member_t *member = NULL;
    int rc = member_for(self, request->name, &member, error);
    if (rc == 0 && member->join)
        rc = tr_error_set(error, -EBUSY, "\"%s\" is being started already", member->name);
    if (rc < 0)
        return rc;
    member->again = true;
    member->once = false;
    member->fetched = member->moved;
    member->join = order;
    order->waiting++;
    tr_supervise_stop(self->supervise, member->child, tr_clock_ms());
    return 0;
}

/* Those that were moved stay: others go in their place, as long as there are any. */
static int check_moved(const tr_up_t *self, const tr_group_t *group, size_t wanted, tr_error_t *error) {
    const tr_member_t *one = NULL;
    size_t moved = 0;
    for (size_t i = 0; i < self->roster.member_count; i++) {
        const tr_member_t *member = self->roster.members[i];
        if (member->group != group || !member->moved || member->leaving)
            continue;
        one = member;
        moved++;
    }
    return moved > wanted ? check_here(one, error) : 0;
}

static int check_scale(tr_up_t *self, const tr_fleet_request_t *request, tr_error_t *error) {
    const char *name;
    json_t *value;
    json_object_foreach(request->groups, name, value) {
        const tr_group_t *group = tr_roster_group(&self->roster, name);
        int rc = group ? check_several(group, error) : tr_roster_no_group(&self->roster, name, error);
        if (rc == 0)
            rc = check_moved(self, group, (size_t)json_integer_value(value), error);
        if (rc < 0)
            return rc;
        size_t others = self->roster.member_count - group->members;
        if (others + (size_t)json_integer_value(value) > TR_FLEET_PROCESSES_MAX)
            return tr_error_set(error, -EINVAL, "%s=%lld: a fleet has at most %d processes", name,
                (long long)json_integer_value(value), TR_FLEET_PROCESSES_MAX);
    }
    return 0;
}

static int scale(tr_up_t *self, tr_order_t *order, tr_group_t *group, size_t wanted, tr_error_t *error) {
    size_t have = tr_roster_staying(&self->roster, group);
    for (; have > wanted; have--)
        send_away(self, order, tr_roster_newest_here(&self->roster, group));
    return have < wanted ? bring_in_all(self, order, group, (int64_t)(wanted - have), error) : 0;
}

static int do_scale(tr_up_t *self, tr_order_t *order, const tr_fleet_request_t *request, tr_error_t *error) {
    const char *name;
    json_t *value;
    int rc = check_scale(self, request, error);
    if (rc < 0)
        return rc;
    json_object_foreach(request->groups, name, value) {
        rc = scale(
            self, order, tr_roster_group(&self->roster, name), (size_t)json_integer_value(value), error);
        if (rc < 0)
            return rc;
    }
    return 0;
}

typedef int (*tr_do_fn)(
    tr_up_t *self, tr_order_t *order, const tr_fleet_request_t *request, tr_error_t *error);

static const tr_do_fn actions[TR_FLEET_ACTIONS] = {
    [TR_FLEET_ATTACH] = do_attach,
    [TR_FLEET_DETACH] = do_detach,
    [TR_FLEET_SCALE] = do_scale,
    [TR_FLEET_RESTART] = do_restart,
};

json_t *tr_up_status(const tr_up_t *self, size_t offset) {
    tr_fleet_status_t status = {
        .info = &self->info,
        .roster = &self->roster,
        .supervise = self->supervise,
        .starting = self->phase < TR_UP_RUNNING,
        .ending = self->phase >= TR_UP_ENDING,
        .now_ms = tr_clock_ms(),
        .wall_ms = tr_clock_wall_ms(),
        .offset = offset,
    };
    return tr_fleet_status_json(&status);
}

/* Forgets an order that was not carried out; members that it began with go on leaving. */
static void order_cancel(tr_up_t *self, tr_order_t *order) {
    for (size_t i = 0; i < self->roster.member_count; i++) {
        tr_member_t *member = self->roster.members[i];
        member->join = member->join == order ? NULL : member->join;
        member->leave = member->leave == order ? NULL : member->leave;
    }
    for (tr_order_t **p = &self->orders; *p; p = &(*p)->next) {
        if (*p != order)
            continue;
        *p = order->next;
        break;
    }
    order_destroy(order);
}

static void begin(tr_up_t *self, const tr_message_t *message, const tr_fleet_request_t *request) {
    tr_error_t error = {0};
    tr_order_t *order = order_new(self, message, request);
    int rc = order ? actions[request->action](self, order, request, &error)
                   : tr_error_set(&error, -ENOMEM, "out of memory");
    if (rc < 0) {
        refuse(self, message, reason_of(rc), error.text);
        if (order)
            order_cancel(self, order);
    } else if (request->wait) {
        tr_reply(self->agent, message, TR_AGREE, NULL, 0); /* who asked may be gone, ignoring */
    } else {
        order_answer(self, order);
    }
    tr_up_soon(self);
}

static void down(tr_up_t *self, const tr_message_t *message) {
    size_t ready, all;
    tr_up_count(self, &ready, &all);
    answer(self, message, TR_INFORM,
        json_pack("{s:s, s:i, s:I}", "fleet", self->info.fleet, "pid", (int)self->info.pid, "processes",
            (json_int_t)all));
    tr_up_say(self, "%s asks the fleet to end", tr_message_sender(message));
    tr_up_end(self, self->phase == TR_UP_RUNNING ? TR_EXIT_OK : TR_EXIT_REFUSED);
}

/* The coordinator on another host, of which the description says that it may have as many as that: the broker vouches for who sends. */
static bool is_scaler(const tr_up_t *self, const tr_message_t *message, const tr_fleet_request_t *request) {
    const char *name;
    json_t *value;
    if (request->action != TR_FLEET_SCALE || !json_object_size(request->groups))
        return false;
    json_object_foreach(request->groups, name, value) {
        const tr_group_t *group = tr_roster_group(&self->roster, name);
        const tr_autoscale_t *s = group ? &group->agent.autoscale : NULL;
        if (!s || !s->by || strcmp(s->by, tr_message_sender(message)) != 0 ||
            json_integer_value(value) > s->max)
            return false;
    }
    return true;
}

void tr_up_order(tr_up_t *self, const tr_message_t *message, const tr_fleet_request_t *request) {
    const char *word = tr_fleet_action_words[request->action];
    if (request->action == TR_FLEET_STATUS) {
        answer(self, message, TR_INFORM, tr_up_status(self, (size_t)request->offset));
    } else if (!is_scaler(self, message, request) &&
               !tr_ticket_take(tr_state_directory(self->state), request->ticket)) {
        refuse(self, message, "unauthorised",
            "only a `troupe` of the fleet's own user, on its machine, may change it");
    } else if (self->phase >= TR_UP_ENDING) {
        refuse(self, message, "unauthorised", "the fleet is ending");
    } else if (self->phase < TR_UP_RUNNING && request->action != TR_FLEET_DOWN) {
        refuse(self, message, "unauthorised", "the fleet is still starting: try again in a moment");
    } else {
        TR_UP_LOG(self, ORDER, "from=%s action=%s name=%s", tr_message_sender(message), word, request->name);
        if (request->action == TR_FLEET_DOWN)
            down(self, message);
        else
            begin(self, message, request);
    }
}

/* ---- in time, or late ---- */

static void still_waits(const tr_up_t *self, const tr_order_t *order, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < self->roster.member_count && used < size; i++) {
        const tr_member_t *member = self->roster.members[i];
        if (member->join == order || member->leave == order)
            used += (size_t)snprintf(out + used, size - used, "%s%s %s", used ? ", " : "", member->name,
                member->leave == order ? "has not ended" : "is not registered");
    }
}

static void on_late(tr_up_t *self, tr_order_t *order) {
    char names[600];
    still_waits(self, order, names, sizeof names);
    tr_reply_reason(self->agent, order->request, TR_FAILURE, "timed-out", names);
    tr_message_done(&order->request);
}

int64_t tr_up_orders_settle(tr_up_t *self, int64_t now_ms) {
    int64_t next_ms = INT64_MAX;
    for (tr_order_t **p = &self->orders; *p;) {
        tr_order_t *order = *p;
        if (order->waiting == 0) {
            order_answer(self, order);
            *p = order->next;
            order_destroy(order);
            continue;
        }
        if (order->request && order->due_ms <= now_ms)
            on_late(self, order);
        if (order->request && order->due_ms < next_ms)
            next_ms = order->due_ms;
        p = &order->next;
    }
    return next_ms;
}

void tr_up_orders_finish(tr_up_t *self) {
    while (self->orders) {
        tr_order_t *order = self->orders;
        order_fail(order, "the fleet is ending");
        order_answer(self, order);
        order_cancel(self, order);
    }
}
