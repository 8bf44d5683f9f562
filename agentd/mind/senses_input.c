#include "agentd/mind/senses_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"

#define DETAIL   480
#define WORD_MAX 64

bool tr_mind_is_sense(tr_mind_op_t op) {
    return op == TR_MIND_TRANSCRIBE || op == TR_MIND_SPEAK || op == TR_MIND_DESCRIBE_IMAGE;
}

static bool recognise(const char *key, tr_sense_bytes_t *self) {
    bool is_image = strcmp(key, "image") == 0;
    if (is_image)
        self->image.kind = tr_image_kind(self->bytes, self->length, &self->image.width, &self->image.height);
    self->kind = is_image ? self->image.kind : tr_sound_kind(self->bytes, self->length);
    return self->kind;
}

bool tr_sense_bytes(const json_t *input, const char *key, tr_sense_bytes_t *ret_bytes, char *detail) {
    const json_t *text = json_object_get(input, key);
    size_t length = json_string_length(text);
    tr_sense_bytes_t self = {0};
    if (!json_is_string(text) || length == 0 || length > tr_base64_encoded_size(TR_SENSES_INPUT_MAX)) {
        snprintf(detail, DETAIL, "%s: expected base64 of 1 to %zu bytes", key, TR_SENSES_INPUT_MAX);
        return false;
    }
    self.bytes = malloc(length / 4 * 3 + 1);
    const char *why = !self.bytes ? "out of memory"
                      : tr_base64_decode(json_string_value(text), length, self.bytes, &self.length) < 0
                          ? "this is no base64"
                      : recognise(key, &self)     ? NULL
                      : strcmp(key, "image") == 0 ? "expected a PNG or a JPEG"
                                                  : "expected a recording: WAV, MP3, Ogg, FLAC, WebM or MP4";
    if (!why) {
        *ret_bytes = self;
        return true;
    }
    snprintf(detail, DETAIL, "%s: %s", key, why);
    free(self.bytes);
    return false;
}

static bool word_is_well(const json_t *input, const char *key, char *detail) {
    const json_t *value = json_object_get(input, key);
    size_t length = json_string_length(value);
    if (!value || (json_is_string(value) && length > 0 && length <= WORD_MAX &&
                      strlen(json_string_value(value)) == length))
        return true;
    snprintf(detail, DETAIL, "%s: expected a word of at most %d bytes", key, WORD_MAX);
    return false;
}

bool tr_sense_is_well(const tr_mind_request_t *request, char *detail) {
    bool is_speech = request->op == TR_MIND_SPEAK;
    if (request->length > TR_SENSE_TEXT_MAX || (is_speech && request->length == 0)) {
        snprintf(detail, DETAIL, "the text: expected %d to %d bytes", is_speech, TR_SENSE_TEXT_MAX);
        return false;
    }
    if (is_speech &&
        !(word_is_well(request->input, "voice", detail) && word_is_well(request->input, "format", detail)))
        return false;
    return word_is_well(request->input, "language", detail);
}

json_t *tr_sense_sound(const void *bytes, size_t length, const char *type) {
    char *encoded = malloc(tr_base64_encoded_size(length) + 1);
    if (!encoded)
        return NULL;
    tr_base64_encode(bytes, length, encoded);
    json_t *value = json_pack("{s:s, s:s}", "audio", encoded, "type", type);
    free(encoded);
    return value;
}
