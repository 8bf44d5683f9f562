/* `troupe up --on ssh`: the fleet taken apart, keys made, and each host asked to begin its part. */
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "tools/cli/output_yaml.h"
#include "tools/cluster/host.h"
#include "tools/cluster/hosts.h"
#include "tools/cluster/hosts_keys.h"
#include "tools/cluster/manifest.h"
#include "tools/cluster/spread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTION_MOST 4096u

/* One start. */
typedef struct start {
    const tr_apart_up_t *up;
    tr_apart_t apart;
    tr_fleet_t *fleet;
    json_t *spread; /* of tr_spread */
} start_t;

static void say(const start_t *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const start_t *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("troupe up: ", s->up->call->err);
    vfprintf(s->up->call->err, format, args);
    va_end(args);
    fputc('\n', s->up->call->err);
    fflush(s->up->call->err);
}

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* ---- what a host gets ---- */

/* A file that holds a connection string. */
static int give_connection(json_t *files, const char *from, const char *as, tr_error_t *error) {
    char *bytes = NULL;
    size_t len = 0;
    int rc = tr_manifest_check_secret(from, error);
    if (rc == 0)
        rc = tr_file_read(from, "connection string", CONNECTION_MOST, &bytes, &len, error);
    if (rc == 0)
        json_object_set_new(files, as, json_stringn(bytes, len));
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
    return rc;
}

static bool keeps_in_postgres(const tr_fleet_t *f) {
    for (size_t i = 0; i < f->agent_list.count; i++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(f)[i];
        if ((a->state && strcmp(a->state, "postgres") == 0) || a->daemon == &f->coordinator)
            return true;
    }
    return f->broker.journal && strcmp(f->broker.journal, "postgres") == 0;
}

static bool asks_models(const tr_fleet_t *f) {
    for (size_t i = 0; i < f->agent_list.count; i++)
        if (tr_fleet_asks_models(&tr_fleet_agents(f)[i]))
            return true;
    return false;
}

/* Those that its processes use; of the others it has no name. `part`: the fleet of this host. */
static int give_servers(
    const start_t *s, const tr_fleet_t *part, json_t *one, json_t *files, tr_error_t *error) {
    const tr_fleet_servers_t *servers = &s->fleet->servers;
    json_t *state = json_object_get(json_object_get(one, "file"), "state");
    int rc = 0;
    if (servers->postgres && keeps_in_postgres(part))
        rc = give_connection(files, servers->postgres, TR_SPREAD_POSTGRES, error);
    else
        json_object_del(state, "postgres");
    if (rc == 0 && servers->redis && asks_models(part))
        rc = give_connection(files, servers->redis, TR_SPREAD_REDIS, error);
    else
        json_object_del(state, "redis");
    return rc;
}

static json_t *dumped(const json_t *value) {
    char *text = json_dumps(value, JSON_INDENT(1));
    json_t *string = text ? json_string(text) : NULL;
    free(text);
    return string;
}

static int parse_part(const json_t *one, tr_fleet_t **ret_part, tr_error_t *error) {
    char *text = json_dumps(json_object_get(one, "file"), 0);
    int rc = text ? tr_fleet_parse(text, strlen(text), text_of(one, "at"), ret_part, error)
                  : tr_error_set(error, -ENOMEM, "out of memory");
    free(text);
    return rc;
}

/* All but the keys. */
static int files_of(const start_t *s, json_t *one, json_t *files, tr_error_t *error) {
    tr_fleet_t *part = NULL;
    json_t *peers = json_object_get(one, "peers");
    int rc = parse_part(one, &part, error);
    if (rc == 0)
        rc = give_servers(s, part, one, files, error);
    tr_fleet_destroy(&part);
    if (rc < 0)
        return rc;
    json_object_set_new(files, "fleet.yaml", dumped(json_object_get(one, "file")));
    if (json_array_size(peers)) {
        json_t *config = json_pack("{s:O}", "peer", peers);
        json_object_set_new(files, TR_SPREAD_CONFIG, dumped(config));
        json_decref(config);
    }
    return 0;
}

static bool has_keys(const start_t *s) {
    return s->fleet->secure || json_array_size(s->spread) > 1;
}

/* ---- dry run ---- */

