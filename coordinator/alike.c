#include "coordinator/alike.h"

#include "lib/base/map.h"
#include "lib/base/random.h"
#include "lib/embed/embed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 4096 /* beyond, all are forgotten */

struct tr_alike {
    tr_embed_t *embed;
    tr_map_t vectors; /* by name */
};

int tr_alike_new(tr_alike_t **ret_alike, tr_error_t *error) {
    tr_alike_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_map_init(&self->vectors, tr_random_seed());
    int rc = tr_embed_open(&(tr_embed_options_t){0}, &self->embed, error);
    if (rc < 0)
        tr_alike_destroy(&self);
    else
        *ret_alike = self;
    return rc;
}

static void forget(tr_alike_t *self) {
    size_t cursor = 0;
    for (const tr_map_slot_t *slot; (slot = tr_map_next(&self->vectors, &cursor));)
        free((void *)(uintptr_t)slot->value);
    tr_map_finish(&self->vectors);
    tr_map_init(&self->vectors, tr_random_seed());
}

void tr_alike_destroy(tr_alike_t **self) {
    if (!*self)
        return;
    forget(*self);
    tr_map_finish(&(*self)->vectors);
    tr_embed_close(&(*self)->embed);
    free(*self);
    *self = NULL;
}

/* Words that are joined are words. */
static void split_words(char *name) {
    for (; *name; name++)
        if (strchr("-_.+~", *name))
            *name = ' ';
}

static const float *vector_of(tr_alike_t *self, const char *name) {
    float *vector = tr_map_find_ptr(&self->vectors, name, strlen(name));
    if (vector)
        return vector;
    if (self->vectors.count >= NAMES_MAX)
        return NULL;
    char *words = strdup(name);
    vector = malloc(tr_embed_dimensions(self->embed) * sizeof *vector);
    if (words)
        split_words(words);
    bool good = words && vector &&
                tr_embed_batch(self->embed, &(tr_embed_text_t){words, strlen(words), 0}, 1, vector) == 0 &&
                tr_map_put(&self->vectors, name, strlen(name), (uint64_t)(uintptr_t)vector) == 0;
    free(words);
    if (good)
        return vector;
    free(vector);
    return NULL;
}

double tr_alike_names(tr_alike_t *self, const char *a, const char *b) {
    if (self->vectors.count + 2 > NAMES_MAX)
        forget(self);
    const float *x = vector_of(self, a), *y = vector_of(self, b);
    double product = 0;
    for (size_t i = 0; x && y && i < tr_embed_dimensions(self->embed); i++)
        product += (double)x[i] * (double)y[i];
    return product < 0 ? 0 : product > 1 ? 1 : product;
}
