/* What is recognised by its form: web and mail addresses, dates, sums of money. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agentd/text/entity_collector.h"
#include "agentd/text/entity_days.h"
#include "lib/text/utf8.h"
#include "lib/text/word.h"

/* Addresses ---------------------------------------------------------------------------------------------- */

static size_t scheme_length(const char *text, size_t length) {
    static const char *const schemes[] = {"https://", "http://", "ftp://", "www."};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (length > size + 2 && strncasecmp(text, schemes[i], size) == 0 &&
            isalnum((unsigned char)text[size]))
            return size;
    }
    return 0;
}

static size_t url_length(const char *text, size_t length) {
    size_t end = scheme_length(text, length), brackets = 0;
    if (end == 0)
        return 0;
    while (end < length && (unsigned char)text[end] > ' ' && !strchr("<>\"`{}|\\^", text[end])) {
        brackets += text[end] == '(';
        if (text[end] == ')' && brackets-- == 0)
            break; /* "(see http://x.y/z)" */
        end++;
    }
    while (end > 0 && strchr(".,;:!?'*]", text[end - 1]))
        end--;
    return end;
}

static bool is_local(unsigned char c) {
    return isalnum(c) || (c != '\0' && strchr("._%+-", c) != NULL);
}

/* An "@" at `at`: the mail address around it, or a length of 0. */
static size_t email_around(const char *text, size_t length, size_t at, size_t *ret_start) {
    size_t start = at, end = at + 1, dots = 0;
    while (start > 0 && at - start < 64 && is_local((unsigned char)text[start - 1]))
        start--;
    while (start < at && !isalnum((unsigned char)text[start]))
        start++;
    while (end < length && (isalnum((unsigned char)text[end]) || text[end] == '-' || text[end] == '.'))
        end++;
    while (end > at + 1 && (text[end - 1] == '.' || text[end - 1] == '-'))
        end--;
    for (size_t i = at + 1; i < end; i++)
        dots += text[i] == '.';
    if (start == at || dots == 0 || end - at < 5 || text[at + 1] == '.')
        return 0;
    *ret_start = start;
    return end - start;
}

/* An address in small letters without what does not matter, for comparing: the scheme, "www.", a slash at the
 * end. */
static void url_key(const char *url, size_t length, char *out, size_t capacity) {
    size_t skip = scheme_length(url, length);
    if (skip > 0 && skip < length && strncasecmp(url + skip, "www.", 4) == 0)
        skip += 4;
    while (length > skip && url[length - 1] == '/')
        length--;
    snprintf(out, capacity, "%.*s", (int)(length - skip), url + skip);
    for (char *c = out; *c && *c != '/'; c++)
        *c = (char)tolower((unsigned char)*c);
}

int tr_entities_addresses(tr_collector_t *collector) {
    const tr_document_t *document = collector->tokens->document;
    const char *text = document->text;
    size_t length = document->text_length;
    for (size_t at = 0; at < length; at++) {
        char key[500];
        size_t start = at, size = 0;
        tr_mention_t mention = {.kind = TR_ENTITY_URL, .key = key};
        bool is_start = at == 0 || !isalnum((unsigned char)text[at - 1]);
        if (is_start && strchr("hHfFwW", text[at]) && (size = url_length(text + at, length - at)) > 0)
            url_key(text + at, size < 480 ? size : 480, key, sizeof key);
        else if (text[at] == '@' && (size = email_around(text, length, at, &start)) > 0)
            mention = (tr_mention_t){.kind = TR_ENTITY_EMAIL};
        if (size == 0)
            continue;
        mention.offset = start;
        mention.length = size;
        if (tr_collector_add(collector, &mention) < 0)
            return -ENOMEM;
        at = start + size - 1;
    }
    return 0;
}

/* Dates -------------------------------------------------------------------------------------------------- */

/* Months by the beginning of their names in the languages known here; the longest beginnings first where one
 * is part of another. */
