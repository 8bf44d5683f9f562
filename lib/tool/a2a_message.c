#include "lib/tool/a2a_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/text/utf8.h"
#include "lib/tool/mcp_message.h"

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* At most so many bytes, and no character in half. */
static size_t cut(const char *text, size_t most) {
    return tr_utf8_cut(text, strlen(text), most);
}

static json_t *short_text(const char *text) {
    return json_stringn(text, cut(text, TR_A2A_TEXT_MAX));
}

/* ---- cards ---- */

static json_t *skill_of(const json_t *from) {
    const char *id = text_at(from, "id"), *name = text_at(from, "name");
    const json_t *tag;
    size_t i;
    if (!*id)
        return NULL;
    json_t *tags = json_array(), *skill = json_pack("{s:o, s:o, s:o, s:o}", "id", short_text(id), "name",
                                     short_text(*name ? name : id), "description",
                                     short_text(text_at(from, "description")), "tags", tags);
    json_array_foreach(json_object_get(from, "tags"), i, tag) {
        if (i < 16 && json_is_string(tag))
            json_array_append_new(tags, short_text(json_string_value(tag)));
    }
    return skill;
}

static json_t *told_of(const json_t *card) {
    const json_t *skill;
    size_t i;
    json_t *skills = json_array();
    json_t *told = json_pack("{s:o, s:o, s:o, s:o}", "name", short_text(text_at(card, "name")), "description",
        short_text(text_at(card, "description")), "version", short_text(text_at(card, "version")), "skills",
        skills);
    json_array_foreach(json_object_get(card, "skills"), i, skill) {
        json_t *one = i < TR_A2A_SKILLS_MAX ? skill_of(skill) : NULL;
        if (one)
            json_array_append_new(skills, one);
    }
    return told;
}

/* The first one that speaks JSON-RPC and 1.x. */
static const char *url_of(const json_t *card) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(card, "supportedInterfaces"), i, one) {
        const char *version = text_at(one, "protocolVersion"), *url = text_at(one, "url");
        bool known = strcmp(version, "1") == 0 || strncmp(version, "1.", 2) == 0;
        if (known && strcmp(text_at(one, "protocolBinding"), "JSONRPC") == 0 &&
            (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0))
            return url;
    }
    return NULL;
}

int tr_a2a_card_read(const char *bytes, size_t len, tr_a2a_card_t *ret_card, tr_error_t *error) {
    tr_a2a_card_t read = {0};
    json_t *card = tr_mcp_load(bytes, len, error);
    if (!card)
        return error && error->code ? error->code : -EBADMSG;
    const char *url = url_of(card);
    int rc = !json_is_object(card) ? tr_error_set(error, -EBADMSG, "it is no object")
             : !url                ? tr_error_set(error, -EBADMSG,
                                         "none of its supportedInterfaces is JSONRPC of the version 1 by HTTP")
                                   : 0;
    if (rc == 0) {
        read.url = strdup(url);
        read.told = told_of(card);
        read.streams = json_is_true(json_object_get(json_object_get(card, "capabilities"), "streaming"));
        if (!read.url || !read.told)
            rc = tr_error_set(error, -ENOMEM, "out of memory");
    }
    json_decref(card);
    if (rc < 0)
        tr_a2a_card_finish(&read);
    else
        *ret_card = read;
    return rc;
}

void tr_a2a_card_finish(tr_a2a_card_t *self) {
    free(self->url);
    json_decref(self->told);
    *self = (tr_a2a_card_t){0};
}

/* ---- what is asked ---- */

static char *print(const char *method, json_t *params) {
    json_t *request =
        json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method, "params", params);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    return text;
}

char *tr_a2a_print_send(bool streams, json_t *parts, const char *context, const char *task) {
    char id[40];
    snprintf(id, sizeof id, "troupe-%016llx", (unsigned long long)tr_random_seed());
    json_t *message = json_pack("{s:s, s:s, s:o}", "messageId", id, "role", "ROLE_USER", "parts", parts);
    if (message && *context)
        json_object_set_new(message, "contextId", json_string(context));
    if (message && *task)
        json_object_set_new(message, "taskId", json_string(task));
    json_t *params = message ? json_pack("{s:o}", "message", message) : NULL;
    /* so its task is known at once, and can be cancelled; one that is known may be told with its old state */
    if (params && !streams && !*task)
        json_object_set_new(params, "configuration", json_pack("{s:b}", "returnImmediately", 1));
    return params ? print(streams ? "SendStreamingMessage" : "SendMessage", params) : NULL;
}

