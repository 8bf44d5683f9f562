#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/cert/cert_file.h"
#include "tools/cli/output_yaml.h"
#include "tools/cluster/apart.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/manifest.h"
#include "tools/fleet/fleet_certs.h"
#include "tools/fleet/programs.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_US     500000
#define SECRET_MOST (512u << 10)

static int fail(const tr_apart_up_t *up, const tr_error_t *error) {
    return tr_cli_fail(up->call, tr_apart_exit(error->code), "%s", error->text);
}

static void say(const tr_call_t *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const tr_call_t *call, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(call->err, "troupe %s: ", call->verb->name);
    vfprintf(call->err, format, args);
    va_end(args);
    fputc('\n', call->err);
    fflush(call->err);
}

/* ---- what it is made of ---- */

/* A port that nobody has now, by the kernel's choice. */
static int free_port(uint16_t *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
                     getsockname(fd, (struct sockaddr *)&address, &len) == 0
                 ? 0
                 : -errno;
    if (fd >= 0)
        close(fd);
    *ret_port = ntohs(address.sin_port);
    return rc;
}

static int choose_ports(tr_apart_t *apart, tr_error_t *error) {
    uint16_t *const ports[] = {&apart->link, &apart->stream, &apart->http, &apart->web};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof ports / sizeof *ports; i++)
        rc = free_port(ports[i]);
    return rc < 0 ? tr_error_set(error, rc, "no free port: %s", strerror(-rc)) : 0;
}

static tr_manifest_config_t config_of(const tr_apart_t *apart, tr_fleet_t *fleet, bool own_namespace) {
    return (tr_manifest_config_t){
        .fleet = fleet,
        .image = apart->image,
        .namespace = own_namespace ? NULL : apart->namespace,
        .podman = apart->on == TR_APART_PODMAN,
        .link = apart->link,
        .stream = apart->stream,
        .http = apart->http,
        .web = apart->web,
    };
}

static int fill(const tr_apart_up_t *up, const tr_fleet_t *fleet, tr_apart_t *apart, tr_error_t *error) {
    const char *namespace = up->namespace ? up->namespace : fleet->name;
    apart->on = up->on;
    strcpy(apart->fleet, fleet->name);
    int n = snprintf(apart->context, sizeof apart->context, "%s", up->context ? up->context : "");
    bool fits = n < (int)sizeof apart->context;
    n = snprintf(apart->image, sizeof apart->image, "%s", up->image);
    fits = fits && n < (int)sizeof apart->image;
    if (!tr_manifest_name_valid(namespace))
        return tr_error_set(
            error, -EINVAL, "--namespace: \"%.100s\" cannot name a namespace: expected a-z 0-9 -", namespace);
    snprintf(apart->namespace, sizeof apart->namespace, "%s", namespace);
    return fits ? 0 : tr_error_set(error, -EINVAL, "--context or --image is too long");
}

/* What stands in the file and is not so there. */
static void tell_differences(const tr_apart_up_t *up, const tr_fleet_t *fleet, bool podman) {
    for (size_t i = 0; !podman && i < fleet->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(fleet)[i];
        if (a->autoscale.max && !a->autoscale.min)
            say(up->call,
                "%s:%d: %s: autoscale.min is 0, and a HorizontalPodAutoscaler goes down to 1: with KEDA "
                "(k8s/components/keda, or the chart) it is 0",
                fleet->path, a->line, a->name);
    }
}

/* ---- dry run ---- */

static int print(const tr_call_t *call, const json_t *objects) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(objects); i++)
        rc = tr_output_yaml(json_array_get(objects, i), true, call->out);
    return rc == 0 && fflush(call->out) == 0
               ? TR_EXIT_OK
               : tr_cli_fail(call, TR_EXIT_REFUSED, "the result could not be written");
}

/* What `up` would bring and refuses to: files with a secret that others may read. They may be missing here, on another machine than `up` runs on. */
static int check_secrets(const tr_fleet_t *fleet, tr_error_t *error) {
    char path[PATH_MAX];
    const char *servers[] = {fleet->servers.postgres, fleet->servers.redis};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof servers / sizeof *servers; i++)
        rc = servers[i] ? tr_manifest_check_secret(servers[i], error) : 0;
    for (const tr_manifest_file_t *one = tr_manifest_files; rc == 0 && one->daemon; one++) {
        error->code = 0;
        if (!one->open && tr_manifest_file(fleet, fleet->directory, one, path, error))
            rc = error->code ? error->code : tr_manifest_check_secret(path, error);
    }
    return rc;
}

