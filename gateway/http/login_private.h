/* What login.c and signed_out.c share. */
#ifndef TR_GATEWAY_HTTP_LOGIN_PRIVATE_H
#define TR_GATEWAY_HTTP_LOGIN_PRIVATE_H

#include "gateway/http/ended.h"
#include "gateway/http/guess.h"
#include "gateway/http/server_private.h"
#include "gateway/passwords.h"
#include "lib/users/users.h"

struct tr_web_login {
    tr_users_t *users;
    bool secure; /* browsers reach it over TLS alone, as far as it knows */
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

/* ---- signed_out.c ---- */

/* Begins to hear whom other gateways have let go. 0 or a negative errno. */
int tr_web_signed_out_hear(tr_web_server_t *server, tr_error_t *error);
void tr_web_signed_out_stop(tr_web_server_t *server);
/* Tells them. */
void tr_web_signed_out_tell(
    tr_web_server_t *server, const unsigned char id[TR_WEB_SESSION_ID], int64_t until_ms);

#endif
