#include "agentd/mind/stems.h"

#include <errno.h>
#include <libstemmer.h>
#include <stdlib.h>

#include "lib/text/textbuf.h"
#include "lib/text/word.h"

#define LONGEST 64

int tr_stems_init_for(tr_stems_t *self, tr_language_t language) {
    bool known = language != TR_LANGUAGE_UNKNOWN && language != TR_LANGUAGE_PL;
    const char *code = known ? tr_language_code(language) : "en"; /* which the library takes for a name */
    *self = (tr_stems_t){sb_stemmer_new(code, NULL), tr_vocabulary_new()};
    return self->stemmer && self->vocabulary ? 0 : -ENOMEM;
}

int tr_stems_init(tr_stems_t *self) {
    return tr_stems_init_for(self, TR_LANGUAGE_EN);
}

void tr_stems_finish(tr_stems_t *self) {
    if (self->stemmer)
        sb_stemmer_delete(self->stemmer);
    tr_vocabulary_destroy(&self->vocabulary);
    *self = (tr_stems_t){0};
}

const char *tr_stems_of(tr_stems_t *self, const char *word, size_t length, size_t *ret_length) {
    const sb_symbol *stem = sb_stemmer_stem(self->stemmer, (const sb_symbol *)word, (int)length);
    *ret_length = stem ? (size_t)sb_stemmer_length(self->stemmer) : length;
    return stem ? (const char *)stem : word;
}

static int take(tr_stems_t *self, const char *folded, size_t size, tr_vector_t *bag, size_t *capacity) {
    size_t length;
    const char *stem = tr_stems_of(self, folded, size, &length);
    uint32_t number = tr_vocabulary_add(self->vocabulary, stem, length);
    if (number == TR_VOCABULARY_NONE ||
        tr_array_reserve(&bag->items, bag->count, capacity, sizeof *bag->items) < 0)
        return -ENOMEM;
    bag->items[bag->count++] = (tr_dimension_t){number, 1};
    return 0;
}

int tr_stems_read(tr_stems_t *self, tr_text_span_t text, tr_vector_t *ret_bag) {
    tr_vector_t bag = {0};
    size_t at = 0, capacity = 0;
    tr_word_span_t span;
    while (tr_word_next(text.text, text.length, &at, &span)) {
        char folded[LONGEST + 1];
        size_t size = tr_word_fold(text.text + span.offset, span.length, folded, sizeof folded);
        if (size == 0 || tr_language_is_stop_word(TR_LANGUAGE_EN, folded))
            continue;
        if (take(self, folded, size, &bag, &capacity) < 0) {
            free(bag.items);
            return -ENOMEM;
        }
    }
    *ret_bag = bag;
    return 0;
}
