#include "lib/cert/rotate.h"

#include "lib/base/clock.h"
#include "lib/cert/cert_file.h"
#include "lib/cert/secret.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const names[] = {"broker", "ann", "bob", "far"};

typedef struct place {
    char directory[64];
    char keys[sizeof names / sizeof *names][TR_KEY_TEXT + 1];
} place_t;

static void add(place_t *p, size_t at) {
    tr_secret_t secret;
    tr_cert_t *cert = tr_cert_new(names[at]);
    assert_non_null(cert);
    assert_int_equal(tr_secret_make(names[at], &secret, NULL), 0);
    if (at)
        strcpy(secret.broker, p->keys[0]);
    strcpy(p->keys[at], secret.key);
    tr_key_parse(secret.key, cert->keys[0].bytes);
    cert->keys_n = 1;
    assert_int_equal(tr_cert_save(cert, p->directory, NULL), 0);
    assert_int_equal(tr_secret_save(&secret, p->directory, NULL), 0);
    tr_cert_destroy(&cert);
    tr_secret_wipe(&secret);
}

static void remove_file(const place_t *p, const char *folder, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s%s.yaml", p->directory, folder, name);
    unlink(path);
}

static int setup(void **state) {
    place_t *p = calloc(1, sizeof *p);
    assert_non_null(p);
    strcpy(p->directory, "/tmp/troupe-rotate-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add(p, i);
    remove_file(p, "secret/", "far"); /* its holder has it */
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_t *p = *state;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        remove_file(p, "secret/", names[i]);
        remove_file(p, "", names[i]);
    }
    snprintf(path, sizeof path, "%s/secret", p->directory);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(p->directory), 0);
    free(p);
    return 0;
}

/* How many keys it has; the first one into `key`. */
static size_t keys_of(const place_t *p, const char *name, char key[TR_KEY_TEXT + 1], int64_t *ret_until_ms) {
    tr_cert_t *cert = NULL;
    assert_int_equal(tr_cert_load_named(p->directory, name, &cert, NULL), 0);
    size_t n = cert->keys_n;
    tr_key_print(cert->keys[0].bytes, key);
    *ret_until_ms = n > 1 ? cert->keys[1].until_ms : 0;
    tr_cert_destroy(&cert);
    return n;
}

static void all_but_brokers_and_those_that_are_away(void **state) {
    const place_t *p = *state;
    char key[TR_KEY_TEXT + 1], again[TR_KEY_TEXT + 1];
    int64_t until_ms, now_ms = tr_clock_wall_ms();
    assert_int_equal(tr_cert_rotate_all(p->directory, "broker", 60000, NULL), 0);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(keys_of(p, names[i], key, &until_ms), 2);
        assert_string_not_equal(key, p->keys[i]);
        assert_in_range(until_ms, now_ms + 59000, now_ms + 90000);
    }
    assert_int_equal(keys_of(p, "broker", key, &until_ms), 1);
    assert_string_equal(key, p->keys[0]);
    assert_int_equal(keys_of(p, "far", key, &until_ms), 1);
    assert_string_equal(key, p->keys[3]);

    /* Again: nothing new, or a call that is repeated would lose the key that is in use. */
    keys_of(p, "ann", key, &until_ms);
    assert_int_equal(tr_cert_rotate_all(p->directory, "broker", 60000, NULL), 0);
    keys_of(p, "ann", again, &until_ms);
    assert_string_equal(again, key);
    assert_int_equal(tr_cert_rotate(p->directory, "ann", "broker", 60000, NULL), -EALREADY);

    assert_int_equal(tr_cert_rotate_finish_all(p->directory, NULL), 0);
    assert_int_equal(keys_of(p, "ann", again, &until_ms), 1);
    assert_string_equal(again, key);
}

static void without_a_grace_each_once(void **state) {
    const place_t *p = *state;
    char key[TR_KEY_TEXT + 1], path[PATH_MAX];
    int64_t until_ms;
    tr_secret_t secret = {0};
    assert_int_equal(tr_cert_rotate_all(p->directory, "broker", 0, NULL), 0);
    assert_int_equal(keys_of(p, "bob", key, &until_ms), 1);
    assert_string_not_equal(key, p->keys[2]);
    assert_int_equal(tr_secret_path(p->directory, "bob", path, NULL), 0);
    assert_int_equal(tr_secret_load(&secret, path, NULL), 0);
    assert_string_equal(secret.key, key);
    assert_string_equal(secret.broker, p->keys[0]);
    tr_secret_wipe(&secret);
}

