/* A shared object for tests that ends the process that loads it. */
#include <stdlib.h>
#include <troupe/agent.h>

__attribute__((constructor)) static void end(void) {
    abort();
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self, (void)state, (void)message;
    return 0;
}

static const tr_behaviour_t crashing = {.abi = TR_BEHAVIOUR_ABI, .name = "crashing", .receive = receive};

TR_EXPORT_BEHAVIOUR(crashing)
