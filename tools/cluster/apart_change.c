#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "tools/cluster/apart.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/manifest.h"
#include "tools/fleet/fleet_certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US    300000
#define GRACE_TEXT "45"

static int fail(const tr_call_t *call, const tr_error_t *error) {
    return tr_cli_fail(call, tr_apart_exit(error->code), "%s", error->text);
}

/* ---- podman: pods, by name ---- */

/* `rm` of what the array names; with the volumes where `purge`. */
static int remove_pods(const tr_apart_t *self, const json_t *names, tr_error_t *error) {
    tr_run_t run = {0};
    size_t i;
    json_t *name;
    if (json_array_size(names) == 0)
        return 0;
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"pod", "stop", "-t", GRACE_TEXT, NULL});
    json_array_foreach(names, i, name) tr_run_add(&run, json_string_value(name));
    int rc = tr_run(&run, NULL, NULL, error);
    if (rc < 0)
        return rc;
    run.count = 0;
    memset(run.argv, 0, sizeof run.argv);
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"pod", "rm", "-f", NULL});
    json_array_foreach(names, i, name) tr_run_add(&run, json_string_value(name));
    return tr_run(&run, NULL, NULL, error);
}

/* By their label, as pods are: the name of another fleet may begin with this one's. */
static int remove_volumes(const tr_apart_t *self, tr_error_t *error) {
    char filter[TR_PLATFORM_MAX + 64], *text = NULL, *rest = NULL;
    tr_run_t list = {0}, run = {0};
    snprintf(filter, sizeof filter, "label=" TR_MANIFEST_LABEL "=%s", self->fleet);
    tr_apart_program(self, &list);
    tr_run_add_all(
        &list, (const char *const[]){"volume", "ls", "--format", "{{.Name}}", "--filter", filter, NULL});
    int rc = tr_run(&list, NULL, &text, error);
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"volume", "rm", NULL});
    size_t before = run.count;
    for (char *name = rc == 0 ? strtok_r(text, "\n", &rest) : NULL; name; name = strtok_r(NULL, "\n", &rest))
        tr_run_add(&run, name);
    if (rc == 0 && run.count > before)
        rc = tr_run(&run, NULL, NULL, error);
    free(text);
    return rc;
}

/* ---- down ---- */

static int down_kubernetes(const tr_apart_t *self, bool purge, const char *timeout, tr_error_t *error) {
    char labels[512];
    tr_run_t run = {0};
    tr_apart_program(self, &run);
    tr_run_add_all(&run,
        (const char *const[]){"delete",
            purge
                ? "horizontalpodautoscalers,ingresses,deployments,statefulsets,services,poddisruptionbudgets,"
                  "networkpolicies,configmaps,secrets,serviceaccounts,jobs,persistentvolumeclaims"
                : "horizontalpodautoscalers,ingresses,deployments,statefulsets,services,poddisruptionbudgets,"
                  "networkpolicies,configmaps,secrets,serviceaccounts,jobs",
            "--selector", tr_apart_labels(self, NULL, labels), "--cascade=foreground", "--wait=true",
            "--ignore-not-found", "--timeout", timeout, NULL});
    return tr_run(&run, NULL, NULL, error);
}

/* Agents first: they finish what they have while there is a broker to tell. */
static int down_podman(const tr_apart_t *self, bool purge, tr_error_t *error) {
    json_t *all = NULL, *broker = NULL, *agents = json_array(), *name;
    size_t i;
    int rc = tr_apart_pods(self, NULL, &all, error);
    if (rc == 0)
        rc = tr_apart_pods(self, TR_FLEET_BROKER, &broker, error);
    const char *brokers = json_string_value(json_array_get(broker, 0));
    json_array_foreach(all, i, name) if (!brokers || strcmp(brokers, json_string_value(name)) != 0)
        json_array_append(agents, name);
    if (rc == 0)
        rc = remove_pods(self, agents, error);
    if (rc == 0)
        rc = remove_pods(self, broker, error);
    if (rc == 0 && purge)
        rc = remove_volumes(self, error);
    json_decref(all);
    json_decref(broker);
    json_decref(agents);
    return rc;
}

