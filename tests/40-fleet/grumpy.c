/* A behaviour for tests: it can be loaded, and never begins. */
#include <errno.h>
#include <troupe/agent.h>

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    (void)self, (void)state, (void)args;
    return -EPERM;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self, (void)state, (void)message;
    return 0;
}

static const tr_behaviour_t grumpy = {
    .abi = TR_BEHAVIOUR_ABI, .name = "grumpy", .init = init, .receive = receive};

TR_EXPORT_BEHAVIOUR(grumpy)
