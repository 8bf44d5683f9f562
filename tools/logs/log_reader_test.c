/* Logs that grow, are emptied, replaced, and have long or unended lines. */
#include "tools/logs/log_reader.h"

#include "tools/logs/log_place.h"
#include "tools/up/child.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka needs the headers above */
#include <cmocka.h>

typedef struct place {
    char dir[64], path[96];
    char told[4096]; /* lines with '|' behind each */
    size_t longest, lines;
    tr_log_reader_t *reader;
} place_t;

static void on_line(void *arg, const char *name, const char *line, size_t len) {
    place_t *place = arg;
    assert_string_equal(name, "a");
    size_t used = strlen(place->told);
    if (used + len + 2 < sizeof place->told)
        sprintf(place->told + used, "%.*s|", (int)len, line);
    place->longest = len > place->longest ? len : place->longest;
    place->lines++;
}

static int set_up(void **state) {
    place_t *place = calloc(1, sizeof *place);
    strcpy(place->dir, "/tmp/troupe-log-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof place->path, "%s/a.log", place->dir);
    assert_int_equal(tr_log_reader_new("a", place->path, on_line, place, &place->reader), 0);
    *state = place;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int tear_down(void **state) {
    place_t *place = *state;
    tr_log_reader_destroy(&place->reader);
    nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

static void append_to(const char *path, const char *text) {
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void append(const place_t *place, const char *text) {
    append_to(place->path, text);
}

static void expect(place_t *place, const char *told) {
    assert_string_equal(place->told, told);
    place->told[0] = '\0';
}

static void the_last_lines(void **state) {
    static const struct {
        size_t lines;
        const char *told;
    } cases[] = {{0, ""}, {1, "three|"}, {2, "|three|"}, {3, "two||three|"}, {4, "one|two||three|"},
        {9, "one|two||three|"}};
    place_t *place = *state;
    append(place, "one\ntwo\n\nthree\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tr_log_reader_t *reader;
        assert_int_equal(tr_log_reader_new("a", place->path, on_line, place, &reader), 0);
        assert_int_equal(tr_log_reader_tail(reader, cases[i].lines), 0);
        tr_log_reader_end(reader);
        expect(place, cases[i].told);
        tr_log_reader_destroy(&reader);
    }
}

static void a_line_without_an_end(void **state) {
    place_t *place = *state;
    append(place, "one\ntw");
    assert_int_equal(tr_log_reader_tail(place->reader, 2), 0);
    expect(place, "one|");
    append(place, "o\nth");
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, "two|");
    tr_log_reader_end(place->reader);
    expect(place, "th|");
    tr_log_reader_end(place->reader);
    expect(place, "");
}

static void more_than_a_block(void **state) {
    place_t *place = *state;
    FILE *file = fopen(place->path, "w");
    for (int i = 0; i < 30000; i++)
        fprintf(file, "line %d\n", i);
    fclose(file);
    assert_int_equal(tr_log_reader_tail(place->reader, 2), 0);
    expect(place, "line 29998|line 29999|");
    place->lines = 0;
    tr_log_reader_t *reader;
    assert_int_equal(tr_log_reader_new("a", place->path, on_line, place, &reader), 0);
    assert_int_equal(tr_log_reader_tail(reader, 25000), 0);
    assert_int_equal(place->lines, 25000);
    assert_int_equal(strncmp(place->told, "line 5000|line 5001|", 20), 0);
    tr_log_reader_destroy(&reader);
}

static void a_long_line_comes_in_parts(void **state) {
    place_t *place = *state;
    char *text = malloc(100001);
    memset(text, 'x', 100000);
    strcpy(text + 99999, "\n");
    append(place, text);
    free(text);
    assert_int_equal(tr_log_reader_tail(place->reader, 1), 0);
    assert_int_equal(place->lines, 2);
    assert_int_equal(place->longest, TR_LOG_LINE_MAX);
}

static void a_log_that_comes_later(void **state) {
    place_t *place = *state;
    assert_int_equal(tr_log_reader_tail(place->reader, 5), 0);
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    append(place, "first\n");
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, "first|");
}

static void what_is_older_fills_up(void **state) {
    place_t *place = *state;
    char older[128];
    snprintf(older, sizeof older, "%s.1", place->path);
    append_to(older, "older 1\nolder 2\nolder 3\n");
    append(place, "new\n");
    assert_int_equal(tr_log_reader_tail(place->reader, 3), 0);
    expect(place, "older 2|older 3|new|");
}

/* So much that the place which was reached is in what is kept. */
static void append_much(const place_t *place) {
    for (int i = 0; i < 40; i++)
        append(place, "ten bytes.\n");
}

/* As the supervisor does it: the log is copied, then emptied, while lines are added before and after. */
static void nothing_is_lost_when_a_log_is_emptied(void **state) {
    place_t *place = *state;
    append_much(place);
    append(place, "3\n");
    assert_int_equal(tr_log_reader_tail(place->reader, 1), 0);
    expect(place, "3|");
    append(place, "4\n5\n");
    assert_int_equal(tr_child_bound_log(place->path, 200), 0);
    append(place, "6\n");
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, "4|5|6|");
    append(place, "7\n");
    assert_int_equal(tr_child_bound_log(place->path, 3), 0);
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, ""); /* the place is not in what is kept: nothing is told twice */
    append(place, "8\n");
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, "8|");
}

