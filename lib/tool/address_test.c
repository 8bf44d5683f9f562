#include "lib/tool/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static bool is_public(const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return tr_address_is_public((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return tr_address_is_public((const struct sockaddr *)&v6);
}

static void public_ones(void **state) {
    static const char *const addresses[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0",
        "192.0.1.0", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111",
        "2001:4860:4860::8888", "2a00::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1", NULL};
    (void)state;
    for (size_t i = 0; addresses[i]; i++)
        if (!is_public(addresses[i]))
            fail_msg("%s is public", addresses[i]);
}

static void special_ones(void **state) {
    static const char *const addresses[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
        "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
        "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254", "64:ff9b::a00:1",
        "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1", "2001::1", "2001:db8::1", "3fff::1", "fc00::1",
        "fdff::1", "fe80::1", "fec0::1", "ff02::1", "100::1", NULL};
    (void)state;
    for (size_t i = 0; addresses[i]; i++)
        if (is_public(addresses[i]))
            fail_msg("%s is not public", addresses[i]);
}

static void what_is_no_address_of_the_internet(void **state) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    (void)state;
    assert_false(tr_address_is_public((const struct sockaddr *)&local));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_ones),
        cmocka_unit_test(special_ones),
        cmocka_unit_test(what_is_no_address_of_the_internet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
