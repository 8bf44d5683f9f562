#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "tools/cli/reach.h"
#include "tools/cluster/apart.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/manifest.h"
#include "tools/fleet/fleet_certs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORWARD_MS 15000
#define RETRY_US   50000

void tr_apart_program(const tr_apart_t *self, tr_run_t *run) {
    if (self->on == TR_APART_PODMAN) {
        tr_run_add(run, "podman");
        return;
    }
    tr_run_add(run, "kubectl");
    if (*self->context) {
        tr_run_add(run, "--context");
        tr_run_add(run, self->context);
    }
    tr_run_add(run, "--namespace");
    tr_run_add(run, self->namespace);
}

const char *tr_apart_labels(const tr_apart_t *self, const char *group, char out[512]) {
    if (group && strcmp(group, TR_FLEET_BROKER) == 0)
        snprintf(out, 512, TR_MANIFEST_LABEL "=%s,app.kubernetes.io/component=broker", self->fleet);
    else
        snprintf(out, 512, TR_MANIFEST_LABEL "=%s%s%s", self->fleet, group ? ",troupe.dev/group=" : "",
            group ? group : "");
    return out;
}

/* ---- applying ---- */

static int apply_by(const tr_apart_t *self, const char *text, tr_error_t *error) {
    tr_run_t run = {0};
    tr_apart_program(self, &run);
    if (self->on == TR_APART_PODMAN)
        tr_run_add_all(&run, (const char *const[]){"kube", "play", "-", NULL});
    else /* the server's side of it: fields that others have set (replicas, by a scaler) stay theirs */
        tr_run_add_all(&run, (const char *const[]){"apply", "--server-side", "--force-conflicts",
                                 "--field-manager", "troupe", "-f", "-", NULL});
    return tr_run(&run, text, NULL, error);
}

/* A volume that an earlier `up` left, with what is in it. */
static bool is_there(const tr_apart_t *self, const json_t *object) {
    const char *name = json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
    tr_run_t run = {0};
    if (strcmp(json_string_value(json_object_get(object, "kind")), "PersistentVolumeClaim") != 0)
        return false;
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"volume", "exists", name, NULL});
    return tr_run(&run, NULL, NULL, NULL) == 0;
}

/* podman wants documents, and JSON is YAML. */
static int apply_pods(const tr_apart_t *self, const json_t *objects, tr_error_t *error) {
    size_t i;
    json_t *object;
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    json_array_foreach(objects, i, object) {
        char *one = is_there(self, object) ? NULL : json_dumps(object, JSON_COMPACT);
        tr_buffer_text(&text, one ? "---\n" : "");
        tr_buffer_text(&text, one ? one : "");
        tr_buffer_text(&text, "\n");
        free(one);
    }
    int rc = text.failed ? tr_error_set(error, -ENOMEM, "out of memory")
                         : apply_by(self, tr_buffer_string(&text), error);
    tr_buffer_finish(&text);
    return rc;
}

int tr_apart_apply(const tr_apart_t *self, const json_t *objects, tr_error_t *error) {
    if (self->on == TR_APART_PODMAN)
        return apply_pods(self, objects, error);
    json_t *list = json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items", objects);
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    int rc = text ? apply_by(self, text, error) : tr_error_set(error, -ENOMEM, "out of memory");
    free(text);
    return rc;
}

/* ---- looking ---- */

static int ask(const tr_run_t *run, json_t **ret_answer, tr_error_t *error) {
    char *text = NULL;
    int rc = tr_run(run, NULL, &text, error);
    json_t *answer = rc == 0 ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    free(text);
    if (rc == 0 && !answer)
        rc = tr_error_set(error, -EPROTO, "%s did not answer with JSON", run->argv[0]);
    if (rc == 0)
        *ret_answer = answer;
    return rc;
}

int tr_apart_pods(const tr_apart_t *self, const char *group, json_t **ret_names, tr_error_t *error) {
    char labels[512], filter[1024];
    json_t *answer = NULL, *pod;
    size_t i;
    tr_run_t run = {0};
    snprintf(filter, sizeof filter, "label=" TR_MANIFEST_LABEL "=%s", self->fleet);
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"pod", "ps", "--format", "json", "--filter", filter, NULL});
    if (group) {
        bool broker = strcmp(group, TR_FLEET_BROKER) == 0;
        snprintf(labels, sizeof labels, "label=%s=%s",
            broker ? "app.kubernetes.io/component" : "troupe.dev/group", group);
        tr_run_add(&run, "--filter");
        tr_run_add(&run, labels);
    }
    int rc = ask(&run, &answer, error);
    if (rc < 0)
        return rc;
    json_t *names = json_array();
    json_array_foreach(answer, i, pod) json_array_append(names, json_object_get(pod, "Name"));
    json_decref(answer);
    *ret_names = names;
    return 0;
}

