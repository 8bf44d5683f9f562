/*
 * Fleets that run apart from this process: on Kubernetes, in containers of this machine (podman), or on bare machines by ssh. What is known of one here is in its
 * state, ROOT/FLEET/ (tools/fleet/state.h):
 *
 *   apart.json     where it runs: {"fleet": ..., "on": "kubernetes", "context": ..., "namespace": ..., "image": ...}
 *   fleet.yaml     the file that it was made of
 *   attached/      files of what was attached later, a fleet each: NAME.yaml
 *   certs/         its certificates, the operator's among them
 *   tokens         of its gateway
 *   hosts/NAME/    of ssh: keys of each host's part
 *
 * One that runs here by `troupe up` alone has no apart.json.
 */
#ifndef TR_TOOLS_APART_H
#define TR_TOOLS_APART_H

#include "tools/cli/cli.h"
#include "tools/cluster/run.h"
#include "tools/fleet/fleet.h"
#include "tools/fleet/state.h"

#include <jansson.h>

/* Where what agents load or run is in the image. */
#define TR_APART_FOLDER "/usr/share/troupe/fleet"

typedef enum tr_apart_on {
    TR_APART_HERE, /* in no container: by the supervisor */
    TR_APART_KUBERNETES,
    TR_APART_PODMAN,
    TR_APART_SSH,
} tr_apart_on_t;

extern const char *const tr_apart_words[];

typedef struct tr_apart {
    tr_apart_on_t on;
    char fleet[TR_PLATFORM_MAX + 1];
    char context[256]; /* of kubectl; "": its own */
    char namespace[64];
    char image[512];
    uint16_t link, stream, http, web; /* of podman, on this machine */
    char ssh_config[PATH_MAX];        /* of ssh, as -F has it; "": the user's */
    char program[PATH_MAX];           /* of ssh: `troupe` on the hosts */
    char remote[PATH_MAX];            /* of ssh: --state there; "": what is usual there */
    json_t *hosts; /* of ssh: {"at", "address", "fleet", "groups", "endpoint", "stream"} each; NULL: none */
    char directory[PATH_MAX]; /* ROOT/FLEET */
} tr_apart_t;

/* The fleet of that name that runs apart; `fleet` NULL: the only one. -ENOENT, -EINVAL (several: the error lists them). The caller finishes it. */
int tr_apart_find(const char *state, const char *fleet, tr_apart_t *ret_apart, tr_error_t *error);
/* Whether there is one that runs apart, and none here that is meant. */
bool tr_apart_instead(const char *state, const char *fleet, tr_apart_t *ret_apart);
int tr_apart_save(const tr_apart_t *self, tr_error_t *error);
/* It runs no more, and nothing that was attached to it. */
void tr_apart_forget(const tr_apart_t *self);
void tr_apart_finish(tr_apart_t *self);

/* Begins a command line: kubectl with context and namespace, or podman. */
void tr_apart_program(const tr_apart_t *self, tr_run_t *run);
/* "app.kubernetes.io/instance=FLEET[,troupe.dev/group=GROUP]" into out. */
const char *tr_apart_labels(const tr_apart_t *self, const char *group, char out[512]);

/* The fleet's file. `group` NULL, or whoever was attached later: then that file. */
int tr_apart_load(const tr_apart_t *self, const char *group, tr_fleet_t **ret_fleet, tr_error_t *error);
/* Calls `one` with the name of each that was attached later, until it gives what is below 0. Gives that, or 0. */
int tr_apart_each_attached(const tr_apart_t *self,
    int (*one)(void *arg, const char *group, tr_error_t *error), void *arg, tr_error_t *error);
/* Forgets one of them. Whether there was one. */
bool tr_apart_unlink_attached(const tr_apart_t *self, const char *group);
/* podman: the secret part of a group's certificate ("broker": the broker's) as a file that its containers may read, and all public parts for the
 * broker. Elsewhere nothing. */
int tr_apart_hand_over(const tr_apart_t *self, const char *group, tr_error_t *error);
/* podman: the public parts alone. */
int tr_apart_hand_over_certs(const tr_apart_t *self, tr_error_t *error);
/* Applies objects (an array, borrowed). */
int tr_apart_apply(const tr_apart_t *self, const json_t *objects, tr_error_t *error);
/* Of the fleet, or of a group: how many pods there are to be, and how many serve. */
int tr_apart_ready(
    const tr_apart_t *self, const char *group, size_t *ret_ready, size_t *ret_all, tr_error_t *error);
/* Names of pods (podman) of the fleet, or of a group: an array of texts. */
int tr_apart_pods(const tr_apart_t *self, const char *group, json_t **ret_names, tr_error_t *error);

/* Where its broker can be reached from here until this process ends, and what to prove oneself with. out_endpoint: TR_STATE_ENDPOINT_MAX + 1
 * bytes, out_cert: PATH_MAX. */
int tr_apart_reach(const tr_apart_t *self, char *out_endpoint, char *out_cert, tr_error_t *error);

/* ---- the verbs, for such a fleet: exit codes ---- */

/* That of an error, or 0: 2 what cannot be reached or is not there, 4 what was late, 3 all else. */
tr_exit_t tr_apart_exit(int rc);

typedef struct tr_apart_up {
    const tr_call_t *call;
    const char *path, *state;
    tr_apart_on_t on;
    const char *context, *namespace, *image;
    const char *ssh_config, *program, *remote; /* of ssh; the first and the last may be NULL */
    const char *const *hosts;                  /* of ssh: DESTINATION[=ADDRESS] */
    size_t host_count;
    int64_t peers_port;
    bool plain;         /* of ssh: no units of systemd */
    bool dry_run, keys; /* keys: only what has keys in it, printed */
    int64_t timeout_ms;
} tr_apart_up_t;

int tr_apart_up(const tr_apart_up_t *up);
/* `kill`: of ssh, without waiting for messages in work; a host that cannot be reached is forgotten. */
int tr_apart_down(const tr_call_t *call, tr_apart_t *self, bool kill, bool purge, int64_t timeout_ms);
/* groups: name -> number. `wait`: until they serve. */
int tr_apart_scale(
    const tr_call_t *call, tr_apart_t *self, const json_t *groups, bool wait, int64_t timeout_ms);
/* `agent` is an object with the keys of an entry of `agents`; with "name" alone `count` more of a group. */
int tr_apart_attach(
    const tr_call_t *call, tr_apart_t *self, const json_t *agent, int64_t count, int64_t timeout_ms);
int tr_apart_detach(const tr_call_t *call, tr_apart_t *self, const char *name);
/* `group` NULL: all. */
int tr_apart_logs(
    const tr_call_t *call, const tr_apart_t *self, const char *group, int64_t lines, bool follow);

#endif
