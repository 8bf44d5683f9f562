#include "agentd/text/textrank.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/vector.h"
#include "lib/text/utf8.h"
#include "lib/text/word.h"

#define DAMPING        0.85
#define CHANGE         1e-6
#define MOST_STEPS     100
#define WEAKEST_EDGE   0.05
#define NEAR_DUPLICATE 0.55
#define REFERS_BACK    0.8 /* what such a sentence keeps of its rank */
#define MOST           TR_TEXTRANK_MAX_SENTENCES

/* How strict the choice of sentences is; the next is tried where one leaves too few. */
typedef struct {
    uint32_t fewest_words, most_words, fewest_stems;
    bool is_whole; /* begins and ends like a sentence, and is not in capitals */
} strictness_t;

static const strictness_t strictnesses[] = {{7, 45, 4, true}, {5, 80, 3, true}, {3, 200, 2, false}};

typedef struct {
    const tr_tokens_t *tokens;
    uint32_t *chosen; /* indices of the sentences that are ranked, rising */
    size_t count;
    float *isf;                 /* by stem: inverse sentence frequency */
    tr_vector_t *vectors;       /* by chosen sentence */
    tr_dimension_t *dimensions; /* what the vectors are made of */
    float *edges;               /* count * count, normalised by row */
    double *rank, *next, *start;
} ranker_t;

static const tr_sentence_t *sentence_at(const ranker_t *self, size_t index) {
    return &self->tokens->sentences[self->chosen[index]];
}

/* Which sentences ---------------------------------------------------------------------------------------- */

static bool begins_and_ends_well(const tr_tokens_t *tokens, const tr_sentence_t *sentence) {
    const char *text = tokens->document->text + sentence->offset;
    const tr_word_t *first = &tokens->words[sentence->first_word];
    size_t end = sentence->length;
    uint32_t code = 0;
    while (end > 0) {
        size_t size = tr_utf8_previous(text, end, &code);
        if (!strchr(")]\"'*", (int)(code < 0x80 ? code : 'x')) && code != 0x201D && code != 0xBB &&
            code != ' ')
            break;
        end -= size;
    }
    bool ends = code == '.' || code == '!' || code == '?' || code == 0x3002 || code == 0x2026;
    uint32_t letter = 0;
    tr_utf8_next(tokens->document->text + first->offset, first->length, &letter);
    bool begins = first->flags & (TR_WORD_UPPER | TR_WORD_NUMBER) || letter > 0x5CF;
    return begins && ends && first->offset - sentence->offset <= 4;
}

/* A line of rights, and an aside in brackets, are no statements of the text. */
static bool is_notice(const tr_tokens_t *tokens, const tr_sentence_t *sentence) {
    const char *text = tokens->document->text + sentence->offset;
    return text[0] == '(' || text[0] == '[' || strncmp(text, "Copyright (", 11) == 0 ||
           strncmp(text, "Copyright \xC2\xA9", 12) == 0 || strncmp(text, "\xC2\xA9", 2) == 0 ||
           strncasecmp(text, "All rights reserved", 19) == 0;
}

static bool is_suitable(
    const tr_tokens_t *tokens, const tr_sentence_t *sentence, const strictness_t *strictness) {
    tr_block_kind_t kind = tokens->document->blocks[sentence->block].kind;
    if ((kind != TR_BLOCK_PARAGRAPH && kind != TR_BLOCK_ITEM) ||
        sentence->word_count < strictness->fewest_words || sentence->word_count > strictness->most_words ||
        is_notice(tokens, sentence))
        return false;
    size_t stems = 0, capitals = 0;
    for (size_t i = 0; i < sentence->word_count; i++) {
        const tr_word_t *word = &tokens->words[sentence->first_word + i];
        stems += word->stem != TR_VOCABULARY_NONE;
        capitals += (word->flags & TR_WORD_CAPITALS) != 0;
    }
    if (stems < strictness->fewest_stems)
        return false;
    return !strictness->is_whole ||
           (capitals * 2 < sentence->word_count && begins_and_ends_well(tokens, sentence));
}

