#include "lib/store/table_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *of(const char *pattern, const char *name) {
    static _Thread_local char out[TR_TABLE_NAME_SIZE];
    return tr_table_name(pattern, name, 63, out);
}

static void what_can_stand_stands(void **state) {
    (void)state;
    assert_string_equal(of("troupe_journal", "north"), "troupe_journal");
    assert_string_equal(of("troupe_journal_*", "north"), "troupe_journal_north");
    assert_string_equal(of("s.t_*", "north_2"), "s.t_north_2");
    assert_string_equal(of("*", "north"), "north");
    assert_string_equal(of("", "north"), "");
}

static void different_names_have_different_tables(void **state) {
    (void)state;
    static const char *const names[] = {
        "office-0", "office_0", "Office-0", "office.0", "office-1", "OFFICE_0"};
    char made[6][TR_TABLE_NAME_SIZE];
    for (size_t i = 0; i < 6; i++) {
        tr_table_name("j_*", names[i], 63, made[i]);
        assert_int_equal(strspn(made[i], "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(made[i]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(made[i], made[j]);
    }
    assert_string_equal(made[1], "j_office_0");
    assert_memory_equal(made[0], "j_office_0_", 11);
}

static void none_is_longer_than_a_name_may_be(void **state) {
    (void)state;
    char name[129] = "", one[TR_TABLE_NAME_SIZE], other[TR_TABLE_NAME_SIZE], long_pattern[200];
    for (size_t len = 0; len < sizeof name - 1; len++) {
        memset(name, 'a', len);
        name[len] = '\0';
        assert_true(strlen(tr_table_name("troupe_state_*", name, 63, one)) <= 63);
        assert_true(strlen(tr_table_name("schema.troupe_state_*", name, 63, one)) <= 63 + 7);
    }
    name[127] = 'b';
    tr_table_name("t_*", name, 63, one);
    name[127] = 'c';
    assert_string_not_equal(one, tr_table_name("t_*", name, 63, other));
    assert_true(strlen(tr_table_name("*", name, 24, one)) == 24);
    long_pattern[0] = '\0';
    assert_string_equal(
        tr_table_name("ppppppppppppppppppppppppppppppppppppppppppppppppppppppp*", name, 63, one),
        "ppppppppppppppppppppppppppppppppppppppppppppppppppppppp*"); /* 55, and no room for a hash */
    memset(long_pattern, 'p', sizeof long_pattern);
    strcpy(long_pattern + 190, "*");
    assert_true(strlen(tr_table_name(long_pattern, name, 63, one)) < TR_TABLE_NAME_SIZE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_stand_stands),
        cmocka_unit_test(different_names_have_different_tables),
        cmocka_unit_test(none_is_longer_than_a_name_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
