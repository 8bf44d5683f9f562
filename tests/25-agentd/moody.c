/* A behaviour in a shared object that fails, hangs, aborts or ends its process when it is told to, and answers anything else. */
#include "troupe/agent.h"

#include <stdlib.h>
#include <unistd.h>

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    int *answered = state;
    tr_value_t value = tr_message_value(message);
    if (tr_value_get(value, "fail"))
        return -1;
    if (tr_value_get(value, "exit"))
        _exit((int)tr_value_int(tr_value_get(value, "exit"), 0));
    if (tr_value_get(value, "abort"))
        abort();
    while (tr_value_get(value, "hang"))
        pause();
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_int(&w, ++*answered);
    return tr_reply_content(self, message, TR_INFORM, &w);
}

static const tr_behaviour_t moody = {
    .abi = TR_BEHAVIOUR_ABI, .name = "moody", .state_size = sizeof(int), .receive = receive};

TR_EXPORT_BEHAVIOUR(moody)
