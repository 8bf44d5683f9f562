#include "lib/cert/role.h"

#include "proto/aid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const tr_role_words[] = {"agent", "operator", "watcher", "broker", NULL};

#define ITEMS_MAX 16

/* Agents of the `troupe` command are called cli-PID-RANDOM. */
typedef struct preset {
    const char *names[ITEMS_MAX], *publish[ITEMS_MAX], *subscribe[ITEMS_MAX], *offer[ITEMS_MAX],
        *ask[ITEMS_MAX], *verbs[ITEMS_MAX];
    bool own_name;     /* of agents */
    bool own_platform; /* the name is also that of the platform */
} preset_t;

static const preset_t presets[TR_ROLES] = {
    [TR_ROLE_AGENT] = {.own_name = true,
        .verbs = {"ams.get-description", "ams.search", "ams.modify", "ams.spans", "df.register", "df.modify",
            "df.deregister", "df.search"}},
    [TR_ROLE_OPERATOR] = {.names = {"cli-*"},
        .publish = {">"},
        .subscribe = {">", "$sys.>", "$tap.>"},
        .ask = {"*"},
        .verbs = {"ams.*", "df.*", "fleet.*"}},
    [TR_ROLE_WATCHER] = {.names = {"cli-*"},
        .subscribe = {">", "$sys.>"},
        .verbs = {"ams.get-description", "ams.search", "ams.services", "ams.stats", "ams.topics", "ams.trace",
            "ams.traces", "ams.spending", "ams.journal", "ams.mailboxes", "ams.dead-letters", "ams.streams",
            "ams.quarantine-list", "ams.why", "df.search", "fleet.status"}},
    [TR_ROLE_BROKER] = {.own_platform = true,
        .publish = {">", "$sys.spans"},
        .subscribe = {">", "$sys.spans"},
        .offer = {"*"},
        .ask = {"*"},
        /* A trace over several platforms is asked for at each, and so is which there are: spans go to linked brokers anyhow. */
        .verbs = {"ams.get-description", "ams.search", "ams.brokers", "ams.trace", "ams.traces",
            "ams.spending", "df.search"}},
};

static int add_all(tr_cert_t *cert, tr_strings_t *right, const char *const *items) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ITEMS_MAX && items[i]; i++)
        rc = tr_cert_add(cert, right, items[i]);
    return rc;
}

/* NAME, and what a count makes of it: NAME-1, NAME-2 ... */
static int add_own_name(tr_cert_t *cert, const char *name) {
    char members[TR_NAME_MAX + 3];
    snprintf(members, sizeof members, "%s-*", name);
    int rc = tr_cert_add(cert, &cert->rights.names, name);
    return rc == 0 && tr_word_pattern_valid(members, strlen(members))
               ? tr_cert_add(cert, &cert->rights.names, members)
               : rc;
}

static int add_own_platform(tr_cert_t *cert, const char *name) {
    return tr_platform_valid(name, strlen(name)) ? tr_cert_add(cert, &cert->rights.platforms, name) : 0;
}

int tr_role_grant(tr_cert_t *cert, tr_role_t role) {
    return tr_role_grant_as(cert, role, cert->name);
}

int tr_role_grant_as(tr_cert_t *cert, tr_role_t role, const char *name) {
    const preset_t *p = &presets[role];
    int rc = p->own_name ? add_own_name(cert, name) : p->own_platform ? add_own_platform(cert, name) : 0;
    if (rc == 0)
        rc = add_all(cert, &cert->rights.names, p->names);
    if (rc == 0)
        rc = add_all(cert, &cert->rights.publish, p->publish);
    if (rc == 0)
        rc = add_all(cert, &cert->rights.subscribe, p->subscribe);
    if (rc == 0)
        rc = add_all(cert, &cert->rights.offer, p->offer);
    if (rc == 0)
        rc = add_all(cert, &cert->rights.ask, p->ask);
    return rc == 0 ? add_all(cert, &cert->rights.verbs, p->verbs) : rc;
}
