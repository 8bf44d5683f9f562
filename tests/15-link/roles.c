#include "tests/15-link/roles.h"

#include "tests/15-link/crowd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SENDERS_MAX 16
#define BIG         (1u << 20)

/* One process's part. The agents' states point here, so that nothing is global. */
typedef struct part {
    tr_host_t *host;
    char **argv;
    bool (*told)(struct part *part, const char *line); /* false: a word it does not know */
    size_t have;
    char buffer[512]; /* of stdin */
    char name[SENDERS_MAX][TR_AID_MAX + 1];
    uint64_t next[SENDERS_MAX];
    uint64_t received, missing, doubled, damaged, failed, busy, retries;
    bool holding;
    tr_message_t *held[4096];
    size_t held_n;
    uint64_t connected;
} part_t;

typedef struct role_state {
    part_t *part;
} role_state_t;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vdprintf(STDOUT_FILENO, format, args);
    va_end(args);
}

static void end_all(part_t *p) {
    tr_host_stop(p->host, 0);
}

static void obey(part_t *p, const char *line) {
    if (!strcmp(line, "end"))
        end_all(p);
    else if (!p->told || !p->told(p, line))
        say("unknown %s\n", line);
}

/* Lines from the test; at their end this process ends too. */
static void on_stdin(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    part_t *p = arg;
    char *end;
    (void)state;
    (void)events;
    ssize_t n = read(fd, p->buffer + p->have, sizeof p->buffer - p->have);
    if (n <= 0) {
        tr_watch(self, fd, 0, NULL, NULL);
        end_all(p);
        return;
    }
    p->have += (size_t)n;
    while ((end = memchr(p->buffer, '\n', p->have))) {
        *end = 0;
        size_t len = (size_t)(end + 1 - p->buffer);
        obey(p, p->buffer);
        p->have -= len;
        memmove(p->buffer, end + 1, p->have);
    }
}

static int connect_host(part_t *p, char **argv) {
    tr_error_t error = {0};
    tr_host_options_t options = {.endpoint = argv[2], .process = argv[1]};
    p->argv = argv;
    int r = tr_host_new(&options, &p->host, &error);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", argv[1], error.text);
    return r;
}

static tr_agent_t *join(part_t *p, const char *name, const tr_behaviour_t *behaviour) {
    tr_error_t error = {0};
    tr_agent_t *agent = NULL;
    if (tr_host_add(p->host, name, behaviour, NULL, &agent, &error) < 0) {
        fprintf(stderr, "%s: %s\n", name, error.text);
        return NULL;
    }
    ((role_state_t *)tr_agent_state(agent))->part = p;
    tr_watch(agent, STDIN_FILENO, POLLIN, on_stdin, p);
    return agent;
}

static int run(part_t *p) {
    say("ready\n");
    return tr_host_run(p->host);
}

/* ---- sink ---- */

static void check_order(part_t *p, const char *sender, uint64_t number) {
    size_t i = 0;
    while (i < SENDERS_MAX - 1 && p->name[i][0] && strcmp(p->name[i], sender) != 0)
        i++;
    if (!p->name[i][0])
        snprintf(p->name[i], sizeof p->name[i], "%s", sender);
    if (number < p->next[i]) {
        p->doubled++; /* or overtaken */
        return;
    }
    p->missing += number - p->next[i];
    p->next[i] = number + 1;
}

static int sink_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    part_t *p = ((role_state_t *)state)->part;
    uint64_t number;
    size_t len;
    (void)self;
    if (tr_message_type(m) != TR_MESSAGE_DIRECT) {
        if (!p->failed++ && getenv("TROUPE_TEST_TRACE"))
            fprintf(stderr, "came back: %s\n", tr_reason_name(tr_message_reason(m)));
        return 0;
    }
    const void *bytes = tr_message_content(m, &len);
    p->received++;
    if (content_check(bytes, len, &number))
        check_order(p, tr_message_sender(m), number);
    else
        p->damaged++;
    return 0;
}

static bool sink_told(part_t *p, const char *line) {
    if (strcmp(line, "report") != 0)
        return false;
    uint64_t next = 0; /* of the sender that is farthest */
    for (size_t i = 0; i < SENDERS_MAX; i++)
        next = p->next[i] > next ? p->next[i] : next;
    say("received %llu missing %llu doubled %llu damaged %llu failed %llu next %llu\n",
        (unsigned long long)p->received, (unsigned long long)p->missing, (unsigned long long)p->doubled,
        (unsigned long long)p->damaged, (unsigned long long)p->failed, (unsigned long long)next);
    return true;
}

static const tr_behaviour_t sink = {
    .abi = TR_BEHAVIOUR_ABI, .name = "sink", .state_size = sizeof(role_state_t), .receive = sink_receive};

static int play_sink(part_t *p, char **argv) {
    p->told = sink_told;
    return join(p, argv[3], &sink) ? run(p) : 1;
}

/* ---- flood, blast, leave ---- */

