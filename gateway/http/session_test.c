#include "gateway/http/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <cmocka.h>

#define NOW   INT64_C(1790000000000)
#define HOUR  INT64_C(3600000)
#define LIFES 12 * HOUR

static const unsigned char key[32] = "a key that two gateways share..",
                           other_key[32] = "the key of another fleet.......";

typedef struct sealed {
    tr_web_session_keys_t keys;
    tr_web_session_t session;
    char text[TR_WEB_SEALED_SIZE];
} sealed_t;

static sealed_t sealed(const char *name) {
    sealed_t s;
    tr_web_session_keys(key, false, &s.keys);
    tr_web_session_begin(name, 7, NOW, &s.session);
    tr_web_session_seal(&s.keys, &s.session, s.text);
    return s;
}

static void test_another_gateway_opens_it(void **state) {
    (void)state;
    char longest[TR_WEB_SESSION_NAME + 1];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        sealed_t s = sealed(i ? longest : "a");
        tr_web_session_keys_t keys;
        tr_web_session_t opened;
        tr_web_session_keys(key, false, &keys);
        assert_true(tr_web_session_open(&keys, s.text, strlen(s.text), &opened));
        assert_memory_equal(opened.id, s.session.id, sizeof opened.id);
        assert_string_equal(opened.name, s.session.name);
        assert_true(opened.epoch == 7 && opened.begun_ms == NOW && opened.seen_ms == NOW);
        assert_null(strpbrk(s.text, ";, =\"\\")); /* what a cookie may not have (RFC 6265, 4.1.1) */
    }
}

/* What a provider said: any name and any label, as long as they may be. */
static void test_what_a_provider_said(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "oidc:ann", "Ann \xc3\x84", "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < 16; i++) {
        sealed_t s = sealed(texts[i / 4]);
        tr_web_session_t opened;
        strcpy(s.session.label, texts[i % 4]);
        s.session.role = (unsigned char)(i % 4);
        tr_web_session_seal(&s.keys, &s.session, s.text);
        assert_true(tr_web_session_open(&s.keys, s.text, strlen(s.text), &opened));
        assert_string_equal(opened.name, texts[i / 4]);
        assert_string_equal(opened.label, texts[i % 4]);
        assert_int_equal(opened.role, i % 4);
    }
}

