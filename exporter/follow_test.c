/* Log files that grow, come, are cut and replaced. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/follow.h"
#include "tests/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct stage {
    char *directory;
    tr_follow_t *follow;
    char lines[4096];
} stage_t;

static void on_line(void *arg, const char *line, size_t len, const char *file, uint64_t offset) {
    stage_t *s = arg;
    size_t used = strlen(s->lines);
    (void)file;
    snprintf(
        s->lines + used, sizeof s->lines - used, "%llu:%.*s ", (unsigned long long)offset, (int)len, line);
}

static void open_stage(stage_t *s, bool from_now) {
    *s = (stage_t){.directory = scratch_new()};
    assert_int_equal(tr_follow_new(s->directory, from_now, &s->follow), 0);
}

static void close_stage(stage_t *s) {
    tr_follow_destroy(&s->follow);
    scratch_end(s->directory);
}

static void write_file(const stage_t *s, const char *name, const char *mode, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", s->directory, name);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_reads(stage_t *s, const char *expected) {
    s->lines[0] = 0;
    tr_follow_read(s->follow, 1 << 20, on_line, s);
    assert_string_equal(s->lines, expected);
}

static void whole_lines_each_once(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, false);
    assert_reads(&s, "");
    write_file(&s, "a.log", "w", "one\n\ntwo\nthr");
    write_file(&s, "a.txt", "w", "no\n");
    assert_reads(&s, "0:one 5:two ");
    assert_reads(&s, "");
    write_file(&s, "a.log", "a", "ee\n");
    assert_reads(&s, "9:three ");
    close_stage(&s);
}

static void a_file_that_is_cut_or_replaced_begins_anew(void **state) {
    stage_t s;
    char path[300], other[300];
    (void)state;
    open_stage(&s, false);
    write_file(&s, "a.log", "w", "one\ntwo\n");
    assert_reads(&s, "0:one 4:two ");
    write_file(&s, "a.log", "w", "new\n");
    assert_reads(&s, "0:new ");
    write_file(&s, "b.tmp", "w", "from elsewhere\n");
    snprintf(path, sizeof path, "%s/a.log", s.directory);
    snprintf(other, sizeof other, "%s/b.tmp", s.directory);
    assert_int_equal(rename(other, path), 0);
    assert_reads(&s, "0:from elsewhere ");
    close_stage(&s);
}

/* As the supervisor does it with a log that is too long: its end is kept, and it is emptied. */
static void empty(const stage_t *s, const char *kept) {
    write_file(s, "a.log.1", "w", kept);
    write_file(s, "a.log", "w", "");
}

static void what_was_not_read_of_a_file_that_was_emptied(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, false);
    write_file(&s, "a.log", "w", "one\ntwo\n");
    assert_reads(&s, "0:one 4:two ");
    empty(&s, "one\ntwo\nthree\nfo");
    write_file(&s, "a.log", "a", "ur\nfive, and it is longer than before\n");
    assert_reads(&s, "8:three 14:fo 0:ur 3:five, and it is longer than before ");
    empty(&s, "than before\nsix\n"); /* it had grown to more than is kept */
    assert_reads(&s, "38:six ");
    assert_reads(&s, "");
    write_file(&s, "a.log", "a", "seven\n");
    assert_reads(&s, "0:seven ");
    empty(&s, "ht\nnine\n"); /* by more than is kept */
    assert_reads(&s, "6:nine ");
    close_stage(&s);
}

static void what_was_kept_before_is_not_read_again(void **state) {
    struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    stage_t s;
    char path[300];
    (void)state;
    open_stage(&s, false);
    write_file(&s, "a.log.1", "w", "old\nolder\n");
    snprintf(path, sizeof path, "%s/a.log.1", s.directory);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    write_file(&s, "a.log", "w", "one\n");
    assert_reads(&s, "0:one ");
    write_file(&s, "a.log", "w", "two, and nothing else\n");
    assert_reads(&s, "0:two, and nothing else ");
    close_stage(&s);
}

/* Ends the follower, and begins another one where it stood. */
static json_t *put_away(stage_t *s) {
    json_t *mark = tr_follow_mark(s->follow);
    tr_follow_destroy(&s->follow);
    return mark;
}

static void take_up(stage_t *s, json_t *mark) {
    assert_int_equal(tr_follow_new(s->directory, false, &s->follow), 0);
    tr_follow_recall(s->follow, mark);
    json_decref(mark);
}

static void a_file_that_was_emptied_while_it_was_away(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, false);
    write_file(&s, "a.log", "w", "one\n");
    assert_reads(&s, "0:one ");
    json_t *mark = put_away(&s);
    empty(&s, "one\ntwo\n");
    write_file(&s, "a.log", "a", "three\nfour\n");
    take_up(&s, mark);
    assert_reads(&s, "4:two 0:three 6:four ");
    close_stage(&s);
    open_stage(&s, true); /* the first time, before any line */
    write_file(&s, "a.log", "w", "old\n");
    tr_follow_look(s.follow);
    mark = put_away(&s);
    write_file(&s, "a.log", "w", "it begins anew\n");
    take_up(&s, mark);
    assert_reads(&s, "0:it begins anew ");
    close_stage(&s);
}

static void it_goes_on_where_it_was(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, false);
    write_file(&s, "a.log", "w", "one\n");
    assert_reads(&s, "0:one ");
    json_t *mark = put_away(&s);
    write_file(&s, "a.log", "a", "two\n");
    write_file(&s, "b.log", "w", "other\n");
    take_up(&s, mark);
    s.lines[0] = 0;
    assert_int_equal(tr_follow_read(s.follow, 1 << 20, on_line, &s), 2);
    assert_non_null(strstr(s.lines, "4:two "));
    assert_non_null(strstr(s.lines, "0:other "));
    assert_null(strstr(s.lines, "one"));
    close_stage(&s);
}

static void from_now_on(void **state) {
    stage_t s;
    (void)state;
    open_stage(&s, true);
    write_file(&s, "a.log", "w", "old\n");
    assert_reads(&s, "");
    write_file(&s, "a.log", "a", "new\n");
    write_file(&s, "b.log", "w", "all of it\n");
    s.lines[0] = 0;
    assert_int_equal(tr_follow_read(s.follow, 1 << 20, on_line, &s), 2);
    assert_non_null(strstr(s.lines, "4:new "));
    close_stage(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_lines_each_once),
        cmocka_unit_test(a_file_that_is_cut_or_replaced_begins_anew),
        cmocka_unit_test(what_was_not_read_of_a_file_that_was_emptied),
        cmocka_unit_test(what_was_kept_before_is_not_read_again),
        cmocka_unit_test(a_file_that_was_emptied_while_it_was_away),
        cmocka_unit_test(it_goes_on_where_it_was),
        cmocka_unit_test(from_now_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
