/* A behaviour for tests: each message is work for ten minutes. */
#include <fcntl.h>
#include <troupe/agent.h>
#include <unistd.h>

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self, (void)state, (void)message;
    int fd = open("working", O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* tells the test that it has begun */
    if (fd >= 0)
        close(fd);
    for (unsigned left = 600; left > 0;)
        left = sleep(left);
    return 0;
}

static const tr_behaviour_t sleeper = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "sleeper",
    .summary = "Works for ten minutes on each message",
    .receive = receive,
};

TR_EXPORT_BEHAVIOUR(sleeper)
