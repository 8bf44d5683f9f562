/*
 * Agents with known manners, for the tests of the command line: one process, one agent for each manner.
 *
 *     cli_agent ENDPOINT      prints "ready" when all are registered; ends with SIGTERM or its parent
 *
 * The name of an agent is its manner.
 */
#include "lib/base/process.h"
#include "troupe/troupe.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct manner {
    const char *name;
    int (*receive)(tr_agent_t *self, void *state, const tr_message_t *message);
} manner_t;

/* The content that came, in the language it came in. */
static int echo(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    const tr_acl_t *asked = tr_message_acl(message);
    if (tr_message_type(message) != TR_MESSAGE_DIRECT || !asked)
        return 0;
    tr_acl_t answer = {
        .performative = TR_INFORM,
        .receivers = {.items = &asked->sender, .count = 1},
        .language = asked->language,
        .ontology = asked->ontology,
        .protocol = asked->protocol,
        .conversation_id = asked->conversation_id,
        .in_reply_to = asked->reply_with,
    };
    answer.content = tr_message_content(message, &answer.content_len);
    return tr_reply_with(self, message, &answer);
}

static int refuser(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    return tr_reply_reason(self, message, TR_REFUSE, "not-today", "ask me tomorrow");
}

static int failer(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    return tr_reply_reason(self, message, TR_FAILURE, "broken", "it cannot be done");
}

static int puzzled(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    return tr_reply_reason(self, message, TR_NOT_UNDERSTOOD, "unsupported-act", "what?");
}

static int silent(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self, (void)state, (void)message;
    return 0;
}

/* Agrees, and answers three times. */
static int chatty(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    int rc = tr_reply(self, message, TR_AGREE, NULL, 0);
    for (int i = 1; i <= 3 && rc == 0; i++) {
        tr_content_writer_t w;
        tr_content_writer_init(&w);
        tr_write_int(&w, i);
        rc = tr_reply_content(self, message, TR_INFORM, &w);
    }
    return rc;
}

/* Publishes what came, on "heard". */
static int publisher(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state;
    size_t len;
    const void *bytes = tr_message_content(message, &len);
    return tr_publish(self, "heard", bytes, len);
}

static void on_silence(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)self, (void)state, (void)answer, (void)arg;
}

/* Asks one who never answers. */
static int asker(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)state, (void)message;
    const char *to = "silent";
    tr_acl_t request = {.performative = TR_REQUEST, .receivers = {.items = &to, .count = 1}};
    return tr_request(self, &request, 600000, on_silence, NULL);
}

/* Does not come back from its behaviour until the process is told to end. */
static int sleeper(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self, (void)message;
    struct pollfd signal = {.fd = *(int *)state, .events = POLLIN};
    return poll(&signal, 1, -1) < 0 ? -1 : 0;
}

static const manner_t manners[] = {{"echo", echo}, {"refuser", refuser}, {"failer", failer},
    {"puzzled", puzzled}, {"silent", silent}, {"chatty", chatty}, {"publisher", publisher}, {"asker", asker},
    {"sleeper", sleeper}};
#define MANNERS (sizeof manners / sizeof *manners)

static void on_signal(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    (void)state, (void)events, (void)arg;
    if (tr_process_next_signal(fd) > 0)
        tr_host_stop(tr_agent_host(self), 0);
}

static int add_all(tr_host_t *host, tr_behaviour_t *behaviours, int signal_fd, tr_error_t *error) {
    int rc = 0;
    for (size_t i = 0; i < MANNERS && rc == 0; i++) {
        tr_agent_t *agent = NULL;
        behaviours[i] = (tr_behaviour_t){.abi = TR_BEHAVIOUR_ABI,
            .name = manners[i].name,
            .state_size = sizeof(int),
            .receive = manners[i].receive};
        rc = tr_host_add(host, manners[i].name, &behaviours[i], NULL, &agent, error);
        if (rc == 0)
            *(int *)tr_agent_state(agent) = signal_fd;
        if (rc == 0 && i == 0)
            rc = tr_watch(agent, signal_fd, POLLIN, on_signal, NULL);
        if (rc == 0 && i == 0)
            rc = tr_provide(agent, "echoing", 4);
    }
    return rc;
}

int main(int argc, char **argv) {
    tr_behaviour_t behaviours[MANNERS];
    tr_error_t error = {0};
    tr_host_t *host = NULL;
    int signal_fd = -1;
    if (argc != 2)
        return 1;
    int rc = tr_process_signals(&signal_fd, &error);
    if (rc == 0)
        rc = tr_host_new(&(tr_host_options_t){.endpoint = argv[1], .process = "cli_agent"}, &host, &error);
    if (rc == 0)
        rc = add_all(host, behaviours, signal_fd, &error);
    if (rc == 0) {
        puts("ready");
        fflush(stdout);
        rc = tr_host_run(host);
    } else {
        fprintf(stderr, "cli_agent: %s\n", error.text);
    }
    tr_host_destroy(&host);
    return rc == 0 ? 0 : 2;
}