static size_t choose(ranker_t *self, size_t wanted) {
    for (size_t i = 0; i < sizeof strictnesses / sizeof strictnesses[0]; i++) {
        self->count = 0;
        for (uint32_t k = 0; k < self->tokens->sentence_count; k++)
            if (is_suitable(self->tokens, &self->tokens->sentences[k], &strictnesses[i]))
                self->chosen[self->count++] = k;
        if (self->count >= wanted)
            break;
    }
    return self->count;
}

/* Vectors ------------------------------------------------------------------------------------------------ */

static void weigh_stems(ranker_t *self, uint32_t *last_seen) {
    size_t stems = tr_vocabulary_count(self->tokens->stems);
    for (size_t i = 0; i < self->count; i++) {
        const tr_sentence_t *sentence = sentence_at(self, i);
        for (size_t k = 0; k < sentence->word_count; k++) {
            uint32_t stem = self->tokens->words[sentence->first_word + k].stem;
            if (stem == TR_VOCABULARY_NONE || last_seen[stem] == i + 1)
                continue;
            last_seen[stem] = (uint32_t)i + 1;
            self->isf[stem] += 1;
        }
    }
    for (size_t i = 0; i < stems; i++)
        self->isf[i] = (float)(log((1 + (double)self->count) / (1 + (double)self->isf[i])) + 1);
}

static void fill_vectors(ranker_t *self) {
    size_t used = 0;
    for (size_t i = 0; i < self->count; i++) {
        const tr_sentence_t *sentence = sentence_at(self, i);
        self->vectors[i].items = self->dimensions + used;
        for (size_t k = 0; k < sentence->word_count; k++) {
            uint32_t stem = self->tokens->words[sentence->first_word + k].stem;
            if (stem != TR_VOCABULARY_NONE)
                self->vectors[i].items[self->vectors[i].count++] = (tr_dimension_t){stem, 1};
        }
        used += self->vectors[i].count;
        tr_vector_finish_filling(&self->vectors[i], self->isf);
    }
}

typedef struct {
    uint32_t index;
    double weight;
} weighed_t;

static int compare_weighed(const void *a, const void *b) {
    const weighed_t *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int compare_indices(const void *a, const void *b) {
    uint32_t x = ((const weighed_t *)a)->index, y = ((const weighed_t *)b)->index;
    return (x > y) - (x < y);
}

/* Of a long document, keeps the sentences that are nearest to its centre: the sum of all vectors. */
static int keep_central(ranker_t *self) {
    if (self->count <= MOST)
        return 0;
    double *centre = calloc(tr_vocabulary_count(self->tokens->stems) + 1, sizeof *centre);
    weighed_t *order = calloc(self->count, sizeof *order);
    if (centre && order) {
        for (size_t i = 0; i < self->count; i++)
            for (size_t k = 0; k < self->vectors[i].count; k++)
                centre[self->vectors[i].items[k].stem] += (double)self->vectors[i].items[k].weight;
        for (size_t i = 0; i < self->count; i++) {
            order[i].index = (uint32_t)i;
            for (size_t k = 0; k < self->vectors[i].count; k++)
                order[i].weight +=
                    centre[self->vectors[i].items[k].stem] * (double)self->vectors[i].items[k].weight;
        }
        qsort(order, self->count, sizeof *order, compare_weighed);
        qsort(order, MOST, sizeof *order, compare_indices);
        for (size_t i = 0; i < MOST; i++) {
            self->chosen[i] = self->chosen[order[i].index];
            self->vectors[i] = self->vectors[order[i].index];
        }
        self->count = MOST;
    }
    int rc = centre && order ? 0 : -ENOMEM;
    free(centre);
    free(order);
    return rc;
}

/* Graph -------------------------------------------------------------------------------------------------- */

static void connect(ranker_t *self) {
    size_t n = self->count;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            double similarity = tr_vector_cosine(&self->vectors[i], &self->vectors[k]);
            if (similarity >= WEAKEST_EDGE)
                self->edges[i * n + k] = self->edges[k * n + i] = (float)similarity;
        }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += (double)self->edges[i * n + k];
        for (size_t k = 0; k < n && sum > 0; k++)
            self->edges[i * n + k] = (float)((double)self->edges[i * n + k] / sum);
    }
}

