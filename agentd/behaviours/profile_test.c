/* What is made of a reply for a user, and what is learnt of what he says. */
#include "agentd/behaviours/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_fit(const json_t *profile, const char *reply, bool may_cut, const char *expected) {
    json_t *fitted = tr_profile_fit(profile, reply, may_cut, 0);
    assert_string_equal(json_string_value(fitted), expected);
    json_decref(fitted);
}

static void test_a_short_reply_is_a_sentence(void **state) {
    (void)state;
    json_t *profile = tr_profile_new();
    check_fit(profile, "It is deep. Ships come.", true, "It is deep. Ships come.");
    tr_profile_learn(profile, "Be brief.", NULL);
    check_fit(profile, "It is deep. Ships come.", true, "It is deep.");
    check_fit(profile, "Dr. Smith wrote it. It is good.", true, "Dr. Smith wrote it.");
    check_fit(profile, "It costs approx. 3 euros. Buy it.", true, "It costs approx. 3 euros.");
    check_fit(profile, "I found this:\n1. The harbour. It is deep.\n2. The town.", false,
        "I found this:\n1. The harbour. It is deep.\n2. The town.");
    check_fit(
        profile, "You can say:\n- what is it?\n- be brief", true, "You can say:\n- what is it?\n- be brief");
    json_decref(profile);
}

static void test_a_friend_is_called_by_name(void **state) {
    (void)state;
    json_t *profile = tr_profile_new();
    tr_profile_learn(profile, "My name is Ann. Thanks!", NULL);
    check_fit(profile, "It is deep.", true, "Ann, it is deep.");
    check_fit(profile, "I know.", true, "Ann, I know.");
    check_fit(
        profile, "Berlin is the capital.", false, "Ann: Berlin is the capital."); /* of others: as it is */
    json_decref(profile);
}

static void check_detail(const char *said, const char *expected) {
    json_t *profile = tr_profile_new();
    tr_profile_learn(profile, said, NULL);
    assert_string_equal(json_string_value(json_object_get(profile, "detail")), expected);
    json_decref(profile);
}

static void test_shorter_is_an_order_or_a_question(void **state) {
    (void)state;
    check_detail("which of the two ways is shorter?", "normal");
    check_detail("Shorter, please.", "short");
    check_detail("make it shorter", "short");
    check_detail("be shorter", "short");
    check_detail("Tell me of ships. Be shorter!", "short");
    check_detail("Can you be shorter?", "short");
    check_detail("Could you look for ships, and be shorter?", "short");
    check_detail("I want you to be brief", "short");
    check_detail("from now on be brief.", "short");
    check_detail("Will it be long? Then be brief.", "short");
    check_detail("which way is to be shorter?", "normal");
    check_detail("Which of them may be shorter?", "normal");
    check_detail("Will the meeting be brief?", "normal");
    check_detail("The meeting should be brief", "normal");
    check_detail("please do not be brief", "normal");
    check_detail("don't be brief", "normal");
    check_detail("It'll be shorter by sea", "normal");
    check_detail("search for an elaborate plan", "normal");
    check_detail("Can you elaborate?", "long");
}

static void check_wish(const char *said, const char *expected) {
    json_t *reply = tr_profile_wish(said);
    if (expected)
        assert_string_equal(json_string_value(reply), expected);
    else
        assert_null(reply);
    json_decref(reply);
}

static void test_a_wish_is_heard(void **state) {
    (void)state;
    check_wish("Be shorter.", "I will be brief.");
    check_wish("My name is Ann Lee, and I like whales", "I will call you Ann Lee.");
    check_wish("call me a taxi", NULL);
    check_wish("please be longer", "I will say more.");
    check_wish("thanks", NULL);
    check_wish("will it be brief?", NULL);
}

static void check_answer(const json_t *profile, const char *said, const char *expected) {
    json_t *reply = tr_profile_answer(profile, said);
    if (expected)
        assert_string_equal(json_string_value(reply), expected);
    else
        assert_null(reply);
    json_decref(reply);
}

static void test_who_asks_for_his_name_is_told(void **state) {
    json_t *profile = tr_profile_new();
    (void)state;
    check_answer(profile, "What is my name?", "You have not told me your name yet: \"my name is ...\".");
    tr_profile_learn(profile, "my name is Ann') DROP", NULL);
    check_answer(profile, "who am I?", "You are Ann.");
    check_answer(profile, "who am I to judge?", NULL);
    json_t *about = json_pack("{s:s}", "query", "whales");
    tr_profile_learn_topic(profile, about);
    tr_profile_learn(profile, "be brief", NULL);
    json_decref(about);
    check_answer(profile, "what do you know about me?",
        "You are Ann. You like it brief. You have asked about: whales.");
    check_answer(profile, "My name is Eve.", "I will call you Eve.");
    check_answer(profile, "call me a taxi", NULL);
    check_answer(profile, "hello, my name is Eve", NULL);
    json_decref(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_short_reply_is_a_sentence),
        cmocka_unit_test(test_a_wish_is_heard),
        cmocka_unit_test(test_who_asks_for_his_name_is_told),
        cmocka_unit_test(test_a_friend_is_called_by_name),
        cmocka_unit_test(test_shorter_is_an_order_or_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
