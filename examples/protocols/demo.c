#include "demo.h"

void demo_over(tr_agent_t *agent, int code) {
    tr_host_stop(tr_agent_host(agent), code);
}

void demo_ended(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    printf("over: %s\n", tr_outcome_name(outcome));
    demo_over(self, 0);
}

int demo_run(int argc, char **argv, const demo_agent_t *agents) {
    tr_host_t *host;
    tr_error_t error = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: %s ENDPOINT\n", argv[0]);
        return 1;
    }
    int r = tr_host_new(&(tr_host_options_t){.endpoint = argv[1], .process = argv[0]}, &host, &error);
    if (r < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    for (; agents->name && r == 0; agents++)
        r = tr_host_add(host, agents->name, agents->behaviour, NULL, NULL, &error);
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    r = r < 0 ? 3 : tr_host_run(host);
    tr_host_destroy(&host);
    return r;
}
