#include "lib/llm/key.h"
#include "tools/mcp/bridge.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_VARIABLE "TROUPE_TOKEN"

typedef struct options {
    const char *url, *token_file, *ca_file;
    int64_t timeout_ms;
} options_t;

static const tr_option_t table[] = {
    {"url", 'u', "URL", TR_STRING(options_t, url), "http://127.0.0.1:8080", "Where the gateway listens.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"token-file", 0, "FILE", TR_STRING(options_t, token_file), NULL,
        "A file with a token of the gateway's, which its owner alone can read; else the "
        "environment's " TOKEN_VARIABLE " is taken, where there is one.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"ca", 0, "FILE", TR_STRING(options_t, ca_file), NULL,
        "Whose certificates are believed, in place of the system's.", .flags = TR_OPTION_FLAG_ONLY},
    {"timeout", 't', "TIME", TR_DURATION(options_t, timeout_ms), "1h", "How long an answer may take.",
        .min = 1, .max = INT64_C(86400000), .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_program_t program = {
    .name = "troupe mcp",
    .summary = "Be a server of MCP on stdin and stdout",
    .description =
        "For clients of the Model Context Protocol that start their servers as programs: what a line on "
        "stdin "
        "asks goes to a gateway, and its answer comes on stdout. The tools are the fleet's agents, services, "
        "tasks and its knowledge base, as far as the token may (`troupe-gateway --new-token`). It ends with "
        "its "
        "stdin, when all that was asked is answered.",
    .examples = "# in the list of servers of a client\n"
                "{\"troupe\": {\"command\": \"troupe\", \"args\": [\"mcp\", \"--token-file\", "
                "\"/home/me/.troupe-token\"]}}",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    char token[TR_LLM_KEY_MAX] = "";
    tr_error_t error = {0};
    const char *variable = getenv(TOKEN_VARIABLE) ? TOKEN_VARIABLE : NULL;
    int rc = tr_llm_key_read(o->token_file ? NULL : variable, o->token_file, token, &error);
    if (rc == 0)
        rc = tr_mcp_bridge_run(&(tr_mcp_bridge_options_t){.url = o->url,
                                   .token = token,
                                   .ca_file = o->ca_file,
                                   .timeout_ms = o->timeout_ms,
                                   .in = STDIN_FILENO,
                                   .out = STDOUT_FILENO},
            &error);
    explicit_bzero(token, sizeof token);
    return rc == 0 ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
}

const tr_verb_t tr_verb_mcp = {"mcp", TR_VERB_TALK, &program, sizeof(options_t), run};
