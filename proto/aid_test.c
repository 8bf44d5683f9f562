#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/aid.h"

static int parse(tr_aid_t *aid, const char *text) {
    return tr_aid_parse(aid, text, strlen(text));
}

static void reads_its_parts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool service;
        const char *name, *platform;
    } rows[] = {
        {"reader-1", false, "reader-1", ""},
        {"reader-1@north", false, "reader-1", "north"},
        {"svc:digest", true, "digest", ""},
        {"svc:digest@north.example", true, "digest", "north.example"},
        {"_a.b_c+d~e@x", false, "_a.b_c+d~e", "x"},
        {"svc", false, "svc", ""},
        {"7", false, "7", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_aid_t aid;
        char text[TR_AID_MAX + 1];
        assert_int_equal(parse(&aid, rows[i].text), 0);
        assert_int_equal(aid.service, rows[i].service);
        assert_string_equal(aid.name, rows[i].name);
        assert_string_equal(aid.platform, rows[i].platform);
        assert_int_equal(tr_aid_print(&aid, text, sizeof text), (int)strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void refuses_what_is_no_aid(void **state) {
    (void)state;
    static const char *const rows[] = {"", "@", "a@", "@b", "a@b@c", ".a", "-a", "a b", "a\n", "a/b", "a$b",
        "a:b", "svc:", "svc:@p", "svc:svc:a", "SVC:a", "a@-p", "a@.p", "a@p+q", "a@p~q", "a[0]", "a*", "a>",
        "\xc3\xa4", "a@\xff", "$sys", "+a@p:1"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_aid_t aid;
        memset(&aid, 0x5a, sizeof aid);
        tr_aid_t before = aid;
        if (parse(&aid, rows[i]) != -EINVAL)
            fail_msg("accepted \"%s\"", rows[i]);
        assert_memory_equal(&aid, &before, sizeof aid);
    }
    tr_aid_t aid;
    assert_int_equal(tr_aid_parse(&aid, NULL, 0), -EINVAL);
    assert_int_equal(tr_aid_parse(&aid, "a\0b", 3), -EINVAL);
    assert_int_equal(tr_aid_parse(&aid, "a@b\0", 4), -EINVAL);
}

static void keeps_its_limits(void **state) {
    (void)state;
    char text[4 + TR_NAME_MAX + 1 + 1 + TR_PLATFORM_MAX + 1];
    char printed[TR_AID_MAX + 1];
    tr_aid_t aid;
    memset(text, 'n', sizeof text);
    assert_int_equal(tr_aid_parse(&aid, text, TR_NAME_MAX), 0);
    assert_int_equal(strlen(aid.name), TR_NAME_MAX);
    assert_int_equal(tr_aid_parse(&aid, text, TR_NAME_MAX + 1), -ENAMETOOLONG);

    memcpy(text, "svc:", 4);
    text[4 + TR_NAME_MAX] = '@';
    assert_int_equal(tr_aid_parse(&aid, text, TR_AID_MAX), 0);
    assert_int_equal(tr_aid_print(&aid, printed, sizeof printed), TR_AID_MAX);
    assert_memory_equal(printed, text, TR_AID_MAX);
    assert_int_equal(tr_aid_print(&aid, printed, TR_AID_MAX), -ENOSPC);
    assert_int_equal(tr_aid_parse(&aid, text, TR_AID_MAX + 1), -ENAMETOOLONG);
}

static void every_character_has_one_answer(void **state) {
    (void)state;
    const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        char two[2] = {'a', one};
        bool alnum = c != 0 && strchr(plain, c);
        bool name = alnum || (c != 0 && strchr("._-+~", c));
        bool platform = alnum || (c != 0 && strchr("._-", c));
        assert_int_equal(tr_name_valid(two, 2), name);
        assert_int_equal(tr_platform_valid(two, 2), platform);
        assert_int_equal(tr_name_valid(&one, 1), name && c != '.' && c != '-');
        assert_int_equal(tr_platform_valid(&one, 1), platform && c != '.' && c != '-');
    }
    assert_false(tr_name_valid("", 0));
    assert_false(tr_platform_valid(NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_its_parts),
        cmocka_unit_test(refuses_what_is_no_aid),
        cmocka_unit_test(keeps_its_limits),
        cmocka_unit_test(every_character_has_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
