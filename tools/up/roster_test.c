#include "tools/up/roster.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static tr_fleet_agent_t settings(const char *name, int64_t count) {
    return (tr_fleet_agent_t){.name = name, .behaviour = "echo", .count = count};
}

static tr_group_t *group_of(tr_roster_t *roster, const char *name, int64_t count, bool copy) {
    tr_fleet_agent_t agent = settings(name, count);
    tr_group_t *group = NULL;
    tr_error_t error;
    assert_int_equal(tr_roster_add_group(roster, &agent, "/tmp", copy, &group, &error), 0);
    return group;
}

/* Joins the next free number; its name. */
static const char *next(tr_roster_t *roster, tr_group_t *group) {
    char name[TR_NAME_MAX + 1];
    int64_t number;
    tr_member_t *member = NULL;
    tr_error_t error;
    assert_int_equal(tr_roster_next(roster, group, &number, name), 0);
    assert_int_equal(tr_roster_join(roster, group, number, &member, &error), 0);
    assert_string_equal(member->name, name);
    return member->name;
}

static void leaves(tr_roster_t *roster, const char *name) {
    tr_member_t *member = tr_roster_member(roster, name);
    assert_non_null(member);
    tr_roster_leave(roster, member);
}

static void test_numbers_are_the_lowest_that_are_free(void **state) {
    (void)state;
    tr_roster_t roster;
    tr_roster_init(&roster);
    tr_group_t *reader = group_of(&roster, "reader", 4, false);
    assert_string_equal(next(&roster, reader), "reader-1");
    assert_string_equal(next(&roster, reader), "reader-2");
    assert_string_equal(next(&roster, reader), "reader-3");
    leaves(&roster, "reader-2");
    assert_string_equal(next(&roster, reader), "reader-2");
    assert_string_equal(next(&roster, reader), "reader-4");
    assert_int_equal(reader->members, 4);
    tr_roster_finish(&roster);
}

static void test_the_first_of_a_group_of_one_is_called_as_the_group(void **state) {
    (void)state;
    tr_roster_t roster;
    tr_roster_init(&roster);
    tr_group_t *editor = group_of(&roster, "editor", 1, false);
    assert_string_equal(next(&roster, editor), "editor");
    assert_string_equal(next(&roster, editor), "editor-2");
    leaves(&roster, "editor");
    assert_string_equal(next(&roster, editor), "editor");
    tr_roster_finish(&roster);
}

static void test_a_name_of_another_group_is_stepped_over(void **state) {
    (void)state;
    tr_roster_t roster;
    tr_roster_init(&roster);
    tr_group_t *other = group_of(&roster, "reader-2", 1, true),
               *reader = group_of(&roster, "reader", 2, false);
    assert_string_equal(next(&roster, other), "reader-2");
    assert_string_equal(next(&roster, reader), "reader-1");
    assert_string_equal(next(&roster, reader), "reader-3");
    tr_roster_finish(&roster);
}

static void test_a_name_that_would_be_too_long_is_refused(void **state) {
    (void)state;
    char name[TR_NAME_MAX + 1], made[TR_NAME_MAX + 1];
    memset(name, 'a', TR_NAME_MAX);
    name[TR_NAME_MAX] = '\0';
    tr_roster_t roster;
    int64_t number;
    tr_roster_init(&roster);
    tr_group_t *group = group_of(&roster, name, 1, true);
    assert_string_equal(next(&roster, group), name);
    assert_int_equal(tr_roster_next(&roster, group, &number, made), -ENAMETOOLONG);
    tr_roster_finish(&roster);
}

static void test_the_newest_goes_first_and_those_that_leave_do_not_count(void **state) {
    (void)state;
    tr_roster_t roster;
    tr_roster_init(&roster);
    tr_group_t *reader = group_of(&roster, "reader", 2, false), *clerk = group_of(&roster, "clerk", 2, true);
    next(&roster, reader);
    next(&roster, reader);
    next(&roster, clerk);
    assert_string_equal(tr_roster_newest(&roster, reader)->name, "reader-2");
    tr_roster_member(&roster, "reader-2")->leaving = true;
    assert_string_equal(tr_roster_newest(&roster, reader)->name, "reader-1");
    assert_int_equal(tr_roster_staying(&roster, reader), 1);
    assert_int_equal(tr_roster_staying(&roster, clerk), 1);
    leaves(&roster, "reader-1");
    assert_null(tr_roster_newest(&roster, reader));
    tr_roster_finish(&roster);
}

