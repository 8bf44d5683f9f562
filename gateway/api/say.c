/*
 * The role that a message by hand needs. Whatever a route does by asking an agent can be said to that agent by hand too (POST /api/v1/messages, an
 * A2A message of data, an MCP tool, the input of a task), and needs the same role there: so the table of routes is looked at, by the action that
 * the content asks for.
 */
#include "gateway/api/api.h"
#include "proto/aid.h"

#include <string.h>

/* The platform's own agents, by the local name that a route has for them; NULL: another one. What no route asks of these is an admin's. */
static const char *platform_agent(const char *name) {
    static const char *const agents[] = {"ams", "df", "fleet"};
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
        if (strcmp(name, agents[i]) == 0)
            return agents[i];
    return NULL;
}

/* A route of the fleet has a handler of its own, and names nobody. */
static bool asks(const tr_web_route_t *route, const char *agent) {
    if (!route->action)
        return false;
    const char *to = route->to ? route->to : "fleet";
    return agent ? strcmp(to, agent) == 0 : !platform_agent(to);
}

/* The highest, where several routes ask for an action of that name; ANYBODY: none does. */
static tr_web_role_t role_of_action(const char *agent, const char *action) {
    size_t count;
    const tr_web_route_t *routes = tr_api_routes(&count);
    tr_web_role_t role = TR_WEB_ANYBODY;
    for (size_t i = 0; action && i < count; i++)
        if (asks(&routes[i], agent) && strcmp(routes[i].action, action) == 0 && routes[i].role > role)
            role = routes[i].role;
    return role;
}

/* What a route shows a part of only, each what he may know (topics.c). */
static bool is_whole(const char *action) {
    return action && strcmp(action, "topics") == 0;
}

static tr_web_role_t higher(tr_web_role_t a, tr_web_role_t b) {
    return a > b ? a : b;
}

/* Of a message that submits them. */
static tr_web_role_t role_of_tasks(const json_t *tasks) {
    tr_web_role_t role = TR_WEB_OPERATOR;
    const json_t *task;
    size_t i;
    json_array_foreach(tasks, i, task) role = higher(role, tr_api_role_of_task(task));
    return role;
}

tr_web_role_t tr_api_role_of(const char *receiver, const json_t *content) {
    tr_aid_t aid;
    if (tr_aid_parse(&aid, receiver, strlen(receiver)) < 0)
        return TR_WEB_OPERATOR; /* and it is sent to nobody */
    const char *agent = aid.service ? NULL : platform_agent(aid.name);
    tr_web_role_t role = role_of_action(agent, json_string_value(json_object_get(content, "action")));
    if (agent && (role == TR_WEB_ANYBODY || is_whole(json_string_value(json_object_get(content, "action")))))
        return TR_WEB_ADMIN;
    return higher(role, higher(tr_api_role_of_task(json_object_get(content, "task")),
                            role_of_tasks(json_object_get(content, "tasks"))));
}

tr_web_role_t tr_api_role_of_task(const json_t *task) {
    const json_t *input = json_object_get(task, "input"), *skill;
    tr_web_role_t role = TR_WEB_OPERATOR;
    size_t i;
    json_array_foreach(json_object_get(task, "skills"), i, skill) {
        const char *name = json_string_value(skill);
        char service[TR_AID_MAX + 1] = TR_SERVICE_PREFIX;
        if (!name || strlen(name) > TR_NAME_MAX)
            continue; /* the coordinator refuses it */
        strcat(service, name);
        role = higher(role, tr_api_role_of(service, input));
    }
    return role;
}
