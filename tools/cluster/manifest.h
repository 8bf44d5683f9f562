/*
 * A fleet as objects of Kubernetes: one for each thing that a cluster must know, made of the fleet file. The kustomize base in k8s/base is
 * what this makes of k8s/fleet.yaml, and the chart k8s/helm/troupe makes the same; tests/90-cluster compares them.
 *
 *   brokers       StatefulSet FLEET: a pod's name is its platform's name; journal on its volume; peers by the headless service FLEET
 *   agents        Deployment GROUP, each pod an agent that has the pod's name; what is kept by name (durable, state), and one agent alone,
 *                 has the name of the file: a StatefulSet, a Deployment of one
 *   daemons       coordinator and knowledge base as StatefulSets of one, the gateway as a Deployment with Service and Ingress
 *
 * They are for a namespace of the fleet's own, with pods that the "restricted" security standard takes. Nothing may talk but what must.
 * For podman (kube play) there is a pod for each process, and of all else what it knows: volumes, ConfigMaps and Secrets.
 *
 * In a container the fleet file's folder is TR_MANIFEST_FOLDER: what agents load or run is to be in the image, there.
 *
 * Pure but for the certificates, which are read where CERTS says.
 */
#ifndef TR_TOOLS_MANIFEST_H
#define TR_TOOLS_MANIFEST_H

#include "tools/cluster/apart.h"
#include "tools/fleet/fleet.h"

#include <jansson.h>

#define TR_MANIFEST_FOLDER TR_APART_FOLDER
#define TR_MANIFEST_LABEL  "app.kubernetes.io/instance" /* of each object: the fleet's name */
#define TR_MANIFEST_KEYS   "keys" /* within a state: secret parts as containers of this machine read them */
/* In the Secrets FLEET-postgres and FLEET-redis, and, for podman, in the same folder of keys. */
#define TR_MANIFEST_POSTGRES "conninfo"
#define TR_MANIFEST_REDIS    "url"
#define TR_MANIFEST_USER     10001 /* of the image */
#define TR_MANIFEST_LINK     5570
#define TR_MANIFEST_STREAM   5571
#define TR_MANIFEST_HTTP     5572
#define TR_MANIFEST_PEERS    5573
#define TR_MANIFEST_WEB      8080

typedef struct tr_manifest_config {
    tr_fleet_t *fleet; /* borrowed; from now on secure, its state and folder those of a container */
    const char *image;
    const char *namespace; /* NULL: the fleet's name, and the namespace is among the objects */
    const char *
        state; /* directory of the certificates (tools/fleet/fleet_certs.h) and tokens; NULL: what has keys in it, ConfigMap and Secrets, is left out */
    bool podman;
    uint16_t link, stream, http, web; /* of podman: the ports on this machine */
} tr_manifest_config_t;

/* An array of objects, in the order in which they are to be applied. -EINVAL: the fleet cannot run there as it is, with the place in the
 * file and the cure; -ENOMEM, or what reading a certificate said. */
int tr_manifest_make(const tr_manifest_config_t *config, json_t **ret_objects, tr_error_t *error);
/* The objects of one group alone, for a fleet that runs: NULL where there is none of that name. */
int tr_manifest_group(
    const tr_manifest_config_t *config, const char *group, json_t **ret_objects, tr_error_t *error);

/* An option of a daemon whose file goes with it into its containers, in the Secret FLEET-DAEMON; for podman as DAEMON-OPTION in the folder of keys. */
typedef struct tr_manifest_file {
    const char *daemon, *option;
    bool open; /* nothing in it is secret */
} tr_manifest_file_t;
/* Ended by one without a daemon. */
extern const tr_manifest_file_t tr_manifest_files[];
/* What the fleet file says of it; NULL: nothing. */
const char *tr_manifest_file_said(const tr_fleet_t *fleet, const tr_manifest_file_t *file);
/* The path of such a file, as the fleet file says it, seen from `directory`. False: it says none; -ENAMETOOLONG goes to the error. */
bool tr_manifest_file(const tr_fleet_t *fleet, const char *directory, const tr_manifest_file_t *file,
    char out[PATH_MAX], tr_error_t *error);
/* Of a file with a secret, which is to be brought elsewhere: -EACCES with the cure where others may read it. One that is missing is for its reader to tell. */
int tr_manifest_check_secret(const char *path, tr_error_t *error);

/* Of a fleet whose keys were changed (`state` is needed): an array of the ConfigMap with the public parts, and one of the Secrets of its groups. */
int tr_manifest_rotated(
    const tr_manifest_config_t *config, json_t **ret_public, json_t **ret_secret, tr_error_t *error);

/* Whether a name can be an object's: a label of DNS. */
bool tr_manifest_name_valid(const char *name);

#endif
