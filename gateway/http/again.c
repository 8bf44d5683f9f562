/*
 * Requests that come again: those that change something, under an Idempotency-Key (once.h), and those that look, with the ETag of what they saw.
 *
 * libwebsockets 4.1 does not keep headers of HTTP/2 that it has no name for, so the key may be in the query as well (idempotency-key).
 */
#include "gateway/http/server_private.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define OTHERS_MS                                                                                            \
    1000 /* who asks under a key waits so long, and up to a second more, for what other gateways know */

static void digest(const tr_web_exchange_t *e, unsigned char out[TR_ONCE_DIGEST]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, TR_ONCE_DIGEST);
    crypto_generichash_update(&state, (const unsigned char *)e->path, strlen(e->path) + 1);
    crypto_generichash_update(&state, (const unsigned char *)e->query, e->query_len);
    crypto_generichash_update(&state, (const unsigned char *)tr_buffer_string(&e->raw), e->raw.size);
    crypto_generichash_final(&state, out, TR_ONCE_DIGEST);
}

bool tr_web_once_name(const tr_web_exchange_t *e, char out[TR_WEB_ONCE_NAME]) {
    unsigned char name[TR_ONCE_DIGEST];
    crypto_generichash_state state;
    if (!*e->who || !*e->once_key || e->method != TR_WEB_POST)
        return false;
    crypto_generichash_init(&state, NULL, 0, sizeof name);
    crypto_generichash_update(&state, (const unsigned char *)e->who, strlen(e->who) + 1);
    crypto_generichash_update(&state, (const unsigned char *)e->once_key, strlen(e->once_key));
    crypto_generichash_final(&state, name, sizeof name);
    memcpy(out, "http-", 5);
    sodium_bin2hex(out + 5, TR_WEB_ONCE_NAME - 5, name, sizeof name);
    return true;
}

static bool take_key(tr_web_exchange_t *e) {
    const char *given = tr_web_query(e, "idempotency-key");
    if (*e->once_key == '\n' || (given && (!*given || strlen(given) > TR_WEB_KEY_MAX))) {
        tr_web_problem(e, 400, "unrecognised-parameter-value", "idempotency-key: expected 1 to %d bytes",
            TR_WEB_KEY_MAX);
        return false;
    }
    if (given)
        strcpy(e->once_key, given);
    return true;
}

/* In place of an answer that cannot be given again: it was done. */
static const tr_once_answer_t spent;

static bool respond_again(tr_web_exchange_t *e, const tr_once_answer_t *answer) {
    if (!answer->status) {
        tr_web_problem(e, 409, "key-used",
            "this was done under this Idempotency-Key, or nobody knows whether it was, and its answer (a "
            "stream, "
            "too large, no text, or none in time) is not kept");
        return false;
    }
    tr_buffer_put(&e->out, answer->bytes, answer->len);
    tr_web_respond(e, answer->status, answer->type);
    return false;
}

static bool under_way(tr_web_exchange_t *e) {
    e->retry_s = 1;
    tr_web_problem(e, 409, "under-way", "the request that had this Idempotency-Key first has no answer yet");
    return false;
}

static bool other_asked(tr_web_exchange_t *e) {
    tr_web_problem(e, 422, "key-used", "this Idempotency-Key was given to another request");
    return false;
}

/* ---- at other gateways (shared.h) ---- */

/* Types stay, as they do in the first answer. */
static const char *type_of(const char *type) {
    static const char *const types[] = {"application/json", "application/problem+json",
        "application/a2a+json", "text/plain", "text/plain; charset=utf-8"};
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], type) == 0)
            return types[i];
    return NULL;
}

static void tell_others(tr_web_exchange_t *e, const tr_once_answer_t *answer) {
    unsigned char asked[TR_ONCE_DIGEST];
    char name[TR_WEB_ONCE_NAME];
    bool told = e->once_shared && tr_web_once_name(e, name);
    e->once_shared = false;
    if (!told)
        return;
    digest(e, asked);
    bool fits = !answer || (answer->len <= TR_SHARED_ANSWER_MAX && type_of(answer->type));
    tr_web_shared_end(e->server->shared, name, asked, e->once_nonce, fits ? answer : &spent);
}

/* The answer is as if it had been given here. */
static void take_from_others(tr_web_exchange_t *e, const json_t *told) {
    const json_t *text = json_object_get(told, "text");
    tr_once_answer_t answer = {(unsigned)json_integer_value(json_object_get(told, "status")),
        type_of(json_string_value(json_object_get(told, "type"))), json_string_value(text),
        json_string_length(text)};
    tr_once_end(e->server->once, e->who, e->once_key, &answer, tr_clock_ms());
    e->once = false;
    respond_again(e, &answer);
}

/* Nobody has done it, as far as is known. */
static void do_it(tr_web_exchange_t *e) {
    e->once_shared = true;
    if (e->wsi)
        e->match.route->handle(e);
    else
        tr_web_again_leave(e); /* the client has gone before anything was done */
}

