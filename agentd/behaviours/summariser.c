/*
 * summariser: what is essential of a text, or of several.
 *
 *   args: {"sentences": 3}
 *
 * A request is a text, or {"text": TEXT or "texts": [TEXT ...], "sentences": N}; the inform is {"text", "sentences", "language", "by"}, where
 * "sentences" says which those of the summary are and how central, and is empty where a model wrote the summary.
 */
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCES_MOST 50

typedef struct summariser {
    tr_thinker_t thinker;
    int64_t sentences;
} summariser_t;

static const tr_arg_t known_args[] = {
    {"sentences", TR_ARG_WHOLE, offsetof(summariser_t, sentences), 0, .min = 1, .max = SENTENCES_MOST},
    TR_THINKER_ARG,
};

static int read_args(tr_value_t args, summariser_t *summariser, tr_problem_t *problem) {
    summariser->sentences = 3;
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, summariser, problem);
}

int tr_summariser_check(tr_value_t args, tr_problem_t *problem) {
    summariser_t read = {0};
    return read_args(args, &read, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    summariser_t *summariser = state;
    int rc = read_args(args, summariser, NULL);
    return rc < 0 ? rc : tr_thinker_init(&summariser->thinker, self, args);
}

static void on_said(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    summariser_t *summariser = state;
    (void)carried;
    if (tr_thinker_failed(&summariser->thinker, message, result))
        return;
    json_t *answer = json_copy((json_t *)(uintptr_t)result->value);
    tr_thinker_sign(answer, result);
    tr_thinker_answer_json(&summariser->thinker, message, TR_INFORM, answer);
}

/* Paragraphs of one text; allocated. NULL where they are none, are too long, or there is no memory. */
static char *joined(tr_value_t texts, size_t *ret_length) {
    size_t length = 0, at = 0, n = tr_value_is_array(texts) ? tr_value_size(texts) : 0;
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;
        if (!tr_value_str(tr_value_at(texts, i), &len))
            return NULL;
        length += len + 2;
    }
    char *text = n > 0 && length <= TR_MIND_TEXT_MAX ? malloc(length + 1) : NULL;
    for (size_t i = 0; text && i < n; i++) {
        size_t len;
        const char *one = tr_value_str(tr_value_at(texts, i), &len);
        memcpy(text + at, one, len);
        memcpy(text + at + len, "\n\n", 2);
        at += len + 2;
    }
    *ret_length = length;
    return text;
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    summariser_t *summariser = state;
    tr_value_t asked = tr_message_value(message);
    size_t length = 0;
    (void)self;
    if (!tr_thinker_asked(&summariser->thinker, message))
        return 0;
    const char *text = tr_thinker_text(message, "text", &length);
    char *all = text ? NULL : joined(tr_value_get(asked, "texts"), &length);
    int64_t sentences = tr_value_int(tr_value_get(asked, "sentences"), summariser->sentences);
    if ((!text && !all) || sentences < 1 || sentences > SENTENCES_MOST)
        tr_thinker_answer_reason(&summariser->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "expected a text, or {\"text\": TEXT or \"texts\": [TEXT ...], \"sentences\": 1 to 50}");
    else
        tr_thinker_ask(&summariser->thinker, message,
            &(tr_thinker_question_t){.op = TR_MIND_SUMMARISE,
                .text = text ? text : all,
                .length = length,
                .input = json_pack("{s:I}", "sentences", (json_int_t)sentences),
                .on_said = on_said}); /* what fails is told to who asked */
    free(all);
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    summariser_t *summariser = state;
    (void)self;
    tr_thinker_finish(&summariser->thinker);
}

const tr_behaviour_t tr_behaviour_summariser = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "summariser",
    .summary = "says what is essential of a text",
    .state_size = sizeof(summariser_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
