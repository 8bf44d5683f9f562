/* `troupe record`: what an agent receives is kept, to be looked at and replayed. */
#include "proto/aid.h"
#include "tools/tap/streams.h"
#include "tools/verbs/verbs.h"

#include <stdio.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    tr_stream_bounds_t bounds;
    const char *name;
} options_t;

static const tr_option_t table[] = {
    {"name", 'n', "NAME", TR_STRING(options_t, name), NULL, "The stream's name, in place of record-AGENT.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_STREAM_BOUND_OPTIONS(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t program = {
    .name = "troupe record",
    .summary = "Keep what an agent receives",
    .description =
        "From now on what AGENT gets is kept in the broker's journal, in the stream record-AGENT, in its "
        "order: messages, "
        "also by way of the services that it offers and while it is away (or those to the service of that "
        "name), and the "
        "publications that it has subscribed to. `troupe replay record-AGENT` shows them, or sends them "
        "again: what an "
        "agent received can be reproduced. Not among them: what was refused (by a certificate, a full "
        "mailbox, "
        "quarantine), or missed (a GAP), and answers of ams and df. `troupe stream rm record-AGENT` ends it.",
    .examples = "troupe record reader-1 --max-age 1d\n"
                "troupe replay record-reader-1 --to reader-test --speed full",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "AGENT",
    .least_arguments = 1,
    .most_arguments = 1,
};

/* As the tap writes names into its topics: $tap.FROM.TO. */
static void tap_part(const char *agent, char *out, size_t size) {
    snprintf(out, size, "%s", agent);
    for (char *c = out; *c; c++)
        *c = *c == '.' ? '_' : *c;
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const char *agent = call->arguments.items[0];
    char part[TR_NAME_MAX + 1], pattern[TR_NAME_MAX + 16], name[TR_NAME_MAX + 16];
    tr_cli_session_t *session = NULL;
    if (!strncmp(agent, "svc:", 4))
        agent += 4;
    if (!tr_name_valid(agent, strlen(agent)))
        return tr_cli_usage(call, "\"%.140s\" is no name of an agent or a service of this platform", agent);
    tap_part(agent, part, sizeof part);
    snprintf(pattern, sizeof pattern, "$tap.*.%s", part);
    snprintf(name, sizeof name, "record-%s", agent);
    int code = tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, &session);
    if (code == TR_EXIT_OK)
        code = tr_streams_declare(session, o->name ? o->name : name, pattern, &o->bounds);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_record = {"record", TR_VERB_WATCH, &program, sizeof(options_t), run};
