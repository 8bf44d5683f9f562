#include "lib/embed/model_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* That a file of these bytes is refused, and says so. */
static void assert_refused(const void *bytes, size_t length, const char *why) {
    char path[] = "/tmp/troupe-model-XXXXXX";
    int fd = mkstemp(path);
    tr_embed_file_t file = {0};
    tr_error_t error = {0};
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
    assert_int_equal(tr_embed_file_open(path, &file, &error), -EBADMSG);
    assert_null(file.map);
    if (!strstr(error.text, why) || !strstr(error.text, "tools/setup --embeddings"))
        fail_msg("%s does not say %s", error.text, why);
    unlink(path);
}

static void what_is_no_model_is_refused(void **state) {
    (void)state;
    char bytes[256] = "TREMBED1";
    tr_embed_file_t file = {0};
    tr_error_t error = {0};
    assert_int_equal(tr_embed_file_open("/nowhere/x", &file, &error), -ENOENT);
    assert_int_equal(tr_embed_file_open("/", &file, &error), -EBADMSG);
    assert_refused("", 0, "cannot map");
    assert_refused("TREMBED1", 8, "too short");
    assert_refused(bytes, 128, "of the wrong size"); /* no floats */
    memset(bytes + 16, 0xff, 8);
    assert_refused(bytes, 128, "damaged"); /* more pieces than bytes */
    memcpy(bytes, "TREMBED2", 8);
    assert_refused(bytes, 128, "of another version");
}

/* One bit of a real model. */
static void a_wrong_sum_is_refused(void **state) {
    (void)state;
    uint64_t floats = 0;
    tr_embed_file_t file = {0};
    tr_error_t error = {0};
    const char *model = getenv("TROUPE_EMBEDDINGS");
    if (!model || tr_embed_file_open(model, &file, &error) < 0) {
        printf("SKIPPED: TROUPE_EMBEDDINGS is no model\n");
        skip();
    }
    char *copy = malloc(file.size);
    assert_non_null(copy);
    memcpy(copy, file.map, file.size);
    memcpy(&floats, copy + 24, sizeof floats);
    assert_int_equal(file.size, 64 + file.pieces_length + floats * 4);
    copy[file.size - 1] ^= 1;
    assert_refused(copy, file.size, "its sum is another");
    free(copy);
    tr_embed_file_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_model_is_refused),
        cmocka_unit_test(a_wrong_sum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
