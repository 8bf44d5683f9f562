#include "lib/embed/blend.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/embed/embed_kind.h"

/* Shares of the product, .7 and .3: the best of tenths on the pairs of docs/minds.md, where .6 and .8 are .002 less. */
#define MEANING .8367F
#define LETTERS .5477F
#define BATCH   64 /* texts of which the letters' vectors are there at once */

typedef struct {
    tr_embed_t embed;     /* first */
    tr_embed_kind_t kind; /* of this one: it has the width and the words of the encoder */
    tr_embed_t *meaning, *letters;
    float *vectors; /* [BATCH][dimensions], of the letters */
} blend_t;

static void add(float *vector, const float *letters, size_t dimensions) {
    float sum = 0;
    for (size_t i = 0; i < dimensions; i++) {
        vector[i] = MEANING * vector[i] + LETTERS * letters[i];
        sum += vector[i] * vector[i];
    }
    for (size_t i = 0; sum > 0 && i < dimensions; i++)
        vector[i] /= sqrtf(sum);
}

/* The encoder reads the lead of each text, where it has one. */
static int encode(blend_t *self, const tr_embed_text_t *texts, size_t count, float *ret_vectors) {
    tr_embed_text_t leads[BATCH];
    for (size_t i = 0; i < count; i++)
        leads[i] = (tr_embed_text_t){texts[i].text, texts[i].lead ? texts[i].lead : texts[i].length, 0};
    return tr_embed_batch(self->meaning, leads, count, ret_vectors);
}

static int batch(tr_embed_t *embed, const tr_embed_text_t *texts, size_t count, float *ret_vectors) {
    blend_t *self = (blend_t *)embed;
    size_t dimensions = self->kind.dimensions;
    int rc = 0;
    for (size_t at = 0, n; at < count && rc == 0; at += n) {
        n = count - at < BATCH ? count - at : BATCH;
        rc = encode(self, texts + at, n, ret_vectors + at * dimensions);
        if (rc == 0)
            rc = tr_embed_batch(self->letters, texts + at, n, self->vectors);
        for (size_t i = 0; i < n && rc == 0; i++)
            add(ret_vectors + (at + i) * dimensions, self->vectors + i * dimensions, dimensions);
    }
    return rc;
}

static void close_blend(tr_embed_t *embed) {
    blend_t *self = (blend_t *)embed;
    tr_embed_close(&self->meaning);
    tr_embed_close(&self->letters);
    free(self->vectors);
    free(self);
}

int tr_blend_open(tr_embed_t *meaning, tr_embed_t *letters, tr_embed_t **ret_embed) {
    size_t dimensions = tr_embed_dimensions(meaning);
    bool fits = dimensions == tr_embed_dimensions(letters);
    blend_t *self = fits ? calloc(1, sizeof *self) : NULL;
    if (!self || !(self->vectors = calloc(BATCH * dimensions, sizeof *self->vectors))) {
        tr_embed_close(&meaning);
        tr_embed_close(&letters);
        free(self);
        return fits ? -ENOMEM : -EBADMSG;
    }
    self->meaning = meaning;
    self->letters = letters;
    self->kind = (tr_embed_kind_t){.model = "use-lite-2",
        .warning = "",
        .dimensions = dimensions,
        .passage_words = tr_embed_passage_words(meaning),
        .batch = batch,
        .close = close_blend};
    self->embed.kind = &self->kind;
    *ret_embed = &self->embed;
    return 0;
}
