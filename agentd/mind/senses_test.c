#include "agentd/mind/senses.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* Two channels, 8000 samples a second, four frames; the length of "data" is what a pipe's writer says. */
static const uint8_t wave[] = {'R', 'I', 'F', 'F', 0xff, 0xff, 0xff, 0x7f, 'W', 'A', 'V', 'E', 'L', 'I', 'S',
    'T', 1, 0, 0, 0, 'x', 0, 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0, 2, 0, 0x40, 0x1f, 0, 0, 0, 0x7d, 0, 0, 4,
    0, 16, 0, 'd', 'a', 't', 'a', 0xff, 0xff, 0xff, 0x7f, 100, 0, 200, 0, 50, 0, 50, 0, 0x9c, 0xff, 0x9c,
    0xff, 0, 0, 0, 0};

static int16_t sample(const uint8_t *samples, size_t at) {
    return (int16_t)(uint16_t)(samples[2 * at] | samples[2 * at + 1] << 8);
}

static void a_wave_becomes_plain(void **state) {
    static const int16_t expected[] = {150, 100, 50, -25, -100, -50, 0, 0};
    size_t length = 0;
    const char *why = "";
    (void)state;
    uint8_t *plain = tr_sound_plain(wave, sizeof wave, &length, &why);
    assert_non_null(plain);
    assert_null(why);
    assert_int_equal(length, sizeof expected);
    for (size_t i = 0; i < length / 2; i++)
        assert_int_equal(sample(plain, i), expected[i]);
    free(plain);
}

static void what_is_none_is_refused(void **state) {
    uint8_t other[sizeof wave];
    size_t length = 0;
    const char *why = NULL;
    (void)state;
    for (size_t cut = 0; cut < 58; cut++) { /* at every byte before there is a whole frame */
        uint8_t *part = malloc(cut + 1);
        memcpy(part, wave, cut);
        assert_null(tr_sound_plain(part, cut, &length, &why));
        assert_non_null(why);
        free(part);
    }
    memcpy(other, wave, sizeof wave);
    other[30] = 3; /* floats */
    assert_null(tr_sound_plain(other, sizeof other, &length, &why));
    memcpy(other, wave, sizeof wave);
    other[32] = 0; /* no channel */
    assert_null(tr_sound_plain(other, sizeof other, &length, &why));
    memcpy(other, wave, sizeof wave);
    memset(other + 34, 0, 4); /* no time */
    assert_null(tr_sound_plain(other, sizeof other, &length, &why));
}

static void a_header_is_put_right(void **state) {
    uint8_t mended[sizeof wave];
    (void)state;
    memcpy(mended, wave, sizeof wave);
    tr_sound_mend(mended, sizeof mended);
    assert_int_equal(mended[4], sizeof wave - 8);
    assert_int_equal(mended[7], 0);
    assert_int_equal(mended[50], 16);
    assert_int_equal(mended[53], 0);
}

static void kinds(void **state) {
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D',
        'R', 0, 0, 2, 0x80, 0, 0, 1, 0xe0};
    static const uint8_t jpeg[] = {
        0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 17, 8, 0, 48, 0, 64, 3};
    uint32_t width = 0, height = 0;
    (void)state;
    assert_string_equal(tr_sound_kind(wave, sizeof wave), "wav");
    assert_string_equal(tr_sound_kind((const uint8_t *)"OggS....", 8), "ogg");
    assert_string_equal(tr_sound_kind((const uint8_t *)"....ftypM4A ", 12), "mp4");
    assert_null(tr_sound_kind((const uint8_t *)"GIF89a", 6));
    assert_string_equal(tr_image_kind(png, sizeof png, &width, &height), "png");
    assert_true(width == 640 && height == 480);
    assert_string_equal(tr_image_kind(jpeg, sizeof jpeg, &width, &height), "jpeg");
    assert_true(width == 64 && height == 48);
    for (size_t cut = 0; cut < sizeof png; cut++)
        assert_null(tr_image_kind(png, cut, &width, &height));
    for (size_t cut = 0; cut < sizeof jpeg - 1; cut++) {
        uint8_t *part = malloc(cut + 1);
        memcpy(part, jpeg, cut);
        assert_null(tr_image_kind(part, cut, &width, &height));
        free(part);
    }
}

