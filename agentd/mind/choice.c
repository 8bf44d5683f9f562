#include "agentd/mind/choice.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agentd/mind/stems.h"
#include "lib/text/textbuf.h"

#define WORDS    4u   /* that are told */
#define QUOTED   160u /* bytes of a piece of evidence */
#define AGAINST  -.05 /* a mood that is worse speaks badly (rank.c) */
#define WORD_MAX 60u

/* The words of an option, as they stand there. */
typedef struct shared {
    tr_stems_t stems;
    tr_textbuf_t text;
    tr_text_span_t words[WORDS];
    size_t count;
} shared_t;

static bool is_in_word(char c) {
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The next word at or after *at, which is moved behind it; length 0 at the end. */
static tr_text_span_t next_word(tr_text_span_t text, size_t *at) {
    while (*at < text.length && !is_in_word(text.text[*at]))
        ++*at;
    size_t from = *at;
    while (*at < text.length && is_in_word(text.text[*at]))
        ++*at;
    return (tr_text_span_t){text.text + from, *at - from};
}

static bool has_stem(const tr_vector_t *bag, uint32_t stem) {
    for (size_t i = 0; i < bag->count; i++)
        if (bag->items[i].stem == stem)
            return true;
    return false;
}

/* Whether a word is no stop word, and its stem is in the bag. */
static bool is_shared(shared_t *self, tr_text_span_t word, const tr_vector_t *bag) {
    tr_vector_t one = {0};
    bool is = word.length <= WORD_MAX && tr_stems_read(&self->stems, word, &one) == 0 && one.count == 1 &&
              has_stem(bag, one.items[0].stem);
    free(one.items);
    return is;
}

static bool is_told(const shared_t *self, tr_text_span_t word) {
    for (size_t i = 0; i < self->count; i++)
        if (self->words[i].length == word.length &&
            strncasecmp(self->words[i].text, word.text, word.length) == 0)
            return true;
    return false;
}

/* How many different words of the option a text has; the first of them in `words`. */
static size_t share(shared_t *self, tr_text_span_t option, tr_text_span_t with) {
    tr_vector_t bag = {0};
    size_t found = 0;
    self->count = 0;
    if (tr_stems_read(&self->stems, with, &bag) == 0)
        for (size_t at = 0; at < option.length;) {
            tr_text_span_t word = next_word(option, &at);
            if (!word.length || is_told(self, word) || !is_shared(self, word, &bag))
                continue;
            found++;
            if (self->count < WORDS)
                self->words[self->count++] = word;
        }
    free(bag.items);
    return found;
}

static void add(shared_t *self, const char *text, size_t length) {
    tr_textbuf_add(&self->text, text, length);
}

static void add_string(shared_t *self, const char *text) {
    add(self, text, strlen(text));
}

static void tell_profile(shared_t *self, const tr_choice_t *choice) {
    if (share(self, choice->option, choice->profile) == 0)
        return;
    add_string(self, "it has ");
    for (size_t i = 0; i < self->count; i++) {
        add_string(self, i == 0 ? "\"" : i + 1 == self->count ? "\" and \"" : "\", \"");
        add(self, self->words[i].text, self->words[i].length);
    }
    add_string(self, "\" in common with my profile");
}

static size_t cut(tr_text_span_t text) {
    size_t length = text.length < QUOTED ? text.length : QUOTED;
    while (length < text.length && length > 0 && ((unsigned char)text.text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

/* The piece that has most of the option's words, of those that do not speak badly. */
static void tell_evidence(shared_t *self, const tr_choice_t *choice) {
    size_t best = 0, most = 0;
    for (size_t i = 0; i < choice->evidence_count; i++) {
        size_t found = choice->moods[i] < AGAINST ? 0 : share(self, choice->option, choice->evidence[i]);
        best = found > most ? i : best;
        most = found > most ? found : most;
    }
    if (most == 0)
        return;
    tr_text_span_t quoted = choice->evidence[best];
    size_t length = cut(quoted);
    add_string(self, self->text.length > 0 ? ", and \"" : "\"");
    add(self, quoted.text, length);
    add_string(self, length < quoted.length ? "...\" speaks for it" : "\" speaks for it");
}

json_t *tr_choice_reason(const tr_choice_t *self) {
    shared_t shared = {0};
    json_t *reason = NULL;
    if (tr_stems_init(&shared.stems) == 0) {
        tell_profile(&shared, self);
        tell_evidence(&shared, self);
        reason = json_stringn(shared.text.length > 0 ? shared.text.bytes : "", shared.text.length);
    }
    tr_textbuf_finish(&shared.text);
    tr_stems_finish(&shared.stems);
    return reason;
}
