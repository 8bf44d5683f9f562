#include "gateway/http/jwt.h"

#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjose/cjose.h>
#include <cmocka.h>
#include <jansson.h>

#define NOW 1000000

typedef struct fixture {
    char *directory, path[4096];
    cjose_jwk_t *rsa, *ec, *other;
    tr_web_jwt_t *jwt;
} fixture_t;

static void write_keys(const fixture_t *f, const char *only) {
    char *rsa = cjose_jwk_to_json(f->rsa, false, NULL), *ec = cjose_jwk_to_json(f->ec, false, NULL);
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    if (only)
        fputs(only, file);
    else
        fprintf(
            file, "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AAAA\"}, {\"kty\": \"zzz\"}, %s, %s]}", rsa, ec);
    fclose(file);
    cjose_get_dealloc()(rsa);
    cjose_get_dealloc()(ec);
}

static int set_up(void **state) {
    static const uint8_t e[] = {1, 0, 1};
    static const tr_web_jwt_config_t made = {
        .issuer = "https://id.example", .audience = "troupe", .claim = "realm_access.roles"};
    fixture_t *f = calloc(1, sizeof *f);
    tr_web_jwt_config_t config = made;
    tr_error_t error = {0};
    f->directory = scratch_new();
    snprintf(f->path, sizeof f->path, "%s/keys.json", f->directory);
    f->rsa = cjose_jwk_create_RSA_random(2048, e, sizeof e, NULL);
    f->other = cjose_jwk_create_RSA_random(2048, e, sizeof e, NULL);
    f->ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
    assert_true(cjose_jwk_set_kid(f->rsa, "one", 3, NULL));
    write_keys(f, NULL);
    config.keys = f->path;
    assert_int_equal(tr_web_jwt_new(&config, &f->jwt, &error), 0);
    assert_int_equal(tr_web_jwt_keys(f->jwt), 2);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture_t *f = *state;
    tr_web_jwt_destroy(&f->jwt);
    tr_web_jwt_destroy(&f->jwt);
    cjose_jwk_release(f->rsa);
    cjose_jwk_release(f->ec);
    cjose_jwk_release(f->other);
    scratch_end(f->directory);
    free(f);
    return 0;
}

/* Signed; to be freed. */
static char *sign(const cjose_jwk_t *key, const char *alg, const char *kid, const char *claims) {
    cjose_header_t *header = cjose_header_new(NULL);
    const char *text = NULL;
    cjose_header_set(header, CJOSE_HDR_ALG, alg, NULL);
    if (kid)
        cjose_header_set(header, CJOSE_HDR_KID, kid, NULL);
    cjose_jws_t *jws = cjose_jws_sign(key, header, (const uint8_t *)claims, strlen(claims), NULL);
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &text, NULL));
    char *copy = strdup(text);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return copy;
}

#define CLAIMS(iss, aud, exp, sub, roles)                                                                    \
    "{\"iss\": \"" iss "\", \"aud\": " aud ", \"exp\": " exp ", \"sub\": \"" sub                             \
    "\", \"realm_access\": {\"roles\": " roles "}}"
#define GOOD CLAIMS("https://id.example", "\"troupe\"", "1000100", "ann", "[\"x\", \"operator\", \"viewer\"]")

static const char *check(const fixture_t *f, char *token, tr_web_bearer_t *ret_bearer) {
    const char *why = tr_web_jwt_check(f->jwt, token, strlen(token), NOW, ret_bearer);
    free(token);
    return why;
}

static void test_both_algorithms(void **state) {
    const fixture_t *f = *state;
    tr_web_bearer_t bearer = {0};
    assert_null(check(f, sign(f->rsa, "RS256", "one", GOOD), &bearer));
    assert_string_equal(bearer.name, "oidc:ann");
    assert_int_equal(bearer.until_s, 1000130); /* exp, and what clocks may differ */
    assert_int_equal(bearer.role, TR_WEB_OPERATOR);
    assert_null(check(f,
        sign(f->ec, "ES256", NULL,
            CLAIMS("https://id.example", "[\"a\", \"troupe\"]", "999980", "ben", "\"admin\"")),
        &bearer)); /* over for less than clocks may differ */
    assert_string_equal(bearer.name, "oidc:ben");
    assert_int_equal(bearer.role, TR_WEB_ADMIN);
}

