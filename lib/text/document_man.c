/*
 * Manual pages to blocks: what man(7) and mdoc(7) say by their macros, without a formatter. A line that begins with a dot is a macro, whose
 * arguments are text or not (the table); what is left of all other lines, when the escapes are gone, is text.
 *
 * Conditions, definitions and registers are not evaluated: what is only for a printer is left out ("if t", "el"), what is for a terminal stays.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/text/document_builder.h"

#define WORDS 32

typedef struct word {
    const char *text;
    size_t length;
} word_t;

typedef struct page {
    tr_builder_t *builder;
    const char *at, *end;
    bool is_code;      /* between nf and fi: lines stay lines */
    bool wants_tag;    /* the next text is an item's beginning */
    bool wants_title;  /* the next text is a heading */
    bool glue;         /* no blank before the next text */
    tr_textbuf_t name; /* mdoc's Nm */
} page_t;

/* ---- escapes ---- */

static const struct {
    const char *name, *text;
} signs[] = {{"em", "\xe2\x80\x94"}, {"en", "\xe2\x80\x93"}, {"hy", "-"}, {"bu", "\xe2\x80\xa2"},
    {"lq", "\""}, {"rq", "\""}, {"Lq", "\""}, {"Rq", "\""}, {"oq", "'"}, {"cq", "'"}, {"aq", "'"},
    {"Aq", "'"}, {"dq", "\""}, {"ha", "^"}, {"ti", "~"}, {"rs", "\\"}, {"ga", "`"}, {"at", "@"}, {"sh", "#"},
    {"co", "\xc2\xa9"}, {"->", "->"}, {"<-", "<-"}, {"mi", "-"}, {"mu", "x"}, {"sq", "'"}, {"C'", "\""},
    {"C`", "\""}, {"L\"", "\""}, {"R\"", "\""}, {"T<", "<"}, {"T>", ">"}, {"--", "\xe2\x80\x94"}, {"lt", "<"},
    {"gt", ">"}, {"<=", "<="}, {">=", ">="}};

static void add_sign(tr_textbuf_t *out, const char *name, size_t length) {
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strlen(signs[i].name) == length && memcmp(signs[i].name, name, length) == 0)
            tr_textbuf_add_string(out, signs[i].text);
}

/* A name after an escape's letter: X, (XX or [X...]. Returns what is behind it. */
static const char *read_name(const char *at, const char *end, const char **ret_name, size_t *ret_length) {
    if (at < end && *at == '(') {
        *ret_name = at + 1;
        *ret_length = end - at > 2 ? 2 : (size_t)(end - at - 1);
        return *ret_name + *ret_length;
    }
    if (at < end && *at == '[') {
        const char *stop = memchr(at, ']', (size_t)(end - at));
        *ret_name = at + 1;
        *ret_length = (size_t)((stop ? stop : end) - at - 1);
        return stop ? stop + 1 : end;
    }
    *ret_name = at;
    *ret_length = at < end;
    return at + *ret_length;
}

/* 'what is between': returns what is behind it. */
static const char *skip_quoted(const char *at, const char *end) {
    const char *stop = at < end ? memchr(at + 1, *at, (size_t)(end - at - 1)) : NULL;
    return stop ? stop + 1 : end;
}

static const char *skip_size(const char *at, const char *end) {
    while (at < end && strchr("+-", *at))
        at++;
    return at < end ? at + 1 : end;
}

/* `at` is behind the backslash. */
static const char *read_escape(const char *at, const char *end, tr_textbuf_t *out) {
    const char *name = at;
    size_t length = 0;
    if (at == end)
        return end;
    switch (*at) {
    case '(':
    case '[':
        at = read_name(at, end, &name, &length);
        add_sign(out, name, length);
        return at;
    case '*':
        at = read_name(at + 1, end, &name, &length);
        add_sign(out, name, length);
        return at;
    case 'f':
    case 'n':
    case 'F':
    case 'm':
    case 'k': return read_name(at + 1 + (at + 1 < end && at[1] == '+'), end, &name, &length);
    case 's': return skip_size(at + 1, end);
    case 'h':
    case 'v':
    case 'w':
    case 'o':
    case 'l':
    case 'Z':
    case 'N':
    case 'X':
    case 'D': return skip_quoted(at + 1, end);
    case '"': return end;
    case '-': tr_textbuf_add(out, "-", 1); return at + 1;
    case 'e':
    case 'E':
    case '\\': tr_textbuf_add(out, "\\", 1); return at + 1;
    case ' ':
    case '~':
    case '0': tr_textbuf_add(out, " ", 1); return at + 1;
    case '\'': tr_textbuf_add(out, "'", 1); return at + 1;
    case '`': tr_textbuf_add(out, "`", 1); return at + 1;
    case '.': tr_textbuf_add(out, ".", 1); return at + 1;
    default: return at + 1; /* no width, breaks and what nobody uses */
    }
}