/* Where the walk starts anew: anywhere, but rather where a text says what it is about, at its beginning. */
static void set_starts(ranker_t *self) {
    double sum = 0;
    for (size_t i = 0; i < self->count; i++)
        sum += self->start[i] = 1 + 6 / (1 + (double)i / 3);
    for (size_t i = 0; i < self->count; i++)
        self->start[i] /= sum;
}

static void walk(ranker_t *self) {
    size_t n = self->count;
    memcpy(self->rank, self->start, n * sizeof *self->rank);
    for (int step = 0; step < MOST_STEPS; step++) {
        double change = 0, total = 0;
        for (size_t k = 0; k < n; k++)
            self->next[k] = (1 - DAMPING) * self->start[k];
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++)
                self->next[k] += DAMPING * self->rank[i] * (double)self->edges[i * n + k];
        for (size_t k = 0; k < n; k++)
            total += self->next[k]; /* less than 1 where a sentence has no edge */
        for (size_t k = 0; k < n; k++) {
            self->next[k] /= total;
            change += fabs(self->next[k] - self->rank[k]);
            self->rank[k] = self->next[k];
        }
        if (change < CHANGE)
            break;
    }
}

/* Result ------------------------------------------------------------------------------------------------- */

/* "To do this, ...", "In that system ..." */
static bool points_back(const ranker_t *self, const tr_word_t *first) {
    const tr_word_t *end = self->tokens->words + self->tokens->word_count;
    for (const tr_word_t *word = first + 1; word < end && word <= first + 2; word++) {
        const char *text = tr_tokens_word(self->tokens, word);
        if (word->length == 4 &&
            (strncmp(text, "this", 4) == 0 || strncmp(text, "that", 4) == 0 || strncmp(text, "such", 4) == 0))
            return word->sentence == first->sentence;
    }
    return false;
}

/* A sentence that begins by referring to the one before it ("However, ...") is hard to read alone. */
static bool refers_back(const ranker_t *self, size_t index) {
    static const char *const openings[TR_LANGUAGE_COUNT] = {
        [TR_LANGUAGE_DA] = " det derfor dermed desuden dette de dog disse men også så ",
        [TR_LANGUAGE_DE] = " aber also auch außerdem daher damit dann deshalb dies diese dieser dieses dort "
                           "es jedoch sie so somit und ",
        [TR_LANGUAGE_EN] = " also and but consequently conversely furthermore hence however it its likewise "
                           "moreover nevertheless "
                           "nor or otherwise similarly so such that then therefore these they those thus ",
        [TR_LANGUAGE_ES] = " además así aunque ello esta estas este esto estos pero por también ",
        [TR_LANGUAGE_FR] = " ainsi aussi cela celui ces cette ceci donc elle elles il ils mais or toutefois ",
        [TR_LANGUAGE_IT] = " ciò così essi inoltre ma però questa queste questi questo quindi tuttavia ",
        [TR_LANGUAGE_NL] = " daarom deze die dit echter het hierdoor maar ook zij ze zo ",
        [TR_LANGUAGE_PL] = " ale dlatego jednak ponadto także ten ta to więc zatem ",
        [TR_LANGUAGE_PT] = " além assim contudo essa esse isso isto mas portanto também ",
        [TR_LANGUAGE_SV] = " de den det detta därför dessa dessutom men också så ",
    };
    tr_language_t language = self->tokens->language;
    const tr_word_t *first = &self->tokens->words[sentence_at(self, index)->first_word];
    char word[32] = " ";
    if (language == TR_LANGUAGE_UNKNOWN || first->length > 16)
        return false;
    size_t length =
        tr_word_fold(tr_tokens_word(self->tokens, first), first->length, word + 1, sizeof word - 2);
    strcpy(word + 1 + length, " ");
    return strstr(openings[language], word) != NULL ||
           (language == TR_LANGUAGE_EN && points_back(self, first));
}

