#include "gateway/http/jwt.h"

#include "lib/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjose/cjose.h>
#include <jansson.h>
#include <sodium.h>

#define FILE_MAX (256u << 10)
#define KEYS_MAX 64
#define LEEWAY_S 30 /* clocks differ */
#define ANYTHING "*"

const char tr_web_jwt_stranger[] = "nobody has signed it whose keys are known",
           tr_web_jwt_roleless[] = "it names no role";

struct tr_web_jwt {
    tr_web_jwt_config_t config;
    cjose_jwk_t *keys[KEYS_MAX];
    unsigned char marks[KEYS_MAX][TR_WEB_JWT_MARK]; /* of each */
    size_t count;
    struct timespec changed;
    off_t size;
};

/* ---- keys ---- */

static void release(cjose_jwk_t **keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        cjose_jwk_release(keys[i]);
}

/* What a base64url without padding may be. cjose takes the length of what has a "=" within for granted, and aborts. */
static bool is_base64url(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return len % 4 != 1;
}

static bool numbers_good(const json_t *key) {
    static const char *const members[] = {"n", "e", "x", "y"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *value = json_object_get(key, members[i]);
        if (value &&
            !(json_is_string(value) && is_base64url(json_string_value(value), json_string_length(value))))
            return false;
    }
    return true;
}

/* Those that are for signatures, of the two kinds. What cannot be read is for somebody else, ignoring. */
static size_t import(const json_t *set, cjose_jwk_t *keys[KEYS_MAX]) {
    size_t count = 0, i;
    json_t *item;
    json_array_foreach(json_object_get(set, "keys"), i, item) {
        const char *use = json_string_value(json_object_get(item, "use"));
        const char *kind = json_string_value(json_object_get(item, "kty"));
        bool fits = kind && (strcmp(kind, "RSA") == 0 || strcmp(kind, "EC") == 0) &&
                    (!use || strcmp(use, "sig") == 0) && numbers_good(item);
        cjose_jwk_t *key =
            fits && count < KEYS_MAX ? cjose_jwk_import_json((cjose_header_t *)item, NULL) : NULL;
        if (key)
            keys[count++] = key;
    }
    return count;
}

/* The same for the same key. One that cannot be written is none that is known again, which ends what it opened, ignoring. */
static void mark(const cjose_jwk_t *key, unsigned char out[TR_WEB_JWT_MARK]) {
    char *text = cjose_jwk_to_json(key, false, NULL);
    size_t len = text ? strlen(text) : 0;
    crypto_generichash(out, TR_WEB_JWT_MARK, (const unsigned char *)text, len, NULL, 0);
    cjose_get_dealloc()(text);
}

/* In place of those that it had; `where` is for people. */
static int take_set(tr_web_jwt_t *self, const char *text, size_t len, const char *where, tr_error_t *error) {
    cjose_jwk_t *keys[KEYS_MAX];
    json_t *set = len <= FILE_MAX ? json_loadb(text, len, 0, NULL) : NULL;
    size_t count = import(set, keys);
    json_decref(set);
    if (!count)
        return tr_error_set(error, -EINVAL,
            "%s: expected a JSON web key set ({\"keys\": [...]}) with a key of RSA or EC", where);
    release(self->keys, self->count);
    memcpy(self->keys, keys, count * sizeof *keys);
    self->count = count;
    for (size_t i = 0; i < count; i++)
        mark(keys[i], self->marks[i]);
    return 0;
}

static int load(tr_web_jwt_t *self, tr_error_t *error) {
    const char *path = self->config.keys;
    struct stat st;
    char *text = NULL;
    size_t len = 0;
    if (stat(path, &st) < 0)
        return tr_error_set(
            error, -errno, "%s: %s; it is what the provider's jwks_uri gives", path, strerror(errno));
    self->changed = st.st_mtim;
    self->size = st.st_size;
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return tr_error_set(error, -EPERM, "%s: others may write it; chmod go-w", path);
    int rc = tr_file_read(path, "keys", FILE_MAX, &text, &len, error);
    if (rc < 0)
        return rc;
    rc = take_set(self, text, len, path, error);
    free(text);
    return rc;
}

