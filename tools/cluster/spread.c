#include "tools/cluster/spread.h"

#include "lib/base/buffer.h"
#include "lib/yaml/yaml_json.h"
#include "proto/aid.h"
#include "tools/cluster/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define NODES_MOST 200000
#define ANYWHERE   SIZE_MAX

/* ---- hosts ---- */

static bool is_destination(const char *text) {
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@:/[]%";
    return isalnum((unsigned char)text[0]) && strspn(text, known) == strlen(text);
}

/* The host of a destination: without ssh://, user and port. */
static void address_of(const char *at, char out[256]) {
    bool url = strncmp(at, "ssh://", 6) == 0;
    const char *host = url ? at + 6 : at, *user = strrchr(host, '@');
    host = user ? user + 1 : host;
    size_t len = strcspn(host, "/");
    const char *colon = url ? memrchr(host, ':', len) : NULL;
    if (colon && !memchr(colon, ']', len - (size_t)(colon - host)))
        len = (size_t)(colon - host);
    snprintf(out, 256, "%.*s", (int)len, host);
}

int tr_spread_host(const char *text, tr_spread_host_t *ret_host, tr_error_t *error) {
    tr_spread_host_t host = {0};
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    if (len < sizeof host.at && (!equals || strlen(equals + 1) < sizeof host.address)) {
        memcpy(host.at, text, len);
        if (equals)
            strcpy(host.address, equals + 1);
        else
            address_of(host.at, host.address);
    }
    if (!is_destination(host.at) || !*host.address || strpbrk(host.address, " \t/@,;"))
        return tr_error_set(error, -EINVAL,
            "\"%.100s\" is no host: expected [USER@]HOST or ssh://[USER@]HOST:PORT, and =ADDRESS where other "
            "hosts reach it by another name",
            text);
    *ret_host = host;
    return 0;
}

/* ---- the file as JSON ---- */

static int print_root(yaml_document_t *document, tr_arena_t *arena, char **ret_text) {
    tr_yaml_json_t json = {.document = document, .nodes_left = NODES_MOST};
    int rc = tr_yaml_json_print(&json, yaml_document_get_root_node(document), arena);
    *ret_text = json.text;
    return rc;
}

static int whole_of(const tr_fleet_t *fleet, json_t **ret_whole, tr_error_t *error) {
    yaml_parser_t parser;
    yaml_document_t document;
    tr_arena_t arena;
    char *text = NULL;
    int rc = -EINVAL;
    tr_arena_init(&arena, 64u << 20);
    if (!yaml_parser_initialize(&parser))
        return tr_error_set(error, -ENOMEM, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)fleet->file.bytes, fleet->file.len);
    if (yaml_parser_load(&parser, &document)) {
        rc = print_root(&document, &arena, &text);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    *ret_whole = rc == 0 ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    tr_arena_finish(&arena);
    return *ret_whole
               ? 0
               : tr_error_set(error, rc < 0 ? rc : -ENOMEM, "%s: it cannot be taken apart", fleet->path);
}

/* ---- where ---- */

typedef struct spread {
    const tr_fleet_t *fleet;
    const tr_spread_host_t *hosts;
    size_t count;
    unsigned port;
    json_t *whole;
} spread_t;

static int find_host(
    const spread_t *s, const tr_placement_t *placement, int line, size_t *ret_host, tr_error_t *error) {
    const char *wish = NULL;
    char number[24], plain[256];
    for (size_t i = 0; i < placement->nodes.count; i++)
        if (strcmp(placement->nodes.items[i].key, "host") == 0)
            wish = placement->nodes.items[i].value;
    *ret_host = ANYWHERE;
    for (size_t i = 0; wish && i < s->count && *ret_host == ANYWHERE; i++) {
        snprintf(number, sizeof number, "%zu", i);
        address_of(s->hosts[i].at, plain);
        if (strcmp(wish, s->hosts[i].at) == 0 || strcmp(wish, s->hosts[i].address) == 0 ||
            strcmp(wish, number) == 0 || strcmp(wish, plain) == 0)
            *ret_host = i;
    }
    if (wish && *ret_host == ANYWHERE)
        return tr_error_set(error, -EINVAL,
            "%s:%d: placement.nodes.host: no host \"%.100s\" was given: expected one of those, or its number "
            "from 0",
            s->fleet->path, line, wish);
    return 0;
}

int64_t tr_spread_share(int64_t count, size_t i, size_t n) {
    return count / (int64_t)n + ((int64_t)i < count % (int64_t)n);
}

