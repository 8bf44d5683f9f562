#include "agentd/text/tokens.h"

#include <errno.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/sentence.h"
#include "lib/text/enumerator.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"
#include "lib/text/word.h"

#define LONGEST_TERM 40

const char *tr_tokens_word(const tr_tokens_t *self, const tr_word_t *word) {
    return self->document->text + word->offset;
}

void tr_tokens_destroy(tr_tokens_t **self) {
    if (!self || !*self)
        return;
    free((*self)->sentences);
    free((*self)->words);
    tr_vocabulary_destroy(&(*self)->stems);
    free(*self);
    *self = NULL;
}

/* Only blanks, or nothing, between two words. */
static bool is_joined(const char *text, size_t from, size_t to) {
    while (from < to && text[from] == ' ')
        from++;
    return from == to;
}

/* "'s" is no part of the word that a term stands for. */
static size_t strip_possessive(char *word, size_t length) {
    if (length > 2 && strcmp(word + length - 2, "'s") == 0)
        length -= 2;
    word[length] = '\0';
    return length;
}

static size_t count_letters(const char *word) {
    size_t letters = 0;
    for (; *word; word++)
        letters += ((unsigned char)*word & 0xC0) != 0x80;
    return letters;
}

/* Numbers the word's stem, and sets the flags that depend on what it means. Returns 0 or -ENOMEM. */
static int classify(tr_tokens_t *self, struct sb_stemmer *stemmer, tr_word_t *word) {
    char folded[LONGEST_TERM * 4];
    if (word->flags & (TR_WORD_NUMBER | TR_WORD_ADDRESS) || word->length >= sizeof folded)
        return 0;
    size_t length = tr_word_fold(tr_tokens_word(self, word), word->length, folded, sizeof folded);
    length = strip_possessive(folded, length);
    if (tr_language_is_stop_word(self->language, folded)) {
        word->flags |= TR_WORD_STOP;
        return 0;
    }
    size_t letters = count_letters(folded);
    if (letters < 2 || letters > LONGEST_TERM)
        return 0;
    const char *stem = folded;
    if (stemmer) {
        const sb_symbol *found = sb_stemmer_stem(stemmer, (const sb_symbol *)folded, (int)length);
        if (!found)
            return -ENOMEM;
        stem = (const char *)found;
        length = (size_t)sb_stemmer_length(stemmer);
    }
    word->stem = tr_vocabulary_add(self->stems, stem, length);
    return word->stem == TR_VOCABULARY_NONE ? -ENOMEM : 0;
}

static int add_word(
    tr_tokens_t *self, struct sb_stemmer *stemmer, size_t base, const tr_word_span_t *span, unsigned flags) {
    if (tr_array_reserve(&self->words, self->word_count, &self->word_capacity, sizeof *self->words) < 0)
        return -ENOMEM;
    flags |= span->begins_upper ? TR_WORD_UPPER : 0;
    flags |= span->is_capitals ? TR_WORD_CAPITALS : 0;
    flags |= span->has_letter ? 0 : TR_WORD_NUMBER;
    tr_word_t *word = &self->words[self->word_count];
    *word = (tr_word_t){
        .offset = (uint32_t)(base + span->offset),
        .stem = TR_VOCABULARY_NONE,
        .sentence = (uint32_t)self->sentence_count,
        .length = (uint16_t)(span->length > UINT16_MAX ? UINT16_MAX : span->length),
        .flags = (uint16_t)flags,
    };
    int rc = classify(self, stemmer, word);
    self->word_count += rc == 0;
    return rc;
}

/* The run of visible characters that words are in, looked at once for all of them. */
typedef struct {
    size_t end;
    bool is_address;
} run_t;