static void on_others(tr_web_exchange_t *e) {
    json_t *told = tr_web_reply_json(e->replies[TR_WEB_SLOT_OTHERS]);
    const char *found = json_string_value(json_object_get(told, "found"));
    e->once_until_ms = 0;
    if (!found || strcmp(found, "new") == 0) {
        do_it(e);
    } else if (!e->wsi) {
        tr_web_again_leave(e);
    } else if (strcmp(found, "known") == 0) {
        take_from_others(e, told);
    } else {
        tr_once_drop(e->server->once, e->who, e->once_key);
        e->once = false;
        strcmp(found, "other") == 0 ? other_asked(e) : under_way(e);
    }
    json_decref(told);
}

/* Whether they are asked: then it goes on when they have answered. */
static bool ask_others(tr_web_exchange_t *e, const unsigned char asked[TR_ONCE_DIGEST]) {
    char name[TR_WEB_ONCE_NAME];
    if (!e->server->shared || !tr_web_once_name(e, name) ||
        !tr_web_shared_begin(e->server->shared, name, asked, e->once_nonce = tr_random_seed(), e))
        return false;
    e->on_replies = on_others;
    e->once_until_ms = tr_clock_ms() + OTHERS_MS;
    e->asked++;
    tr_gauge_add(&e->server->waiting, 1);
    return true;
}

bool tr_web_again_is_late(tr_web_exchange_t *e, tr_web_reply_t *reply) {
    if (reply->slot != TR_WEB_SLOT_OTHERS || !e->late)
        return false;
    e->late--; /* they come in the order in which was asked */
    free(reply);
    return true;
}

void tr_web_again_tick(tr_web_exchange_t *e, int64_t now_ms) {
    if (!e->once_until_ms || now_ms < e->once_until_ms)
        return;
    e->once_until_ms = 0;
    e->asked--;
    e->late++;
    do_it(e);
}

bool tr_web_again_begin(tr_web_exchange_t *e) {
    unsigned char asked[TR_ONCE_DIGEST];
    tr_once_answer_t answer;
    e->once = e->once_shared = e->unknown = e->repeats = false;
    if (e->method != TR_WEB_POST || !*e->who || e->match.route->login)
        return true;
    if (!take_key(e))
        return false;
    if (!*e->once_key)
        return true;
    digest(e, asked);
    switch (tr_once_begin(e->server->once, e->who, e->once_key, asked, tr_clock_ms(), &answer)) {
    case TR_ONCE_NEW: e->once = true; return !ask_others(e, asked);
    case TR_ONCE_KNOWN: return respond_again(e, &answer);
    case TR_ONCE_UNDER_WAY: return under_way(e);
    case TR_ONCE_OTHER: return other_asked(e);
    case TR_ONCE_FULL: break;
    }
    e->retry_s = 1;
    tr_web_problem(e, 503, "busy", "too many requests with an Idempotency-Key have no answer yet");
    return false;
}

/* Something may have been changed, and nobody knows. */
static bool is_unknown(const tr_web_exchange_t *e) {
    return e->unknown && !e->repeats && e->match.route->role > TR_WEB_VIEWER;
}

/* What may go better another time is not kept. */
void tr_web_again_keep(tr_web_exchange_t *e) {
    tr_once_answer_t own = {e->status, e->type, e->out.data, e->out.size};
    const tr_once_answer_t *answer = e->status < 500 ? &own : is_unknown(e) ? &spent : NULL;
    if (!e->once)
        return;
    e->once = false;
    tell_others(e, answer);
    if (answer)
        tr_once_end(e->server->once, e->who, e->once_key, answer, tr_clock_ms());
    else
        tr_once_drop(e->server->once, e->who, e->once_key);
}

void tr_web_again_spend(tr_web_exchange_t *e) {
    if (e->once) {
        tell_others(e, &spent);
        tr_once_end(e->server->once, e->who, e->once_key, &spent, tr_clock_ms());
    }
    tr_web_again_leave(e);
}

void tr_web_again_leave(tr_web_exchange_t *e) {
    tell_others(e, NULL);
    if (e->once)
        tr_once_drop(e->server->once, e->who, e->once_key);
    e->once = false;
    *e->once_key = '\0';
}

/* RFC 9110, 13.1.2: "*", or a list of which one is the same, weak or not; whoever packs an answer on the way makes its tag weak. */
static bool is_known(const char *list, const char *tag) {
    if (strcmp(list, "*") == 0)
        return true;
    for (size_t len; *(list += strspn(list, " \t,")); list += len) {
        list += strncmp(list, "W/", 2) == 0 ? 2 : 0;
        const char *end = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (!end)
            return false;
        len = (size_t)(end - list) + 1;
        if (strlen(tag) == len && memcmp(list, tag, len) == 0)
            return true;
    }
    return false;
}

void tr_web_again_compare(tr_web_exchange_t *e) {
    uint64_t hash;
    *e->tag = '\0';
    if ((e->method != TR_WEB_GET && e->method != TR_WEB_HEAD) || e->status != 200 || e->out.failed)
        return;
    crypto_generichash((unsigned char *)&hash, sizeof hash, (const unsigned char *)tr_buffer_string(&e->out),
        e->out.size, NULL, 0);
    snprintf(e->tag, sizeof e->tag, "\"%016llx%s\"", (unsigned long long)hash, e->packed ? "z" : "");
    if (!is_known(e->known_tags, e->tag))
        return;
    e->status = 304;
    e->out.size = 0;
}