/* set NULL: that of the file. */
static int make(const tr_web_jwt_config_t *config, const char *set, size_t len, tr_web_jwt_t **ret_jwt,
    tr_error_t *error) {
    tr_web_jwt_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    self->config = *config;
    int rc = set ? take_set(self, set, len, "the key set", error) : load(self, error);
    if (rc < 0)
        tr_web_jwt_destroy(&self);
    else
        *ret_jwt = self;
    return rc;
}

int tr_web_jwt_new(const tr_web_jwt_config_t *config, tr_web_jwt_t **ret_jwt, tr_error_t *error) {
    return make(config, NULL, 0, ret_jwt, error);
}

int tr_web_jwt_of(const tr_web_jwt_config_t *config, const char *set, size_t len, tr_web_jwt_t **ret_jwt,
    tr_error_t *error) {
    return make(config, set, len, ret_jwt, error);
}

void tr_web_jwt_destroy(tr_web_jwt_t **self_p) {
    if (!*self_p)
        return;
    release((*self_p)->keys, (*self_p)->count);
    free(*self_p);
    *self_p = NULL;
}

bool tr_web_jwt_refresh(tr_web_jwt_t *self, tr_error_t *error) {
    struct stat st;
    if (stat(self->config.keys, &st) < 0)
        return false; /* it is being replaced, ignoring: it is looked for again */
    bool same = st.st_mtim.tv_sec == self->changed.tv_sec && st.st_mtim.tv_nsec == self->changed.tv_nsec &&
                st.st_size == self->size;
    return !same && load(self, error) == 0;
}

bool tr_web_jwt_has(const tr_web_jwt_t *self, const unsigned char key[TR_WEB_JWT_MARK]) {
    for (size_t i = 0; i < self->count; i++)
        if (memcmp(self->marks[i], key, TR_WEB_JWT_MARK) == 0)
            return true;
    return false;
}

size_t tr_web_jwt_keys(const tr_web_jwt_t *self) {
    return self->count;
}

/* ---- a token ---- */

bool tr_web_jwt_is(const char *token, size_t len) {
    size_t stops = 0;
    for (size_t i = 0; i < len; i++)
        stops += token[i] == '.';
    return stops == 2;
}

/* Each of its three parts could be read. */
static bool parts_good(const char *token, size_t len) {
    while (len > 0) {
        const char *stop = memchr(token, '.', len);
        size_t part = stop ? (size_t)(stop - token) : len;
        if (!is_base64url(token, part))
            return false;
        token += part + (stop != NULL);
        len -= part + (stop != NULL);
    }
    return true;
}

static bool key_fits(const cjose_jwk_t *key, const char *alg, const char *kid) {
    const char *its = cjose_jwk_get_kid(key, NULL);
    cjose_jwk_kty_t kind = strcmp(alg, "RS256") == 0 ? CJOSE_JWK_KTY_RSA : CJOSE_JWK_KTY_EC;
    return cjose_jwk_get_kty(key, NULL) == kind && (!kid || !its || strcmp(kid, its) == 0);
}

/* The mark of the key that has signed it; NULL: none of them. */
static const unsigned char *signer(const tr_web_jwt_t *self, cjose_jws_t *jws) {
    cjose_header_t *header = cjose_jws_get_protected(jws);
    const char *alg = header ? cjose_header_get(header, CJOSE_HDR_ALG, NULL) : NULL;
    const char *kid = header ? cjose_header_get(header, CJOSE_HDR_KID, NULL) : NULL;
    if (!alg || (strcmp(alg, "RS256") != 0 && strcmp(alg, "ES256") != 0) ||
        json_object_get((json_t *)header, "crit"))
        return NULL;
    for (size_t i = 0; i < self->count; i++)
        if (key_fits(self->keys[i], alg, kid) && cjose_jws_verify(jws, self->keys[i], NULL))
            return self->marks[i];
    return NULL;
}

static bool is_text(const json_t *value, const char *text, size_t len) {
    return json_string_length(value) == len && memcmp(json_string_value(value), text, len) == 0;
}

/* A text, or one of a list. */
static bool names_of(const json_t *value, const char *text, size_t len) {
    const json_t *item;
    size_t i;
    if (json_is_string(value))
        return is_text(value, text, len);
    json_array_foreach(value, i, item) if (json_is_string(item) && is_text(item, text, len)) return true;
    return false;
}

