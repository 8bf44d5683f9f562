/*
 * Plain text to blocks.
 *
 * Hard-wrapped text has no marks for what a line is, so the layout tells: groups of lines stand between empty
 * lines; a group whose lines are all centred, or short and in capitals, or one short line without a full
 * stop, is a heading; bullets and numbers begin items; a line that ends early although the next word would
 * have fitted ends a paragraph; what has columns is a table, what has few letters is code. Everything else is
 * joined. Text with one paragraph a line is noticed by its long lines.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text/document_builder.h"
#include "lib/text/enumerator.h"
#include "lib/text/utf8.h"

typedef struct {
    const char *text; /* from the first visible character */
    size_t length;    /* without the blanks at its end; 0 for an empty line */
    size_t indent;    /* columns before it */
} line_t;

typedef struct {
    line_t *lines;
    size_t count, capacity;
    size_t width;   /* columns that the text is wrapped at */
    bool is_narrow; /* hard-wrapped; otherwise one paragraph a line */
} page_t;

/* Lines -------------------------------------------------------------------------------------------------- */

static line_t make_line(const char *text, size_t length) {
    line_t line = {0};
    size_t at = 0;
    for (; at < length && (text[at] == ' ' || text[at] == '\t'); at++)
        line.indent = text[at] == '\t' ? (line.indent / 8 + 1) * 8 : line.indent + 1;
    while (length > at && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    line.text = text + at;
    line.length = length - at;
    return line;
}

static int compare_sizes(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* The width is that of nearly the longest line, so that one long address does not count. */
static int measure(page_t *page) {
    size_t *ends = calloc(page->count + 1, sizeof *ends);
    if (!ends)
        return -ENOMEM;
    size_t filled = 0, wide = 0;
    for (size_t i = 0; i < page->count; i++) {
        if (page->lines[i].length == 0)
            continue;
        ends[filled++] = page->lines[i].indent + page->lines[i].length;
        wide += ends[filled - 1] > 120;
    }
    qsort(ends, filled, sizeof *ends, compare_sizes);
    page->width = filled == 0 ? 72 : ends[filled * 95 / 100 == filled ? filled - 1 : filled * 95 / 100];
    page->width = page->width < 40 ? 40 : page->width > 120 ? 120 : page->width;
    page->is_narrow = wide * 5 < filled || filled == 0;
    free(ends);
    return 0;
}

static int split_lines(page_t *page, const char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t size = newline ? (size_t)(newline - text) - at : length - at;
        if (tr_array_reserve(&page->lines, page->count, &page->capacity, sizeof *page->lines) < 0)
            return -ENOMEM;
        page->lines[page->count++] = make_line(text + at, size);
        at += size + 1;
    }
    return measure(page);
}

/* What a line looks like --------------------------------------------------------------------------------- */

static bool begins_upper(const line_t *line) {
    uint32_t code = 0;
    size_t at = 0;
    while (at < line->length && strchr("\"'`(<[", line->text[at]))
        at++;
    if (at < line->length)
        tr_utf8_next(line->text + at, line->length - at, &code);
    return tr_utf8_is_upper(code);
}

static bool begins_lower(const line_t *line) {
    uint32_t code = 0;
    tr_utf8_next(line->text, line->length, &code);
    return tr_utf8_is_letter(code) && !tr_utf8_is_upper(code);
}

static bool ends_with_any(const line_t *line, const char *characters) {
    return line->length > 0 && strchr(characters, line->text[line->length - 1]) != NULL;
}

/* A ruler or an underline: one punctuation character over and over. */
static bool is_rule(const line_t *line) {
    if (line->length < 3 || !strchr("=-~*_^#+.", line->text[0]))
        return false;
    for (size_t i = 1; i < line->length; i++)
        if (line->text[i] != line->text[0] && line->text[i] != ' ')
            return false;
    return true;
}

static bool is_underline_of(const line_t *line, const line_t *above) {
    size_t difference =
        line->length > above->length ? line->length - above->length : above->length - line->length;
    return is_rule(line) && above->length > 0 && !is_rule(above) && difference <= 3 + above->length / 3;
}

static bool is_capitals(const line_t *line) {
    size_t letters = 0;
    for (size_t at = 0; at < line->length;) {
        uint32_t code;
        at += tr_utf8_next(line->text + at, line->length - at, &code);
        if (!tr_utf8_is_letter(code))
            continue;
        if (!tr_utf8_is_upper(code))
            return false;
        letters++;
    }
    return letters >= 3;
}

static bool has_letters(const line_t *line, size_t fewest) {
    size_t letters = 0;
    for (size_t at = 0; at < line->length && letters < fewest;) {
        uint32_t code;
        at += tr_utf8_next(line->text + at, line->length - at, &code);
        letters += tr_utf8_is_letter(code);
    }
    return letters >= fewest;
}

static size_t count_words(const line_t *line) {
    size_t words = 0;
    for (size_t i = 0; i < line->length; i++)
        words += line->text[i] != ' ' && (i == 0 || line->text[i - 1] == ' ');
    return words;
}

static bool is_copyright(const line_t *line) {
    return (line->length > 12 && strncasecmp(line->text, "copyright ", 10) == 0 &&
               (isdigit((unsigned char)line->text[10]) || strchr("([<", line->text[10]) ||
                   (unsigned char)line->text[10] > 0x7F)) ||
           (line->length > 4 && strncmp(line->text, "\xC2\xA9", 2) == 0);
}

static bool is_centred(const page_t *page, const line_t *line) {
    if (line->indent * 5 < page->width || line->length * 10 > page->width * 7)
        return false;
    size_t middle = line->indent * 2 + line->length;
    size_t distance = middle > page->width ? middle - page->width : page->width - middle;
    return distance <= 16;
}

static bool has_columns(const line_t *line) {
    size_t bars = 0, gaps = 0;
    for (size_t i = 1; i < line->length; i++) {
        bars += line->text[i] == '|';
        bool is_gap =
            line->text[i] == '\t' || (i + 2 < line->length && strncmp(line->text + i, "   ", 3) == 0);
        gaps += is_gap && line->text[i - 1] != ' ' && line->text[i - 1] != '\t' && line->text[i - 1] != '.';
    }
    return gaps >= 1 || bars >= 2 || (line->text[0] == '|' && bars >= 1) || line->text[0] == '+';
}

/* Groups of lines ---------------------------------------------------------------------------------------- */

static bool all_centred(const page_t *page, const line_t *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_centred(page, &lines[i]))
            return false;
    return count <= 6;
}

