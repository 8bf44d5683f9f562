/*
 * An agent for the tests of conversations between processes: it takes part in every protocol, begins conversations
 * as its stdin says, and writes a line for everything that happens.
 *
 *   talker ENDPOINT NAME [SERVICE]
 *
 * stdin:  start PROTOCOL ACT RECEIVER PLAN TIMEOUT_MS     a conversation; PLAN is what its participant shall do
 *         call NAME [NAME ...]                            a call for proposals, of which the cheapest is accepted
 *         price N                                         what its own proposals ask for; 13 is what it cannot do
 *         cancel                                          the one that was started last
 *         send ACT RECEIVER PROTOCOL CONVERSATION-ID      one message outside of any conversation
 *         (end of input: it ends)
 * plans:  inform, refuse, failure, later (agree, and inform soon), stream (agree, and inform again and again),
 *         never (agree, and nothing), keep (nothing)
 */
#include "troupe/troupe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SOON_MS  10
#define TEXT_MAX 256

typedef struct talker {
    tr_conversation_t *begun; /* the last one */
    int64_t price;
    size_t have;
    char input[2048];
} talker_t;

/* One conversation as a participant. */
typedef struct job {
    tr_conversation_t *conversation;
    tr_timer_t *timer;
    bool stream;
    int64_t told;
} job_t;

static const char *act_of(const tr_message_t *message) {
    return tr_performative_name(tr_message_performative(message));
}

static void on_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    talker_t *t = state;
    (void)self;
    (void)arg;
    bool failed = last && tr_message_type(last) == TR_MESSAGE_FAILED;
    printf("end %s%s%s\n", tr_outcome_name(outcome), failed ? " " : "",
        failed ? tr_reason_name(tr_message_reason(last)) : "");
    if (t->begun == c)
        t->begun = NULL;
}

/* The participant. */
static void work(tr_agent_t *self, void *state, void *arg) {
    job_t *job = arg;
    (void)state;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_int(&w, ++job->told);
    bool stream = job->stream;
    job->timer = stream ? tr_timer_start(self, SOON_MS, work, job) : NULL;
    int r = tr_conversation_inform_content(job->conversation, &w);
    if (r < 0)
        printf("inform: %s\n", strerror(-r));
}

static void on_job_end(tr_agent_t *self, void *state, tr_conversation_t *c, tr_outcome_t outcome,
    const tr_message_t *last, void *arg) {
    job_t *job = arg;
    on_end(self, state, c, outcome, last, NULL);
    if (!job)
        return;
    tr_timer_cancel(&job->timer);
    free(job);
}

static int begin_job(tr_agent_t *self, tr_conversation_t *c, bool stream) {
    job_t *job = calloc(1, sizeof *job);
    if (!job)
        return -ENOMEM;
    job->conversation = c;
    job->stream = stream;
    job->timer = tr_timer_start(self, SOON_MS, work, job);
    tr_conversation_set_arg(c, job);
    return tr_conversation_agree(c);
}

static int on_request(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    char plan[TEXT_MAX] = "keep";
    (void)state;
    tr_value_copy(tr_value_get(tr_message_value(message), "plan"), plan, sizeof plan);
    printf("asked %s %s %s\n", act_of(message), tr_conversation_protocol(c), plan);
    if (!strcmp(plan, "inform"))
        return tr_conversation_inform(c, "\xc3", 1);
    if (!strcmp(plan, "refuse"))
        return tr_conversation_refuse(c, "unauthorised", "not for you");
    if (!strcmp(plan, "failure"))
        return tr_conversation_failure(c, "internal-error", "broken");
    if (!strcmp(plan, "later") || !strcmp(plan, "stream"))
        return begin_job(self, c, !strcmp(plan, "stream"));
    return strcmp(plan, "never") ? 0 : tr_conversation_agree(c);
}

static int propose(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    tr_content_writer_t w;
    (void)self;
    printf("asked %s\n", act_of(message));
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, "price", ((talker_t *)state)->price);
    return tr_conversation_act_content(c, TR_PROPOSE, &w, NULL);
}

