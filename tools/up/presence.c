#include "tools/up/presence.h"

#include <string.h>

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

json_t *tr_presence_by_name(const json_t *list) {
    size_t i;
    json_t *item, *by_name = json_object();
    json_array_foreach(list, i, item) {
        const char *name = text(item, "name");
        if (json_object_setn(by_name, name, strcspn(name, "@"), item) < 0) {
            json_decref(by_name);
            return NULL;
        }
    }
    return by_name;
}

/* A broker that does not say so (an older one) is taken at its word that the agent is there. */
static const char *state_of_agent(const json_t *agent) {
    if (json_is_true(json_object_get(agent, "quarantined")))
        return TR_PRESENCE_QUARANTINED;
    if (json_is_false(json_object_get(agent, "reachable")))
        return TR_PRESENCE_UNREACHABLE;
    const char *state = text(agent, "state");
    int64_t passive = json_integer_value(json_object_get(agent, "passive"));
    if (strcmp(state, "active") != 0)
        return state;
    if (json_is_integer(json_object_get(agent, "hung_ms")))
        return TR_PRESENCE_HANGS;
    return passive > 0 && passive == json_integer_value(json_object_get(agent, "count")) ? TR_PRESENCE_PASSIVE
                                                                                         : state;
}

const char *tr_presence_state(const json_t *process, const json_t *agent) {
    const char *state = text(process, "state");
    if (!process)
        return state_of_agent(agent);
    bool hosts = json_integer_value(json_object_get(process, "agents")) > 0; /* the broker hosts none */
    bool moved = strcmp(state, TR_PRESENCE_MOVED) == 0;
    if ((strcmp(state, "running") != 0 && !moved) || !hosts)
        return state;
    if (!agent)
        return TR_PRESENCE_LOST;
    const char *life = state_of_agent(agent);
    return strcmp(life, "active") == 0 ? state : life;
}

bool tr_presence_is_trouble(const char *state) {
    static const char *const words[] = {TR_PRESENCE_LOST, TR_PRESENCE_UNREACHABLE, TR_PRESENCE_HANGS,
        TR_PRESENCE_QUARANTINED, "failed", "backoff"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], state) == 0)
            return true;
    }
    return false;
}
