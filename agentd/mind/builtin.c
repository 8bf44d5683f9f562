#include "agentd/mind/builtin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/draft.h"
#include "agentd/mind/senses_input.h"
#include "lib/text/textbuf.h"

static const tr_builtin_fn operations[TR_MIND_OPS] = {
    [TR_MIND_SENTIMENT] = tr_builtin_sentiment,
    [TR_MIND_INTENT] = tr_builtin_intent,
    [TR_MIND_ENTITIES] = tr_builtin_entities,
    [TR_MIND_SUMMARISE] = tr_builtin_summarise,
    [TR_MIND_RANK] = tr_builtin_rank,
    [TR_MIND_CHOOSE] = tr_builtin_choose,
    [TR_MIND_REWRITE] = tr_builtin_rewrite,
    [TR_MIND_INSTRUCTION] = tr_builtin_instruction,
    [TR_MIND_EMBED] = tr_builtin_embed,
    [TR_MIND_PLAN] = tr_builtin_plan,
    [TR_MIND_DIALOGUE] = tr_builtin_dialogue,
    [TR_MIND_JUDGE] = tr_builtin_judge,
    [TR_MIND_ANSWER] = tr_builtin_answer,
    [TR_MIND_ACT] = tr_builtin_act,
};

bool tr_builtin_number(const tr_mind_request_t *request, const char *key, size_t usual, size_t most,
    char *detail, size_t *ret_number) {
    const json_t *value = json_object_get(request->input, key);
    json_int_t number = json_integer_value(value);
    if (value && (number < 1 || number > (json_int_t)most)) {
        snprintf(detail, TR_BUILTIN_DETAIL, "%s: expected a whole number of 1 .. %zu", key, most);
        return false;
    }
    *ret_number = value ? (size_t)number : usual;
    return true;
}

static int get_fd(const tr_mind_t *mind) {
    return ((const tr_builtin_t *)mind)->event;
}

/* The event tells that the queue is not empty; whatever it counts. */
static void signal_event(const tr_builtin_t *self) {
    uint64_t one = 1;
    if (write(self->event, &one, sizeof one) < 0)
        return; /* it is readable already, ignoring */
}

static void clear_event(const tr_builtin_t *self) {
    uint64_t count;
    if (read(self->event, &count, sizeof count) < 0)
        return; /* nothing was there, ignoring */
}

static int ask(tr_mind_t *mind, const tr_mind_request_t *request, tr_error_t *error) {
    tr_builtin_t *self = (tr_builtin_t *)mind;
    tr_builtin_answer_t answer = {.op = request->op,
        .on_piece = request->op == TR_MIND_DIALOGUE ? request->on_piece : NULL,
        .on_done = request->on_done,
        .arg = request->arg};
    int rc = tr_array_reserve(&self->answers, self->count, &self->capacity, sizeof *self->answers);
    if (rc == 0 && request->input && !json_is_object(request->input))
        snprintf(answer.detail, sizeof answer.detail, "the input is no object");
    else if (rc == 0 && tr_mind_is_sense(request->op) &&
             (rc = tr_builtin_sense(self, request, answer.detail)) == 0)
        return 0;
    else if (rc == 0)
        rc = operations[request->op](self, request, answer.detail, &answer.value);
    if (rc < 0)
        return tr_error_set(error, rc, "mind: %s: out of memory", tr_mind_op_word(request->op));
    answer.status = rc > 0 ? (tr_mind_status_t)rc : answer.value ? TR_MIND_OK : TR_MIND_INVALID;
    self->answers[self->count++] = answer;
    signal_event(self);
    return 0;
}

static void forget_answered(tr_builtin_t *self) {
    memmove(self->answers, self->answers + self->first, (self->count - self->first) * sizeof *self->answers);
    self->count -= self->first;
    self->first = 0;
}

/* The next sentence of the answer that is first. False: there is none left. What it did not understand comes as a whole: who asked may make something of it. */
static bool tell_piece(tr_builtin_t *self) {
    tr_builtin_answer_t *answer = &self->answers[self->first];
    const char *reply = json_string_value(json_object_get(answer->value, "reply"));
    const char *state = json_string_value(json_object_get(answer->value, "state"));
    size_t from = answer->told;
    bool is_unclear = state && strcmp(state, "unclear") == 0;
    if (!answer->on_piece || !reply || !reply[from] || is_unclear)
        return false;
    size_t length = tr_draft_sentence(reply + from);
    char *text = strndup(reply + from, length); /* without memory it comes with the whole, ignoring */
    answer->told = from + length;
    if (text)
        answer->on_piece(
            answer->arg, &(tr_mind_piece_t){text, length, from == 0, state && strcmp(state, "act") == 0});
    free(text);
    return true;
}

