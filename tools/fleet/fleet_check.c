#include "tools/fleet/fleet_check.h"

#include "lib/base/buffer.h"
#include "lib/base/map.h"
#include "tools/fleet/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define TIMEOUT_MS 30000 /* a user's own shared object may take its time */
#define KEY_MAX    96
#define ARENA_MAX  (256u << 20)

/* ---- asking ---- */

/* The command line with --check as its first argument, in the arena. */
static const char *const *with_check(tr_arena_t *arena, const char *const *argv) {
    size_t n = 0;
    while (argv[n])
        n++;
    const char **out = tr_arena_alloc(arena, (n + 2) * sizeof *out);
    if (!out)
        return NULL;
    out[0] = argv[0];
    out[1] = "--check";
    memcpy(out + 2, argv + 1, n * sizeof *out);
    return out;
}

/* "NAME=value" of each, in the arena. */
static const char *const *variables_of(tr_arena_t *arena, const tr_child_spec_t *spec) {
    const char **out = tr_arena_alloc(arena, (spec->env_count + 1) * sizeof *out);
    for (size_t i = 0; out && i < spec->env_count; i++) {
        size_t key = strlen(spec->env[i].key), value = strlen(spec->env[i].value);
        char *text = tr_arena_alloc(arena, key + value + 2);
        if (!text)
            return NULL;
        sprintf(text, "%s=%s", spec->env[i].key, spec->env[i].value);
        out[i] = text;
    }
    if (out)
        out[spec->env_count] = NULL;
    return out;
}

static int prepare(
    tr_probe_t *probe, const tr_plan_t *plan, const tr_plan_process_t *process, tr_arena_t *arena) {
    tr_child_spec_t spec = tr_plan_spec(plan, process, NULL);
    probe->start.argv = with_check(arena, spec.argv);
    probe->start.variables = variables_of(arena, &spec);
    probe->start.directory = spec.directory;
    return probe->start.argv && probe->start.variables ? 0 : -ENOMEM;
}

/* ---- what they answer ---- */

/* How it ended, where it did not say what is wrong. */
static void print_end(const tr_probe_t *probe, char *out, size_t size) {
    const char *signal = WIFSIGNALED(probe->status) ? sigabbrev_np(WTERMSIG(probe->status)) : NULL;
    if (probe->late)
        snprintf(out, size, "was not checked within %d s", TIMEOUT_MS / 1000);
    else if (WIFSIGNALED(probe->status))
        snprintf(out, size, "cannot be checked: it ended with signal %d (SIG%s)%s%.160s",
            WTERMSIG(probe->status), signal ? signal : "?", *probe->printed ? ": " : "", probe->printed);
    else
        snprintf(out, size, "cannot be checked: it exited with %d%s%.160s", WEXITSTATUS(probe->status),
            *probe->printed ? ": " : "", probe->printed);
}

static bool is_well(const tr_probe_t *probe) {
    return !probe->error.code && !probe->late && WIFEXITED(probe->status) && WEXITSTATUS(probe->status) == 0;
}

/* "KEY: REASON" of an agent. */
static int agent_wrong(
    const tr_fleet_t *fleet, const tr_fleet_agent_t *agent, const tr_probe_t *probe, tr_error_t *error) {
    char key[KEY_MAX], reason[300];
    size_t index = (size_t)(agent - tr_fleet_agents(fleet)), len = strcspn(probe->said, ":");
    if (probe->said[len] == ':' && len < KEY_MAX / 2) {
        snprintf(key, sizeof key, "agents[%zu].%.*s", index, (int)len, probe->said);
        return tr_yaml_file_wrong(
            &fleet->file, key, error, "%s", probe->said + len + 1 + strspn(probe->said + len + 1, " "));
    }
    const char *way = agent->load ? "load" : agent->behaviour ? "behaviour" : "exec";
    snprintf(key, sizeof key, "agents[%zu].%s", index, way);
    print_end(probe, reason, sizeof reason);
    return tr_yaml_file_wrong(&fleet->file, key, error, "%s", reason);
}

