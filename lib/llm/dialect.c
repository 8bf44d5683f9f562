#include "lib/llm/dialect.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int tr_llm_dialect_event(const tr_llm_dialect_t *self, tr_llm_answer_t *answer, const char *name,
    const char *data, size_t len, tr_error_t *error) {
    if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
        answer->ended = true;
        return 0;
    }
    tr_llm_scan_t scan;
    if (self->piece && tr_llm_scan(&scan, data, len) && self->piece(answer, name, &scan))
        return 0;
    json_t *json = tr_llm_json(data, len, error);
    if (!json)
        return tr_error_set(error, -EBADMSG, "an event of the stream is %.200s", error->text);
    int r = self->event(answer, name, json, error);
    json_decref(json);
    return r;
}

int tr_llm_dialect_body(
    const tr_llm_dialect_t *self, tr_llm_answer_t *answer, const char *body, size_t len, tr_error_t *error) {
    json_t *json = tr_llm_json(body, len, error);
    if (!json)
        return tr_error_set(
            error, -EBADMSG, "the answer is %.200s: is the base-url that of an API?", error->text);
    int r = self->body(answer, json, error);
    json_decref(json);
    return r;
}

/* ---- errors ---- */

/* Servers say {"error": {"message"}}, {"error": "..."}, {"message"}, {"detail"}. */
static const char *message_of(const json_t *json) {
    const json_t *error = json_object_get(json, "error");
    const json_t *const places[] = {json_object_get(error, "message"), error,
        json_object_get(json, "message"), json_object_get(json, "detail")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (json_string_length(places[i]))
            return json_string_value(places[i]);
    return NULL;
}

/* One line, at most size - 1 bytes, not cut within a character. */
static void one_line(const char *text, size_t len, char *out, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++) {
        bool space = isspace((unsigned char)text[i]) || iscntrl((unsigned char)text[i]);
        if (!space)
            out[n++] = text[i];
        else if (n && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    if (len >= size)
        while (n && ((unsigned char)out[n - 1] & 0x80))
            n--;
    out[n] = '\0';
}

void tr_llm_dialect_complaint(const char *body, size_t len, char *out, size_t size) {
    json_t *json = len ? tr_llm_json(body, len, NULL) : NULL;
    if (json_is_array(json) && json_array_size(json)) { /* Gemini wraps it */
        json_t *first = json_incref(json_array_get(json, 0));
        json_decref(json);
        json = first;
    }
    const char *message = message_of(json);
    one_line(message ? message : len ? body : "", message ? strlen(message) : len, out, size);
    json_decref(json);
}

void tr_llm_dialect_complaint_code(const char *body, size_t len, char *out, size_t size) {
    json_t *json = len ? tr_llm_json(body, len, NULL) : NULL;
    const json_t *error = json_object_get(json, "error");
    const json_t *code = json_object_get(error, "code");
    const json_t *type = json_object_get(error, "type");
    const char *word = json_is_string(code)   ? json_string_value(code)
                       : json_is_string(type) ? json_string_value(type)
                                              : "";
    snprintf(out, size, "%s", word);
    json_decref(json);
}

int tr_llm_dialect_told_error(const json_t *error_member, tr_error_t *error) {
    char line[200];
    const json_t *message = json_object_get(error_member, "message");
    const char *text = json_is_string(message)        ? json_string_value(message)
                       : json_is_string(error_member) ? json_string_value(error_member)
                                                      : "it does not say which";
    one_line(text, strlen(text), line, sizeof line);
    return tr_error_set(error, -EREMOTEIO, "the server tells of an error: %s", line);
}
