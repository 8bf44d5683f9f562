#include "lib/users/users.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "key 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

typedef struct place {
    char *directory, path[4096];
} place_t;

static int begin(void **state) {
    place_t *place = calloc(1, sizeof *place);
    place->directory = scratch_new();
    snprintf(place->path, sizeof place->path, "%s/users", place->directory);
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

static tr_users_t *opened(const place_t *place) {
    tr_users_t *users = NULL;
    tr_error_t error = {0};
    int rc = tr_users_open(place->path, &users, &error);
    if (rc < 0)
        fail_msg("%s", error.text);
    return users;
}

static void test_who_was_added_has_his_password(void **state) {
    const place_t *place = *state;
    tr_error_t error = {0};
    struct stat st;
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_ADMIN, "correct horse", &error), 0);
    assert_int_equal(tr_users_add(place->path, "bob", TR_USER_VIEWER, "correct horse", &error), 0);
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    tr_users_t *users = opened(place);
    assert_int_equal(tr_users_count(users), 2);
    const tr_user_t *ann = tr_users_find(users, "ann"), *bob = tr_users_at(users, 1);
    assert_int_equal(ann->role, TR_USER_ADMIN);
    assert_string_equal(bob->name, "bob");
    assert_string_not_equal(ann->hash, bob->hash); /* each has a salt of its own */
    assert_true(tr_user_password_is("correct horse", ann->hash));
    assert_false(tr_user_password_is("correct hors", ann->hash));
    assert_false(tr_user_password_is("", ann->hash));
    assert_null(tr_users_find(users, "carl"));
    assert_null(tr_users_at(users, 2));
    tr_users_destroy(&users);
}

static void test_each_change_is_another_epoch_and_none_another_key(void **state) {
    const place_t *place = *state;
    tr_error_t error = {0};
    unsigned char key[TR_USERS_KEY];
    uint64_t epochs[4];
    for (int i = 0; i < 4; i++) {
        int rc = i == 0   ? tr_users_add(place->path, "ann", TR_USER_VIEWER, "first word", &error)
                 : i == 1 ? tr_users_set_password(place->path, "ann", "second word", &error)
                 : i == 2 ? tr_users_set_role(place->path, "ann", TR_USER_OPERATOR, &error)
                          : tr_users_remove(place->path, "ann", &error) ||
                                tr_users_add(place->path, "ann", TR_USER_OPERATOR, "second word", &error);
        assert_int_equal(rc, 0);
        tr_users_t *users = opened(place);
        epochs[i] = tr_users_find(users, "ann")->epoch;
        for (int k = 0; k < i; k++)
            assert_true(epochs[k] != epochs[i]);
        if (i == 0)
            memcpy(key, tr_users_key(users), sizeof key);
        assert_memory_equal(key, tr_users_key(users), sizeof key);
        assert_int_equal(tr_users_find(users, "ann")->role, i < 2 ? TR_USER_VIEWER : TR_USER_OPERATOR);
        assert_int_equal(tr_user_password_is("second word", tr_users_find(users, "ann")->hash), i > 0);
        tr_users_destroy(&users);
    }
}

static void test_what_cannot_be(void **state) {
    const place_t *place = *state;
    char longest[TR_USER_PASSWORD_MAX + 2];
    tr_error_t error = {0};
    memset(longest, 'a', sizeof longest);
    longest[TR_USER_PASSWORD_MAX + 1] = '\0';
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_VIEWER, "short", &error), -EINVAL);
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_VIEWER, longest, &error), -EINVAL);
    assert_int_equal(tr_users_add(place->path, "an n", TR_USER_VIEWER, "long enough", &error), -EINVAL);
    assert_int_equal(tr_users_add(place->path, "", TR_USER_VIEWER, "long enough", &error), -EINVAL);
    assert_int_equal(access(place->path, F_OK), -1);
    assert_int_equal(tr_users_remove(place->path, "ann", &error), -ENOENT);
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_VIEWER, "long enough", &error), 0);
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_VIEWER, "long enough", &error), -EEXIST);
    assert_int_equal(tr_users_remove(place->path, "bob", &error), -ENOENT);
    assert_int_equal(tr_users_set_role(place->path, "bob", TR_USER_ADMIN, &error), -ENOENT);
    assert_int_equal(tr_users_set_password(place->path, "bob", "long enough", &error), -ENOENT);
}