/* On all hosts, or on one: which. */
static int host_of(const spread_t *s, const tr_fleet_agent_t *a, size_t *ret_host, tr_error_t *error) {
    int rc = find_host(s, &a->placement, a->line, ret_host, error);
    bool spreads = a->processes == TR_FLEET_PER_AGENT && (a->count > 1 || a->autoscale.max);
    if (rc == 0 && *ret_host == ANYWHERE && !spreads)
        *ret_host = 0;
    return rc;
}

/* How many of an entry run on host i when it begins. */
static int64_t share_of(const spread_t *s, const tr_fleet_agent_t *a, size_t i, size_t host) {
    int64_t all = tr_fleet_begins(a);
    return host == ANYWHERE ? tr_spread_share(all, i, s->count) : host == i ? all : 0;
}

/* ---- what grows and shrinks: the coordinator says to all hosts how many they have ---- */

static bool scales(const spread_t *s, const tr_fleet_agent_t *a) {
    return s->count > 1 && a->autoscale.max;
}

static int find_coordinator(const spread_t *s, size_t *ret_host, tr_error_t *error) {
    const tr_fleet_daemon_t *c = &s->fleet->coordinator;
    int rc = find_host(s, &c->placement, c->line, ret_host, error);
    if (rc == 0 && *ret_host == ANYWHERE)
        *ret_host = 0;
    return rc;
}

/* The entry's rule, with the platforms where its agents are; NULL: out of memory. */
static json_t *rule_of(const spread_t *s, const tr_fleet_agent_t *a, size_t host) {
    tr_buffer_t text;
    const char *before = ":";
    tr_buffer_init(&text, 0);
    tr_fleet_scale_rule(a, &text);
    for (size_t i = 0; i < s->count; i++) {
        if (host != ANYWHERE && host != i)
            continue;
        tr_buffer_printf(&text, "%s%s-%zu", before, s->fleet->name, i);
        before = ",";
    }
    json_t *rule = text.failed ? NULL : json_string(tr_buffer_string(&text));
    tr_buffer_finish(&text);
    return rule;
}

/* All rules, to the coordinator, whose file this is. */
static int give_rules(const spread_t *s, json_t *one, json_t *file, tr_error_t *error) {
    const char *key = s->fleet->coordinator.kind->key;
    json_t *was = json_object_get(file, key), *options = json_object_get(was, "options");
    json_t *rules = json_array();
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < s->fleet->agent_list.count; k++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(s->fleet)[k];
        size_t host;
        if (scales(s, a) && (rc = host_of(s, a, &host, error)) == 0)
            json_array_append_new(rules, rule_of(s, a, host));
    }
    if (rc == 0 && json_array_size(rules)) {
        json_t *own = json_is_object(was) ? json_copy(was) : json_object();
        json_t *more = json_is_object(options) ? json_copy(options) : json_object();
        json_object_set(more, "autoscale", rules);
        json_object_set_new(own, "options", more);
        json_object_set_new(file, key, own);
        json_object_set_new(one, "scales", json_true());
    }
    json_decref(rules);
    return rc;
}

/* Whom the supervisor of host i obeys, and with how many it begins. */
static void put_scaler(
    const spread_t *s, const tr_fleet_agent_t *a, size_t scaler, int64_t count, json_t *entry) {
    json_t *own = json_copy(json_object_get(entry, "autoscale"));
    json_object_set_new(
        own, "by", json_sprintf("%s@%s-%zu", s->fleet->coordinator.name, s->fleet->name, scaler));
    json_object_set_new(own, "begin", json_integer(count));
    json_object_set_new(entry, "autoscale", own);
    json_object_set_new(entry, "count", json_integer(a->count));
}

/* ---- the file of a host ---- */

static int add_agents(const spread_t *s, size_t i, json_t *file, json_t *groups, tr_error_t *error) {
    json_t *list = json_array(), *entries = json_object_get(s->whole, "agents");
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < json_array_size(entries); k++) {
        const tr_fleet_agent_t *a = &tr_fleet_agents(s->fleet)[k];
        size_t host, scaler;
        rc = host_of(s, a, &host, error);
        if (rc == 0)
            rc = find_coordinator(s, &scaler, error);
        int64_t count = rc == 0 ? share_of(s, a, i, host) : 0;
        bool grows = rc == 0 && scales(s, a) && (host == ANYWHERE || host == i);
        if (count == 0 && !grows)
            continue;
        json_t *entry = json_copy(json_array_get(entries, k));
        if (grows)
            put_scaler(s, a, scaler, count, entry);
        else if (a->count > 1)
            json_object_set_new(entry, "count", json_integer(count));
        json_array_append_new(list, entry);
        json_object_set_new(groups, a->name, json_integer(count));
    }
    json_object_set_new(file, "agents", list);
    return rc;
}

/* ---- shards of the knowledge base ---- */

static size_t shards_of(const spread_t *s) {
    return (size_t)(s->fleet->knowledge.shards + s->fleet->knowledge.leaving);
}

