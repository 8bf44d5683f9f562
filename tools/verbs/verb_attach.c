#include "proto/json.h"
#include "tools/cli/rows.h"
#include "tools/cluster/apart.h"
#include "tools/fleet/attach_remote.h"
#include "tools/fleet/fleet_client.h"
#include "tools/fleet/fleet_request.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    tr_cli_common_t common;
    const char *behaviour, *load, *args;
    tr_strings_t services, subscribe, publish, ask;
    int64_t count, exec_timeout_ms;
    int exec_mode;
    bool durable;
} options_t;

static const tr_option_t table[] = {
    {"behaviour", 'b', "BEHAVIOUR", TR_STRING(options_t, behaviour), NULL,
        "What the agent does; `troupe-agentd --list-behaviours` shows which there are.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"load", 'l', "FILE", TR_STRING(options_t, load), NULL,
        "A shared object with a behaviour, in place of a built-in one.", .flags = TR_OPTION_FLAG_ONLY},
    {"count", 'n', "N", TR_INT(options_t, count), "1", "So many processes.", .min = 1,
        .max = TR_FLEET_ATTACH_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"service", 's', "NAME[=N]", TR_LIST(options_t, services), NULL,
        "Offer svc:NAME, with room for N unfinished requests. May be repeated.", .max = 64,
        .flags = TR_OPTION_FLAG_ONLY},
    {"subscribe", 0, "PATTERN", TR_LIST(options_t, subscribe), NULL,
        "Get the events of the topics that match. May be repeated.", .max = 256,
        .flags = TR_OPTION_FLAG_ONLY},
    {"publish", 0, "PATTERN", TR_LIST(options_t, publish), NULL,
        "A topic that a new agent of a secure fleet may publish on. May be repeated.", .max = 256,
        .flags = TR_OPTION_FLAG_ONLY},
    {"ask", 0, "NAME", TR_LIST(options_t, ask), NULL,
        "A service that a new agent of a secure fleet may ask. May be repeated.", .max = 256,
        .flags = TR_OPTION_FLAG_ONLY},
    {"durable", 0, NULL, TR_BOOL(options_t, durable), NULL,
        "Of a new agent: whatever comes to it waits on the broker's disk until it is finished, also while it "
        "is "
        "away. The broker must keep a journal.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"args", 'a', "JSON", TR_STRING(options_t, args), NULL, "A JSON object for the behaviour.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"exec-mode", 0, "MODE", TR_WORD(options_t, exec_mode), "persistent",
        "Of a PROGRAM: one that lives as long as its agent, or one run for each message.",
        .words = tr_fleet_exec_mode_words, .flags = TR_OPTION_FLAG_ONLY},
    {"exec-timeout", 0, "TIME", TR_DURATION(options_t, exec_timeout_ms), "30s",
        "The time that a PROGRAM has for one message.", .min = 1, .max = INT64_C(86400000),
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_CONNECT_OPTIONS(options_t, "60s"),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe attach",
    .summary = "Add an agent to a fleet while it runs",
    .usage = "NAME [OPTION...] [-- PROGRAM [ARGUMENT...]]",
    .description = "NAME is a group of the fleet, which gets a further member with the same settings, or the "
                   "name of a new agent, with "
                   "its behaviour, shared object or program. It is started by the fleet's supervisor, which "
                   "restarts it when it dies. "
                   "With --connect, or where no fleet runs here, it is started in the background without "
                   "one; `troupe detach` ends "
                   "both kinds. The command waits until the agent is registered.",
    .examples =
        "# two more readers, called by the next free numbers\n"
        "troupe attach reader --count 2\n\n"
        "# an agent of another kind\n"
        "troupe attach clerk --behaviour relay --args '{\"to\": \"editor\"}'\n\n"
        "# an agent in Python, on the broker of another machine\n"
        "troupe attach sums --connect tcp://node1:5570 --service sum -- python3 sums.py\n\n"
        "# on a broker that wants certificates\n"
        "troupe attach sums --connect tcp://node1:5570 --cert sums.yaml --service sum -- python3 sums.py",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "NAME PROGRAM...",
    .least_arguments = 1,
    .most_arguments = 257,
};

static const tr_column_t columns[] = {
    {"name", TR_COLUMN_TEXT},
    {"pid", TR_COLUMN_NUMBER},
    {"log", TR_COLUMN_TEXT, .wide = true},
};

static const tr_cli_table_t begun = {columns, sizeof columns / sizeof *columns};

/* What is asked for, whether it goes to the supervisor or is started here. */
typedef struct wanted {
    const char *name;
    const char *behaviour; /* NULL = none; a program is `exec` */
    tr_strings_t command;
    char *load;   /* absolute */
    json_t *args; /* NULL = none */
} wanted_t;

static bool has_settings(const wanted_t *w) {
    return w->behaviour || w->load || w->command.count > 0;
}

/* ---- through the supervisor ---- */

static json_t *request_of(const options_t *o, const wanted_t *w) {
    char here[PATH_MAX];
    json_t *request =
        json_pack("{s:s, s:s, s:I}", "action", "attach", "name", w->name, "count", (json_int_t)o->count);
    if (!request)
        return NULL;
    if (w->behaviour)
        json_object_set_new(request, "behaviour", json_string(w->behaviour));
    if (w->load)
        json_object_set_new(request, "load", json_string(w->load));
    if (w->args)
        json_object_set(request, "args", w->args);
    if (o->services.count > 0)
        json_object_set_new(request, "services", tr_fleet_words(&o->services));
    if (o->subscribe.count > 0)
        json_object_set_new(request, "subscribe", tr_fleet_words(&o->subscribe));
    if (o->publish.count > 0)
        json_object_set_new(request, "publish", tr_fleet_words(&o->publish));
    if (o->ask.count > 0)
        json_object_set_new(request, "ask", tr_fleet_words(&o->ask));
    if (o->durable)
        json_object_set_new(request, "durable", json_true());
    if (has_settings(w) && getcwd(here, sizeof here))
        json_object_set_new(request, "directory", json_string(here));
    if (w->command.count == 0)
        return request;
    json_object_set_new(request, "command", tr_fleet_words(&w->command));
    json_object_set_new(request, "exec_mode", json_string(tr_fleet_exec_mode_words[o->exec_mode]));
    json_object_set_new(request, "exec_timeout_ms", json_integer(o->exec_timeout_ms));
    return request;
}

static void take_answer(const tr_cli_place_t *place, const json_t *content, json_t *rows) {
    size_t i;
    json_t *member;
    json_array_foreach(json_object_get(content, "attached"), i, member) {
        char log[PATH_MAX];
        const char *name = json_string_value(json_object_get(member, "name"));
        if (name && tr_state_log_path(place->directory, name, log, sizeof log, NULL) == 0)
            json_object_set_new(member, "log", json_string(log));
        json_array_append(rows, member);
    }
}

static int attach_to_fleet(const tr_call_t *call, const options_t *o, const wanted_t *w, json_t *rows) {
    tr_cli_session_t *session = NULL;
    tr_fleet_answer_t answer = {0};
    tr_cli_session_config_t config = {.call = call, .common = &o->common};
    int code = tr_cli_session_open(&config, &session);
    if (code == TR_EXIT_OK)
        code = tr_fleet_tell(call, tr_fleet_ask(session, request_of(o, w), &answer), &answer);
    if (code == TR_EXIT_OK)
        take_answer(tr_cli_session_place(session), answer.content, rows);
    tr_fleet_answer_finish(&answer);
    tr_cli_session_close(&session);
    return code;
}

/* ---- without one ---- */

static int attach_here(
    const tr_call_t *call, const options_t *o, const wanted_t *w, const tr_cli_place_t *place, json_t *rows) {
    char cert[PATH_MAX];
    if (!has_settings(w))
        return tr_cli_usage(call, "expected --behaviour, --load or a PROGRAM: only a fleet that runs here "
                                  "has groups to add members to");
    if (*place->cert && !realpath(place->cert, cert))
        return tr_cli_fail(call, TR_EXIT_REFUSED, "--cert %s: %s", place->cert, strerror(errno));
    char *args = w->args ? json_dumps(w->args, JSON_COMPACT) : NULL;
    /* The list's items are not written to; its type is what a fleet file's is. */
    tr_fleet_agent_t agent = {
        .name = w->name,
        .behaviour = w->behaviour,
        .load = w->load,
        .exec = {{(const char **)(uintptr_t)w->command.items, w->command.count}, o->exec_mode,
            o->exec_timeout_ms},
        .count = o->count,
        .services = {(const char **)(uintptr_t)o->services.items, o->services.count},
        .subscribe = {(const char **)(uintptr_t)o->subscribe.items, o->subscribe.count},
        .cert = *place->cert ? cert : NULL,
        .durable = o->durable,
        .args = args,
        .restart = tr_restart_default,
    };
    tr_attach_remote_t attach = {call, place->endpoint, o->common.state, &agent, o->common.timeout_ms, rows};
    int code = tr_attach_remote(&attach);
    free(args);
    return code;
}

/* ---- to a fleet that runs apart ---- */

/* As an entry of `agents`. */
static json_t *entry_of(const options_t *o, const wanted_t *w) {
    json_t *entry = json_pack("{s:s}", "name", w->name);
    if (!has_settings(w))
        return entry;
    json_object_set_new(entry, "count", json_integer(o->count));
    if (w->behaviour)
        json_object_set_new(entry, "behaviour", json_string(w->behaviour));
    if (o->load)
        json_object_set_new(entry, "load", json_string(o->load)); /* of the image */
    if (w->command.count > 0)
        json_object_set_new(entry, "exec",
            json_pack("{s:o, s:s, s:o}", "command", tr_fleet_words(&w->command), "mode",
                tr_fleet_exec_mode_words[o->exec_mode], "timeout",
                json_sprintf("%lldms", (long long)o->exec_timeout_ms)));
    if (w->args)
        json_object_set(entry, "args", w->args);
    const struct {
        const char *key;
        const tr_strings_t *words;
    } lists[] = {
        {"services", &o->services}, {"subscribe", &o->subscribe}, {"publish", &o->publish}, {"ask", &o->ask}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].words->count > 0)
            json_object_set_new(entry, lists[i].key, tr_fleet_words(lists[i].words));
    if (o->durable)
        json_object_set_new(entry, "durable", json_true());
    return entry;
}

