#include "tools/cli/session.h"

#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "lib/base/random.h"
#include "proto/json.h"
#include "proto/link.pb-c.h"
#include "tools/cli/reach.h"
#include "tools/cluster/apart.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A listener that says no welcome within this time is no broker. */
#define WELCOME_MS 3000
#define RETRY_MS   20

typedef struct tr_cli_question {
    struct tr_cli_question *next;
    const tr_acl_t *message;
    tr_message_t *answer;
    bool done, no_memory, abandoned;
} tr_cli_question_t;

struct tr_cli_session {
    tr_cli_session_config_t config;
    tr_cli_place_t place;
    tr_behaviour_t behaviour;
    tr_host_t *host;
    tr_agent_t *agent;
    int signal_fd;
    int signal; /* that came, 0 */
    int64_t deadline_ms;
    int watched_fd;
    bool *watched_ready;
    bool lost;                    /* the broker, now */
    tr_cli_question_t *abandoned; /* that a signal left without an answer; the library may still hold them */
};

/* The agent's state is one pointer, to the session it serves. */
typedef struct agent_state {
    tr_cli_session_t *session;
} agent_state_t;

static int fail(const tr_cli_session_config_t *config, tr_exit_t code, const char *text) {
    return config->quiet ? (int)code : tr_cli_fail(config->call, code, "%s", text);
}

/* ---- where ---- */

/* That of a fleet that runs apart: on Kubernetes, in containers. */
static int find_apart(const tr_cli_common_t *common, tr_cli_place_t *place, tr_error_t *error) {
    tr_apart_t apart = {0};
    int rc = tr_apart_find(common->state, common->fleet, &apart, NULL);
    if (rc == 0)
        rc = tr_apart_reach(&apart, place->endpoint, place->cert, error);
    tr_apart_finish(&apart);
    return rc;
}

static int find_place(const tr_cli_common_t *common, tr_cli_place_t *ret_place, tr_error_t *error) {
    tr_state_info_t info;
    tr_cli_place_t place = {0};
    int rc = 0, apart = 0;
    if (common->connect) {
        if (strlen(common->connect) > TR_STATE_ENDPOINT_MAX)
            return tr_error_set(
                error, -EINVAL, "--connect: an endpoint has at most %d characters", TR_STATE_ENDPOINT_MAX);
        strcpy(place.endpoint, common->connect);
    } else if ((rc = tr_state_find(common->state, common->fleet, &info, error)) == 0) {
        strcpy(place.endpoint, info.listen);
        strcpy(place.fleet, info.fleet);
        strcpy(place.directory, info.directory);
        place.supervisor = info.pid;
        strcpy(place.cert, info.cert);
    } else if (rc == -ENOENT && (apart = find_apart(common, &place, error)) != -ENOENT) {
        if (apart < 0)
            return apart;
    } else if (rc == -ENOENT && !common->fleet) {
        strcpy(place.endpoint, TR_CLI_ENDPOINT_DEFAULT);
        place.assumed = true;
        snprintf(place.why, sizeof place.why, "%.255s", error->text);
    } else {
        return rc;
    }
    if (common->cert && snprintf(place.cert, sizeof place.cert, "%s", common->cert) >= (int)sizeof place.cert)
        return tr_error_set(error, -EINVAL, "--cert: the path is too long");
    *ret_place = place;
    return 0;
}

static int no_place(const tr_call_t *call, int rc, const tr_error_t *error) {
    return rc == -EINVAL ? tr_cli_usage(call, "%s", error->text)
                         : tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error->text);
}

int tr_cli_find_place(const tr_call_t *call, const tr_cli_common_t *common, tr_cli_place_t *ret_place) {
    tr_error_t error = {0};
    int rc = find_place(common, ret_place, &error);
    return rc == 0 ? TR_EXIT_OK : no_place(call, rc, &error);
}

