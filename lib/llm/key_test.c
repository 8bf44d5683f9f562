#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/llm/key.h"

static void hides(const char *key, const char *name, const char *value, const char *text, const char *left) {
    tr_pair_t pair = {(char *)(uintptr_t)name, (char *)(uintptr_t)value};
    tr_pairs_t headers = {.items = &pair, .count = name != NULL};
    tr_llm_secrets_t secrets;
    char *copy = strdup(text);
    assert_non_null(copy);
    assert_int_equal(tr_llm_secrets_take(&secrets, key, &headers), 0);
    tr_llm_secrets_hide(&secrets, copy, strlen(copy));
    assert_string_equal(copy, left);
    tr_llm_secrets_finish(&secrets);
    free(copy);
}

static void keys(void **state) {
    (void)state;
    hides("sk-12", NULL, NULL, "a sk-12 and sk-12sk-12, sk-1", "a ***** and **********, sk-1");
    hides("abc", NULL, NULL, "abc", "abc"); /* a word like others */
    hides("", NULL, NULL, "abc", "abc");
    hides("****", NULL, NULL, "a masked key: ******", "a masked key: ******");
}

static void escapes(void **state) {
    (void)state;
    hides("ab/cd+e", NULL, NULL, "\"ab\\/cd+e\"", "\"********\"");
    hides("ab/cd+e", NULL, NULL, "\"ab\\u002Fcd\\u002be\"", "\"*****************\"");
    hides(
        "ab/cd+e", NULL, NULL, "\"{\\\"k\\\":\\\"ab\\\\\\/cd+e\\\"}\"", "\"{\\\"k\\\":\\\"**********\\\"}\"");
    hides("ab\\cd", NULL, NULL, "\"ab\\\\cd\", ab\\cd", "\"******\", *****");
    hides("/abcd", NULL, NULL, "\"\\\\\\/abcd\"", "\"********\"");
    hides("nabcd", NULL, NULL, "\"\\nnabcd\\", "\"\\n*****\\"); /* an escape stays whole */
    hides("0041ab", NULL, NULL, "\"\\u0041ab \\\\u0041ab\"", "\"\\u0041ab \\\\u******\"");
    hides("abcd", NULL, NULL, "\\", "\\");
    hides("abcd", NULL, NULL, "abc\\", "abc\\");
    hides("abcd", NULL, NULL, "abc\\u006", "abc\\u006");
}

static void values(void **state) {
    (void)state;
    hides("", "Authorization", "Bearer tok-0123", "Bearer tok-0123", "Bearer ********");
    hides("", "Cookie", "a=S1-S1-S1; b=S2-S2-S2", "S1-S1-S1 S2-S2-S2 session", "******** ******** session");
    hides("", "x-session_cookie", "s=\"S1-S1-S1\"", "it was S1-S1-S1", "it was ********");
    hides("", "X-ApiKey", "dXNlcjpwYXNzMQ==", "dXNlcjpwYXNzMQ==", "****************");
    hides("", "X-Secret", "correct horse battery staple", "horse battery staple", "********************");
    hides("", "X-Secret", "", "nothing", "nothing");
    hides("", "X-Key-Type", "text", "{\"type\":\"text\"}", "{\"type\":\"text\"}");
}

static void names(void **state) {
    static const char *const others[] = {"X-Author", "X-Max-Tokens", "X-Keyboard", "Accept", ""};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        hides("", others[i], "structuredContent", "structuredContent", "structuredContent");
    hides("", "x_api_key", "structuredContent", "structuredContent", "*****************");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(escapes),
        cmocka_unit_test(values),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
