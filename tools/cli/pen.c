#include "tools/cli/pen.h"

#include "lib/text/utf8.h"

#include <string.h>
#include <unistd.h>

void tr_pen_init(tr_pen_t *self, FILE *out) {
    *self = (tr_pen_t){.out = out, .terminal = isatty(fileno(out)), .moves = tr_terminal_moves(out)};
    tr_pen_begin(self);
}

void tr_pen_begin(tr_pen_t *self) {
    self->place = (tr_terminal_place_t){0};
    self->held_len = 0;
    tr_terminal_size(self->out, &self->columns, &self->lines);
}

static void write_code(tr_pen_t *self, uint32_t code, size_t len) {
    if (code != '\n' && code != '\t' && !tr_terminal_is_safe(code))
        code = '?';
    if (code == '?')
        fputc('?', self->out);
    else
        fwrite(self->held, 1, len, self->out);
    tr_terminal_advance(&self->place, code, self->columns);
}

/* What is held and has its end; the rest of a character may never come, and something else in its place. */
static void write_held(tr_pen_t *self) {
    while (self->held_len > tr_terminal_unfinished(self->held, self->held_len)) {
        uint32_t code = '?';
        size_t n = tr_utf8_decode(self->held, self->held_len, &code);
        write_code(self, n ? code : '?', n);
        n = n ? n : 1;
        memmove(self->held, self->held + n, self->held_len - n);
        self->held_len -= n;
    }
}

void tr_pen_put(tr_pen_t *self, const char *text, size_t len) {
    if (!self->terminal)
        fwrite(text, 1, len, self->out);
    for (size_t i = 0; i < len && self->terminal; i++) {
        self->held[self->held_len++] = text[i];
        write_held(self);
    }
    fflush(self->out);
}

void tr_pen_end_line(tr_pen_t *self) {
    if (self->place.column > 0 || self->held_len > 0)
        fputc('\n', self->out);
    self->held_len = 0;
    self->place.column = 0;
}

bool tr_pen_erase(tr_pen_t *self) {
    size_t columns, lines;
    tr_terminal_size(self->out, &columns, &lines);
    if (!self->moves || columns != self->columns || self->place.row + 1 >= lines)
        return false;
    fputc('\r', self->out);
    if (self->place.row > 0)
        fprintf(self->out, "\033[%zuA", self->place.row);
    fputs("\033[J", self->out);
    tr_pen_begin(self);
    return true;
}
