/*
 * senses: hears, speaks and sees for others, by whatever mind it has. It offers the service `senses`.
 *
 * A request is {"action": "transcribe", "audio", "language"}, {"action": "speak", "text", "language", "voice", "format"} or {"action": "describe_image",
 * "image", "text"}: recordings and images are bytes, or a text of base64. The inform is what the mind says (agentd/mind/mind.h) and "by"; what is spoken
 * comes as bytes.
 */
#include "agentd/behaviours/table.h"
#include "agentd/behaviours/thinker.h"
#include "agentd/mind/senses_input.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DETAIL 480 /* a tr_error_t's text */

typedef struct senses {
    tr_thinker_t thinker;
} senses_t;

static const struct {
    const char *action;
    tr_mind_op_t op;
    const char *bytes; /* which of its fields are; NULL = none */
} actions[] = {
    {"transcribe", TR_MIND_TRANSCRIBE, "audio"},
    {"speak", TR_MIND_SPEAK, NULL},
    {"describe_image", TR_MIND_DESCRIBE_IMAGE, "image"},
};

static const tr_arg_t known_args[] = {
    TR_THINKER_ARG,
};

int tr_senses_check(tr_value_t args, tr_problem_t *problem) {
    senses_t read = {0};
    return tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, &read, problem);
}

static int init(tr_agent_t *self, void *state, tr_value_t args) {
    senses_t *senses = state;
    int rc = tr_senses_check(args, NULL);
    if (rc == 0)
        rc = tr_thinker_init(&senses->thinker, self, args);
    return rc < 0 ? rc : tr_provide(self, "senses", TR_SENSES_MOST);
}

/* ---- what is said ---- */

/* A new value: the mind's, with bytes where it has base64. NULL when out of memory. */
static json_t *answer_of(const tr_mind_result_t *result) {
    json_t *answer = json_copy((json_t *)(uintptr_t)result->value);
    json_t *audio = json_object_get(answer, "audio");
    if (audio)
        json_object_set_new(answer, "audio", json_pack("{s:O}", "$bin", audio));
    tr_thinker_sign(answer, result);
    return answer;
}

static void on_said(
    void *state, const tr_message_t *message, const tr_mind_result_t *result, json_t *carried) {
    tr_thinker_t *thinker = &((senses_t *)state)->thinker;
    tr_content_writer_t content;
    (void)carried;
    if (tr_thinker_failed(thinker, message, result))
        return;
    json_t *answer = answer_of(result);
    tr_content_writer_init(&content);
    int rc = answer ? tr_json_write(answer, &content) : -ENOMEM;
    json_decref(answer);
    if (rc == 0)
        rc = tr_replies_send(&thinker->replies, thinker->agent, message, TR_INFORM, &content);
    else
        tr_content_writer_finish(&content);
    if (rc == -EMSGSIZE)
        tr_thinker_answer_reason(thinker, message, TR_FAILURE, "too-large",
            "what came of it is more than a message may have (--max-record of the broker): say less at once, "
            "or ask "
            "for another format, such as mp3 or opus");
    else if (rc == -ENOMEM)
        tr_thinker_answer_reason(thinker, message, TR_FAILURE, "internal-error", "out of memory");
}

/* ---- what is asked ---- */

/* Bytes that came as such, as base64. */
static void take_bytes(json_t *asked, const char *key) {
    json_t *bytes = json_object_get(json_object_get(asked, key), "$bin");
    if (bytes)
        json_object_set(asked, key, bytes);
}

static bool refuse(senses_t *self, const tr_message_t *message, tr_sense_trouble_t what, const char *detail) {
    static const char *const reasons[] = {[TR_SENSE_NO_BYTES] = "unsupported-value",
        [TR_SENSE_TOO_LARGE] = "too-large",
        [TR_SENSE_OTHER_TYPE] = "unsupported-type",
        [TR_SENSE_NO_MEMORY] = "busy"};
    if (what != TR_SENSE_GOOD)
        tr_thinker_answer_reason(&self->thinker, message,
            what == TR_SENSE_NO_BYTES ? TR_NOT_UNDERSTOOD : TR_REFUSE, reasons[what], detail);
    return what != TR_SENSE_GOOD;
}

/* Whether its bytes are none that anybody could hear or see, which is told. */
static bool is_wrong(senses_t *self, const tr_message_t *message, const json_t *asked, const char *key) {
    tr_sense_bytes_t bytes = {0};
    char detail[DETAIL] = "";
    if (refuse(self, message, tr_sense_read(asked, key, &bytes, detail), detail))
        return true;
    free(bytes.bytes);
    return false;
}

static void ask(senses_t *self, const tr_message_t *message, json_t *asked, size_t which) {
    const json_t *text = json_object_get(asked, "text");
    const char *key = actions[which].bytes;
    if (key)
        take_bytes(asked, key);
    if (key && is_wrong(self, message, asked, key))
        return;
    const char *said = json_is_string(text) ? json_string_value(text) : "";
    tr_thinker_ask(&self->thinker, message,
        &(tr_thinker_question_t){.op = actions[which].op,
            .text = said,
            .length = strlen(said),
            .input = json_incref(asked),
            .on_said = on_said}); /* what fails is told to who asked */
}

static int receive(tr_agent_t *self, void *state, const tr_message_t *message) {
    senses_t *senses = state;
    tr_value_t value = tr_message_value(message);
    size_t which = 0, count = sizeof actions / sizeof *actions;
    (void)self;
    if (!tr_thinker_asked(&senses->thinker, message))
        return 0;
    while (which < count && !tr_value_equals(tr_value_get(value, "action"), actions[which].action))
        which++;
    json_t *asked = which < count ? tr_value_to_json(value) : NULL;
    if (asked)
        ask(senses, message, asked, which);
    else if (which < count)
        tr_thinker_answer_reason(&senses->thinker, message, TR_FAILURE, "internal-error", "out of memory");
    else
        tr_thinker_answer_reason(&senses->thinker, message, TR_NOT_UNDERSTOOD, "unsupported-value",
            "expected {\"action\": \"transcribe\", \"audio\"}, {\"action\": \"speak\", \"text\"} or "
            "{\"action\": "
            "\"describe_image\", \"image\"}");
    json_decref(asked);
    return 0;
}

static void fini(tr_agent_t *self, void *state) {
    senses_t *senses = state;
    (void)self;
    tr_thinker_finish(&senses->thinker);
}

const tr_behaviour_t tr_behaviour_senses = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "senses",
    .summary = "hears recordings, speaks texts and looks at images for others",
    .state_size = sizeof(senses_t),
    .init = init,
    .receive = receive,
    .fini = fini,
};
