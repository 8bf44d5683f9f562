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

static tr_sense_trouble_t trouble(tr_sense_trouble_t which, char *detail, const char *key, const char *why) {
    snprintf(detail, DETAIL, "%s: %s", key, why);
    return which;
}

/* Of bytes that are decoded. */
static tr_sense_trouble_t look(const char *key, tr_sense_bytes_t *self, char *detail) {
    if (!recognise(key, self))
        return trouble(TR_SENSE_OTHER_TYPE, detail, key,
            strcmp(key, "image") == 0 ? "expected a PNG or a JPEG"
                                      : "expected a recording: WAV, MP3, Ogg, FLAC, WebM or MP4");
    if ((uint64_t)self->image.width * self->image.height > TR_SENSE_POINTS_MAX)
        return trouble(
            TR_SENSE_TOO_LARGE, detail, key, "it has more than 64 million points: make it smaller");
    return TR_SENSE_GOOD;
}

tr_sense_trouble_t tr_sense_read(
    const json_t *input, const char *key, tr_sense_bytes_t *ret_bytes, char *detail) {
    const json_t *text = json_object_get(input, key);
    size_t length = json_string_length(text);
    tr_sense_bytes_t self = {0};
    if (length == 0 || length > tr_base64_encoded_size(TR_SENSES_INPUT_MAX)) {
        snprintf(detail, DETAIL, "%s: expected base64 of 1 to %zu bytes", key, TR_SENSES_INPUT_MAX);
        return length ? TR_SENSE_TOO_LARGE : TR_SENSE_NO_BYTES;
    }
    self.bytes = malloc(length / 4 * 3 + 1);
    if (!self.bytes)
        return trouble(TR_SENSE_NO_MEMORY, detail, key, "out of memory");
    tr_sense_trouble_t what = tr_base64_decode(json_string_value(text), length, self.bytes, &self.length) < 0
                                  ? trouble(TR_SENSE_NO_BYTES, detail, key, "this is no base64")
                                  : look(key, &self, detail);
    if (what == TR_SENSE_GOOD)
        *ret_bytes = self;
    else
        free(self.bytes);
    return what;
}

bool tr_sense_bytes(const json_t *input, const char *key, tr_sense_bytes_t *ret_bytes, char *detail) {
    return tr_sense_read(input, key, ret_bytes, detail) == TR_SENSE_GOOD;
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