static int send_number(tr_agent_t *agent, const char *to, uint64_t number, uint8_t *bytes, size_t len) {
    content_fill(bytes, len, number);
    tr_acl_t acl = {
        .performative = TR_INFORM,
        .receivers = {.items = &to, .count = 1},
        .content = bytes,
        .content_len = len,
    };
    return tr_send(agent, &acl);
}

/* Sends them all, waiting where the library says so. Returns how often it had to, -1 on an error. */
static long send_all(part_t *p, tr_agent_t *agent, const char *to, uint64_t count, size_t len, bool big) {
    static const size_t most = BIG;
    uint8_t *bytes = malloc(most);
    long again = 0;
    for (uint64_t i = 0; bytes && i < count && again >= 0;) {
        int r = send_number(agent, to, i, bytes, big && i % 100 == 99 ? most : len);
        if (r == -EAGAIN) {
            again++;
            tr_host_step(p->host, 10);
        } else if (r < 0) {
            fprintf(stderr, "send %llu: %s\n", (unsigned long long)i, strerror(-r));
            again = -1;
        } else {
            i++;
        }
    }
    free(bytes);
    return again;
}

static int play_flood(part_t *p, char **argv) {
    tr_agent_t *agent = join(p, argv[3], &sink);
    if (!agent)
        return 1;
    p->told = sink_told;
    uint64_t count = strtoull(argv[5], NULL, 10);
    say("ready\n");
    long again =
        send_all(p, agent, argv[4], count, strtoul(argv[6], NULL, 10), argv[7] && !strcmp(argv[7], "big"));
    if (again < 0)
        return 1;
    say("sent %llu again %ld\n", (unsigned long long)count, again);
    return tr_host_run(p->host);
}

static int play_leave(part_t *p, char **argv) {
    tr_agent_t *agent = join(p, argv[3], &sink);
    if (!agent)
        return 1;
    say("ready\n");
    return send_all(p, agent, argv[4], strtoull(argv[5], NULL, 10), 64, false) < 0;
}

static int blast_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    part_t *p = ((role_state_t *)state)->part;
    (void)self;
    if (tr_message_type(m) == TR_MESSAGE_FAILED && tr_message_reason(m) == TR_REASON_BUSY) {
        p->busy++;
        p->retries += tr_message_retry_ms(m) > 0;
    } else {
        p->failed++;
    }
    return 0;
}

static bool blast_told(part_t *p, const char *line) {
    if (strcmp(line, "report") != 0)
        return false;
    say("busy %llu other %llu retry %llu\n", (unsigned long long)p->busy, (unsigned long long)p->failed,
        (unsigned long long)p->retries);
    return true;
}

static const tr_behaviour_t blaster = {
    .abi = TR_BEHAVIOUR_ABI, .name = "blaster", .state_size = sizeof(role_state_t), .receive = blast_receive};

static int play_blast(part_t *p, char **argv) {
    tr_agent_t *agent = join(p, argv[3], &blaster);
    uint8_t bytes[64];
    uint64_t sent = 0, again = 0, count = strtoull(argv[5], NULL, 10);
    if (!agent)
        return 1;
    p->told = blast_told;
    say("ready\n");
    for (uint64_t i = 0; i < count; i++) {
        int r = send_number(agent, argv[4], sent, bytes, sizeof bytes);
        sent += r == 0;
        again += r == -EAGAIN;
    }
    say("sent %llu again %llu\n", (unsigned long long)sent, (unsigned long long)again);
    return tr_host_run(p->host);
}

/* ---- provider ---- */

static void answer(part_t *p, tr_agent_t *self, tr_message_t **m) {
    size_t len;
    const void *bytes = tr_message_content(*m, &len);
    if (tr_reply(self, *m, TR_INFORM, bytes, len) < 0)
        p->failed++;
    tr_message_done(m);
}

static int provider_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    part_t *p = ((role_state_t *)state)->part;
    uint64_t number = 0;
    size_t len;
    const void *bytes = tr_message_content(m, &len);
    if (!tr_message_leased(m) || !content_check(bytes, len, &number))
        return 0;
    p->received++;
    say("got %llu %u %d\n", (unsigned long long)number, tr_message_attempt(m), tr_message_redelivered(m));
    if (p->holding && p->held_n < sizeof p->held / sizeof *p->held)
        p->held[p->held_n++] = tr_message_keep(m);
    else
        tr_reply(self, m, TR_INFORM, bytes, len);
    return 0;
}

static bool provider_told(part_t *p, const char *line) {
    tr_agent_t *agent = tr_host_agent(p->host, p->argv[3], 0);
    bool release = !strcmp(line, "release");
    if (!strcmp(line, "report")) {
        say("took %llu failed %llu\n", (unsigned long long)p->received, (unsigned long long)p->failed);
        return true;
    }
    if (!release && strcmp(line, "answer") != 0)
        return false;
    p->holding = false;
    for (size_t i = 0; i < p->held_n; i++) {
        if (release)
            tr_message_release(&p->held[i]);
        else
            answer(p, agent, &p->held[i]);
    }
    p->held_n = 0;
    p->holding = release;
    return true;
}

static const tr_behaviour_t provider = {.abi = TR_BEHAVIOUR_ABI,
    .name = "provider",
    .state_size = sizeof(role_state_t),
    .receive = provider_receive};