char *tr_a2a_print_about(const char *method, const char *task) {
    json_t *params = json_pack("{s:s}", "id", task);
    return params ? print(method, params) : NULL;
}

/* ---- what is answered ---- */

static const struct {
    const char *name;
    tr_a2a_how_t how;
} states[] = {
    {"TASK_STATE_SUBMITTED", TR_A2A_GOES_ON},
    {"TASK_STATE_WORKING", TR_A2A_GOES_ON},
    {"TASK_STATE_COMPLETED", TR_A2A_DONE},
    {"TASK_STATE_FAILED", TR_A2A_BROKE},
    {"TASK_STATE_CANCELED", TR_A2A_BROKE},
    {"TASK_STATE_REJECTED", TR_A2A_REFUSED},
    {"TASK_STATE_INPUT_REQUIRED", TR_A2A_ASKS_BACK},
    {"TASK_STATE_AUTH_REQUIRED", TR_A2A_BROKE},
};

int tr_a2a_reply_init(tr_a2a_reply_t *self) {
    *self = (tr_a2a_reply_t){.artifacts = json_object()};
    return self->artifacts ? 0 : -ENOMEM;
}

void tr_a2a_reply_finish(tr_a2a_reply_t *self) {
    json_decref(self->artifacts);
    self->artifacts = NULL;
}

static void keep(char *out, size_t size, const char *text) {
    if (*text)
        snprintf(out, size, "%.*s", (int)cut(text, size - 1), text);
}

/* An id that does not fit would be another one: it is left out. */
static void keep_id(char *out, size_t size, const char *text) {
    if (*text && strlen(text) < size)
        strcpy(out, text);
}

/* The texts of parts, one behind the other; other parts into data, which may be NULL. NULL: out of memory. */
static json_t *text_of_parts(const json_t *parts, json_t *data) {
    tr_buffer_t text;
    const json_t *part;
    size_t i;
    tr_buffer_init(&text, TR_A2A_REPLY_MAX);
    json_array_foreach(parts, i, part) {
        tr_buffer_text(&text, text_at(part, "text"));
        if (data && json_object_get(part, "data"))
            json_array_append(data, json_object_get(part, "data"));
        else if (json_is_string(json_object_get(part, "url")))
            tr_buffer_printf(&text, "[%.500s]", text_at(part, "url"));
    }
    json_t *whole = text.failed ? NULL : json_string(tr_buffer_string(&text));
    tr_buffer_finish(&text);
    return whole;
}

static json_t *joined(const json_t *before, const json_t *more) {
    return json_sprintf("%s%s", json_string_value(before), json_string_value(more));
}

/* An artifact, or more of one. */
static int take_artifact(
    tr_a2a_reply_t *self, const json_t *artifact, bool append, tr_a2a_piece_fn on_piece, void *arg) {
    const char *id = text_at(artifact, "artifactId");
    json_t *known = json_object_get(self->artifacts, id), *data = json_array();
    json_t *text = text_of_parts(json_object_get(artifact, "parts"), data);
    self->bytes += text ? json_string_length(text) : 0;
    if (!text || !data || self->bytes > TR_A2A_REPLY_MAX) {
        json_decref(text);
        json_decref(data);
        return self->bytes > TR_A2A_REPLY_MAX ? -EMSGSIZE : -ENOMEM;
    }
    if (on_piece && json_string_length(text) &&
        !(known && !append && json_equal(json_object_get(known, "text"), text)))
        on_piece(arg, json_string_value(text), known && !append);
    if (known && append) {
        json_object_set_new(known, "text", joined(json_object_get(known, "text"), text));
        json_array_extend(json_object_get(known, "data"), data);
        json_decref(text);
        json_decref(data);
        return 0;
    }
    return json_object_set_new(self->artifacts, id, json_pack("{s:o, s:o}", "text", text, "data", data));
}