static int put_row(const tr_call_t *call, const char *fleet, const char *state, int64_t took_ms) {
    static const tr_column_t columns[] = {
        {"fleet", TR_COLUMN_TEXT}, {"state", TR_COLUMN_STATE}, {"took", TR_COLUMN_DURATION}};
    const tr_cli_common_t *common = call->options; /* the first member of each verb's options that has one */
    tr_output_config_t config = {
        call->out, (tr_output_format_t)common->output, columns, sizeof columns / sizeof *columns};
    tr_output_t *output = NULL;
    if (tr_output_new(&config, &output) < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    tr_output_text(output, fleet);
    tr_output_text(output, state);
    tr_output_number(output, took_ms);
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

int tr_apart_down(const tr_call_t *call, tr_apart_t *self, bool kill, bool purge, int64_t timeout_ms) {
    tr_error_t error = {0};
    char timeout[32];
    int64_t begun_ms = tr_clock_ms();
    snprintf(timeout, sizeof timeout, "%llds", (long long)(timeout_ms + 999) / 1000);
    int rc = self->on == TR_APART_PODMAN ? down_podman(self, purge, &error)
             : self->on == TR_APART_SSH  ? tr_hosts_down(call, self, kill, purge, timeout_ms, &error)
                                         : down_kubernetes(self, purge, timeout, &error);
    if (rc < 0)
        return fail(call, &error);
    tr_apart_forget(self);
    return put_row(call, self->fleet, "ended", tr_clock_ms() - begun_ms);
}

/* ---- how many ---- */

static const tr_fleet_agent_t *find(const tr_fleet_t *fleet, const char *group) {
    for (size_t i = 0; i < fleet->agent_list.count; i++)
        if (strcmp(tr_fleet_agents(fleet)[i].name, group) == 0)
            return &tr_fleet_agents(fleet)[i];
    return NULL;
}

/* N of the pod FLEET-GROUP-N; 0 for others. */
static int64_t number_of(const tr_apart_t *self, const char *group, const char *pod) {
    char prefix[TR_PLATFORM_MAX + TR_NAME_MAX + 4];
    int len = snprintf(prefix, sizeof prefix, "%s-%s-", self->fleet, group);
    const char *digits = pod + len;
    return strncmp(pod, prefix, (size_t)len) == 0 && *digits && strspn(digits, "0123456789") == strlen(digits)
               ? strtoll(digits, NULL, 10)
               : 0;
}

/* The objects of the group as they are to be now; what is there already podman would refuse, so it is left out. */
static int apply_group(const tr_apart_t *self, tr_fleet_t *fleet, const char *group, int64_t most,
    const json_t *there, tr_error_t *error) {
    json_t *objects = NULL, *new = json_array(), *object;
    size_t i, j;
    tr_manifest_config_t config = {.fleet = fleet,
        .image = self->image,
        .namespace = self->namespace,
        .state = self->directory,
        .podman = self->on == TR_APART_PODMAN,
        .link = self->link,
        .stream = self->stream,
        .http = self->http,
        .web = self->web};
    int rc = tr_manifest_group(&config, group, &objects, error);
    json_array_foreach(objects, i, object) {
        json_t *name = json_object_get(json_object_get(object, "metadata"), "name"), *pod;
        bool known =
            config.podman && there && strcmp(json_string_value(json_object_get(object, "kind")), "Pod") != 0;
        json_array_foreach(there, j, pod) known = known || json_equal(pod, name);
        known = known || number_of(self, group, json_string_value(name)) > most;
        if (!known)
            json_array_append(new, object);
    }
    if (rc == 0 && json_array_size(new))
        rc = tr_apart_apply(self, new, error);
    json_decref(objects);
    json_decref(new);
    return rc;
}

/* The last ones: those whose number is over the count. */
static int end_above(
    const tr_apart_t *self, const char *group, int64_t count, const json_t *there, tr_error_t *error) {
    json_t *gone = json_array(), *pod;
    size_t i;
    json_array_foreach(there, i, pod) if (number_of(self, group, json_string_value(pod)) > count)
        json_array_append(gone, pod);
    int rc = remove_pods(self, gone, error);
    json_decref(gone);
    return rc;
}

/* One of a group that has numbers keeps its number. */
static int scale_podman(
    const tr_apart_t *self, tr_fleet_t *fleet, tr_fleet_agent_t *agent, int64_t count, tr_error_t *error) {
    json_t *there = NULL;
    int rc = tr_apart_pods(self, agent->name, &there, error);
    agent->count = count > 2 ? count : 2;
    if (rc == 0)
        rc = end_above(self, agent->name, count, there, error);
    if (rc == 0)
        rc = apply_group(self, fleet, agent->name, count, there, error);
    json_decref(there);
    return rc;
}

static int scale_kubernetes(
    const tr_apart_t *self, const tr_fleet_agent_t *agent, int64_t count, tr_error_t *error) {
    char labels[512], replicas[48];
    tr_run_t run = {0};
    snprintf(replicas, sizeof replicas, "--replicas=%lld", (long long)count);
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"scale",
                             agent->durable || tr_fleet_keeps_state(agent) ? "statefulset" : "deployment",
                             "--selector", tr_apart_labels(self, agent->name, labels), replicas, NULL});
    return tr_run(&run, NULL, NULL, error);
}