static void add_plain(tr_textbuf_t *out, const char *text, size_t length) {
    const char *end = text + length;
    while (text < end) {
        const char *escape = memchr(text, '\\', (size_t)(end - text));
        tr_textbuf_add(out, text, (size_t)((escape ? escape : end) - text));
        text = escape ? read_escape(escape + 1, end, out) : end;
        while (escape && text < end && ((unsigned char)*text & 0xC0) == 0x80)
            text++; /* what was escaped is a whole character */
    }
}

/* ---- text ---- */

/* A heading or an item's beginning ends with its line. */
static void add_text(page_t *self, const char *text, size_t length) {
    tr_builder_t *b = self->builder;
    if (self->wants_title)
        tr_builder_begin(b, TR_BLOCK_HEADING);
    else if (self->wants_tag)
        tr_builder_begin(b, TR_BLOCK_ITEM);
    else if (self->is_code && b->kind != TR_BLOCK_CODE)
        tr_builder_begin(b, TR_BLOCK_CODE);
    if (b->is_open && b->kind != TR_BLOCK_CODE && !self->glue)
        tr_builder_text(b, " ", 1);
    tr_builder_text(b, text, length);
    if (self->is_code)
        tr_builder_text(b, "\n", 1);
    else if (self->wants_tag)
        tr_builder_text(b, ": ", 2);
    if (self->wants_title)
        tr_builder_end(b);
    self->wants_tag = self->wants_title = self->glue = false;
}

static void add_line(page_t *self, const char *text, size_t length) {
    tr_textbuf_t plain = {0};
    add_plain(&plain, text, length);
    if (plain.failed)
        self->builder->failed = true;
    else if (plain.length || self->is_code)
        add_text(self, plain.bytes ? plain.bytes : "", plain.length);
    tr_textbuf_finish(&plain);
}

/* ---- macros ---- */

static size_t cut_words(const char *at, const char *end, word_t *words) {
    size_t n = 0;
    while (n < WORDS) {
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (at == end || (at + 1 < end && at[0] == '\\' && at[1] == '"'))
            break;
        bool quoted = *at == '"';
        const char *from = quoted ? ++at : at;
        while (at < end && (quoted ? *at != '"' || (at + 1 < end && at[1] == '"') : *at != ' ')) {
            at += *at == '\\' || (quoted && *at == '"'); /* what it escapes is no end */
            at += at < end;
        }
        words[n++] = (word_t){from, (size_t)(at - from)};
        at += quoted && at < end;
    }
    return n;
}

typedef struct call {
    const char *rest; /* of the line */
    size_t rest_length;
    word_t words[WORDS];
    size_t count;
} call_t;