/* The host of "tcp://HOST:PORT", its brackets with it; NULL for other transports. */
static const char *host_of(const char *endpoint, size_t *ret_len) {
    if (strncmp(endpoint, "tcp://", 6) != 0)
        return NULL;
    const char *host = endpoint + 6, *colon = strrchr(host, ':'), *source = strrchr(host, ';');
    if (source) /* tcp://SOURCE;HOST:PORT */
        host = source + 1;
    if (!colon || colon < host)
        return NULL;
    *ret_len = (size_t)(colon - host);
    return host;
}

static bool any_address(const char *host, size_t len) {
    static const char *const all[] = {"0.0.0.0", "[::]", "*"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i]) == len && memcmp(all[i], host, len) == 0)
            return true;
    return false;
}

int tr_cli_stream_endpoint(const char *endpoint, const char *stream, char *out) {
    const size_t size = TR_STATE_ENDPOINT_MAX + 1;
    size_t len, to_len;
    const char *host = host_of(stream, &len), *to = host_of(endpoint, &to_len);
    int n;
    if (!host || !any_address(host, len))
        n = snprintf(out, size, "%s", stream);
    else if (to)
        n = snprintf(out, size, "tcp://%.*s%s", (int)to_len, to, host + len);
    else /* the broker is on this machine, as its link is a Unix socket */
        n = snprintf(out, size, "tcp://127.0.0.1%s", host + len);
    return n < (int)size ? 0 : -ENAMETOOLONG;
}

/* ---- the agent ---- */

static int on_receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    (void)agent;
    const tr_cli_session_config_t *config = &((agent_state_t *)state)->session->config;
    if (config->on_message)
        config->on_message(((agent_state_t *)state)->session, message, config->arg);
    return 0;
}

static void on_signal(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    (void)agent, (void)state, (void)events;
    tr_cli_session_t *self = arg;
    int number = tr_process_next_signal(fd);
    if (number > 0)
        self->signal = number;
}

static void on_host_event(void *arg, tr_host_event_t event, const char *detail) {
    (void)detail;
    tr_cli_session_t *self = arg;
    if (event != TR_HOST_CONNECTED && event != TR_HOST_RESUMED && event != TR_HOST_DISCONNECTED)
        return;
    self->lost = event == TR_HOST_DISCONNECTED;
    if (self->agent && self->config.on_link)
        self->config.on_link(self, event, self->config.arg);
}

static int add_agent(tr_cli_session_t *self) {
    char name[48];
    tr_error_t error = {0};
    snprintf(name, sizeof name, "cli-%d-%04x", (int)getpid(), (uint16_t)tr_random_seed());
    self->behaviour = (tr_behaviour_t){
        .abi = TR_BEHAVIOUR_ABI,
        .name = "cli",
        .summary = "the command line",
        .state_size = sizeof(agent_state_t),
        .receive = on_receive,
    };
    int rc = tr_host_add(self->host, name, &self->behaviour, NULL, &self->agent, &error);
    if (rc < 0)
        return fail(&self->config, rc == -ETIMEDOUT ? TR_EXIT_TIMEOUT : TR_EXIT_REFUSED, error.text);
    ((agent_state_t *)tr_agent_state(self->agent))->session = self;
    rc = tr_watch(self->agent, self->signal_fd, POLLIN, on_signal, self);
    return rc < 0 ? fail(&self->config, TR_EXIT_REFUSED, strerror(-rc)) : TR_EXIT_OK;
}

/* ---- opening and closing ---- */

/* With a cure where nothing said that the broker would be there. */
static int unreachable(const tr_cli_session_t *self, const tr_error_t *error) {
    char text[960];
    if (self->place.assumed)
        snprintf(text, sizeof text, "%s (%s, or say where with --connect)", error->text, self->place.why);
    else
        snprintf(text, sizeof text, "%s", error->text);
    return fail(&self->config, TR_EXIT_UNREACHABLE, text);
}

