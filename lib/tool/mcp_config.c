/* What stands under a tool of the kind mcp. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/tool/mcp.h"

#define OPEN_MS       15000
#define MESSAGE_BYTES (4 << 20)

static bool is_said(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

static bool is_url(const char *text, size_t len) {
    return (len > 7 && memcmp(text, "http://", 7) == 0) || (len > 8 && memcmp(text, "https://", 8) == 0);
}

static int check_config(void *item, char *reason, size_t reason_size) {
    const tr_mcp_config_t *config = item;
    const char *wrong = (config->command.count > 0) == (config->url != NULL)
                            ? "expected either a command, or a url"
                        : config->key_env && config->key_file ? "expected key-env or key-file, found both"
                                                              : NULL;
    if (!wrong)
        return 0;
    snprintf(reason, reason_size, "%s", wrong);
    return -EINVAL;
}

static const char *const protocol_words[] = {"auto", TR_MCP_STATEFUL, TR_MCP_MODERN, NULL};

#define AT(member) offsetof(tr_mcp_config_t, member)

static const tr_yaml_field_t fields[] = {
    TR_TOOL_FIELDS,
    {"command", TR_YAML_TEXTS, AT(command), .max = 64, .check = is_said,
        .expected = "a program, and its arguments"},
    {"cwd", TR_YAML_TEXT, AT(cwd), .check = is_said, .expected = "a directory"},
    {"env", TR_YAML_PAIRS, AT(env), .max = 64, .check = is_said,
        .expected = "the name of an environment variable"},
    {"url", TR_YAML_TEXT, AT(url), .check = is_url, .expected = "a URL such as http://127.0.0.1:3001/mcp"},
    {"headers", TR_YAML_PAIRS, AT(headers), .max = 16, .check = is_said, .expected = "the name of a header"},
    {"key-env", TR_YAML_TEXT, AT(key_env), .check = is_said,
        .expected = "the name of an environment variable"},
    {"key-file", TR_YAML_TEXT, AT(key_file), .check = is_said,
        .expected = "the path of a file that has the key"},
    {"ca-file", TR_YAML_TEXT, AT(ca_file), .check = is_said,
        .expected = "the path of a file of certificates"},
    {"protocol", TR_YAML_WORD, AT(protocol), .words = protocol_words},
    {"tools", TR_YAML_TEXTS, AT(tools), .max = TR_TOOLS_MAX, .check = is_said,
        .expected = "the name of a tool"},
    {"open-timeout", TR_YAML_DURATION, AT(open_ms), .min = 1, .max = TR_TOOL_DAY_MS},
    {"message-max", TR_YAML_WHOLE, AT(message_max), .min = 1024, .max = 64 << 20},
};

static const tr_mcp_config_t initial = {
    .common = TR_TOOL_COMMON, .open_ms = OPEN_MS, .message_max = MESSAGE_BYTES};
const tr_yaml_table_t tr_mcp_table = {
    fields, sizeof fields / sizeof *fields, sizeof(tr_mcp_config_t), &initial, 0, check_config};
