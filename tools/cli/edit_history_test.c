#include "tools/cli/edit_history.h"

#include "lib/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
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
    char directory[64], path[PATH_MAX];
} place_t;

static int setup(void **state) {
    place_t *p = calloc(1, sizeof *p);
    strcpy(p->directory, "/tmp/troupe-history-XXXXXX");
    if (!mkdtemp(p->directory))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/state/.chat-ann", p->directory);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_t *p = *state;
    char state_directory[PATH_MAX];
    snprintf(state_directory, sizeof state_directory, "%s/state", p->directory);
    unlink(p->path);
    rmdir(state_directory);
    rmdir(p->directory);
    free(p);
    return 0;
}

static void note(void *arg, const char *line) {
    tr_buffer_printf(arg, "%s|", line);
}

static char *loaded(const place_t *p) {
    tr_buffer_t out = {0};
    tr_edit_history_load(p->path, note, &out);
    return out.data ? out.data : strdup("");
}

static void test_what_was_typed_is_there_again(void **state) {
    const place_t *p = *state;
    struct stat st;
    char *none = loaded(p);
    assert_string_equal(none, "");
    assert_int_equal(tr_edit_history_add(p->path, "hello"), 0);
    assert_int_equal(tr_edit_history_add(p->path, "two\nlines and a \"quote\" \xc3\xa4"), 0);
    char *lines = loaded(p);
    assert_string_equal(lines, "hello|two\nlines and a \"quote\" \xc3\xa4|");
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    free(none);
    free(lines);
}

static void test_what_is_not_kept(void **state) {
    const place_t *p = *state;
    static const char *const lines[] = {"", " a space first", "my Password is x", "use sk-123456",
        "the API key: 1", "Authorization: Basic Og==", "-----BEGIN RSA", "AKIAIOSFODNN7"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_false(tr_edit_history_keeps(lines[i]));
        assert_int_equal(tr_edit_history_add(p->path, lines[i]), 0);
    }
    char *large = malloc(TR_EDIT_HISTORY_LINE + 2);
    memset(large, 'x', TR_EDIT_HISTORY_LINE + 1);
    large[TR_EDIT_HISTORY_LINE + 1] = '\0';
    assert_false(tr_edit_history_keeps(large));
    assert_true(tr_edit_history_keeps(large + 1));
    free(large);
    assert_int_equal(access(p->path, F_OK), -1);
    assert_true(tr_edit_history_keeps("write about the harbour"));
}

static void test_it_is_bounded(void **state) {
    const place_t *p = *state;
    char line[32];
    struct stat before, after;
    for (int i = 0; i <= 2 * TR_EDIT_HISTORY_MAX; i++) {
        snprintf(line, sizeof line, "line %d", i);
        assert_int_equal(tr_edit_history_add(p->path, line), 0);
    }
    assert_int_equal(stat(p->path, &before), 0);
    char *first = loaded(p), *again = loaded(p);
    assert_int_equal(strncmp(first, "line 501|line 502|", 18), 0);
    assert_string_equal(first, again);
    assert_int_equal(stat(p->path, &after), 0);
    assert_true(after.st_size < before.st_size * 2 / 3);
    assert_int_equal(after.st_mode & 07777, 0600);
    free(first);
    free(again);
}

/* Another program's, or a line that was cut: the others count. */
static void test_damaged(void **state) {
    const place_t *p = *state;
    assert_int_equal(tr_edit_history_add(p->path, "one"), 0);
    FILE *file = fopen(p->path, "a");
    fputs("no json\n7\n\"cut", file);
    fclose(file);
    char *lines = loaded(p);
    assert_string_equal(lines, "one|");
    free(lines);
    assert_int_equal(tr_edit_history_forget(p->path), 0);
    assert_int_equal(access(p->path, F_OK), -1);
    assert_int_equal(tr_edit_history_forget(p->path), 0); /* there is none */
    assert_int_equal(tr_edit_history_forget("/dev/null/.chat-ann"), -ENOTDIR);
    assert_int_equal(symlink("/dev/null", p->path), 0); /* nobody else says where it is */
    assert_int_equal(tr_edit_history_add(p->path, "two"), -ELOOP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_typed_is_there_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