static int compare_sentences(const void *a, const void *b) {
    uint32_t x = ((const tr_ranked_sentence_t *)a)->sentence, y = ((const tr_ranked_sentence_t *)b)->sentence;
    return (x > y) - (x < y);
}

static int pick(ranker_t *self, size_t most, tr_ranked_sentence_t *ret_sentences, size_t *ret_count) {
    weighed_t *order = calloc(self->count + 1, sizeof *order);
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < self->count; i++)
        order[i] = (weighed_t){(uint32_t)i, self->rank[i] * (refers_back(self, i) ? REFERS_BACK : 1)};
    if (self->count > 1)
        qsort(order, self->count, sizeof *order, compare_weighed);
    size_t taken = 0;
    for (size_t i = 0; i < self->count && taken < most; i++) {
        bool is_new = true;
        for (size_t k = 0; k < taken && is_new; k++)
            is_new = tr_vector_cosine(&self->vectors[order[i].index], &self->vectors[order[k].index]) <
                     NEAR_DUPLICATE;
        if (!is_new)
            continue;
        ret_sentences[taken] =
            (tr_ranked_sentence_t){self->chosen[order[i].index], order[i].weight / order[0].weight};
        order[taken++] = order[i];
    }
    free(order);
    if (taken > 1)
        qsort(ret_sentences, taken, sizeof *ret_sentences, compare_sentences);
    *ret_count = taken;
    return 0;
}

static int rank(ranker_t *self, size_t wanted) {
    const tr_tokens_t *tokens = self->tokens;
    size_t stems = tr_vocabulary_count(tokens->stems) + 1;
    uint32_t *last_seen = calloc(stems, sizeof *last_seen);
    self->chosen = calloc(tokens->sentence_count + 1, sizeof *self->chosen);
    self->isf = calloc(stems, sizeof *self->isf);
    self->dimensions = calloc(tokens->word_count + 1, sizeof *self->dimensions);
    self->vectors = calloc(tokens->sentence_count + 1, sizeof *self->vectors);
    bool has_room = last_seen && self->chosen && self->isf && self->dimensions && self->vectors;
    if (has_room && choose(self, wanted) > 0) {
        weigh_stems(self, last_seen);
        fill_vectors(self);
    }
    free(last_seen);
    if (!has_room || keep_central(self) < 0)
        return -ENOMEM;
    size_t n = self->count + 1;
    self->edges = calloc(n * n, sizeof *self->edges);
    self->rank = calloc(n, sizeof *self->rank);
    self->next = calloc(n, sizeof *self->next);
    self->start = calloc(n, sizeof *self->start);
    if (!self->edges || !self->rank || !self->next || !self->start)
        return -ENOMEM;
    connect(self);
    set_starts(self);
    walk(self);
    return 0;
}

int tr_textrank(
    const tr_tokens_t *tokens, size_t most, tr_ranked_sentence_t *ret_sentences, size_t *ret_count) {
    ranker_t self = {.tokens = tokens};
    int rc = rank(&self, most);
    if (rc == 0)
        rc = pick(&self, most, ret_sentences, ret_count);
    free(self.chosen);
    free(self.isf);
    free(self.vectors);
    free(self.dimensions);
    free(self.edges);
    free(self.rank);
    free(self.next);
    free(self.start);
    return rc;
}