static bool names(const json_t *value, const char *text) {
    return names_of(value, text, strlen(text));
}

static const json_t *claim_of(const json_t *claims, const char *path) {
    char name[128];
    const json_t *value = json_object_get(claims, path); /* one whose name has full stops, as a URL has */
    while (!value && claims && *path) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        claims = json_object_get(claims, name);
        path += len + (path[len] == '.');
        value = *path ? NULL : claims;
    }
    return value;
}

const char *tr_web_jwt_mapping_wrong(const char *mapping) {
    const char *sign = strrchr(mapping, '=');
    int role;
    bool good =
        sign && sign > mapping && tr_parse_word(sign + 1, tr_web_roles + TR_WEB_VIEWER, &role, NULL) == 0;
    return good ? NULL : "expected VALUE=ROLE, where ROLE is viewer, operator or admin";
}

/* Whether the claim's value makes the role of this mapping. */
static bool maps(const char *mapping, const json_t *value, tr_web_role_t role) {
    size_t len = (size_t)(strrchr(mapping, '=') - mapping);
    bool anything = len == strlen(ANYTHING) && memcmp(mapping, ANYTHING, len) == 0;
    return strcmp(mapping + len + 1, tr_web_roles[role]) == 0 && (anything || names_of(value, mapping, len));
}

static bool has_role(const tr_web_jwt_t *self, const json_t *value, tr_web_role_t role) {
    const tr_strings_t *roles = &self->config.roles;
    bool has = roles->count == 0 && names(value, tr_web_roles[role]);
    for (size_t i = 0; i < roles->count && !has; i++)
        has = maps(roles->items[i], value, role);
    return has;
}

static tr_web_role_t role_of(const tr_web_jwt_t *self, const json_t *value) {
    tr_web_role_t role = TR_WEB_ADMIN;
    while (role > TR_WEB_ANYBODY && !has_role(self, value, role))
        role--;
    return role;
}

static bool name_good(const char *sub) {
    size_t len = strlen(sub);
    for (size_t i = 0; i < len; i++)
        if (sub[i] < 0x21 || sub[i] > 0x7e)
            return false;
    return len > 0 && len + strlen("oidc:") <= TR_WEB_TOKEN_NAME_MAX;
}

static const char *check_claims(
    const tr_web_jwt_t *self, const json_t *claims, int64_t now_s, tr_web_bearer_t *ret_bearer) {
    const char *issuer = json_string_value(json_object_get(claims, "iss")),
               *sub = json_string_value(json_object_get(claims, "sub"));
    const json_t *ends = json_object_get(claims, "exp"), *begins = json_object_get(claims, "nbf");
    tr_web_role_t role = role_of(self, claim_of(claims, self->config.claim));
    if (!issuer || strcmp(issuer, self->config.issuer) != 0)
        return "it is of another issuer";
    if (!names(json_object_get(claims, "aud"), self->config.audience))
        return "it is for another audience";
    if (!json_is_number(ends) || json_number_value(ends) + LEEWAY_S <= (double)now_s)
        return "its time is over";
    if (begins && (!json_is_number(begins) || json_number_value(begins) - LEEWAY_S > (double)now_s))
        return "its time has not come";
    if (!sub || !name_good(sub))
        return "it does not say whose it is (sub)";
    if (role == TR_WEB_ANYBODY)
        return tr_web_jwt_roleless;
    double until_s = ceil(json_number_value(ends)) + LEEWAY_S;
    snprintf(ret_bearer->name, sizeof ret_bearer->name, "oidc:%s", sub);
    ret_bearer->role = role;
    ret_bearer->until_s = until_s < (double)INT32_MAX * 1000 ? (int64_t)until_s : INT64_MAX;
    return NULL;
}

const char *tr_web_jwt_claims(
    const tr_web_jwt_t *self, const char *text, size_t len, int64_t now_s, tr_web_bearer_t *ret_bearer) {
    json_t *claims = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *why =
        json_is_object(claims) ? check_claims(self, claims, now_s, ret_bearer) : "its claims are no object";
    json_decref(claims);
    return why;
}

