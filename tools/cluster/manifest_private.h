/* What the files that make objects share. */
#ifndef TR_TOOLS_MANIFEST_PRIVATE_H
#define TR_TOOLS_MANIFEST_PRIVATE_H

#include "tools/cluster/manifest.h"
#include "tools/fleet/plan.h"

#define KEY_FOLDER      "/etc/troupe/key"
#define CERTS_FOLDER    "/etc/troupe/certs"
#define TOKENS_FOLDER   "/etc/troupe/tokens"
#define POSTGRES_FOLDER "/etc/troupe/postgres"
#define POSTGRES_FILE   TR_MANIFEST_POSTGRES
#define REDIS_FOLDER    "/etc/troupe/redis"
#define REDIS_FILE      TR_MANIFEST_REDIS
#define FILES_FOLDER    "/etc/troupe" /* of a daemon NAME: in FILES_FOLDER/NAME */
#define DATA_FOLDER     "/var/lib/troupe"
#define CONNECTION_MAX  4096u /* bytes of a connection string */
#define NAME_MOST       52    /* what Kubernetes adds to a pod's name still fits */

typedef struct tr_manifest {
    const tr_manifest_config_t *config;
    const tr_fleet_t *fleet;
    const char *namespace;
    const char *directory; /* of the fleet file, on this machine */
    tr_plan_t *plan;
    json_t *objects;
    bool failed; /* no memory */
} tr_manifest_t;

/* One workload: what its pods are made of. */
typedef struct tr_part {
    const char *component;         /* broker, agent, coordinator, knowledge, gateway */
    const char *name;              /* of the object */
    const char *cert;              /* of which it has the secret part */
    const tr_fleet_agent_t *agent; /* NULL: a broker */
    const tr_plan_process_t *process;
    const tr_placement_t *placement;
    const char *agent_name; /* as the process is told; NULL: as its command line says */
    const char *connect;    /* endpoint of its broker; NULL: a broker */
    json_t *ports;          /* containerPort ..., NULL; its reference is taken */
    bool keeps;             /* it has a volume */
    bool migrates;          /* it brings tables up to date, and ends: no broker, no keys, no probes */
    bool by_http;           /* probes by HTTP */
    int64_t replicas;
    int grace_s;
} tr_part_t;

/* Takes the reference; NULL is out of memory. */
void tr_manifest_put(tr_manifest_t *self, json_t *object);
json_t *tr_manifest_labels(const tr_manifest_t *self, const char *component, const char *group);
/* {"name": ..., "labels": ...} */
json_t *tr_manifest_metadata(
    const tr_manifest_t *self, const char *name, const char *component, const char *group);
/* The labels by which pods are found. */
json_t *tr_manifest_selector(const tr_manifest_t *self, const char *component, const char *group);
/* Where agents connect to: the broker of whoever must always find the same, or any of them. out: 256 bytes. */
const char *tr_manifest_endpoint(const tr_manifest_t *self, bool same, char out[256]);
json_t *tr_manifest_printed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* manifest_pod.c */
/* Whether the process keeps something in the fleet's database. */
bool tr_manifest_in_postgres(const tr_manifest_t *self, const tr_plan_process_t *process);
json_t *tr_manifest_template(tr_manifest_t *self, const tr_part_t *part);
void tr_manifest_pod(tr_manifest_t *self, const tr_part_t *part);
/* manifest_work.c */
/* Before the coordinators begin, though each is able to do the same: the tables of the fleet's database. */
void tr_manifest_migration(tr_manifest_t *self);
void tr_manifest_brokers(tr_manifest_t *self);
void tr_manifest_agent(tr_manifest_t *self, const tr_fleet_agent_t *agent);
/* Of a Service, to the container's port of that name. The protocol is said: what is applied by the server itself is found by it. */
json_t *tr_manifest_service_port(const char *name, int number);
/* The process of an agent's entry that the plan has first; NULL: the broker. */
const tr_plan_process_t *tr_manifest_process(const tr_manifest_t *self, const tr_fleet_agent_t *agent);
/* manifest_net.c */
void tr_manifest_policies(tr_manifest_t *self);
/* Of an agent alone. */
void tr_manifest_policies_of(tr_manifest_t *self, const tr_fleet_agent_t *agent);
void tr_manifest_gateway_ways(tr_manifest_t *self, const tr_fleet_agent_t *agent);
void tr_manifest_disruption(tr_manifest_t *self, const char *name, const char *component, const char *group);
void tr_manifest_scaler(tr_manifest_t *self, const tr_fleet_agent_t *agent, const char *kind);
/* manifest_keys.c */
int tr_manifest_certificates(tr_manifest_t *self, tr_error_t *error);
int tr_manifest_secrets(tr_manifest_t *self, const char *group, tr_error_t *error);
/* manifest_files.c */
/* What an argument of a daemon's command is in a container, where it names such a file; NULL: it does not. */
json_t *tr_manifest_file_argument(const char *daemon, const char *argument);
/* Whether a daemon has one of those files. */
bool tr_manifest_has_files(const tr_fleet_t *fleet, const char *daemon);

#endif
