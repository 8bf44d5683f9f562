#include "agentd/behaviours/exec_conf.h"

#include "agentd/behaviours/args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX   (4u << 20)
#define COMMAND_MAX 256
#define ENV_MAX     256
#define DAY_MS      INT64_C(86400000)

const char *const tr_exec_mode_words[] = {"persistent", "once", NULL};

typedef struct reader {
    tr_exec_conf_t *conf;
    tr_problem_t *problem;
} reader_t;

static int out_of_memory(reader_t *self) {
    return tr_problem_set(self->problem, -ENOMEM, "args", "out of memory, or an argument is too large");
}

/* A str of the arguments as a C string. */
static int read_text(reader_t *self, tr_value_t v, const char *key, const char **ret_text) {
    size_t len = 0;
    const char *text = tr_value_str(v, &len);
    if (!text || memchr(text, '\0', len))
        return tr_args_wrong(self->problem, key, v, "a text");
    char *copy = tr_arena_strn(&self->conf->arena, text, len);
    if (!copy)
        return out_of_memory(self);
    *ret_text = copy;
    return 0;
}

static int read_command(reader_t *self, tr_value_t v, const char *key) {
    bool list = tr_value_is_array(v);
    size_t n = list ? tr_value_size(v) : 1;
    if (n < 1 || n > COMMAND_MAX)
        return tr_problem_set(self->problem, -EINVAL, "args.command",
            "expected a program and at most %d arguments, found %zu", COMMAND_MAX - 1, n);
    const char **command = tr_arena_alloc(&self->conf->arena, (n + 1) * sizeof *command);
    if (!command)
        return out_of_memory(self);
    for (size_t i = 0; i < n; i++) {
        int rc = read_text(self, list ? tr_value_at(v, i) : v, key, &command[i]);
        if (rc < 0)
            return rc;
    }
    if (!*command[0])
        return tr_problem_set(
            self->problem, -EINVAL, "args.command", "expected a program, found an empty name");
    command[n] = NULL;
    self->conf->command = command;
    return 0;
}

static int read_word(reader_t *self, tr_value_t v, const char *key, const char *const *words, int *at) {
    char expected[80] = "one of";
    size_t used = strlen(expected);
    for (int i = 0; words[i]; i++) {
        if (tr_value_equals(v, words[i])) {
            *at = i;
            return 0;
        }
        if (used < sizeof expected)
            used +=
                (size_t)snprintf(expected + used, sizeof expected - used, "%s %s", i ? "," : "", words[i]);
    }
    return tr_args_wrong(self->problem, key, v, expected);
}

static int read_whole(reader_t *self, tr_value_t v, const char *key, int64_t min, int64_t max, int64_t *at) {
    char expected[80];
    int64_t number = tr_value_int(v, INT64_MIN);
    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min, max);
    if (number < min || number > max)
        return tr_args_wrong(self->problem, key, v, expected);
    *at = number;
    return 0;
}

static int read_mode(reader_t *self, tr_value_t v, const char *key) {
    return read_word(self, v, key, tr_exec_mode_words, &self->conf->mode);
}

static int read_timeout(reader_t *self, tr_value_t v, const char *key) {
    return read_whole(self, v, key, 1, DAY_MS, &self->conf->timeout_ms);
}

static int read_in_flight(reader_t *self, tr_value_t v, const char *key) {
    return read_whole(self, v, key, 1, 1024, &self->conf->in_flight);
}

static int read_backoff(reader_t *self, tr_value_t v, const char *key) {
    return read_whole(self, v, key, 0, DAY_MS, &self->conf->backoff_ms);
}

static int read_max_backoff(reader_t *self, tr_value_t v, const char *key) {
    return read_whole(self, v, key, 0, DAY_MS, &self->conf->max_backoff_ms);
}

static int read_cwd(reader_t *self, tr_value_t v, const char *key) {
    return read_text(self, v, key, &self->conf->cwd);
}

/* "NAME=VALUE" */
static int read_variable(reader_t *self, const msgpack_object_kv *pair, const char **at) {
    size_t name_len = 0, value_len = 0;
    const char *name = tr_value_str(&pair->key, &name_len), *value = tr_value_str(&pair->val, &value_len);
    if (!name || !name_len || !value || memchr(name, '=', name_len) || memchr(name, '\0', name_len) ||
        memchr(value, '\0', value_len))
        return tr_problem_set(
            self->problem, -EINVAL, "args.env", "expected {NAME: \"VALUE\"} of texts, and no = in a name");
    char *text = tr_arena_alloc(&self->conf->arena, name_len + value_len + 2);
    if (!text)
        return out_of_memory(self);
    memcpy(text, name, name_len);
    text[name_len] = '=';
    memcpy(text + name_len + 1, value, value_len);
    text[name_len + 1 + value_len] = '\0';
    *at = text;
    return 0;
}

