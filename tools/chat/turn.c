#include "tools/chat/chat.h"

#include <ctype.h>
#include <string.h>

#define WITHDRAWN " (withdrawn)\n" /* behind what is shown, was a draft, and stays */

/* As agentd names it (docs/minds.md). */
int tr_chat_listen(tr_chat_t *self) {
    char topic[TR_CHAT_TOPIC_MAX];
    int n = snprintf(topic, sizeof topic, "dialogue.%.80s.", self->agent);
    for (char *at = topic + 9; at < topic + n - 1; at++)
        *at = *at == '.' ? '_' : *at;
    for (const char *at = self->user; *at && n < TR_CHAT_TOPIC_MAX - 1; at++)
        topic[n++] = (char)(isalnum((unsigned char)*at) || *at == '-' ? *at : '_');
    topic[n] = '\0';
    return tr_subscribe(tr_cli_session_agent(self->session), topic) == 0
               ? TR_EXIT_OK
               : tr_cli_fail(&self->call, TR_EXIT_REFUSED, "cannot subscribe to %s", topic);
}

/* What is shown was a draft. */
static void withdraw(tr_chat_t *self) {
    if (self->shown.size > 0 && !tr_pen_erase(&self->pen)) {
        tr_pen_put(&self->pen, WITHDRAWN, strlen(WITHDRAWN));
        tr_pen_begin(&self->pen);
    }
    self->shown.size = 0;
}

void tr_chat_piece(tr_chat_t *self, tr_value_t piece) {
    size_t len = 0;
    const char *text = tr_value_str(tr_value_get(piece, "text"), &len);
    if (!text || !*self->conversation ||
        !tr_value_equals(tr_value_get(piece, "conversation"), self->conversation))
        return;
    if (tr_value_bool(tr_value_get(piece, "again"), false))
        withdraw(self);
    tr_pen_put(&self->pen, text, len);
    tr_buffer_put(&self->shown, text, len);
}

/* The model did not answer: whoever reads on should know by whom it is. */
static void tell_fallback(tr_chat_t *self, const char *why) {
    if (*why)
        fprintf(self->call.err, "(by the built-in mind, as the model did not answer: %s)\n", why);
}

static void show_reply(tr_chat_t *self, const json_t *turn) {
    const char *reply = tr_chat_text(turn, "reply");
    size_t shown = self->shown.size;
    if (self->shown.failed || shown > strlen(reply) ||
        (shown && memcmp(self->shown.data, reply, shown) != 0)) {
        withdraw(self);
        shown = 0;
    }
    tr_pen_put(&self->pen, reply + shown, strlen(reply) - shown);
    tr_pen_put(&self->pen, "\n", 1);
    tell_fallback(self, tr_chat_text(turn, "fallback"));
}

int tr_chat_say(tr_chat_t *self, const char *line, size_t len) {
    json_t *turn = NULL;
    self->shown.size = 0;
    tr_pen_begin(&self->pen);
    int code = tr_chat_ask(
        self, self->agent, json_pack("{s:s%, s:s}", "text", line, len, "user", self->user), &turn);
    if (code == TR_EXIT_OK && turn) {
        show_reply(self, turn);
        tr_chat_tell_problems(self);
        tr_chat_follow(self, turn);
    }
    json_decref(turn);
    return code;
}
