/* The keys of a fleet on several hosts, and which of them a host gets: its own broker's, supervisor's and agents', and of other brokers the public
 * parts. They are made here, in DIRECTORY/hosts/NAME/certs, and stay, so that `up` again has the same. */
#ifndef TR_TOOLS_CLUSTER_HOSTS_KEYS_H
#define TR_TOOLS_CLUSTER_HOSTS_KEYS_H

#include "tools/cluster/apart.h"

/* Makes what is missing for one host; `file`: its fleet. */
int tr_hosts_keys_make(const tr_apart_t *self, const tr_fleet_t *file, tr_error_t *error);
/* After all were made: DIRECTORY/hosts/NAME/certs of each gets the public parts of the others' brokers. */
int tr_hosts_keys_exchange(const tr_apart_t *self, const json_t *spread, tr_error_t *error);
/* Into `files` (path -> text): what host NAME gets. Of a fleet that is not secure its broker's alone, and that only among several. */
int tr_hosts_keys_give(
    const tr_apart_t *self, const char *name, bool secure, json_t *files, tr_error_t *error);
/* DIRECTORY/hosts/NAME, and its certificates; out: PATH_MAX bytes. */
int tr_hosts_place(const tr_apart_t *self, const char *name, char *out, tr_error_t *error);
int tr_hosts_certs(const tr_apart_t *self, const char *name, char *out, tr_error_t *error);

#endif