static int read_env(reader_t *self, tr_value_t v, const char *key) {
    (void)key;
    if (!tr_value_is_map(v) || tr_value_size(v) > ENV_MAX)
        return tr_problem_set(
            self->problem, -EINVAL, "args.env", "expected a map of at most %d variables", ENV_MAX);
    size_t n = tr_value_size(v);
    const char **env = tr_arena_alloc(&self->conf->arena, (n + 1) * sizeof *env);
    if (!env)
        return out_of_memory(self);
    for (size_t i = 0; i < n; i++) {
        int rc = read_variable(self, &v->via.map.ptr[i], &env[i]);
        if (rc < 0)
            return rc;
    }
    env[n] = NULL;
    self->conf->env = env;
    return 0;
}

static int read_log(reader_t *self, tr_value_t v, const char *key) {
    if (!tr_value_is_map(v))
        return tr_args_wrong(self->problem, key, v, "{level, format}");
    tr_value_t level = tr_value_get(v, "level"), format = tr_value_get(v, "format");
    int rc = level ? read_word(self, level, "log.level", tr_log_level_words, &self->conf->log_level) : 0;
    if (rc == 0 && format)
        rc = read_word(self, format, "log.format", tr_log_format_words, &self->conf->log_format);
    return rc;
}

static const struct {
    const char *key;
    int (*read)(reader_t *self, tr_value_t v, const char *key);
} keys[] = {
    {"command", read_command},
    {"mode", read_mode},
    {"timeout_ms", read_timeout},
    {"in_flight", read_in_flight},
    {"cwd", read_cwd},
    {"env", read_env},
    {"backoff_ms", read_backoff},
    {"max_backoff_ms", read_max_backoff},
    {"log", read_log},
};

#define KEYS (sizeof keys / sizeof *keys)

static int unknown_key(reader_t *self, tr_value_t key) {
    const char *words[KEYS + 1];
    for (size_t i = 0; i < KEYS; i++)
        words[i] = keys[i].key;
    words[KEYS] = NULL;
    return tr_args_unknown(self->problem, key, words);
}

static int read_pair(reader_t *self, const msgpack_object_kv *pair) {
    for (size_t i = 0; i < KEYS; i++)
        if (tr_value_equals(&pair->key, keys[i].key))
            return keys[i].read(self, &pair->val, keys[i].key);
    return unknown_key(self, &pair->key);
}

static int read_all(reader_t *self, tr_value_t args) {
    for (size_t i = 0; tr_value_is_map(args) && i < tr_value_size(args); i++) {
        int rc = read_pair(self, &args->via.map.ptr[i]);
        if (rc < 0)
            return rc;
    }
    if (!self->conf->command)
        return tr_problem_set(self->problem, -EINVAL, "args",
            "missing key \"command\": expected a program, there or behind the flags (-- PROGRAM "
            "ARGUMENT...)");
    if (self->conf->max_backoff_ms < self->conf->backoff_ms)
        self->conf->max_backoff_ms = self->conf->backoff_ms;
    return 0;
}

int tr_exec_conf_read(tr_exec_conf_t *ret_conf, tr_value_t args, tr_problem_t *problem) {
    tr_exec_conf_t conf = {.mode = TR_EXEC_PERSISTENT,
        .timeout_ms = 30000,
        .in_flight = 1,
        .backoff_ms = 100,
        .max_backoff_ms = 10000,
        .log_level = TR_LOG_INFO,
        .log_format = TR_LOG_READABLE};
    tr_arena_init(&conf.arena, ARENA_MAX);
    int rc = read_all(&(reader_t){&conf, problem}, args);
    if (rc < 0)
        tr_arena_finish(&conf.arena);
    else
        *ret_conf = conf;
    return rc;
}

void tr_exec_conf_finish(tr_exec_conf_t *self) {
    tr_arena_finish(&self->arena);
    self->command = NULL;
    self->env = NULL;
    self->cwd = NULL;
}

/* The flags as members of the arguments. NULL when out of memory. */
static json_t *flags_to_json(const tr_exec_flags_t *flags) {
    json_t *object = json_pack("{s:{s:s, s:s}}", "log", "level", tr_log_level_words[flags->log_level],
        "format", tr_log_format_words[flags->log_format]);
    if (!object || !flags->count)
        return object;
    json_t *command = json_array();
    int bad = command == NULL;
    for (size_t i = 0; i < flags->count && !bad; i++)
        bad = json_array_append_new(command, json_string(flags->command[i]));
    bad |= json_object_set_new(object, "command", command);
    bad |= json_object_set_new(object, "mode", json_string(tr_exec_mode_words[flags->mode]));
    bad |= json_object_set_new(object, "timeout_ms", json_integer(flags->timeout_ms));
    if (bad) {
        json_decref(object);
        return NULL;
    }
    return object;
}

int tr_exec_args(json_t *args, const tr_exec_flags_t *flags, tr_problem_t *problem) {
    json_t *more = flags_to_json(flags);
    /* json_string refuses what is not UTF-8. */
    int rc = more && json_object_update(args, more) == 0
                 ? 0
                 : tr_problem_set(problem, -EINVAL, "exec.command",
                       "out of memory, or an argument of the program is not UTF-8");
    json_decref(more);
    return rc;
}