static int dry_run(const tr_apart_up_t *up, tr_apart_t *apart, tr_fleet_t *fleet) {
    tr_error_t error = {0};
    json_t *objects = NULL;
    tr_manifest_config_t config = config_of(apart, fleet, !up->namespace);
    config.link = TR_MANIFEST_LINK, config.stream = TR_MANIFEST_STREAM, config.http = TR_MANIFEST_HTTP,
    config.web = TR_MANIFEST_WEB;
    if (check_secrets(fleet, &error) < 0 || tr_manifest_make(&config, &objects, &error) < 0)
        return fail(up, &error);
    tell_differences(up, fleet, config.podman);
    say(up->call, "the certificates are left out: a ConfigMap and Secrets, which `troupe up` makes and "
                  "applies, or --keys prints");
    int code = print(up->call, objects);
    json_decref(objects);
    return code;
}

/* ---- making ---- */

/* A gateway that is open to a network needs somebody's token; this one is the operator's, and only here. */
static int make_token(const char *directory, tr_error_t *error) {
    char tokens[PATH_MAX], place[PATH_MAX], *token = NULL, program[PATH_MAX];
    if (snprintf(tokens, sizeof tokens, "%s/tokens", directory) >= (int)sizeof tokens ||
        snprintf(place, sizeof place, "%s/operator.token", directory) >= (int)sizeof place)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    if (access(tokens, R_OK) == 0)
        return 0;
    int rc = tr_programs_find_beside("gateway", "troupe-gateway", program, error);
    if (rc < 0)
        return rc;
    tr_run_t run = {0};
    tr_run_add_all(
        &run, (const char *const[]){program, "--tokens", tokens, "--new-token", "operator:operator", NULL});
    rc = tr_run(&run, NULL, &token, error);
    if (rc == 0)
        rc = tr_file_write(place, token, strlen(token), 0600);
    free(token);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", place, strerror(-rc)) : 0;
}

static int keep_file(const tr_fleet_t *fleet, const char *directory, tr_error_t *error) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/fleet.yaml", directory) >= (int)sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
    int rc = tr_file_write(path, fleet->file.bytes, fleet->file.len, 0600);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", path, strerror(-rc)) : 0;
}

/* ---- secrets as files of this machine ---- */

/* A container has a file that is mounted by itself, not by its name: another one in its place would not be seen there. */
static int write_over(const char *to, const char *bytes, size_t len) {
    int fd = open(to, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? tr_file_write(to, bytes, len, 0400) : -errno;
    int rc = pwrite(fd, bytes, len, 0) == (ssize_t)len && ftruncate(fd, (off_t)len) == 0 && fsync(fd) == 0
                 ? 0
                 : -(errno ? errno : EIO);
    close(fd);
    return rc;
}

/* `mounted`: by itself; else it is in a folder that is. */
static int hand_over(const char *from, const char *to, bool mounted, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    int rc = tr_file_read(from, "secret", SECRET_MOST, &bytes, &len, error);
    if (rc < 0)
        return rc;
    rc = mounted ? write_over(to, bytes, len) : tr_file_write(to, bytes, len, 0400);
    if (rc == 0 && chown(to, TR_MANIFEST_USER, TR_MANIFEST_USER) < 0)
        rc = -errno;
    explicit_bzero(bytes, len);
    free(bytes);
    return rc < 0 ? tr_error_set(error, rc, "%s cannot be given to user %d of the containers: %s; be root",
                        to, TR_MANIFEST_USER, strerror(-rc))
                  : 0;
}

static int path_in(
    const tr_apart_t *self, const char *folder, const char *name, char out[PATH_MAX], tr_error_t *error) {
    return snprintf(out, PATH_MAX, "%s/%s/%s", self->directory, folder, name) < PATH_MAX
               ? 0
               : tr_error_set(error, -ENAMETOOLONG, "%s: the path is too long", self->directory);
}

/* The public parts, of which the broker reads all. */
int tr_apart_hand_over_certs(const tr_apart_t *self, tr_error_t *error) {
    char from[PATH_MAX], to[PATH_MAX];
    int rc = tr_fleet_certs_directory(self->directory, from, error);
    DIR *dir = rc == 0 ? opendir(from) : NULL;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; rc == 0 && entry; entry = readdir(dir)) {
        if (!strstr(entry->d_name, TR_CERT_SUFFIX))
            continue;
        rc = path_in(self, TR_FLEET_CERTS, entry->d_name, from, error);
        if (rc == 0)
            rc = path_in(self, TR_MANIFEST_KEYS "/certs", entry->d_name, to, error);
        if (rc == 0)
            rc = hand_over(from, to, false, error);
    }
    if (dir)
        closedir(dir);
    return rc;
}

