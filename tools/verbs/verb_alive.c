#include "lib/base/alive.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <stdlib.h>

typedef struct options {
    bool serving;
    int64_t within_ms;
} options_t;

static const tr_option_t table[] = {
    {"serving", 0, NULL, TR_BOOL(options_t, serving), NULL,
        "It must also serve: be registered, have its broker, and not be about to end.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"within", 0, "TIME", TR_DURATION(options_t, within_ms), "15s", "The sign of life is no older than this.",
        .min = 1, .max = 3600000, .flags = TR_OPTION_FLAG_ONLY},
};

static const tr_program_t program = {
    .name = "troupe alive",
    .summary = "Say whether a process beside this one lives",
    .description = "For health checks of containers: looks at the FILE (by default that of "
                   "TROUPE_ALIVE_FILE) which each of Troupe's daemons renews "
                   "every second where that variable names one. A thread of its own does it, so that a busy "
                   "agent is alive. Says nothing when all is "
                   "well; ends with 2 where there is no such file, with 4 where it was not renewed within "
                   "the time, and with 3 where the process "
                   "lives but does not serve.",
    .examples = "troupe alive --serving",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[FILE]",
    .most_arguments = 1,
};

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *path = call->arguments.count > 0 ? call->arguments.items[0] : getenv(TR_ALIVE_VARIABLE);
    tr_error_t error = {0};
    if (!path || !*path)
        return tr_cli_usage(call, "expected a FILE, or " TR_ALIVE_VARIABLE " in the environment");
    switch (tr_alive_look(path, o->within_ms, o->serving, &error)) {
    case 0: return TR_EXIT_OK;
    case -ETIMEDOUT: return tr_cli_fail(call, TR_EXIT_TIMEOUT, "%s", error.text);
    case -EAGAIN:
    case -EINVAL: return tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    default: return tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
    }
}

const tr_verb_t tr_verb_alive = {"alive", TR_VERB_SUPPORT, &program, sizeof(options_t), run};
