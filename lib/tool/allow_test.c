#include "lib/tool/allow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool takes(const char *rule, const char *scheme, const char *host, unsigned port, const char *path) {
    assert_true(tr_allow_is_rule(rule, strlen(rule)));
    return tr_allow_takes(rule, &(tr_place_t){scheme, host, port, path});
}

static void what_is_a_rule(void **state) {
    static const char *const rules[] = {"http://a", "https://a.example/", "HTTPS://a.example:8443/x/y",
        "http://[::1]:8080/", "https://*.a.example/", NULL};
    static const char *const none[] = {"", "a.example", "ftp://a/", "https://", "https:///x", "https://*/",
        "https://a:0/", "https://a:65536/", "https://a:x/", "https://u@a/", "https://a/?q", "https://a/%2e",
        "https://a/../b", "https://a b/", "https://[::1", "https://*.[::1]/", NULL};
    (void)state;
    for (size_t i = 0; rules[i]; i++)
        if (!tr_allow_is_rule(rules[i], strlen(rules[i])))
            fail_msg("%s is a rule", rules[i]);
    for (size_t i = 0; none[i]; i++)
        if (tr_allow_is_rule(none[i], strlen(none[i])))
            fail_msg("%s is no rule", none[i]);
    assert_false(tr_allow_is_rule("https://a\0b", 11));
}

static void hosts(void **state) {
    (void)state;
    assert_true(takes("https://a.example/", "https", "A.Example", 443, "/x"));
    assert_false(takes("https://a.example/", "http", "a.example", 443, "/"));
    assert_false(takes("https://a.example/", "https", "a.example", 8443, "/"));
    assert_false(takes("https://a.example/", "https", "a.example.evil", 443, "/"));
    assert_false(takes("https://a.example/", "https", "b.a.example", 443, "/"));
    assert_false(takes("https://a.example/", "https", "a.example.", 443, "/"));
    assert_true(takes("http://[::1]:8080", "http", "[::1]", 8080, "/"));
}

static void hosts_below_one(void **state) {
    (void)state;
    assert_true(takes("https://*.a.example/", "https", "b.a.example", 443, "/"));
    assert_true(takes("https://*.a.example/", "https", "c.b.A.example", 443, "/"));
    assert_false(takes("https://*.a.example/", "https", "a.example", 443, "/"));
    assert_false(takes("https://*.a.example/", "https", ".a.example", 443, "/"));
    assert_false(takes("https://*.a.example/", "https", "bada.example", 443, "/"));
}

static void paths(void **state) {
    static const char *const around[] = {"/manual/../secret", "/manual/%2e%2e/secret", "/manual/%2E./x",
        "/manual/..%2fsecret", "/manual/.%5c", "/manual/..\\secret", "/manuals", "/", "/Manual/x", NULL};
    (void)state;
    assert_true(takes("http://a:81/manual/", "http", "a", 81, "/manual/page%20one?x=.."));
    for (size_t i = 0; around[i]; i++)
        if (takes("http://a:81/manual/", "http", "a", 81, around[i]))
            fail_msg("%s is not of the manual", around[i]);
    assert_true(takes("http://a:81/", "http", "a", 81, "/x/%2e"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_rule),
        cmocka_unit_test(hosts),
        cmocka_unit_test(hosts_below_one),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