static int perform(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    talker_t *t = state;
    tr_content_writer_t w;
    (void)self;
    printf("asked %s\n", act_of(message));
    if (t->price == 13)
        return tr_conversation_failure(c, "broken", "on the way");
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv_int(&w, "paid", t->price);
    return tr_conversation_inform_content(c, &w);
}

static int on_cancel(tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message) {
    (void)self;
    (void)state;
    (void)c;
    printf("asked %s\n", act_of(message));
    return 0;
}

/* The initiator. */
static void on_act(
    tr_agent_t *self, void *state, tr_conversation_t *c, const tr_message_t *message, void *arg) {
    (void)self;
    (void)state;
    (void)arg;
    printf("%s from %s\n", act_of(message), tr_conversation_peer(c));
}

static void start(tr_agent_t *self, talker_t *t, char *const words[5]) {
    tr_content_writer_t w;
    tr_error_t error = {0};
    tr_initiator_t i = {
        .protocol = words[0],
        .performative = tr_performative_parse(words[1], strlen(words[1])),
        .receiver = words[2],
        .timeout_ms = strtoll(words[4], NULL, 10),
        .on_agree = on_act,
        .on_refuse = on_act,
        .on_failure = on_act,
        .on_inform = on_act,
        .on_result = on_act,
        .on_end = on_end,
    };
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_kv(&w, "plan", words[3]);
    if (tr_content_writer_take(&w, &i.content, &i.content_len) < 0 ||
        tr_conversation_start(self, &i, &t->begun, &error) < 0)
        printf("error %s\n", error.text);
    tr_content_writer_finish(&w);
}

static tr_decision_t choose(
    tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposals, size_t n, void *arg) {
    const tr_proposal_t *best = tr_proposal_least(proposals, n, "price");
    (void)self, (void)state, (void)arg;
    printf("%zu proposals\n", n);
    if (best && tr_call_accept(call, best, NULL, 0, NULL) < 0)
        printf("error cannot accept\n");
    return TR_DECIDED;
}

static void on_paid(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    const tr_message_t *message, void *arg) {
    (void)self, (void)state, (void)call, (void)arg;
    printf("%s was paid %ld\n", proposal->from,
        (long)tr_value_int(tr_value_get(tr_message_value(message), "paid"), -1));
}

static void on_not_paid(tr_agent_t *self, void *state, tr_call_t *call, const tr_proposal_t *proposal,
    tr_outcome_t outcome, const tr_message_t *last, void *arg) {
    (void)self, (void)state, (void)call, (void)last, (void)arg;
    printf("%s: %s\n", proposal->from, tr_outcome_name(outcome));
}

static void on_call_end(tr_agent_t *self, void *state, tr_call_t *call, void *arg) {
    (void)self, (void)state, (void)arg;
    printf("over: of %zu called, %zu done, %zu rejected, %zu refused\n", tr_call_called(call),
        tr_call_ended(call, TR_OUTCOME_DONE), tr_call_ended(call, TR_OUTCOME_REJECTED),
        tr_call_ended(call, TR_OUTCOME_REFUSED));
}

static void call(tr_agent_t *self, char *const *names, size_t n) {
    tr_error_t error = {0};
    tr_contract_net_t net = {.participants = (const char *const *)names,
        .participants_n = n,
        .proposals_ms = 20000,
        .on_proposals = choose,
        .on_result = on_paid,
        .on_failure = on_not_paid,
        .on_end = on_call_end};
    if (tr_contract_net_start(self, &net, NULL, &error) < 0)
        printf("error %s\n", error.text);
}

static void send_one(tr_agent_t *self, char *const words[4]) {
    const char *receiver = words[1];
    int r = tr_send(self, &(tr_acl_t){.performative = tr_performative_parse(words[0], strlen(words[0])),
                              .receivers = {.items = &receiver, .count = 1},
                              .protocol = words[2],
                              .conversation_id = words[3]});
    if (r < 0)
        printf("error %s\n", strerror(-r));
}

