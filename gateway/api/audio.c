/*
 * Speech as OpenAI's API has it: a recording becomes a text, a text becomes a recording. The gateway decodes nothing: who offers the service `senses`
 * does, by a model or by programs apart from everything (agentd/mind/senses.h).
 */
#include "gateway/api/api.h"
#include "gateway/api/wishes.h"
#include "gateway/http/server.h"
#include "proto/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4000 /* bytes, as agents take them at once */

static const char *const text_formats[] = {"json", "text", "verbose_json", NULL};
static const char *const sound_formats[] = {"mp3", "opus", "aac", "flac", "wav", "pcm", NULL};

static bool is_one_of(const char *word, const char *const *words) {
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words;
}

/* ---- hearing ---- */

static json_t *verbose(const json_t *answer, const char *text) {
    json_t *value = json_pack("{s:s, s:s, s:[]}", "task", "transcribe", "text", text, "segments");
    json_t *language = json_object_get(answer, "language"), *seconds = json_object_get(answer, "seconds");
    if (language)
        json_object_set(value, "language", language);
    if (seconds)
        json_object_set(value, "duration", seconds);
    return value;
}

static void on_heard(tr_web_exchange_t *e) {
    const char *format = tr_web_text(e, "response_format");
    if (!tr_api_sense_judge(e, e->replies[0]))
        return;
    json_t *answer = tr_web_reply_json(e->replies[0]);
    const char *text = json_string_value(json_object_get(answer, "text"));
    if (!text) {
        tr_web_problem(e, 502, "failed", "what svc:senses answered is no text");
    } else if (format && strcmp(format, "text") == 0) {
        tr_buffer_printf(&e->out, "%s\n", text);
        tr_web_respond(e, 200, "text/plain; charset=utf-8");
    } else if (format && strcmp(format, "verbose_json") == 0) {
        tr_web_respond_json(e, 200, verbose(answer, text));
    } else {
        tr_web_respond_json(e, 200, json_pack("{s:s}", "text", text));
    }
    json_decref(answer);
}

static bool may_be_heard(tr_web_exchange_t *e) {
    const char *format = tr_web_text(e, "response_format"), *stream = tr_web_text(e, "stream");
    if (!e->file.bytes.len)
        tr_web_problem_of(e, "file", 400, "missing-argument", "file: expected a file that is not empty");
    else if (format && !is_one_of(format, text_formats))
        tr_web_problem_of(e, "response_format", 400, "unrecognised-parameter-value",
            "response_format: expected json, text or verbose_json (it is not known when a word was said)");
    else if (stream && strcmp(stream, "true") == 0)
        tr_web_problem_of(
            e, "stream", 400, "unrecognised-parameter-value", "stream: the text comes as a whole");
    else
        return tr_wishes_check(e);
    return false;
}

void tr_api_transcribe(tr_web_exchange_t *e) {
    const char *language = tr_web_text(e, "language");
    bool has_language = language && *language;
    tr_web_call_t *call = may_be_heard(e) ? tr_api_sense_call(e, "transcribe", 1 + has_language) : NULL;
    if (!call)
        return;
    tr_write_str(&call->content, "audio");
    tr_write_bin(&call->content, e->file.bytes.at, e->file.bytes.len);
    if (has_language)
        tr_write_kv(&call->content, "language", language);
    e->on_replies = on_heard;
    tr_web_exchange_call(e, 0, &call);
}

/* ---- speaking ---- */

static void ask_to_speak(tr_web_exchange_t *e, const char *format);

/* Nobody said which format, and the one that was tried cannot be had: what is spoken comes as it is. */
static bool is_for_want_of_format(const tr_web_exchange_t *e) {
    const tr_web_reply_t *reply = e->replies[0];
    if (tr_web_text(e, "response_format") || e->parked || !reply || reply->outcome != TR_WEB_ANSWERED ||
        reply->act != TR_FAILURE)
        return false;
    json_t *content = tr_web_reply_json(reply);
    const char *reason = json_string_value(json_object_get(content, "reason"));
    bool is = reason && strcmp(reason, "unsupported") == 0;
    json_decref(content);
    return is;
}

