#include "tools/verbs/ps_rows.h"

#include "tools/up/presence.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const tr_column_t columns[TR_PS_COLUMNS] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"behaviour", TR_COLUMN_TEXT},
    {"pid", TR_COLUMN_NUMBER},
    {"uptime", TR_COLUMN_DURATION},
    {"restarts", TR_COLUMN_NUMBER},
    {"queued", TR_COLUMN_NUMBER},
    {"received", TR_COLUMN_NUMBER},
    {"in_hand", TR_COLUMN_NUMBER},
    {"leased", TR_COLUMN_NUMBER, .wide = true},
    {"on_disk", TR_COLUMN_NUMBER, .wide = true},
    {"agents", TR_COLUMN_NUMBER, .wide = true},
    {"group", TR_COLUMN_TEXT, .wide = true},
    {"attached", TR_COLUMN_TEXT, .wide = true},
    {"sent", TR_COLUMN_NUMBER, .wide = true},
    {"passive", TR_COLUMN_NUMBER, .wide = true},
    {"host", TR_COLUMN_TEXT, .wide = true},
    {"process", TR_COLUMN_TEXT, .wide = true},
    {"last_exit", TR_COLUMN_TEXT, .wide = true},
    {"reason", TR_COLUMN_TEXT, .wide = true},
};

static bool is_durable(const json_t *agent) {
    return json_is_true(json_object_get(agent, "durable")) ||
           json_integer_value(json_object_get(agent, "leased")) > 0 ||
           json_integer_value(json_object_get(agent, "on_disk")) > 0;
}

static bool is_range(const json_t *agent) {
    return json_integer_value(json_object_get(agent, "count")) > 1;
}

static bool any(const json_t *agents, bool (*is)(const json_t *)) {
    size_t i;
    json_t *agent;
    json_array_foreach(agents, i, agent) {
        if (is(agent))
            return true;
    }
    return false;
}

static void show(tr_column_t out[TR_PS_COLUMNS], const char *name) {
    for (size_t i = 0; i < TR_PS_COLUMNS; i++)
        if (strcmp(out[i].name, name) == 0)
            out[i].wide = false;
}

void tr_ps_columns(const json_t *agents, tr_column_t out[TR_PS_COLUMNS]) {
    memcpy(out, columns, sizeof columns);
    if (any(agents, is_durable)) {
        show(out, "leased");
        show(out, "on_disk");
    }
    if (any(agents, is_range))
        show(out, "agents");
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static void put(tr_output_t *output, const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        tr_output_number(output, json_integer_value(value));
    else if (json_is_string(value))
        tr_output_text(output, json_string_value(value));
    else
        tr_output_null(output);
}

static bool was_moved(const json_t *process) {
    return strcmp(text(process, "state"), TR_PRESENCE_MOVED) == 0;
}

/* Who knows its process: the supervisor, or, of one that was moved to another's, the broker. */
static const json_t *lives_in(const json_t *process, const json_t *agent) {
    return process && !(agent && was_moved(process)) ? process : agent;
}

/* What the supervisor says of it, or what it cannot know. */
static void put_reason(tr_output_t *output, const json_t *process, const json_t *agent, const char *state) {
    char text[320], time[32];
    if (strcmp(state, TR_PRESENCE_LOST) == 0 && was_moved(process))
        tr_output_text(output,
            "it was moved to another process, which has ended: start that again, or this (troupe restart)");
    else if (strcmp(state, TR_PRESENCE_LOST) == 0)
        tr_output_text(output, "the broker has given it up: it is stopped, or cut off");
    else if (strcmp(state, TR_PRESENCE_HANGS) == 0) {
        tr_print_duration(json_integer_value(json_object_get(agent, "hung_ms")), time, sizeof time);
        snprintf(text, sizeof text, "%s has been busy with one message for %s",
            json_string_value(json_object_get(agent, "hung")), time);
        tr_output_text(output, text);
    } else
        put(output, process, "reason");
}

static void put_text(tr_output_t *output, const char *value) {
    if (*value)
        tr_output_text(output, value);
    else
        tr_output_null(output);
}

/* A pid of 0 is no process. */
static int64_t pid_of(const json_t *process, const json_t *agent) {
    return json_integer_value(json_object_get(lives_in(process, agent), "pid"));
}

static void put_life(const tr_ps_t *self, tr_output_t *output, const json_t *process, const json_t *agent) {
    int64_t pid = pid_of(process, agent);
    int64_t since_ms = json_integer_value(json_object_get(lives_in(process, agent), "since_ms"));
    if (pid > 0) {
        int64_t up_ms = self->wall_ms - since_ms;
        tr_output_number(output, pid);
        tr_output_number(output, up_ms > 0 ? up_ms : 0);
    } else {
        tr_output_null(output);
        tr_output_null(output);
    }
}

static int64_t agents_in(const json_t *process, const json_t *agent) {
    return json_integer_value(process ? json_object_get(process, "agents") : json_object_get(agent, "count"));
}

/* One of the two may be NULL. */
static void put_row(const tr_ps_t *self, tr_output_t *output, const json_t *process, const json_t *agent) {
    const char *aid = text(agent, "name");
    const char *state = tr_presence_state(process, agent);
    char name[256];
    size_t len = strcspn(aid, "@");
    memcpy(name, aid, len < sizeof name ? len : sizeof name - 1);
    name[len < sizeof name ? len : sizeof name - 1] = '\0';
    tr_output_text(output, process ? text(process, "name") : name);
    put_text(output, state);
    put(output, agent, "behaviour");
    put_life(self, output, process, agent);
    put(output, process, "restarts");
    put(output, agent, "queued");
    put(output, agent, "received");
    put(output, agent, "in_hand");
    put(output, agent, "leased");
    put(output, agent, "on_disk");
    tr_output_number(output, agents_in(process, agent));
    put(output, process, "group");
    if (process)
        tr_output_bool(output, json_is_true(json_object_get(process, "attached")));
    else
        tr_output_null(output);
    put(output, agent, "sent");
    put(output, agent, "passive");
    put(output, agent, "host");
    put(output, agent, "process");
    put(output, process, "last_exit");
    put_reason(output, process, agent, state);
    tr_output_row(output);
}

static size_t put_all(
    const tr_ps_t *self, tr_output_t *output, const json_t *processes, const json_t *agents) {
    size_t i, n = 0;
    json_t *item;
    json_array_foreach(self->processes, i, item) {
        put_row(self, output, item, json_object_get(agents, text(item, "name")));
        n++;
    }
    json_array_foreach(self->agents, i, item) {
        const char *aid = text(item, "name");
        bool own = self->self && strcmp(aid, self->self) == 0;
        if (own || json_object_getn(processes, aid, strcspn(aid, "@")))
            continue;
        put_row(self, output, NULL, item);
        n++;
    }
    return n;
}

int tr_ps_put(const tr_ps_t *self, tr_output_t *output, size_t *ret_rows) {
    json_t *processes = tr_presence_by_name(self->processes), *agents = tr_presence_by_name(self->agents);
    int rc = processes && agents ? 0 : -ENOMEM;
    if (rc == 0)
        *ret_rows = put_all(self, output, processes, agents);
    json_decref(processes);
    json_decref(agents);
    return rc;
}
