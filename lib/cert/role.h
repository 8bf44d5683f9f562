/* Sets of rights that belong together, by name: what `troupe cert new --role` grants. */
#ifndef TR_CERT_ROLE_H
#define TR_CERT_ROLE_H

#include "lib/cert/cert.h"

typedef enum tr_role {
    TR_ROLE_AGENT,    /* registers under the certificate's name, and tells the DF of itself */
    TR_ROLE_OPERATOR, /* the `troupe` command: everything but being another agent */
    TR_ROLE_WATCHER,  /* the `troupe` command: looks, and changes nothing */
    TR_ROLE_BROKER, /* a broker: speaks for the platform of the certificate's name; its agents may ask, not change */
    TR_ROLES,
} tr_role_t;

/* "agent", "operator" ...; in the enum's order and ended by NULL. */
extern const char *const tr_role_words[];

/* Adds a role's rights to what the certificate has. 0 or -ENOMEM. */
int tr_role_grant(tr_cert_t *cert, tr_role_t role);
/* The same where its agents, or its platform, have another name than the certificate. */
int tr_role_grant_as(tr_cert_t *cert, tr_role_t role, const char *name);

#endif
