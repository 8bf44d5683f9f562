/*
 * Where sentences end.
 *
 * A full stop is only a candidate. It ends no sentence within a number or a name ("3.14", "gnu.org"), before
 * a small letter, after an initial or after an abbreviation that something must follow ("Dr."). After an
 * abbreviation that may come last ("Inc.", "etc.") the next word decides: one that nearly always is written
 * small ("The", "Everyone") has its capital from the beginning of a sentence.
 */
#include "agentd/text/sentence.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text/utf8.h"
#include "lib/text/word.h"

#define REACH 96

/* Sorted. In small letters, without the last dot, of all languages that are known here. */
static const char *const abbreviations[] = {"a", "abb", "abs", "al", "approx", "apr", "apt", "arch", "art",
    "aug", "av", "ave", "b", "bd", "bl", "bldg", "bsp", "bv", "bzgl", "bzw", "c", "ca", "cap", "capt", "cf",
    "ch", "chap", "cie", "cit", "cm", "co", "col", "corp", "d", "d.c", "d.h", "dec", "dept", "desc", "dez",
    "diff", "dr", "dra", "dt", "e", "e.g", "e.v", "ecc", "ed", "eds", "eg", "ej", "engl", "esp", "esq", "est",
    "et", "etc", "ev", "evtl", "ex", "exc", "f", "feb", "ff", "fig", "figs", "fr", "g", "geb", "gen", "ges",
    "gest", "ggf", "gov", "h", "hon", "hr", "hrsg", "i", "i.d.r", "i.e", "ibid", "ie", "im", "inc", "incl",
    "inkl", "inst", "int", "jan", "jr", "jul", "jun", "kap", "km", "l", "lic", "lt", "ltd", "m", "m.a.w",
    "m.b.v", "max", "mgr", "min", "mio", "misc", "mme", "mr", "mrs", "ms", "mt", "n", "nb", "no", "nos",
    "nov", "np", "nr", "o", "o.a", "o.g", "oct", "okt", "op", "orig", "osv", "p", "p.ej", "pag", "par",
    "ph.d", "pl", "pp", "proc", "prof", "pt", "q", "qq", "r", "rd", "ref", "rep", "resp", "rev", "rt", "s",
    "s.a", "s.o", "s.u", "sc", "sec", "sen", "sep", "sept", "ser", "sig", "sog", "sr", "sra", "st", "str",
    "supp", "t.ex", "tab", "tel", "tj", "tlf", "tzw", "u", "u.a", "u.k", "u.s", "u.s.a", "ul", "univ", "usw",
    "v", "vgl", "viz", "vol", "vols", "vs", "w", "x", "y", "z", "z.b", "z.t", "zb"};

/* Those that may be the last word of a sentence. Sorted. */
static const char *const may_end[] = {"al", "bzw", "co", "corp", "d.c", "ecc", "etc", "inc", "jr", "ltd",
    "op", "osv", "ph.d", "u.k", "u.s", "u.s.a", "usw"};

static const char *const months[] = {"april", "août", "august", "avril", "dezember", "december", "décembre",
    "februar", "februari", "february", "februar", "janeiro", "januar", "januari", "january", "januar",
    "janvier", "juillet", "juin", "juli", "july", "june", "juni", "maj", "march", "mars", "may", "märz",
    "mai", "november", "novembre", "october", "oktober", "octobre", "september", "septembre"};

static int compare(const void *key, const void *item) {
    return strcmp(key, *(const char *const *)item);
}

static bool is_listed(const char *word, const char *const *list, size_t count) {
    return bsearch(word, list, count, sizeof *list, compare) != NULL;
}

static bool is_month(const char *word) {
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++)
        if (strcmp(months[i], word) == 0)
            return true;
    return false;
}

static bool is_terminator(uint32_t code) {
    return code == '.' || code == '!' || code == '?' || code == 0x2026 || code == 0x3002 || code == 0xFF01 ||
           code == 0xFF1F;
}

static bool is_closer(uint32_t code) {
    return code == ')' || code == ']' || code == '"' || code == '\'' || code == 0x201D || code == 0x2019 ||
           code == 0xBB || code == 0x203A || code == 0x201C;
}

static bool is_opener(uint32_t code) {
    return code == '(' || code == '[' || code == '"' || code == '\'' || code == '`' || code == '<' ||
           code == '*' || code == 0x201C || code == 0x2018 || code == 0xAB || code == 0x201E ||
           code == 0xBF || code == 0xA1;
}

/* The word that ends before `end`, folded; dots within it are kept ("e.g"). Its first byte's place is
 * returned. */
