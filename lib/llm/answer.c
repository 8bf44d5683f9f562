#include "lib/llm/answer.h"

#include "lib/text/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tr_llm_answer_init(tr_llm_answer_t *self, size_t bytes_max) {
    *self = (tr_llm_answer_t){0};
    tr_buffer_init(&self->text, bytes_max);
}

void tr_llm_answer_finish(tr_llm_answer_t *self) {
    for (size_t i = 0; i < self->tools_n; i++) {
        free(self->tools[i].id);
        free(self->tools[i].name);
        tr_buffer_finish(&self->tools[i].arguments);
    }
    free(self->tools);
    tr_buffer_finish(&self->text);
    *self = (tr_llm_answer_t){0};
}

/* ---- pieces ---- */

static bool is_text(const json_t *part) {
    const char *type = json_string_value(json_object_get(part, "type"));
    return type && strcmp(type, "text") == 0;
}

void tr_llm_answer_text(tr_llm_answer_t *self, const json_t *text) {
    if (json_is_string(text))
        tr_buffer_put(&self->text, json_string_value(text), json_string_length(text));
    for (size_t i = 0; i < json_array_size(text); i++) {
        const json_t *part = json_array_get(text, i), *its = json_object_get(part, "text");
        if (is_text(part) && json_is_string(its))
            tr_buffer_put(&self->text, json_string_value(its), json_string_length(its));
    }
}

void tr_llm_answer_refusal(tr_llm_answer_t *self, const json_t *text) {
    size_t len = strlen(self->refusal), room = sizeof self->refusal - 1 - len,
           more = json_string_length(text);
    if (!more)
        return;
    more = tr_utf8_cut(json_string_value(text), more, room);
    memcpy(self->refusal + len, json_string_value(text), more);
    self->refusal[len + more] = '\0';
}

static bool is_said(const char *word) {
    return word && *word;
}

static bool is_whole(const tr_llm_tool_call_t *t) {
    json_t *arguments = t->arguments.size && !t->arguments.failed
                            ? tr_llm_json(tr_buffer_string(&t->arguments), t->arguments.size, NULL)
                            : NULL;
    bool is_object = json_is_object(arguments);
    json_decref(arguments);
    return is_object;
}

static bool is_another(const tr_llm_tool_call_t *t, const tr_llm_tool_sign_t *sign) {
    if (is_said(sign->id) && t->id)
        return strcmp(t->id, sign->id) != 0;
    if (!is_said(sign->name) || !t->name)
        return false;
    return strcmp(t->name, sign->name) != 0 || (sign->has_arguments && is_whole(t));
}

static void sign_call(tr_llm_tool_call_t *t, const tr_llm_tool_sign_t *sign) {
    if (!t->id && is_said(sign->id))
        t->id = strdup(sign->id);
    if (!t->name && is_said(sign->name))
        t->name = strdup(sign->name);
}

