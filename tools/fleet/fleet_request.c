#include "tools/fleet/fleet_request.h"

#include "lib/base/suggest.h"
#include "proto/aid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX        (1u << 20)
#define TIMEOUT_MS      60000
#define TIMEOUT_MAX_MS  3600000
#define EXEC_TIMEOUT_MS 30000
#define LIST_MAX        256

const char *const tr_fleet_action_words[] = {"status", "attach", "detach", "scale", "restart", "down", NULL};

static int take_text(json_t *from, const char *key, const char **ret_text, tr_error_t *error) {
    json_t *value = json_object_get(from, key);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return tr_error_set(error, -EINVAL, "%s: expected a text", key);
    *ret_text = json_string_value(value);
    return 0;
}

static int take_whole(
    json_t *from, const char *key, int64_t min, int64_t max, int64_t *ret_value, tr_error_t *error) {
    json_t *value = json_object_get(from, key);
    if (!value || json_is_null(value))
        return 0;
    int64_t n = json_is_integer(value) ? (int64_t)json_integer_value(value) : min - 1;
    if (n < min || n > max)
        return tr_error_set(error, -EINVAL, "%s: expected a whole number from %lld to %lld", key,
            (long long)min, (long long)max);
    *ret_value = n;
    return 0;
}

static int take_texts(
    tr_fleet_request_t *self, json_t *from, const char *key, tr_texts_t *ret_texts, tr_error_t *error) {
    json_t *list = json_object_get(from, key);
    if (!list || json_is_null(list))
        return 0;
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > LIST_MAX)
        return tr_error_set(error, -EINVAL, "%s: expected a list of at most %d texts", key, LIST_MAX);
    tr_texts_t texts = {tr_arena_alloc(&self->arena, (count + 1) * sizeof *texts.items), count};
    if (!texts.items)
        return tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        texts.items[i] = json_string_value(json_array_get(list, i));
        if (!texts.items[i])
            return tr_error_set(error, -EINVAL, "%s: expected a list of texts", key);
    }
    texts.items[count] = NULL;
    *ret_texts = texts;
    return 0;
}

static int take_args(tr_fleet_request_t *self, json_t *from, tr_error_t *error) {
    json_t *value = json_object_get(from, "args");
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_object(value))
        return tr_error_set(error, -EINVAL, "args: expected a JSON object");
    char *text = json_dumps(value, JSON_COMPACT);
    self->agent.args = text ? tr_arena_strn(&self->arena, text, strlen(text)) : NULL;
    free(text);
    return self->agent.args ? 0 : tr_error_set(error, -ENOMEM, "args: out of memory, or too long");
}

static int take_exec(tr_fleet_request_t *self, json_t *from, tr_error_t *error) {
    tr_fleet_exec_t *exec = &self->agent.exec;
    const char *mode = NULL;
    exec->timeout_ms = EXEC_TIMEOUT_MS;
    int rc = take_texts(self, from, "command", &exec->command, error);
    if (rc == 0)
        rc = take_text(from, "exec_mode", &mode, error);
    if (rc == 0)
        rc = take_whole(from, "exec_timeout_ms", 1, INT64_C(86400000), &exec->timeout_ms, error);
    for (exec->mode = 0; rc == 0 && mode; exec->mode++) {
        if (!tr_fleet_exec_mode_words[exec->mode])
            return tr_error_set(
                error, -EINVAL, "exec_mode: expected persistent or once, found \"%.40s\"", mode);
        if (strcmp(tr_fleet_exec_mode_words[exec->mode], mode) == 0)
            break;
    }
    return rc;
}

static bool is_platforms_own(const char *name) {
    static const char *const own[] = {"ams", "df", TR_FLEET_BROKER, TR_FLEET_SUPERVISOR};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(own[i], name) == 0)
            return true;
    }
    return false;
}

static int check_settings(tr_fleet_request_t *self, tr_error_t *error) {
    tr_fleet_agent_t *a = &self->agent;
    if (a->behaviour && strcmp(a->behaviour, "exec") == 0 && a->exec.command.count > 0)
        a->behaviour = NULL; /* the command says it already */
    int ways = (a->behaviour != NULL) + (a->load != NULL) + (a->exec.command.count > 0);
    self->settings = ways > 0;
    if (ways > 1)
        return tr_error_set(error, -EINVAL, "expected one of behaviour, load and a command, found several");
    if (ways == 0 && (a->args || a->services.count || a->subscribe.count || a->publish.count ||
                         a->ask.count || a->durable))
        return tr_error_set(error, -EINVAL,
            "a new agent needs a behaviour; a further member of a group takes the settings of its group");
    if (a->behaviour && strcmp(a->behaviour, "exec") == 0)
        return tr_error_set(error, -EINVAL, "an exec agent needs a command: give the program after --");
    if (self->directory && self->directory[0] != '/')
        return tr_error_set(error, -EINVAL, "directory: expected an absolute path");
    a->name = self->name;
    a->count = self->count;
    a->restart = tr_restart_default;
    return 0;
}