/* One agent alone has its name, and a second cannot have it. */
static int check_scale(const tr_fleet_agent_t *agent, int64_t count, tr_error_t *error) {
    if (agent->daemon || agent->processes == TR_FLEET_ONE ||
        (agent->count == 1 && count > 1 && !agent->autoscale.max))
        return tr_error_set(error, -EINVAL,
            "%s is one process with this name: give it a count of 2 or more in the fleet file to scale it",
            agent->name);
    return 0;
}

static int scale_one(tr_apart_t *self, const char *group, int64_t count, tr_error_t *error) {
    tr_fleet_t *fleet = NULL;
    int rc = tr_apart_load(self, group, &fleet, error);
    if (rc < 0)
        return rc;
    tr_fleet_agent_t *agent = (tr_fleet_agent_t *)(uintptr_t)find(fleet, group);
    rc = check_scale(agent, count, error);
    if (rc == 0)
        rc = self->on == TR_APART_PODMAN ? scale_podman(self, fleet, agent, count, error)
                                         : scale_kubernetes(self, agent, count, error);
    tr_fleet_destroy(&fleet);
    return rc;
}

static int wait_group(const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t until_ms) {
    tr_error_t error = {0};
    size_t ready = 0, all = 0;
    int rc;
    while ((rc = tr_apart_ready(self, group, &ready, &all, &error)) == 0 && ready < all) {
        if (tr_clock_ms() >= until_ms)
            return tr_cli_fail(call, TR_EXIT_TIMEOUT, "%s: %zu of %zu ready in time", group, ready, all);
        usleep(LOOK_US);
    }
    return rc < 0 ? fail(call, &error) : TR_EXIT_OK;
}

int tr_apart_scale(
    const tr_call_t *call, tr_apart_t *self, const json_t *groups, bool wait, int64_t timeout_ms) {
    const char *group;
    json_t *count;
    tr_error_t error = {0};
    int64_t until_ms = tr_clock_ms() + timeout_ms;
    if (self->on == TR_APART_SSH)
        return tr_hosts_scale(call, self, groups, wait, timeout_ms);
    json_object_foreach((json_t *)(uintptr_t)groups, group, count) {
        if (scale_one(self, group, json_integer_value(count), &error) < 0)
            return fail(call, &error);
        int code = wait ? wait_group(call, self, group, until_ms) : TR_EXIT_OK;
        if (code != TR_EXIT_OK)
            return code;
    }
    return TR_EXIT_OK;
}

/* ---- attach, detach ---- */