static bool is(const word_t *word, const char *text) {
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

static void add_words(page_t *self, const call_t *call, size_t from, const char *between) {
    tr_textbuf_t line = {0};
    for (size_t i = from; i < call->count; i++) {
        tr_textbuf_add_string(&line, i > from ? between : "");
        tr_textbuf_add(&line, call->words[i].text, call->words[i].length);
    }
    if (line.failed)
        self->builder->failed = true;
    else if (line.length)
        add_line(self, line.bytes, line.length);
    tr_textbuf_finish(&line);
}

static void do_words(page_t *self, const call_t *call) {
    add_words(self, call, 0, " ");
}

static void do_joined(page_t *self, const call_t *call) {
    add_words(self, call, 0, "");
}

static void do_heading(page_t *self, const call_t *call) {
    tr_builder_end(self->builder);
    self->is_code = false;
    self->wants_title = true;
    add_words(self, call, 0, " ");
}

static void do_paragraph(page_t *self, const call_t *call) {
    (void)call;
    if (!self->is_code)
        tr_builder_end(self->builder);
}

static void do_tag(page_t *self, const call_t *call) {
    (void)call;
    tr_builder_end(self->builder);
    self->wants_tag = true;
}

/* A tag and how far to indent. */
static void do_item(page_t *self, const call_t *call) {
    tr_builder_end(self->builder);
    if (call->count == 0)
        return;
    self->wants_tag = true;
    add_line(self, call->words[0].text, call->words[0].length);
}

static void do_code(page_t *self, const call_t *call) {
    (void)call;
    tr_builder_end(self->builder);
    self->is_code = true;
}

static void do_code_end(page_t *self, const call_t *call) {
    (void)call;
    tr_builder_end(self->builder);
    self->is_code = false;
}

static void do_title(page_t *self, const call_t *call) {
    tr_textbuf_t *title = &self->builder->title;
    if (call->count == 0 || title->length)
        return;
    add_plain(title, call->words[0].text, call->words[0].length);
    if (call->count == 1)
        return;
    tr_textbuf_add_string(title, "(");
    add_plain(title, call->words[1].text, call->words[1].length);
    tr_textbuf_add_string(title, ")");
}

/* The page's name, where it is not said. */
static void do_name(page_t *self, const call_t *call) {
    if (call->count && !self->name.length)
        add_plain(&self->name, call->words[0].text, call->words[0].length);
    if (call->count)
        do_words(self, call);
    else if (self->name.length)
        add_text(self, self->name.bytes, self->name.length);
}

/* mdoc: macros among the words are left out, but for the dash of a flag and the brackets of a reference. */
static void do_inline(page_t *self, const call_t *call) {
    tr_textbuf_t line = {0};
    bool is_flag = false;
    for (size_t i = 0; i < call->count; i++) {
        const word_t *w = &call->words[i];
        bool is_macro =
            w->length == 2 && isupper((unsigned char)w->text[0]) && islower((unsigned char)w->text[1]);
        if (is_macro) {
            is_flag = is(w, "Fl");
            continue;
        }
        bool is_mark = w->length == 1 && strchr(".,;:)]", *w->text);
        tr_textbuf_add_string(&line, line.length && !is_mark ? " " : "");
        tr_textbuf_add_string(&line, is_flag ? "-" : "");
        tr_textbuf_add(&line, w->text, w->length);
        is_flag = false;
    }
    self->glue = line.length == 1 && strchr(".,;:)]", line.bytes[0]);
    if (line.failed)
        self->builder->failed = true;
    else if (line.length)
        add_line(self, line.bytes, line.length);
    tr_textbuf_finish(&line);
}

static void do_flag(page_t *self, const call_t *call) {
    call_t more = {.count = 1, .words = {{"Fl", 2}}};
    for (size_t i = 0; i < call->count && more.count < WORDS; i++)
        more.words[more.count++] = call->words[i];
    do_inline(self, &more);
}

static void do_reference(page_t *self, const call_t *call) {
    tr_textbuf_t line = {0};
    if (call->count < 2) {
        do_words(self, call);
        return;
    }
    tr_textbuf_add(&line, call->words[0].text, call->words[0].length);
    tr_textbuf_add_string(&line, "(");
    tr_textbuf_add(&line, call->words[1].text, call->words[1].length);
    tr_textbuf_add_string(&line, ")");
    for (size_t i = 2; i < call->count; i++)
        tr_textbuf_add(&line, call->words[i].text, call->words[i].length);
    if (!line.failed)
        add_line(self, line.bytes, line.length);
    tr_textbuf_finish(&line);
}

static void do_list_item(page_t *self, const call_t *call) {
    tr_builder_end(self->builder);
    self->wants_tag = true;
    do_inline(self, call);
}

static void do_line(page_t *self, const char *line, size_t length);

/* "n REST" is for terminals. */
static void do_condition(page_t *self, const call_t *call) {
    const char *rest = call->rest + 2;
    if (call->count < 2 || !is(&call->words[0], "n") || *rest == '\\')
        return;
    do_line(self, rest, call->rest_length - 2);
}

/* Up to the line that ends it. */
static void do_skip(page_t *self, const call_t *call) {
    (void)call;
    while (self->at < self->end) {
        bool last = strncmp(self->at, "..\n", 3) == 0;
        const char *stop = memchr(self->at, '\n', (size_t)(self->end - self->at));
        self->at = stop ? stop + 1 : self->end;
        if (last)
            return;
    }
}

static const struct {
    const char *name;
    void (*run)(page_t *self, const call_t *call);
} macros[] = {
    {"TH", do_title},
    {"Dt", do_title},
    {"SH", do_heading},
    {"SS", do_heading},
    {"Sh", do_heading},
    {"Ss", do_heading},
    {"PP", do_paragraph},
    {"P", do_paragraph},
    {"LP", do_paragraph},
    {"HP", do_paragraph},
    {"sp", do_paragraph},
    {"Sp", do_paragraph},
    {"Pp", do_paragraph},
    {"br", do_paragraph},
    {"TP", do_tag},
    {"TQ", do_tag},
    {"IP", do_item},
    {"It", do_list_item},
    {"nf", do_code},
    {"EX", do_code},
    {"Vb", do_code},
    {"Bd", do_code},
    {"TS", do_code},
    {"fi", do_code_end},
    {"EE", do_code_end},
    {"Ve", do_code_end},
    {"Ed", do_code_end},
    {"TE", do_code_end},
    {"B", do_words},
    {"I", do_words},
    {"SM", do_words},
    {"SB", do_words},
    {"UR", do_words},
    {"MT", do_words},
    {"OP", do_words},
    {"SY", do_words},
    {"BR", do_joined},
    {"RB", do_joined},
    {"BI", do_joined},
    {"IB", do_joined},
    {"IR", do_joined},
    {"RI", do_joined},
    {"Nm", do_name},
    {"Nd", do_inline},
    {"Fl", do_flag},
    {"Xr", do_reference},
    {"Ar", do_inline},
    {"Op", do_inline},
    {"Pa", do_inline},
    {"Em", do_inline},
    {"Sy", do_inline},
    {"Cm", do_inline},
    {"Ev", do_inline},
    {"Dv", do_inline},
    {"Va", do_inline},
    {"Vt", do_inline},
    {"Fa", do_inline},
    {"Fn", do_inline},
    {"Ft", do_inline},
    {"Fd", do_inline},
    {"In", do_inline},
    {"Li", do_inline},
    {"Ql", do_inline},
    {"Dq", do_inline},
    {"Sq", do_inline},
    {"Pq", do_inline},
    {"An", do_inline},
    {"Ic", do_inline},
    {"Ad", do_inline},
    {"Er", do_inline},
    {"Ox", do_inline},
    {"St", do_inline},
    {"No", do_inline},
    {"Lk", do_inline},
    {"Mt", do_inline},
    {"Tn", do_inline},
    {"Qq", do_inline},
    {"Bq", do_inline},
    {"Aq", do_inline},
    {"Nx", do_inline},
    {"if", do_condition},
    {"ie", do_condition},
    {"de", do_skip},
    {"ig", do_skip},
    {"am", do_skip},
};

static void do_macro(page_t *self, const char *line, size_t length) {
    const char *end = line + length;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    word_t name = {line, 0};
    while (line < end && *line != ' ' && *line != '\t' && *line != '\\')
        line++;
    name.length = (size_t)(line - name.text);
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    call_t call = {.rest = line, .rest_length = (size_t)(end - line)};
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        if (!is(&name, macros[i].name))
            continue;
        call.count = cut_words(line, end, call.words);
        macros[i].run(self, &call);
        return;
    }
}

