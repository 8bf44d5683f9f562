#include "agentd/mind/words.h"

#include <string.h>

#include "lib/text/word.h"

static bool has_any(const char *text, size_t from, size_t to, const char *signs) {
    for (size_t i = from; i < to; i++)
        if (text[i] != '\0' && strchr(signs, text[i]))
            return true;
    return false;
}

static void fill(tr_mind_word_t *word, const char *text, const tr_word_span_t *span) {
    word->offset = (uint32_t)span->offset;
    word->length = (uint32_t)span->length;
    word->begins_upper = span->begins_upper;
    word->is_capitals = span->is_capitals;
    word->ends_clause = false;
    word->size = (uint8_t)tr_word_fold(text + span->offset, span->length, word->folded, sizeof word->folded);
}

void tr_mind_words_read(const char *text, size_t length, tr_mind_words_t *ret_words) {
    size_t at = 0, end = 0;
    tr_word_span_t span;
    ret_words->count = 0;
    while (ret_words->count < TR_MIND_WORDS_MAX && tr_word_next(text, length, &at, &span)) {
        if (ret_words->count > 0)
            ret_words->items[ret_words->count - 1].ends_clause = has_any(text, end, span.offset, ",;:.!?\n");
        fill(&ret_words->items[ret_words->count++], text, &span);
        end = span.offset + span.length;
    }
    if (ret_words->count > 0)
        ret_words->items[ret_words->count - 1].ends_clause = true;
    ret_words->asks = has_any(text, end, length, "?");
    ret_words->shouts = has_any(text, 0, length, "!");
}