/* Of one pod: its container says so itself. FLEET-NAME has the container FLEET-NAME-COMPONENT. */
static bool pod_serves(const tr_apart_t *self, const char *pod) {
    json_t *answer = NULL;
    bool serves = false;
    tr_run_t look = {0};
    tr_apart_program(self, &look);
    tr_run_add_all(&look, (const char *const[]){"pod", "inspect", pod, NULL});
    if (ask(&look, &answer, NULL) < 0)
        return false;
    size_t i;
    json_t *container;
    json_array_foreach(json_object_get(answer, "Containers"), i, container) {
        const char *name = json_string_value(json_object_get(container, "Name"));
        tr_run_t run = {0};
        if (!name || strstr(name, "-infra"))
            continue;
        tr_apart_program(self, &run);
        tr_run_add_all(&run, (const char *const[]){"exec", name, "troupe", "alive", "--serving", NULL});
        serves = tr_run(&run, NULL, NULL, NULL) == 0;
    }
    json_decref(answer);
    return serves;
}

static int podman_ready(
    const tr_apart_t *self, const char *group, size_t *ret_ready, size_t *ret_all, tr_error_t *error) {
    json_t *names = NULL, *name;
    size_t i, ready = 0;
    int rc = tr_apart_pods(self, group, &names, error);
    if (rc < 0)
        return rc;
    json_array_foreach(names, i, name) ready += pod_serves(self, json_string_value(name));
    *ret_ready = ready;
    *ret_all = json_array_size(names);
    json_decref(names);
    return 0;
}

/* One whose last change the controller has not seen yet has no pod that counts. */
static size_t ready_of(const json_t *item, size_t wanted) {
    const json_t *status = json_object_get(item, "status");
    json_int_t seen = json_integer_value(json_object_get(status, "observedGeneration"));
    json_int_t made = json_integer_value(json_object_get(json_object_get(item, "metadata"), "generation"));
    size_t updated = (size_t)json_integer_value(json_object_get(status, "updatedReplicas"));
    size_t ready = (size_t)json_integer_value(json_object_get(status, "readyReplicas"));
    ready = ready < updated ? ready : updated;
    return seen < made ? 0 : ready < wanted ? ready : wanted;
}

int tr_apart_ready(
    const tr_apart_t *self, const char *group, size_t *ret_ready, size_t *ret_all, tr_error_t *error) {
    char labels[512];
    json_t *answer = NULL, *item;
    size_t i, ready = 0, all = 0;
    tr_run_t run = {0};
    if (self->on == TR_APART_PODMAN)
        return podman_ready(self, group, ret_ready, ret_all, error);
    tr_apart_program(self, &run);
    tr_run_add_all(&run, (const char *const[]){"get", "deployments,statefulsets", "-o", "json", "-l",
                             tr_apart_labels(self, group, labels), NULL});
    int rc = ask(&run, &answer, error);
    if (rc < 0)
        return rc;
    json_array_foreach(json_object_get(answer, "items"), i, item) {
        json_t *replicas = json_object_get(json_object_get(item, "spec"), "replicas");
        size_t wanted = replicas ? (size_t)json_integer_value(replicas) : 1;
        all += wanted;
        ready += ready_of(item, wanted);
    }
    json_decref(answer);
    *ret_ready = ready;
    *ret_all = all;
    return 0;
}

/* ---- the way to its broker ---- */

/* An address of loopback of this process's own: the broker says where its stream is by the port alone, so ports must be as they are there. */
static int forward(const tr_apart_t *self, char *out_endpoint, tr_error_t *error) {
    char address[32], pod[128], ports[2][24];
    unsigned n = (unsigned)getpid();
    pid_t pid = 0;
    tr_run_t run = {0};
    snprintf(address, sizeof address, "127.%u.%u.%u", 64 + (n >> 16) % 64, (n >> 8) & 255, 1 + n % 254);
    snprintf(pod, sizeof pod, "service/%s-broker", self->fleet);
    snprintf(ports[0], sizeof ports[0], "%d:%d", TR_MANIFEST_LINK, TR_MANIFEST_LINK);
    snprintf(ports[1], sizeof ports[1], "%d:%d", TR_MANIFEST_STREAM, TR_MANIFEST_STREAM);
    snprintf(out_endpoint, TR_STATE_ENDPOINT_MAX + 1, "tcp://%s:%d", address, TR_MANIFEST_LINK);
    tr_apart_program(self, &run);
    tr_run_add_all(
        &run, (const char *const[]){"port-forward", "--address", address, pod, ports[0], ports[1], NULL});
    int rc = tr_run_beside(&run, &pid, error);
    if (rc < 0)
        return rc;
    int64_t until_ms = tr_clock_ms() + FORWARD_MS;
    while ((rc = tr_reach(out_endpoint, 1000, -1, NULL)) < 0 && tr_clock_ms() < until_ms)
        usleep(RETRY_US);
    return rc < 0 ? tr_error_set(error, -ETIMEDOUT,
                        "kubectl port-forward to %s in namespace %s leads nowhere: see `kubectl get pods`",
                        pod, self->namespace)
                  : 0;
}

int tr_apart_reach(const tr_apart_t *self, char *out_endpoint, char *out_cert, tr_error_t *error) {
    if (self->on == TR_APART_SSH)
        return tr_hosts_reach(self, out_endpoint, out_cert, error);
    int rc = tr_fleet_certs_secret(self->directory, TR_FLEET_OPERATOR, out_cert, error);
    if (rc < 0 || self->on != TR_APART_PODMAN)
        return rc < 0 ? rc : forward(self, out_endpoint, error);
    snprintf(out_endpoint, TR_STATE_ENDPOINT_MAX + 1, "tcp://127.0.0.1:%d", self->link);
    return 0;
}