static int print_one(const start_t *s, json_t *one, tr_error_t *error) {
    json_t *files = json_object(), *names = json_array();
    const char *name;
    json_t *text;
    int rc = files_of(s, one, files, error);
    json_object_foreach(files, name, text) json_array_append_new(names, json_string(name));
    if (has_keys(s))
        json_array_append_new(names, json_string("certs/ (made by `troupe up`)"));
    json_t *shown = json_pack("{s:O, s:O, s:s, s:O, s:O}", "host", json_object_get(one, "at"), "address",
        json_object_get(one, "address"), "runs", "troupe host", "files", names, "fleet",
        json_object_get(one, "file"));
    if (rc == 0 && tr_output_yaml(shown, true, s->up->call->out) < 0)
        rc = tr_error_set(error, -EIO, "the result could not be written");
    json_decref(shown);
    json_decref(names);
    json_decref(files);
    return rc;
}

static int dry_run(const start_t *s, tr_error_t *error) {
    size_t i;
    json_t *one;
    int rc = 0;
    json_array_foreach(s->spread, i, one) if (rc == 0) rc = print_one(s, one, error);
    if (rc == 0 && fflush(s->up->call->out) != 0)
        rc = tr_error_set(error, -EIO, "the result could not be written");
    return rc;
}

/* ---- beginning ---- */

static int make_keys(const start_t *s, tr_error_t *error) {
    size_t i;
    json_t *one;
    int rc = 0;
    json_array_foreach(s->spread, i, one) {
        tr_fleet_t *part = NULL;
        rc = rc == 0 ? parse_part(one, &part, error) : rc;
        if (rc == 0)
            rc = tr_hosts_keys_make(&s->apart, part, error);
        tr_fleet_destroy(&part);
    }
    return rc == 0 ? tr_hosts_keys_exchange(&s->apart, s->spread, error) : rc;
}

static int request_of(const start_t *s, json_t *one, char **ret_request, tr_error_t *error) {
    json_t *files = json_object();
    int rc = files_of(s, one, files, error);
    if (rc == 0 && has_keys(s))
        rc = tr_hosts_keys_give(&s->apart, text_of(one, "fleet"), s->fleet->secure, files, error);
    json_t *request =
        json_pack("{s:s, s:O, s:o, s:I, s:b}", "action", "begin", "fleet", json_object_get(one, "fleet"),
            "files", files, "timeout", (json_int_t)s->up->timeout_ms, "plain", s->up->plain);
    *ret_request = rc == 0 ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    return rc == 0 && !*ret_request ? tr_error_set(error, -ENOMEM, "out of memory") : rc;
}

static int take_answer(const start_t *s, json_t *host, const char *text, tr_error_t *error) {
    json_t *answer = json_loads(text, 0, NULL);
    const char *by = text_of(answer, "by"), *why = text_of(answer, "why");
    int rc = 0;
    if (!by || !text_of(answer, "endpoint"))
        rc = tr_error_set(error, -EPROTO,
            "%s: `troupe host` did not answer with JSON: is it of this version?", text_of(host, "at"));
    else
        say(s, "%s: %s is ready, by %s%s%s%s", text_of(host, "at"), text_of(host, "fleet"), by,
            why && *why ? " (" : "", why ? why : "", why && *why ? ")" : "");
    if (rc == 0) {
        json_object_set(host, "endpoint", json_object_get(answer, "endpoint"));
        json_object_set(host, "stream", json_object_get(answer, "stream"));
    }
    json_decref(answer);
    return rc;
}

static int begin_one(start_t *s, json_t *one, json_t *host, tr_error_t *error) {
    tr_ssh_t ssh = tr_hosts_ssh(&s->apart);
    const char *const words[] = {"host", *s->apart.remote ? "--state" : NULL, s->apart.remote, NULL};
    char *request = NULL, *answer = NULL;
    int rc = request_of(s, one, &request, error);
    if (rc == 0)
        rc = tr_ssh_troupe(&ssh, text_of(one, "at"), words, request, &answer, error);
    if (rc == 0)
        rc = take_answer(s, host, answer, error);
    if (request)
        explicit_bzero(request, strlen(request));
    free(request);
    free(answer);
    return rc;
}

