#include "gateway/http/token.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct place {
    char *directory, path[4096];
} place_t;

static int begin(void **state) {
    place_t *place = calloc(1, sizeof *place);
    place->directory = scratch_new();
    snprintf(place->path, sizeof place->path, "%s/tokens", place->directory);
    *state = place;
    return 0;
}

static int end(void **state) {
    place_t *place = *state;
    scratch_end(place->directory);
    free(place);
    return 0;
}

static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void test_a_token_that_was_made_is_found(void **state) {
    const place_t *place = *state;
    char ann[TR_WEB_TOKEN_SIZE], bob[TR_WEB_TOKEN_SIZE];
    tr_error_t error = {0};
    tr_web_tokens_t *tokens = NULL;
    assert_int_equal(tr_web_token_make(place->path, "ann", TR_WEB_VIEWER, ann, &error), 0);
    assert_int_equal(tr_web_token_make(place->path, "bob", TR_WEB_ADMIN, bob, &error), 0);
    assert_int_equal(tr_web_tokens_new(place->path, &tokens, &error), 0);
    assert_string_not_equal(ann, bob);
    const tr_web_token_t *found = tr_web_tokens_find(tokens, bob, strlen(bob));
    assert_string_equal(found->name, "bob");
    assert_int_equal(found->role, TR_WEB_ADMIN);
    assert_int_equal(tr_web_tokens_find(tokens, ann, strlen(ann))->role, TR_WEB_VIEWER);
    assert_null(tr_web_tokens_find(tokens, ann, strlen(ann) - 1));
    assert_null(tr_web_tokens_find(tokens, "", 0));
    tr_web_tokens_destroy(&tokens);
}

static void test_a_name_has_one_token(void **state) {
    const place_t *place = *state;
    char token[TR_WEB_TOKEN_SIZE];
    tr_error_t error = {0};
    assert_int_equal(tr_web_token_make(place->path, "ann", TR_WEB_VIEWER, token, &error), 0);
    assert_int_equal(tr_web_token_make(place->path, "ann", TR_WEB_ADMIN, token, &error), -EEXIST);
    assert_int_equal(tr_web_token_make(place->path, "a b", TR_WEB_ADMIN, token, &error), -EINVAL);
}

static void test_lines_that_are_wrong_are_named(void **state) {
    const place_t *place = *state;
    static const char *const wrong[] = {"ann\n", "ann viewer 12\n",
        "ann king "
        "0000000000000000000000000000000000000000000000000000000000000000\n",
        "-ann viewer 0000000000000000000000000000000000000000000000000000000000000000\n",
        "ann viewer 000000000000000000000000000000000000000000000000000000000000000g\n",
        "ann anybody 0000000000000000000000000000000000000000000000000000000000000000\n"};
    char text[512];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tr_error_t error = {0};
        tr_web_tokens_t *tokens = NULL;
        snprintf(text, sizeof text, "# tokens\n\n%s", wrong[i]);
        put(place->path, text);
        assert_int_equal(tr_web_tokens_new(place->path, &tokens, &error), -EINVAL);
        assert_non_null(strstr(error.text, "tokens:3: "));
    }
}

static void test_a_file_that_others_may_write_is_refused(void **state) {
    const place_t *place = *state;
    tr_error_t error = {0};
    tr_web_tokens_t *tokens = NULL;
    put(place->path, "");
    chmod(place->path, 0620);
    assert_int_equal(tr_web_tokens_new(place->path, &tokens, &error), -EPERM);
}

static void test_a_change_counts_and_a_wrong_one_does_not(void **state) {
    const place_t *place = *state;
    char ann[TR_WEB_TOKEN_SIZE], bob[TR_WEB_TOKEN_SIZE];
    tr_error_t error = {0};
    tr_web_tokens_t *tokens = NULL;
    assert_int_equal(tr_web_token_make(place->path, "ann", TR_WEB_VIEWER, ann, &error), 0);
    assert_int_equal(tr_web_tokens_new(place->path, &tokens, &error), 0);
    assert_false(tr_web_tokens_refresh(tokens, &error));
    assert_int_equal(tr_web_token_make(place->path, "bob", TR_WEB_VIEWER, bob, &error), 0);
    assert_true(tr_web_tokens_refresh(tokens, &error));
    assert_non_null(tr_web_tokens_find(tokens, bob, strlen(bob)));
    put(place->path, "nonsense\n");
    assert_false(tr_web_tokens_refresh(tokens, &error));
    assert_int_equal(error.code, -EINVAL);
    assert_non_null(tr_web_tokens_find(tokens, bob, strlen(bob)));
    assert_false(tr_web_tokens_refresh(tokens, &error));
    assert_int_equal(error.code, 0);
    tr_web_tokens_destroy(&tokens);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_token_that_was_made_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_name_has_one_token, begin, end),
        cmocka_unit_test_setup_teardown(test_lines_that_are_wrong_are_named, begin, end),
        cmocka_unit_test_setup_teardown(test_a_file_that_others_may_write_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_a_change_counts_and_a_wrong_one_does_not, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
