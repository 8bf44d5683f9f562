/*
 * What is asked of the coordinator for others: tasks, decisions, and ballots.
 *
 * Under an Idempotency-Key tasks and decisions get a key of the coordinator's own, where they have none: so they are there once whichever gateway is
 * asked again, and also when the one that was asked first has ended.
 */
#include "gateway/api/api.h"

#include <stdio.h>

/* Who may submit tasks may not ask for all that an agent can be asked. */
static void ask(tr_web_exchange_t *e) {
    if (tr_web_admit_role(e, tr_api_role_of(e->match.route->to, e->body)) && tr_api_speaks(e, e->body))
        tr_web_ask(e);
}

/* Those of a request that comes again have the same keys. */
static void key_all(const tr_web_exchange_t *e, json_t *list) {
    char name[TR_WEB_ONCE_NAME], key[TR_WEB_ONCE_NAME + 24];
    json_t *one;
    size_t i;
    if (!tr_web_once_name(e, name))
        return;
    json_array_foreach(list, i, one) {
        snprintf(key, sizeof key, "%s-%zu", name, i);
        if (json_is_object(one) && !json_object_get(one, "key"))
            json_object_set_new(one, "key", json_string(key));
    }
}

void tr_api_decide(tr_web_exchange_t *e) {
    char name[TR_WEB_ONCE_NAME];
    if (!json_object_get(e->body, "key") && tr_web_once_name(e, name))
        json_object_set_new(e->body, "key", json_string(name));
    e->repeats = true;
    tr_web_ask(e);
}

void tr_api_vote(tr_web_exchange_t *e) {
    if (tr_api_speaks(e, e->body))
        tr_web_ask(e);
}

void tr_api_schedule(tr_web_exchange_t *e) {
    ask(e);
}

/* One task is a list of one. */
void tr_api_submit(tr_web_exchange_t *e) {
    e->repeats = true;
    if (!json_object_get(e->body, "tasks")) {
        if (!json_object_get(e->body, "skills")) {
            tr_web_problem(e, 400, "missing-argument",
                "skills is missing: names of services that the task's agent must offer");
            return;
        }
        e->body = json_pack("{s:[o]}", "tasks", e->body);
    } else if (json_object_size(e->body) > 1) {
        tr_web_problem(
            e, 400, "unexpected-argument", "tasks stands alone: what a task has is in its own object");
        return;
    }
    key_all(e, json_object_get(e->body, "tasks"));
    ask(e);
}
