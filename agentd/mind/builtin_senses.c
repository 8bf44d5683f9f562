/* transcribe, speak and describe_image of the built-in mind: programs that are asked beside everything else (senses.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/senses_convert.h"
#include "agentd/mind/senses_input.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"

#define HEARER  "pocketsphinx (and pocketsphinx-en-us)"
#define PLAIN_S 32000.0 /* bytes of a second of what is heard */

/* One that runs. */
typedef struct sense {
    struct sense *next, **link; /* of those that run */
    tr_mind_op_t op;
    tr_mind_done_fn on_done;
    void *arg;
    tr_sense_image_t image;
    const char *const *then; /* which is given what this one wrote; NULL = it is the last */
    const char *then_package;
    const char *type; /* of what is spoken */
    double seconds;   /* of what is heard */
} sense_t;

static const char *const hear[] = {
    "/usr/bin/pocketsphinx_continuous", "-infile", "/proc/self/fd/0", "-logfn", "/dev/null", NULL};
static const char *const see[] = {"/usr/bin/tesseract", "stdin", "stdout", "-l", "eng", NULL};
/* In the order of `languages`. */
static const char *const say[][8] = {
#define SAY(voice)                                                                                           \
    { "/usr/bin/espeak-ng", "--stdin", "--stdout", "-s", "150", "-v", voice, NULL }
    SAY("en"),
    SAY("de"),
    SAY("es"),
    SAY("fr"),
    SAY("it"),
    SAY("nl"),
    SAY("pl"),
    SAY("pt"),
};
static const char *const languages[] = {"en", "de", "es", "fr", "it", "nl", "pl", "pt"};

/* ---- what a program is given ---- */

/* A WAV at once, what else there is after it was made plain. 0, or a status with why in detail. */
static int prepare_sound(tr_sense_bytes_t *sound, tr_sense_call_t *call, sense_t *sense, char *detail) {
    const char *why = NULL;
    if (strcmp(sound->kind, "wav") != 0) {
        *call = (tr_sense_call_t){.command = tr_sense_decoder(sound->kind),
            .package = TR_SENSE_CONVERTER,
            .input = sound->bytes,
            .length = sound->length};
        sense->then = hear;
        sense->then_package = HEARER;
        return 0;
    }
    *call = (tr_sense_call_t){.command = hear, .package = HEARER};
    call->input = tr_sound_plain(sound->bytes, sound->length, &call->length, &why);
    free(sound->bytes);
    sense->seconds = (double)call->length / PLAIN_S;
    if (!call->input)
        snprintf(detail, TR_BUILTIN_DETAIL, "audio: %s", why);
    return call->input ? 0 : TR_MIND_INVALID;
}

static int prepare_hear(
    const tr_mind_request_t *request, tr_sense_call_t *call, sense_t *sense, char *detail) {
    const char *language = json_string_value(json_object_get(request->input, "language"));
    tr_sense_bytes_t sound = {0};
    if (!tr_sense_bytes(request->input, "audio", &sound, detail))
        return TR_MIND_INVALID;
    if (!language || strncmp(language, "en", 2) == 0)
        return prepare_sound(&sound, call, sense, detail);
    free(sound.bytes);
    snprintf(detail, TR_BUILTIN_DETAIL,
        "language: the built-in mind hears English alone: configure a model for transcribe");
    return TR_MIND_UNSUPPORTED;
}

/* False: there is no such format. */
static bool prepare_format(const char *format, sense_t *sense) {
    sense->type = "audio/wav";
    if (!format || strcmp(format, "wav") == 0)
        return true;
    sense->then = tr_sense_encoder(format, &sense->type);
    sense->then_package = TR_SENSE_CONVERTER;
    return sense->then;
}

static int prepare_say(
    const tr_mind_request_t *request, tr_sense_call_t *call, sense_t *sense, char *detail) {
    const char *language = json_string_value(json_object_get(request->input, "language"));
    const char *format = json_string_value(json_object_get(request->input, "format"));
    size_t at = 0, length = 0, count = sizeof languages / sizeof *languages;
    if (!prepare_format(format, sense)) {
        snprintf(detail, TR_BUILTIN_DETAIL, "format: expected wav, mp3, opus, aac, flac or pcm");
        return TR_MIND_INVALID;
    }
    while (language && at < count && strncmp(languages[at], language, 2) != 0)
        at++;
    if (at == count) {
        snprintf(detail, TR_BUILTIN_DETAIL,
            "language: the built-in mind speaks en, de, es, fr, it, nl, pl and pt");
        return TR_MIND_UNSUPPORTED;
    }
    char *text = tr_builtin_clean(request, &length);
    *call = (tr_sense_call_t){.command = say[at], .package = "espeak-ng", .input = text, .length = length};
    return text ? 0 : -ENOMEM;
}

