#include "tools/chat/chat.h"

#include "lib/base/random.h"
#include "tools/cli/message_text.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

const char *tr_chat_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void tr_chat_line(tr_chat_t *self, const char *mark, const char *text) {
    fputs(mark, self->call.out);
    tr_cli_print_raw(self->call.out, text, strlen(text));
    fputc('\n', self->call.out);
}

void tr_chat_tell_problems(tr_chat_t *self) {
    fflush(self->problems);
    if (self->problem_len > 0) {
        tr_pen_end_line(&self->pen);
        fflush(self->call.out);
        tr_cli_print_raw(self->err, self->problem, self->problem_len);
        fflush(self->err);
    }
    rewind(self->problems);
}

/* Of the request that is open: its agent need not go on (FIPA's cancel). Where it does nevertheless, its answer is dropped. */
static void cancel(tr_chat_t *self, const char *whom) {
    tr_acl_t message = {.performative = TR_CANCEL,
        .receivers = {.items = &whom, .count = 1},
        .protocol = "fipa-request",
        .conversation_id = self->conversation};
    tr_cli_session_renew(self->session);
    tr_cli_send(self->session, &message); /* says what is wrong */
    tr_pen_end_line(&self->pen);
    tr_chat_line(self, "", "(cancelled)");
}

int tr_chat_ask(tr_chat_t *self, const char *whom, json_t *request, json_t **ret_answer) {
    *ret_answer = NULL;
    tr_cli_session_renew(self->session);
    snprintf(self->conversation, sizeof self->conversation, "chat-%016" PRIx64, tr_random_seed());
    self->is_busy = true;
    int code =
        tr_cli_ask_json_within(self->session, &self->call, whom, self->conversation, request, ret_answer);
    if (code == TR_EXIT_SIGNAL + SIGINT && self->edit) {
        tr_cli_session_forgive(self->session);
        cancel(self, whom);
        code = TR_EXIT_OK;
    }
    self->is_busy = false;
    *self->conversation = '\0'; /* pieces that are late are of no turn */
    tr_chat_tell_problems(self);
    return code;
}
