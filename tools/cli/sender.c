#include "tools/cli/sender.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_MS 1000
#define PAUSE_MS    5 /* between two tries where nothing will say that there is room again */

/* A durable one that the broker has not answered; or one that it sent back. */
struct tr_waiting_letter {
    tr_waiting_letter_t *next, **prev; /* of all */
    tr_waiting_letter_t *next_again;
    tr_sender_t *sender;
    const char *language;
    size_t len;
    char content[];
};

void tr_sender_init(
    tr_sender_t *self, const tr_call_t *call, const tr_cli_common_t *common, const tr_acl_t *message) {
    *self = (tr_sender_t){.call = call, .common = common, .message = message};
    self->again_end = &self->again;
}

static tr_waiting_letter_t *letter_new(tr_sender_t *s, const tr_cli_content_t *content) {
    tr_waiting_letter_t *letter = malloc(sizeof *letter + content->len);
    if (!letter)
        return NULL;
    *letter = (tr_waiting_letter_t){.next = s->letters,
        .prev = &s->letters,
        .sender = s,
        .language = content->language,
        .len = content->len};
    if (letter->next)
        letter->next->prev = &letter->next;
    s->letters = letter;
    if (content->len)
        memcpy(letter->content, content->bytes, content->len);
    return letter;
}

static void letter_free(tr_waiting_letter_t *letter) {
    *letter->prev = letter->next;
    if (letter->next)
        letter->next->prev = letter->prev;
    free(letter);
}

static bool is_durable(const tr_sender_t *s) {
    return s->message->flags & TR_FLAG_DURABLE;
}

/* All are counted, and the first one is told with its reason. */
static void refuse(tr_sender_t *s, const tr_message_t *failure) {
    if (s->refused++ == 0)
        s->code = tr_cli_judge(s->call, s->message->receivers.items[0], failure);
}

void tr_sender_on_message(tr_cli_session_t *session, const tr_message_t *message, void *arg) {
    (void)session;
    if (tr_message_type(message) == TR_MESSAGE_FAILED)
        refuse(arg, message);
}

static void on_stored(tr_agent_t *agent, void *state, const tr_message_t *failure, void *arg) {
    (void)agent, (void)state;
    tr_waiting_letter_t *letter = arg;
    tr_sender_t *s = letter->sender;
    s->in_flight--;
    s->answered = true;
    s->full = failure && tr_message_reason(failure) == TR_REASON_BUSY;
    if (s->full) {
        tr_cli_print_reason(failure, s->why, sizeof s->why);
        letter->next_again = NULL;
        *s->again_end = letter;
        s->again_end = &letter->next_again;
        s->again_ms = tr_clock_ms() + tr_message_retry_ms(failure);
        return;
    }
    if (failure)
        refuse(s, failure);
    else
        s->stored++;
    tr_cli_session_renew(s->session);
    letter_free(letter);
}

static void tell_progress(tr_sender_t *s, bool last) {
    int64_t now = tr_clock_ms();
    if (!s->progress || !isatty(fileno(s->call->err)) || (!last && now - s->told_ms < PROGRESS_MS))
        return;
    s->told_ms = now;
    fprintf(s->call->err, "\r%" PRId64 " sent", s->sent);
    if (is_durable(s))
        fprintf(s->call->err, ", %" PRId64 " stored", s->stored);
    fprintf(s->call->err, "%s", last ? "\n" : "");
    fflush(s->call->err);
}

/* ---- waiting ---- */

static int late(const tr_sender_t *s) {
    char text[24];
    if (!tr_host_connected(tr_cli_session_host(s->session)))
        return tr_cli_fail(s->call, TR_EXIT_UNREACHABLE, "the broker at %s was lost and did not come back",
            tr_cli_session_place(s->session)->endpoint);
    tr_print_duration(s->common->timeout_ms, text, sizeof text);
    return tr_cli_fail(s->call, TR_EXIT_TIMEOUT, "%s took no more within %s%s%s%s",
        s->message->receivers.items[0], text, s->full ? ": its queue is full (" : "", s->full ? s->why : "",
        s->full ? ")" : "");
}

/* Until something was answered, or it is time to try again. */
static int wait_a_little(tr_sender_t *s, int64_t until_ms) {
    int64_t deadline = tr_cli_session_deadline(s->session);
    if (tr_clock_ms() >= deadline)
        return late(s);
    s->answered = false;
    int code = tr_cli_wait(s->session, &s->answered, until_ms < deadline ? until_ms : deadline);
    tell_progress(s, false);
    return code == TR_EXIT_TIMEOUT ? TR_EXIT_OK : code;
}

