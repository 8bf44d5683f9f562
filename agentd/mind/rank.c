#include "agentd/mind/rank.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "agentd/mind/stems.h"

#define K1 1.2
#define B  .75

/* A collection: the texts as bags, and how many of them have each stem. */
typedef struct {
    tr_stems_t stems;
    tr_vector_t *bags;
    size_t count;
    float *frequency; /* by stem */
    size_t known;     /* stems */
} collection_t;

static void collection_finish(collection_t *self) {
    for (size_t i = 0; self->bags && i < self->count; i++)
        free(self->bags[i].items);
    free(self->bags);
    free(self->frequency);
    tr_stems_finish(&self->stems);
}

static int count_documents(collection_t *self) {
    self->known = tr_vocabulary_count(self->stems.vocabulary);
    self->frequency = calloc(self->known + 1, sizeof *self->frequency);
    size_t *last = calloc(self->known + 1, sizeof *last); /* the last text that had it, + 1 */
    for (size_t i = 0; self->frequency && last && i < self->count; i++)
        for (size_t k = 0; k < self->bags[i].count; k++) {
            uint32_t stem = self->bags[i].items[k].stem;
            self->frequency[stem] += last[stem] != i + 1;
            last[stem] = i + 1;
        }
    bool is_well = self->frequency && last;
    free(last);
    return is_well ? 0 : -ENOMEM;
}

static int collection_init(collection_t *self, const tr_text_span_t *texts, size_t count) {
    *self = (collection_t){.count = count};
    int rc = tr_stems_init(&self->stems);
    self->bags = calloc(count + 1, sizeof *self->bags);
    if (rc < 0 || !self->bags)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = tr_stems_read(&self->stems, texts[i], &self->bags[i]);
    return rc < 0 ? rc : count_documents(self);
}

static double rarity(const collection_t *self, uint32_t stem) {
    double frequency = stem < self->known ? (double)self->frequency[stem] : 0;
    return log(1 + ((double)self->count - frequency + .5) / (frequency + .5));
}

static double mean_length(const collection_t *self) {
    double sum = 0;
    for (size_t i = 0; i < self->count; i++)
        sum += (double)self->bags[i].count;
    return sum > 0 ? sum / (double)self->count : 1;
}

static double bm25(const collection_t *self, const tr_vector_t *query, const tr_vector_t *text, double mean) {
    double score = 0;
    for (size_t i = 0; i < query->count; i++) {
        double times = 0;
        for (size_t k = 0; k < text->count; k++)
            times += text->items[k].stem == query->items[i].stem;
        double length = 1 - B + B * (double)text->count / mean;
        score += rarity(self, query->items[i].stem) * times * (K1 + 1) / (times + K1 * length);
    }
    return score;
}

int tr_rank(tr_text_span_t query, const tr_text_span_t *candidates, size_t count, double *ret_scores) {
    collection_t collection;
    tr_vector_t bag = {0};
    int rc = collection_init(&collection, candidates, count);
    if (rc == 0)
        rc = tr_stems_read(&collection.stems, query, &bag);
    double mean = rc == 0 ? mean_length(&collection) : 1;
    for (size_t i = 0; rc == 0 && i < count; i++)
        ret_scores[i] = bm25(&collection, &bag, &collection.bags[i], mean);
    free(bag.items);
    collection_finish(&collection);
    return rc;
}

/* Choosing: all texts are one collection, the options first, then the profile, then the evidence. */
static int normalise(collection_t *all) {
    float *factors = calloc(all->known + 1, sizeof *factors);
    if (!factors)
        return -ENOMEM;
    for (uint32_t stem = 0; stem < all->known; stem++)
        factors[stem] = (float)rarity(all, stem);
    for (size_t i = 0; i < all->count; i++)
        tr_vector_finish_filling(&all->bags[i], factors);
    free(factors);
    return 0;
}

/* What speaks well or not at all of an option is for it, half and more; what speaks badly is against it. */
static double direction(double mood) {
    return mood < -.05 ? mood : .5 + mood / 2;
}

int tr_choose(tr_text_span_t profile, const tr_text_span_t *options, size_t count,
    const tr_text_span_t *evidence, const double *moods, size_t evidence_count, double *ret_scores) {
    size_t total = count + 1 + evidence_count;
    tr_text_span_t *texts = calloc(total, sizeof *texts);
    collection_t all;
    if (!texts)
        return -ENOMEM;
    for (size_t i = 0; i < total; i++)
        texts[i] = i < count ? options[i] : i == count ? profile : evidence[i - count - 1];
    int rc = collection_init(&all, texts, total);
    if (rc == 0)
        rc = normalise(&all);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        ret_scores[i] = tr_vector_cosine(&all.bags[i], &all.bags[count]);
        for (size_t e = 0; e < evidence_count; e++)
            ret_scores[i] += direction(moods[e]) * tr_vector_cosine(&all.bags[i], &all.bags[count + 1 + e]);
    }
    collection_finish(&all);
    free(texts);
    return rc;
}
