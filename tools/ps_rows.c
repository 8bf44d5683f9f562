#include "tools/ps_rows.h"

#include <stdbool.h>
#include <string.h>

const tr_column_t tr_ps_columns[TR_PS_COLUMNS] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
    {"behaviour", TR_COLUMN_TEXT},
    {"pid", TR_COLUMN_NUMBER},
    {"uptime", TR_COLUMN_DURATION},
    {"restarts", TR_COLUMN_NUMBER},
    {"queued", TR_COLUMN_NUMBER},
    {"received", TR_COLUMN_NUMBER},
    {"in_hand", TR_COLUMN_NUMBER},
    {"agents", TR_COLUMN_NUMBER, .wide = true},
    {"group", TR_COLUMN_TEXT, .wide = true},
    {"attached", TR_COLUMN_TEXT, .wide = true},
    {"sent", TR_COLUMN_NUMBER, .wide = true},
    {"host", TR_COLUMN_TEXT, .wide = true},
    {"process", TR_COLUMN_TEXT, .wide = true},
    {"last_exit", TR_COLUMN_TEXT, .wide = true},
    {"reason", TR_COLUMN_TEXT, .wide = true},
};

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* Whether an AID's name is this one. */
static bool is_called(const char *aid, const char *name) {
    size_t len = strlen(name);
    return strncmp(aid, name, len) == 0 && (aid[len] == '@' || aid[len] == '\0');
}

static const json_t *agent_of(const tr_ps_t *self, const char *name) {
    size_t i;
    json_t *agent;
    json_array_foreach(self->agents, i, agent) {
        if (is_called(text(agent, "name"), name))
            return agent;
    }
    return NULL;
}

static bool has_process(const tr_ps_t *self, const char *aid) {
    size_t i;
    json_t *process;
    json_array_foreach(self->processes, i, process) {
        if (is_called(aid, text(process, "name")))
            return true;
    }
    return false;
}

/* A process that runs is what its agent is: active, suspended ... */
static const char *state_of(const json_t *process, const json_t *agent) {
    const char *state = text(process, "state"), *life = text(agent, "state");
    bool runs = strcmp(state, "running") == 0;
    return runs && *life && strcmp(life, "active") != 0 ? life : process ? state : life;
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

static void put_text(tr_output_t *output, const char *value) {
    if (*value)
        tr_output_text(output, value);
    else
        tr_output_null(output);
}

/* A pid of 0 is no process. */
static int64_t pid_of(const json_t *process, const json_t *agent) {
    return json_integer_value(json_object_get(process ? process : agent, "pid"));
}

static void put_life(const tr_ps_t *self, tr_output_t *output, const json_t *process, const json_t *agent) {
    int64_t pid = pid_of(process, agent);
    int64_t since_ms = json_integer_value(json_object_get(process ? process : agent, "since_ms"));
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
    char name[256];
    size_t len = strcspn(aid, "@");
    memcpy(name, aid, len < sizeof name ? len : sizeof name - 1);
    name[len < sizeof name ? len : sizeof name - 1] = '\0';
    tr_output_text(output, process ? text(process, "name") : name);
    put_text(output, state_of(process, agent));
    put(output, agent, "behaviour");
    put_life(self, output, process, agent);
    put(output, process, "restarts");
    put(output, agent, "queued");
    put(output, agent, "received");
    put(output, agent, "in_hand");
    tr_output_number(output, agents_in(process, agent));
    put(output, process, "group");
    if (process)
        tr_output_bool(output, json_is_true(json_object_get(process, "attached")));
    else
        tr_output_null(output);
    put(output, agent, "sent");
    put(output, agent, "host");
    put(output, agent, "process");
    put(output, process, "last_exit");
    put(output, process, "reason");
    tr_output_row(output);
}

size_t tr_ps_put(const tr_ps_t *self, tr_output_t *output) {
    size_t i, n = 0;
    json_t *item;
    json_array_foreach(self->processes, i, item) {
        put_row(self, output, item, agent_of(self, text(item, "name")));
        n++;
    }
    json_array_foreach(self->agents, i, item) {
        const char *aid = text(item, "name");
        if ((self->self && strcmp(aid, self->self) == 0) || has_process(self, aid))
            continue;
        put_row(self, output, NULL, item);
        n++;
    }
    return n;
}