/* Whether a text speaks of an option, "--NAME". */
static const char *find_option(const char *text, const char *name) {
    size_t len = strlen(name);
    for (const char *at = strstr(text, "--"); at; at = strstr(at + 2, "--")) {
        char next = strncmp(at + 2, name, len) == 0 ? at[2 + len] : 'x';
        if (next != '-' && !(next >= 'a' && next <= 'z') && !(next >= '0' && next <= '9'))
            return at;
    }
    return NULL;
}

/* The option of the file that the broker speaks of first, or NULL. */
static const char *option_of(const tr_fleet_t *fleet, const char *reason) {
    const char *name = NULL, *first = NULL;
    for (size_t i = 0; i < fleet->broker.options.count; i++) {
        const char *at = find_option(reason, fleet->broker.options.items[i].key);
        if (!at || (first && at > first))
            continue;
        first = at;
        name = fleet->broker.options.items[i].key;
    }
    return name;
}

/* The same of an address, which the broker calls by its value. */
static const char *address_of(const tr_fleet_t *fleet, const char *reason) {
    const struct {
        const char *key, *value;
    } addresses[] = {
        {"listen", fleet->broker.listen}, {"stream", fleet->broker.stream}, {"http", fleet->broker.http}};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        if (strstr(reason, addresses[i].value))
            return addresses[i].key;
    }
    return NULL;
}

/* What the broker says is of its command line: "troupe-broker: --lease: ...". */
static int broker_wrong(const tr_fleet_t *fleet, const tr_probe_t *probe, tr_error_t *error) {
    static const char prefix[] = "troupe-broker: ";
    char key[KEY_MAX] = "broker", reason[300], flag[KEY_MAX];
    const char *said = probe->printed, *text = reason;
    if (strncmp(said, prefix, sizeof prefix - 1) == 0)
        said += sizeof prefix - 1;
    snprintf(reason, sizeof reason, "%.*s", (int)strcspn(said, "\n"), said);
    const char *option = option_of(fleet, reason), *address = address_of(fleet, reason);
    if (address)
        snprintf(key, sizeof key, "broker.%s", address);
    if (option) {
        snprintf(key, sizeof key, "broker.options.%.64s", option);
        snprintf(flag, sizeof flag, "--%.64s: ", option);
        text += strncmp(reason, flag, strlen(flag)) == 0 ? strlen(flag) : 0;
    }
    if (!*text)
        print_end(probe, reason, sizeof reason);
    return tr_yaml_file_wrong(&fleet->file, key, error, "%s", text);
}

/* It says the same as the broker does, of its own command line. */
static int daemon_wrong(
    const tr_fleet_t *fleet, const tr_fleet_daemon_kind_t *kind, const tr_probe_t *probe, tr_error_t *error) {
    char reason[300], key[KEY_MAX];
    const char *said = probe->printed;
    size_t len = strlen(kind->program);
    if (strncmp(said, kind->program, len) == 0 && strncmp(said + len, ": ", 2) == 0)
        said += len + 2;
    snprintf(key, sizeof key, "%s.options", kind->key);
    snprintf(reason, sizeof reason, "%.*s", (int)strcspn(said, "\n"), said);
    if (!*reason)
        print_end(probe, reason, sizeof reason);
    return tr_yaml_file_wrong(&fleet->file, key, error, "%s", reason);
}

static int judge(
    const tr_fleet_t *fleet, const tr_plan_process_t *process, const tr_probe_t *probe, tr_error_t *error) {
    if (is_well(probe))
        return 0;
    if (probe->error.code)
        return tr_error_set(error, probe->error.code, "%s: %s", fleet->path, probe->error.text);
    if (process->agent && process->agent->daemon)
        return daemon_wrong(fleet, process->agent->daemon->kind, probe, error);
    return process->agent ? agent_wrong(fleet, process->agent, probe, error)
                          : broker_wrong(fleet, probe, error);
}

/* ---- all of it ---- */

