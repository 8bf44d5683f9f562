#include "tools/up/fleet_status.h"

#include "tools/up/presence.h"

#include <stdio.h>
#include <string.h>

const char *tr_member_state_word(const tr_member_t *member, tr_child_state_t state) {
    if (member->moved)
        return TR_PRESENCE_MOVED;
    bool waits = state == TR_CHILD_IDLE || (state == TR_CHILD_RUNNING && !member->ready);
    return waits ? "starting" : tr_child_state_words[state];
}

const char *tr_fleet_state_word(const tr_fleet_status_t *status) {
    if (status->ending)
        return "ending";
    if (status->starting)
        return "starting";
    for (size_t i = 0; i < status->roster->member_count; i++) {
        if (status->roster->members[i]->state == TR_CHILD_FAILED)
            return "degraded";
    }
    return "ready";
}

static json_t *member_json(const tr_fleet_status_t *status, const tr_member_t *member) {
    tr_child_view_t view = {.reason = ""};
    tr_supervise_view(status->supervise, member->child, &view); /* there as long as the member is */
    const tr_group_t *group = member->group;
    bool one = group && group->agent.processes == TR_FLEET_ONE;
    char last_exit[80];
    tr_print_exit(&view, last_exit, sizeof last_exit);
    return json_pack("{s:s, s:s?, s:s, s:i, s:I, s:I, s:I, s:b, s:s?, s:s?}", "name", member->name, "group",
        group ? group->agent.name : NULL, "state", tr_member_state_word(member, view.state), "pid",
        (int)view.pid, "restarts", (json_int_t)view.restarts, "since_ms",
        (json_int_t)(status->wall_ms - (status->now_ms - view.since_ms)), "agents",
        (json_int_t)(!group ? 0
                     : one  ? group->agent.count
                            : 1),
        "attached", group && group->attached, "last_exit", *last_exit ? last_exit : NULL, "reason",
        *view.reason ? view.reason : NULL);
}

json_t *tr_fleet_status_json(const tr_fleet_status_t *status) {
    const tr_roster_t *roster = status->roster;
    json_t *processes = json_array();
    for (size_t i = status->offset; i < roster->member_count && i - status->offset < TR_FLEET_STATUS_MAX;
         i++) {
        json_t *process = member_json(status, roster->members[i]);
        if (!process || json_array_append_new(processes, process) < 0) {
            json_decref(processes);
            return NULL;
        }
    }
    const tr_state_info_t *info = status->info;
    return json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "fleet", info->fleet, "state",
        tr_fleet_state_word(status), "pid", (int)info->pid, "started_ms", (json_int_t)info->started_ms,
        "listen", info->listen, "stream", info->stream, "http", info->http, "file", info->file, "directory",
        info->directory, "total", (json_int_t)roster->member_count, "processes", processes);
}
