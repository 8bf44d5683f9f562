#include "lib/tool/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/suggest.h"
#include "lib/tool/tools_private.h"

#define CONFIG_NAME "tools"

static const tr_tool_kind_t *const kinds[] = {
    &tr_tool_kind_command, &tr_tool_kind_fetch, &tr_tool_kind_knowledge, &tr_tool_kind_mcp};

#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- kinds ---- */

static int unknown_kind(const char *word, tr_error_t *error) {
    const char *words[KINDS + 1] = {NULL};
    char all[200] = "";
    for (size_t i = 0; i < KINDS; i++) {
        size_t used = strlen(all);
        words[i] = kinds[i]->word;
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = tr_suggest(word, words);
    return near ? tr_error_set(error, -EINVAL, "unknown kind \"%.60s\", did you mean \"%s\"?", word, near)
                : tr_error_set(
                      error, -EINVAL, "unknown kind \"%.60s\": expected as `kind` one of %s", word, all);
}

static const tr_tool_kind_t *kind_of(const char *name, const json_t *config, tr_error_t *error) {
    const json_t *said = json_object_get(config, "kind");
    const char *word = said ? json_string_value(said) : name;
    for (size_t i = 0; word && i < KINDS; i++)
        if (strcmp(kinds[i]->word, word) == 0)
            return kinds[i];
    unknown_kind(word ? word : "", error);
    return NULL;
}

/* ---- one tool ---- */

/* "tools:1:12: allow[1]: expected ..." as the key "NAME.allow[1]" and what was expected. */
static void take_key(const char *name, char key[TR_TOOLS_KEY_MAX], tr_error_t *error) {
    int line, column, end = 0;
    const char *reason = error->text, *colon;
    snprintf(key, TR_TOOLS_KEY_MAX, "%s", name);
    if (sscanf(error->text, CONFIG_NAME ":%d:%d: %n", &line, &column, &end) < 2 || end == 0)
        return;
    reason += end;
    if ((colon = strstr(reason, ": ")) && !memchr(reason, ' ', (size_t)(colon - reason))) {
        snprintf(key, TR_TOOLS_KEY_MAX, "%s.%.*s", name, (int)(colon - reason), reason);
        reason = colon + 2;
    }
    memmove(error->text, reason, strlen(reason) + 1);
}

static int read_config(tr_tools_t *self, const tr_tool_kind_t *kind, const json_t *config,
    tr_tool_config_t **ret_config, tr_error_t *error) {
    char *text = json_dumps(config, JSON_COMPACT);
    tr_tool_config_t *read = tr_arena_alloc(&self->arena, kind->table->struct_size);
    int rc = text && read
                 ? tr_yaml_table_read(kind->table, text, strlen(text), CONFIG_NAME, &self->arena, read, error)
                 : tr_error_set(error, -ENOMEM, "out of memory");
    free(text);
    *ret_config = read;
    return rc;
}

static bool is_name(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len <= TR_TOOL_NAME_MAX && strspn(name, TR_TOOL_NAME_BYTES) == len;
}

static int open_tool(
    tr_tools_t *self, const char *name, const json_t *config, char key[TR_TOOLS_KEY_MAX], tr_error_t *error) {
    tr_tool_config_t *read = NULL;
    snprintf(key, TR_TOOLS_KEY_MAX, "%s", name);
    if (!is_name(name))
        return tr_error_set(
            error, -EINVAL, "expected a name of 1 to %d letters, digits, _ and -", TR_TOOL_NAME_MAX);
    if (!json_is_object(config) && !json_is_null(config))
        return tr_error_set(error, -EINVAL, "expected a mapping");
    const tr_tool_kind_t *kind = kind_of(name, config, error);
    if (!kind)
        return -EINVAL;
    json_t *none = json_object();
    const char *kept = tr_arena_strn(&self->arena, name, strlen(name));
    int rc = none && kept ? read_config(self, kind, json_is_null(config) ? none : config, &read, error)
                          : tr_error_set(error, -ENOMEM, "out of memory");
    json_decref(none);
    if (rc < 0) {
        take_key(name, key, error);
        return rc;
    }
    return kind->open(self, kept, read, error);
}

int tr_tools_configure(
    tr_tools_t *self, const json_t *config, char key[TR_TOOLS_KEY_MAX], tr_error_t *error) {
    const char *name;
    json_t *one;
    if (!json_is_object(config))
        return tr_error_set(error, -EINVAL, "expected a mapping from names to tools");
    json_object_foreach((json_t *)(uintptr_t)config, name, one) {
        int rc = open_tool(self, name, one, key, error);
        if (rc < 0)
            return rc;
    }
    key[0] = '\0';
    return 0;
}

/* ---- what all have ---- */

/* `remote` may be NULL. */
static bool says(const tr_texts_t *said, const char *name, const char *remote, bool otherwise) {
    if (said->count == 0)
        return otherwise;
    for (size_t i = 0; i < said->count; i++) {
        const char *item = said->items[i];
        if (strcmp(item, "true") == 0 || strcmp(item, name) == 0 || (remote && strcmp(item, remote) == 0))
            return true;
    }
    return false;
}

void tr_tool_take_config(tr_tool_t *tool, const tr_tool_config_t *config, const char *remote) {
    tool->config = config;
    tool->privileged = says(&config->privileged, tool->name, remote, tool->privileged);
    tool->repeatable = says(&config->repeatable, tool->name, remote, tool->repeatable);
    tool->result_max = (size_t)config->result_max;
    if (config->timeout_ms)
        tool->timeout_ms = config->timeout_ms;
    if (config->description)
        tool->description = config->description;
}
