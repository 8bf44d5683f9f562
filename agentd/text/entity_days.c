/*
 * Days and times of day, as people say them: "tomorrow", "next Friday", "at 3 pm", "15:30", "12/05/2024". What they are depends on when they
 * are said, so each is compared by its words; of dates with slashes only those that are one date however they are read get that date's key.
 */
#include "agentd/text/entity_days.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 13u /* of the lists, in bytes */

static size_t end_of(const tr_tokens_t *tokens, size_t index) {
    return tokens->words[index].offset + tokens->words[index].length;
}

static bool is_listed(const tr_tokens_t *tokens, size_t index, const char *const *list) {
    const tr_word_t *word = &tokens->words[index];
    if (word->length < 2 || word->length > WORD_MAX || word->flags & TR_WORD_NUMBER)
        return false;
    const char *text = tr_tokens_word(tokens, word);
    for (; *list; list++)
        if (strlen(*list) == word->length && strncasecmp(*list, text, word->length) == 0)
            return true;
    return false;
}

/* The next word, where one blank is between. */
static bool follows(const tr_tokens_t *tokens, size_t index) {
    return index < tokens->word_count && tokens->words[index].flags & TR_WORD_JOINED;
}

/* ---- "tomorrow", "next week" ---- */

static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
    "sunday", "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonnabend", "sonntag",
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche", NULL};

static size_t relative(const tr_tokens_t *tokens, size_t index) {
    static const char *const alone[] = {
        "today", "tomorrow", "yesterday", "tonight", "noon", "midnight", NULL};
    static const char *const german[] = {"heute", "gestern", "übermorgen", "vorgestern", NULL};
    static const char *const which[] = {
        "next", "last", "this", "coming", "nächsten", "letzten", "kommenden", NULL};
    static const char *const spans[] = {"week", "weekend", "month", "year", NULL};
    if (is_listed(tokens, index, alone) || is_listed(tokens, index, days) ||
        (tokens->language == TR_LANGUAGE_DE && is_listed(tokens, index, german)))
        return 1;
    if (!is_listed(tokens, index, which) || !follows(tokens, index + 1))
        return 0;
    return is_listed(tokens, index + 1, days) || is_listed(tokens, index + 1, spans) ? 2 : 0;
}

/* ---- "3 pm", "15:30" ---- */

/* Of one or two digits at the beginning of a word, with how many they are; -1. */
static int small_number(const tr_tokens_t *tokens, size_t index, size_t *ret_digits) {
    const tr_word_t *word = &tokens->words[index];
    const char *text = tr_tokens_word(tokens, word);
    int value = 0;
    size_t n = 0;
    while (n < word->length && n < 3 && isdigit((unsigned char)text[n]))
        value = value * 10 + (text[n++] - '0');
    *ret_digits = n;
    return n == 1 || n == 2 ? value : -1;
}

/* Whether the two words have this sign and nothing else between them. */
static bool is_between(const tr_tokens_t *tokens, size_t first, char sign) {
    size_t end = end_of(tokens, first);
    return first + 1 < tokens->word_count && tokens->document->text[end] == sign &&
           tokens->words[first + 1].offset == end + 1;
}

static bool is_half(const char *text, size_t length) {
    return length == 2 && (strncasecmp(text, "am", 2) == 0 || strncasecmp(text, "pm", 2) == 0);
}

static size_t clock_time(const tr_tokens_t *tokens, size_t index) {
    size_t digits, last = index;
    const tr_word_t *word = &tokens->words[index];
    int hour = small_number(tokens, index, &digits);
    if (hour < 0 || hour > 24)
        return 0;
    if (digits < word->length) /* "3pm" */
        return hour <= 12 && is_half(tr_tokens_word(tokens, word) + digits, word->length - digits) ? 1 : 0;
    bool has_minutes = is_between(tokens, index, ':');
    if (has_minutes) {
        int minute = small_number(tokens, ++last, &digits);
        word = &tokens->words[last];
        if (minute < 0 || minute > 59 || digits != 2)
            return 0;
        if (digits < word->length)
            return is_half(tr_tokens_word(tokens, word) + digits, word->length - digits) ? 2 : 0;
    }
    if (hour <= 12 && follows(tokens, last + 1) &&
        is_half(tr_tokens_word(tokens, &tokens->words[last + 1]), tokens->words[last + 1].length))
        return last + 2 - index;
    return has_minutes ? 2 : 0;
}

/* ---- "12/05/2024" ---- */

static bool is_day_of(int day, int month) {
    return day >= 1 && day <= 31 && month >= 1 && month <= 12;
}

/* Which of the first two is the month differs between countries: only where one of them can be none, or both are the same, is it known. */
static bool key_of(const int n[3], char key[TR_ENTITY_DAY_KEY]) {
    bool year_first = n[0] >= 1000;
    int year = year_first ? n[0] : n[2], a = year_first ? n[1] : n[0], b = year_first ? n[2] : n[1];
    bool month_first = is_day_of(b, a), day_first = !year_first && is_day_of(a, b);
    key[0] = '\0';
    if (year < 1000 || year > 2999 || (!month_first && !day_first))
        return false;
    if (!month_first || !day_first || a == b)
        snprintf(key, TR_ENTITY_DAY_KEY, "%04d-%02d-%02d", year, month_first ? a : b, month_first ? b : a);
    return true;
}

static size_t slashed(const tr_tokens_t *tokens, size_t index, char key[TR_ENTITY_DAY_KEY]) {
    int n[3];
    for (size_t i = 0; i < 3; i++) {
        const tr_word_t *word = &tokens->words[index + i];
        const char *text = tr_tokens_word(tokens, word);
        if (word->length > 4 || strspn(text, "0123456789") < word->length ||
            (i < 2 && !is_between(tokens, index + i, '/')))
            return 0;
        n[i] = 0;
        for (size_t k = 0; k < word->length; k++)
            n[i] = n[i] * 10 + (text[k] - '0');
    }
    return key_of(n, key) ? 3 : 0;
}

size_t tr_entity_day(const tr_tokens_t *tokens, size_t index, char key[TR_ENTITY_DAY_KEY]) {
    const tr_word_t *word = &tokens->words[index];
    key[0] = '\0';
    if (word->flags & TR_WORD_ADDRESS)
        return 0;
    if (!isdigit((unsigned char)*tr_tokens_word(tokens, word)))
        return relative(tokens, index);
    size_t words = slashed(tokens, index, key);
    return words ? words : clock_time(tokens, index);
}