/* Something is there. The broker of a fleet that runs here is known to be that, and to be told all it needs. */
static int silent(const tr_cli_session_t *self, const tr_error_t *error) {
    tr_error_t known = {0};
    if (!*self->place.fleet)
        return unreachable(self, error);
    tr_error_set(&known, -ETIMEDOUT,
        "%s: the broker of the fleet %s does not answer: it is overloaded, or was stopped; see `troupe logs "
        "broker`",
        self->place.endpoint, self->place.fleet);
    return unreachable(self, &known);
}

static int connect_host(tr_cli_session_t *self) {
    tr_error_t error = {0};
    int rc = tr_reach(self->place.endpoint, self->config.common->timeout_ms, self->signal_fd, &error);
    if (rc == -EINTR)
        return TR_EXIT_SIGNAL + tr_process_next_signal(self->signal_fd);
    if (rc == -EINVAL)
        return self->config.quiet ? TR_EXIT_USAGE : tr_cli_usage(self->config.call, "%s", error.text);
    if (rc < 0)
        return unreachable(self, &error);
    int64_t left = self->deadline_ms - tr_clock_ms();
    tr_host_options_t options = {
        .endpoint = self->place.endpoint,
        .certificate = *self->place.cert ? self->place.cert : NULL,
        .process = self->config.call->verb->program->name,
        .connect_ms = left < 1            ? 1
                      : left < WELCOME_MS ? left
                                          : WELCOME_MS,
        .on_event = on_host_event,
        .arg = self,
    };
    rc = tr_host_new(&options, &self->host, &error);
    if (rc == 0)
        return TR_EXIT_OK;
    return rc == -ETIMEDOUT ? silent(self, &error) : fail(&self->config, TR_EXIT_REFUSED, error.text);
}

int tr_cli_session_open(const tr_cli_session_config_t *config, tr_cli_session_t **ret_session) {
    tr_error_t error = {0};
    tr_cli_session_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_cli_fail(config->call, TR_EXIT_REFUSED, "out of memory");
    self->config = *config;
    self->signal_fd = self->watched_fd = -1;
    tr_cli_session_renew(self);
    int rc = find_place(config->common, &self->place, &error), code = TR_EXIT_OK;
    if (rc < 0)
        code = config->quiet ? TR_EXIT_UNREACHABLE : no_place(config->call, rc, &error);
    /* Before the library's threads are there, which would get the signals else. */
    if (code == TR_EXIT_OK && tr_process_signals(&self->signal_fd, &error) < 0)
        code = tr_cli_fail(config->call, TR_EXIT_REFUSED, "%s", error.text);
    if (code == TR_EXIT_OK)
        code = connect_host(self);
    if (code == TR_EXIT_OK && !config->no_agent)
        code = add_agent(self);
    if (code != TR_EXIT_OK) {
        tr_cli_session_close(&self);
        return code;
    }
    *ret_session = self;
    return TR_EXIT_OK;
}

void tr_cli_session_close(tr_cli_session_t **self) {
    tr_cli_session_t *s = *self;
    if (!s)
        return;
    tr_process_reset_signals(); /* a second Ctrl-C does not wait for the goodbye */
    tr_host_destroy(&s->host);
    while (s->abandoned) {
        tr_cli_question_t *next = s->abandoned->next;
        free(s->abandoned);
        s->abandoned = next;
    }
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    free(s);
    *self = NULL;
}