/* The claims of a token whose signature is good, new, and the mark of the key that made it. NULL: *ret_why says it. */
static json_t *read_token(const tr_web_jwt_t *self, const char *token, size_t len,
    unsigned char ret_key[TR_WEB_JWT_MARK], const char **ret_why) {
    uint8_t *bytes = NULL;
    size_t count = 0;
    bool good = tr_web_jwt_is(token, len) && parts_good(token, len);
    cjose_jws_t *jws = good ? cjose_jws_import(token, len, NULL) : NULL;
    const unsigned char *key = jws ? signer(self, jws) : NULL;
    json_t *claims = key && cjose_jws_get_plaintext(jws, &bytes, &count, NULL)
                         ? json_loadb((const char *)bytes, count, JSON_REJECT_DUPLICATES, NULL)
                         : NULL;
    *ret_why = !jws                      ? "it is no token"
               : !key                    ? tr_web_jwt_stranger
               : !json_is_object(claims) ? "its claims are no object"
                                         : NULL;
    if (key)
        memcpy(ret_key, key, TR_WEB_JWT_MARK);
    if (*ret_why) {
        json_decref(claims);
        claims = NULL;
    }
    if (jws)
        cjose_jws_release(jws);
    return claims;
}

const char *tr_web_jwt_check(
    const tr_web_jwt_t *self, const char *token, size_t len, int64_t now_s, tr_web_bearer_t *ret_bearer) {
    unsigned char key[TR_WEB_JWT_MARK];
    const char *why = "it is no token";
    json_t *claims = len <= TR_WEB_JWT_MAX ? read_token(self, token, len, key, &why) : NULL;
    if (claims)
        why = check_claims(self, claims, now_s, ret_bearer);
    if (!why)
        memcpy(ret_bearer->key, key, sizeof ret_bearer->key);
    json_decref(claims);
    return why;
}

/* ---- an identity ---- */

/* What is more to it than to another token (OpenID Connect Core 1.0, 3.1.3.7). */
static const char *check_identity(const tr_web_jwt_t *self, const json_t *claims, const char *nonce) {
    const char *its = json_string_value(json_object_get(claims, "nonce")),
               *party = json_string_value(json_object_get(claims, "azp"));
    if (!its || strcmp(its, nonce) != 0)
        return "it is of another sign-in (nonce)";
    if (party ? strcmp(party, self->config.audience) != 0
              : json_array_size(json_object_get(claims, "aud")) > 1)
        return "it was made for another client (azp)";
    if (!json_is_number(json_object_get(claims, "iat")))
        return "it does not say when it was made (iat)";
    return NULL;
}

/* What people call him, where that can be shown in a line. */
static void take_label(const json_t *claims, char label[TR_WEB_TOKEN_NAME_MAX + 1]) {
    static const char *const from[] = {"preferred_username", "email", "name"};
    *label = '\0';
    for (size_t i = 0; i < sizeof from / sizeof *from && !*label; i++) {
        const char *text = json_string_value(json_object_get(claims, from[i]));
        size_t len = text ? strlen(text) : 0;
        bool good = len <= TR_WEB_TOKEN_NAME_MAX;
        for (size_t j = 0; j < len && good; j++)
            good = (unsigned char)text[j] >= ' ' && text[j] != 0x7f;
        if (text && good)
            strcpy(label, text);
    }
}

const char *tr_web_jwt_identity(const tr_web_jwt_t *self, const char *token, size_t len, const char *nonce,
    int64_t now_s, tr_web_bearer_t *ret_bearer) {
    unsigned char key[TR_WEB_JWT_MARK];
    tr_web_bearer_t bearer = {0};
    const char *why = "it is no token";
    json_t *claims = len <= TR_WEB_IDENTITY_MAX ? read_token(self, token, len, key, &why) : NULL;
    if (claims && !(why = check_identity(self, claims, nonce)))
        why = check_claims(self, claims, now_s, &bearer);
    if (!why) {
        memcpy(bearer.key, key, sizeof bearer.key);
        take_label(claims, bearer.label);
        *ret_bearer = bearer;
    }
    json_decref(claims);
    return why;
}