static int attach_apart(const tr_call_t *call, const options_t *o, const wanted_t *w, tr_apart_t *apart) {
    json_t *entry = entry_of(o, w);
    int code = tr_apart_attach(call, apart, entry, o->count, o->common.timeout_ms);
    json_decref(entry);
    tr_apart_finish(apart);
    return code;
}

static int attach(const tr_call_t *call, const options_t *o, const wanted_t *w, json_t *rows) {
    tr_cli_place_t place;
    tr_apart_t apart = {0};
    if (!o->common.connect && tr_apart_instead(o->common.state, o->common.fleet, &apart))
        return attach_apart(call, o, w, &apart);
    int code = tr_cli_find_place(call, &o->common, &place);
    if (code != TR_EXIT_OK)
        return code;
    return *place.directory ? attach_to_fleet(call, o, w, rows) : attach_here(call, o, w, &place, rows);
}

/* ---- what is wanted ---- */

static int check(const tr_call_t *call, const options_t *o, const wanted_t *w) {
    int ways = (w->behaviour != NULL) + (o->load != NULL) + (w->command.count > 0);
    if (!tr_name_valid(w->name, strlen(w->name)))
        return tr_cli_usage(call,
            "\"%.100s\" is no name: expected 1 to %d of A-Z a-z 0-9 . _ - + ~, the first neither . nor -",
            w->name, TR_NAME_MAX);
    if (ways > 1)
        return tr_cli_usage(call, "expected one of --behaviour, --load and a PROGRAM, found several");
    return TR_EXIT_OK;
}

