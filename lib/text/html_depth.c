#include "lib/text/html_depth.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define DEEPEST_COUNTED 1024
#define NAME_SIZE       16

typedef struct {
    char names[DEEPEST_COUNTED + 1][NAME_SIZE];
    size_t count;
    size_t foreign; /* open svg and math elements: their style and title hold elements, not text */
} elements_t;

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

/* These have no content, or end by themselves where the next of their kind begins, so that unclosed ones do
 * not nest. */
static bool never_nests(const char *name) {
    static const char *const names[] = {"!doctype", "area", "base", "basefont", "bgsound", "br", "col", "dd",
        "dt", "embed", "frame", "hr", "img", "input", "keygen", "li", "link", "meta", "option", "optgroup",
        "p", "param", "source", "tbody", "td", "tfoot", "th", "thead", "track", "tr", "wbr", "a", "html",
        "head", "body", "nobr", NULL};
    return is_one_of(name, names);
}

static bool is_raw_text(const char *name) {
    static const char *const names[] = {
        "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", NULL};
    return is_one_of(name, names);
}

static size_t read_name(const char *text, size_t length, char name[NAME_SIZE]) {
    size_t at = 0, written = 0;
    for (; at < length && !strchr(" \n\t/>", text[at]); at++)
        if (written + 1 < NAME_SIZE)
            name[written++] = (char)tolower((unsigned char)text[at]);
    name[written] = '\0';
    return at;
}

/* To the end of a tag: a ">" within a quoted value does not count. */
static size_t skip_attributes(const char *text, size_t length) {
    size_t at = 0;
    while (at < length && text[at] != '>') {
        bool begins_value = text[at] == '=';
        at++;
        while (begins_value && at < length && isspace((unsigned char)text[at]))
            at++;
        if (!begins_value || at >= length || (text[at] != '"' && text[at] != '\''))
            continue;
        const char *quote = memchr(text + at + 1, text[at], length - at - 1);
        at = quote ? (size_t)(quote - text) + 1 : length;
    }
    return at < length ? at + 1 : length;
}

static size_t skip_comment(const char *text, size_t length) {
    if (length > 4 && text[4] == '>')
        return 5;
    if (length > 5 && text[4] == '-' && text[5] == '>')
        return 6;
    const char *end = length > 4 ? memmem(text + 4, length - 4, "-->", 3) : NULL;
    /* The other end is looked for only before this one: each byte of a text full of comments is seen twice at
     * most. */
    size_t comment = end ? (size_t)(end - text) + 3 : length;
    const char *other = length > 4 ? memmem(text + 4, comment - 4, "--!>", 4) : NULL;
    return other ? (size_t)(other - text) + 4 : comment;
}

/* To the end tag of an element whose content is text. */
static size_t skip_raw_text(const char *text, size_t length, const char *name) {
    size_t size = strlen(name);
    for (size_t at = 0; at + size + 2 <= length; at++) {
        const char *open = memchr(text + at, '<', length - at);
        if (!open)
            return length;
        at = (size_t)(open - text);
        if (at + size + 2 <= length && open[1] == '/' && strncasecmp(open + 2, name, size) == 0)
            return at;
    }
    return length;
}

static void close_element(elements_t *stack, const char *name) {
    if (stack->count == 0 || strcmp(stack->names[stack->count - 1], name) != 0)
        return;
    stack->count--;
    stack->foreign -= strcmp(name, "svg") == 0 || strcmp(name, "math") == 0;
}

static void open_element(elements_t *stack, const char *name) {
    if (stack->count < DEEPEST_COUNTED)
        memcpy(stack->names[stack->count++], name, NAME_SIZE);
    stack->foreign += strcmp(name, "svg") == 0 || strcmp(name, "math") == 0;
}

/* One tag or comment at `text`, which is a "<": returns the bytes that it takes. */
static size_t take_tag(elements_t *stack, const char *text, size_t length) {
    char name[NAME_SIZE] = "";
    if (length >= 4 && strncmp(text, "<!--", 4) == 0)
        return skip_comment(text, length);
    bool is_end = length > 1 && text[1] == '/';
    size_t at = 1 + is_end;
    if (at >= length || !isalpha((unsigned char)text[at]))
        return 1;
    at += read_name(text + at, length - at, name);
    at += skip_attributes(text + at, length - at);
    bool is_closed_foreign = stack->foreign > 0 && at >= 2 && text[at - 2] == '/';
    if (is_end)
        close_element(stack, name);
    else if (stack->foreign == 0 && is_raw_text(name))
        at += skip_raw_text(text + at, length - at, name);
    else if (!never_nests(name) && !is_closed_foreign)
        open_element(stack, name);
    return at;
}

size_t tr_html_depth(const char *text, size_t length, size_t enough) {
    elements_t stack = {.count = 0};
    size_t deepest = 0;
    enough = enough > DEEPEST_COUNTED - 1 ? DEEPEST_COUNTED - 1 : enough;
    for (size_t at = 0; at < length;) {
        const char *open = memchr(text + at, '<', length - at);
        if (!open)
            break;
        at = (size_t)(open - text);
        at += take_tag(&stack, open, length - at);
        deepest = stack.count > deepest ? stack.count : deepest;
        if (deepest > enough)
            return enough + 1;
    }
    return deepest;
}