static const struct {
    const char *name;
    int month;
} months[] = {
    {"january", 1},
    {"january", 1},
    {"januar", 1},
    {"januari", 1},
    {"janvier", 1},
    {"enero", 1},
    {"gennaio", 1},
    {"janeiro", 1},
    {"stycznia", 1},
    {"jan", 1},
    {"february", 2},
    {"februar", 2},
    {"februari", 2},
    {"février", 2},
    {"febrero", 2},
    {"febbraio", 2},
    {"fevereiro", 2},
    {"lutego", 2},
    {"feb", 2},
    {"march", 3},
    {"märz", 3},
    {"mars", 3},
    {"marzo", 3},
    {"março", 3},
    {"maart", 3},
    {"marts", 3},
    {"marca", 3},
    {"mar", 3},
    {"april", 4},
    {"avril", 4},
    {"abril", 4},
    {"aprile", 4},
    {"kwietnia", 4},
    {"apr", 4},
    {"may", 5},
    {"mai", 5},
    {"mayo", 5},
    {"maggio", 5},
    {"maio", 5},
    {"mei", 5},
    {"maj", 5},
    {"maja", 5},
    {"june", 6},
    {"juni", 6},
    {"juin", 6},
    {"junio", 6},
    {"giugno", 6},
    {"junho", 6},
    {"czerwca", 6},
    {"jun", 6},
    {"july", 7},
    {"juli", 7},
    {"juillet", 7},
    {"julio", 7},
    {"luglio", 7},
    {"julho", 7},
    {"lipca", 7},
    {"jul", 7},
    {"august", 8},
    {"août", 8},
    {"agosto", 8},
    {"augustus", 8},
    {"augusti", 8},
    {"sierpnia", 8},
    {"aug", 8},
    {"september", 9},
    {"septembre", 9},
    {"septiembre", 9},
    {"settembre", 9},
    {"setembro", 9},
    {"września", 9},
    {"sept", 9},
    {"sep", 9},
    {"october", 10},
    {"oktober", 10},
    {"octobre", 10},
    {"octubre", 10},
    {"ottobre", 10},
    {"outubro", 10},
    {"października", 10},
    {"oct", 10},
    {"okt", 10},
    {"november", 11},
    {"novembre", 11},
    {"noviembre", 11},
    {"novembro", 11},
    {"listopada", 11},
    {"nov", 11},
    {"december", 12},
    {"dezember", 12},
    {"décembre", 12},
    {"diciembre", 12},
    {"dicembre", 12},
    {"dezembro", 12},
    {"grudnia", 12},
    {"dec", 12},
    {"dez", 12},
};

static int month_of(const tr_tokens_t *tokens, const tr_word_t *word) {
    char name[32];
    bool must_be_upper = tokens->language == TR_LANGUAGE_EN || tokens->language == TR_LANGUAGE_DE;
    if (word->flags & TR_WORD_NUMBER || word->length >= sizeof name ||
        (must_be_upper && !(word->flags & TR_WORD_UPPER)))
        return 0;
    tr_word_fold(tr_tokens_word(tokens, word), word->length, name, sizeof name);
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++)
        if (strcmp(months[i].name, name) == 0)
            return months[i].month;
    return 0;
}

/* The value of a word of digits, "1st" and its like included, or 0. */
static int number_of(const tr_tokens_t *tokens, const tr_word_t *word) {
    const char *text = tr_tokens_word(tokens, word);
    size_t digits = 0;
    int value = 0;
    while (digits < word->length && digits < 5 && isdigit((unsigned char)text[digits]))
        value = value * 10 + (text[digits++] - '0');
    bool is_ordinal =
        digits + 2 == word->length && strchr("snrt", text[digits]) && strchr("tdh", text[digits + 1]);
    return digits > 0 && digits < 5 && (digits == word->length || is_ordinal) ? value : 0;
}

static bool is_day(int number) {
    return number >= 1 && number <= 31;
}

static bool is_year(int number) {
    return number >= 1000 && number <= 2999;
}