int tr_cli_find_stream(
    const tr_call_t *call, const tr_cli_common_t *common, bool quiet, tr_cli_stream_t *ret_stream) {
    *ret_stream = (tr_cli_stream_t){0};
    tr_cli_session_t *session = NULL;
    tr_cli_session_config_t config = {.call = call, .common = common, .quiet = quiet, .no_agent = true};
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK && tr_cli_stream_endpoint(session->place.endpoint, tr_host_stream(session->host),
                                  ret_stream->endpoint) < 0)
        code =
            fail(&config, TR_EXIT_REFUSED, "the broker's stream has an endpoint of more than 255 characters");
    if (code == TR_EXIT_OK) {
        strcpy(ret_stream->cert, session->place.cert);
        snprintf(
            ret_stream->refusal, sizeof ret_stream->refusal, "%s", tr_host_stream_refusal(session->host));
        if (*ret_stream->refusal)
            code = fail(&config, TR_EXIT_REFUSED, ret_stream->refusal);
    }
    tr_cli_session_close(&session);
    return code;
}

tr_agent_t *tr_cli_session_agent(const tr_cli_session_t *self) {
    return self->agent;
}

tr_host_t *tr_cli_session_host(const tr_cli_session_t *self) {
    return self->host;
}

const tr_cli_place_t *tr_cli_session_place(const tr_cli_session_t *self) {
    return &self->place;
}

int64_t tr_cli_session_deadline(const tr_cli_session_t *self) {
    return self->deadline_ms;
}

void tr_cli_session_renew(tr_cli_session_t *self) {
    self->deadline_ms = tr_clock_ms() + self->config.common->timeout_ms;
}

void tr_cli_session_hush(tr_cli_session_t *self) {
    self->config.quiet = true;
}

/* ---- waiting ---- */

int tr_cli_wait(tr_cli_session_t *self, const bool *done, int64_t until_ms) {
    bool late = false; /* what is there already is dealt with, whatever the time */
    for (;;) {
        if (self->signal)
            return TR_EXIT_SIGNAL + self->signal;
        if (*done)
            return TR_EXIT_OK;
        if (late)
            return TR_EXIT_TIMEOUT;
        int64_t left = until_ms == INT64_MAX ? -1 : until_ms - tr_clock_ms();
        late = until_ms != INT64_MAX && left <= 0;
        tr_host_step(self->host, late ? 0 : left);
    }
}

void tr_cli_session_forgive(tr_cli_session_t *self) {
    self->signal = 0;
}

static void on_fd(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    (void)agent, (void)state, (void)fd, (void)events;
    *((tr_cli_session_t *)arg)->watched_ready = true;
}

void tr_cli_wait_fd(tr_cli_session_t *self, int fd, bool *ready) {
    if (self->watched_fd >= 0)
        tr_watch(self->agent, self->watched_fd, 0, NULL, NULL);
    self->watched_fd = fd;
    self->watched_ready = ready;
    if (fd >= 0)
        tr_watch(self->agent, fd, POLLIN, on_fd, self);
}

static int timed_out(const tr_cli_session_t *self, const char *what) {
    char text[TR_AID_MAX + 160], time[24];
    tr_print_duration(self->config.common->timeout_ms, time, sizeof time);
    if (self->lost) {
        snprintf(text, sizeof text, "the broker at %s was lost and did not come back", self->place.endpoint);
        return fail(&self->config, TR_EXIT_UNREACHABLE, text);
    }
    snprintf(text, sizeof text, "%s within %s", what, time);
    return fail(&self->config, TR_EXIT_TIMEOUT, text);
}

/* ---- asking ---- */

static int cannot_send(const tr_cli_session_t *self, const tr_acl_t *message, int rc) {
    const char *to = message->receivers.count ? message->receivers.items[0] : "";
    switch (rc) {
    case -EMSGSIZE: return fail(&self->config, TR_EXIT_REFUSED, "the message is larger than a record may be");
    case -EINVAL: return fail(&self->config, TR_EXIT_USAGE, "no valid receiver or act");
    case -ENOTSUP: return fail(&self->config, TR_EXIT_REFUSED, TR_CLI_NO_JOURNAL);
    case -EAGAIN: {
        char text[TR_AID_MAX + 60];
        snprintf(text, sizeof text, "%.*s took no message", TR_AID_MAX, to);
        return timed_out(self, text);
    }
    default: return fail(&self->config, TR_EXIT_REFUSED, strerror(-rc));
    }
}