/* The types are those that this has a name for: what an agent writes becomes no header. */
static const char *type_of(const json_t *answer) {
    static const char *const types[] = {
        "audio/mpeg", "audio/ogg", "audio/opus", "audio/aac", "audio/flac", "audio/wav", "audio/pcm", NULL};
    const char *type = json_string_value(json_object_get(answer, "type"));
    for (size_t i = 0; type && types[i]; i++)
        if (strcmp(types[i], type) == 0)
            return types[i];
    return "application/octet-stream";
}

/* Into e->out. False: it is none. */
static bool take_sound(tr_web_exchange_t *e, const json_t *answer) {
    const json_t *bytes = json_object_get(json_object_get(answer, "audio"), "$bin");
    size_t len = json_string_length(bytes), got = 0;
    uint8_t *sound = len ? malloc(len / 4 * 3 + 1) : NULL;
    bool good = sound && tr_base64_decode(json_string_value(bytes), len, sound, &got) == 0;
    if (good)
        tr_buffer_put(&e->out, sound, got);
    free(sound);
    return good && !e->out.failed;
}

static void on_spoken(tr_web_exchange_t *e) {
    if (is_for_want_of_format(e)) {
        ask_to_speak(e, "wav");
        return;
    }
    if (!tr_api_sense_judge(e, e->replies[0]))
        return;
    json_t *answer = tr_web_reply_json(e->replies[0]);
    if (take_sound(e, answer))
        tr_web_respond(e, 200, type_of(answer));
    else
        tr_web_problem(e, 502, "failed", "what svc:senses answered is no recording");
    json_decref(answer);
}

static void ask_to_speak(tr_web_exchange_t *e, const char *format) {
    static const char *const keys[] = {"voice", "language"};
    const char *values[2];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        values[i] = tr_web_text(e, keys[i]);
        if (values[i] && (!*values[i] || strcmp(values[i], "default") == 0))
            values[i] = NULL;
        count += values[i] != NULL;
    }
    tr_web_call_t *call = tr_api_sense_call(e, "speak", 2 + count);
    if (!call)
        return;
    tr_write_kv(&call->content, "text", tr_web_text(e, "input"));
    tr_write_kv(&call->content, "format", format);
    for (size_t i = 0; i < 2; i++)
        if (values[i])
            tr_write_kv(&call->content, keys[i], values[i]);
    e->parked = strcmp(format, "wav") == 0 ? e : NULL; /* there is nothing else to try: nothing to leave */
    e->on_replies = on_spoken;
    tr_web_exchange_call(e, 0, &call);
}

void tr_api_speak(tr_web_exchange_t *e) {
    const char *format = tr_web_text(e, "response_format"), *stream = tr_web_text(e, "stream_format");
    size_t len = json_string_length(json_object_get(e->body, "input"));
    if (len == 0)
        tr_web_problem_of(
            e, "input", 400, "unrecognised-parameter-value", "input: expected a text that is not empty");
    else if (len > INPUT_MAX)
        tr_web_problem_of(e, "input", 413, "too-large",
            "input: %d bytes at most are spoken at once: send it in parts", INPUT_MAX);
    else if (format && !is_one_of(format, sound_formats))
        tr_web_problem_of(e, "response_format", 400, "unrecognised-parameter-value",
            "response_format: expected mp3, opus, aac, flac, wav or pcm");
    else if (stream && strcmp(stream, "audio") != 0)
        tr_web_problem_of(
            e, "stream_format", 400, "unrecognised-parameter-value", "stream_format: expected audio");
    else if (tr_wishes_check(e))
        ask_to_speak(e, format ? format : "mp3");
}
