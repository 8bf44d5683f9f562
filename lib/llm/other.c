#include "lib/llm/other.h"

#include "lib/llm/answer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIMENSIONS_MAX 65536

json_t *tr_llm_embed_body(const tr_llm_request_t *r, const char *model) {
    json_t *body = json_pack("{s:s, s:O}", "model", model, "input", r->input);
    if (body && r->dimensions)
        json_object_set_new(body, "dimensions", json_integer(r->dimensions));
    return body;
}

json_t *tr_llm_speak_body(const tr_llm_request_t *r, const char *model) {
    return json_pack("{s:s, s:s, s:s, s:s}", "model", model, "input", r->text, "voice",
        r->voice ? r->voice : "alloy", "response_format", r->format ? r->format : "mp3");
}

static tr_llm_part_t field(const char *name, const char *value) {
    return (tr_llm_part_t){.name = name, .data = value, .len = strlen(value)};
}

size_t tr_llm_transcribe_parts(
    const tr_llm_request_t *r, const char *model, tr_llm_part_t parts[TR_LLM_PARTS_MAX]) {
    size_t n = 0;
    parts[n++] = (tr_llm_part_t){.name = "file",
        .data = r->audio,
        .len = r->audio_len,
        .file = r->audio_name ? r->audio_name : "speech.wav",
        .type = "application/octet-stream"};
    parts[n++] = field("model", model);
    parts[n++] = field("response_format", "json");
    if (r->language)
        parts[n++] = field("language", r->language);
    return n;
}

/* ---- embeddings ---- */

static int read_vector(const json_t *numbers, float *out, size_t dimensions) {
    for (size_t i = 0; i < dimensions; i++) {
        const json_t *number = json_array_get(numbers, i);
        float value = (float)json_number_value(number);
        if (!json_is_number(number) || !isfinite(value))
            return -EBADMSG;
        out[i] = value;
    }
    return 0;
}

/* Each place once: an index that comes twice leaves another one out. */
static int read_items(const json_t *data, tr_llm_vectors_t *v, bool *seen) {
    for (size_t i = 0; i < v->n; i++) {
        const json_t *item = json_array_get(data, i);
        const json_t *index = json_object_get(item, "index"), *numbers = json_object_get(item, "embedding");
        json_int_t at = json_is_integer(index) ? json_integer_value(index) : (json_int_t)i;
        if (at < 0 || (size_t)at >= v->n || seen[at] || json_array_size(numbers) != v->dimensions)
            return -EBADMSG;
        seen[at] = true;
        if (read_vector(numbers, v->values + (size_t)at * v->dimensions, v->dimensions) < 0)
            return -EBADMSG;
    }
    return 0;
}

static int read_vectors(const json_t *json, size_t expected, tr_llm_vectors_t *ret, tr_error_t *error) {
    const json_t *data = json_object_get(json, "data");
    const json_t *tokens = json_object_get(json_object_get(json, "usage"), "prompt_tokens");
    tr_llm_vectors_t v = {
        .n = expected, .dimensions = json_array_size(json_object_get(json_array_get(data, 0), "embedding"))};
    if (json_array_size(data) != expected || !v.dimensions || v.dimensions > DIMENSIONS_MAX)
        return tr_error_set(error, -EBADMSG, "expected %zu embeddings, found %zu, of %zu dimensions",
            expected, json_array_size(data), v.dimensions);
    v.values = malloc(expected * v.dimensions * sizeof *v.values);
    bool *seen = calloc(expected, sizeof *seen);
    int r = v.values && seen ? read_items(data, &v, seen) : -ENOMEM;
    free(seen);
    if (r < 0) {
        free(v.values);
        return tr_error_set(error, r,
            r == -ENOMEM ? "out of memory"
                         : "the embeddings are not as many arrays of finite numbers of one size");
    }
    if (tr_llm_answer_counts(json_integer_value(tokens)))
        v.input_tokens = (uint64_t)json_integer_value(tokens);
    *ret = v;
    return 0;
}

int tr_llm_embed_answer(
    const char *body, size_t len, size_t expected, tr_llm_vectors_t *ret_vectors, tr_error_t *error) {
    json_t *json = tr_llm_json(body, len, error);
    if (!json)
        return tr_error_set(
            error, -EBADMSG, "the answer is %.200s: is the base-url that of an API?", error->text);
    int r = read_vectors(json, expected, ret_vectors, error);
    json_decref(json);
    return r;
}

/* ---- transcription ---- */

int tr_llm_transcribe_answer(
    const char *body, size_t len, char **ret_text, size_t *ret_len, tr_error_t *error) {
    json_t *json = tr_llm_json(body, len, error);
    if (!json)
        return tr_error_set(
            error, -EBADMSG, "the answer is %.200s: is the base-url that of an API?", error->text);
    const json_t *text = json_object_get(json, "text");
    int r = json_is_string(text) ? 0 : tr_error_set(error, -EBADMSG, "the answer has no text");
    size_t text_len = json_string_length(text);
    char *copy = r == 0 ? malloc(text_len + 1) : NULL;
    if (copy) {
        memcpy(copy, json_string_value(text), text_len + 1);
        *ret_text = copy;
        *ret_len = text_len;
    } else if (r == 0) {
        r = tr_error_set(error, -ENOMEM, "out of memory");
    }
    json_decref(json);
    return r;
}
