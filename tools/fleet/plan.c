#include "tools/fleet/plan.h"

#include "lib/base/buffer.h"
#include "lib/store/table_name.h"
#include "tools/fleet/fleet_certs.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define ARENA_MAX       (256u << 20)
#define FLEET_WORD_MOST 24u

#define STRING_OF(x)  STRING_OF_(x)
#define STRING_OF_(x) #x

/* An argv that grows in an array sized before: by counting first, no argument is ever left out. */
typedef struct args {
    const char **items;
    size_t count, cap;
} args_t;

static void put(args_t *args, const char *text) {
    if (args->count < args->cap)
        args->items[args->count] = text;
    args->count++;
}

static void put_pair(args_t *args, const char *flag, const char *value) {
    put(args, flag);
    put(args, value);
}

/* Lives as long as the fleet. */
static const char *state_of(const tr_plan_t *self) {
    return self->fleet->state ? self->fleet->state : "STATE";
}

static const char *printed(tr_plan_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *printed(tr_plan_t *self, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : tr_arena_alloc(&self->arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

/* The words that a process's command line is made of, computed once for all processes of an entry. NULL = out
 * of memory, found out by checked(). */
typedef struct words {
    const char *program, *name, *connect, *cert, *count, *load, *timeout, *state, *passive, *metrics, *traces;
    const char *memory;
    const char *table; /* of a database, and the state's file is how to get there; NULL */
} words_t;

static void put_list(args_t *args, const char *flag, const tr_texts_t *texts) {
    for (size_t i = 0; i < texts->count; i++)
        put_pair(args, flag, texts->items[i]);
}

/* A port of the kernel's choice, and where it is told; NULL = none. */
static void put_metrics(args_t *args, const char *directory) {
    if (!directory)
        return;
    put_pair(args, "--http", "127.0.0.1:0");
    put_pair(args, "--http-file", directory);
}

static void agent_args(args_t *args, const tr_fleet_agent_t *a, const words_t *w) {
    put(args, w->program);
    put_pair(args, "--connect", w->connect);
    if (w->cert)
        put_pair(args, "--cert", w->cert);
    put_pair(args, "--name", w->name);
    if (a->behaviour)
        put_pair(args, "--behaviour", a->behaviour);
    if (a->load)
        put_pair(args, "--load", w->load);
    if (w->count)
        put_pair(args, "--count", w->count);
    if (a->durable)
        put(args, "--durable");
    put_metrics(args, w->metrics);
    if (w->traces)
        put_pair(args, "--trace-one-in", w->traces);
    if (w->state && !w->table)
        put_pair(args, "--state", w->state);
    if (w->table) {
        put_pair(args, "--state", "postgres");
        put_pair(args, "--state-conninfo", w->state);
        put_pair(args, "--state-table", w->table);
    }
    if (w->memory)
        put_pair(args, "--memory", w->memory);
    if (w->passive)
        put_pair(args, "--passive-after", w->passive);
    if (a->describe)
        put_pair(args, "--describe", a->describe);
    put_list(args, "--service", &a->services);
    put_list(args, "--subscribe", &a->subscribe);
    if (a->args)
        put_pair(args, "--args", a->args);
    if (a->mind)
        put_pair(args, "--mind", a->mind);
    if (a->tools)
        put_pair(args, "--tools", a->tools);
    put_pair(args, "--ready-fd", STRING_OF(TR_SUPERVISE_READY_FD));
    if (a->exec.command.count == 0)
        return;
    put_pair(args, "--exec-mode", tr_fleet_exec_mode_words[a->exec.mode]);
    put_pair(args, "--exec-timeout", w->timeout);
    put(args, "--");
    for (size_t i = 0; i < a->exec.command.count; i++)
        put(args, a->exec.command.items[i]);
}

/* Two passes over the same function: one counts, one fills. */
static const char **agent_argv(tr_plan_t *self, const tr_fleet_agent_t *a, const words_t *w) {
    args_t args = {0};
    agent_args(&args, a, w);
    args = (args_t){tr_arena_alloc(&self->arena, (args.count + 1) * sizeof *args.items), 0, args.count};
    if (!args.items)
        return NULL;
    agent_args(&args, a, w);
    args.items[args.count] = NULL;
    return args.items;
}

static int put_agent(
    tr_plan_t *self, const tr_fleet_agent_t *a, words_t *w, int64_t number, tr_plan_process_t *ret_process) {
    bool one = a->processes == TR_FLEET_ONE;
    w->name = one || (a->count == 1 && number == 1) ? a->name : printed(self, "%s-%" PRId64, a->name, number);
    tr_plan_process_t process = {w->name, a, one ? a->count : 1, w->name ? agent_argv(self, a, w) : NULL};
    if (!process.argv)
        return -ENOMEM;
    *ret_process = process;
    return 0;
}

static int64_t processes_of(const tr_fleet_agent_t *a) {
    return a->processes == TR_FLEET_ONE ? 1 : tr_fleet_begins(a);
}

/* "--NAME=VALUE" of each. */
static int put_options(tr_plan_t *self, args_t *args, const tr_pairs_t *options) {
    for (size_t i = 0; i < options->count; i++) {
        const tr_pair_t *option = &options->items[i];
        const char *text = printed(self, "--%s=%s", option->key, option->value);
        if (!text)
            return -ENOMEM;
        put(args, text);
    }
    return 0;
}

/* Where `up` puts it. */
static const char *cert_of(tr_plan_t *self, const char *name, bool group) {
    char path[PATH_MAX];
    int rc = group ? tr_fleet_certs_secret_of(state_of(self), name, path, NULL)
                   : tr_fleet_certs_secret(state_of(self), name, path, NULL);
    return rc == 0 ? printed(self, "%s", path) : NULL;
}

/* False when out of memory. */
static bool find_metrics(tr_plan_t *self, const char **ret_directory) {
    bool wanted = self->fleet->metrics;
    *ret_directory = wanted ? printed(self, "%s/metrics", state_of(self)) : NULL;
    return !wanted || *ret_directory;
}

/* The fleet's name as a part of those of tables. */
static const char *fleet_word(const tr_plan_t *self, char out[TR_TABLE_NAME_SIZE]) {
    return tr_table_name("*", self->fleet->name, FLEET_WORD_MOST, out);
}

static const char *option_of(const tr_pairs_t *options, const char *key) {
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->items[i].key, key) == 0)
            return options->items[i].value;
    return NULL;
}

/* A gateway is told the state directory, by which the fleet is changed from a page, and how many requests begin a trace; the options may say others. */
static int put_gateway(tr_plan_t *self, args_t *args, const tr_fleet_daemon_t *d) {
    const tr_fleet_t *f = self->fleet;
    if (strcmp(d->kind->key, "gateway") != 0)
        return 0;
    bool traces = f->trace_one_in && !option_of(&d->options, "trace-one-in");
    const char *one_in = traces ? printed(self, "%" PRId64, f->trace_one_in) : NULL;
    if (traces && !one_in)
        return -ENOMEM;
    put_pair(args, "--fleet-state", state_of(self));
    if (one_in)
        put_pair(args, "--trace-one-in", one_in);
    return 0;
}

/* The tasks are in the fleet's database, unless the file says of the coordinator itself where they are. */
static int put_tasks(tr_plan_t *self, args_t *args, const tr_fleet_daemon_t *d) {
    const tr_fleet_servers_t *servers = &self->fleet->servers;
    char word[TR_TABLE_NAME_SIZE];
    if (strcmp(d->kind->key, "coordinator") != 0 || !servers->postgres || option_of(&d->options, "store") ||
        option_of(&d->options, "conninfo"))
        return 0;
    put_pair(args, "--store", "postgres");
    put_pair(args, "--conninfo", servers->postgres);
    if (option_of(&d->options, "schema"))
        return 0;
    const char *schema = printed(self, "troupe_%s", fleet_word(self, word));
    put_pair(args, "--schema", schema);
    return schema ? 0 : -ENOMEM;
}

/* Of those that have one: what the coordinator is told. */
static const char *autoscale_of(tr_plan_t *self, const tr_fleet_agent_t *a) {
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    tr_fleet_scale_rule(a, &text);
    const char *kept = text.failed ? NULL : printed(self, "%s", tr_buffer_string(&text));
    tr_buffer_finish(&text);
    return kept;
}

/* Processes are planned one by one, and the coordinator scales others. */
static const tr_fleet_t *whole_of(const tr_fleet_t *fleet) {
    return fleet->whole ? fleet->whole : fleet;
}

static int put_autoscale(tr_plan_t *self, args_t *args, const tr_fleet_daemon_t *d) {
    const tr_fleet_t *whole = whole_of(self->fleet);
    bool any = false;
    for (size_t i = 0; i < whole->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(whole)[i];
        if (strcmp(d->kind->key, "coordinator") != 0 || !a->autoscale.max || a->autoscale.by)
            continue;
        const char *rule = autoscale_of(self, a);
        if (!rule)
            return -ENOMEM;
        put_pair(args, "--autoscale", rule);
        any = true;
    }
    if (any)
        put_pair(args, "--fleet-state", state_of(self));
    return 0;
}

static size_t autoscaled(const tr_fleet_t *fleet) {
    size_t n = 0;
    for (size_t i = 0; i < whole_of(fleet)->agent_list.count; i++)
        n += tr_fleet_agents(whole_of(fleet))[i].autoscale.max > 0;
    return n;
}

/* A program of its own. */
static int put_daemon(tr_plan_t *self, const tr_fleet_agent_t *a, const char *program, const char *connect) {
    const tr_fleet_daemon_t *d = a->daemon;
    char data[PATH_MAX];
    if (tr_fleet_daemon_data(self->fleet, d, data, sizeof data) < 0)
        return -ENAMETOOLONG;
    const char *cert = a->cert ? a->cert : self->fleet->secure ? cert_of(self, a->name, true) : NULL;
    const char *kept = printed(self, "%s", data);
    const char *metrics;
    const char *logs = d->kind->follows_logs ? printed(self, "%s/logs", state_of(self)) : NULL;
    size_t most = 28 + 2 * autoscaled(self->fleet) + d->options.count;
    args_t args = {tr_arena_alloc(&self->arena, (most + 1) * sizeof *args.items), 0, most};
    if (!find_metrics(self, &metrics) || !args.items || !kept || (self->fleet->secure && !cert) ||
        (d->kind->follows_logs && !logs))
        return -ENOMEM;
    put(&args, program);
    put_pair(&args, "--connect", connect);
    if (cert)
        put_pair(&args, "--cert", cert);
    put_pair(&args, "--name", a->name);
    if (*kept)
        put_pair(&args, "--data", kept);
    if (logs)
        put_pair(&args, "--logs", logs);
    if (d->all_names)
        put_pair(&args, "--shards", d->all_names);
    if (d->replicas > 1)
        put_pair(&args, "--replicas", "2");
    put_metrics(&args, metrics);
    put_pair(&args, "--ready-fd", STRING_OF(TR_SUPERVISE_READY_FD));
    int rc = put_gateway(self, &args, d);
    if (rc == 0)
        rc = put_tasks(self, &args, d);
    if (rc == 0)
        rc = put_autoscale(self, &args, d);
    if (rc == 0)
        rc = put_options(self, &args, &d->options);
    args.items[args.count] = NULL;
    self->processes[self->count++] = (tr_plan_process_t){a->name, a, 1, args.items};
    return rc;
}

/* A path of the fleet file, from where it is. */
static const char *anchored(tr_plan_t *self, const char *path) {
    if (path[0] == '/')
        return path;
    return printed(self, "%s/%s", self->fleet->directory, strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

/* False when out of memory. */
static bool put_database(tr_plan_t *self, const tr_fleet_agent_t *a, words_t *w) {
    char word[TR_TABLE_NAME_SIZE];
    w->state = self->fleet->servers.postgres;
    w->table = printed(self, "troupe_state_%s_*", fleet_word(self, word));
    w->passive = a->passive_ms ? printed(self, "%" PRId64 "ms", a->passive_ms) : NULL;
    return w->table && (!a->passive_ms || w->passive);
}

/* What is kept, and for how long an idle agent is not; false when out of memory. */
static bool put_state(tr_plan_t *self, const tr_fleet_agent_t *a, words_t *w) {
    if (!tr_fleet_keeps_state(a))
        return true;
    if (strcmp(a->state, "postgres") == 0)
        return put_database(self, a, w);
    w->state =
        strcmp(a->state, "true") == 0 ? printed(self, "%s/agents", state_of(self)) : anchored(self, a->state);
    w->passive = a->passive_ms ? printed(self, "%" PRId64 "ms", a->passive_ms) : NULL;
    return w->state && (!a->passive_ms || w->passive);
}

/* Of those that talk with users: what they know of them is to outlive their process. False when out of memory. */
static bool put_memory(tr_plan_t *self, const tr_fleet_agent_t *a, words_t *w) {
    const char *b = a->behaviour ? a->behaviour : "";
    bool talks = strcmp(b, "assistant") == 0 || strcmp(b, "dialogue") == 0;
    w->memory = talks ? printed(self, "%s/memory", state_of(self)) : NULL;
    return !talks || w->memory;
}

static int put_agents(tr_plan_t *self, const tr_fleet_agent_t *a, const char *program, const char *connect) {
    bool many = a->processes == TR_FLEET_ONE && a->count > 1;
    words_t w = {.program = program, .connect = connect, .cert = a->cert};
    if (!w.cert && self->fleet->secure && !(w.cert = cert_of(self, a->name, true)))
        return -ENOMEM;
    w.count = many ? printed(self, "%" PRId64, a->count) : NULL;
    w.load = a->load ? anchored(self, a->load) : NULL;
    w.timeout = printed(self, "%" PRId64 "ms", a->exec.timeout_ms);
    w.traces = self->fleet->trace_one_in ? printed(self, "%" PRId64, self->fleet->trace_one_in) : NULL;
    if (!find_metrics(self, &w.metrics) || (self->fleet->trace_one_in && !w.traces) || (many && !w.count) ||
        (a->load && !w.load) || !w.timeout || !put_state(self, a, &w) || !put_memory(self, a, &w))
        return -ENOMEM;
    for (int64_t number = 1; number <= processes_of(a); number++) {
        int rc = put_agent(self, a, &w, number, &self->processes[self->count]);
        if (rc < 0)
            return rc;
        self->count++;
    }
    return 0;
}

/* The broker's addresses as its command line has them, and where agents connect. */
typedef struct addresses {
    const char *listen, *stream, *http, *connect;
} addresses_t;

static int put_certs(tr_plan_t *self, args_t *args) {
    const char *cert = cert_of(self, TR_FLEET_BROKER, false);
    const char *certs = printed(self, "%s/" TR_FLEET_CERTS, state_of(self));
    put_pair(args, "--cert", cert);
    put_pair(args, "--certs", certs);
    return cert && certs ? 0 : -ENOMEM;
}

/* In the fleet's database: a table for each of its brokers. */
static int put_journal(tr_plan_t *self, args_t *args, const char *journal) {
    const tr_fleet_t *f = self->fleet;
    const char *where = f->broker.journal && *journal ? printed(self, "%s", journal) : NULL;
    if (where)
        put_pair(args, "--journal", where);
    if (strcmp(journal, "postgres") == 0 && f->servers.postgres) {
        if (!option_of(&f->broker.options, "journal-conninfo"))
            put_pair(args, "--journal-conninfo", f->servers.postgres);
        if (!option_of(&f->broker.options, "journal-table"))
            put_pair(args, "--journal-table", "troupe_journal_*");
    }
    return f->broker.journal && *journal && !where ? -ENOMEM : 0;
}

static int put_broker(tr_plan_t *self, const char *program, const addresses_t *at) {
    const tr_fleet_t *f = self->fleet;
    char journal[PATH_MAX];
    if (tr_fleet_journal(f, journal, sizeof journal) < 0)
        return -ENAMETOOLONG;
    const char *metrics;
    size_t most = 24 + f->broker.options.count;
    args_t args = {tr_arena_alloc(&self->arena, (most + 1) * sizeof *args.items), 0, most};
    if (!args.items || !find_metrics(self, &metrics))
        return -ENOMEM;
    put(&args, program);
    put_pair(&args, "--listen", at->listen);
    put_pair(&args, "--stream", at->stream);
    put_pair(&args, "--http", at->http);
    if (metrics)
        put_pair(&args, "--http-file", metrics);
    put_pair(&args, "--platform", f->name);
    put_pair(&args, "--ready-fd", STRING_OF(TR_SUPERVISE_READY_FD));
    if (put_journal(self, &args, journal) < 0)
        return -ENOMEM;
    if (f->secure && put_certs(self, &args) < 0)
        return -ENOMEM;
    if (put_options(self, &args, &f->broker.options) < 0)
        return -ENOMEM;
    args.items[args.count] = NULL;
    self->processes[self->count++] = (tr_plan_process_t){TR_FLEET_BROKER, NULL, 0, args.items};
    return 0;
}

/* The endpoint with an absolute ipc:// path. NULL: out of memory, or too long, which is said. */
static const char *endpoint(tr_plan_t *self, const char *key, const char *text, tr_error_t *error) {
    const char *path = strncmp(text, "ipc://", 6) == 0 ? text + 6 : NULL;
    const char *out = path && path[0] != '/' && path[0] != '@'
                          ? printed(self, "ipc://%s/%s", self->fleet->directory, path)
                          : text;
    if (!out) {
        tr_error_set(error, -ENOMEM, "out of memory");
        return NULL;
    }
    size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (!path || strlen(out) - 6 <= most)
        return out;
    tr_error_set(error, -EINVAL,
        "%s: broker.%s: the path of the socket is too long: \"%.120s\"; expected at most %zu bytes",
        self->fleet->path, key, out + 6, most);
    return NULL;
}

/* A broker that listens everywhere is reached here by the loopback address. */
static const char *reachable(tr_plan_t *self, const char *text) {
    static const struct {
        const char *any, *here;
    } hosts[] = {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"}, {"tcp://*:", "tcp://127.0.0.1:"},
        {"tcp://[::]:", "tcp://[::1]:"}};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t len = strlen(hosts[i].any);
        if (strncmp(text, hosts[i].any, len) == 0)
            return printed(self, "%s%s", hosts[i].here, text + len);
    }
    return text;
}

static int find_addresses(
    tr_plan_t *self, const tr_plan_at_t *at, addresses_t *ret_addresses, tr_error_t *error) {
    const tr_fleet_broker_t *broker = &self->fleet->broker;
    addresses_t a = {.http = at && *at->http ? at->http : broker->http};
    a.listen = at ? at->listen : endpoint(self, "listen", broker->listen, error);
    if (!a.listen)
        return error->code;
    a.stream = at ? at->stream : endpoint(self, "stream", broker->stream, error);
    if (!a.stream)
        return error->code;
    a.connect = reachable(self, a.listen);
    if (!a.connect)
        return tr_error_set(error, -ENOMEM, "out of memory");
    *ret_addresses = a;
    return 0;
}

static int make(tr_plan_t *self, const tr_programs_t *programs, const tr_plan_at_t *at, tr_error_t *error) {
    const tr_fleet_t *f = self->fleet;
    size_t count = 1;
    for (size_t i = 0; i < f->agent_list.count; i++)
        count += (size_t)processes_of(&tr_fleet_agents(f)[i]);
    addresses_t addresses = {0};
    int rc = find_addresses(self, at, &addresses, error);
    if (rc < 0)
        return rc;
    self->processes = tr_arena_alloc(&self->arena, count * sizeof *self->processes);
    rc = self->processes ? put_broker(self, programs->broker, &addresses) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < f->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(f)[i];
        const char *program =
            a->daemon ? tr_programs_daemon(programs, a->daemon->kind->program) : programs->agentd;
        if (!*program)
            return tr_error_set(error, -ENOENT, "%s: %s: %s was not found; is Troupe installed as a whole?",
                f->path, a->daemon->kind->key, a->daemon->kind->program);
        rc = a->daemon ? put_daemon(self, a, program, addresses.connect)
                       : put_agents(self, a, program, addresses.connect);
    }
    if (rc == -ENAMETOOLONG)
        return tr_error_set(error, rc,
            "%s: broker.journal, coordinator.data or knowledge.data: the path is too long", f->path);
    return rc < 0 ? tr_error_set(error, rc, "%s: out of memory", f->path) : 0;
}

/* The texts of `at` are the caller's, who may let go of them. */
static const tr_plan_at_t *kept(tr_plan_t *self, const tr_plan_at_t *at) {
    tr_plan_at_t *copy = tr_arena_alloc(&self->arena, sizeof *copy);
    if (copy)
        *copy = *at;
    return copy;
}

int tr_plan_make(const tr_fleet_t *fleet, const tr_programs_t *programs, const tr_plan_at_t *at,
    tr_plan_t **ret_plan, tr_error_t *error) {
    tr_error_t local = {0};
    tr_plan_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "%s: out of memory", fleet->path);
    self->fleet = fleet;
    tr_arena_init(&self->arena, ARENA_MAX);
    const tr_plan_at_t *own = at ? kept(self, at) : NULL;
    int rc = at && !own ? tr_error_set(&local, -ENOMEM, "%s: out of memory", fleet->path)
                        : make(self, programs, own, &local);
    if (rc < 0) {
        tr_plan_destroy(&self);
        return tr_error_set(error, rc, "%s", local.text);
    }
    *ret_plan = self;
    return 0;
}