static void test_files_that_are_wrong(void **state) {
    static const char *const texts[] = {
        "",
        "key 00\n",
        "key\n",
        "nonsense\n",
        KEY "user ann viewer 1 2\n",
        KEY "user ann king 1 2 $argon2id$v=19$\n",
        KEY "user ann viewer x 2 $argon2id$v=19$\n",
        KEY "user ann viewer -1 2 $argon2id$v=19$\n",
        KEY "user ann viewer 1 2 $2y$10$abc\n",
        KEY "user ann viewer 1 2 $argon2id$v=19$ more\n",
        KEY "user a/b viewer 1 2 $argon2id$v=19$\n",
        KEY "user ann viewer 1 2 $argon2id$v=19$\nuser ann admin 1 2 $argon2id$v=19$\n",
    };
    const place_t *place = *state;
    tr_users_t *users = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tr_error_t error = {0};
        put(place->path, texts[i]);
        assert_int_equal(tr_users_open(place->path, &users, &error), -EINVAL);
        assert_non_null(strstr(error.text, place->path));
    }
    put(place->path, KEY "# nobody\n\n");
    users = opened(place);
    assert_int_equal(tr_users_count(users), 0);
    tr_users_destroy(&users);
    tr_error_t error = {0};
    chmod(place->path, 0644);
    assert_int_equal(tr_users_open(place->path, &users, &error), -EPERM);
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_VIEWER, "long enough", &error), -EPERM);
}

static void test_it_is_read_again(void **state) {
    const place_t *place = *state;
    tr_error_t error = {0};
    assert_int_equal(tr_users_add(place->path, "ann", TR_USER_VIEWER, "long enough", &error), 0);
    tr_users_t *users = opened(place);
    assert_false(tr_users_refresh(users, &error));
    assert_int_equal(error.code, 0);
    assert_int_equal(tr_users_add(place->path, "bob", TR_USER_VIEWER, "long enough", &error), 0);
    assert_true(tr_users_refresh(users, &error));
    assert_non_null(tr_users_find(users, "bob"));
    put(place->path, "nonsense");
    assert_false(tr_users_refresh(users, &error));
    assert_int_equal(error.code, -EINVAL);
    assert_false(tr_users_refresh(users, &error));
    assert_int_equal(error.code, 0); /* told once */
    unlink(place->path);
    assert_false(tr_users_refresh(users, &error));
    assert_int_equal(error.code, -ENOENT);
    assert_non_null(tr_users_find(users, "bob"));
    tr_users_destroy(&users);
}

/* Nobody's change is lost to somebody else's. */
static void test_several_at_once(void **state) {
    const place_t *place = *state;
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            char name[16];
            tr_error_t error = {0};
            snprintf(name, sizeof name, "user-%d", i);
            _exit(tr_users_add(place->path, name, TR_USER_VIEWER, "long enough", &error) == 0 ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status = 1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    tr_users_t *users = opened(place);
    assert_int_equal(tr_users_count(users), 4);
    tr_users_destroy(&users);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_was_added_has_his_password, begin, end),
        cmocka_unit_test_setup_teardown(test_each_change_is_another_epoch_and_none_another_key, begin, end),
        cmocka_unit_test_setup_teardown(test_what_cannot_be, begin, end),
        cmocka_unit_test_setup_teardown(test_files_that_are_wrong, begin, end),
        cmocka_unit_test_setup_teardown(test_it_is_read_again, begin, end),
        cmocka_unit_test_setup_teardown(test_several_at_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
