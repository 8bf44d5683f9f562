#include "gateway/http/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_an_address(void **state) {
    (void)state;
    assert_true(tr_web_is_address("192.0.2.7"));
    assert_true(tr_web_is_address("2001:db8::7"));
    assert_false(tr_web_is_address("localhost"));
    assert_false(tr_web_is_address("192.0.2.7:80"));
    assert_false(tr_web_is_address(""));
}

static void test_one_form_of_each(void **state) {
    static const char *const cases[][3] = {
        /* as it comes, plain, the network */
        {"192.0.2.7", "192.0.2.7", "192.0.2.7"},
        {"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"},
        {"::FFFF:c000:207", "192.0.2.7", "192.0.2.7"},
        {"2001:DB8:0:0::7", "2001:db8::7", "2001:db8::/64"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"::1", "::1", "::/64"},
        {"nonsense", "nonsense", "nonsense"},
    };
    char out[TR_WEB_PEER_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_web_address_plain(cases[i][0], out);
        assert_string_equal(out, cases[i][1]);
        tr_web_address_net(cases[i][0], out);
        assert_string_equal(out, cases[i][2]);
    }
}

static void test_neighbours(void **state) {
    char a[TR_WEB_PEER_SIZE], b[TR_WEB_PEER_SIZE];
    (void)state;
    tr_web_address_net("2001:db8:1:2:ffff:ffff:ffff:ffff", a);
    tr_web_address_net("2001:db8:1:2::", b);
    assert_string_equal(a, b);
    tr_web_address_net("2001:db8:1:3::", b);
    assert_string_not_equal(a, b);
    tr_web_address_net("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", a);
    assert_string_equal(a, "ffff:ffff:ffff:ffff::/64");
}

static void test_what_is_too_long_is_cut(void **state) {
    char text[200], out[TR_WEB_PEER_SIZE];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tr_web_address_net(text, out);
    assert_int_equal(strlen(out), TR_WEB_PEER_SIZE - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_an_address),
        cmocka_unit_test(test_one_form_of_each),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_what_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