static void obey(tr_agent_t *self, talker_t *t, char *line) {
    char *words[7] = {NULL}, *rest = NULL;
    size_t n = 0;
    for (char *word = strtok_r(line, " ", &rest); word && n < 7; word = strtok_r(NULL, " ", &rest))
        words[n++] = word;
    if (n == 6 && !strcmp(words[0], "start"))
        start(self, t, words + 1);
    else if (n == 1 && !strcmp(words[0], "cancel"))
        printf("cancelling %d\n", t->begun ? tr_conversation_cancel(t->begun) : -ENOENT);
    else if (n > 1 && !strcmp(words[0], "call"))
        call(self, words + 1, n - 1);
    else if (n == 2 && !strcmp(words[0], "price"))
        t->price = strtoll(words[1], NULL, 10);
    else if (n == 5 && !strcmp(words[0], "send"))
        send_one(self, words + 1);
    else
        printf("error what is \"%s\"?\n", n ? words[0] : "");
}

static void on_input(tr_agent_t *self, void *state, int fd, short events, void *arg) {
    talker_t *t = state;
    (void)events;
    (void)arg;
    ssize_t n = read(fd, t->input + t->have, sizeof t->input - t->have);
    if (n <= 0) {
        tr_watch(self, fd, 0, NULL, NULL);
        tr_host_stop(tr_agent_host(self), 0);
        return;
    }
    t->have += (size_t)n;
    char *end;
    while ((end = memchr(t->input, '\n', t->have))) {
        *end = 0;
        obey(self, t, t->input);
        t->have -= (size_t)(end + 1 - t->input);
        memmove(t->input, end + 1, t->have);
    }
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    char detail[TEXT_MAX] = "";
    (void)self;
    (void)state;
    tr_value_copy(tr_value_get(tr_message_value(message), "detail"), detail, sizeof detail);
    printf("received %s %s\n", act_of(message), detail);
    return 0;
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    static const tr_participant_t says[] = {
        {.protocol = "fipa-request", .on_request = on_request, .on_cancel = on_cancel, .on_end = on_job_end},
        {.protocol = "fipa-query", .on_request = on_request, .on_cancel = on_cancel, .on_end = on_job_end},
        {.protocol = "fipa-subscribe",
            .on_request = on_request,
            .on_cancel = on_cancel,
            .on_end = on_job_end},
        {.protocol = "fipa-contract-net", .on_request = propose, .on_act = perform, .on_end = on_job_end},
    };
    char service[TR_NAME_MAX + 1];
    (void)state;
    int r = 0;
    for (size_t i = 0; i < sizeof says / sizeof *says && r == 0; i++)
        r = tr_participate(self, &says[i]);
    if (r == 0 && tr_value_copy(tr_value_get(args, "service"), service, sizeof service) == 0)
        r = tr_provide(self, service, 0);
    return r == 0 ? tr_watch(self, STDIN_FILENO, POLLIN, on_input, NULL) : r;
}

static const tr_behaviour_t talker = {.abi = TR_BEHAVIOUR_ABI,
    .name = "talker",
    .state_size = sizeof(talker_t),
    .init = init,
    .receive = receive};

int main(int argc, char **argv) {
    tr_host_t *host;
    tr_error_t error = {0};
    char args[TR_NAME_MAX + 32];
    if (argc < 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(args, sizeof args, "{\"service\": \"%s\"}", argc > 3 ? argv[3] : "");
    int r = tr_host_new(&(tr_host_options_t){.endpoint = argv[1], .process = "talker"}, &host, &error);
    if (r < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    r = tr_host_add(host, argv[2], &talker, argc > 3 ? args : NULL, NULL, &error);
    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    else
        printf("ready\n");
    r = r < 0 ? 1 : tr_host_run(host);
    tr_host_destroy(&host);
    return r;
}
