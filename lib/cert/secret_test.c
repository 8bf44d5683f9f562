#include "lib/cert/secret.h"

#include "lib/cert/cert_file.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct place {
    char directory[64], secrets[96], path[PATH_MAX];
    tr_secret_t secret;
} place_t;

static int setup(void **state) {
    place_t *p = calloc(1, sizeof *p);
    strcpy(p->directory, "/tmp/secret-test-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    snprintf(p->secrets, sizeof p->secrets, "%s/secret", p->directory);
    assert_int_equal(tr_secret_make("ann", &p->secret, NULL), 0);
    strcpy(p->secret.broker, p->secret.key);
    assert_int_equal(tr_secret_path(p->directory, "ann", p->path, NULL), 0);
    assert_int_equal(tr_secret_save(&p->secret, p->directory, NULL), 0);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_t *p = *state;
    unlink(p->path);
    rmdir(p->secrets);
    assert_int_equal(rmdir(p->directory), 0);
    free(p);
    return 0;
}

static void what_was_saved_is_loaded(void **state) {
    const place_t *p = *state;
    tr_secret_t read = {0};
    tr_error_t error = {0};
    struct stat st;
    if (tr_secret_load(&read, p->path, &error) < 0)
        fail_msg("%s", error.text);
    assert_memory_equal(&read, &p->secret, sizeof read);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(p->secrets, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    tr_secret_wipe(&read);
    assert_int_equal(read.secret_key[0], 0);
}

static void what_others_can_read_is_no_secret(void **state) {
    const place_t *p = *state;
    static const mode_t modes[] = {0604, 0602, 0620, 0666};
    tr_secret_t read = {0};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        tr_error_t error = {0};
        assert_int_equal(chmod(p->path, modes[i]), 0);
        assert_int_equal(tr_secret_load(&read, p->path, &error), -EPERM);
        assert_non_null(strstr(error.text, "chmod 600"));
    }
    assert_string_equal(read.name, "");
}

static void write_text(const place_t *p, const char *text) {
    FILE *f = fopen(p->path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* No error ever shows the secret. */
static void what_is_wrong_is_said_without_the_secret(void **state) {
    place_t *p = *state;
    tr_secret_t other, read = {0};
    char text[1024];
    tr_error_t error = {0};
    assert_int_equal(tr_secret_make("bob", &other, NULL), 0);
    snprintf(text, sizeof text, "certificate: ann\nkey: '%s'\nsecret-key: '%s'\n", p->secret.key,
        other.secret_key);
    write_text(p, text);
    assert_int_equal(tr_secret_load(&read, p->path, &error), -EKEYREJECTED);
    assert_null(strstr(error.text, other.secret_key));
    snprintf(text, sizeof text, "certificate: ann\nkey: '%s'\nsecret-key: '%sX'\n", p->secret.key,
        other.secret_key);
    write_text(p, text);
    assert_int_equal(tr_secret_load(&read, p->path, &error), -EINVAL);
    assert_null(strstr(error.text, other.secret_key));
    snprintf(text, sizeof text, "certificate: ann\nkey: '%s'\n", p->secret.key);
    write_text(p, text);
    assert_int_equal(tr_secret_load(&read, p->path, &error), -EINVAL);
    assert_non_null(strstr(error.text, "secret-key"));
    assert_int_equal(unlink(p->path), 0);
    assert_int_equal(tr_secret_load(&read, p->path, &error), -ENOENT);
}

static void keys_differ_and_are_written_in_z85(void **state) {
    const place_t *p = *state;
    tr_secret_t other;
    uint8_t key[TR_KEY_SIZE];
    char text[TR_KEY_TEXT + 1];
    assert_int_equal(tr_secret_make("ann", &other, NULL), 0);
    assert_string_not_equal(other.key, p->secret.key);
    assert_true(tr_key_parse(other.key, key));
    tr_key_print(key, text);
    assert_string_equal(text, other.key);
    assert_int_equal(tr_secret_make("a b", &other, NULL), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_saved_is_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_can_read_is_no_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_without_the_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_differ_and_are_written_in_z85, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