static void a_brokers_new_key_is_known_to_all(void **state) {
    const place_t *p = *state;
    char key[TR_KEY_TEXT + 1], path[PATH_MAX];
    int64_t until_ms;
    tr_secret_t secret = {0};
    assert_int_equal(tr_cert_rotate(p->directory, "broker", "broker", 60000, NULL), 0);
    assert_int_equal(keys_of(p, "broker", key, &until_ms), 1);
    assert_int_equal(tr_secret_path(p->directory, "ann", path, NULL), 0);
    assert_int_equal(tr_secret_load(&secret, path, NULL), 0);
    assert_string_equal(secret.broker, key);
    assert_string_equal(secret.key, p->keys[1]);
    tr_secret_wipe(&secret);
}

static void what_was_taken_back_stays_so(void **state) {
    const place_t *p = *state;
    tr_cert_t *cert = NULL;
    char key[TR_KEY_TEXT + 1];
    int64_t until_ms;
    assert_int_equal(tr_cert_load_named(p->directory, "ann", &cert, NULL), 0);
    cert->revoked_ms = 1000;
    assert_int_equal(tr_cert_save(cert, p->directory, NULL), 0);
    tr_cert_destroy(&cert);
    assert_int_equal(tr_cert_rotate(p->directory, "ann", "broker", 60000, NULL), -EKEYREVOKED);
    assert_int_equal(tr_cert_rotate_all(p->directory, "broker", 60000, NULL), 0);
    assert_int_equal(keys_of(p, "ann", key, &until_ms), 1);
    assert_string_equal(key, p->keys[1]);
}

static void load_secret(const place_t *p, const char *name, tr_secret_t *secret) {
    char path[PATH_MAX];
    assert_int_equal(tr_secret_path(p->directory, name, path, NULL), 0);
    assert_int_equal(tr_secret_load(secret, path, NULL), 0);
}

/* As a kill between the two files leaves it: the public part has a new key, the secret part is the old one's. */
static void cut_short(const place_t *p, const char *name) {
    tr_secret_t old = {0};
    load_secret(p, name, &old);
    assert_int_equal(tr_cert_rotate(p->directory, name, "broker", 60000, NULL), 0);
    assert_int_equal(tr_secret_save(&old, p->directory, NULL), 0);
    tr_secret_wipe(&old);
}

static void assert_both_keys(const place_t *p, const char *name, const char *old_key) {
    char key[TR_KEY_TEXT + 1];
    tr_secret_t secret = {0};
    tr_cert_t *cert = NULL;
    load_secret(p, name, &secret);
    assert_int_equal(tr_cert_load_named(p->directory, name, &cert, NULL), 0);
    assert_int_equal(cert->keys_n, 2);
    tr_key_print(cert->keys[0].bytes, key);
    assert_string_equal(secret.key, key);
    tr_key_print(cert->keys[1].bytes, key);
    assert_string_equal(old_key, key);
    tr_cert_destroy(&cert);
    tr_secret_wipe(&secret);
}

static void what_was_cut_short_is_done_again(void **state) {
    const place_t *p = *state;
    char lost[TR_KEY_TEXT + 1], key[TR_KEY_TEXT + 1];
    int64_t until_ms;
    cut_short(p, "ann");
    cut_short(p, "bob");
    keys_of(p, "ann", lost, &until_ms);
    tr_error_t error = {0};
    assert_int_equal(tr_cert_rotate_finish(p->directory, "ann", &error), -EKEYREJECTED);
    assert_non_null(strstr(error.text, "without --finish"));
    assert_int_equal(tr_cert_rotate_finish_all(p->directory, NULL), -EKEYREJECTED);
    assert_int_equal(keys_of(p, "ann", key, &until_ms), 2);

    assert_int_equal(tr_cert_rotate(p->directory, "ann", "broker", 60000, NULL), 0);
    assert_int_equal(keys_of(p, "ann", key, &until_ms), 2);
    assert_string_not_equal(key, lost);
    assert_both_keys(p, "ann", p->keys[1]);
    assert_int_equal(tr_cert_rotate_all(p->directory, "broker", 60000, NULL), 0);
    assert_both_keys(p, "ann", p->keys[1]);
    assert_both_keys(p, "bob", p->keys[2]);
    assert_int_equal(tr_cert_rotate_finish_all(p->directory, NULL), 0);
    assert_int_equal(keys_of(p, "bob", key, &until_ms), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_but_brokers_and_those_that_are_away, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_grace_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_brokers_new_key_is_known_to_all, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_taken_back_stays_so, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_cut_short_is_done_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