static size_t word_before(const char *text, size_t end, char *out, size_t capacity) {
    size_t start = end;
    while (start > 0 && end - start + 5 < capacity) {
        uint32_t code;
        size_t size = tr_utf8_previous(text, start, &code);
        if (!tr_utf8_is_letter(code) && !tr_utf8_is_digit(code) && !tr_utf8_is_mark(code) && code != '.')
            break;
        start -= size;
    }
    tr_word_fold(text + start, end - start, out, capacity);
    return start;
}

static bool next_is_stop_word(const char *text, size_t length, tr_language_t language) {
    tr_word_span_t span;
    size_t at = 0;
    char word[48];
    length = length > REACH ? REACH : length;
    if (!tr_word_next(text, length, &at, &span) || span.offset > 4 || span.length >= sizeof word)
        return false;
    tr_word_fold(text + span.offset, span.length, word, sizeof word);
    return tr_language_is_stop_word(language, word);
}

static bool all_digits(const char *word, size_t most) {
    size_t digits = strspn(word, "0123456789.");
    return digits > 0 && word[digits] == '\0' && digits <= most;
}

/* Whether the full stop at `stop` belongs to the word before it. */
static bool is_abbreviation(
    const char *text, size_t stop, size_t next, size_t length, tr_language_t language) {
    char word[48], following[48] = "";
    size_t start = word_before(text, stop, word, sizeof word);
    if (all_digits(word, 8) && start == 0)
        return true; /* "1. Definitions" */
    tr_word_span_t span;
    size_t at = next;
    /* Only a word near by follows; a text of nothing but signs must not be searched to its end for each of
     * them. */
    size_t reach = length - next > REACH ? next + REACH : length;
    if (tr_word_next(text, reach, &at, &span) && span.length < sizeof following)
        tr_word_fold(text + span.offset, span.length, following, sizeof following);
    if (all_digits(word, 2))
        return is_month(following); /* "3. Oktober" */
    if (strchr(word, '.') && following[0] >= '0' && following[0] <= '9')
        return true; /* "48 C.F.R. 12" */
    bool is_initial = word[0] != '\0' && word[1] == '\0';
    if (!is_initial && !is_listed(word, abbreviations, sizeof abbreviations / sizeof abbreviations[0]))
        return false;
    /* "no." and "op." are words as well; as abbreviations they stand before a number. */
    if (strcmp(word, "no") == 0 || strcmp(word, "im") == 0 || strcmp(word, "int") == 0)
        return following[0] >= '0' && following[0] <= '9';
    if (is_initial || is_listed(word, may_end, sizeof may_end / sizeof may_end[0]))
        return !next_is_stop_word(text + next, length - next, language);
    return true;
}

static size_t skip_while(const char *text, size_t length, size_t at, bool (*is)(uint32_t)) {
    uint32_t code;
    while (at < length) {
        size_t size = tr_utf8_next(text + at, length - at, &code);
        if (!is(code))
            break;
        at += size;
    }
    return at;
}

static bool may_begin(const char *text, size_t length, size_t at) {
    uint32_t code;
    at = skip_while(text, length, at, is_opener);
    if (at >= length)
        return true;
    tr_utf8_next(text + at, length - at, &code);
    return tr_utf8_is_digit(code) || (tr_utf8_is_letter(code) && (tr_utf8_is_upper(code) || code > 0x5CF)) ||
           (!tr_utf8_is_letter(code) && code != ',' && code != ';' && code != ':');
}

/* French puts a blank before the mark that closes a quotation: the bytes of both, or 0. */
static size_t spaced_guillemet(const char *text, size_t length) {
    bool is_there = length >= 3 && memcmp(text, " \xC2\xBB", 3) == 0 && (length == 3 || text[3] == ' ');
    return is_there ? 3 : 0;
}

size_t tr_sentence_length(const char *text, size_t length, tr_language_t language) {
    for (size_t at = 0; at < length;) {
        uint32_t code;
        size_t size = tr_utf8_next(text + at, length - at, &code), stop = at;
        at += size;
        if (!is_terminator(code))
            continue;
        at = skip_while(text, length, at, is_terminator);
        bool is_single_dot = code == '.' && at == stop + 1;
        size_t end = skip_while(text, length, at, is_closer);
        end += spaced_guillemet(text + end, length - end);
        size_t next = skip_while(text, length, end, tr_utf8_is_space);
        if (next >= length)
            return end;
        bool is_wide = code == 0x3002 || code == 0xFF01 || code == 0xFF1F;
        if (!is_wide && (next == end || !may_begin(text, length, next)))
            continue;
        if (is_single_dot && end == at && is_abbreviation(text, stop, next, length, language))
            continue;
        return end;
    }
    return length;
}