static void what_is_not_there_is_named(void **state) {
    static const char *const command[] = {"/usr/bin/no-such-program-of-troupe", NULL};
    char detail[400] = "";
    (void)state;
    int event = eventfd(0, EFD_CLOEXEC);
    tr_senses_t *senses = tr_senses_new(event);
    tr_sense_call_t call = {
        .command = command, .package = "no-such-package", .input = strdup("x"), .length = 1};
    assert_int_equal(tr_senses_start(senses, &call, detail), -ENOENT);
    assert_non_null(strstr(detail, "install the package no-such-package"));
    tr_senses_destroy(&senses);
    tr_senses_destroy(&senses);
    close(event);
}

/* With the room, where it was built and may be used here, or a failure that says why. Either way it is told. */
static void each_call_is_told_once(void **state) {
    static const char *const command[] = {"/usr/bin/head", "-c", "3", NULL};
    char detail[400] = "";
    tr_sense_result_t result;
    (void)state;
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    tr_senses_t *senses = tr_senses_new(event);
    tr_sense_call_t call = {
        .command = command, .package = "coreutils", .input = strdup("abc\r\ndef"), .length = 8};
    int rc = tr_senses_start(senses, &call, detail);
    if (rc == 0) {
        struct pollfd fd = {event, POLLIN, 0};
        assert_int_equal(poll(&fd, 1, 60000), 1);
        assert_true(tr_senses_take(senses, &result));
        if (result.output)
            assert_string_equal(result.output, "abc");
        else
            assert_true(*result.detail);
        free(result.output);
        assert_false(tr_senses_take(senses, &result));
    } else {
        assert_int_equal(rc, -ENOTSUP);
        assert_true(*detail);
    }
    tr_senses_destroy(&senses);
    close(event);
}

/* Silence is heard as no words: a program that says nothing has not failed. */
static void nothing_is_an_answer(void **state) {
    static const char *const command[] = {"/usr/bin/true", NULL};
    char detail[400] = "";
    tr_sense_result_t result;
    (void)state;
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    tr_senses_t *senses = tr_senses_new(event);
    tr_sense_call_t call = {.command = command, .package = "coreutils", .input = strdup("abc"), .length = 3};
    if (tr_senses_start(senses, &call, detail) == 0) {
        struct pollfd fd = {event, POLLIN, 0};
        assert_int_equal(poll(&fd, 1, 60000), 1);
        assert_true(tr_senses_take(senses, &result));
        if (result.output) {
            assert_int_equal(result.length, 0);
            assert_string_equal(result.output, "");
        } else {
            assert_non_null(strstr(result.detail, "exit status 125")); /* there is no room for it */
        }
        free(result.output);
    }
    tr_senses_destroy(&senses);
    close(event);
}

/* One that would go on for an hour. */
static void what_runs_ends_with_its_owner(void **state) {
    static const char *const command[] = {"/usr/bin/sleep", "3600", NULL};
    char detail[400] = "";
    (void)state;
    int event = eventfd(0, EFD_CLOEXEC);
    tr_senses_t *senses = tr_senses_new(event);
    tr_sense_call_t call = {
        .command = command, .package = "coreutils", .input = strdup(""), .arg = malloc(1)};
    if (tr_senses_start(senses, &call, detail) < 0)
        free(call.arg);
    tr_senses_destroy(&senses);
    assert_null(senses);
    close(event);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wave_becomes_plain),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(a_header_is_put_right),
        cmocka_unit_test(kinds),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(each_call_is_told_once),
        cmocka_unit_test(nothing_is_an_answer),
        cmocka_unit_test(what_runs_ends_with_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