/* One on each host, as far as there are shards: where there is a host for each, and the file does not say where they are. */
static bool is_shared_out(const spread_t *s, size_t host) {
    return host == ANYWHERE && shards_of(s) > 1 && shards_of(s) <= s->count;
}

/* "kb-1@office-0,kb-2@office-1:leaving": on another host each has another platform. */
static json_t *shard_names(const spread_t *s) {
    const tr_fleet_daemon_t *kb = &s->fleet->knowledge;
    tr_buffer_t text;
    tr_buffer_init(&text, 0);
    for (size_t i = 0; i < shards_of(s); i++)
        tr_buffer_printf(&text, "%s%s-%zu@%s-%zu%s", i ? "," : "", kb->name, i + 1, s->fleet->name, i,
            i < (size_t)kb->shards ? "" : ":leaving");
    json_t *names = text.failed ? NULL : json_string(tr_buffer_string(&text));
    tr_buffer_finish(&text);
    return names;
}

/* The knowledge base of host i is one shard, which is told where the others are. */
static void put_shard(const spread_t *s, size_t i, json_t *file) {
    const tr_fleet_daemon_t *kb = &s->fleet->knowledge;
    json_t *was = json_object_get(file, kb->kind->key), *options = json_object_get(was, "options");
    json_t *own = json_is_object(was) ? json_copy(was) : json_object();
    json_t *more = json_is_object(options) ? json_copy(options) : json_object();
    json_object_set_new(more, "shards", shard_names(s));
    json_object_set_new(own, "options", more);
    json_object_set_new(own, "name", json_sprintf("%s-%zu", kb->name, i + 1));
    json_object_del(own, "shards");
    json_object_del(own, "leaving");
    json_object_set_new(file, kb->kind->key, own);
}

/* Those that run on host i, as the agents that they are. */
static void name_shards(const spread_t *s, size_t i, size_t host, json_t *groups) {
    char name[TR_NAME_MAX + 24];
    bool shared = is_shared_out(s, host);
    for (size_t k = 0; k < shards_of(s); k++) {
        snprintf(name, sizeof name, "%s-%zu", s->fleet->knowledge.name, k + 1);
        if (!shared || k == i)
            json_object_set_new(groups, name, json_integer(1));
    }
}

static void take_shards(const spread_t *s, size_t i, size_t host, json_t *file, json_t *groups) {
    bool shared = is_shared_out(s, host);
    bool here = shared ? i < shards_of(s) : i == (host == ANYWHERE ? 0 : host);
    if (!here) {
        json_object_del(file, s->fleet->knowledge.kind->key);
        return;
    }
    if (shared)
        put_shard(s, i, file);
    name_shards(s, i, host, groups);
}

static int take_daemons(const spread_t *s, size_t i, json_t *file, json_t *groups, tr_error_t *error) {
    const tr_fleet_daemon_t *all[] = {
        &s->fleet->coordinator, &s->fleet->knowledge, &s->fleet->gateway, &s->fleet->exporter};
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < sizeof all / sizeof *all; k++) {
        size_t host;
        if (!all[k]->line)
            continue;
        rc = find_host(s, &all[k]->placement, all[k]->line, &host, error);
        if (rc == 0 && all[k] == &s->fleet->knowledge && shards_of(s) > 1)
            take_shards(s, i, host, file, groups);
        else if (rc == 0 && i != (host == ANYWHERE ? 0 : host))
            json_object_del(file, all[k]->kind->key);
        else
            json_object_set_new(groups, all[k]->name, json_integer(1));
    }
    return rc;
}

/* Linked with all others, by certificates; an open fleet's own links stay as they are, on loopback. */
static void link_broker(const spread_t *s, json_t *file) {
    json_t *broker = json_object_get(file, "broker");
    json_t *own = json_is_object(broker) ? json_copy(broker) : json_object();
    json_t *options = json_object_get(own, "options");
    json_t *more = json_is_object(options) ? json_copy(options) : json_object();
    if (s->count > 1) {
        char federation[48];
        snprintf(federation, sizeof federation, "tcp://0.0.0.0:%u", s->port);
        json_object_set_new(more, "federation", json_string(federation));
        json_object_set_new(more, "config", json_string(TR_SPREAD_CONFIG));
    }
    if (s->count > 1 && !s->fleet->secure) {
        json_object_set_new(more, "cert", json_string("certs/secret/" TR_FLEET_BROKER ".yaml"));
        json_object_set_new(more, "certs", json_string("certs"));
        json_object_set_new(more, "open-links", json_true());
    }
    json_object_set_new(own, "options", more);
    json_object_set_new(file, "broker", own);
}

