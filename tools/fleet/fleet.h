/*
 * A fleet: which agents run, how many and how, as a YAML file. docs/fleet.schema.json is its JSON schema.
 *
 *   fleet: digest                # required. Names the platform: 1..63 of A-Z a-z 0-9 . _ -, first a letter
 *                                # or digit
 *   broker:                      # optional, as is each key in it
 *     listen: tcp://127.0.0.1:0  # where links connect; port 0 = the kernel's choice; or ipc://PATH
 *     stream: tcp://127.0.0.1:0  # where the topic stream is
 *     http: 127.0.0.1:0          # where /metrics and /healthz are
 *     journal: true              # durable messages: true = in the fleet's state directory, a directory, or
 *                                # postgres; default false
 *     options: {lease: 5s}       # any option of troupe-broker by its name; a list for one that may be repeated
 *     placement: {replicas: 3}   # in a cluster (lib/fleet/placement.h), as of each of the daemons below
 *   coordinator:                 # a coordinator (docs/tasks.md) belongs to the fleet; {} is one with all as it usually is
 *     name: coordinator          # of its agent
 *     data: tasks                # where it keeps tasks and decisions; default: in the fleet's state directory
 *     options: {tries: 5}        # any option of troupe-coordinator by its name
 *   knowledge: {}                # a knowledge base (docs/knowledge.md), with the same keys: name (kb), data, options of troupe-kbd; shards: 3 makes three,
 *                                # and leaving: 1 a fourth, which gives away what it has
 *   gateway: {}                  # the fleet over HTTP (docs/gateway.md): name (gateway), options of troupe-gateway
 *   state: {postgres: ./pg, redis: ./redis}   # files with a connection string each: tasks (and `journal: postgres`, `state: postgres` of agents)
 *                                # are in that database; budgets, rates and answers of models are shared by that Redis server
 *   exporter: {options: {otlp: "http://127.0.0.1:4318"}}   # traces and the logs of this fleet go where the options of troupe-exporter say
 *   secure: true                 # the broker speaks CURVE and lets in only those who have a certificate of this
 *                                # fleet (tools/fleet/fleet_certs.h); default false
 *   metrics: true                # each process has a port for Prometheus; the files of STATE/metrics say where; default false
 *   trace-one-in: 100            # of the messages that agents send of themselves, one in 100 begins a trace; default 0, none
 *   agents:                      # required, may be empty: agents attach later
 *     - {name: reader, behaviour: reader, ...}    # what an agent is: lib/fleet/description.h. With a count
 *                                # over 1 they are reader-1 .. reader-N, each a process (in all at most 10000)
 *   supervisors:                 # optional: who is started again with whom; tools/fleet/fleet_supervisors.h
 *     - {name: pipeline, strategy: rest-for-one, children: [reader, editor]}
 *
 * Relative paths (load, journal, ipc://) and the working directory of agents are those of the fleet file.
 *
 * Names must be unique, also those that a count makes, and not ams, df, broker or fleet. What is wrong is
 * told with file, line, column and key, see lib/yaml/yaml_table.h, which also says how texts that are not
 * trusted are bounded.
 */
#ifndef TR_TOOLS_FLEET_H
#define TR_TOOLS_FLEET_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/fleet/description.h"

#include <stddef.h>
#include <stdint.h>

#define TR_FLEET_AGENTS_MAX 10000 /* entries of `agents` */

typedef struct tr_fleet_broker {
    const char *listen;
    const char *stream;
    const char *http;
    const char *journal; /* as in the file; NULL = none: see tr_fleet_journal */
    tr_pairs_t options;
    tr_placement_t placement;
} tr_fleet_broker_t;

/* A program of its own that is one agent and keeps something on the disk (lib/resident). All constant. */
typedef struct tr_fleet_daemon_kind {
    const char *key;     /* in the file */
    const char *room;    /* its folder in a build tree */
    const char *program; /* "troupe-coordinator" */
    const char *place;   /* where its data are, within the fleet's state; NULL: it has none */
    tr_texts_t services, publish, subscribe, verbs; /* its rights in a secure fleet */
    bool operates;                                  /* besides, those of an operator */
    bool follows_logs;                              /* it gets the directory of the fleet's logs */
} tr_fleet_daemon_kind_t;

