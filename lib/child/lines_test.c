#include "lib/child/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct pipe_t {
    int from, to;
    tr_lines_t lines;
} pipe_t;

static void open_pipe(pipe_t *self, size_t limit) {
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    self->from = fds[0];
    self->to = fds[1];
    tr_lines_init(&self->lines, limit);
}

static void close_pipe(pipe_t *self) {
    if (self->to >= 0)
        close(self->to);
    close(self->from);
    tr_lines_finish(&self->lines);
}

static void put(pipe_t *self, const char *text) {
    assert_int_equal(write(self->to, text, strlen(text)), strlen(text));
    assert_int_equal(tr_lines_read(&self->lines, self->from), 1);
}

static void expect(pipe_t *self, const char *expected) {
    const char *line;
    size_t len;
    /* Looking does not take. */
    assert_int_equal(tr_lines_peek(&self->lines, &line, &len), 1);
    assert_int_equal(tr_lines_peek(&self->lines, &line, &len), 1);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(line, expected, len);
    tr_lines_take(&self->lines);
}

static void expect_none(pipe_t *self, int rc) {
    const char *line;
    size_t len;
    assert_int_equal(tr_lines_peek(&self->lines, &line, &len), rc);
}

static void lines_in_any_pieces(void **state) {
    (void)state;
    pipe_t p;
    open_pipe(&p, 100);
    expect_none(&p, 0);
    assert_int_equal(tr_lines_read(&p.lines, p.from), 0);
    put(&p, "one\ntwo\r\n\nthr");
    expect(&p, "one");
    expect(&p, "two");
    expect(&p, "");
    expect_none(&p, 0);
    put(&p, "e");
    expect_none(&p, 0);
    put(&p, "e\nfour");
    expect(&p, "three");
    expect_none(&p, 0);
    close(p.to);
    p.to = -1;
    assert_int_equal(tr_lines_read(&p.lines, p.from), 1);
    assert_true(p.lines.ended);
    expect(&p, "four");
    expect_none(&p, 0);
    close_pipe(&p);
}

static void long_lines_are_thrown_away(void **state) {
    (void)state;
    pipe_t p;
    open_pipe(&p, 8);
    put(&p, "12345678\n12345678\r\n123456789\nok\n");
    expect(&p, "12345678");
    expect(&p, "12345678");
    expect_none(&p, -E2BIG);
    expect(&p, "ok");
    /* In pieces it is told once, and its end is no line. */
    put(&p, "123456789012");
    expect_none(&p, -E2BIG);
    expect_none(&p, 0);
    put(&p, "34567");
    expect_none(&p, 0);
    put(&p, "890\nnext\n");
    expect(&p, "next");
    put(&p, "1234567890123");
    expect_none(&p, -E2BIG);
    close(p.to);
    p.to = -1;
    assert_int_equal(tr_lines_read(&p.lines, p.from), 1);
    expect_none(&p, 0);
    close_pipe(&p);
}

/* Whoever does not take lines does not make the buffer grow without end. */
static void memory_is_bounded(void **state) {
    (void)state;
    pipe_t p;
    char line[1024];
    open_pipe(&p, 8);
    memset(line, 'x', sizeof line);
    for (size_t i = 7; i < sizeof line; i += 8)
        line[i] = '\n';
    for (int i = 0; i < 1000; i++) {
        ssize_t ignored = write(p.to, line, sizeof line);
        (void)ignored;
        assert_true(tr_lines_read(&p.lines, p.from) >= 0);
    }
    assert_true(p.lines.capacity <= 8 + 2 * 65536);
    for (size_t i = 0; i < p.lines.capacity / 8; i++)
        expect(&p, "xxxxxxx");
    close_pipe(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_any_pieces),
        cmocka_unit_test(long_lines_are_thrown_away),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
