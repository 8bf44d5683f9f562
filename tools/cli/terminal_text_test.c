#include "tools/cli/cli_json.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/pen.h"
#include "tools/cli/terminal_text.h"

#include <locale.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What a terminal is shown; malloc'd. */
static char *printed(const char *text, size_t len) {
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    tr_terminal_print(file, text, len);
    fclose(file);
    return out;
}

static void test_what_is_safe(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown, *of_a_line;
    } rows[] = {
        {"plain \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80", "plain \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80",
            "plain \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
        {"a\tb\nc", "a\tb\nc", "a?b?c"},
        {"\033[2J\a\r\b\x7f", "?[2J????", "?[2J????"},
        {"\xc2\2332J", "?2J", "?2J"},                     /* CSI of one character */
        {"\2332J \xff \xe6\x97", "?2J ? ??", "?2J ? ??"}, /* no UTF-8 */
        {"pay \xe2\x80\256eno\xe2\x80\xac \xe2\x81\xa7x", "pay ?eno? ?x", "pay ?eno? ?x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *shown = printed(rows[i].text, strlen(rows[i].text));
        char *of_a_line = tr_terminal_safe_copy(rows[i].text), *in_place = strdup(rows[i].text);
        tr_terminal_make_safe(in_place);
        assert_string_equal(in_place, rows[i].shown);
        free(in_place);
        assert_string_equal(shown, rows[i].shown);
        assert_string_equal(of_a_line, rows[i].of_a_line);
        free(of_a_line);
        free(shown);
    }
    char *shown = printed("a\0b", 3);
    assert_string_equal(shown, "a?b");
    free(shown);
}

static void test_columns(void **state) {
    (void)state;
    assert_int_equal(tr_terminal_width("abc", 3), 3);
    assert_int_equal(tr_terminal_width("\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80", 9), 5);
    assert_int_equal(tr_terminal_width("e\xcc\x81", 3), 1);
    assert_int_equal(tr_terminal_fit("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3); /* no half of a character */
    assert_int_equal(tr_terminal_fit("e\xcc\x81x", 4, 1), 3);
    assert_int_equal(tr_terminal_fit("abc", 3, 9), 3);
}

static void test_where_it_ends(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t column, row;
    } rows[] = {{"", 0, 0}, {"abc", 3, 0}, {"abcdefghij", 10, 0}, {"abcdefghijk", 1, 1},
        {"abcdefghij\n", 0, 1}, {"a\tb", 9, 0}, {"\t\t", 9, 0}, {"abcdefghi\xe6\x97\xa5", 2, 1},
        {"a\n\nb", 1, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tr_terminal_place_t place = {0};
        const char *text = rows[i].text;
        for (size_t at = 0; text[at];) {
            wchar_t code = 0;
            at += (size_t)mbtowc(&code, text + at, 4);
            tr_terminal_advance(&place, (uint32_t)code, 10);
        }
        assert_int_equal(place.column, rows[i].column);
        assert_int_equal(place.row, rows[i].row);
    }
}

static void test_the_beginning_of_a_character(void **state) {
    (void)state;
    assert_int_equal(tr_terminal_unfinished("a", 1), 0);
    assert_int_equal(tr_terminal_unfinished("", 0), 0);
    assert_int_equal(tr_terminal_unfinished("a\xc3", 2), 1);
    assert_int_equal(tr_terminal_unfinished("a\xc3\xa4", 3), 0);
    assert_int_equal(tr_terminal_unfinished("\xf0\x9f\x98", 3), 3);
    assert_int_equal(tr_terminal_unfinished("\x98\x98\x98", 3), 0);
}

/* ---- the pen ---- */

typedef struct terminal {
    int leader;
    FILE *out;
} terminal_t;

static terminal_t open_terminal(void) {
    terminal_t t;
    int follower;
    struct winsize window = {.ws_col = 10, .ws_row = 4};
    assert_int_equal(openpty(&t.leader, &follower, NULL, NULL, &window), 0);
    t.out = fdopen(follower, "w");
    assert_non_null(t.out);
    setenv("TERM", "xterm", 1);
    return t;
}

/* All that was written until now; it may come in pieces, so a form feed is put behind it. */
static const char *seen(terminal_t *t, char *out, size_t size) {
    size_t len = 0;
    fputc('\f', t->out);
    fflush(t->out);
    while (len == 0 || out[len - 1] != '\f') {
        ssize_t n = read(t->leader, out + len, size - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    out[len - 1] = '\0';
    return out;
}

static void close_terminal(terminal_t *t) {
    fclose(t->out);
    close(t->leader);
}

static void test_pieces_cut_anywhere(void **state) {
    (void)state;
    static const char text[] = "\xc3\xa4\xc2\x9b\033[2J\xe6\x97\xa5\xe6\101";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        char out[200];
        terminal_t t = open_terminal();
        tr_pen_t pen;
        tr_pen_init(&pen, t.out);
        tr_pen_put(&pen, text, cut);
        tr_pen_put(&pen, text + cut, sizeof text - 1 - cut);
        assert_string_equal(seen(&t, out, sizeof out), "\xc3\xa4??[2J\xe6\x97\xa5?A");
        close_terminal(&t);
    }
}

static void test_a_draft_is_taken_back(void **state) {
    (void)state;
    char out[200];
    terminal_t t = open_terminal();
    tr_pen_t pen;
    tr_pen_init(&pen, t.out);
    tr_pen_put(&pen, "abcdefghijklm", 13);
    seen(&t, out, sizeof out);
    assert_true(tr_pen_erase(&pen));
    assert_string_equal(seen(&t, out, sizeof out), "\r\033[1A\033[J");
    tr_pen_put(&pen, "short", 5);
    assert_true(tr_pen_erase(&pen));
    assert_string_equal(seen(&t, out, sizeof out), "short\r\033[J");
    tr_pen_put(&pen, "1\n2\n3\n4", 7); /* its first line may have left the screen */
    assert_false(tr_pen_erase(&pen));
    tr_pen_end_line(&pen);
    assert_string_equal(seen(&t, out, sizeof out), "1\r\n2\r\n3\r\n4\r\n");
    tr_pen_end_line(&pen);
    tr_pen_begin(&pen);
    tr_pen_put(&pen, "x", 1);
    setenv("TERM", "dumb", 1);
    tr_pen_init(&pen, t.out);
    assert_false(tr_pen_erase(&pen));
    assert_string_equal(seen(&t, out, sizeof out), "x");
    close_terminal(&t);
}

/* As JSON it is still the same value. */
static void test_json_and_yaml(void **state) {
    (void)state;
    static const char said[] = "{\"a\":\"\xc2\233 \xe2\x80\256 \xe6\x97\xa5\x7f\"}";
    char out[200], *text = NULL;
    size_t size = 0;
    json_t *value = json_loads(said, 0, NULL);
    assert_non_null(value);
    terminal_t t = open_terminal();
    assert_int_equal(tr_cli_dump_json(value, t.out, JSON_COMPACT), 0);
    assert_string_equal(seen(&t, out, sizeof out), "{\"a\":\"\\u009b \\u202e \xe6\x97\xa5\\u007f\"}");
    json_t *again = json_loads(out, 0, NULL);
    assert_true(json_equal(value, again));
    assert_int_equal(tr_output_yaml(value, false, t.out), 0);
    assert_string_equal(seen(&t, out, sizeof out), "a: \"\\x9B ? \xe6\x97\xa5\\x7F\"\r\n");
    close_terminal(&t);
    FILE *file = open_memstream(&text, &size);
    assert_int_equal(tr_cli_dump_json(value, file, JSON_COMPACT), 0);
    fclose(file);
    assert_string_equal(text, said);
    free(text);
    json_decref(again);
    json_decref(value);
}

static void test_elsewhere_bytes_are_as_they_are(void **state) {
    (void)state;
    char *out = NULL;
    size_t size = 0;
    tr_pen_t pen;
    FILE *file = open_memstream(&out, &size);
    tr_pen_init(&pen, file);
    tr_pen_put(&pen, "\033[2J\xc3", 5);
    assert_false(tr_pen_erase(&pen));
    fclose(file);
    assert_string_equal(out, "\033[2J\xc3");
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_safe),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_where_it_ends),
        cmocka_unit_test(test_the_beginning_of_a_character),
        cmocka_unit_test(test_pieces_cut_anywhere),
        cmocka_unit_test(test_a_draft_is_taken_back),
        cmocka_unit_test(test_json_and_yaml),
        cmocka_unit_test(test_elsewhere_bytes_are_as_they_are),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