static void do_line(page_t *self, const char *line, size_t length) {
    bool is_macro = length > 0 && (*line == '.' || *line == '\'');
    if (is_macro)
        do_macro(self, line + 1, length - 1);
    else if (length == 0 && !self->is_code)
        tr_builder_end(self->builder);
    else
        add_line(self, line, length);
}

/* A line, and those that a backslash at its end adds to it. */
static size_t next_line(page_t *self, tr_textbuf_t *out) {
    out->length = 0;
    while (self->at < self->end) {
        const char *stop = memchr(self->at, '\n', (size_t)(self->end - self->at));
        size_t length = (size_t)((stop ? stop : self->end) - self->at);
        bool more =
            length > 0 && self->at[length - 1] == '\\' && (length < 2 || self->at[length - 2] != '\\');
        tr_textbuf_add(out, self->at, length - more);
        self->at = stop ? stop + 1 : self->end;
        if (!more)
            break;
    }
    return out->length;
}

int tr_document_read_man(tr_builder_t *builder, const char *text, size_t length) {
    page_t self = {.builder = builder, .at = text, .end = text + length};
    tr_textbuf_t line = {0};
    while (self.at < self.end && !line.failed) {
        size_t n = next_line(&self, &line);
        do_line(&self, line.bytes ? line.bytes : "", n);
    }
    builder->failed |= line.failed || self.name.failed;
    tr_textbuf_finish(&line);
    tr_textbuf_finish(&self.name);
    return 0;
}

/* It begins with a macro or a comment, and soon comes to its title. */
bool tr_document_looks_like_man(const char *text) {
    if (strncmp(text, ".TH ", 4) == 0 || strncmp(text, ".Dd ", 4) == 0)
        return true;
    bool is_roff =
        strncmp(text, ".\\\"", 3) == 0 || strncmp(text, "'\\\"", 3) == 0 || strncmp(text, ".so ", 4) == 0;
    return is_roff && (strstr(text, "\n.TH ") || strstr(text, "\n.Dd "));
}
