/* transcribe, speak and describe_image of the model mind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/model_private.h"
#include "agentd/mind/senses_input.h"

static const char *word_of(const json_t *data, const char *key, const char *otherwise) {
    const char *word = json_string_value(json_object_get(data, key));
    return word ? word : otherwise;
}

static int start_hearing(tr_llm_t *llm, const json_t *data, tr_llm_request_t *request,
    tr_llm_call_t **ret_call, tr_error_t *error) {
    tr_sense_bytes_t sound = {0};
    char detail[480], name[32];
    if (!tr_sense_bytes(data, "audio", &sound, detail))
        return tr_error_set(error, -EINVAL, "%s", detail);
    snprintf(name, sizeof name, "speech.%s", sound.kind);
    request->op = TR_LLM_TRANSCRIBE;
    request->audio = sound.bytes;
    request->audio_len = sound.length;
    request->audio_name = name;
    request->language = word_of(data, "language", NULL);
    int rc = tr_llm_start(llm, request, ret_call, error);
    free(sound.bytes);
    return rc;
}

static int start_speaking(tr_llm_t *llm, const json_t *data, tr_llm_request_t *request,
    tr_llm_call_t **ret_call, tr_error_t *error) {
    request->op = TR_LLM_SPEAK;
    request->text = word_of(data, "text", "");
    request->voice = word_of(data, "voice", NULL);
    request->format = word_of(data, "format", "wav");
    return tr_llm_start(llm, request, ret_call, error);
}

/* The question as data, and the image beside it. */
static json_t *messages_of(
    const tr_mind_prompt_t *prompt, uint64_t mark, const json_t *data, const char *kind) {
    json_t *asked = json_pack("{s:O}", "text", json_object_get(data, "text"));
    json_t *messages = asked ? tr_mind_prompt_messages(prompt, mark, asked) : NULL;
    json_t *message = json_array_get(messages, 1);
    json_t *url =
        json_sprintf("data:image/%s;base64,%s", kind, json_string_value(json_object_get(data, "image")));
    json_t *parts = message && url ? json_pack("[{s:s, s:O}, {s:s, s:{s:O}}]", "type", "text", "text",
                                         json_object_get(message, "content"), "type", "image_url",
                                         "image_url", "url", url)
                                   : NULL;
    json_decref(asked);
    json_decref(url);
    if (parts && json_object_set_new(message, "content", parts) == 0)
        return messages;
    json_decref(messages);
    return NULL;
}

static int start_seeing(tr_llm_t *llm, const tr_mind_prompt_t *prompt, uint64_t mark, const json_t *data,
    tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error) {
    tr_sense_bytes_t image = {0};
    char detail[480];
    if (!tr_sense_bytes(data, "image", &image, detail))
        return tr_error_set(error, -EINVAL, "%s", detail);
    free(image.bytes);
    json_t *messages = messages_of(prompt, mark, data, image.kind);
    request->op = TR_LLM_CHAT;
    request->messages = messages;
    request->schema = prompt->schema;
    request->schema_name = tr_mind_op_word(TR_MIND_DESCRIBE_IMAGE);
    int rc = messages ? tr_llm_start(llm, request, ret_call, error) : -ENOMEM;
    json_decref(messages);
    return rc;
}

int tr_mind_sense_start(tr_llm_t *llm, const tr_mind_prompt_t *prompt, uint64_t mark, tr_mind_op_t op,
    const json_t *data, tr_llm_request_t *request, tr_llm_call_t **ret_call, tr_error_t *error) {
    return op == TR_MIND_TRANSCRIBE ? start_hearing(llm, data, request, ret_call, error)
           : op == TR_MIND_SPEAK    ? start_speaking(llm, data, request, ret_call, error)
                                    : start_seeing(llm, prompt, mark, data, request, ret_call, error);
}

/* ---- what came ---- */

static json_t *heard(const tr_llm_result_t *result, const json_t *data) {
    return json_pack("{s:s%, s:O*}", "text", result->text, result->text_len, "language",
        json_object_get(data, "language"));
}

static json_t *spoken(const tr_llm_result_t *result, const json_t *data) {
    char type[80];
    const char *format = word_of(data, "format", "wav");
    snprintf(type, sizeof type, "audio/%s", strcmp(format, "mp3") == 0 ? "mpeg" : format);
    return result->audio_len > 0 && result->audio_len <= TR_SENSES_OUTPUT_MAX
               ? tr_sense_sound(result->audio, result->audio_len, type)
               : NULL;
}

static json_t *seen(const tr_llm_result_t *result, const json_t *data) {
    tr_sense_bytes_t image = {0};
    char detail[480];
    if (!tr_sense_bytes(data, "image", &image, detail))
        return NULL;
    free(image.bytes);
    return json_pack("{s:O, s:O, s:s, s:I, s:I}", "text", json_object_get(result->json, "text"), "words",
        json_object_get(result->json, "words"), "type", image.kind, "width", (json_int_t)image.image.width,
        "height", (json_int_t)image.image.height);
}

json_t *tr_mind_sense_value(tr_mind_op_t op, const tr_llm_result_t *result, const json_t *data) {
    return op == TR_MIND_TRANSCRIBE ? heard(result, data)
           : op == TR_MIND_SPEAK    ? spoken(result, data)
                                    : seen(result, data);
}
