#include "gateway/http/oidc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define ISSUER "https://id.example/realms/fleet"
#define WITH(more)                                                                                           \
    "{\"issuer\": \"" ISSUER "\", \"authorization_endpoint\": \"https://id.example/go?a=1\", "               \
    "\"token_endpoint\": \"https://id.example/token\", \"jwks_uri\": \"https://id.example/keys\"" more "}"

static const char *read_it(const char *text, tr_oidc_provider_t *provider) {
    return tr_oidc_read_description(ISSUER, text, strlen(text), provider);
}

static void test_a_description(void **state) {
    (void)state;
    tr_oidc_provider_t p = {0};
    assert_null(read_it(WITH(""), &p));
    assert_string_equal(p.authorize, "https://id.example/go?a=1");
    assert_string_equal(p.token, "https://id.example/token");
    assert_string_equal(p.keys, "https://id.example/keys");
    assert_string_equal(p.end, "");
    assert_false(p.secret_in_body || p.says_issuer);
    assert_null(read_it(WITH(", \"end_session_endpoint\": \"https://id.example/end\", "
                             "\"token_endpoint_auth_methods_supported\": [\"client_secret_post\"], "
                             "\"authorization_response_iss_parameter_supported\": true, "
                             "\"id_token_signing_alg_values_supported\": [\"HS256\", \"ES256\"]"),
        &p));
    assert_string_equal(p.end, "https://id.example/end");
    assert_true(p.secret_in_body && p.says_issuer);
    assert_null(read_it(
        WITH(
            ", \"token_endpoint_auth_methods_supported\": [\"client_secret_post\", \"client_secret_basic\"]"),
        &p));
    assert_false(p.secret_in_body);
}

static void test_descriptions_that_are_wrong(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "[]", "{}",
        "{\"issuer\": \"" ISSUER "/\", \"authorization_endpoint\": \"https://id.example/go\", "
        "\"token_endpoint\": \"https://id.example/token\", \"jwks_uri\": \"https://id.example/keys\"}",
        "{\"issuer\": \"" ISSUER "\", \"authorization_endpoint\": \"https://id.example/go\", "
        "\"token_endpoint\": \"http://id.example/token\", \"jwks_uri\": \"https://id.example/keys\"}",
        "{\"issuer\": \"" ISSUER "\", \"authorization_endpoint\": \"https://id.example/go\\r\\nX: y\", "
        "\"token_endpoint\": \"https://id.example/token\", \"jwks_uri\": \"https://id.example/keys\"}",
        "{\"issuer\": \"" ISSUER "\", \"authorization_endpoint\": \"https://id.example/go#here\", "
        "\"token_endpoint\": \"https://id.example/token\", \"jwks_uri\": \"https://id.example/keys\"}",
        "{\"issuer\": \"" ISSUER "\", \"authorization_endpoint\": \"javascript:alert(1)\", "
        "\"token_endpoint\": \"https://id.example/token\", \"jwks_uri\": \"https://id.example/keys\"}",
        "{\"issuer\": \"" ISSUER "\", \"authorization_endpoint\": \"https://id.example/go\"}",
        WITH(", \"id_token_signing_alg_values_supported\": [\"HS256\", \"none\"]")};
    tr_oidc_provider_t p = {.end = "untouched"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(read_it(wrong[i], &p));
    assert_string_equal(p.end, "untouched");
}

static void test_issuers(void **state) {
    (void)state;
    static const char *const right[] = {"https://id.example", "https://id.example/a/",
        "http://127.0.0.1:8080", "http://localhost/realm", "http://[::1]:9"};
    static const char *const wrong[] = {"", "id.example", "http://id.example", "http://127.0.0.1.example",
        "http://localhost@id.example", "https://id.example/?a=b", "https://id.example/ x", "https://",
        "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_null(tr_oidc_issuer_wrong(right[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(tr_oidc_issuer_wrong(wrong[i]));
}

static void test_what_is_asked(void **state) {
    (void)state;
    tr_buffer_t out;
    char long_secret[200], expected[700], letters[600];
    tr_buffer_init(&out, 0);
    tr_oidc_description_url("https://id.example/a/", &out);
    tr_buffer_char(&out, ' ');
    tr_oidc_description_url("https://id.example", &out);
    assert_string_equal(tr_buffer_string(&out), "https://id.example/a/.well-known/openid-configuration "
                                                "https://id.example/.well-known/openid-configuration");
    out.size = 0;
    tr_oidc_put(&out, 0, "code", "a b&c=d/\xc3\xa4~");
    tr_oidc_put(&out, '&', "x", "");
    assert_string_equal(tr_buffer_string(&out), "code=a%20b%26c%3Dd%2F%C3%A4~&x=");
    assert_int_equal(tr_oidc_sign("https://id.example/go"), '?');
    assert_int_equal(tr_oidc_sign("https://id.example/go?a=1"), '&');
    for (size_t len = 0; len < sizeof long_secret; len++) { /* of each remainder of three */
        out.size = 0;
        memset(long_secret, 's', len);
        long_secret[len] = '\0';
        tr_oidc_put_secret(&out, "a:b", long_secret);
        snprintf(expected, sizeof expected, "a%%3Ab:%s", long_secret);
        sodium_bin2base64(letters, sizeof letters, (const unsigned char *)expected, strlen(expected),
            sodium_base64_VARIANT_ORIGINAL);
        snprintf(expected, sizeof expected, "Authorization: Basic %s", letters);
        assert_string_equal(tr_buffer_string(&out), expected);
    }
    tr_buffer_finish(&out);
}

static void test_answers(void **state) {
    (void)state;
    static const struct {
        const char *text, *read;
        bool good;
    } answers[] = {{"{\"id_token\": \"a.b.c\", \"access_token\": \"x\"}", "a.b.c", true},
        {"{\"error\": \"invalid_grant\", \"error_description\": \"used before\"}",
            "invalid_grant: used before", false},
        {"{\"error\": \"invalid_grant\"}", "invalid_grant", false},
        {"{\"access_token\": \"x\"}", "there is no id_token in its answer", false},
        {"{\"error\": \"\"}", "there is no id_token in its answer", false},
        {"<html>", "there is no id_token in its answer", false}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        tr_buffer_t out;
        tr_buffer_init(&out, 0);
        assert_int_equal(
            tr_oidc_read_answer(answers[i].text, strlen(answers[i].text), &out), answers[i].good);
        assert_string_equal(tr_buffer_string(&out), answers[i].read);
        tr_buffer_finish(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_description),
        cmocka_unit_test(test_descriptions_that_are_wrong),
        cmocka_unit_test(test_issuers),
        cmocka_unit_test(test_what_is_asked),
        cmocka_unit_test(test_answers),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