static int wait_for_answers(tr_sender_t *s) {
    int code = TR_EXIT_OK;
    while (code == TR_EXIT_OK && s->in_flight)
        code = wait_a_little(s, INT64_MAX);
    return code;
}

/* ---- sending ---- */

static int cannot(const tr_sender_t *s, int rc) {
    switch (rc) {
    case -EMSGSIZE:
        return tr_cli_fail(s->call, TR_EXIT_REFUSED, "the message is larger than a record may be");
    case -ENOTSUP: return tr_cli_fail(s->call, TR_EXIT_REFUSED, TR_CLI_NO_JOURNAL);
    default: return tr_cli_fail(s->call, TR_EXIT_REFUSED, "%s", strerror(-rc));
    }
}

static int send_letter(tr_sender_t *s, tr_waiting_letter_t *letter) {
    tr_agent_t *agent = tr_cli_session_agent(s->session);
    tr_acl_t message = *s->message;
    int rc, code = TR_EXIT_OK;
    message.language = letter->language;
    message.content = letter->content;
    message.content_len = letter->len;
    while ((rc = tr_send_durable(agent, &message, on_stored, letter)) == -EAGAIN && code == TR_EXIT_OK)
        code = wait_a_little(s, s->in_flight ? INT64_MAX : tr_clock_ms() + PAUSE_MS);
    s->in_flight += rc == 0;
    return code != TR_EXIT_OK || rc == 0 ? code : cannot(s, rc);
}

/* Sends what came back once more, as often as it takes, when all that is on its way has been answered. */
static int send_again(tr_sender_t *s) {
    int code = TR_EXIT_OK;
    while (s->again && code == TR_EXIT_OK) {
        code = wait_for_answers(s);
        while (code == TR_EXIT_OK && tr_clock_ms() < s->again_ms)
            code = wait_a_little(s, s->again_ms);
        if (code != TR_EXIT_OK)
            break;
        tr_waiting_letter_t *letter = s->again, *next;
        s->again = NULL;
        s->again_end = &s->again;
        for (; letter && code == TR_EXIT_OK; letter = next) {
            next = letter->next_again; /* it may come back again while the next one waits */
            code = send_letter(s, letter);
        }
    }
    return code;
}

static int put_durable(tr_sender_t *s, const tr_cli_content_t *content) {
    int code = send_again(s);
    if (code != TR_EXIT_OK)
        return code;
    tr_waiting_letter_t *letter = letter_new(s, content);
    if (!letter)
        return tr_cli_fail(s->call, TR_EXIT_REFUSED, "out of memory");
    code = send_letter(s, letter);
    s->sent += code == TR_EXIT_OK;
    return code;
}

static int put_plain(tr_sender_t *s, const tr_cli_content_t *content) {
    tr_acl_t message = *s->message;
    int rc, code = TR_EXIT_OK;
    message.language = content->language;
    message.content = content->bytes;
    message.content_len = content->len;
    tr_cli_session_renew(s->session);
    while ((rc = tr_send(tr_cli_session_agent(s->session), &message)) == -EAGAIN && code == TR_EXIT_OK)
        code = wait_a_little(s, tr_clock_ms() + PAUSE_MS);
    if (rc < 0 && code == TR_EXIT_OK)
        code = cannot(s, rc);
    s->sent += rc == 0;
    return code;
}

int tr_sender_put(tr_sender_t *self, const tr_cli_content_t *content) {
    tell_progress(self, false);
    if (self->refused)
        return self->code;
    return is_durable(self) ? put_durable(self, content) : put_plain(self, content);
}

static int settle(tr_sender_t *s) {
    int code = TR_EXIT_OK;
    tr_cli_session_renew(s->session);
    if (!is_durable(s))
        return tr_cli_settle(s->session);
    while (code == TR_EXIT_OK && (s->in_flight || s->again)) {
        code = wait_for_answers(s);
        if (code == TR_EXIT_OK)
            code = send_again(s);
    }
    return code;
}

int tr_sender_settle(tr_sender_t *self, int code) {
    if (code == TR_EXIT_OK)
        code = settle(self);
    tell_progress(self, true);
    return code == TR_EXIT_OK ? self->code : code;
}

void tr_sender_free(tr_sender_t *self) {
    while (self->letters)
        letter_free(self->letters);
}