static int play_provider(part_t *p, char **argv) {
    tr_agent_t *agent = join(p, argv[3], &provider);
    if (!agent)
        return 1;
    p->told = provider_told;
    p->holding = !strcmp(argv[6], "hold");
    return tr_provide(agent, argv[4], (uint32_t)strtoul(argv[5], NULL, 10)) < 0 ? 1 : run(p);
}

/* ---- watch ---- */

static int watch_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    part_t *p = ((role_state_t *)state)->part;
    (void)self;
    if (tr_message_type(m) == TR_MESSAGE_GAP) {
        p->missing += tr_message_missed(m);
        p->next[0] += tr_message_missed(m);
        p->failed++;
    } else if (tr_message_type(m) == TR_MESSAGE_EVENT) {
        uint64_t sequence = tr_message_sequence(m);
        p->damaged += p->received++ && sequence != p->next[0];
        p->next[0] = sequence + 1;
    }
    return 0;
}

static bool watch_told(part_t *p, const char *line) {
    if (strcmp(line, "report") != 0)
        return false;
    say("events %llu missed %llu gaps %llu bad %llu last %llu\n", (unsigned long long)p->received,
        (unsigned long long)p->missing, (unsigned long long)p->failed, (unsigned long long)p->damaged,
        (unsigned long long)(p->next[0] ? p->next[0] - 1 : 0));
    return true;
}

static const tr_behaviour_t watcher = {
    .abi = TR_BEHAVIOUR_ABI, .name = "watcher", .state_size = sizeof(role_state_t), .receive = watch_receive};

static int play_watch(part_t *p, char **argv) {
    tr_agent_t *agent = join(p, argv[3], &watcher);
    p->told = watch_told;
    return agent && tr_subscribe(agent, argv[4]) == 0 ? run(p) : 1;
}

/* ---- many ---- */

static int echo_receive(tr_agent_t *self, void *state, const tr_message_t *m) {
    size_t len;
    const void *bytes = tr_message_content(m, &len);
    (void)state;
    if (tr_message_type(m) == TR_MESSAGE_DIRECT)
        tr_reply(self, m, TR_INFORM, bytes, len);
    return 0;
}

static const tr_behaviour_t echo = {
    .abi = TR_BEHAVIOUR_ABI, .name = "echo", .state_size = sizeof(role_state_t), .receive = echo_receive};

static void count_connected(void *arg, tr_host_event_t event, const char *detail) {
    (void)detail;
    ((part_t *)arg)->connected += event == TR_HOST_CONNECTED || event == TR_HOST_RESUMED;
}

static bool many_told(part_t *p, const char *line) {
    if (strcmp(line, "report") != 0)
        return false;
    say("connected %llu\n", (unsigned long long)p->connected);
    return true;
}

static int open_many(part_t *p, char **argv, tr_host_t **hosts, int n) {
    tr_error_t error = {0};
    uint32_t each = (uint32_t)strtoul(argv[5], NULL, 10);
    for (int i = 0; i < n; i++) {
        char name[64];
        tr_host_options_t options = {.endpoint = argv[2], .on_event = count_connected, .arg = p};
        snprintf(name, sizeof name, "%s%d", argv[3], i);
        if (tr_host_new(&options, &hosts[i], &error) < 0 ||
            tr_host_add_range(hosts[i], name, each, &echo, NULL, &error) < 0) {
            fprintf(stderr, "%s: %s\n", name, error.text);
            return 1;
        }
    }
    return 0;
}

static int play_many(part_t *p, char **argv) {
    tr_host_t *hosts[256] = {0};
    int n = atoi(argv[4]);
    char name[64];
    p->told = many_told;
    snprintf(name, sizeof name, "%s-leader", argv[3]);
    if (n > 256 || !join(p, name, &sink))
        return 1;
    int r = open_many(p, argv, hosts, n);
    if (r == 0)
        say("ready\n");
    while (r == 0 && !tr_host_stopping(p->host)) {
        bool any = tr_host_step(p->host, 0) > 0;
        for (int i = 0; i < n; i++)
            any |= tr_host_step(hosts[i], 0) > 0;
        if (!any)
            tr_host_step(p->host, 1);
    }
    for (int i = 0; i < n; i++)
        tr_host_destroy(&hosts[i]);
    return r;
}

static const struct {
    const char *name;
    int arguments; /* behind the role's name */
    int (*play)(part_t *part, char **argv);
} roles[] = {
    {"sink", 2, play_sink},
    {"flood", 5, play_flood},
    {"blast", 4, play_blast},
    {"leave", 4, play_leave},
    {"provider", 5, play_provider},
    {"watch", 3, play_watch},
    {"many", 4, play_many},
};

int role_main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(argv[1], roles[i].name) != 0 || argc - 2 < roles[i].arguments)
            continue;
        part_t *p = calloc(1, sizeof *p);
        int code = p && connect_host(p, argv) == 0 ? roles[i].play(p, argv) : 1;
        if (p)
            tr_host_destroy(&p->host);
        free(p);
        return code;
    }
    return -1;
}
