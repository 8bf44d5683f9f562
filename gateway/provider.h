/*
 * The OpenID provider at which people sign in, asked by a thread of its own, since it may take its time: one question after the other, a few
 * waiting. Answers come as replies over the bridge.
 *
 * What the provider says of itself, and its keys, are asked for at once and then again and again by itself; where it does not answer, what is known stays, and it is
 * asked each minute. Keys are asked for once more when an identity is signed by one that is not among them. Of one that hangs, and of which nothing is known, each
 * question waits for the first one, and no longer. Neither redirects are followed nor is anything but the identity kept of what it gives.
 */
#ifndef TR_GATEWAY_PROVIDER_H
#define TR_GATEWAY_PROVIDER_H

#include "gateway/bridge.h"
#include "gateway/http/flow.h"
#include "gateway/http/oidc.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/options.h"

typedef struct tr_provider_config {
    const char *issuer, *client; /* borrowed, as all of it */
    const char *secret;          /* NULL: the client has none */
    const char *claim;           /* these two as in jwt.h */
    tr_strings_t roles;
    const char *ca_file; /* NULL: the system's */
    int64_t refresh_ms;  /* how often it is asked what it is, and for its keys */
    tr_log_t *log;
} tr_provider_config_t;

typedef struct tr_provider tr_provider_t;

/* Starts the thread. -ENOTSUP: there is no libcurl; -ENOMEM. */
int tr_provider_new(
    const tr_provider_config_t *config, tr_bridge_t *bridge, tr_provider_t **ret_provider, tr_error_t *error);
/* What is under way gets no answer. NULL-safe. */
void tr_provider_destroy(tr_provider_t **self);

/* Where people sign in: {"authorize": URL}, or {"reason", "detail"}: a word for programs, and why not, for people. 0; -EBUSY: too many wait; -ENOMEM. */
int tr_provider_find(tr_provider_t *self, void *owner);
/* Who has come back with this code: {"name", "role", "label"}, or {"reason", "detail"}. Likewise. -EINVAL: it is no code. */
int tr_provider_redeem(
    tr_provider_t *self, const char *code, const tr_web_flow_t *flow, const char *redirect, void *owner);
/* The web's thread, each second: asks it again when it is time. */
void tr_provider_tick(tr_provider_t *self, int64_t now_ms);
/* Any thread: what it has said of itself. False: it has not been asked yet. */
bool tr_provider_known(tr_provider_t *self, tr_oidc_provider_t *ret_provider);

#endif
