/*
 * The certificates of a secure fleet, in STATE/certs (lib/cert/cert_file.h says how such a directory is laid
 * out): who its broker, its supervisor and its user are, and one for each group of agents, with the rights that
 * the group's settings name and no others.
 *
 *   broker         proves that it is the broker
 *   fleet          the supervisor, which is an agent of that name
 *   operator       the user's own commands, which find it in the fleet's state
 *   agent.GROUP    registers GROUP and GROUP-*, offers its services, asks what `ask` says, gets the topics of
 *                  `subscribe`, publishes on those of `publish`; tells the DF of itself
 *
 * Keys stay as long as the files do, also over `down` and `up`; what a group may do is written anew each time. A
 * certificate that was revoked stays revoked.
 */
#ifndef TR_TOOLS_FLEET_CERTS_H
#define TR_TOOLS_FLEET_CERTS_H

#include "tools/fleet/fleet.h"

#define TR_FLEET_CERTS    "certs" /* the directory within a fleet's state */
#define TR_FLEET_OPERATOR "operator"

/* Makes or renews all, and takes away those of groups that the fleet has no more. Negative errno with a
 * text. */
int tr_fleet_certs_make(const char *state, const tr_fleet_t *fleet, tr_error_t *error);
/* The same of a fleet in a cluster, whose brokers are platforms of the names PLATFORM-0 and so on. Where the fleet is not secure, certificates
 * only keep others out: each group may do what it may do on one machine, which is everything. */
int tr_fleet_certs_make_apart(
    const char *state, const tr_fleet_t *fleet, const char *platform, tr_error_t *error);
/* The same of one group of it. */
int tr_fleet_certs_group_apart(
    const char *state, const tr_fleet_agent_t *agent, bool secure, tr_error_t *error);
/* The same of a group that was attached. */
int tr_fleet_certs_group(const char *state, const tr_fleet_agent_t *agent, tr_error_t *error);

/* Each group that has a certificate there with its secret part, which one that was taken back has not; ends with the first negative result, which it returns. */
int tr_fleet_certs_each(const char *state, int (*one)(void *arg, const char *group, tr_error_t *error),
    void *arg, tr_error_t *error);

/* STATE/certs, and the secret part of one in it; out: PATH_MAX bytes. */
int tr_fleet_certs_directory(const char *state, char *out, tr_error_t *error);
int tr_fleet_certs_secret(const char *state, const char *name, char *out, tr_error_t *error);
/* The same of a group. */
int tr_fleet_certs_secret_of(const char *state, const char *group, char *out, tr_error_t *error);

#endif