/* What runs there: somebody else may have changed it, a scaler for one. */
static int64_t count_of(const tr_apart_t *self, const char *group, tr_error_t *error) {
    tr_fleet_t *fleet = NULL;
    json_t *pods = NULL;
    size_t ready = 0, all = 0;
    int rc = tr_apart_load(self, group, &fleet, error); /* whether there is such a group */
    tr_fleet_destroy(&fleet);
    if (rc == 0 && self->on == TR_APART_PODMAN)
        rc = tr_apart_pods(self, group, &pods, error);
    else if (rc == 0)
        rc = tr_apart_ready(self, group, &ready, &all, error);
    int64_t count = rc < 0 ? rc : pods ? (int64_t)json_array_size(pods) : (int64_t)all;
    json_decref(pods);
    return count;
}

/* A fleet of this agent alone, kept beside the first file. */
static int keep_attached(
    const tr_apart_t *self, const json_t *agent, char path[PATH_MAX], tr_error_t *error) {
    const char *name = json_string_value(json_object_get(agent, "name"));
    char directory[PATH_MAX];
    if (snprintf(directory, sizeof directory, "%s/attached", self->directory) >= (int)sizeof directory ||
        snprintf(path, PATH_MAX, "%s/%s.yaml", directory, name) >= PATH_MAX)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", self->directory);
    if (access(path, F_OK) == 0)
        return tr_error_set(error, -EEXIST, "the name %s is taken", name);
    json_t *fleet = json_pack(
        "{s:s, s:{s:s}, s:[O]}", "fleet", self->fleet, "broker", "journal", "true", "agents", agent);
    char *text = fleet ? json_dumps(fleet, JSON_INDENT(1)) : NULL;
    json_decref(fleet);
    int rc = tr_directory_make(directory);
    if (rc == 0)
        rc = text ? tr_file_write(path, text, strlen(text), 0600) : -ENOMEM;
    free(text);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int attach_new(const tr_apart_t *self, const json_t *agent, tr_error_t *error) {
    char path[PATH_MAX];
    const char *name = json_string_value(json_object_get(agent, "name"));
    tr_fleet_t *fleet = NULL, *whole = NULL;
    int rc = tr_apart_load(self, NULL, &whole, error);
    if (rc == 0 && find(whole, name))
        rc = tr_error_set(error, -EEXIST, "the name %s is taken", name);
    if (rc == 0)
        rc = keep_attached(self, agent, path, error);
    bool secure = rc == 0 && whole->secure;
    tr_fleet_destroy(&whole);
    if (rc < 0)
        return rc;
    rc = tr_fleet_load(path, &fleet, error);
    if (rc == 0)
        rc = tr_fleet_certs_group_apart(self->directory, &tr_fleet_agents(fleet)[0], secure, error);
    if (rc == 0)
        rc = tr_apart_hand_over(self, name, error);
    if (rc == 0)
        rc = apply_group(self, fleet, name, INT64_MAX, NULL, error);
    tr_fleet_destroy(&fleet);
    if (rc < 0)
        unlink(path);
    return rc;
}

int tr_apart_attach(
    const tr_call_t *call, tr_apart_t *self, const json_t *agent, int64_t count, int64_t timeout_ms) {
    const char *name = json_string_value(json_object_get(agent, "name"));
    int64_t until_ms = tr_clock_ms() + timeout_ms;
    tr_error_t error = {0};
    int rc = 0;
    if (self->on == TR_APART_SSH)
        return tr_hosts_attach(call, self, agent, count, timeout_ms);
    if (json_object_size(agent) > 1)
        rc = attach_new(self, agent, &error);
    else {
        int64_t now = count_of(self, name, &error);
        rc = now < 0 ? (int)now : scale_one(self, name, now + count, &error);
    }
    return rc < 0 ? fail(call, &error) : wait_group(call, self, name, until_ms);
}

static int no_group(const tr_apart_t *self, const char *name, tr_error_t *error) {
    return tr_error_set(error, -ENOENT, "the fleet %s has no group \"%s\"", self->fleet, name);
}

/* Whatever has its label goes, whether a file still says so or not; where nothing has, and nothing was known of it, there is no such group. */
static int detach_kubernetes(const tr_apart_t *self, const char *name, tr_error_t *error) {
    char labels[512], *named = NULL;
    tr_run_t run = {0};
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"delete",
                             "horizontalpodautoscalers,deployments,statefulsets,poddisruptionbudgets,"
                             "networkpolicies,secrets",
                             "--selector", tr_apart_labels(self, name, labels), "--ignore-not-found",
                             "--output", "name", NULL});
    int rc = tr_run(&run, NULL, &named, error);
    bool known = rc == 0 && tr_apart_unlink_attached(self, name);
    if (rc == 0 && !known && !*named)
        rc = no_group(self, name, error);
    free(named);
    return rc;
}

