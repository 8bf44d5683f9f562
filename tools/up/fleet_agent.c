/* The agent fleet@PLATFORM: reads what it is asked and hands it to the supervisor. */
#include "proto/json.h"
#include "tools/up/up_private.h"

#include <string.h>

static void on_request(tr_up_t *self, const tr_message_t *message) {
    tr_error_t error = {0};
    tr_fleet_request_t request;
    json_t *content = tr_value_to_json(tr_message_value(message));
    if (!json_is_object(content)) {
        json_decref(content);
        tr_reply_reason(self->agent, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "content: expected a map with an action"); /* who asked may be gone, ignoring */
        return;
    }
    if (tr_fleet_request_read(content, &request, &error) < 0)
        tr_reply_reason(self->agent, message, TR_REFUSE, "unrecognised-parameter-value", error.text);
    else
        tr_up_order(self, message, &request);
    tr_fleet_request_finish(&request);
    json_decref(content);
}

/* Never fails: a supervisor's agent is not started again. */
static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    tr_up_t *self = *(tr_up_t **)state;
    if (!self || tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    tr_performative_t act = tr_message_performative(message);
    if (act == TR_REQUEST)
        on_request(self, message);
    else if (act == TR_QUERY_REF || act == TR_PROPOSE || act == TR_CFP || act == TR_SUBSCRIBE)
        tr_reply_reason(agent, message, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request");
    return 0;
}

const tr_behaviour_t tr_fleet_behaviour = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "supervisor",
    .summary = "Runs the fleet: status, attach, detach, scale, restart, down",
    .state_size = sizeof(tr_up_t *),
    .receive = receive,
};