typedef struct check {
    const tr_plan_t *plan;
    const tr_plan_process_t *
        *chosen;   /* the broker and the first process of each entry: the others are as that */
    size_t *asked; /* which probe speaks for it */
    size_t count;
    tr_probe_t *probes;
    size_t probe_count;
    tr_map_t by_role;
    tr_arena_t arena;
} check_t;

static void put_part(tr_buffer_t *out, const char *text) {
    tr_buffer_text(out, text ? text : "");
    tr_buffer_char(out, '\0');
}

/* What the answer depends on: entries that differ only in other things are asked once. */
static void put_role(tr_buffer_t *out, const tr_fleet_agent_t *a) {
    put_part(out, a->daemon ? a->daemon->kind->key : a->behaviour);
    put_part(out, a->load);
    put_part(out, a->args);
    put_part(out, a->mind);
    put_part(out, a->tools);
    tr_buffer_char(out, (char)('0' + a->exec.mode));
    for (size_t i = 0; i < a->exec.command.count; i++)
        put_part(out, a->exec.command.items[i]);
    tr_buffer_char(out, '\1');
    for (size_t i = 0; i < a->env.count; i++) {
        put_part(out, a->env.items[i].key);
        put_part(out, a->env.items[i].value);
    }
}

/* The probe that was made for the same role, or a new one. */
static int ask(check_t *self, const tr_plan_process_t *process, size_t *ret_probe) {
    tr_buffer_t role;
    tr_buffer_init(&role, 0);
    if (process->agent)
        put_role(&role, process->agent);
    const uint64_t *known = tr_map_find(&self->by_role, tr_buffer_string(&role), role.size);
    size_t probe = known ? (size_t)*known : self->probe_count;
    int rc = role.failed ? -ENOMEM : 0;
    if (rc == 0 && !known) {
        rc = tr_map_put(&self->by_role, tr_buffer_string(&role), role.size, probe);
        if (rc == 0)
            rc = prepare(&self->probes[self->probe_count++], self->plan, process, &self->arena);
    }
    tr_buffer_finish(&role);
    *ret_probe = probe;
    return rc;
}

static int choose(check_t *self) {
    const tr_plan_t *plan = self->plan;
    int rc = 0;
    for (size_t i = 0; i < plan->count && rc == 0; i++) {
        if (i > 0 && plan->processes[i].agent == plan->processes[i - 1].agent)
            continue;
        self->chosen[self->count] = &plan->processes[i];
        rc = ask(self, &plan->processes[i], &self->asked[self->count]);
        self->count++;
    }
    return rc;
}

static int work(check_t *self, tr_error_t *error) {
    const tr_fleet_t *fleet = self->plan->fleet;
    int rc = choose(self);
    if (rc == 0)
        rc = tr_probes_run(self->probes, self->probe_count, TIMEOUT_MS);
    if (rc < 0)
        tr_error_set(error, rc, "%s: cannot be checked: %s", fleet->path, strerror(-rc));
    for (size_t i = 0; i < self->count && rc == 0; i++)
        rc = judge(fleet, self->chosen[i], &self->probes[self->asked[i]], error);
    return rc;
}

int tr_fleet_check(const tr_plan_t *plan, tr_error_t *error) {
    size_t most = plan->fleet->agent_list.count + 1;
    check_t check = {
        .plan = plan,
        .chosen = calloc(most, sizeof *check.chosen),
        .asked = calloc(most, sizeof *check.asked),
        .probes = calloc(most, sizeof *check.probes),
    };
    tr_map_init(&check.by_role, (uint64_t)(uintptr_t)plan);
    tr_arena_init(&check.arena, ARENA_MAX);
    int rc = check.chosen && check.asked && check.probes
                 ? work(&check, error)
                 : tr_error_set(error, -ENOMEM, "%s: out of memory", plan->fleet->path);
    tr_arena_finish(&check.arena);
    tr_map_finish(&check.by_role);
    free(check.chosen);
    free(check.asked);
    free(check.probes);
    return rc;
}