static bool is_table(const line_t *lines, size_t count) {
    size_t columns = 0;
    for (size_t i = 0; i < count; i++)
        columns += has_columns(&lines[i]);
    return count >= 2 && columns * 3 >= count * 2;
}

static bool is_code(const line_t *lines, size_t count) {
    size_t letters = 0, visible = 0, braces = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lines[i].length; k++) {
            unsigned char c = (unsigned char)lines[i].text[k];
            visible += c != ' ' && c != '\t' && (c & 0xC0) != 0x80;
            letters += isalpha(c) || c >= 0xC0;
            braces += c == '{' || c == '}';
        }
        braces += ends_with_any(&lines[i], "{};") && strchr("#$%{}/", lines[i].text[0]);
    }
    return visible >= 4 && (letters * 2 < visible || braces * 2 > count + 1);
}

/* Each long word has a capital, as in English titles. */
static bool is_title_case(const line_t *line) {
    size_t long_words = 0;
    for (size_t at = 0; at < line->length;) {
        size_t size = 0;
        while (at + size < line->length && line->text[at + size] != ' ')
            size++;
        line_t word = {.text = line->text + at, .length = size};
        if (size >= 4 && begins_lower(&word))
            return false;
        long_words += size >= 4;
        at += size + 1;
    }
    return long_words > 0;
}

static bool is_short_heading(const line_t *line) {
    size_t number = tr_enumerator_length(line->text, line->length);
    line_t rest = {.text = line->text + number, .length = line->length - number};
    if (!has_letters(&rest, 2) || line->length > 80 || is_copyright(line) ||
        memmem(rest.text, rest.length, "://", 3) || memchr(rest.text, '@', rest.length))
        return false;
    size_t words = count_words(&rest);
    if (number > 0 && isdigit((unsigned char)line->text[0]))
        return begins_upper(&rest) && !ends_with_any(&rest, ";,:!?") &&
               (words <= 5 || (words <= 12 && (is_title_case(&rest) || !ends_with_any(&rest, "."))));
    return number == 0 && (begins_upper(&rest) || isdigit((unsigned char)rest.text[0])) && words <= 12 &&
           !ends_with_any(&rest, ".;,!?>");
}

/* How many lines at the start of a group are its heading. */
static size_t heading_lines(const line_t *lines, size_t count) {
    if (count >= 2 && is_underline_of(&lines[1], &lines[0]))
        return 1;
    if (is_capitals(&lines[0]) && lines[0].length <= 80) {
        if (count == 1 || (lines[1].indent >= lines[0].indent + 2 && !is_capitals(&lines[1])))
            return 1;
        if (count == 2 && is_capitals(&lines[1]) && lines[0].length + lines[1].length <= 120)
            return 2;
    }
    bool stands_apart = count == 1 && !ends_with_any(&lines[0], ":");
    bool is_numbered_title = count > 1 && isdigit((unsigned char)lines[0].text[0]) &&
                             is_title_case(&lines[0]) && lines[0].length <= 50 && begins_upper(&lines[1]);
    return (stands_apart || is_numbered_title) && is_short_heading(&lines[0]) ? 1 : 0;
}

static bool begins_item(const line_t *line) {
    return tr_enumerator_length(line->text, line->length) > 0;
}