/* What is asked from within on_done is answered by the next call, so that the loop gets its turn; so is what follows a piece. */
static void work(tr_mind_t *mind) {
    tr_builtin_t *self = (tr_builtin_t *)mind;
    if (self->count == 0 && !self->senses)
        return; /* as often as not: it is beside a model (model.c), which has something */
    clear_event(self);
    tr_builtin_take_senses(self);
    size_t end = self->count;
    while (self->first < end && !tell_piece(self)) {
        tr_builtin_answer_t answer = self->answers[self->first++];
        answer.on_done(answer.arg, &(tr_mind_result_t){.op = answer.op,
                                       .status = answer.status,
                                       .detail = answer.detail,
                                       .value = answer.value,
                                       .by = "built-in",
                                       .fallback = ""});
        json_decref(answer.value);
    }
    if (end > 0)
        forget_answered(self);
    if (self->count > 0)
        signal_event(self);
}

static void nobody(void *arg, const tr_mind_result_t *result) {
    (void)arg, (void)result;
}

/* It has its place in the queue until its turn. */
static tr_mind_cost_t cancel(tr_mind_t *mind, const void *arg) {
    tr_builtin_t *self = (tr_builtin_t *)mind;
    tr_builtin_cancel_senses(self, arg, nobody);
    for (size_t i = self->first; i < self->count; i++)
        if (self->answers[i].arg == arg) {
            self->answers[i].on_done = nobody;
            self->answers[i].on_piece = NULL;
        }
    return (tr_mind_cost_t){0};
}

static void destroy(tr_mind_t *mind) {
    tr_builtin_t *self = (tr_builtin_t *)mind;
    tr_senses_destroy(&self->senses);
    for (size_t i = self->first; i < self->count; i++)
        json_decref(self->answers[i].value);
    free(self->answers);
    tr_intent_model_destroy(&self->intents);
    tr_sentiment_destroy(&self->sentiment);
    tr_thesaurus_destroy(&self->thesaurus);
    tr_methods_destroy(&self->methods);
    tr_embed_close(&self->embed);
    if (self->event >= 0)
        close(self->event);
    free(self);
}

static const tr_mind_kind_t kind = {
    .description =
        "built-in: classical language tools (lexicon, linear model, rules, TextRank, BM25, "
        "grammar, frames, methods, embeddings; pocketsphinx, espeak-ng, tesseract), no language model",
    .fd = get_fd,
    .work = work,
    .ask = ask,
    .cancel = cancel,
    .destroy = destroy,
};

const tr_intent_model_t *tr_builtin_intents(tr_builtin_t *self) {
    tr_error_t error = {0};
    if (!self->intents)
        tr_intent_model_new(NULL, 0, &self->intents, &error); /* without memory there is none, ignoring */
    return self->intents;
}

static int fill(tr_builtin_t *self, const tr_mind_builtin_options_t *options, tr_error_t *error) {
    self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->event < 0)
        return tr_error_set(error, -errno, "mind: eventfd: %s", strerror(errno));
    int rc = options->intents
                 ? tr_intent_model_new(options->intents, options->intents_length, &self->intents, error)
                 : 0;
    if (rc == 0)
        rc = tr_sentiment_new(NULL, 0, &self->sentiment, error);
    if (rc == 0 && tr_thesaurus_new(NULL, 0, &self->thesaurus) < 0)
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0 && options->methods)
        rc = tr_methods_new(options->methods, options->methods_length,
            options->methods_name ? options->methods_name : "methods", &self->methods, error);
    return rc;
}

int tr_mind_builtin_new(const tr_mind_builtin_options_t *options, tr_mind_t **ret_mind, tr_error_t *error) {
    tr_builtin_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->mind.kind = &kind;
    self->event = -1;
    int rc = fill(self, options, error);
    if (rc < 0) {
        destroy(&self->mind);
        return rc;
    }
    *ret_mind = &self->mind;
    return 0;
}