static void name_servers(const spread_t *s, json_t *file) {
    json_t *state = json_object();
    if (s->fleet->servers.postgres)
        json_object_set_new(state, "postgres", json_string("./" TR_SPREAD_POSTGRES));
    if (s->fleet->servers.redis)
        json_object_set_new(state, "redis", json_string("./" TR_SPREAD_REDIS));
    if (json_object_size(state))
        json_object_set(file, "state", state);
    json_decref(state);
}

static json_t *peers_of(const spread_t *s, size_t i) {
    json_t *peers = json_array();
    for (size_t k = 0; k < s->count; k++)
        if (k != i)
            json_array_append_new(peers, json_sprintf(TR_SPREAD_PEER "%s-%zu@tcp://%s:%u", s->fleet->name, k,
                                             s->hosts[k].address, s->port));
    return peers;
}

static int spread_one(const spread_t *s, size_t i, json_t *list, tr_error_t *error) {
    json_t *file = json_copy(s->whole), *groups = json_object();
    json_t *name = json_sprintf("%s-%zu", s->fleet->name, i);
    json_object_set(file, "fleet", name);
    link_broker(s, file);
    name_servers(s, file);
    int rc = add_agents(s, i, file, groups, error);
    if (rc == 0)
        rc = take_daemons(s, i, file, groups, error);
    json_t *one = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "at", s->hosts[i].at, "address",
        s->hosts[i].address, "fleet", name, "groups", groups, "file", file, "peers", peers_of(s, i));
    if (rc == 0 && s->fleet->coordinator.line && json_object_get(file, s->fleet->coordinator.kind->key))
        rc = give_rules(s, one, file, error);
    if (rc == 0 && json_array_append_new(list, one) < 0)
        return tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0)
        json_decref(one);
    return rc;
}

/* ---- what cannot be ---- */

static bool has_option(const tr_fleet_t *f, const char *key) {
    for (size_t i = 0; i < f->broker.options.count; i++)
        if (strcmp(f->broker.options.items[i].key, key) == 0)
            return true;
    return false;
}

/* A file beside the fleet file is not beside the part's file on a host; one that says where it is from the root may be there. */
static int check_files(const tr_fleet_t *f, tr_error_t *error) {
    for (const tr_manifest_file_t *file = tr_manifest_files; file->daemon; file++) {
        bool gateway = strcmp(file->daemon, "gateway") == 0;
        const char *said = tr_manifest_file_said(f, file);
        if (said && *said != '/')
            return tr_error_set(error, -EINVAL,
                "%s:%d: %s.options.%s: \"%.200s\" does not go to the host with the fleet: put it there, and "
                "give "
                "its whole path, from /",
                f->path, gateway ? f->gateway.line : f->exporter.line, file->daemon, file->option, said);
    }
    return 0;
}

static int check_hosts(const spread_t *s, tr_error_t *error) {
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->hosts[i].at, s->hosts[k].at) == 0 ||
                strcmp(s->hosts[i].address, s->hosts[k].address) == 0)
                return tr_error_set(
                    error, -EINVAL, "the host \"%s\" was given twice: expected each once", s->hosts[i].at);
    return 0;
}

static int check_fleet(const spread_t *s, tr_error_t *error) {
    static const char *const ours[] = {
        "federation", "peer", "peers-dns", "config", "cert", "certs", "open-links"};
    const tr_fleet_t *f = s->fleet;
    if (strlen(f->name) > TR_PLATFORM_MAX - 4)
        return tr_error_set(
            error, -EINVAL, "%s: fleet: its name is too long for names with a number behind", f->path);
    if (f->supervisor_list.count && s->count > 1)
        return tr_error_set(error, -EINVAL,
            "%s: supervisors: they are of one machine, and the agents of several: expected none, or one host",
            f->path);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (s->count > 1 && has_option(f, ours[i]))
            return tr_error_set(error, -EINVAL,
                "%s: broker.options.%s: with several hosts `troupe up` says it: expected it left out",
                f->path, ours[i]);
    return tr_fleet_check_scaled(f, error);
}

int tr_spread(const tr_fleet_t *fleet, const tr_spread_host_t *hosts, size_t count, uint16_t port,
    json_t **ret_fleets, tr_error_t *error) {
    spread_t s = {.fleet = fleet, .hosts = hosts, .count = count, .port = port};
    json_t *list = json_array();
    int rc = check_hosts(&s, error);
    if (rc == 0)
        rc = check_fleet(&s, error);
    if (rc == 0)
        rc = check_files(fleet, error);
    if (rc == 0)
        rc = whole_of(fleet, &s.whole, error);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = spread_one(&s, i, list, error);
    json_decref(s.whole);
    if (rc < 0)
        json_decref(list);
    else
        *ret_fleets = list;
    return rc;
}