/* Each bit counts, and so does the end. */
static void test_nothing_else_is_opened(void **state) {
    (void)state;
    sealed_t s = sealed("ann");
    tr_web_session_t opened;
    size_t len = strlen(s.text);
    for (size_t i = 0; i < len; i++) {
        char changed[TR_WEB_SEALED_SIZE];
        strcpy(changed, s.text);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(tr_web_session_open(&s.keys, changed, len, &opened));
        assert_false(tr_web_session_open(&s.keys, s.text, i, &opened));
    }
    for (int c = 1; c < 256; c++) {
        char changed[TR_WEB_SEALED_SIZE];
        strcpy(changed, s.text);
        changed[len / 2] = (char)c;
        assert_int_equal(
            tr_web_session_open(&s.keys, changed, len, &opened), changed[len / 2] == s.text[len / 2]);
    }
    char longer[TR_WEB_SEALED_SIZE + 200];
    memset(longer, 'A', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_false(tr_web_session_open(&s.keys, longer, sizeof longer - 1, &opened));
    memcpy(longer, s.text, len);
    assert_false(tr_web_session_open(&s.keys, longer, len + 4, &opened));
    assert_false(tr_web_session_open(&s.keys, "", 0, &opened));
    tr_web_session_keys_t others;
    tr_web_session_keys(other_key, false, &others);
    assert_false(tr_web_session_open(&others, s.text, len, &opened));
}

static void test_sessions_are_told_apart(void **state) {
    (void)state;
    sealed_t one = sealed("ann"), two = sealed("ann");
    char again[TR_WEB_SEALED_SIZE];
    assert_memory_not_equal(one.session.id, two.session.id, sizeof one.session.id);
    tr_web_session_seal(&one.keys, &one.session, again);
    assert_string_not_equal(one.text, again);
}

static void test_how_long_it_lives(void **state) {
    (void)state;
    tr_web_session_t s = sealed("ann").session;
    assert_true(tr_web_session_lives(&s, NOW, HOUR, LIFES));
    assert_true(tr_web_session_lives(&s, NOW + HOUR - 1, HOUR, LIFES));
    assert_false(tr_web_session_lives(&s, NOW + HOUR, HOUR, LIFES));
    s.seen_ms = NOW + 12 * HOUR - 1;
    assert_true(tr_web_session_lives(&s, NOW + 12 * HOUR - 1, HOUR, LIFES));
    assert_false(tr_web_session_lives(&s, NOW + 12 * HOUR, HOUR, LIFES));
    s = sealed("ann").session;
    assert_true(tr_web_session_lives(&s, NOW - 60000, HOUR, LIFES)); /* the clock of another gateway */
    assert_false(tr_web_session_lives(&s, NOW - HOUR, HOUR, LIFES));
}

static void test_its_token(void **state) {
    (void)state;
    sealed_t one = sealed("ann"), two = sealed("ann");
    char token[TR_WEB_CSRF_SIZE], other[TR_WEB_CSRF_SIZE];
    tr_web_session_csrf(&one.keys, &one.session, token);
    tr_web_session_csrf(&two.keys, &two.session, other);
    assert_int_equal(strlen(token), TR_WEB_CSRF_SIZE - 1);
    assert_true(tr_web_session_csrf_is(&one.keys, &one.session, token));
    one.session.seen_ms += HOUR; /* it stays while the session lasts */
    assert_true(tr_web_session_csrf_is(&one.keys, &one.session, token));
    assert_false(tr_web_session_csrf_is(&one.keys, &one.session, other));
    assert_false(tr_web_session_csrf_is(&one.keys, &one.session, ""));
    token[0] = token[0] == 'A' ? 'B' : 'A';
    assert_false(tr_web_session_csrf_is(&one.keys, &one.session, token));
}

static void test_the_mark_of_its_end(void **state) {
    (void)state;
    sealed_t one = sealed("ann"), two = sealed("ann");
    char mark[TR_WEB_END_MARK_SIZE], other[TR_WEB_END_MARK_SIZE];
    tr_web_session_keys_t others;
    tr_web_session_keys(other_key, false, &others);
    tr_web_session_end_mark(&one.keys, one.session.id, NOW, mark);
    tr_web_session_end_mark(&two.keys, one.session.id, NOW, other); /* of another gateway, the same key */
    assert_string_equal(mark, other);
    tr_web_session_end_mark(&one.keys, one.session.id, NOW + 1, other);
    assert_string_not_equal(mark, other);
    tr_web_session_end_mark(&one.keys, two.session.id, NOW, other);
    assert_string_not_equal(mark, other);
    tr_web_session_end_mark(&others, one.session.id, NOW, other);
    assert_string_not_equal(mark, other);
}

static void test_the_cookie_is_found(void **state) {
    (void)state;
    tr_web_session_keys_t plain, secure, others;
    size_t len = 0;
    tr_web_session_keys(key, false, &plain);
    tr_web_session_keys(key, true, &secure);
    tr_web_session_keys(other_key, false, &others);
    assert_string_equal(secure.cookie + strlen("__Host-"), plain.cookie);
    assert_string_not_equal(plain.cookie, others.cookie);
    static const char header[] = "a=1; troupe=abc ;b=2;ab=3";
    const char *found = tr_web_cookie(header, "troupe", &len);
    assert_memory_equal(found, "abc", 3);
    assert_int_equal(len, 3);
    assert_int_equal(*tr_web_cookie(header, "b", &len), '2');
    assert_int_equal(*tr_web_cookie("b=1; b=2", "b", &len), '1');
    assert_null(tr_web_cookie(header, "troup", &len));
    assert_null(tr_web_cookie(header, "c", &len));
    assert_null(tr_web_cookie("", "c", &len));
    assert_null(tr_web_cookie("c", "c", &len));
    assert_non_null(tr_web_cookie("c=", "c", &len));
    assert_int_equal(len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_gateway_opens_it),
        cmocka_unit_test(test_what_a_provider_said),
        cmocka_unit_test(test_nothing_else_is_opened),
        cmocka_unit_test(test_sessions_are_told_apart),
        cmocka_unit_test(test_how_long_it_lives),
        cmocka_unit_test(test_its_token),
        cmocka_unit_test(test_the_mark_of_its_end),
        cmocka_unit_test(test_the_cookie_is_found),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
