#include "agentd/text/language.h"

#include <math.h>
#include <string.h>

#include "agentd/text/text_tables.h"
#include "lib/text/utf8.h"
#include "lib/text/word.h"

#define SAMPLE  ((size_t)64 * 1024)
#define LONGEST 64
#define UNSEEN_COST                                                                                          \
    (14.0 * 16) /* of a trigram that no language here has: nearly impossible, in each of them */

static const char *const codes[TR_LANGUAGE_COUNT] = {
    "da", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"};

/* What was counted so far. */
typedef struct {
    size_t words, trigrams, unseen, foreign; /* foreign: letters of other scripts */
    size_t letters;
    size_t stop[TR_LANGUAGE_COUNT];
    double cost[TR_LANGUAGE_COUNT];
} evidence_t;

const char *tr_language_code(tr_language_t language) {
    return language >= 0 && language < TR_LANGUAGE_COUNT ? codes[language] : "unknown";
}

tr_language_t tr_language_from_code(const char *code) {
    for (int i = 0; i < TR_LANGUAGE_COUNT; i++)
        if (strcmp(codes[i], code) == 0)
            return (tr_language_t)i;
    return TR_LANGUAGE_UNKNOWN;
}

/* The languages in which it is a stop word, a bit each. */
static uint32_t stops_in(const char *word) {
    size_t from = 0, to = tr_stop_word_count;
    while (from < to) {
        size_t at = from + (to - from) / 2;
        int order = strcmp(word, tr_stop_words[at].word);
        if (order == 0)
            return tr_stop_words[at].languages;
        from = order > 0 ? at + 1 : from;
        to = order < 0 ? at : to;
    }
    return 0;
}

bool tr_language_is_stop_word(tr_language_t language, const char *word) {
    uint32_t wanted = language == TR_LANGUAGE_UNKNOWN ? UINT32_MAX : UINT32_C(1) << language;
    return (stops_in(word) & wanted) != 0;
}

static const tr_trigram_t *find_trigram(uint64_t code) {
    size_t from = 0, to = tr_trigram_count;
    while (from < to) {
        size_t at = from + (to - from) / 2;
        if (tr_trigrams[at].code < code)
            from = at + 1;
        else
            to = at;
    }
    return from < tr_trigram_count && tr_trigrams[from].code == code ? &tr_trigrams[from] : NULL;
}

static void count_trigram(evidence_t *evidence, uint64_t code) {
    const tr_trigram_t *found = find_trigram(code);
    evidence->trigrams++;
    evidence->unseen += found == NULL;
    for (int i = 0; i < TR_LANGUAGE_COUNT; i++)
        evidence->cost[i] += found ? found->cost[i] : UNSEEN_COST;
}

/* " word " in threes; what is no letter counts as the end of a word, as it did when the table was made. */
static void count_trigrams(evidence_t *evidence, const char *word, size_t length) {
    uint64_t window = ' ', mask = (UINT64_C(1) << 63) - 1;
    size_t filled = 1;
    for (size_t at = 0; at <= length;) {
        uint32_t code = ' ';
        at += at == length ? 1 : tr_utf8_next(word + at, length - at, &code);
        code = tr_utf8_is_letter(code) ? code : ' ';
        evidence->letters += code != ' ';
        evidence->foreign += code > 0x24F && code != ' ';
        if (code == ' ' && (window & 0x1FFFFF) == ' ')
            continue;
        window = (window << 21 | code) & mask;
        filled++;
        if (filled >= 3)
            count_trigram(evidence, window);
        if (code == ' ') {
            window = ' ';
            filled = 1;
        }
    }
}

static void count_words(evidence_t *evidence, const char *text, size_t length) {
    tr_word_span_t span;
    for (size_t at = 0; tr_word_next(text, length, &at, &span);) {
        char word[LONGEST];
        if (span.length >= LONGEST || !span.has_letter)
            continue;
        size_t size = tr_word_fold(text + span.offset, span.length, word, sizeof word);
        uint32_t stops = stops_in(word);
        evidence->words++;
        for (int i = 0; i < TR_LANGUAGE_COUNT; i++)
            evidence->stop[i] += stops >> i & 1;
        count_trigrams(evidence, word, size);
    }
}

/* Bits that a language needs for a trigram, less what its stop words save: the lowest is the best. */
static double score_of(const evidence_t *evidence, int language) {
    double bits = evidence->cost[language] / 16 / (double)evidence->trigrams;
    double share = (double)evidence->stop[language] / (double)evidence->words;
    return bits - 4 * share;
}

static tr_language_guess_t judge(const evidence_t *evidence) {
    tr_language_guess_t guess = {.language = TR_LANGUAGE_UNKNOWN};
    if (evidence->words == 0 || evidence->trigrams == 0 || evidence->foreign * 2 > evidence->letters)
        return guess;
    int best = 0;
    for (int i = 1; i < TR_LANGUAGE_COUNT; i++)
        if (score_of(evidence, i) < score_of(evidence, best))
            best = i;
    /* A difference of half a bit is decisive in a long text and an accident in three words. */
    double sharpness = 6 * (1 - exp(-(double)evidence->words / 8)), sum = 0;
    for (int i = 0; i < TR_LANGUAGE_COUNT; i++)
        sum += exp(sharpness * (score_of(evidence, best) - score_of(evidence, i)));
    guess.confidence = 1 / sum;
    double share = (double)evidence->stop[best] / (double)evidence->words;
    double unseen = (double)evidence->unseen / (double)evidence->trigrams;
    bool is_plausible =
        share >= 0.15 || (share >= 0.08 && unseen < 0.12) || (evidence->words < 12 && unseen < 0.1);
    if (guess.confidence >= 0.6 && is_plausible && unseen < 0.35)
        guess.language = (tr_language_t)best;
    return guess;
}

tr_language_guess_t tr_language_identify(const char *text, size_t length) {
    evidence_t evidence = {0};
    count_words(&evidence, text, length > SAMPLE ? SAMPLE : length);
    return judge(&evidence);
}

tr_language_guess_t tr_language_identify_document(const tr_document_t *document) {
    evidence_t evidence = {0};
    size_t left = SAMPLE;
    for (size_t i = 0; i < document->block_count && left > 0; i++) {
        const tr_block_t *block = &document->blocks[i];
        if (block->kind == TR_BLOCK_CODE || block->kind == TR_BLOCK_TABLE)
            continue;
        size_t size = block->length < left ? block->length : left;
        count_words(&evidence, document->text + block->offset, size);
        left -= size;
    }
    return judge(&evidence);
}