/* A folder that the containers' user may look into, and nobody else. */
static int make_folders(const tr_apart_t *self, tr_error_t *error) {
    char path[PATH_MAX];
    int rc = path_in(self, TR_MANIFEST_KEYS, "certs", path, error);
    if (rc == 0 && (rc = tr_directory_make(path)) == 0 && chown(path, TR_MANIFEST_USER, TR_MANIFEST_USER) < 0)
        rc = -errno;
    return rc < 0 ? tr_error_set(error, rc,
                        "%s/" TR_MANIFEST_KEYS " cannot be given to user %d of the containers: %s; be root",
                        self->directory, TR_MANIFEST_USER, strerror(-rc))
                  : 0;
}

int tr_apart_hand_over(const tr_apart_t *self, const char *group, tr_error_t *error) {
    char from[PATH_MAX], to[PATH_MAX], file[TR_NAME_MAX + 16], cert[TR_NAME_MAX + 8];
    if (self->on != TR_APART_PODMAN)
        return 0;
    bool broker = strcmp(group, TR_FLEET_BROKER) == 0;
    snprintf(cert, sizeof cert, "%s%s", broker ? "" : "agent.", group);
    snprintf(file, sizeof file, "%s" TR_CERT_SUFFIX, cert);
    int rc = make_folders(self, error);
    if (rc == 0)
        rc = tr_fleet_certs_secret(self->directory, cert, from, error);
    if (rc == 0)
        rc = path_in(self, TR_MANIFEST_KEYS, file, to, error);
    if (rc == 0)
        rc = hand_over(from, to, true, error);
    return rc == 0 ? tr_apart_hand_over_certs(self, error) : rc;
}

static int hand_over_tokens(const tr_apart_t *self, tr_error_t *error) {
    char from[PATH_MAX], to[PATH_MAX];
    int rc = path_in(self, ".", "tokens", from, error);
    if (rc == 0)
        rc = path_in(self, TR_MANIFEST_KEYS, "tokens", to, error);
    return rc == 0 ? hand_over(from, to, true, error) : rc;
}

/* Files that options of daemons name. */
static int hand_over_files(const tr_apart_t *self, const tr_fleet_t *fleet, tr_error_t *error) {
    char from[PATH_MAX], to[PATH_MAX], file[64];
    int rc = 0;
    for (const tr_manifest_file_t *one = tr_manifest_files; rc == 0 && one->daemon; one++) {
        error->code = 0;
        if (!tr_manifest_file(fleet, fleet->directory, one, from, error))
            continue;
        snprintf(file, sizeof file, "%s-%s", one->daemon, one->option);
        rc = error->code ? error->code : one->open ? 0 : tr_manifest_check_secret(from, error);
        if (rc == 0)
            rc = path_in(self, TR_MANIFEST_KEYS, file, to, error);
        if (rc == 0)
            rc = hand_over(from, to, true, error);
    }
    return rc;
}

/* A connection string, which the fleet file names. */
static int hand_over_server(const tr_apart_t *self, const char *from, const char *file, tr_error_t *error) {
    char to[PATH_MAX];
    if (!from)
        return 0;
    int rc = tr_manifest_check_secret(from, error);
    if (rc == 0)
        rc = path_in(self, TR_MANIFEST_KEYS, file, to, error);
    return rc == 0 ? hand_over(from, to, true, error) : rc;
}

static int hand_over_all(const tr_apart_t *apart, const tr_fleet_t *fleet, tr_error_t *error) {
    if (apart->on != TR_APART_PODMAN)
        return 0;
    int rc = tr_apart_hand_over(apart, TR_FLEET_BROKER, error);
    for (size_t i = 0; rc == 0 && i < fleet->agent_list.count; i++)
        rc = tr_apart_hand_over(apart, tr_fleet_agents(fleet)[i].name, error);
    if (rc == 0)
        rc = hand_over_server(apart, fleet->servers.postgres, TR_MANIFEST_POSTGRES, error);
    if (rc == 0)
        rc = hand_over_server(apart, fleet->servers.redis, TR_MANIFEST_REDIS, error);
    if (rc == 0 && fleet->gateway.line)
        rc = hand_over_tokens(apart, error);
    return rc == 0 ? hand_over_files(apart, fleet, error) : rc;
}