/* Whether only blanks, dots, commas and "of"/"de" stand between two words of a date: the next word's index,
 * or 0. */
static size_t next_of_date(const tr_tokens_t *tokens, size_t index) {
    size_t next = index + 1;
    for (int skipped = 0; next < tokens->word_count && skipped < 2; skipped++, next++) {
        const tr_word_t *before = &tokens->words[next - 1], *word = &tokens->words[next];
        if (word->sentence != tokens->words[index].sentence)
            return 0;
        size_t from = before->offset + before->length;
        for (size_t i = from; i < word->offset; i++)
            if (!strchr(" .,", tokens->document->text[i]) || word->offset - from > 3)
                return 0;
        const char *text = tr_tokens_word(tokens, word);
        bool is_link = word->length == 2 && (strncmp(text, "of", 2) == 0 || strncmp(text, "de", 2) == 0);
        if (!is_link)
            return next;
    }
    return 0;
}

typedef struct {
    int day, month, year;
    size_t last; /* index of its last word */
} date_t;

/* "29 June 2007", "29. Juni", "June 29, 2007", "June 2007": a month alone is no date. */
static bool read_date(const tr_tokens_t *tokens, size_t index, date_t *ret_date) {
    date_t date = {.last = index};
    int first = number_of(tokens, &tokens->words[index]);
    size_t next = next_of_date(tokens, index);
    if (next == 0)
        return false;
    bool has_comma = tokens->document->text[tokens->words[index].offset + tokens->words[index].length] ==
                     ','; /* "Version 2, June 1991" */
    if (is_day(first) && !has_comma && (date.month = month_of(tokens, &tokens->words[next])) > 0) {
        date.day = first;
    } else if ((date.month = month_of(tokens, &tokens->words[index])) > 0) {
        int number = number_of(tokens, &tokens->words[next]);
        date.day = is_day(number) ? number : 0;
        date.year = is_year(number) ? number : 0;
        if (date.day == 0 && date.year == 0)
            return false;
    } else {
        return false;
    }
    date.last = next;
    size_t after = date.year == 0 ? next_of_date(tokens, next) : 0;
    int year = after > 0 ? number_of(tokens, &tokens->words[after]) : 0;
    if (is_year(year)) {
        date.year = year;
        date.last = after;
    }
    *ret_date = date;
    return true;
}

/* "2007-06-29" and "29.06.2007" are one word each. */
static bool read_numeric_date(const tr_tokens_t *tokens, size_t index, date_t *ret_date) {
    const tr_word_t *word = &tokens->words[index];
    const char *text = tr_tokens_word(tokens, word);
    char copy[12];
    int end = 0;
    date_t date = {.last = index};
    if (word->length < 8 || word->length >= sizeof copy)
        return false;
    memcpy(copy, text, word->length);
    copy[word->length] = '\0';
    bool is_iso =
        sscanf(copy, "%4d-%2d-%2d%n", &date.year, &date.month, &date.day, &end) == 3 && end == word->length;
    bool is_dotted = !is_iso &&
                     sscanf(copy, "%2d.%2d.%4d%n", &date.day, &date.month, &date.year, &end) == 3 &&
                     end == word->length;
    if ((!is_iso && !is_dotted) || !is_day(date.day) || date.month < 1 || date.month > 12 ||
        !is_year(date.year))
        return false;
    *ret_date = date;
    return true;
}

/* The last word of the date, time or day that begins here, and what it is compared by ("": its words); false where none begins. */
static bool find_date(const tr_tokens_t *tokens, size_t index, size_t *ret_last, char key[48]) {
    date_t date;
    char day[TR_ENTITY_DAY_KEY];
    if (read_date(tokens, index, &date) || read_numeric_date(tokens, index, &date)) {
        snprintf(key, 48, "%04d-%02d-%02d", date.year, date.month, date.day);
        *ret_last = date.last;
        return true;
    }
    size_t words = tr_entity_day(tokens, index, day);
    snprintf(key, 48, "%s", day);
    *ret_last = index + words - 1;
    return words > 0;
}