/* The line before ended although the first word of this one would have fitted, or the indentation says so. */
static bool breaks_paragraph(const page_t *page, const line_t *before, const line_t *line) {
    if (!page->is_narrow)
        return true;
    if (is_copyright(before))
        return line->indent <= before->indent;
    if (is_copyright(line))
        return true;
    bool was_short = (before->indent + before->length) * 20 < page->width * 11;
    if (!was_short)
        return false;
    if (line->indent >= before->indent + 3)
        return !begins_lower(line) || before->text[0] == '-';
    return !begins_lower(line) && !ends_with_any(before, ",");
}

static bool ends_clause(const line_t *line) {
    return ends_with_any(line, ".:;,") ||
           (line->length > 4 && memcmp(line->text + line->length - 4, " and", 4) == 0) ||
           (line->length > 3 && memcmp(line->text + line->length - 3, " or", 3) == 0);
}

static bool begins_block(const page_t *page, const line_t *lines, size_t at) {
    const line_t *before = &lines[at - 1], *line = &lines[at];
    if (begins_item(line)) {
        /* A number that was wrapped to the start of a line ("under section / 7. This") begins nothing. */
        bool is_bullet = !isalnum((unsigned char)line->text[0]) && line->text[0] != '(';
        if (is_bullet || ends_clause(before))
            return true;
    }
    return breaks_paragraph(page, before, line);
}

/* Blocks ------------------------------------------------------------------------------------------------- */

/* Joins a line to what the block has; a hyphen that a formatter put at the end of the line before goes. */
static void add_line(tr_builder_t *builder, const line_t *line, bool is_last) {
    size_t length = line->length;
    bool is_broken = length > 3 && (memcmp(line->text + length - 3, "\xE2\x80\x90", 3) == 0);
    bool is_soft = !is_broken && length > 2 && memcmp(line->text + length - 2, "\xC2\xAD", 2) == 0;
    bool is_hyphen = !is_broken && length > 1 && line->text[length - 1] == '-' &&
                     isalpha((unsigned char)line->text[length - 2]);
    length -= is_broken ? 3 : is_soft ? 2 : 0;
    tr_builder_text(builder, line->text, length);
    if (!is_last && !is_broken && !is_soft && !is_hyphen)
        tr_builder_text(builder, " ", 1);
}

static void emit_verbatim(tr_builder_t *builder, tr_block_kind_t kind, const line_t *lines, size_t count) {
    tr_builder_begin(builder, TR_BLOCK_CODE);
    for (size_t i = 0; i < count; i++) {
        tr_builder_text(builder, lines[i].text, lines[i].length);
        if (i + 1 < count)
            tr_builder_text(builder, "\n", 1);
    }
    builder->kind = kind;
    tr_builder_end(builder);
}

static void emit_joined(tr_builder_t *builder, tr_block_kind_t kind, const line_t *lines, size_t count) {
    tr_builder_begin(builder, kind);
    for (size_t i = 0; i < count; i++)
        add_line(builder, &lines[i], i + 1 == count);
    tr_builder_end(builder);
}

static void emit_paragraphs(tr_builder_t *builder, const page_t *page, const line_t *lines, size_t count) {
    for (size_t first = 0; first < count;) {
        bool is_item = begins_item(&lines[first]);
        size_t end = first + 1;
        while (end < count && !is_rule(&lines[end]) && !begins_block(page, lines, end))
            end++;
        if (!is_rule(&lines[first]))
            emit_joined(builder, is_item ? TR_BLOCK_ITEM : TR_BLOCK_PARAGRAPH, lines + first, end - first);
        first = end;
    }
}

static void emit_group(tr_builder_t *builder, const page_t *page, const line_t *lines, size_t count) {
    for (size_t headings; count > 0 && (headings = heading_lines(lines, count)) > 0;) {
        emit_joined(builder, TR_BLOCK_HEADING, lines, headings);
        headings += headings < count && is_rule(&lines[headings]);
        lines += headings;
        count -= headings;
    }
    if (count > 0 && all_centred(page, lines, count)) {
        for (size_t i = 0; i < count; i++)
            if (!is_rule(&lines[i]))
                emit_joined(builder, TR_BLOCK_HEADING, lines + i, 1);
    } else if (is_table(lines, count)) {
        emit_verbatim(builder, TR_BLOCK_TABLE, lines, count);
    } else if (is_code(lines, count) && !is_rule(&lines[0])) {
        emit_verbatim(builder, TR_BLOCK_CODE, lines, count);
    } else {
        emit_paragraphs(builder, page, lines, count);
    }
}

int tr_document_read_plain(tr_builder_t *builder, const char *text, size_t length) {
    page_t page = {0};
    int rc = split_lines(&page, text, length);
    for (size_t first = 0; rc == 0 && first < page.count;) {
        size_t end = first;
        while (end < page.count && page.lines[end].length > 0)
            end++;
        if (end > first)
            emit_group(builder, &page, page.lines + first, end - first);
        first = end + 1;
    }
    free(page.lines);
    return rc;
}
