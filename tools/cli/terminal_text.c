#include "tools/cli/terminal_text.h"

#include "lib/text/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define TAB 8

bool tr_terminal_is_safe(uint32_t code) {
    bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return !is_control && !turns;
}

/* The next character's bytes, and itself: U+FFFD of one byte where it is no UTF-8, which then is not safe. */
static size_t next(const char *text, size_t len, uint32_t *ret_code, bool *ret_safe) {
    size_t n = tr_utf8_decode(text, len, ret_code);
    *ret_safe = n > 0 && tr_terminal_is_safe(*ret_code);
    if (n == 0)
        *ret_code = 0xfffd;
    return n ? n : 1;
}

void tr_terminal_print(FILE *out, const char *text, size_t len) {
    uint32_t code;
    bool safe;
    for (size_t at = 0, n; at < len; at += n) {
        n = next(text + at, len - at, &code, &safe);
        if (safe || code == '\n' || code == '\t')
            fwrite(text + at, 1, n, out);
        else
            fputc('?', out);
    }
}

/* Of the length of the text; `blanks`: tabs and newlines stay. */
static void copy_safe(const char *text, size_t len, bool blanks, char *out) {
    uint32_t code;
    bool safe;
    for (size_t at = 0, n; at < len; at += n) {
        n = next(text + at, len - at, &code, &safe);
        safe |= blanks && (code == '\n' || code == '\t');
        memmove(out, safe ? text + at : "?", safe ? n : 1);
        out += safe ? n : 1;
    }
    *out = '\0';
}

void tr_terminal_make_safe(char *text) {
    copy_safe(text, strlen(text), true, text);
}

char *tr_terminal_safe_copy(const char *text) {
    size_t len = strlen(text);
    char *out = malloc(len + 1);
    if (out)
        copy_safe(text, len, false, out);
    return out;
}

size_t tr_terminal_columns(uint32_t code) {
    if (code < 0x7f)
        return code >= 0x20;
    int columns = wcwidth((wchar_t)code);
    return columns < 0 ? 1 : (size_t)columns; /* newer than this machine's tables */
}

size_t tr_terminal_fit(const char *text, size_t len, size_t columns) {
    uint32_t code;
    size_t at = 0;
    while (at < len) {
        size_t n = tr_utf8_next(text + at, len - at, &code), its = tr_terminal_columns(code);
        if (its > columns)
            break;
        columns -= its;
        at += n;
    }
    return at;
}

size_t tr_terminal_width(const char *text, size_t len) {
    uint32_t code;
    size_t columns = 0;
    for (size_t at = 0; at < len;) {
        at += tr_utf8_next(text + at, len - at, &code);
        columns += tr_terminal_columns(code);
    }
    return columns;
}

size_t tr_terminal_unfinished(const char *text, size_t len) {
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char lead = (unsigned char)text[len - back];
        if ((lead & 0xc0) == 0x80)
            continue;
        size_t size = lead >= 0xf5 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
        return size > back ? back : 0;
    }
    return 0;
}

void tr_terminal_advance(tr_terminal_place_t *place, uint32_t code, size_t columns) {
    size_t its = tr_terminal_columns(code);
    if (code == '\n') {
        *place = (tr_terminal_place_t){.row = place->row + 1};
    } else if (code == '\t') { /* never behind the last column */
        size_t to = (place->column / TAB + 1) * TAB;
        place->column = to < columns ? to : columns - 1;
    } else if (place->column + its > columns) {
        *place = (tr_terminal_place_t){.row = place->row + 1, .column = its};
    } else {
        place->column += its;
    }
}

bool tr_terminal_moves(FILE *out) {
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && term && *term && strcmp(term, "dumb") != 0;
}

void tr_terminal_size(FILE *out, size_t *ret_columns, size_t *ret_lines) {
    struct winsize window = {0};
    bool known = ioctl(fileno(out), TIOCGWINSZ, &window) == 0;
    *ret_columns = known && window.ws_col ? window.ws_col : 80;
    *ret_lines = known && window.ws_row ? window.ws_row : 24;
}
