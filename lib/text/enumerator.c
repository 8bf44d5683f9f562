#include "lib/text/enumerator.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static size_t blanks(const char *text, size_t length) {
    size_t n = 0;
    while (n < length && (text[n] == ' ' || text[n] == '\t'))
        n++;
    return n;
}

static size_t bullet(const char *text, size_t length) {
    static const char *const bullets[] = {"-", "*", "+", "o", "\xE2\x80\xA2", "\xE2\x80\xA3", "\xE2\x97\xA6",
        "\xC2\xB7", "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x96\xAA"};
    for (size_t i = 0; i < sizeof bullets / sizeof bullets[0]; i++) {
        size_t size = strlen(bullets[i]);
        if (length > size + 1 && memcmp(text, bullets[i], size) == 0)
            return size;
    }
    return 0;
}

/* "1." "12)" "2.1" "2.1.3." "1.0.1": digits with dots; a lone number without a dot or bracket is no
 * enumerator. */
static size_t number(const char *text, size_t length) {
    size_t at = 0, groups = 0;
    while (at < length && groups < 6) {
        size_t digits = 0;
        while (at + digits < length && isdigit((unsigned char)text[at + digits]))
            digits++;
        if (digits == 0 || digits > 3)
            break;
        at += digits;
        groups++;
        if (at >= length || (text[at] != '.' && text[at] != ')'))
            return groups >= 2 ? at : 0;
        at++;
        if (text[at - 1] == ')')
            return at;
    }
    return groups > 0 && at > 0 && text[at - 1] == '.' ? at : 0;
}

/* "a." "B)" "iv." and so on: one letter, or a small roman number. */
static size_t letter(const char *text, size_t length) {
    size_t at = 0;
    while (at < length && at < 4 && strchr("ivx", text[at]))
        at++;
    if (at == 0)
        at = length > 0 && isalpha((unsigned char)text[0]) ? 1 : 0;
    return at > 0 && at < length && (text[at] == '.' || text[at] == ')') ? at + 1 : 0;
}

static size_t in_brackets(const char *text, size_t length) {
    size_t at = 1;
    if (length < 3 || (text[0] != '(' && text[0] != '['))
        return 0;
    while (at < length && at < 5 && isalnum((unsigned char)text[at]))
        at++;
    if (at == 1 || at >= length || (text[at] != ')' && text[at] != ']'))
        return 0;
    bool is_word = at > 2 && isalpha((unsigned char)text[1]) && strspn(text + 1, "ivx") < at - 1;
    return is_word || at > 4 ? 0 : at + 1;
}

size_t tr_enumerator_length(const char *text, size_t length) {
    static size_t (*const kinds[])(const char *, size_t) = {bullet, number, letter, in_brackets};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t size = kinds[i](text, length);
        size_t space = size > 0 ? blanks(text + size, length - size) : 0;
        if (space > 0 && size + space < length)
            return size + space;
    }
    return 0;
}