static int read_args(const tr_call_t *call, const options_t *o, wanted_t *w) {
    json_error_t where;
    if (!o->args)
        return TR_EXIT_OK;
    w->args = json_loads(o->args, JSON_REJECT_DUPLICATES, &where);
    if (!w->args)
        return tr_cli_usage(call, "--args: line %d, column %d: %s", where.line, where.column, where.text);
    if (!json_is_object(w->args))
        return tr_cli_usage(call, "--args: expected a JSON object, as {\"key\": 1}");
    return TR_EXIT_OK;
}

static int read_load(const tr_call_t *call, const options_t *o, wanted_t *w) {
    if (!o->load)
        return TR_EXIT_OK;
    w->load = realpath(o->load, NULL);
    return w->load ? TR_EXIT_OK
                   : tr_cli_fail(call, TR_EXIT_REFUSED, "--load %s: %s", o->load, strerror(errno));
}

static int run(const tr_call_t *call) {
    const options_t *o = call->options;
    const tr_strings_t *a = &call->arguments;
    wanted_t wanted = {.name = a->items[0], .command = {a->items + 1, a->count - 1}};
    json_t *rows = json_array();
    bool exec = o->behaviour && strcmp(o->behaviour, "exec") == 0;
    wanted.behaviour = exec && wanted.command.count > 0 ? NULL : o->behaviour;
    int code = check(call, o, &wanted);
    if (code == TR_EXIT_OK)
        code = read_args(call, o, &wanted);
    if (code == TR_EXIT_OK)
        code = read_load(call, o, &wanted);
    if (code == TR_EXIT_OK)
        code = attach(call, o, &wanted, rows);
    if (json_array_size(rows) > 0) {
        int written = tr_cli_put_objects(call, &o->common, &begun, rows);
        code = code == TR_EXIT_OK ? written : code;
    }
    json_decref(rows);
    json_decref(wanted.args);
    free(wanted.load);
    return code;
}

const tr_verb_t tr_verb_attach = {"attach", TR_VERB_FLEET, &program, sizeof(options_t), run};
