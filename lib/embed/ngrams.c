#include "lib/embed/ngrams.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/embed/embed_kind.h"
#include "lib/text/utf8.h"

#define DIMENSIONS  512
#define WORD_MAX    64 /* bytes; what is longer is cut */
#define LETTERS_MAX (WORD_MAX + 2)
#define STOP_WEIGHT .2F
#define GRAM_WEIGHT 1.0F /* of all n-grams of a word together, beside the word itself */
#define GRAM_LEAST  3
#define GRAM_MOST   5

static const char *const stop_words[] = {"a", "about", "after", "all", "an", "and", "are", "as", "at", "be",
    "been", "but", "by", "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "he",
    "her", "his", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "s", "she",
    "should", "so", "some", "t", "that", "the", "their", "them", "there", "these", "they", "this", "those",
    "to", "up", "was", "we", "were", "what", "when", "which", "who", "will", "with", "would", "you", "your"};

static int compare_words(const void *a, const void *b) {
    return strcmp(a, *(const char *const *)b);
}

static bool is_stop_word(const char *word) {
    return bsearch(
        word, stop_words, sizeof stop_words / sizeof *stop_words, sizeof *stop_words, compare_words);
}

/* FNV-1a, and mixed once more, because its low bits alone are poor. */
static uint64_t hash(const char *bytes, size_t length, uint64_t seed) {
    uint64_t h = 14695981039346656037U ^ seed;
    for (size_t i = 0; i < length; i++)
        h = (h ^ (unsigned char)bytes[i]) * 1099511628211U;
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15U;
    return h ^ h >> 29;
}

/* Two places with signs of their own, so that what meets in one place rarely meets in both. */
static void add(float *vector, const char *bytes, size_t length, uint64_t seed, float weight) {
    uint64_t h = hash(bytes, length, seed);
    vector[h % DIMENSIONS] += h >> 40 & 1 ? weight : -weight;
    vector[(h >> 20) % DIMENSIONS] += h >> 41 & 1 ? weight : -weight;
}

/* Where the code points of a word in its brackets begin, and where it ends; how many they are. */
static size_t find_letters(const char *word, size_t length, size_t *starts) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)word[i] & 0xC0) != 0x80)
            starts[count++] = i;
    starts[count] = length;
    return count;
}

static void add_grams(float *vector, const char *word, size_t length, float weight) {
    char marked[WORD_MAX + 3] = "<";
    size_t starts[LETTERS_MAX + 1];
    memcpy(marked + 1, word, length);
    marked[length + 1] = '>';
    size_t letters = find_letters(marked, length + 2, starts), grams = 0;
    for (size_t n = GRAM_LEAST; n <= GRAM_MOST && n <= letters; n++)
        grams += letters - n + 1;
    float each = grams > 0 ? weight / sqrtf((float)grams) : 0;
    for (size_t n = GRAM_LEAST; n <= GRAM_MOST; n++)
        for (size_t i = 0; i + n <= letters; i++)
            add(vector, marked + starts[i], starts[i + n] - starts[i], 1, each);
}

static void add_word(float *vector, const char *word, size_t length) {
    float weight = is_stop_word(word) ? STOP_WEIGHT : 1;
    add(vector, word, length, 0, weight);
    add_grams(vector, word, length, weight * GRAM_WEIGHT);
}

static void normalise(float *vector) {
    float sum = 0;
    for (size_t i = 0; i < DIMENSIONS; i++)
        sum += vector[i] * vector[i];
    for (size_t i = 0; sum > 0 && i < DIMENSIONS; i++)
        vector[i] /= sqrtf(sum);
}

static void embed(tr_embed_text_t text, float *vector) {
    char word[WORD_MAX + 1];
    size_t length = 0;
    for (size_t at = 0; at <= text.length;) {
        uint32_t code = ' ';
        at += at < text.length ? tr_utf8_next(text.text + at, text.length - at, &code) : 1;
        bool is_part =
            tr_utf8_is_letter(code) || tr_utf8_is_digit(code) || (length > 0 && tr_utf8_is_mark(code));
        if (is_part && length + 4 <= WORD_MAX)
            length += tr_utf8_encode(tr_utf8_lower(code), word + length);
        if (is_part || length == 0)
            continue;
        word[length] = '\0';
        add_word(vector, word, length);
        length = 0;
    }
    normalise(vector);
}

static int batch(tr_embed_t *self, const tr_embed_text_t *texts, size_t count, float *ret_vectors) {
    (void)self;
    memset(ret_vectors, 0, count * DIMENSIONS * sizeof *ret_vectors);
    for (size_t i = 0; i < count; i++)
        embed(texts[i], ret_vectors + i * DIMENSIONS);
    return 0;
}

static void close_ngrams(tr_embed_t *self) {
    free(self);
}

static const tr_embed_kind_t kind = {
    .model = "ngrams-1",
    .warning =
        "embeddings are hashed n-grams of letters, which know no synonyms: the model's file is not there; "
        "tools/setup --embeddings fetches it (docs/minds.md)",
    .dimensions = DIMENSIONS,
    .batch = batch,
    .close = close_ngrams,
};

int tr_ngrams_open(tr_embed_t **ret_embed) {
    tr_embed_t *self = malloc(sizeof *self);
    if (!self)
        return -ENOMEM;
    self->kind = &kind;
    *ret_embed = self;
    return 0;
}
