/*
 * embed-measure: how good and how fast an embedder is.
 *
 *     embed-measure PAIRS.csv [LEAST-SPEARMAN [LEAST-PER-SECOND]]
 *
 * The file has a pair of sentences and a human's score on each line (a,b,score; RFC 4180 quotes). Printed are Spearman's rank
 * correlation of the scores with the vectors' products, and sentences a second of this thread's CPU time. Exit: 0, 1 usage, 3 less than
 * what was asked for, 77 (the tests' word for skipped) where the file is not there, or no
 * model, unless TROUPE_EMBEDDINGS says that there is none.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/embed/embed.h"

#define FILE_MOST  ((size_t)64 << 20)
#define PAIRS_MOST 100000
#define BATCH      64

enum { OK = 0, USAGE = 1, LESS = 3, SKIPPED = 77 };

typedef struct {
    char *bytes;            /* of the file; fields are cut out of it in place */
    tr_embed_text_t *texts; /* two for each pair */
    double *human, *ours;
    float *vectors;
    size_t pairs;
} measure_t;

/* The next field, with its quotes taken off in place; `*at` goes behind it and its comma or line's end. */
static tr_embed_text_t next_field(char **at) {
    char *from = *at, *to = from;
    bool is_quoted = *from == '"';
    tr_embed_text_t field = {from, 0, 0};
    from += is_quoted;
    while (*from && (is_quoted || (*from != ',' && *from != '\n'))) {
        if (is_quoted && *from == '"' && from[1] != '"')
            break;
        from += is_quoted && *from == '"';
        *to++ = *from++;
    }
    field.length = (size_t)(to - field.text);
    from += is_quoted && *from == '"';
    *at = *from ? from + 1 : from;
    return field;
}

static bool read_pairs(measure_t *self) {
    self->texts = calloc(2 * PAIRS_MOST, sizeof *self->texts);
    self->human = calloc(PAIRS_MOST, sizeof *self->human);
    self->ours = calloc(PAIRS_MOST, sizeof *self->ours);
    if (!self->texts || !self->human || !self->ours)
        return false;
    for (char *at = self->bytes; *at && self->pairs < PAIRS_MOST; self->pairs++) {
        self->texts[2 * self->pairs] = next_field(&at);
        self->texts[2 * self->pairs + 1] = next_field(&at);
        self->human[self->pairs] = strtod(next_field(&at).text, NULL);
    }
    return true;
}

static int compare_scores(const void *a, const void *b, void *scores) {
    double x = ((const double *)scores)[*(const size_t *)a], y = ((const double *)scores)[*(const size_t *)b];
    return x < y ? -1 : x > y;
}

/* Ranks in place of scores; equal ones share the mean of theirs. */
static bool to_ranks(double *scores, size_t count) {
    size_t *order = calloc(count + 1, sizeof *order);
    double *ranks = calloc(count + 1, sizeof *ranks);
    for (size_t i = 0; order && i < count; i++)
        order[i] = i;
    if (order && ranks)
        qsort_r(order, count, sizeof *order, compare_scores, scores);
    for (size_t i = 0, end; order && ranks && i < count; i = end) {
        for (end = i + 1; end < count && scores[order[end]] == scores[order[i]];)
            end++;
        for (size_t j = i; j < end; j++)
            ranks[order[j]] = (double)(i + end - 1) / 2;
    }
    bool is_well = order && ranks;
    if (is_well)
        memcpy(scores, ranks, count * sizeof *scores);
    free(order);
    free(ranks);
    return is_well;
}

static double correlate(const double *x, const double *y, size_t count) {
    double mean_x = 0, mean_y = 0, xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < count; i++) {
        mean_x += x[i] / (double)count;
        mean_y += y[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        xy += (x[i] - mean_x) * (y[i] - mean_y);
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* No model, and nobody said that there is to be none. */
static bool is_without_model(const tr_embed_t *embed) {
    const char *model = getenv("TROUPE_EMBEDDINGS");
    return *tr_embed_warning(embed) && (!model || !*model);
}

/* Sentences a second, or below 0. */
static double embed_all(measure_t *self, tr_embed_t *embed) {
    size_t dimensions = tr_embed_dimensions(embed), count = 2 * self->pairs;
    self->vectors = calloc(count + 1, dimensions * sizeof *self->vectors);
    double from = seconds();
    for (size_t i = 0; self->vectors && i < count; i += BATCH)
        if (tr_embed_batch(embed, self->texts + i, count - i < BATCH ? count - i : BATCH,
                self->vectors + i * dimensions) < 0)
            return -1;
    for (size_t i = 0; self->vectors && i < self->pairs; i++)
        for (size_t j = 0; j < dimensions; j++)
            self->ours[i] +=
                self->vectors[2 * i * dimensions + j] * self->vectors[(2 * i + 1) * dimensions + j];
    return self->vectors ? (double)count / (seconds() - from) : -1;
}

static int judge(measure_t *self, tr_embed_t *embed, double least_spearman, double least_speed) {
    double speed = embed_all(self, embed);
    if (speed < 0 || !to_ranks(self->human, self->pairs) || !to_ranks(self->ours, self->pairs)) {
        fprintf(stderr, "embed-measure: out of memory\n");
        return LESS;
    }
    double spearman = correlate(self->human, self->ours, self->pairs);
    printf("embed %s: Spearman %.4f over %zu pairs, %.0f sentences/s\n", tr_embed_model(embed), spearman,
        self->pairs, speed);
    return spearman >= least_spearman && speed >= least_speed ? OK : LESS;
}

static void finish(measure_t *self) {
    free(self->bytes);
    free(self->texts);
    free(self->human);
    free(self->ours);
    free(self->vectors);
}

static int measure(const char *path, double least_spearman, double least_speed) {
    measure_t self = {0};
    tr_error_t error = {0};
    tr_embed_t *embed = NULL;
    size_t length;
    int code = LESS;
    if (tr_embed_open(&(tr_embed_options_t){0}, &embed, &error) < 0 ||
        tr_file_read(path, "pairs", FILE_MOST, &self.bytes, &length, &error) < 0)
        fprintf(stderr, "embed-measure: %s\n", error.text);
    else if (is_without_model(embed))
        code = printf("SKIPPED: %s\n", tr_embed_warning(embed)) > 0 ? SKIPPED : LESS;
    else if (read_pairs(&self))
        code = judge(&self, embed, least_spearman, least_speed);
    tr_embed_close(&embed);
    finish(&self);
    return code;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: embed-measure PAIRS.csv [LEAST-SPEARMAN [LEAST-PER-SECOND]]\n");
        return USAGE;
    }
    if (access(argv[1], R_OK) != 0) {
        printf("SKIPPED: %s is not there\n", argv[1]);
        return SKIPPED;
    }
    return measure(argv[1], argc > 2 ? atof(argv[2]) : -1, argc > 3 ? atof(argv[3]) : 0);
}
