#include "demo.h"

#include <stdio.h>

void demo_over(tr_agent_t *agent, int code) {
    tr_host_stop(tr_agent_host(agent), code);
}

int demo_receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    (void)state;
    printf("unexpected %s of %s\n", tr_performative_name(tr_message_performative(message)),
        tr_message_sender(message));
    return 0;
}

int demo_main(int argc, char **argv, const demo_agent_t *agents) {
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
        r = tr_host_add(host, agents->name, agents->behaviour, agents->args, NULL, &error);
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    r = r < 0 ? 3 : tr_host_run(host);
    tr_host_destroy(&host);
    return r;
}