tr_llm_tool_call_t *tr_llm_answer_tool(tr_llm_answer_t *self, int64_t index, const tr_llm_tool_sign_t *sign) {
    tr_llm_tool_call_t *open = tr_llm_answer_open_tool(self, index);
    if (open && !is_another(open, sign)) {
        sign_call(open, sign);
        return open;
    }
    if (self->tools_n == TR_LLM_TOOLS_MAX)
        return NULL;
    tr_llm_tool_call_t *grown = realloc(self->tools, (self->tools_n + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    self->tools = grown;
    tr_llm_tool_call_t *t = &grown[self->tools_n++];
    *t = (tr_llm_tool_call_t){.index = index};
    sign_call(t, sign);
    tr_buffer_init(&t->arguments, self->text.limit);
    return t;
}

tr_llm_tool_call_t *tr_llm_answer_open_tool(const tr_llm_answer_t *self, int64_t index) {
    for (size_t i = self->tools_n; i-- > 0;)
        if (self->tools[i].index == index)
            return &self->tools[i];
    return NULL;
}

void tr_llm_answer_copy(char *to, size_t size, const json_t *from) {
    if (json_string_length(from))
        snprintf(to, size, "%s", json_string_value(from));
}

bool tr_llm_answer_copy_node(char *to, size_t size, const tr_llm_node_t *from) {
    if (!tr_llm_node_is_string(from) || from->len == 0)
        return true;
    size_t len = from->len < size ? from->len : size - 1;
    if (!from->escaped) {
        memcpy(to, from->at, len);
        to[len] = '\0';
    }
    return !from->escaped;
}

/* ---- the end ---- */

/* Empty arguments are none. */
static json_t *arguments_of(const tr_llm_tool_call_t *t, tr_error_t *error) {
    const char *text = tr_buffer_string(&t->arguments);
    size_t len = t->arguments.size;
    while (len && isspace((unsigned char)*text))
        text++, len--;
    json_t *arguments = len ? tr_llm_json(text, len, error) : json_object();
    if (arguments && !json_is_object(arguments)) {
        json_decref(arguments);
        arguments = NULL;
        tr_error_set(error, -EINVAL, "expected an object");
    }
    if (!arguments)
        tr_error_prefix(error, "the arguments of the tool %s", t->name ? t->name : "without a name");
    return arguments;
}

static json_t *tool_of(const tr_llm_tool_call_t *t, size_t number, tr_error_t *error) {
    char id[32];
    snprintf(id, sizeof id, "call_%zu", number);
    if (!t->name) {
        tr_error_set(error, -EINVAL, "a call of a tool has no name");
        return NULL;
    }
    json_t *arguments = arguments_of(t, error);
    return arguments ? json_pack("{s:s, s:s, s:o}", "id", t->id ? t->id : id, "name", t->name, "arguments",
                           arguments)
                     : NULL;
}

static tr_llm_status_t read_tools(const tr_llm_answer_t *self, json_t **ret_tools, tr_error_t *error) {
    json_t *tools = json_array();
    for (size_t i = 0; i < self->tools_n; i++) {
        if (self->tools[i].arguments.failed) {
            json_decref(tools);
            tr_error_set(error, -EMSGSIZE, "a tool's arguments are too large");
            return TR_LLM_TOO_LARGE;
        }
        json_t *tool = tool_of(&self->tools[i], i, error);
        if (!tool || json_array_append_new(tools, tool) < 0) {
            json_decref(tools);
            return TR_LLM_MISMATCH;
        }
    }
    *ret_tools = tools;
    return TR_LLM_OK;
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

tr_llm_status_t tr_llm_answer_end(const tr_llm_answer_t *self, json_t **ret_tools, tr_error_t *error) {
    static const char *const cut[] = {"length", "max_tokens", "model_context_window_exceeded", NULL};
    static const char *const filtered[] = {"content_filter", "refusal", NULL};
    static const char *const ended[] = {"error", "abort", "aborted", "cancelled", NULL};
    *ret_tools = NULL;
    if (!*self->finish) {
        tr_error_set(error, -EPIPE, "the answer ended without a finish reason: it is not complete");
        return TR_LLM_BROKEN;
    }
    if (is_one_of(self->finish, ended)) {
        tr_error_set(error, -EPIPE, "the server gave the answer up (finish reason %s): it is not complete",
            self->finish);
        return TR_LLM_BROKEN;
    }
    if (is_one_of(self->finish, cut)) {
        tr_error_set(error, -EMSGSIZE, "the answer was cut at its most tokens (finish reason %s): allow more",
            self->finish);
        return TR_LLM_CUT;
    }
    if (is_one_of(self->finish, filtered)) {
        tr_error_set(error, -EACCES, "the provider withheld the answer (finish reason %s)", self->finish);
        return TR_LLM_FILTERED;
    }
    if (*self->refusal) {
        tr_error_set(error, -EACCES, "the model refuses: %s", self->refusal);
        return TR_LLM_FILTERED;
    }
    if (self->text.failed) {
        tr_error_set(error, -EMSGSIZE, "the answer's text is too large, or memory is out");
        return TR_LLM_TOO_LARGE;
    }
    if (!self->tools_n || self->answers_by_tool)
        return TR_LLM_OK;
    return read_tools(self, ret_tools, error);
}

/* ---- JSON ---- */

json_t *tr_llm_json(const char *text, size_t len, tr_error_t *error) {
    json_error_t wrong;
    json_t *value = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &wrong);
    if (!value)
        tr_error_set(
            error, -EINVAL, "not JSON: line %d, column %d: %s", wrong.line, wrong.column, wrong.text);
    return value;
}

/* Without white space and a fence around it. */
static void strip(const char **text, size_t *len) {
    while (*len && isspace((unsigned char)**text))
        ++*text, --*len;
    while (*len && isspace((unsigned char)(*text)[*len - 1]))
        --*len;
    const char *line = memchr(*text, '\n', *len);
    if (*len < 7 || memcmp(*text, "```", 3) != 0 || memcmp(*text + *len - 3, "```", 3) != 0 || !line)
        return;
    size_t head = (size_t)(line + 1 - *text);
    if (head + 3 > *len)
        return;
    *text += head;
    *len -= head + 3;
}

json_t *tr_llm_answer_json(const char *text, size_t len, tr_error_t *error) {
    strip(&text, &len);
    return tr_llm_json(text, len, error);
}