static int prepare_see(
    const tr_mind_request_t *request, tr_sense_call_t *call, tr_sense_image_t *image, char *detail) {
    tr_sense_bytes_t bytes = {0};
    if (!tr_sense_bytes(request->input, "image", &bytes, detail))
        return TR_MIND_INVALID;
    *image = bytes.image;
    *call = (tr_sense_call_t){.command = see,
        .package = "tesseract-ocr (and tesseract-ocr-eng)",
        .input = bytes.bytes,
        .length = bytes.length};
    return 0;
}

static int prepare(const tr_mind_request_t *request, tr_sense_call_t *call, sense_t *sense, char *detail) {
    if (!tr_sense_is_well(request, detail))
        return TR_MIND_INVALID;
    return request->op == TR_MIND_SPEAK        ? prepare_say(request, call, sense, detail)
           : request->op == TR_MIND_TRANSCRIBE ? prepare_hear(request, call, sense, detail)
                                               : prepare_see(request, call, &sense->image, detail);
}

/* 0, -ENOMEM, or a status with why in detail. */
static int start(tr_builtin_t *self, const tr_sense_call_t *call, char *detail) {
    int rc = tr_senses_start(self->senses, call, detail);
    return rc == -ENOENT || rc == -ENOTSUP ? TR_MIND_UNSUPPORTED
           : rc < 0 && rc != -ENOMEM       ? TR_MIND_FAILED
                                           : rc;
}

int tr_builtin_sense(tr_builtin_t *self, const tr_mind_request_t *request, char *detail) {
    tr_sense_call_t call = {0};
    sense_t *sense = calloc(1, sizeof *sense);
    if (!sense || (!self->senses && !(self->senses = tr_senses_new(self->event)))) {
        free(sense);
        return -ENOMEM;
    }
    *sense = (sense_t){.next = self->sensed,
        .link = &self->sensed,
        .op = request->op,
        .on_done = request->on_done,
        .arg = request->arg};
    int rc = prepare(request, &call, sense, detail);
    call.arg = sense;
    if (rc == 0)
        rc = start(self, &call, detail);
    if (rc != 0) {
        free(sense);
        return rc;
    }
    if (sense->next)
        sense->next->link = &sense->next;
    self->sensed = sense;
    return 0;
}

void tr_builtin_cancel_senses(tr_builtin_t *self, const void *arg, tr_mind_done_fn instead) {
    for (sense_t *sense = self->sensed; sense; sense = sense->next)
        if (sense->arg == arg)
            sense->on_done = instead;
}

/* ---- what a program has said ---- */

/* UTF-8 without control characters, and white space as single blanks. */
static json_t *words_of(const char *bytes, size_t length) {
    tr_textbuf_t out = {0};
    uint32_t code;
    bool blank = false;
    for (size_t at = 0; at < length;) {
        at += tr_utf8_next(bytes + at, length - at, &code);
        bool is_space = code <= 0x20 || code == 0x7f;
        if (is_space) {
            blank = true;
            continue;
        }
        if (blank && out.length > 0)
            tr_textbuf_add_string(&out, " ");
        blank = false;
        tr_textbuf_add_code(&out, code);
    }
    tr_textbuf_add_string(&out, "");
    char *text = tr_textbuf_take(&out);
    json_t *value = text ? json_string(text) : NULL;
    free(text);
    return value;
}

static json_t *seen(const sense_t *sense, json_t *words) {
    const char *text = json_string_value(words), *kind = sense->image.kind;
    json_t *told = json_sprintf("An image (%s) of %u by %u points. %s%s", kind, sense->image.width,
        sense->image.height, text && *text ? "Text in it: " : "No text was found in it.", text ? text : "");
    return json_pack("{s:o, s:o, s:s, s:I, s:I}", "text", told, "words", words, "type", kind, "width",
        (json_int_t)sense->image.width, "height", (json_int_t)sense->image.height);
}

