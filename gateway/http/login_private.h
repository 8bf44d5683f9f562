/* What login.c, login_provider.c and signed_out.c share. */
#ifndef TR_GATEWAY_HTTP_LOGIN_PRIVATE_H
#define TR_GATEWAY_HTTP_LOGIN_PRIVATE_H

#include "gateway/http/ended.h"
#include "gateway/http/guess.h"
#include "gateway/http/server_private.h"
#include "gateway/passwords.h"
#include "gateway/provider.h"
#include "lib/users/users.h"

struct tr_web_login {
    tr_users_t *users;       /* NULL: nobody signs in with a password */
    tr_provider_t *provider; /* NULL: nobody signs in elsewhere */
    char *secret;            /* of the gateways with the provider, owned; NULL: they have none */
    uint64_t provider_epoch; /* of the sessions of those who have signed in there */
    bool secure;             /* browsers reach it over TLS alone, as far as it knows */
    tr_web_session_keys_t keys;
    tr_web_ended_t *ended;
    tr_web_guesses_t *names, *addresses;
    tr_passwords_t *passwords;
    bool hears; /* of the other gateways */
    tr_feed_watcher_t watcher;
};

/* ---- login.c ---- */

/* Of all sessions that are over: their streams and WebSockets. */
void tr_web_login_end_what_is_over(tr_web_server_t *server);
/* From now on the request is of this session, which is new, and its response gives the cookie. */
void tr_web_login_begin(tr_web_exchange_t *e, const tr_web_session_t *session, tr_web_role_t role);
/* A cookie as text, owned by the caller; value "": the browser is to forget it. NULL: out of memory. */
char *tr_web_login_cookie_text(
    const tr_web_exchange_t *e, const char *name, const char *value, int64_t seconds, const char *same_site);

/* ---- login_provider.c ---- */

/* Of --oidc-client and what belongs to it. Without it there is nothing of it. */
int tr_web_login_provider_init(tr_web_server_t *server, tr_error_t *error);
void tr_web_login_provider_finish(tr_web_login_t *login);
/* 32 bytes that gateways of one secret share. */
void tr_web_login_provider_key(const tr_web_login_t *login, unsigned char out[TR_USERS_KEY]);
/* Where the user of a session has to go to be signed out at the provider, too; NULL: nowhere. Owned by the caller. */
char *tr_web_login_provider_end(const tr_web_exchange_t *e);
/* What people call it. */
const char *tr_web_login_provider_name(const tr_web_server_t *server);

/* ---- signed_out.c ---- */

/* Begins to hear whom other gateways have let go. 0 or a negative errno. */
int tr_web_signed_out_hear(tr_web_server_t *server, tr_error_t *error);
void tr_web_signed_out_stop(tr_web_server_t *server);
/* Tells them. */
void tr_web_signed_out_tell(
    tr_web_server_t *server, const unsigned char id[TR_WEB_SESSION_ID], int64_t until_ms);

#endif