static void test_what_does_not_count(void **state) {
    static const char *const wrong[] = {
        CLAIMS("https://other.example", "\"troupe\"", "1000100", "ann", "[\"viewer\"]"),
        CLAIMS("https://id.example", "\"other\"", "1000100", "ann", "[\"viewer\"]"),
        CLAIMS("https://id.example", "\"troupe\"", "999900", "ann", "[\"viewer\"]"),
        CLAIMS("https://id.example", "\"troupe\"", "\"later\"", "ann", "[\"viewer\"]"),
        CLAIMS("https://id.example", "\"troupe\"", "1000100", "", "[\"viewer\"]"),
        CLAIMS("https://id.example", "\"troupe\"", "1000100", "a b", "[\"viewer\"]"),
        CLAIMS("https://id.example", "\"troupe\"", "1000100", "ann", "[\"anybody\", \"root\"]"),
        CLAIMS("https://id.example", "\"troupe\"", "1000100, \"nbf\": 1000090", "ann", "[\"viewer\"]"), "{}",
        "[]", "no json"};
    const fixture_t *f = *state;
    tr_web_bearer_t bearer = {.name = "untouched"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(check(f, sign(f->rsa, "RS256", "one", wrong[i]), &bearer));
    assert_string_equal(bearer.name, "untouched");
}

static void test_who_has_not_signed(void **state) {
    const fixture_t *f = *state;
    tr_web_bearer_t bearer = {0};
    assert_non_null(check(f, sign(f->other, "RS256", "one", GOOD), &bearer));
    assert_non_null(check(f, sign(f->rsa, "RS256", "two", GOOD), &bearer));
    assert_non_null(check(f, sign(f->rsa, "RS512", "one", GOOD), &bearer));
    char *token = sign(f->rsa, "RS256", "one", GOOD);
    token[strlen(token) - 20] ^= 1;
    assert_non_null(check(f, token, &bearer));
    token = sign(f->rsa, "RS256", "one", GOOD);
    *strchr(token, '.') = '_';
    assert_false(tr_web_jwt_is(token, strlen(token)));
    assert_non_null(check(f, token, &bearer));
    assert_non_null(check(f, strdup("eyJhbGciOiJub25lIn0.e30."), &bearer)); /* {"alg":"none"} */
    assert_non_null(check(f, strdup(".."), &bearer));
    token = sign(f->rsa, "RS256", "one", GOOD);
    token[strlen(token) - 20] = '='; /* which cjose would abort at */
    assert_non_null(check(f, token, &bearer));
    token = sign(f->rsa, "RS256", "one", GOOD);
    strchr(token, '.')[3] = '=';
    assert_non_null(check(f, token, &bearer));
}

#define IDENTITY(more)                                                                                       \
    "{\"iss\": \"https://id.example\", \"exp\": 1000100, \"iat\": 999999, \"sub\": \"ann\"" more "}"
#define ROLES  ", \"realm_access\": {\"roles\": [\"viewer\"]}"
#define FOR_US ", \"aud\": \"troupe\", \"nonce\": \"n-1\"" ROLES

static const char *identify(const fixture_t *f, const char *claims, tr_web_bearer_t *ret_bearer) {
    char *token = sign(f->rsa, "RS256", "one", claims);
    const char *why = tr_web_jwt_identity(f->jwt, token, strlen(token), "n-1", NOW, ret_bearer);
    free(token);
    return why;
}

/* OpenID Connect Core 1.0, 3.1.3.7. */
static void test_an_identity(void **state) {
    static const struct {
        const char *claims, *label;
    } good[] = {{IDENTITY(FOR_US), ""}, {IDENTITY(FOR_US ", \"email\": \"a@b.c\", \"name\": \"A\""), "a@b.c"},
        {IDENTITY(FOR_US ", \"preferred_username\": \"Ann\\u00e4\", \"email\": \"a@b.c\""), "Ann\xc3\xa4"},
        {IDENTITY(FOR_US ", \"preferred_username\": \"a\\nb\", \"name\": \"A\""), "A"},
        {IDENTITY(FOR_US ", \"name\": \"0123456789012345678901234567890123456789012345678901234567890123x\""),
            ""},
        {IDENTITY(", \"aud\": [\"troupe\", \"b\"], \"azp\": \"troupe\", \"nonce\": \"n-1\"" ROLES), ""}};
    static const char *const wrong[] = {IDENTITY(", \"aud\": \"troupe\"" ROLES),
        IDENTITY(", \"aud\": \"troupe\", \"nonce\": \"n-2\"" ROLES),
        IDENTITY(", \"aud\": \"other\", \"nonce\": \"n-1\"" ROLES),
        IDENTITY(", \"aud\": [\"troupe\", \"b\"], \"nonce\": \"n-1\"" ROLES),
        IDENTITY(FOR_US ", \"azp\": \"b\""), IDENTITY(", \"aud\": \"troupe\", \"nonce\": \"n-1\""),
        "{\"iss\": \"https://id.example\", \"exp\": 1000100, \"sub\": \"ann\"" FOR_US "}"};
    const fixture_t *f = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        tr_web_bearer_t bearer = {.label = "before"};
        assert_null(identify(f, good[i].claims, &bearer));
        assert_string_equal(bearer.name, "oidc:ann");
        assert_string_equal(bearer.label, good[i].label);
        assert_int_equal(bearer.role, TR_WEB_VIEWER);
    }
    tr_web_bearer_t bearer = {.name = "untouched"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(identify(f, wrong[i], &bearer));
    assert_string_equal(bearer.name, "untouched");
    assert_ptr_equal(
        identify(f, IDENTITY(", \"aud\": \"troupe\", \"nonce\": \"n-1\""), &bearer), tr_web_jwt_roleless);
    char *token = sign(f->other, "RS256", "one", IDENTITY(FOR_US));
    assert_ptr_equal(
        tr_web_jwt_identity(f->jwt, token, strlen(token), "n-1", NOW, &bearer), tr_web_jwt_stranger);
    free(token);
}

static void test_what_makes_a_role(void **state) {
    static const char *const mappings[] = {"a=b=admin", "staff=operator", "*=viewer", NULL};
    static const char *const wrong[] = {"", "admin", "=admin", "staff=root", "staff=anybody", "staff="};
    static const struct {
        const char *roles;
        tr_web_role_t role;
    } cases[] = {{"\"a=b\"", TR_WEB_ADMIN}, {"[\"x\", \"staff\"]", TR_WEB_OPERATOR},
        {"[\"staff\", \"a=b\"]", TR_WEB_ADMIN}, {"\"admin\"", TR_WEB_VIEWER}, {"7", TR_WEB_VIEWER},
        {"\"a\"", TR_WEB_VIEWER}};
    const fixture_t *f = *state;
    tr_web_jwt_config_t config = {.issuer = "https://id.example",
        .audience = "troupe",
        .claim = "realm_access.roles",
        .roles = {mappings, 3}};
    char *json = cjose_jwk_to_json(f->rsa, false, NULL), *set = NULL;
    tr_web_jwt_t *jwt = NULL;
    tr_error_t error = {0};
    assert_true(asprintf(&set, "{\"keys\": [%s]}", json) > 0);
    assert_int_equal(tr_web_jwt_of(&config, set, strlen(set), &jwt, &error), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char claims[300];
        tr_web_bearer_t bearer = {0};
        snprintf(claims, sizeof claims, CLAIMS("https://id.example", "\"troupe\"", "1000100", "ann", "%s"),
            cases[i].roles);
        char *token = sign(f->rsa, "RS256", "one", claims);
        assert_null(tr_web_jwt_check(jwt, token, strlen(token), NOW, &bearer));
        assert_int_equal(bearer.role, cases[i].role);
        free(token);
    }
    for (size_t i = 0; i < 3; i++)
        assert_null(tr_web_jwt_mapping_wrong(mappings[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(tr_web_jwt_mapping_wrong(wrong[i]));
    tr_web_jwt_destroy(&jwt);
    free(set);
    cjose_get_dealloc()(json);
}

/* The public key taken for a secret: what servers fell for that let the token choose. */
static void test_a_key_is_no_secret(void **state) {
    const fixture_t *f = *state;
    tr_web_bearer_t bearer = {0};
    char *text = cjose_jwk_to_json(f->rsa, false, NULL);
    cjose_jwk_t *secret = cjose_jwk_create_oct_spec((const uint8_t *)text, strlen(text), NULL);
    assert_non_null(secret);
    assert_non_null(check(f, sign(secret, "HS256", "one", GOOD), &bearer));
    cjose_jwk_release(secret);
    cjose_get_dealloc()(text);
}

static void test_keys_change(void **state) {
    fixture_t *f = *state;
    tr_error_t error = {0};
    tr_web_bearer_t bearer = {0};
    assert_false(tr_web_jwt_refresh(f->jwt, &error));
    write_keys(f, "{\"keys\": []}");
    assert_false(tr_web_jwt_refresh(f->jwt, &error));
    assert_int_not_equal(error.code, 0);
    assert_null(check(f, sign(f->rsa, "RS256", "one", GOOD), &bearer)); /* the old ones count */
    char *json = cjose_jwk_to_json(f->other, false, NULL), *set = NULL;
    assert_true(asprintf(&set, "{\"keys\": [%s]}", json) > 0);
    write_keys(f, set);
    assert_true(tr_web_jwt_has(f->jwt, bearer.key));
    assert_true(tr_web_jwt_refresh(f->jwt, &error));
    assert_false(tr_web_jwt_has(f->jwt, bearer.key));
    assert_non_null(check(f, sign(f->rsa, "RS256", "one", GOOD), &bearer));
    assert_null(check(f, sign(f->other, "RS256", NULL, GOOD), &bearer));
    assert_true(tr_web_jwt_has(f->jwt, bearer.key));
    free(set);
    cjose_get_dealloc()(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_algorithms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_has_not_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_is_no_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_makes_a_role, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_change, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