static void test_a_group_is_replaced_only_when_nobody_is_in_it(void **state) {
    (void)state;
    tr_roster_t roster;
    tr_error_t error;
    tr_group_t *clerk = NULL;
    tr_fleet_agent_t other = settings("clerk", 3), of_the_file = settings("reader", 1),
                     member = settings("clerk-1", 1);
    tr_roster_init(&roster);
    group_of(&roster, "reader", 4, false);
    next(&roster, group_of(&roster, "clerk", 2, true));
    assert_int_equal(tr_roster_add_group(&roster, &other, "/tmp", true, &clerk, &error), -EEXIST);
    assert_non_null(strstr(error.text, "troupe attach clerk"));
    assert_int_equal(tr_roster_add_group(&roster, &member, "/tmp", true, &clerk, &error), -EEXIST);
    assert_int_equal(tr_roster_add_group(&roster, &of_the_file, "/tmp", true, &clerk, &error), -EEXIST);
    leaves(&roster, "clerk-1");
    assert_int_equal(tr_roster_add_group(&roster, &other, "/tmp", true, &clerk, &error), 0);
    assert_int_equal(clerk->agent.count, 3);
    assert_int_equal(roster.group_count, 2);
    tr_roster_finish(&roster);
}

static void test_settings_of_an_attached_group_are_its_own(void **state) {
    (void)state;
    char name[] = "clerk", service[] = "file";
    const char *services[] = {service, NULL};
    tr_fleet_agent_t agent = settings(name, 1);
    agent.services = (tr_texts_t){services, 1};
    tr_roster_t roster;
    tr_group_t *group = NULL;
    tr_roster_init(&roster);
    assert_int_equal(tr_roster_add_group(&roster, &agent, "/tmp", true, &group, NULL), 0);
    name[0] = service[0] = 'X';
    assert_string_equal(group->agent.name, "clerk");
    assert_string_equal(group->agent.services.items[0], "file");
    assert_null(group->agent.services.items[1]);
    tr_roster_finish(&roster);
}

static void test_wrong_names_suggest_right_ones(void **state) {
    (void)state;
    tr_roster_t roster;
    tr_error_t error;
    tr_roster_init(&roster);
    assert_int_equal(tr_roster_no_group(&roster, "reader", &error), -ENOENT);
    assert_string_equal(error.text, "there is no group \"reader\"; there are none");
    tr_group_t *reader = group_of(&roster, "reader", 20, false);
    for (int i = 0; i < 10; i++)
        next(&roster, reader);
    assert_int_equal(tr_roster_no_group(&roster, "raeder", &error), -ENOENT);
    assert_string_equal(error.text, "there is no group \"raeder\"; did you mean \"reader\"?");
    tr_roster_no_group(&roster, "xyz", &error);
    assert_string_equal(error.text, "there is no group \"xyz\"; there is reader");
    tr_roster_no_member(&roster, "xyz", &error);
    assert_non_null(strstr(error.text, "there are reader-1, reader-2"));
    assert_non_null(strstr(error.text, "reader-8 ..."));
    tr_roster_finish(&roster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_the_lowest_that_are_free),
        cmocka_unit_test(test_the_first_of_a_group_of_one_is_called_as_the_group),
        cmocka_unit_test(test_a_name_of_another_group_is_stepped_over),
        cmocka_unit_test(test_a_name_that_would_be_too_long_is_refused),
        cmocka_unit_test(test_the_newest_goes_first_and_those_that_leave_do_not_count),
        cmocka_unit_test(test_a_group_is_replaced_only_when_nobody_is_in_it),
        cmocka_unit_test(test_settings_of_an_attached_group_are_its_own),
        cmocka_unit_test(test_wrong_names_suggest_right_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