static int take_truth(json_t *from, const char *key, bool *ret_value, tr_error_t *error) {
    json_t *value = json_object_get(from, key);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_boolean(value))
        return tr_error_set(error, -EINVAL, "%s: expected true or false", key);
    *ret_value = json_is_true(value);
    return 0;
}

static int read_attach(tr_fleet_request_t *self, json_t *from, tr_error_t *error) {
    tr_fleet_agent_t *a = &self->agent;
    int rc = take_text(from, "behaviour", &a->behaviour, error);
    if (rc == 0)
        rc = take_text(from, "load", &a->load, error);
    if (rc == 0)
        rc = take_text(from, "directory", &self->directory, error);
    if (rc == 0)
        rc = take_texts(self, from, "services", &a->services, error);
    if (rc == 0)
        rc = take_texts(self, from, "subscribe", &a->subscribe, error);
    if (rc == 0)
        rc = take_texts(self, from, "publish", &a->publish, error);
    if (rc == 0)
        rc = take_texts(self, from, "ask", &a->ask, error);
    if (rc == 0)
        rc = take_truth(from, "durable", &a->durable, error);
    if (rc == 0)
        rc = take_args(self, from, error);
    if (rc == 0)
        rc = take_exec(self, from, error);
    if (rc == 0)
        rc = take_whole(from, "count", 1, TR_FLEET_ATTACH_MAX, &self->count, error);
    return rc == 0 ? check_settings(self, error) : rc;
}

static int read_scale(tr_fleet_request_t *self, json_t *from, tr_error_t *error) {
    json_t *groups = json_object_get(from, "groups");
    if (!json_is_object(groups) || json_object_size(groups) == 0)
        return tr_error_set(error, -EINVAL, "groups: expected names of groups with their numbers of members");
    const char *name;
    json_t *value;
    json_object_foreach(groups, name, value) {
        int64_t ignored;
        int rc = take_whole(groups, name, 0, TR_FLEET_PROCESSES_MAX, &ignored, error);
        if (rc < 0 || !json_is_integer(value))
            return tr_error_set(
                error, -EINVAL, "%.80s: expected a whole number from 0 to %d", name, TR_FLEET_PROCESSES_MAX);
    }
    self->groups = groups;
    return 0;
}

static int check_name(const tr_fleet_request_t *self, tr_error_t *error) {
    if (!self->name)
        return tr_error_set(error, -EINVAL, "name: is missing");
    if (!tr_name_valid(self->name, strlen(self->name)))
        return tr_error_set(error, -EINVAL,
            "\"%.80s\" is no name: expected 1 to %d of A-Z a-z 0-9 . _ - + ~, the first neither . nor -",
            self->name, TR_NAME_MAX);
    if (self->action == TR_FLEET_ATTACH && is_platforms_own(self->name))
        return tr_error_set(error, -EINVAL, "\"%s\" is the platform's own; choose another name", self->name);
    return 0;
}

static int find_action(json_t *content, tr_fleet_action_t *ret_action, tr_error_t *error) {
    const char *word = json_string_value(json_object_get(content, "action"));
    for (int i = 0; word && i < TR_FLEET_ACTIONS; i++) {
        if (strcmp(tr_fleet_action_words[i], word) == 0) {
            *ret_action = (tr_fleet_action_t)i;
            return 0;
        }
    }
    const char *near = word ? tr_suggest(word, tr_fleet_action_words) : NULL;
    if (near)
        return tr_error_set(
            error, -EINVAL, "action: there is no \"%.40s\"; did you mean \"%s\"?", word, near);
    return tr_error_set(error, -EINVAL, "action: expected status, attach, detach, scale, restart or down");
}

int tr_fleet_request_read(json_t *content, tr_fleet_request_t *ret_request, tr_error_t *error) {
    tr_fleet_request_t *r = ret_request;
    *r = (tr_fleet_request_t){.count = 1, .timeout_ms = TIMEOUT_MS, .wait = true};
    tr_arena_init(&r->arena, TEXT_MAX);
    json_t *wait = json_object_get(content, "wait");
    r->wait = !json_is_false(wait);
    int rc = find_action(content, &r->action, error);
    if (rc == 0)
        rc = take_text(content, "name", &r->name, error);
    if (rc == 0)
        rc = take_text(content, "ticket", &r->ticket, error);
    if (rc == 0)
        rc = take_whole(content, "offset", 0, INT32_MAX, &r->offset, error);
    if (rc == 0)
        rc = take_whole(content, "timeout_ms", 1, TIMEOUT_MAX_MS, &r->timeout_ms, error);
    bool named =
        r->action == TR_FLEET_ATTACH || r->action == TR_FLEET_DETACH || r->action == TR_FLEET_RESTART;
    if (rc == 0 && named)
        rc = check_name(r, error);
    if (rc == 0 && r->action == TR_FLEET_ATTACH)
        rc = read_attach(r, content, error);
    if (rc == 0 && r->action == TR_FLEET_SCALE)
        rc = read_scale(r, content, error);
    return rc;
}

void tr_fleet_request_finish(tr_fleet_request_t *self) {
    tr_arena_finish(&self->arena);
}
