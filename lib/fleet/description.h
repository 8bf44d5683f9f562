/*
 * One agent, as YAML (or JSON, which is YAML too) describes it: an entry of a fleet file's `agents`
 * (tools/fleet/fleet.h), or a file of its own for `troupe-agentd --agent`.
 *
 *   name: reader                 # required; with a count over 1 they are reader-1 .. reader-N
 *   behaviour: reader            # one of: a built-in behaviour, `load: ./my.so`, or
 *                                # `exec: {command: [python3, agent.py], mode: persistent, timeout: 30s}`
 *   count: 4                     # default 1, at most 1000000
 *   processes: per-agent         # or one: a single process hosts them all, and they are
 *                                # reader-0 .. reader-(N-1). One, in a file of its own
 *   services: [read]             # offered in the DF; default none. NAME=N: with N unfinished requests
 *                                # at once
 *   subscribe: [news.>]          # topics; default none
 *   publish: [digest.>]          # topics that it may publish on, and services that it may ask: they count in
 *   ask: [read]                  # a secure fleet, where it may do nothing else; default none
 *   durable: true                # whatever comes to it waits on the broker's disk until it is finished
 *   state: ./kept                # a directory: their state is kept there, and outlives their process; true = of the fleet's own, or ./state
 *   passive-after: 10m           # with state: who is idle for so long is freed until its next message; default never
 *   describe: {labels: {a: b}}   # what the DF tells of them beside their services
 *   protocol: check              # or enforce: their mailboxes are held to the interaction protocols; in a fleet file
 *   mind: built-in               # or a file of models, or a mapping (docs/minds.md); agentd says what is wrong with it
 *   tools: {knowledge: {}}       # what it can do beside talking, by name (docs/tools.md); agentd says what is wrong with it
 *   args: {key: value}           # handed to the behaviour as JSON; default {}
 *   restart: {policy: always, backoff: 200ms, max-backoff: 10s,
 *             intensity: 5, period: 30s}    # the defaults
 *   env: {NAME: value}           # added to the environment
 *   placement: {cpu: 250m}       # where it runs in a cluster, and autoscale: {max: 8}, how many of them: lib/fleet/placement.h; in a fleet file
 *
 * What is wrong is told with file, line, column and key, see lib/yaml/yaml_table.h, which also says how texts
 * that are not trusted are bounded.
 */
#ifndef TR_FLEET_DESCRIPTION_H
#define TR_FLEET_DESCRIPTION_H

#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/fleet/placement.h"
#include "lib/fleet/restart.h"
#include "lib/yaml/yaml_file.h"
#include "lib/yaml/yaml_table.h"

#include <stddef.h>
#include <stdint.h>

#define TR_FLEET_COUNT_MAX     1000000  /* agents of one entry */
#define TR_FLEET_PROCESSES_MAX 10000    /* agent processes in all */
#define TR_FLEET_BROKER        "broker" /* the broker's process is called so; no agent may be */
#define TR_FLEET_SUPERVISOR    "fleet"  /* the agent of the supervisor */

typedef enum tr_fleet_processes {
    TR_FLEET_PER_AGENT,
    TR_FLEET_ONE,
} tr_fleet_processes_t;

typedef enum tr_fleet_exec_mode {
    TR_FLEET_EXEC_PERSISTENT, /* the program lives as long as its agent */
    TR_FLEET_EXEC_ONCE,       /* one run of the program per message */
} tr_fleet_exec_mode_t;

extern const char *const tr_fleet_processes_words[];
extern const char *const tr_fleet_exec_mode_words[];
/* Of the AMS's mailbox-protocol. */
extern const char *const tr_fleet_protocol_words[];

typedef struct tr_fleet_exec {
    tr_texts_t command; /* count 0: not an exec agent */
    int mode;           /* tr_fleet_exec_mode_t */
    int64_t timeout_ms; /* for one message */
} tr_fleet_exec_t;

typedef struct tr_fleet_agent {
    const char *name;
    const char *behaviour; /* NULL with load and exec */
    const char *load;      /* NULL without; as written in the file */
    tr_fleet_exec_t exec;
    int64_t count;
    int processes; /* tr_fleet_processes_t */
    tr_texts_t services;
    tr_texts_t subscribe;
    tr_texts_t publish; /* rights in a secure fleet, as the next one */
    tr_texts_t ask;
    const char
        *cert; /* the secret part of its certificate; NULL = none. Not of the file: who starts it says */
    const struct tr_fleet_daemon *
        daemon; /* it is no agentd but a program of its own: a coordinator, a knowledge base; NULL. Not of the file either */
    bool durable;
    const char *state;    /* a directory, or "true"; NULL = none, as "false" is */
    int64_t passive_ms;   /* 0 = never */
    const char *describe; /* JSON object; NULL = nothing */
    int protocol;         /* index into tr_fleet_protocol_words */
    const char *mind;     /* JSON: an object, or a text; NULL = built-in */
    const char *tools;    /* JSON object; NULL = none */
    const char *args;     /* JSON object; NULL = {} */
    tr_restart_t restart;
    tr_pairs_t env;
    tr_placement_t placement;
    tr_autoscale_t autoscale;
    int line; /* in the file */
} tr_fleet_agent_t;

/* Whether the state of its agents is kept. */
bool tr_fleet_keeps_state(const tr_fleet_agent_t *agent);
/* How many of them there are when the fleet begins: `count`, or as many as `autoscale` wants at least. */
int64_t tr_fleet_begins(const tr_fleet_agent_t *agent);
/* What a coordinator is told of an entry that grows and shrinks (coordinator/scale/scaler.h). */
void tr_fleet_scale_rule(const tr_fleet_agent_t *agent, tr_buffer_t *out);
/* Whether its mind asks servers of models. */
bool tr_fleet_asks_models(const tr_fleet_agent_t *agent);
/* Whether the waits of a tr_restart_t fit each other: for tables. 0, or -EINVAL with what was expected. */
int tr_fleet_check_restart(void *restart, char *reason, size_t reason_size);
/* The table of an entry of `agents`: for tools/fleet/fleet.c. */
extern const tr_yaml_table_t tr_fleet_agent_table;

/* A file that describes one agent. */
typedef struct tr_description {
    tr_fleet_agent_t agent;
    tr_yaml_file_t file;
    tr_arena_t arena; /* owns all texts and lists */
} tr_description_t;

/* Reads and checks a file. 0; -EINVAL, -E2BIG (over 1 MiB), the errno of a file that cannot be read, -ENOMEM;
 * the error has the place and the cure. The caller destroys *ret_description. */
int tr_description_load(const char *path, tr_description_t **ret_description, tr_error_t *error);
/* The same from memory. `path` is what errors call it, and relative paths are relative to its directory. */
int tr_description_parse(
    const char *bytes, size_t len, const char *path, tr_description_t **ret_description, tr_error_t *error);
void tr_description_destroy(tr_description_t **self);

#endif
