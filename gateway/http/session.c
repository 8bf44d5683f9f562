#include "gateway/http/session.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define FIXED                                                                                                \
    (TR_WEB_SESSION_ID + 3 * sizeof(uint64_t) + 2) /* before the name: role, and its length, at last */
#define SKEW_MS 120000
#define PURPOSE "troupe session 2"

/* ---- keys ---- */

static void derive(const unsigned char *key, const char *what, unsigned char out[32]) {
    crypto_generichash(out, 32, (const unsigned char *)what, strlen(what), key, 32);
}

void tr_web_session_keys(const unsigned char *key, bool secure, tr_web_session_keys_t *ret_keys) {
    unsigned char mark[32];
    char hex[2 * 6 + 1];
    derive(key, "seal of sessions", ret_keys->seal);
    derive(key, "tokens of sessions", ret_keys->csrf);
    derive(key, "ends of sessions", ret_keys->end);
    derive(key, "name of the cookie", mark);
    sodium_bin2hex(hex, sizeof hex, mark, 6);
    snprintf(ret_keys->cookie, sizeof ret_keys->cookie, "%stroupe-%s", secure ? "__Host-" : "", hex);
    snprintf(
        ret_keys->flow_cookie, sizeof ret_keys->flow_cookie, "%stroupe-%s-at", secure ? "__Host-" : "", hex);
}

/* ---- the seal ---- */

void tr_web_session_begin(const char *name, uint64_t epoch, int64_t now_ms, tr_web_session_t *ret_session) {
    *ret_session = (tr_web_session_t){.epoch = epoch, .begun_ms = now_ms, .seen_ms = now_ms};
    randombytes_buf(ret_session->id, sizeof ret_session->id);
    snprintf(ret_session->name, sizeof ret_session->name, "%s", name);
}

static void put64(unsigned char *at, uint64_t value) {
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get64(const unsigned char *at) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

void tr_web_session_seal(
    const tr_web_session_keys_t *keys, const tr_web_session_t *session, char out[TR_WEB_SEALED_SIZE]) {
    unsigned char plain[TR_WEB_SEAL_MAX];
    size_t name = strlen(session->name), label = strlen(session->label);
    memcpy(plain, session->id, sizeof session->id);
    put64(plain + TR_WEB_SESSION_ID, session->epoch);
    put64(plain + TR_WEB_SESSION_ID + 8, (uint64_t)session->begun_ms);
    put64(plain + TR_WEB_SESSION_ID + 16, (uint64_t)session->seen_ms);
    plain[FIXED - 2] = session->role;
    plain[FIXED - 1] = (unsigned char)name;
    memcpy(plain + FIXED, session->name, name);
    memcpy(plain + FIXED + name, session->label, label);
    tr_web_seal(keys->seal, PURPOSE, plain, FIXED + name + label, out);
}

bool tr_web_session_open(
    const tr_web_session_keys_t *keys, const char *text, size_t len, tr_web_session_t *ret_session) {
    _Static_assert(FIXED + 2 * TR_WEB_SESSION_NAME == TR_WEB_SESSION_PLAIN, "it has room");
    unsigned char plain[TR_WEB_SEAL_MAX];
    size_t size = 0;
    if (!tr_web_unseal(keys->seal, PURPOSE, text, len, plain, &size) || size < FIXED)
        return false;
    size_t name = plain[FIXED - 1], label = size - FIXED - name;
    if (name > TR_WEB_SESSION_NAME || name > size - FIXED || label > TR_WEB_SESSION_NAME)
        return false;
    tr_web_session_t session = {.epoch = get64(plain + TR_WEB_SESSION_ID),
        .begun_ms = (int64_t)get64(plain + TR_WEB_SESSION_ID + 8),
        .seen_ms = (int64_t)get64(plain + TR_WEB_SESSION_ID + 16),
        .role = plain[FIXED - 2]};
    memcpy(session.id, plain, sizeof session.id);
    memcpy(session.name, plain + FIXED, name);
    memcpy(session.label, plain + FIXED + name, label);
    *ret_session = session;
    return true;
}

bool tr_web_session_lives(const tr_web_session_t *session, int64_t now_ms, int64_t idle_ms, int64_t life_ms) {
    return session->begun_ms <= now_ms + SKEW_MS && session->seen_ms <= now_ms + SKEW_MS &&
           now_ms - session->seen_ms < idle_ms && now_ms - session->begun_ms < life_ms;
}

/* ---- the token against forged requests ---- */

void tr_web_session_csrf(
    const tr_web_session_keys_t *keys, const tr_web_session_t *session, char out[TR_WEB_CSRF_SIZE]) {
    unsigned char mark[32];
    crypto_generichash(mark, sizeof mark, session->id, sizeof session->id, keys->csrf, sizeof keys->csrf);
    sodium_bin2base64(out, TR_WEB_CSRF_SIZE, mark, sizeof mark, BASE64);
}

bool tr_web_session_csrf_is(
    const tr_web_session_keys_t *keys, const tr_web_session_t *session, const char *text) {
    char right[TR_WEB_CSRF_SIZE];
    tr_web_session_csrf(keys, session, right);
    return strlen(text) == strlen(right) && sodium_memcmp(text, right, strlen(right)) == 0;
}

/* ---- its end ---- */

void tr_web_session_end_mark(const tr_web_session_keys_t *keys, const unsigned char id[TR_WEB_SESSION_ID],
    int64_t until_ms, char out[TR_WEB_END_MARK_SIZE]) {
    unsigned char said[TR_WEB_SESSION_ID + sizeof(uint64_t)], mark[32];
    memcpy(said, id, TR_WEB_SESSION_ID);
    put64(said + TR_WEB_SESSION_ID, (uint64_t)until_ms);
    crypto_generichash(mark, sizeof mark, said, sizeof said, keys->end, sizeof keys->end);
    sodium_bin2hex(out, TR_WEB_END_MARK_SIZE, mark, sizeof mark);
}

/* ---- the header ---- */

const char *tr_web_cookie(const char *header, const char *name, size_t *ret_len) {
    size_t wanted = strlen(name);
    for (const char *at = header; *at;) {
        at += strspn(at, " \t;");
        size_t len = strcspn(at, ";");
        if (len > wanted && strncmp(at, name, wanted) == 0 && at[wanted] == '=') {
            *ret_len = len - wanted - 1;
            while (*ret_len && strchr(" \t", at[wanted + *ret_len]))
                --*ret_len;
            return at + wanted + 1;
        }
        at += len;
    }
    return NULL;
}