static bool take_text(const json_t *object, const char *key, char *out) {
    const char *text = json_string_value(json_object_get(object, key));
    if (!text || strlen(text) > TR_PLAN_ENDPOINT_MAX)
        return false;
    strcpy(out, text);
    return true;
}

int tr_plan_at_parse(const char *line, size_t len, tr_plan_at_t *ret_at, tr_error_t *error) {
    json_t *object = json_loadb(line, len, 0, NULL);
    tr_plan_at_t at;
    bool ok = take_text(object, "endpoint", at.listen) && take_text(object, "stream", at.stream) &&
              take_text(object, "http", at.http);
    json_decref(object);
    if (!ok)
        return tr_error_set(error, -EINVAL,
            "the broker said \"%.*s\" when it was ready; expected a line of JSON with endpoint, stream and "
            "http",
            (int)(len < 100 ? len : 100), line);
    *ret_at = at;
    return 0;
}

void tr_plan_destroy(tr_plan_t **self) {
    if (!self || !*self)
        return;
    tr_arena_finish(&(*self)->arena);
    free(*self);
    *self = NULL;
}

tr_child_spec_t tr_plan_spec(const tr_plan_t *self, const tr_plan_process_t *process, const char *log) {
    const tr_fleet_agent_t *a = process->agent;
    return (tr_child_spec_t){
        .name = process->name,
        .argv = process->argv,
        .env = a ? a->env.items : NULL,
        .env_count = a ? a->env.count : 0,
        .directory = self->fleet->directory,
        .log = log,
        .restart = a ? a->restart : tr_restart_default,
        .stop_order = a ? 0 : 1,
        .ready_pipe = true,
    };
}