static int take_status(tr_a2a_reply_t *self, const json_t *status) {
    const char *state = text_at(status, "state");
    json_t *said = text_of_parts(json_object_get(json_object_get(status, "message"), "parts"), NULL);
    size_t i = 0, count = sizeof states / sizeof *states;
    while (i < count && strcmp(states[i].name, state) != 0)
        i++;
    keep(self->said, sizeof self->said, said ? json_string_value(said) : "");
    json_decref(said);
    if (i == count)
        return -EBADMSG;
    self->how = states[i].how;
    if (self->how == TR_A2A_BROKE && !*self->said)
        keep(self->said, sizeof self->said, state);
    return 0;
}

static int take_task(tr_a2a_reply_t *self, const json_t *task, tr_a2a_piece_fn on_piece, void *arg) {
    const json_t *artifact;
    size_t i;
    int rc = 0;
    keep_id(self->task, sizeof self->task, text_at(task, "id"));
    keep_id(self->context, sizeof self->context, text_at(task, "contextId"));
    json_array_foreach(json_object_get(task, "artifacts"), i, artifact) {
        if (rc == 0)
            rc = take_artifact(self, artifact, false, on_piece, arg);
    }
    return rc < 0 ? rc : take_status(self, json_object_get(task, "status"));
}

/* A message in place of a task: it is the whole answer. */
static int take_message(tr_a2a_reply_t *self, const json_t *message, tr_a2a_piece_fn on_piece, void *arg) {
    keep_id(self->context, sizeof self->context, text_at(message, "contextId"));
    self->how = TR_A2A_DONE;
    return take_artifact(self, message, false, on_piece, arg);
}

static int take_result(tr_a2a_reply_t *self, const json_t *result, tr_a2a_piece_fn on_piece, void *arg) {
    const json_t *task = json_object_get(result, "task"), *message = json_object_get(result, "message"),
                 *artifact = json_object_get(result, "artifactUpdate"),
                 *status = json_object_get(result, "statusUpdate"), *about = artifact ? artifact : status;
    keep_id(self->task, sizeof self->task, text_at(about, "taskId"));
    keep_id(self->context, sizeof self->context, text_at(about, "contextId"));
    if (artifact)
        return take_artifact(self, json_object_get(artifact, "artifact"),
            json_is_true(json_object_get(artifact, "append")), on_piece, arg);
    if (status)
        return take_status(self, json_object_get(status, "status"));
    if (message)
        return take_message(self, message, on_piece, arg);
    return take_task(
        self, task ? task : result, on_piece, arg); /* of GetTask and CancelTask: the task itself */
}

int tr_a2a_reply_hear(tr_a2a_reply_t *self, const char *bytes, size_t len, tr_a2a_piece_fn on_piece,
    void *arg, tr_error_t *error) {
    tr_mcp_heard_t heard;
    int rc = tr_mcp_read(bytes, len, &heard, error);
    if (rc < 0)
        return rc;
    if (heard.what == TR_MCP_FAILURE) {
        self->how = TR_A2A_BROKE;
        keep(self->said, sizeof self->said, text_at(heard.body, "message"));
    } else if (heard.what == TR_MCP_RESULT) {
        rc = take_result(self, heard.body, on_piece, arg);
    } else {
        rc = -EBADMSG;
    }
    tr_mcp_heard_finish(&heard);
    return rc == 0 ? 0
                   : tr_error_set(error, rc, "%s",
                         rc == -EBADMSG    ? "it is neither a task, nor a message, nor news of a task"
                         : rc == -EMSGSIZE ? "its texts have more than 1 MiB"
                                           : "out of memory");
}

void tr_a2a_reply_text(const tr_a2a_reply_t *self, tr_buffer_t *out) {
    const char *id;
    json_t *artifact;
    size_t before = out->size;
    json_object_foreach(self->artifacts, id, artifact) {
        const char *text = text_at(artifact, "text");
        if (*text && out->size > before)
            tr_buffer_text(out, "\n\n");
        tr_buffer_text(out, text);
    }
    if (out->size == before)
        tr_buffer_text(out, self->said);
}

json_t *tr_a2a_reply_data(const tr_a2a_reply_t *self) {
    const char *id;
    json_t *artifact, *all = json_array();
    json_object_foreach(self->artifacts, id, artifact)
        json_array_extend(all, json_object_get(artifact, "data"));
    size_t count = json_array_size(all);
    json_t *out = count == 0 ? NULL : json_incref(count == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return out;
}