static run_t look_at_run(const char *text, size_t length, size_t at) {
    size_t start = at, end = at;
    while (start > 0 && text[start - 1] != ' ')
        start--;
    while (end < length && text[end] != ' ')
        end++;
    while (start < at && strchr("(<[\"'", text[start]))
        start++;
    const char *run = text + start;
    size_t size = end - start;
    const char *sign = memchr(run, '@', size);
    bool is_mail = sign && sign > run && memchr(sign, '.', size - (size_t)(sign - run)) != NULL;
    bool is_path = size > 2 && run[0] == '/' && memchr(run + 1, '/', size - 1) != NULL;
    bool is_web = memmem(run, size, "://", 3) != NULL || (size > 4 && memcmp(run, "www.", 4) == 0);
    return (run_t){end, is_mail || is_path || is_web};
}

static bool is_shouted(const tr_word_t *words, size_t count) {
    size_t capitals = 0;
    for (size_t i = 0; i < count; i++)
        capitals += (words[i].flags & TR_WORD_CAPITALS) != 0;
    return count >= 2 && capitals * 10 > count * 6;
}

static int add_sentence(
    tr_tokens_t *self, struct sb_stemmer *stemmer, size_t block, size_t offset, size_t length) {
    const char *text = self->document->text + offset;
    tr_word_span_t span;
    size_t first = self->word_count, end = 0;
    run_t run = {0};
    for (size_t at = 0; tr_word_next(text, length, &at, &span); end = span.offset + span.length) {
        bool is_first = self->word_count == first;
        unsigned flags = is_first ? TR_WORD_INITIAL : is_joined(text, end, span.offset) ? TR_WORD_JOINED : 0;
        if (span.offset >= run.end)
            run = look_at_run(text, length, span.offset);
        flags |= run.is_address ? TR_WORD_ADDRESS : 0;
        int rc = add_word(self, stemmer, offset, &span, flags);
        if (rc < 0)
            return rc;
    }
    if (self->word_count == first)
        return 0; /* only signs */
    if (tr_array_reserve(
            &self->sentences, self->sentence_count, &self->sentence_capacity, sizeof *self->sentences) < 0)
        return -ENOMEM;
    self->sentences[self->sentence_count++] = (tr_sentence_t){
        .offset = (uint32_t)offset,
        .length = (uint32_t)length,
        .block = (uint32_t)block,
        .first_word = (uint32_t)first,
        .word_count = (uint32_t)(self->word_count - first),
        .is_shouted = is_shouted(self->words + first, self->word_count - first),
    };
    return 0;
}

static int add_block(tr_tokens_t *self, struct sb_stemmer *stemmer, size_t index) {
    const tr_block_t *block = &self->document->blocks[index];
    const char *text = self->document->text;
    if (block->kind == TR_BLOCK_CODE || block->kind == TR_BLOCK_TABLE)
        return 0;
    size_t at = block->offset, end = block->offset + block->length;
    at += tr_enumerator_length(text + at, end - at);
    while (at < end) {
        size_t length = block->kind == TR_BLOCK_HEADING
                            ? end - at
                            : tr_sentence_length(text + at, end - at, self->language);
        int rc = add_sentence(self, stemmer, index, at, length);
        if (rc < 0)
            return rc;
        at += length;
        while (at < end && text[at] == ' ')
            at++;
    }
    return 0;
}

static int fill(tr_tokens_t *self) {
    /* libstemmer knows languages by their codes; NULL where it has none. */
    struct sb_stemmer *stemmer = sb_stemmer_new(tr_language_code(self->language), "UTF_8");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < self->document->block_count; i++)
        rc = add_block(self, stemmer, i);
    if (stemmer)
        sb_stemmer_delete(stemmer);
    return rc;
}

int tr_tokens_new(const tr_document_t *document, tr_language_t language, tr_tokens_t **ret_tokens) {
    if (document->text_length >= UINT32_MAX)
        return -EFBIG;
    tr_tokens_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->document = document;
    self->language = language;
    self->stems = tr_vocabulary_new();
    int rc = self->stems ? fill(self) : -ENOMEM;
    if (rc < 0) {
        tr_tokens_destroy(&self);
        return rc;
    }
    *ret_tokens = self;
    return 0;
}
