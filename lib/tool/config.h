/*
 * What stands under `tools` in the description of an agent (docs/tools.md): a mapping from names to what each is.
 *
 *     {"knowledge": {}, "web": {"kind": "fetch", "allow": ["https://example.org/"]}, "files": {"kind": "mcp", "command": ["mcp-files", "/srv"]}}
 *
 * `kind` is the name where it is not said. Each kind has a table of keys; what all have is here.
 */
#ifndef TR_TOOL_CONFIG_H
#define TR_TOOL_CONFIG_H

#include "lib/tool/tools.h"
#include "lib/yaml/yaml_table.h"

#define TR_TOOLS_CONFIG_MAX   ((size_t)4 << 20)
#define TR_TOOL_DESK          "svc:tasks"
#define TR_TOOL_APPROVAL_MS   900000
#define TR_TOOL_APPROVERS_MAX 32
#define TR_TOOL_DAY_MS        INT64_C(86400000)
#define TR_TOOL_PERSON_MS     (30 * TR_TOOL_DAY_MS) /* the longest approval-time */

/* The configuration of each kind begins with it. */
typedef struct tr_tool_config {
    const char *kind;        /* NULL = by the name */
    const char *description; /* NULL = the tool's own */
    tr_texts_t privileged;   /* true, false, or of a server the names of its tools that are */
    tr_texts_t repeatable;   /* likewise */
    int64_t timeout_ms;      /* 0 = as the kind has it */
    int64_t result_max;      /* bytes, 0 = TR_TOOL_RESULT_BYTES */
    int64_t approval_ms;     /* how long who approves has */
    tr_texts_t approvers;    /* who may grant (docs/tools.md); none = whoever may ask the desk */
    const char *desk;        /* who keeps approvals: NAME, NAME@PLATFORM or svc:NAME */
} tr_tool_config_t;

/* For the tables. */
#define TR_TOOL_FIELDS                                                                                       \
    {"kind", TR_YAML_TEXT, offsetof(tr_tool_config_t, kind)},                                                \
        {"description", TR_YAML_TEXT, offsetof(tr_tool_config_t, description)},                              \
        {"privileged", TR_YAML_TEXTS, offsetof(tr_tool_config_t, privileged), .max = TR_TOOLS_MAX},          \
        {"repeatable", TR_YAML_TEXTS, offsetof(tr_tool_config_t, repeatable), .max = TR_TOOLS_MAX},          \
        {"timeout", TR_YAML_DURATION, offsetof(tr_tool_config_t, timeout_ms), .min = 1,                      \
            .max = TR_TOOL_DAY_MS},                                                                          \
        {"result-max", TR_YAML_WHOLE, offsetof(tr_tool_config_t, result_max), .min = 1, .max = 4 << 20},     \
        {"approval-time", TR_YAML_DURATION, offsetof(tr_tool_config_t, approval_ms), .min = 1,               \
            .max = TR_TOOL_PERSON_MS},                                                                       \
        {"approvers", TR_YAML_TEXTS, offsetof(tr_tool_config_t, approvers), .max = TR_TOOL_APPROVERS_MAX}, { \
        "desk", TR_YAML_TEXT, offsetof(tr_tool_config_t, desk)                                               \
    }

typedef struct tr_tool_kind {
    const char *word;
    const tr_yaml_table_t *table; /* of a struct that begins with tr_tool_config_t */
    /* Adds what it brings to the registry. `config` and `name` stay as long as the registry. 0, or negative with the error. */
    int (*open)(tr_tools_t *tools, const char *name, const tr_tool_config_t *config, tr_error_t *error);
} tr_tool_kind_t;

/* The defaults. */
#define TR_TOOL_COMMON                                                                                       \
    { .approval_ms = TR_TOOL_APPROVAL_MS, .desk = TR_TOOL_DESK }

extern const tr_tool_kind_t tr_tool_kind_command, tr_tool_kind_fetch, tr_tool_kind_knowledge,
    tr_tool_kind_mcp;

/* Reads all and opens each tool. Errors as tr_tools_open. */
int tr_tools_configure(tr_tools_t *self, const json_t *config, char key[TR_TOOLS_KEY_MAX], tr_error_t *error);

/* What all tools have, by their configuration: for who fills in a tr_tool_t, with `privileged` and `repeatable` as they are where the configuration does
 * not say. `remote`: its name at its server, by which lists name it; NULL = its own. */
void tr_tool_take_config(tr_tool_t *tool, const tr_tool_config_t *config, const char *remote);

#endif
