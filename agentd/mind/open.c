/*
 * The configuration is taken apart into what is the mind's own and what is its models'; the latter is handed on as lib/llm reads it, which then
 * tells what is wrong by keys of its own ("mind:1:12: providers[0].preset: ..."), of which a person has written only the end.
 */
#include "agentd/mind/open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/model.h"
#include "lib/base/file.h"

#define FILE_MOST   ((size_t)256 << 20)
#define CONFIG_MOST ((size_t)1 << 20)
#define CONFIG_NAME "mind"
#define PROVIDER    "providers[0]"

/* What is read for a mind, until it is made. */
typedef struct {
    char *intents, *methods, *models;
    tr_mind_model_options_t how;
} parts_t;

static const char *const own_keys[] = {"intents", "methods", "file", "prompts", "strict"};
static const char *const shared_keys[] = {
    "providers", "limits", "retry", "breaker", "budget", "cache", "redis", "together", "max-tokens"};

static int is_among(const char *key, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, words[i]) == 0)
            return 1;
    return 0;
}

#define IS_AMONG(key, words) is_among(key, words, sizeof(words) / sizeof *(words))

static int wrong(
    char key[TR_MIND_KEY_MAX], const char *at, tr_error_t *error, int code, const char *expected) {
    snprintf(key, TR_MIND_KEY_MAX, "%s", at);
    return tr_error_set(error, code, "%s", expected);
}

/* Whether a key of an object is of a model's configuration. */
static int is_of_model(const char *key) {
    return !is_among(key, own_keys, 2); /* intents and methods are the built-in mind's */
}

int tr_mind_config_is_builtin(const json_t *config) {
    const char *key;
    json_t *value;
    if (json_is_string(config))
        return strcmp(json_string_value(config), "built-in") == 0;
    json_object_foreach((json_t *)(uintptr_t)config, key, value) if (is_of_model(key)) return 0;
    return 1;
}

/* ---- files ---- */

static int read_named(const json_t *config, const char *key, size_t most, char **ret_bytes, size_t *ret_len,
    char at[TR_MIND_KEY_MAX], tr_error_t *error) {
    const json_t *path = json_object_get(config, key);
    if (!path)
        return 0;
    if (!json_is_string(path))
        return wrong(at, key, error, -EINVAL, "expected the path of a file");
    snprintf(at, TR_MIND_KEY_MAX, "%s", key);
    int rc = tr_file_read(json_string_value(path), key, most, ret_bytes, ret_len, error);
    if (rc == 0)
        at[0] = '\0';
    return rc;
}

static int read_models(const char *path, parts_t *parts, tr_error_t *error) {
    parts->how.config_name = path;
    return tr_file_read(
        path, "model configuration", CONFIG_MOST, &parts->models, &parts->how.config_len, error);
}

/* ---- one provider, or several, as lib/llm reads them ---- */

static json_t *models_of(const json_t *config) {
    const char *key;
    json_t *value, *models = json_object(), *provider = json_object();
    json_object_foreach((json_t *)(uintptr_t)config, key, value) {
        if (IS_AMONG(key, own_keys))
            continue;
        json_object_set(IS_AMONG(key, shared_keys) ? models : provider, key, value);
    }
    if (json_object_get(provider, "base-url") && !json_object_get(provider, "preset"))
        json_object_set_new(provider, "preset", json_string("compatible"));
    if (json_object_size(provider) > 0 || !json_object_get(models, "providers"))
        json_object_set_new(models, "providers", json_pack("[O]", provider));
    json_decref(provider);
    return models;
}

static int print_models(const json_t *config, parts_t *parts, char key[TR_MIND_KEY_MAX], tr_error_t *error) {
    const char *at;
    json_t *value;
    if (json_object_get(config, "providers"))
        json_object_foreach((json_t *)(uintptr_t)config, at,
            value) if (!IS_AMONG(at, own_keys) && !IS_AMONG(at, shared_keys)) return wrong(key, at, error,
            -EINVAL, "expected in one of the providers, as there are several");
    json_t *models = models_of(config);
    parts->models = json_dumps(models, JSON_COMPACT);
    parts->how.config_len = parts->models ? strlen(parts->models) : 0;
    parts->how.config_name = CONFIG_NAME;
    json_decref(models);
    return parts->models ? 0 : wrong(key, "", error, -ENOMEM, "out of memory");
}