/* What the chart and kustomize do not make: certificates and tokens. */
static json_t *only_keys(const json_t *objects) {
    json_t *keys = json_array(), *object;
    size_t i;
    json_array_foreach(objects, i, object) {
        const char *kind = json_string_value(json_object_get(object, "kind"));
        if (strcmp(kind, "Secret") == 0 || strcmp(kind, "ConfigMap") == 0)
            json_array_append(keys, object);
    }
    return keys;
}

/* Those that were attached while it ran go on: with the image of now, beside the certificates that the whole has. */
typedef struct joined {
    const tr_apart_t *apart;
    const tr_manifest_config_t *config;
    json_t *objects;
    bool secure;
} joined_t;

static bool is_in(const json_t *objects, const json_t *object) {
    const json_t *one;
    size_t i;
    json_array_foreach(
        objects, i, one) if (json_equal(json_object_get(one, "kind"), json_object_get(object, "kind")) &&
                             json_equal(json_object_get(json_object_get(one, "metadata"), "name"),
                                 json_object_get(json_object_get(object, "metadata"), "name"))) return true;
    return false;
}

static int add_attached(void *arg, const char *group, tr_error_t *error) {
    joined_t *j = arg;
    tr_fleet_t *fleet = NULL;
    json_t *objects = NULL, *object;
    size_t i;
    tr_manifest_config_t config = *j->config;
    int rc = tr_apart_load(j->apart, group, &fleet, error);
    config.fleet = fleet;
    if (rc == 0)
        rc = tr_fleet_certs_group_apart(j->apart->directory, &tr_fleet_agents(fleet)[0], j->secure, error);
    if (rc == 0)
        rc = tr_manifest_group(&config, group, &objects, error);
    json_array_foreach(objects, i, object) if (!is_in(j->objects, object))
        json_array_append(j->objects, object);
    json_decref(objects);
    tr_fleet_destroy(&fleet);
    return rc;
}

/* *ret_objects is the caller's also where that fails. */
static int make_objects(
    const tr_apart_up_t *up, tr_apart_t *apart, tr_fleet_t *fleet, json_t **ret_objects, tr_error_t *error) {
    tr_manifest_config_t config = config_of(apart, fleet, !up->namespace);
    config.state = apart->directory;
    joined_t joined = {.apart = apart, .config = &config, .secure = fleet->secure};
    int rc = tr_fleet_certs_make_apart(apart->directory, fleet, fleet->name, error);
    if (rc == 0 && fleet->gateway.line)
        rc = make_token(apart->directory, error);
    if (rc == 0)
        rc = hand_over_all(apart, fleet, error);
    if (rc == 0)
        rc = tr_manifest_make(&config, ret_objects, error);
    joined.objects = *ret_objects;
    if (rc == 0)
        rc = tr_apart_each_attached(apart, add_attached, &joined, error);
    if (rc == 0)
        tell_differences(up, fleet, config.podman);
    return rc;
}

static int apply(const tr_apart_up_t *up, tr_apart_t *apart, tr_fleet_t *fleet, tr_error_t *error) {
    json_t *objects = NULL;
    int rc = keep_file(fleet, apart->directory, error);
    if (rc == 0)
        rc = make_objects(up, apart, fleet, &objects, error);
    if (rc == 0)
        rc = tr_apart_save(apart, error); /* before anything is there: `down` finds it */
    if (rc == 0)
        rc = tr_apart_apply(apart, objects, error);
    if (rc == 0)
        say(up->call, "%zu objects applied", json_array_size(objects));
    json_decref(objects);
    return rc;
}

static int print_keys(const tr_apart_up_t *up, tr_apart_t *apart, tr_fleet_t *fleet, tr_error_t *error) {
    json_t *objects = NULL;
    int rc = keep_file(fleet, apart->directory, error);
    if (rc == 0)
        rc = make_objects(up, apart, fleet, &objects, error);
    if (rc == 0)
        rc = tr_apart_save(apart, error); /* `troupe ps` and the others find it, whoever applies the rest */
    json_t *keys = rc == 0 ? only_keys(objects) : NULL;
    if (rc == 0 && print(up->call, keys) != TR_EXIT_OK)
        rc = tr_error_set(error, -EIO, "the result could not be written");
    json_decref(keys);
    json_decref(objects);
    return rc;
}