static json_t *value_of(const sense_t *sense, const tr_sense_result_t *result) {
    if (sense->op == TR_MIND_SPEAK) {
        tr_sound_mend((uint8_t *)result->output, result->length); /* of what else there is nothing changes */
        return tr_sense_sound(result->output, result->length, sense->type);
    }
    json_t *words = words_of(result->output, result->length);
    if (sense->op == TR_MIND_DESCRIBE_IMAGE)
        return words ? seen(sense, words) : NULL;
    return words ? json_pack("{s:o, s:s, s:f}", "text", words, "language", "en", "seconds", sense->seconds)
                 : NULL;
}

/* Nothing heard is an answer, nothing spoken is none. */
static void refuse_nothing(const sense_t *sense, tr_sense_result_t *result) {
    bool heard = sense->op == TR_MIND_TRANSCRIBE;
    if (!result->output || result->length > 0 || (sense->op != TR_MIND_SPEAK && !(heard && sense->then)))
        return;
    snprintf(result->detail, sizeof result->detail, "%s",
        heard ? "audio: there is no sound in it" : "nothing was spoken");
    free(result->output);
    result->output = NULL;
}

/* What tesseract says at its end of an image that it could not read; where it is itself that lacks something, it says something else. */
static bool is_broken_image(const sense_t *sense, tr_sense_result_t *result) {
    char why[sizeof result->detail];
    if (sense->op != TR_MIND_DESCRIBE_IMAGE || result->output ||
        !strstr(result->detail, "Error during processing"))
        return false;
    snprintf(why, sizeof why, "%s", result->detail);
    snprintf(result->detail, sizeof result->detail,
        "image: it cannot be read: it is cut off or damaged; send it whole, as PNG or JPEG (%.300s)", why);
    return true;
}

/* The second program of two takes over what the first one wrote: 0; else as `start`, with why in the result. */
static int go_on(tr_builtin_t *self, sense_t *sense, tr_sense_result_t *result) {
    tr_sense_call_t call = {.command = sense->then,
        .package = sense->then_package,
        .input = result->output,
        .length = result->length,
        .arg = sense};
    if (sense->op == TR_MIND_TRANSCRIBE && result->length >= TR_SENSE_PLAIN_MAX) {
        snprintf(result->detail, sizeof result->detail,
            "audio: %zu seconds or more are too long: send it in parts", TR_SENSE_HEARD_MAX);
        free(result->output);
        result->output = NULL;
        return TR_MIND_INVALID;
    }
    if (sense->op == TR_MIND_SPEAK)
        tr_sound_mend(call.input, call.length);
    sense->seconds = (double)result->length / PLAIN_S;
    sense->then = NULL;
    result->output = NULL; /* it is the call's now */
    snprintf(result->detail, sizeof result->detail, "out of memory");
    return start(self, &call, result->detail);
}

static void answer(tr_builtin_t *self, const sense_t *sense, tr_sense_result_t *result, int status) {
    tr_builtin_answer_t *answer = &self->answers[self->count++];
    *answer = (tr_builtin_answer_t){.op = sense->op,
        .status = status > 0 ? (tr_mind_status_t)status : TR_MIND_FAILED,
        .on_done = sense->on_done,
        .arg = sense->arg};
    snprintf(answer->detail, sizeof answer->detail, "%s", result->output ? "out of memory" : result->detail);
    if (result->output && (answer->value = value_of(sense, result))) {
        answer->status = TR_MIND_OK;
        *answer->detail = '\0';
    }
}

/* Of each that has ended an answer in the queue, but of the first of two, which has a second one now. */
void tr_builtin_take_senses(tr_builtin_t *self) {
    tr_sense_result_t result;
    while (self->senses &&
           tr_array_reserve(&self->answers, self->count, &self->capacity, sizeof *self->answers) == 0 &&
           tr_senses_take(self->senses, &result)) {
        sense_t *sense = result.arg;
        refuse_nothing(sense, &result);
        bool is_first = result.output && sense->then;
        bool is_broken =
            !result.output && sense->then && sense->op == TR_MIND_TRANSCRIBE; /* a recording that is none */
        is_broken = is_broken || is_broken_image(sense, &result);
        int rc = is_first ? go_on(self, sense, &result) : is_broken ? TR_MIND_INVALID : 0;
        if (is_first && rc == 0)
            continue;
        answer(self, sense, &result, rc);
        free(result.output);
        *sense->link = sense->next;
        if (sense->next)
            sense->next->link = sense->link;
        free(sense);
    }
}
