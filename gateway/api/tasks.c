/* What is asked of the coordinator for others: tasks, and ballots. */
#include "gateway/api/api.h"

/* Who may submit tasks may not ask for all that an agent can be asked. */
static void ask(tr_web_exchange_t *e) {
    if (tr_web_admit_role(e, tr_api_role_of(e->match.route->to, e->body)) && tr_api_speaks(e, e->body))
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
    ask(e);
}