/* What is known of each from now on. */
static void note_hosts(start_t *s) {
    size_t i;
    json_t *one;
    s->apart.hosts = json_array();
    json_array_foreach(s->spread, i, one) json_array_append_new(
        s->apart.hosts, json_pack("{s:O, s:O, s:O, s:O, s:b}", "at", json_object_get(one, "at"), "address",
                            json_object_get(one, "address"), "fleet", json_object_get(one, "fleet"), "groups",
                            json_object_get(one, "groups"), "secure", s->fleet->secure));
}

static int begin(start_t *s, tr_error_t *error) {
    size_t i;
    json_t *one;
    int64_t begun_ms = tr_clock_ms();
    int rc = has_keys(s) ? make_keys(s, error) : 0;
    note_hosts(s);
    if (rc == 0)
        rc = tr_apart_save(&s->apart, error); /* before anything runs: `down` finds it */
    json_array_foreach(s->spread, i, one) if (rc == 0) rc =
        begin_one(s, one, json_array_get(s->apart.hosts, i), error);
    if (rc == 0)
        rc = tr_apart_save(&s->apart, error);
    if (rc == 0)
        say(s, "%zu host(s) ready in %.1f s", json_array_size(s->spread),
            (double)(tr_clock_ms() - begun_ms) / 1000);
    return rc;
}

/* ---- the whole ---- */

static int spread_fleet(start_t *s, tr_error_t *error) {
    tr_spread_host_t *hosts = calloc(s->up->host_count, sizeof *hosts);
    int rc = hosts ? 0 : tr_error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < s->up->host_count; i++)
        rc = tr_spread_host(s->up->hosts[i], &hosts[i], error);
    if (rc == 0)
        rc = tr_spread(s->fleet, hosts, s->up->host_count, (uint16_t)s->up->peers_port, &s->spread, error);
    free(hosts);
    return rc;
}

static int fill(start_t *s, tr_error_t *error) {
    tr_apart_t *a = &s->apart;
    const tr_apart_up_t *up = s->up;
    a->on = TR_APART_SSH;
    strcpy(a->fleet, s->fleet->name);
    const struct {
        char *to;
        const char *from;
    } texts[] = {{a->ssh_config, up->ssh_config}, {a->program, up->program}, {a->remote, up->remote}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (snprintf(texts[i].to, PATH_MAX, "%s", texts[i].from ? texts[i].from : "") >= PATH_MAX)
            return tr_error_set(error, -ENAMETOOLONG, "a path is too long");
    return 0;
}

static int check_ssh(tr_error_t *error) {
    tr_run_t run = {0};
    tr_run_add_all(&run, (const char *const[]){"ssh", "-V", NULL});
    return tr_run(&run, NULL, NULL, error);
}

static int start(start_t *s, tr_error_t *error) {
    char root[PATH_MAX];
    tr_state_t *state = NULL;
    tr_apart_t other = {0};
    if (tr_apart_find(s->up->state, s->fleet->name, &other, NULL) == 0) {
        tr_apart_finish(&other);
        return tr_error_set(error, -EBUSY, "the fleet %s runs already: `troupe down %s` ends it",
            s->fleet->name, s->fleet->name);
    }
    int rc = check_ssh(error);
    if (rc == 0)
        rc = tr_state_root(s->up->state, root, error);
    if (rc == 0)
        rc = tr_state_claim(root, s->fleet->name, &state, error);
    if (rc < 0)
        return rc;
    snprintf(s->apart.directory, sizeof s->apart.directory, "%s", tr_state_directory(state));
    rc = begin(s, error);
    if (rc < 0 && s->apart.hosts)
        say(s, "what has begun goes on: `troupe down %s` ends it", s->fleet->name);
    tr_state_release(&state);
    return rc;
}

int tr_hosts_up(const tr_apart_up_t *up) {
    start_t s = {.up = up};
    tr_error_t error = {0};
    int rc = tr_fleet_load(up->path, &s.fleet, &error);
    if (rc == 0)
        rc = fill(&s, &error);
    if (rc == 0)
        rc = spread_fleet(&s, &error);
    if (rc == 0)
        rc = up->dry_run ? dry_run(&s, &error) : start(&s, &error);
    json_decref(s.spread);
    tr_apart_finish(&s.apart);
    tr_fleet_destroy(&s.fleet);
    if (rc < 0)
        return tr_cli_fail(up->call, tr_apart_exit(rc), "%s", error.text);
    return TR_EXIT_OK;
}