/* "mind:1:12: providers[0].preset: expected ..." as the key "preset" and what was expected. */
static void take_key(char key[TR_MIND_KEY_MAX], tr_error_t *error) {
    int line, column, end = 0;
    if (sscanf(error->text, CONFIG_NAME ":%d:%d: %n", &line, &column, &end) < 2 || end == 0)
        return;
    const char *reason = error->text + end, *colon = strstr(reason, ": ");
    size_t len = colon ? (size_t)(colon - reason) : 0;
    if (colon && len < TR_MIND_KEY_MAX && !memchr(reason, ' ', len)) {
        const char *at = strncmp(reason, PROVIDER ".", sizeof PROVIDER) == 0 ? reason + sizeof PROVIDER
                         : len == sizeof PROVIDER - 1 && strncmp(reason, PROVIDER, len) == 0 ? colon
                                                                                             : reason;
        snprintf(key, TR_MIND_KEY_MAX, "%.*s", (int)(colon - at), at);
        reason = colon + 2;
    }
    memmove(error->text, reason, strlen(reason) + 1);
}

/* ---- the mind ---- */

static int read_options(const json_t *config, parts_t *parts, char key[TR_MIND_KEY_MAX], tr_error_t *error) {
    const json_t *strict = json_object_get(config, "strict"), *prompts = json_object_get(config, "prompts");
    if (strict && !json_is_boolean(strict))
        return wrong(key, "strict", error, -EINVAL, "expected true or false");
    if (prompts && !json_is_string(prompts))
        return wrong(key, "prompts", error, -EINVAL, "expected a directory");
    parts->how.is_strict = json_is_true(strict);
    parts->how.prompts = json_string_value(prompts);
    return 0;
}

static int read_parts(const json_t *config, parts_t *parts, char key[TR_MIND_KEY_MAX], tr_error_t *error) {
    const char *path = json_string_value(json_is_string(config) ? config : json_object_get(config, "file"));
    tr_mind_builtin_options_t *builtin = &parts->how.builtin;
    int rc = read_options(config, parts, key, error);
    if (rc == 0)
        rc = read_named(config, "intents", FILE_MOST, &parts->intents, &builtin->intents_length, key, error);
    if (rc == 0)
        rc = read_named(config, "methods", FILE_MOST, &parts->methods, &builtin->methods_length, key, error);
    builtin->intents = parts->intents;
    builtin->methods = parts->methods;
    if (rc < 0 || tr_mind_config_is_builtin(config))
        return rc;
    rc = path ? read_models(path, parts, error) : print_models(config, parts, key, error);
    parts->how.config = parts->models;
    return rc;
}

int tr_mind_open(const json_t *config, const char *agent, tr_mind_t **ret_mind, char key[TR_MIND_KEY_MAX],
    tr_error_t *error) {
    parts_t parts = {.how.agent = agent};
    key[0] = '\0';
    if (config && !json_is_null(config) && !json_is_string(config) && !json_is_object(config))
        return wrong(key, "", error, -EINVAL, "expected built-in, the path of a file, or a mapping");
    int rc = read_parts(config, &parts, key, error);
    if (rc == 0)
        rc = parts.models ? tr_mind_model_new(&parts.how, ret_mind, error)
                          : tr_mind_builtin_new(&parts.how.builtin, ret_mind, error);
    if (rc < 0 && parts.models)
        take_key(key, error);
    free(parts.intents);
    free(parts.methods);
    free(parts.models);
    return rc;
}

char *tr_mind_config_warning(const json_t *config) {
    return tr_mind_prompts_warning(json_string_value(json_object_get(config, "prompts")));
}

char *tr_mind_config_strays(const json_t *config) {
    return tr_mind_prompts_strays(json_string_value(json_object_get(config, "prompts")));
}
