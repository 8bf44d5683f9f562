#include "gateway/http/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include <cmocka.h>

#define NOW INT64_C(1790000000000)

static const unsigned char key[TR_WEB_SEAL_KEY] = "a key that two gateways share..",
                           other_key[TR_WEB_SEAL_KEY] = "the key of another fleet.......";

/* RFC 7636, appendix B. */
static void test_the_challenge_of_the_document(void **state) {
    (void)state;
    char challenge[TR_WEB_FLOW_WORD];
    tr_web_flow_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge);
    assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void test_another_gateway_opens_it(void **state) {
    (void)state;
    char text[TR_WEB_FLOW_SIZE], one[TR_WEB_FLOW_WORD], two[TR_WEB_FLOW_WORD];
    tr_web_flow_t flow, opened = {0};
    tr_web_flow_begin(NOW, &flow);
    tr_web_flow_seal(key, &flow, text);
    assert_int_equal(strlen(text), TR_WEB_FLOW_SIZE - 1);
    assert_true(tr_web_flow_open(key, text, strlen(text), NOW, &opened));
    tr_web_flow_verifier(&flow, one);
    tr_web_flow_verifier(&opened, two);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), 43); /* at least (RFC 7636, 4.1) */
    tr_web_flow_state(&opened, one);
    assert_true(tr_web_flow_is(&flow, one));
}

static void test_nothing_else_is_opened(void **state) {
    (void)state;
    char text[TR_WEB_FLOW_SIZE], changed[TR_WEB_FLOW_SIZE];
    unsigned char plain[TR_WEB_FLOW_SEED + 8] = {0};
    tr_web_flow_t flow, opened;
    tr_web_flow_begin(NOW, &flow);
    tr_web_flow_seal(key, &flow, text);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        strcpy(changed, text);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_false(tr_web_flow_open(key, changed, len, NOW, &opened));
        assert_false(tr_web_flow_open(key, text, i, NOW, &opened));
    }
    assert_false(tr_web_flow_open(other_key, text, len, NOW, &opened));
    assert_true(tr_web_flow_open(key, text, len, NOW + TR_WEB_FLOW_MS - 1, &opened));
    assert_false(tr_web_flow_open(key, text, len, NOW + TR_WEB_FLOW_MS, &opened));
    memset(plain, 0x7f, sizeof plain);
    tr_web_seal(key, "troupe session 2", plain, sizeof plain, text); /* of the same key, and something else */
    assert_false(tr_web_flow_open(key, text, strlen(text), NOW, &opened));
}

static void test_its_words_are_its_own(void **state) {
    (void)state;
    char words[6][TR_WEB_FLOW_WORD];
    tr_web_flow_t flows[2];
    for (int i = 0; i < 2; i++) {
        tr_web_flow_begin(NOW, &flows[i]);
        tr_web_flow_state(&flows[i], words[3 * i]);
        tr_web_flow_nonce(&flows[i], words[3 * i + 1]);
        tr_web_flow_verifier(&flows[i], words[3 * i + 2]);
    }
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(words[i], words[j]);
    assert_true(tr_web_flow_is(&flows[0], words[0]));
    assert_false(tr_web_flow_is(&flows[0], words[3]));
    assert_false(tr_web_flow_is(&flows[0], words[1]));
    assert_false(tr_web_flow_is(&flows[0], ""));
    words[0][42] = words[0][42] == 'A' ? 'B' : 'A';
    assert_false(tr_web_flow_is(&flows[0], words[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_challenge_of_the_document),
        cmocka_unit_test(test_another_gateway_opens_it),
        cmocka_unit_test(test_nothing_else_is_opened),
        cmocka_unit_test(test_its_words_are_its_own),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
