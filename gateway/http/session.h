/*
 * The session of a user who has signed in: what a browser's cookie holds, sealed (seal.h).
 *
 * No gateway keeps a session. The cookie is the session, sealed by a key that follows from the one of the users' file, so each gateway that
 * reads that file takes it; where there is no such file, from the secret that gateways have with their OpenID provider. It ends by itself after
 * a time, and by the user's epoch in the file. What the provider has said of a user, role and label, is within.
 *
 * The token against forged requests (CSRF) follows from the session's id and the key, so it needs no memory either.
 *
 * Pure, but for the random numbers; one thread.
 */
#ifndef TR_GATEWAY_HTTP_SESSION_H
#define TR_GATEWAY_HTTP_SESSION_H

#include "gateway/http/seal.h"

#include <stdint.h>

#define TR_WEB_SESSION_ID    32 /* bytes */
#define TR_WEB_SESSION_NAME  64
#define TR_WEB_SESSION_PLAIN (TR_WEB_SESSION_ID + 3 * 8 + 2 + 2 * TR_WEB_SESSION_NAME)
#define TR_WEB_SEALED_SIZE   TR_WEB_SEAL_SIZE(TR_WEB_SESSION_PLAIN) /* of the text, with its NUL */
#define TR_WEB_CSRF_SIZE     44                                     /* likewise */
#define TR_WEB_COOKIE_SIZE   48                                     /* of the cookie's name */
#define TR_WEB_END_MARK_SIZE 65                                     /* of a text, with its NUL */

typedef struct tr_web_session {
    unsigned char id[TR_WEB_SESSION_ID]; /* random; stays the same while it lasts */
    uint64_t epoch;            /* of the user, when he signed in; of a provider's: of the provider */
    int64_t begun_ms, seen_ms; /* Unix time; seen: when it was sealed last */
    unsigned char role;        /* that a provider gave (tr_web_role_t); 0: as the file of users says */
    char name[TR_WEB_SESSION_NAME + 1];
    char label[TR_WEB_SESSION_NAME + 1]; /* what people call him; "": his name */
} tr_web_session_t;

/* Keys that follow from one. */
typedef struct tr_web_session_keys {
    unsigned char seal[32], csrf[32], end[32];
    char cookie
        [TR_WEB_COOKIE_SIZE]; /* its name: fleets on one host have cookies of their own, whatever their ports */
    char flow_cookie[TR_WEB_COOKIE_SIZE]; /* of a sign-in at a provider (flow.h) */
} tr_web_session_keys_t;

/* key: 32 bytes. secure: the cookie's name begins with __Host-, which a browser takes over TLS alone, for this host alone. */
void tr_web_session_keys(const unsigned char *key, bool secure, tr_web_session_keys_t *ret_keys);

void tr_web_session_begin(const char *name, uint64_t epoch, int64_t now_ms, tr_web_session_t *ret_session);
void tr_web_session_seal(
    const tr_web_session_keys_t *keys, const tr_web_session_t *session, char out[TR_WEB_SEALED_SIZE]);
/* Of a text that a NUL ends, the first len bytes. False: it was not sealed with these keys. Whether it lives is not looked at. */
bool tr_web_session_open(
    const tr_web_session_keys_t *keys, const char *text, size_t len, tr_web_session_t *ret_session);
/* Neither unused for longer than idle_ms, nor older than life_ms, nor of a future that no clock of another gateway explains. */
bool tr_web_session_lives(const tr_web_session_t *session, int64_t now_ms, int64_t idle_ms, int64_t life_ms);

void tr_web_session_csrf(
    const tr_web_session_keys_t *keys, const tr_web_session_t *session, char out[TR_WEB_CSRF_SIZE]);
bool tr_web_session_csrf_is(
    const tr_web_session_keys_t *keys, const tr_web_session_t *session, const char *text);

/* By which gateways know that one of them says that a session was ended, in hexadecimal digits. */
void tr_web_session_end_mark(const tr_web_session_keys_t *keys, const unsigned char id[TR_WEB_SESSION_ID],
    int64_t until_ms, char out[TR_WEB_END_MARK_SIZE]);

/* The value of a cookie in the header Cookie, borrowed; the first one of that name. NULL: it has none. */
const char *tr_web_cookie(const char *header, const char *name, size_t *ret_len);

#endif
