#include "agentd/options.h"

#include "agentd/agent_file.h"
#include "agentd/behaviours/exec_conf.h"
#include "agentd/behaviours/table.h"
#include "lib/base/log.h"
#include "proto/aid.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS       INT64_C(86400000)
#define PRODUCER_MAX 64

static const tr_option_t table[] = {
    {"connect", 'c', "ENDPOINT", TR_STRING(tr_agentd_options_t, connect), "tcp://127.0.0.1:5570",
        "The broker: tcp://HOST:PORT or ipc://PATH."},
    {"cert", 0, "FILE", TR_STRING(tr_agentd_options_t, cert), NULL,
        "The secret part of this process's certificate, for a broker that wants one (`troupe cert new`). "
        "TROUPE_CERT says "
        "the same for all of Troupe's programs."},
    {"agent", 0, "FILE|NAME", TR_STRING(tr_agentd_options_t, agent), NULL,
        "A file that describes the agent, with the keys that it would have in a fleet file; flags win over "
        "it. What has no slash and does not end with .yaml, .yml or .json is a NAME, as with --name."},
    {"name", 'n', "NAME", TR_STRING(tr_agentd_options_t, name), NULL,
        "The agent's name. With a count over 1 the agents are NAME-0 to NAME-(N-1)."},
    {"behaviour", 'b', "BEHAVIOUR", TR_STRING(tr_agentd_options_t, behaviour), NULL,
        "What the agent does; --list-behaviours shows which there are."},
    {"load", 'l', "FILE", TR_STRING(tr_agentd_options_t, load), NULL,
        "A shared object with a behaviour, in place of a built-in one."},
    {"count", 0, "N", TR_INT(tr_agentd_options_t, count), "1", "So many agents in this process.", .min = 1,
        .max = TR_AGENTD_COUNT_MAX},
    {"service", 's', "NAME[=N]", TR_LIST(tr_agentd_options_t, services), NULL,
        "Offer svc:NAME, with room for N unfinished requests of each agent (default: the behaviour's). May "
        "be "
        "repeated.",
        .max = 64},
    {"subscribe", 0, "PATTERN", TR_LIST(tr_agentd_options_t, subscribe), NULL,
        "Get the events of the topics that match. May be repeated.", .max = 256},
    {"durable", 0, NULL, TR_BOOL(tr_agentd_options_t, durable), NULL,
        "Keep every message to the agents and their services on the broker's disk until it is finished, also "
        "while the agents are away."},
    {"state", 0, "DIR|postgres", TR_STRING(tr_agentd_options_t, state), NULL,
        "Keep the state of the agents in DIR/NAME.db (or with `postgres` in a database), and begin where "
        "they stood. Their behaviour must be "
        "one that can save and restore "
        "it; with --durable no message is lost or counted twice, whenever the process is killed."},
    {"state-conninfo", 0, "FILE", TR_STRING(tr_agentd_options_t, state_conninfo), NULL,
        "With `--state postgres`: a file, readable by its owner alone, with the connection string; without "
        "it the environment says "
        "(PGHOST ...)."},
    {"state-table", 0, "NAME", TR_STRING(tr_agentd_options_t, state_table), NULL,
        "With `--state postgres`: the table, [schema.]name, of this process alone. A `*` at its end stands "
        "for "
        "the agent's name, with underscores for what a table's name cannot have."},
    {"passive-after", 0, "TIME", TR_DURATION(tr_agentd_options_t, passive_ms), "0",
        "With --state: an agent that is idle for so long is freed until its next message comes. 0: never.",
        .min = 0, .max = DAY_MS},
    {"stay", 0, NULL, TR_BOOL(tr_agentd_options_t, stay), NULL,
        "When its agent is moved away (`troupe move`), or was by --state, run on and host nobody, until the "
        "process is told to end: where whatever ends is started again, as in a cluster. Without it: the end, "
        "with code 72."},
    {"trace-one-in", 0, "N", TR_INT(tr_agentd_options_t, trace_one_in), "0",
        "Begin a trace (`troupe trace`) with one in N of the messages that the agents send of themselves; 0: "
        "with none. What is traced already is so in any case.",
        .min = 0, .max = INT32_MAX},
    {"trace-per-second", 0, "N", TR_INT(tr_agentd_options_t, trace_per_second), "1000",
        "Begin no more traces by --trace-one-in in a second: more are forgotten before anybody looks, unless "
        "an exporter takes them. 0: as many as come.",
        .min = 0, .max = INT32_MAX},
    TR_PORT_OPTIONS(tr_agentd_options_t, port),
    {"producer", 0, "NAME", TR_STRING(tr_agentd_options_t, producer), NULL,
        "Send durable messages as the producer of this name, which a process that was started as the same "
        "before "
        "may then no longer do. Its epoch is the time of the start. Without it each start is a producer of "
        "its own."},
    {"args", 'a', "JSON", TR_STRING(tr_agentd_options_t, args), NULL, "A JSON object for the behaviour."},
    {"describe", 0, "JSON", TR_STRING(tr_agentd_options_t, describe), NULL,
        "What the yellow pages tell of the agents beside their services, a JSON object: {\"labels\": "
        "{\"env\": \"prod\"}, "
        "\"card\": {\"description\": \"...\", \"skills\": [...]}}; see docs/protocol.md, section 16."},
    {"mind", 'm', "MIND", TR_STRING(tr_agentd_options_t, mind), NULL,
        "What the behaviour thinks with: built-in, a file of language models (docs/models.md), or a JSON "
        "object (docs/minds.md)."},
    {"memory", 0, "DIR", TR_STRING(tr_agentd_options_t, memory), NULL,
        "Of a behaviour that talks with users (assistant, dialogue): what is known of them is kept in "
        "DIR/NAME, a file for each, and outlives "
        "the process. `memory` of the arguments says another place. `troupe up` gives one below the fleet's "
        "state."},
    {"tools", 0, "JSON", TR_STRING(tr_agentd_options_t, tools), NULL,
        "The tools that the behaviour uses, a JSON object from names to what each is (docs/tools.md)."},
    {"exec-mode", 0, "MODE", TR_WORD(tr_agentd_options_t, exec_mode), "persistent",
        "Of a PROGRAM: one that lives as long as its agent, or one run for each message.",
        .words = tr_exec_mode_words},
    {"exec-timeout", 0, "TIME", TR_DURATION(tr_agentd_options_t, exec_timeout_ms), "30s",
        "The time that a PROGRAM has for one message.", .min = 1, .max = DAY_MS},
    {"restart-intensity", 0, "N", TR_INT(tr_agentd_options_t, restart_intensity), "5",
        "An agent that fails more often than this within --restart-period ends the process with code 70.",
        .min = 0, .max = 1000},
    {"restart-period", 0, "TIME", TR_DURATION(tr_agentd_options_t, restart_period_ms), "30s",
        "The time in which failures are counted.", .min = 1, .max = DAY_MS},
    {"restart-backoff", 0, "TIME", TR_DURATION(tr_agentd_options_t, restart_backoff_ms), "100ms",
        "The pause before a failed behaviour is started again; each further one is twice as long ...",
        .min = 0, .max = DAY_MS},
    {"restart-max-backoff", 0, "TIME", TR_DURATION(tr_agentd_options_t, restart_max_backoff_ms), "10s",
        "... up to this.", .min = 0, .max = DAY_MS},
    {"hang-time", 0, "TIME", TR_DURATION(tr_agentd_options_t, hang_ms), "30s",
        "A message that is in work for longer is reported.", .min = 1, .max = DAY_MS},
    {"hung-time", 0, "TIME", TR_DURATION(tr_agentd_options_t, hung_ms), "10m",
        "A message that is in work for longer ends the process with code 71; 0 = never.", .min = 0,
        .max = DAY_MS},
    {"connect-time", 0, "TIME", TR_DURATION(tr_agentd_options_t, connect_ms), "10s",
        "Give up when the broker was not reached in this time.", .min = 1, .max = DAY_MS},
    {"stop-time", 0, "TIME", TR_DURATION(tr_agentd_options_t, stop_ms), "30s",
        "After SIGTERM, time for the message in work before the process is ended by force.", .min = 1,
        .max = DAY_MS},
    {"ready-fd", 0, "FD", TR_INT(tr_agentd_options_t, ready_fd), "-1",
        "Write the line READY to this file descriptor, and close it, when the agents are registered.",
        .min = -1, .max = 1 << 20, .flags = TR_OPTION_FLAG_ONLY},
    {"die-with", 0, "PID", TR_INT(tr_agentd_options_t, die_with), "0", "Stop when this parent process ends.",
        .min = 0, .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
    {"check", 0, NULL, TR_BOOL(tr_agentd_options_t, check), NULL,
        "Check the behaviour, its arguments and its program without a broker, and end: with 3 and a line "
        "KEY: "
        "REASON where something is wrong. A shared object is loaded for that.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"list-behaviours", 0, NULL, TR_BOOL(tr_agentd_options_t, list_behaviours), NULL,
        "Show the built-in behaviours and end.", .flags = TR_OPTION_FLAG_ONLY},
    TR_LOG_OPTIONS(tr_agentd_options_t),
};

static const tr_program_t program = {
    .name = "troupe-agentd",
    .summary = "Host one agent, or many, of a broker",
    .usage = "(--agent FILE | --name NAME (--behaviour BEHAVIOUR | --load FILE | -- PROGRAM [ARGUMENT...])) "
             "[OPTION...]",
    .description = "The process connects to its broker, registers its agents and gives them their messages "
                   "until it gets "
                   "SIGTERM; then it finishes the message in work, deregisters and ends.\n\n"
                   "A PROGRAM gets each message as a line of JSON on its stdin, and each line of JSON that "
                   "it writes to its "
                   "stdout becomes a message; so an agent can be written in any language.\n\n"
                   "It ends with 0 when it was asked to, 1 for wrong usage, 2 when the broker cannot be "
                   "reached, 3 when the "
                   "broker refuses (a name that is taken) or what it was given is not valid, 4 when it had "
                   "to be ended by "
                   "force, 70 when an agent failed too often.",
    .examples = "# an agent that answers with what it is asked\n"
                "troupe-agentd --name echo-1 --behaviour echo\n\n"
                "# a provider of the service read, four documents at once\n"
                "troupe-agentd --name reader --behaviour reader --count 4\n\n"
                "# what a file describes: name, behaviour, services, args ...\n"
                "troupe-agentd --agent reader.yaml --connect tcp://node1:5570\n\n"
                "# the same from a file of options, with lines such as `name: reader`\n"
                "troupe-agentd --config reader.yaml\n\n"
                "# one that misses nothing while it is away (a broker with --journal)\n"
                "troupe-agentd --name clerk --durable -- python3 clerk.py\n\n"
                "# an agent in Python\n"
                "troupe-agentd --name sums --service sum -- python3 sums.py",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE_AGENTD",
    .arguments = "PROGRAM...",
    .most_arguments = 256,
    .has_file = true,
    .stop_at_argument = true,
};

const tr_program_t *tr_agentd_program(void) {
    return &program;
}

int tr_agentd_service_parse(const char *text, char *name, uint32_t *ret_capacity, tr_error_t *error) {
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    int64_t capacity = 0;
    if (!tr_name_valid(text, len))
        return tr_error_set(error, -EINVAL,
            "--service %.160s: expected NAME or NAME=CAPACITY, the name of 1 to %d of A-Z a-z 0-9 . _ - + ~",
            text, TR_NAME_MAX);
    if (equals && tr_parse_int(equals + 1, 1, 1 << 20, &capacity, error) < 0)
        return tr_error_prefix(error, "--service %.160s", text);
    memcpy(name, text, len);
    name[len] = '\0';
    *ret_capacity = (uint32_t)capacity;
    return 0;
}

static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int usage(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("troupe-agentd: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\nTry 'troupe-agentd --help'.\n", stderr);
    va_end(args);
    return TR_AGENTD_USAGE;
}

static int show_behaviours(void) {
    tr_behaviours_print(stdout);
    return fflush(stdout) == 0 ? TR_AGENTD_OK : TR_AGENTD_USAGE;
}

static int check_services(const tr_agentd_options_t *o) {
    for (size_t i = 0; i < o->services.count; i++) {
        char name[TR_NAME_MAX + 1];
        uint32_t capacity;
        tr_error_t error;
        if (tr_agentd_service_parse(o->services.items[i], name, &capacity, &error) < 0)
            return usage("%s", error.text);
    }
    return TR_AGENTD_GO;
}

static int check_describe(const tr_agentd_options_t *o) {
    json_error_t why;
    json_t *object = o->describe ? json_loads(o->describe, JSON_REJECT_DUPLICATES, &why) : json_object();
    bool good = json_is_object(object);
    if (!object)
        usage("--describe: not JSON at column %d: %s", why.column, why.text);
    else if (!good)
        usage("--describe: expected a JSON object");
    json_decref(object);
    return good ? TR_AGENTD_GO : TR_AGENTD_USAGE;
}

static int check(const tr_agentd_options_t *o) {
    int ways = (o->behaviour != NULL) + (o->load != NULL) + (o->command.count > 0);
    if (!o->name)
        return usage("--name is missing: every agent has a name");
    if (!tr_name_valid(o->name, strlen(o->name)))
        return usage("--name %.160s: expected 1 to %d of A-Z a-z 0-9 . _ - + ~, the first neither . nor -",
            o->name, TR_NAME_MAX);
    /* The exec behaviour may also be named, with its command in --args. */
    if (ways == 2 && o->behaviour && o->command.count > 0 && strcmp(o->behaviour, "exec") == 0)
        ways = 1;
    if (ways != 1)
        return usage("expected one of --behaviour, --load, a PROGRAM and --agent FILE, found %s",
            ways ? "several" : "none");
    if (o->state && !strcmp(o->state, "postgres") && !o->state_table)
        return usage("--state postgres needs --state-table: a table that no other process uses");
    if (o->passive_ms && !o->state)
        return usage("--passive-after needs --state: an agent that rests is kept there");
    if (o->producer &&
        (strlen(o->producer) > PRODUCER_MAX || !tr_name_valid(o->producer, strlen(o->producer))))
        return usage("--producer %.80s: expected 1 to %d of A-Z a-z 0-9 . _ - + ~, the first neither . nor -",
            o->producer, PRODUCER_MAX);
    return check_describe(o) == TR_AGENTD_GO ? check_services(o) : TR_AGENTD_USAGE;
}

/* Where there is a description, it fills in what no flag says. */
static int take_agent(tr_agentd_options_t *o) {
    tr_error_t error = {0};
    if (o->agent && !tr_agent_file_is_path(o->agent)) {
        if (o->name)
            return usage("--agent %.160s is the agent's name, as --name %.160s: expected one of the two",
                o->agent, o->name);
        o->name = o->agent;
    } else if (o->agent && tr_agent_file_take(o, &error) < 0) {
        fprintf(stderr, "%s: %s\n", program.name, error.text);
        return TR_AGENTD_REFUSED;
    }
    return TR_AGENTD_GO;
}

int tr_agentd_options_read(int argc, char *const *argv, tr_agentd_options_t *ret_options) {
    tr_agentd_options_t o = {0};
    tr_error_t error = {0};
    int ask = tr_options_read(&program, argc, argv, &o, &o.flags, &error);
    if (ask != TR_OPTIONS_RUN)
        return tr_options_answer(&program, ask, &error);
    o.command = tr_options_arguments(o.flags);
    int code = o.list_behaviours ? show_behaviours() : take_agent(&o);
    if (code == TR_AGENTD_GO)
        code = check(&o);
    if (code == TR_AGENTD_GO)
        *ret_options = o;
    else
        tr_agentd_options_finish(&o);
    return code;
}

void tr_agentd_options_finish(tr_agentd_options_t *self) {
    tr_options_destroy(&self->flags);
    tr_description_destroy(&self->description);
    free(self->own_load);
    free(self->own_connect);
    self->own_load = self->own_connect = NULL;
}
