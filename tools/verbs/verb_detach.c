#include "tools/cluster/apart.h"
#include "tools/fleet/attach_remote.h"
#include "tools/fleet/attached.h"
#include "tools/fleet/fleet_client.h"
#include "tools/verbs/members.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <string.h>

typedef struct options {
    tr_cli_common_t common;
    bool kill;
} options_t;

static const tr_option_t table[] = {
    {"kill", 'k', NULL, TR_BOOL(options_t, kill), NULL,
        "Do not let it finish its message; only for agents that were attached with --connect.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_FLEET_OPTION(options_t),
    {"timeout", 't', "TIME", TR_DURATION(options_t, common.timeout_ms), "60s", "Give up after this time.",
        .min = 1},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe detach",
    .summary = "End agents and take them out of their fleet",
    .description = "An agent finishes the message in work (for at most the --grace of `troupe up`), is "
                   "deregistered, and its "
                   "process ends; requests of a service that wait for it go to other providers. It waits "
                   "until that is done.",
    .examples = "troupe detach reader-5 reader-6",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME...",
    .least_arguments = 1,
    .most_arguments = 256,
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"state", TR_COLUMN_STATE},
};

static const tr_cli_table_t ended = {columns, sizeof columns / sizeof *columns};

/* The fleet that runs here, if there is one. Opened with the first name that needs it. */
typedef struct detach {
    const tr_call_t *call;
    const options_t *options;
    tr_cli_session_t *session;
    json_t *ended; /* rows */
} detach_t;

static int ask_fleet(detach_t *self, const char *name, tr_fleet_answer_t *answer) {
    if (!self->session) {
        tr_cli_session_config_t config = {.call = self->call, .common = &self->options->common};
        int code = tr_cli_session_open(&config, &self->session);
        if (code != TR_EXIT_OK)
            return code;
    }
    tr_cli_session_renew(self->session);
    return tr_fleet_ask(self->session, json_pack("{s:s, s:s}", "action", "detach", "name", name), answer);
}

static int nowhere(const detach_t *self, const char *name) {
    char directory[PATH_MAX], names[400] = "";
    size_t n = 0;
    if (tr_attached_directory(self->options->common.state, directory, NULL) == 0)
        n = tr_attached_names(directory, names, sizeof names);
    return tr_cli_fail(self->call, n > 0 ? TR_EXIT_REFUSED : TR_EXIT_UNREACHABLE,
        "no fleet runs here, and no agent \"%.100s\" was attached from here%s%s", name,
        n > 0 ? "; there are " : "", names);
}

/* An agent of the fleet first; one that was attached elsewhere from here otherwise. */
static int detach_one(detach_t *self, const char *name) {
    const options_t *o = self->options;
    tr_state_info_t info;
    tr_error_t error = {0};
    tr_fleet_answer_t answer = {0};
    bool found = false;
    tr_apart_t apart = {0};
    int rc = tr_state_find(o->common.state, o->common.fleet, &info, &error), code = TR_EXIT_REFUSED;
    if (rc == 0)
        code = ask_fleet(self, name, &answer);
    bool elsewhere = rc == -ENOENT || strcmp(answer.reason, "not-registered") == 0;
    if (elsewhere)
        code = tr_detach_remote(self->call, o->common.state, name, o->common.timeout_ms, o->kill, &found);
    if (rc == -EINVAL)
        code = tr_cli_usage(self->call, "%s", error.text);
    else if (elsewhere && !found && rc < 0 && tr_apart_instead(o->common.state, o->common.fleet, &apart))
        code = tr_apart_detach(self->call, &apart, name);
    else if (elsewhere && !found)
        code = rc == 0 ? tr_fleet_tell(self->call, TR_EXIT_REFUSED, &answer) : nowhere(self, name);
    else if (!elsewhere && rc == 0)
        code = tr_fleet_tell(self->call, code, &answer);
    tr_apart_finish(&apart);
    tr_fleet_answer_finish(&answer);
    if (code == TR_EXIT_OK)
        tr_members_ended(self->ended, name);
    return code;
}

static int run(const tr_call_t *call) {
    detach_t self = {.call = call, .options = call->options, .ended = json_array()};
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < call->arguments.count && code < TR_EXIT_SIGNAL; i++) {
        int one = detach_one(&self, call->arguments.items[i]);
        code = one != TR_EXIT_OK ? one : code;
    }
    tr_cli_session_close(&self.session);
    if (json_array_size(self.ended) > 0) {
        int written = tr_cli_put_objects(call, &self.options->common, &ended, self.ended);
        code = code == TR_EXIT_OK ? written : code;
    }
    json_decref(self.ended);
    return code;
}

const tr_verb_t tr_verb_detach = {"detach", TR_VERB_FLEET, &program, sizeof(options_t), run};