typedef struct tr_fleet_daemon {
    const tr_fleet_daemon_kind_t *kind;
    const char *name;
    const char *data; /* as in the file; NULL: within the state */
    tr_pairs_t options;
    tr_placement_t placement;
    int64_t shards;        /* that share the documents: each is a daemon, NAME-1, NAME-2 ...; 1 = it is one */
    int64_t leaving;       /* so many more, with the numbers behind theirs, that give away what they have */
    int64_t replicas;      /* shards that have each document: 1 or 2 */
    const char *all_names; /* of the shards, with commas; NULL: it is one */
    int line;              /* in the file; 0: there is none */
} tr_fleet_daemon_t;

#define TR_FLEET_SHARDS_MAX 64

/* Servers that keep what the fleet's processes share: files that their owner alone may read, absolute paths from here on. */
typedef struct tr_fleet_servers {
    const char *postgres, *redis; /* NULL: none */
} tr_fleet_servers_t;

typedef struct tr_fleet {
    const char *name;
    tr_fleet_broker_t broker;
    tr_fleet_servers_t servers; /* `state` in the file */
    tr_fleet_daemon_t coordinator, knowledge, gateway,
        exporter; /* are the last of the agents, where there are any */
    bool secure;
    bool metrics;         /* each process has a port for Prometheus, which STATE/metrics/NAME.json tells */
    int64_t trace_one_in; /* of the messages that agents send of themselves; 0 = none */
    tr_yaml_list_t agent_list; /* of tr_fleet_agent_t; see tr_fleet_agents */
    const struct tr_fleet
        *whole; /* that this is a part of, borrowed: its broker and some agents; NULL: it is whole */
    tr_yaml_list_t supervisor_list; /* of tr_fleet_supervisor_t; see tools/fleet/fleet_supervisors.h */
    tr_yaml_file_t file;
    const char *path;      /* of the file, as given */
    const char *directory; /* absolute, of the file */
    const char *state;     /* where its state is, absolute; NULL until somebody says it */
    tr_arena_t arena;      /* owns all texts and lists */
} tr_fleet_t;

static inline const tr_fleet_agent_t *tr_fleet_agents(const tr_fleet_t *self) {
    return self->agent_list.items;
}

/* Reads and checks a file. 0; -EINVAL, -E2BIG (over 1 MiB), the errno of a file that cannot be read, -ENOMEM;
 * the error has the place and the cure. The caller destroys *ret_fleet. */
int tr_fleet_load(const char *path, tr_fleet_t **ret_fleet, tr_error_t *error);
/* The same from memory. `path` is what errors call it, and relative paths are relative to its directory. */
int tr_fleet_parse(
    const char *bytes, size_t len, const char *path, tr_fleet_t **ret_fleet, tr_error_t *error);
void tr_fleet_destroy(tr_fleet_t **self);
/* Whether somebody sees to `autoscale` where no cluster does: -EINVAL with the place where an entry has it, and the fleet no coordinator. */
int tr_fleet_check_scaled(const tr_fleet_t *self, tr_error_t *error);

/* What processes whose minds ask models have in their environment, where the fleet names a Redis server (docs/models.md). */
#define TR_FLEET_REDIS_ENV "TROUPE_REDIS_FILE"

/* What names a file in its state that those of its processes share who ask models on one machine (docs/models.md). */
#define TR_FLEET_MODELS_ENV "TROUPE_MODELS_FILE"
#define TR_FLEET_MODELS     "models"

/* Where its broker's journal is: an absolute path, "postgres", or "" without one. 0 or -ENAMETOOLONG. */
int tr_fleet_journal(const tr_fleet_t *self, char *out, size_t size);
/* Where a daemon keeps its data: an absolute path. 0 or -ENAMETOOLONG. */
int tr_fleet_daemon_data(const tr_fleet_t *self, const tr_fleet_daemon_t *daemon, char *out, size_t size);
/* The directory of a journal within a fleet's state. */
#define TR_FLEET_JOURNAL "journal"

/* Whether a text can name a fleet: a platform's name that is also a safe name for a directory. */
bool tr_fleet_name_valid(const char *name, size_t len);

/* The table that describes the file: for checks of the schema. */
const tr_yaml_table_t *tr_fleet_table(void);

#endif