/* Tries `attempt` until it does not say -EAGAIN. */
static int retry(tr_cli_session_t *self, int (*attempt)(tr_cli_session_t *, void *), void *arg, int *ret_rc) {
    static const bool never = false;
    while ((*ret_rc = attempt(self, arg)) == -EAGAIN && tr_clock_ms() < self->deadline_ms) {
        int code = tr_cli_wait(self, &never, tr_clock_ms() + RETRY_MS);
        if (code >= TR_EXIT_SIGNAL)
            return code;
    }
    return TR_EXIT_OK;
}

static int try_send(tr_cli_session_t *self, void *arg) {
    return tr_send(self->agent, arg);
}

int tr_cli_send(tr_cli_session_t *self, const tr_acl_t *message) {
    int rc;
    tr_acl_t copy = *message;
    int code = retry(self, try_send, &copy, &rc);
    return code != TR_EXIT_OK || rc == 0 ? code : cannot_send(self, message, rc);
}

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    (void)agent, (void)state;
    tr_cli_question_t *q = arg;
    if (q->abandoned)
        return;
    q->answer = answer ? tr_message_keep(answer) : NULL;
    q->no_memory = answer && !q->answer;
    q->done = true;
}

static int try_request(tr_cli_session_t *self, void *arg) {
    tr_cli_question_t *q = arg;
    int64_t left = self->deadline_ms - tr_clock_ms();
    return tr_request(self->agent, q->message, left > 1 ? left : 1, on_answer, q);
}

static int no_answer(const tr_cli_session_t *self, const tr_cli_question_t *q) {
    char text[TR_AID_MAX + 40];
    if (q->no_memory)
        return fail(&self->config, TR_EXIT_REFUSED, "out of memory");
    snprintf(text, sizeof text, "no answer from %.*s", TR_AID_MAX, q->message->receivers.items[0]);
    return timed_out(self, text);
}

int tr_cli_ask(tr_cli_session_t *self, const tr_acl_t *message, tr_message_t **ret_answer) {
    tr_cli_question_t *q = calloc(1, sizeof *q);
    if (!q)
        return fail(&self->config, TR_EXIT_REFUSED, "out of memory");
    q->message = message;
    int rc = 0, code = retry(self, try_request, q, &rc);
    if (code == TR_EXIT_OK && rc < 0)
        code = cannot_send(self, message, rc);
    else if (code == TR_EXIT_OK)
        code = tr_cli_wait(self, &q->done, INT64_MAX);
    if (code >= TR_EXIT_SIGNAL && rc == 0 && !q->done) {
        q->abandoned = true;
        q->next = self->abandoned;
        self->abandoned = q;
        return code;
    }
    if (code == TR_EXIT_OK && !q->answer)
        code = no_answer(self, q);
    if (code == TR_EXIT_OK)
        *ret_answer = q->answer;
    else
        tr_message_done(&q->answer);
    free(q);
    return code;
}

void tr_cli_print_reason(const tr_message_t *failed, char *out, size_t size) {
    const tr_record_t *record = tr_message_record(failed);
    Troupe__Nack *nack = troupe__nack__unpack(NULL, record->content_len, record->content);
    const char *reason = tr_reason_name(tr_message_reason(failed));
    bool detail = nack && nack->detail && *nack->detail && strcmp(nack->detail, reason) != 0;
    int n = snprintf(out, size, "%s%s%.200s", reason, detail ? ": " : "", detail ? nack->detail : "");
    if (nack && nack->retry_after_ms && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, " (try again in %u ms)", nack->retry_after_ms);
    if (nack)
        troupe__nack__free_unpacked(nack, NULL);
}

