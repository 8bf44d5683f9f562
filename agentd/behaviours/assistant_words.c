#include "agentd/behaviours/assistant_words.h"

#include <string.h>

#include "agentd/mind/stems.h"
#include "lib/text/word.h"

#define WORD_MAX 64 /* bytes of a word, with its NUL; what is longer is compared by its beginning */

typedef struct language {
    tr_language_t code;
    tr_stems_t stems;
} language_t;

typedef struct matcher {
    language_t languages[2]; /* English, and the text's */
    size_t count;
} matcher_t;

static bool add_language(matcher_t *self, tr_language_t code) {
    language_t *language = &self->languages[self->count++];
    language->code = code;
    return tr_stems_init_for(&language->stems, code) == 0;
}

/* False when out of memory; finish it in both cases. */
static bool begin(matcher_t *self, const char *text) {
    tr_language_t own = tr_language_identify(text, strlen(text)).language;
    *self = (matcher_t){0};
    return add_language(self, TR_LANGUAGE_EN) &&
           (own == TR_LANGUAGE_EN || own == TR_LANGUAGE_UNKNOWN || add_language(self, own));
}

static void finish(matcher_t *self) {
    for (size_t i = 0; i < self->count; i++)
        tr_stems_finish(&self->languages[i].stems);
}

/* In small letters, without an "'s". False: there is none behind *at. */
static bool next_word(const char *text, size_t *at, char word[WORD_MAX]) {
    tr_word_span_t span;
    while (tr_word_next(text, strlen(text), at, &span)) {
        size_t size = tr_word_fold(text + span.offset, span.length, word, WORD_MAX);
        if (size > 2 && strcmp(word + size - 2, "'s") == 0)
            word[size - 2] = '\0';
        if (size > 0)
            return true;
    }
    return false;
}

/* Of how something is. */
static bool is_progress(const char *word) {
    static const char *const words[] = {"ready", "done", "finish", "finished", "complete", "completed",
        "going", "doing", "coming", "working", "fail", "failed", "progress", "status"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static bool is_task(const char *word) {
    return strcmp(word, "task") == 0 || strcmp(word, "tasks") == 0;
}

static bool says_something(const matcher_t *self, const char *word) {
    bool says = !is_task(word) && !is_progress(word);
    for (size_t i = 0; i < self->count; i++)
        says = says && !tr_language_is_stop_word(self->languages[i].code, word);
    return says;
}

static bool is_same_by(tr_stems_t *stems, const char *a, const char *b) {
    char stem[WORD_MAX];
    size_t of_a, of_b;
    const char *said = tr_stems_of(stems, a, strlen(a), &of_a);
    of_a = of_a < sizeof stem ? of_a : sizeof stem;
    memcpy(stem, said, of_a);
    said = tr_stems_of(stems, b, strlen(b), &of_b);
    return of_a == of_b && memcmp(stem, said, of_a) == 0;
}

static bool is_same(matcher_t *self, const char *a, const char *b) {
    bool same = strcmp(a, b) == 0;
    for (size_t i = 0; i < self->count && !same; i++)
        same = is_same_by(&self->languages[i].stems, a, b);
    return same;
}

static bool has_word(matcher_t *self, const char *text, const char *wanted) {
    char word[WORD_MAX];
    for (size_t at = 0; next_word(text, &at, word);)
        if (is_same(self, word, wanted))
            return true;
    return false;
}

size_t tr_assistant_words(const char *text, const char *subject, size_t *ret_all) {
    matcher_t matcher;
    char word[WORD_MAX];
    size_t found = 0;
    bool ready = begin(&matcher, text);
    *ret_all = 0;
    for (size_t at = 0; ready && next_word(subject, &at, word);)
        if (says_something(&matcher, word)) {
            ++*ret_all;
            found += has_word(&matcher, text, word);
        }
    finish(&matcher);
    return found;
}

bool tr_assistant_asks_how_far(const char *question) {
    char word[WORD_MAX];
    for (size_t at = 0; next_word(question, &at, word);)
        if (is_progress(word))
            return true;
    return false;
}

bool tr_assistant_fits(const char *text, const char *subject) {
    size_t all, found = tr_assistant_words(text, subject, &all);
    return found * 2 > all;
}
