#include "tools/bench/census.h"

#include "tools/bench/client.h"
#include "tools/bench/content.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW   2048 /* requests in flight */
#define ASK_MS   20   /* between two questions to the AMS */
#define AGAIN_MS 10   /* a request that came back is sent again then */

typedef struct census {
    tr_host_t *host;
    tr_agent_t *agent;
    const tr_bench_task_t *task;
    const void *content;
    uint64_t registered; /* of all agents, as the AMS says */
    uint8_t *answered;   /* one bit an agent */
    uint32_t answers, in_flight, next;
    uint32_t *again; /* those whose request came back */
    uint32_t again_n;
    int64_t heard_ms;
    int failed;
} census_t;

typedef struct state {
    census_t *census;
} state_t;

/* TO-NUMBER[@platform] -> NUMBER; false where it is another name. */
static bool number_of(const census_t *c, const char *aid, uint32_t *ret_number) {
    size_t len = strlen(c->task->to);
    if (!aid || strncmp(aid, c->task->to, len) != 0 || aid[len] != '-')
        return false;
    char *end;
    unsigned long n = strtoul(aid + len + 1, &end, 10);
    if (end == aid + len + 1 || (*end && *end != '@') || n >= c->task->agents)
        return false;
    *ret_number = (uint32_t)n;
    return true;
}

static void on_reply(census_t *c, uint32_t i) {
    uint8_t bit = (uint8_t)(1u << i % 8);
    c->in_flight--;
    c->heard_ms = tr_clock_ms();
    c->answers += !(c->answered[i / 8] & bit);
    c->answered[i / 8] |= bit;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    (void)self;
    census_t *c = ((state_t *)state)->census;
    uint32_t i;
    if (tr_message_type(message) == TR_MESSAGE_FAILED) {
        const tr_acl_t *acl = tr_message_acl(message);
        if (!acl || acl->receivers.count != 1 || !number_of(c, acl->receivers.items[0], &i))
            return 0;
        c->in_flight--;
        c->again[c->again_n++] = i; /* each request is in the list at most once: it is not in flight then */
    } else if (number_of(c, tr_message_sender(message), &i)) {
        on_reply(c, i);
    }
    return 0;
}

static int ask(census_t *c, uint32_t i) {
    char name[96];
    snprintf(name, sizeof name, "%.80s-%u", c->task->to, i);
    const char *to = name;
    tr_acl_t message = {.performative = TR_REQUEST,
        .receivers = {&to, 1},
        .content = c->content,
        .content_len = TR_BENCH_CONTENT};
    int r = tr_send(c->agent, &message);
    c->in_flight += r == 0;
    return r;
}

/* As many as the window lets; those that came back take places in it as well, so that their list has an end.
 * Negative when one cannot be sent for good. */
static int ask_some(census_t *c) {
    int r = 0;
    while (r == 0 && c->in_flight < WINDOW && (c->again_n || c->next < c->task->agents)) {
        bool again = c->next == c->task->agents || c->in_flight + c->again_n >= WINDOW;
        r = ask(c, again ? c->again[c->again_n - 1] : c->next);
        if (r == 0 && again)
            c->again_n--;
        else if (r == 0)
            c->next++;
    }
    return r == -EAGAIN ? 0 : r;
}

static int ask_all(census_t *c, tr_error_t *error) {
    c->heard_ms = tr_clock_ms();
    while (c->answers < c->task->agents) {
        int r = ask_some(c);
        if (r < 0)
            return tr_error_set(error, r, "cannot ask: %s", strerror(-r));
        tr_host_step(c->host, c->again_n ? AGAIN_MS : 1000);
        if (tr_clock_ms() - c->heard_ms > TR_BENCH_SILENT_MS)
            return tr_error_set(
                error, -ETIMEDOUT, "only %u of %u agents have answered", c->answers, c->task->agents);
    }
    return 0;
}

static void on_description(tr_agent_t *self, void *state, const tr_message_t *answer, void *arg) {
    (void)self;
    (void)arg;
    census_t *c = ((state_t *)state)->census;
    if (answer && tr_message_type(answer) == TR_MESSAGE_DIRECT) {
        int64_t n = tr_value_int(tr_value_get(tr_message_value(answer), "agents"), -1);
        if (n >= 0)
            c->registered = (uint64_t)n;
    }
    c->in_flight = 0;
}

static int ask_ams(census_t *c) {
    tr_content_writer_t w;
    const char *to = "ams";
    const void *bytes;
    size_t len;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "action", "get-description");
    int r = tr_content_writer_take(&w, &bytes, &len);
    tr_acl_t message = {
        .performative = TR_REQUEST, .receivers = {&to, 1}, .content = bytes, .content_len = len};
    if (r == 0)
        r = tr_request(c->agent, &message, 5000, on_description, NULL);
    tr_content_writer_finish(&w);
    c->in_flight = r == 0;
    return r == -EAGAIN ? 0 : r;
}

static int wait_registered(census_t *c, tr_error_t *error) {
    int64_t deadline = tr_clock_ms() + 120000, next = 0;
    while (c->registered < (uint64_t)c->task->agents + 1) { /* itself */
        int64_t now = tr_clock_ms();
        int r = 0;
        if (!c->in_flight && now >= next) {
            r = ask_ams(c);
            next = now + ASK_MS;
        }
        if (r < 0 || now > deadline)
            return tr_error_set(error, r < 0 ? r : -ETIMEDOUT, "only %llu of %u agents are registered",
                (unsigned long long)(c->registered ? c->registered - 1 : 0), c->task->agents);
        tr_host_step(c->host, ASK_MS);
    }
    return 0;
}

int tr_bench_census(const tr_bench_task_t *task, tr_error_t *error) {
    static const tr_behaviour_t behaviour = {
        .abi = TR_BEHAVIOUR_ABI, .name = "census", .state_size = sizeof(state_t), .receive = receive};
    census_t c = {.task = task,
        .content = tr_bench_content(TR_BENCH_CONTENT),
        .answered = calloc(task->agents / 8 + 1, 1),
        .again = calloc(WINDOW, sizeof *c.again)};
    int r = tr_bench_client(task, "census", &behaviour, &c.host, &c.agent, error);
    if (r < 0 || !c.content || !c.answered || !c.again)
        return r < 0 ? r : -ENOMEM;
    ((state_t *)tr_agent_state(c.agent))->census = &c;
    if ((r = wait_registered(&c, error)) < 0)
        return r;
    int64_t registered = tr_clock_ns();
    tr_bench_say_ready(task, NULL, (uint64_t)registered);
    if ((r = ask_all(&c, error)) < 0)
        return r;
    tr_bench_say_flood(task, c.answers, 0, registered, tr_clock_ns());
    tr_bench_client_rest(c.host);
}