/* The text of a refusal: {"reason", "detail"}, or whatever its content is. */
static void print_refusal(const tr_message_t *answer, char *out, size_t size) {
    tr_value_t v = tr_message_value(answer);
    size_t reason_len = 0, detail_len = 0, len;
    const char *reason = tr_value_str(tr_value_get(v, "reason"), &reason_len);
    const char *detail = tr_value_str(tr_value_get(v, "detail"), &detail_len);
    const char *bytes = tr_message_content(answer, &len);
    char *json = NULL;
    if (reason)
        snprintf(out, size, "%.*s%s%.*s", (int)(reason_len < 200 ? reason_len : 200), reason,
            detail_len ? ": " : "", (int)(detail_len < 400 ? detail_len : 400), detail ? detail : "");
    else if (v && tr_content_to_json(bytes, len, JSON_COMPACT | JSON_ENCODE_ANY, &json) == 0)
        snprintf(out, size, "%.600s", json);
    else
        snprintf(out, size, "%.*s", (int)(len < 600 ? len : 600), len ? bytes : "without a reason");
    free(json);
    for (char *c = out; *c; c++) /* no agent writes to the terminal */
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
}

int tr_cli_judge(const tr_call_t *call, const char *who, const tr_message_t *answer) {
    char text[720];
    tr_performative_t act = tr_message_performative(answer);
    if (tr_message_type(answer) == TR_MESSAGE_FAILED) {
        tr_cli_print_reason(answer, text, sizeof text);
        tr_reason_t reason = tr_message_reason(answer);
        tr_exit_t code = reason == TR_REASON_EXPIRED ? TR_EXIT_TIMEOUT : TR_EXIT_REFUSED;
        bool gone = reason == TR_REASON_AGENT_GONE; /* which may have had it in hand: the detail says */
        return tr_cli_fail(call, code, "%s: %s%s", who, gone ? "" : "not delivered: ", text);
    }
    if (act != TR_REFUSE && act != TR_FAILURE && act != TR_NOT_UNDERSTOOD)
        return TR_EXIT_OK;
    print_refusal(answer, text, sizeof text);
    return tr_cli_fail(
        call, TR_EXIT_REFUSED, "%s: %s: %s", tr_message_sender(answer), tr_performative_name(act), text);
}

int tr_cli_ask_platform(
    tr_cli_session_t *self, const char *agent, tr_content_writer_t *request, tr_message_t **ret_answer) {
    return tr_cli_ask_within(self, agent, NULL, request, ret_answer);
}

int tr_cli_ask_within(tr_cli_session_t *self, const char *agent, const char *conversation,
    tr_content_writer_t *request, tr_message_t **ret_answer) {
    tr_acl_t message = {
        .performative = TR_REQUEST,
        .receivers = {.items = &agent, .count = 1},
        .ontology = "fipa-agent-management",
        .protocol = "fipa-request",
        .conversation_id = conversation,
    };
    tr_message_t *answer = NULL;
    int code;
    if (tr_content_writer_take(request, &message.content, &message.content_len) < 0)
        code = fail(&self->config, TR_EXIT_REFUSED, "out of memory");
    else
        code = tr_cli_ask(self, &message, &answer);
    tr_content_writer_finish(request);
    if (code == TR_EXIT_OK)
        code = tr_cli_judge(self->config.call, agent, answer);
    if (code == TR_EXIT_OK && !tr_value_is_map(tr_message_value(answer)))
        code =
            fail(&self->config, TR_EXIT_REFUSED, "the platform's answer is not one that this version knows");
    if (code == TR_EXIT_OK)
        *ret_answer = answer;
    else
        tr_message_done(&answer);
    return code;
}

/* The broker takes a process's records in order: when it answers this, it has dealt with all before. */
int tr_cli_settle(tr_cli_session_t *self) {
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, 1);
    tr_write_kv(&request, "action", "get-description");
    int code = tr_cli_ask_platform(self, "ams", &request, &answer);
    tr_message_done(&answer);
    return code;
}