static int detach_podman(const tr_apart_t *self, const char *name, tr_error_t *error) {
    json_t *names = NULL;
    int rc = tr_apart_pods(self, name, &names, error);
    if (rc == 0)
        rc = remove_pods(self, names, error);
    bool known = rc == 0 && tr_apart_unlink_attached(self, name); /* though nothing of it may run */
    if (rc == 0 && !known && json_array_size(names) == 0)
        rc = no_group(self, name, error);
    json_decref(names);
    return rc;
}

int tr_apart_detach(const tr_call_t *call, tr_apart_t *self, const char *name) {
    tr_error_t error = {0};
    if (strcmp(name, TR_FLEET_BROKER) == 0)
        return tr_cli_fail(
            call, TR_EXIT_REFUSED, "the broker is the fleet's: `troupe down %s` ends it", self->fleet);
    int rc = self->on == TR_APART_PODMAN ? detach_podman(self, name, &error)
             : self->on == TR_APART_SSH  ? tr_hosts_detach(call, self, name, &error)
                                         : detach_kubernetes(self, name, &error);
    return rc < 0 ? fail(call, &error) : TR_EXIT_OK;
}

/* ---- logs ---- */

/* Containers of pods, each with its name before its lines. */
static int logs_podman(
    const tr_apart_t *self, const char *group, const char *lines, bool follow, tr_error_t *error) {
    char filter[512], *text = NULL, *rest = NULL;
    tr_run_t list = {0}, run = {0};
    bool broker = group && strcmp(group, TR_FLEET_BROKER) == 0;
    snprintf(filter, sizeof filter, group ? "label=%s=%s" : "label=" TR_MANIFEST_LABEL "%.0s=%s",
        broker ? "app.kubernetes.io/component" : "troupe.dev/group", group ? group : self->fleet);
    char fleet[TR_PLATFORM_MAX + 64];
    snprintf(fleet, sizeof fleet, "label=" TR_MANIFEST_LABEL "=%s", self->fleet);
    tr_apart_program(self, &list);
    tr_run_add_all(&list, (const char *const[]){"ps", "-a", "--format", "{{.Names}}", "--filter", fleet,
                              "--filter", filter, NULL});
    int rc = tr_run(&list, NULL, &text, error);
    if (rc < 0)
        return rc;
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"logs", "--names", "--tail", lines, NULL});
    if (follow)
        tr_run_add(&run, "--follow");
    size_t before = run.count;
    for (char *name = strtok_r(text, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
        if (!strstr(name, "-infra"))
            tr_run_add(&run, name);
    rc = run.count == before ? tr_error_set(error, -ENOENT, "the fleet %s has no group \"%s\"", self->fleet,
                                   group ? group : "")
                             : tr_run_exec(&run, error);
    free(text);
    return rc;
}

int tr_apart_logs(
    const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t lines, bool follow) {
    char labels[512], tail[32];
    tr_error_t error = {0};
    tr_run_t run = {0};
    if (self->on == TR_APART_SSH)
        return tr_hosts_logs(call, self, group, lines, follow);
    snprintf(tail, sizeof tail, "%lld", (long long)lines);
    fflush(call->out);
    if (self->on == TR_APART_PODMAN)
        return logs_podman(self, group, tail, follow, &error) < 0 ? fail(call, &error) : TR_EXIT_OK;
    tr_apart_program(self, &run);
    tr_run_add_all(
        &run, (const char *const[]){"logs", "--prefix", "--all-containers", "--max-log-requests", "1000",
                  "--tail", tail, "--selector", tr_apart_labels(self, group, labels), NULL});
    if (follow)
        tr_run_add(&run, "--follow");
    tr_run_exec(&run, &error);
    return fail(call, &error);
}
