#include "tools/cli/screen.h"

#include "tools/cli/output.h"
#include "tools/cli/terminal_text.h"
#include "tools/cli/tty_guard.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

struct tr_screen {
    int in;
    FILE *out;
    struct termios saved;
    bool entered, colour;
    tr_tty_guard_t guard;
};

bool tr_screen_possible(int in, FILE *out) {
    return isatty(in) && tr_terminal_moves(out);
}

/* ---- the terminal ---- */

int tr_screen_new(int in, FILE *out, tr_screen_t **ret_self, tr_error_t *error) {
    tr_screen_t *s = calloc(1, sizeof *s);
    if (!s)
        return tr_error_set(error, -ENOMEM, "out of memory");
    s->in = in;
    s->out = out;
    s->colour = tr_output_colour(out);
    int rc = tcgetattr(in, &s->saved) < 0 ? -errno
                                          : tr_tty_guard_start(&s->guard, in, fileno(out), LEAVE, &s->saved);
    if (rc < 0) {
        tr_screen_destroy(&s);
        return tr_error_set(error, rc, "cannot use this terminal: %s", strerror(-rc));
    }
    *ret_self = s;
    return 0;
}

int tr_screen_enter(tr_screen_t *self, tr_error_t *error) {
    struct termios keys = self->saved;
    keys.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    tr_tty_guard_entered(&self->guard);
    self->entered = true;
    if (tcsetattr(self->in, TCSAFLUSH, &keys) < 0) {
        int rc = -errno;
        return tr_error_set(error, rc, "cannot use this terminal: %s", strerror(-rc));
    }
    fputs(ENTER, self->out);
    fflush(self->out);
    return 0;
}

void tr_screen_destroy(tr_screen_t **self) {
    tr_screen_t *s = *self;
    if (!s)
        return;
    if (s->entered) {
        fputs(LEAVE, s->out);
        fflush(s->out);
        tcsetattr(s->in, TCSAFLUSH, &s->saved);
        tr_tty_guard_left(&s->guard);
    }
    tr_tty_guard_stop(&s->guard);
    free(s);
    *self = NULL;
}

void tr_screen_size(const tr_screen_t *self, size_t *ret_width, size_t *ret_height) {
    tr_terminal_size(self->out, ret_width, ret_height);
}

/* Without colour (NO_COLOR) the weight of the letters still tells. */
static const char *style_sequence(const tr_screen_t *s, tr_top_style_t style) {
    switch (style) {
    case TR_TOP_TITLE: return "\033[1m";
    case TR_TOP_HEADING: return "\033[7m";
    case TR_TOP_WARNING: return s->colour ? "\033[33m" : "\033[1m";
    default: return "";
    }
}

void tr_screen_paint(tr_screen_t *self, const tr_top_screen_t *lines) {
    size_t columns, rows;
    tr_terminal_size(self->out, &columns, &rows);
    fputs("\033[H", self->out);
    for (size_t i = 0; i < lines->count; i++) {
        const tr_top_line_t *l = &lines->lines[i];
        const char *style = style_sequence(self, l->style);
        /* Behind a full line the cursor is still on its last character, which would be cleared. */
        const char *clear = strlen(l->text) < columns ? "\033[K" : "";
        fprintf(self->out, "%s%s%s%s%s", i ? "\r\n" : "", style, l->text, *style ? "\033[0m" : "", clear);
    }
    fputs("\033[J", self->out);
    fflush(self->out);
}

/* One byte of what was typed; 0 = none now, -1 = the terminal is gone. */
static int next_byte(const tr_screen_t *s) {
    unsigned char byte;
    struct pollfd p = {.fd = s->in, .events = POLLIN};
    if (poll(&p, 1, 0) <= 0)
        return 0;
    ssize_t n = p.revents & POLLIN ? read(s->in, &byte, 1) : -1;
    return n == 1 ? byte : n < 0 && errno == EINTR ? 0 : -1;
}

int tr_screen_key(tr_screen_t *self) {
    int byte = next_byte(self);
    while (byte == '\033') {
        byte = next_byte(self);
        if (byte == '[') /* parameters, and a last byte from @ to ~ */
            while ((byte = next_byte(self)) > 0 && (byte < '@' || byte > '~'))
                ;
        else if (byte == 'O')
            byte = next_byte(self);
        byte = byte < 0 ? byte : next_byte(self);
    }
    return byte;
}