static void a_place_is_known_without_a_line_told(void **state) {
    place_t *place = *state;
    append_much(place);
    assert_int_equal(tr_log_reader_tail(place->reader, 0), 0);
    append(place, "4\n");
    assert_int_equal(tr_child_bound_log(place->path, 200), 0);
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, "4|");
}

static void somebody_else_empties_or_replaces_it(void **state) {
    place_t *place = *state;
    char moved[128];
    append(place, "1\n2 without");
    assert_int_equal(tr_log_reader_tail(place->reader, 2), 0);
    expect(place, "1|");
    assert_int_equal(truncate(place->path, 0), 0);
    append(place, "3\n");
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    tr_log_reader_end(place->reader);
    expect(place, "2 without|3|");
    append(place, "4\n");
    snprintf(moved, sizeof moved, "%s.1", place->path);
    assert_int_equal(rename(place->path, moved), 0);
    assert_int_equal(tr_log_reader_more(place->reader), 0); /* there is none for a moment */
    append(place, "5 is longer than what was there\n");
    assert_int_equal(tr_log_reader_more(place->reader), 0);
    expect(place, "4|5 is longer than what was there|");
}

static void what_is_no_log_is_refused(void **state) {
    place_t *place = *state;
    assert_int_equal(symlink("/etc/passwd", place->path), 0);
    assert_int_equal(tr_log_reader_tail(place->reader, 1), -ELOOP);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(mkfifo(place->path, 0600), 0);
    assert_int_equal(tr_log_reader_tail(place->reader, 1), -EINVAL);
}

/* ---- where they are ---- */

static void names_in_order(void **state) {
    place_t *place = *state;
    static const char *const files[] = {
        "r-10.log", "r-2.log", "up.log", "a.log.1", "notes.txt", ".log", "-.log", "b c.log"};
    char path[128];
    tr_log_names_t names;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", place->dir, files[i]);
        append_to(path, "");
    }
    assert_int_equal(tr_log_names_read(place->dir, &names), 0);
    char all[256] = "";
    for (size_t i = 0; i < names.count; i++)
        sprintf(all + strlen(all), "%s ", names.items[i]);
    assert_non_null(strstr(all, "r-2 r-10 up "));
    assert_null(strstr(all, "notes"));
    assert_null(strstr(all, "b c"));
    assert_null(names.items[names.count]);
    tr_log_names_finish(&names);
    snprintf(path, sizeof path, "%s/none", place->dir);
    assert_int_equal(tr_log_names_read(path, &names), -ENOENT);
}

static void a_group_is_its_members(void **state) {
    (void)state;
    assert_true(tr_log_name_matches("reader", "reader"));
    assert_true(tr_log_name_matches("reader", "reader-1"));
    assert_true(tr_log_name_matches("reader", "reader-12"));
    assert_false(tr_log_name_matches("reader", "reader-x"));
    assert_false(tr_log_name_matches("reader", "reader-"));
    assert_false(tr_log_name_matches("reader", "reader1"));
    assert_false(tr_log_name_matches("reader-1", "reader-12"));
    assert_false(tr_log_name_matches("reader-1", "reader"));
}

static void the_last_fleet(void **state) {
    place_t *place = *state;
    static const char *const fleets[] = {"old", "new", "no_logs"};
    char path[256];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", place->dir, fleets[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        strcat(path, "/logs");
        assert_int_equal(mkdir(path, 0700), 0);
        strcat(path, "/up.log");
        if (i < 2)
            append_to(path, "x\n");
        const struct timespec times[2] = {{.tv_sec = i == 0 ? 1000 : 2000}, {.tv_sec = i == 0 ? 1000 : 2000}};
        if (i < 2)
            assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    tr_log_place_t found;
    tr_error_t error = {0};
    assert_int_equal(tr_log_place_find(place->dir, NULL, &found, &error), 0);
    assert_string_equal(found.fleet, "new");
    assert_false(found.running);
    assert_int_equal(tr_log_place_find(place->dir, "old", &found, &error), 0);
    assert_non_null(strstr(found.directory, "/old/logs"));
    assert_int_equal(tr_log_place_find(place->dir, "no_logs", &found, &error), -ENOENT);
    assert_non_null(strstr(error.text, "no_logs"));
}

int main(void) {
#define IN_A_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(the_last_lines),
        IN_A_PLACE(a_line_without_an_end),
        IN_A_PLACE(more_than_a_block),
        IN_A_PLACE(a_long_line_comes_in_parts),
        IN_A_PLACE(a_log_that_comes_later),
        IN_A_PLACE(what_is_older_fills_up),
        IN_A_PLACE(nothing_is_lost_when_a_log_is_emptied),
        IN_A_PLACE(a_place_is_known_without_a_line_told),
        IN_A_PLACE(somebody_else_empties_or_replaces_it),
        IN_A_PLACE(what_is_no_log_is_refused),
        IN_A_PLACE(names_in_order),
        cmocka_unit_test(a_group_is_its_members),
        IN_A_PLACE(the_last_fleet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