static int wait_ready(const tr_apart_up_t *up, const tr_apart_t *apart, int64_t begun_ms) {
    tr_error_t error = {0};
    size_t ready = 0, all = 0, told = SIZE_MAX;
    int rc;
    while ((rc = tr_apart_ready(apart, NULL, &ready, &all, &error)) == 0) {
        int64_t took_ms = tr_clock_ms() - begun_ms;
        if (ready != told)
            say(up->call, "%zu of %zu ready", ready, all);
        told = ready;
        if (all && ready == all) {
            say(up->call, "ready in %.1f s", (double)took_ms / 1000);
            return TR_EXIT_OK;
        }
        if (took_ms >= up->timeout_ms)
            return tr_cli_fail(up->call, TR_EXIT_TIMEOUT,
                "%zu of %zu ready in time: `troupe logs` says why; `troupe down` ends them", ready, all);
        usleep(LOOK_US);
    }
    return fail(up, &error);
}

/* Where it runs already only the same place may be changed: what runs elsewhere would be forgotten. */
static int check_other(const tr_apart_up_t *up, const tr_apart_t *apart, bool *ret_runs, tr_error_t *error) {
    tr_apart_t other = {0};
    *ret_runs = tr_apart_find(up->state, apart->fleet, &other, NULL) == 0;
    if (!*ret_runs)
        return 0;
    bool same = up->on == TR_APART_KUBERNETES && other.on == up->on &&
                strcmp(other.context, apart->context) == 0 && strcmp(other.namespace, apart->namespace) == 0;
    if (!same && other.on == TR_APART_KUBERNETES)
        tr_error_set(error, -EBUSY,
            "the fleet %s runs already, in the namespace %s%s%s: `troupe down %s` ends it", apart->fleet,
            other.namespace, *other.context ? " of the context " : "", other.context, apart->fleet);
    else if (!same)
        tr_error_set(error, -EBUSY, "the fleet %s runs already%s: `troupe down %s` ends it", apart->fleet,
            other.on == up->on         ? ""
            : other.on == TR_APART_SSH ? ", by ssh"
                                       : ", in podman",
            apart->fleet);
    tr_apart_finish(&other);
    return same ? 0 : -EBUSY;
}

static int start(const tr_apart_up_t *up, tr_apart_t *apart, tr_fleet_t *fleet) {
    char root[PATH_MAX];
    tr_error_t error = {0};
    tr_state_t *state = NULL;
    int64_t begun_ms = tr_clock_ms();
    bool runs;
    int rc = check_other(up, apart, &runs, &error);
    if (rc == 0)
        rc = tr_state_root(up->state, root, &error);
    if (rc == 0)
        rc = tr_state_claim(root, fleet->name, &state, &error);
    if (rc < 0)
        return fail(up, &error);
    snprintf(apart->directory, sizeof apart->directory, "%s", tr_state_directory(state));
    if (!runs)
        tr_apart_forget(apart); /* who was attached to one that ended begins with no new one */
    rc = up->on == TR_APART_PODMAN ? choose_ports(apart, &error) : 0;
    if (rc == 0)
        rc = up->keys ? print_keys(up, apart, fleet, &error) : apply(up, apart, fleet, &error);
    tr_state_release(&state);
    if (rc < 0)
        return fail(up, &error);
    return up->keys ? TR_EXIT_OK : wait_ready(up, apart, begun_ms);
}

int tr_apart_up(const tr_apart_up_t *up) {
    tr_error_t error = {0};
    tr_fleet_t *fleet = NULL;
    tr_apart_t apart = {0};
    if (up->on == TR_APART_SSH)
        return tr_hosts_up(up);
    int rc = tr_fleet_load(up->path, &fleet, &error);
    if (rc == 0)
        rc = fill(up, fleet, &apart, &error);
    int code = rc < 0        ? tr_cli_fail(up->call, TR_EXIT_REFUSED, "%s", error.text)
               : up->dry_run ? dry_run(up, &apart, fleet)
                             : start(up, &apart, fleet);
    tr_fleet_destroy(&fleet);
    return code;
}
