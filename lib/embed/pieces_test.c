#include "lib/embed/pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BLANK "\xE2\x96\x81"

/* Appends a record; its end. */
static size_t put(char *bytes, size_t at, const char *piece, float score) {
    size_t length = strlen(piece);
    memcpy(bytes + at, &score, sizeof score);
    bytes[at + sizeof score] = (char)length;
    memcpy(bytes + at + sizeof score + 1, piece, length);
    return at + sizeof score + 1 + length;
}

/* 0 unknown, 1 "_" 2 "_ship" 3 "s" 4 "_sh" 5 "ips" 6 "." 7 "i" */
static size_t fill(char *bytes) {
    static const struct {
        const char *piece;
        float score;
    } known[] = {{"", 0}, {BLANK, -4}, {BLANK "ship", -6}, {"s", -2}, {BLANK "sh", -5}, {"ips", -5},
        {".", -3}, {"i", -3}};
    size_t at = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        at = put(bytes, at, known[i].piece, known[i].score);
    return at;
}

static void assert_cut(const char *text, size_t length, const char *expected) {
    char bytes[256], found[256] = "";
    uint16_t pieces[16];
    tr_pieces_t self;
    assert_int_equal(tr_pieces_init(&self, bytes, fill(bytes), 8), 0);
    size_t count = tr_pieces_cut(&self, text, length, pieces, 16);
    for (size_t i = 0; i < count; i++)
        found[i] = (char)('0' + pieces[i]);
    assert_string_equal(found, expected);
    tr_pieces_finish(&self);
}

static void the_likeliest_cut_is_taken(void **state) {
    (void)state;
    assert_cut("ship", 4, "2");
    assert_cut("ships", 5, "23"); /* -8, not "_sh" "ips" with -10 */
    assert_cut(" ships  i.\n", 11, "23176");
    assert_cut("s", 1, "13");
}

static void what_no_piece_covers_is_unknown_once(void **state) {
    (void)state;
    assert_cut("", 0, "");
    assert_cut(" \t ", 3, "");
    assert_cut("zzz", 3, "10");
    assert_cut("\xff\xfe", 2, "10");
    assert_cut("ship\xC3\xA4s", 7, "203");
}

static void no_more_than_asked_for(void **state) {
    (void)state;
    char bytes[256], text[3000];
    uint16_t pieces[7];
    tr_pieces_t self;
    memset(text, 's', sizeof text);
    assert_int_equal(tr_pieces_init(&self, bytes, fill(bytes), 8), 0);
    assert_int_equal(tr_pieces_cut(&self, text, sizeof text, pieces, 7), 7);
    assert_int_equal(pieces[6], 3);
    tr_pieces_finish(&self);
}

static void damage_is_refused(void **state) {
    (void)state;
    char bytes[256];
    tr_pieces_t self;
    size_t length = fill(bytes);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(tr_pieces_init(&self, bytes, cut, 8), -EBADMSG);
    assert_int_equal(tr_pieces_init(&self, bytes, length, 70000), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_likeliest_cut_is_taken),
        cmocka_unit_test(what_no_piece_covers_is_unknown_once),
        cmocka_unit_test(no_more_than_asked_for),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