int tr_entities_dates(tr_collector_t *collector) {
    const tr_tokens_t *tokens = collector->tokens;
    for (size_t i = 0; i < tokens->word_count; i++) {
        size_t at;
        char key[48];
        if (collector->is_taken[i] || !find_date(tokens, i, &at, key))
            continue;
        const tr_word_t *last = &tokens->words[at];
        tr_mention_t mention = {
            .kind = TR_ENTITY_DATE,
            .offset = tokens->words[i].offset,
            .length = last->offset + last->length - tokens->words[i].offset,
            .key = *key ? key : NULL,
        };
        if (tr_collector_add(collector, &mention) < 0)
            return -ENOMEM;
        i = at;
    }
    return 0;
}

/* Money -------------------------------------------------------------------------------------------------- */

static bool is_one_of(const tr_tokens_t *tokens, size_t index, const char *list) {
    const tr_word_t *word = &tokens->words[index];
    char padded[32] = " ";
    if (index >= tokens->word_count || word->length > 24)
        return false;
    memcpy(padded + 1, tr_tokens_word(tokens, word), word->length);
    strcpy(padded + 1 + word->length, " ");
    return strstr(list, padded) != NULL;
}

static size_t sign_before(const char *text, size_t offset) {
    static const char *const signs[] = {"$", "€", "£", "¥", "US$", "C$", "A$"};
    size_t best = 0, gap = offset > 0 && text[offset - 1] == ' ' ? 1 : 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t size = strlen(signs[i]);
        if (size + gap <= offset && memcmp(text + offset - gap - size, signs[i], size) == 0 &&
            size + gap > best)
            best = size + gap;
    }
    return best;
}

int tr_entities_money(tr_collector_t *collector) {
    static const char currencies[] = " USD EUR GBP CHF JPY SEK DKK PLN dollar dollars euro euros Euro pounds "
                                     "pence cents Cent yen francs Franken Dollar "
                                     "dólares euros dollari złotych kronor kroner ";
    static const char scales[] = " million millions billion billions thousand Millionen Milliarden Mio Mrd "
                                 "millones miliardi milioni milliards ";
    const tr_tokens_t *tokens = collector->tokens;
    const char *text = tokens->document->text;
    for (size_t i = 0; i < tokens->word_count; i++) {
        const tr_word_t *word = &tokens->words[i];
        if (!(word->flags & TR_WORD_NUMBER) || collector->is_taken[i])
            continue;
        size_t sign = sign_before(text, word->offset), last = i;
        if (sign > 0 && word->length == 1 && text[word->offset - 1] == '$' &&
            (i + 1 >= tokens->word_count || !is_one_of(tokens, i + 1, scales)))
            continue; /* "$1" is more often a parameter than a price */
        bool is_coded =
            i > 0 && (word->flags & TR_WORD_JOINED) && is_one_of(tokens, i - 1, " USD EUR GBP CHF JPY ");
        if (i + 1 < tokens->word_count && (word[1].flags & TR_WORD_JOINED) &&
            is_one_of(tokens, i + 1, scales))
            last++;
        size_t after = last + 1;
        bool is_named = after < tokens->word_count && (tokens->words[after].flags & TR_WORD_JOINED) &&
                        is_one_of(tokens, after, currencies);
        last += is_named;
        size_t end = tokens->words[last].offset + tokens->words[last].length;
        bool is_signed_after = strncmp(text + end, " €", 4) == 0 || strncmp(text + end, "€", 3) == 0;
        if (sign == 0 && !is_coded && !is_named && !is_signed_after)
            continue;
        size_t start = is_coded ? tokens->words[i - 1].offset : word->offset - sign;
        end += is_signed_after && !is_named && sign == 0 ? strlen("€") + (text[end] == ' ') : 0;
        if (tr_collector_add(collector,
                &(tr_mention_t){.kind = TR_ENTITY_MONEY, .offset = start, .length = end - start}) < 0)
            return -ENOMEM;
        i = last;
    }
    return 0;
}
