/*
 * Signing in, with name and password or at an OpenID provider, and what a session may do (session.h).
 *
 * A browser sends its cookie by itself, also with what another page made it ask. So a request that changes something by a session needs the
 * session's token as well (X-CSRF-Token, or Authorization: CSRF TOKEN, since HTTP/2 loses the former here), which such a page cannot read, and
 * must come from a page of this server: its Origin, or Sec-Fetch-Site. A WebSocket can give no header, and needs the Origin.
 *
 * All of it belongs to the web's thread.
 */
#ifndef TR_GATEWAY_HTTP_LOGIN_H
#define TR_GATEWAY_HTTP_LOGIN_H

#include "gateway/http/exchange.h"

struct tr_web_server;

/* ---- of the server ---- */

/* Reads --users, and what belongs to --oidc-client. Without either there is nothing of it. */
int tr_web_login_init(struct tr_web_server *server, tr_error_t *error);
void tr_web_login_finish(struct tr_web_server *server);
/* Each second: reads the users again where they have changed, and ends what belongs to sessions that are over. */
void tr_web_login_tick(struct tr_web_server *server);

/* ---- of a request ---- */

/* Whether an Authorization is a session's token, which is kept. */
bool tr_web_login_takes(tr_web_exchange_t *e, const char *authorization);
/* By whose session it comes: sets role, who and session. Nobody's: leaves all as it is. */
void tr_web_login_recognise(tr_web_exchange_t *e);
/* Whether it may do by a session what it is about to do. False: it has responded. */
bool tr_web_login_guard(tr_web_exchange_t *e);

/* ---- for handlers ---- */

/* Whether there are users with passwords; whether there are sessions of any kind. */
bool tr_web_login_offered(const struct tr_web_server *server);
bool tr_web_login_sessions(const struct tr_web_server *server);
/* Whether people sign in at an OpenID provider. */
bool tr_web_login_provides(const struct tr_web_server *server);
/* Whether it watches a topic itself, which nobody has asked for. */
bool tr_web_login_hears(const struct tr_web_server *server);
/* The cookie's name; NULL: there are no sessions. */
const char *tr_web_login_cookie(const struct tr_web_server *server);
/* {"users", "provider", "you", "csrf"}: how one may sign in, who asks, and how. */
json_t *tr_web_login_state(const tr_web_exchange_t *e);
/* Responds when it is known whether the password is right. It is wiped. */
void tr_web_login_try(tr_web_exchange_t *e, const char *name, char *password);
/* Ends the session that it comes by, and responds. */
void tr_web_login_leave(tr_web_exchange_t *e);

/* Sends the browser to the provider (login_provider.c), and takes it when it comes back, with a session to the page, or there with a reason. */
void tr_web_login_go(tr_web_exchange_t *e);
void tr_web_login_back(tr_web_exchange_t *e);

#endif
