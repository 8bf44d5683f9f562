/*
 * Sentence embeddings that need no network: texts to vectors of length 1, whose scalar product says how alike the texts are.
 *
 *     tr_embed_open(&(tr_embed_options_t){0}, &embed, &error);
 *     float *vectors = malloc(n * tr_embed_dimensions(embed) * sizeof *vectors);
 *     tr_embed_batch(embed, texts, n, vectors, &error);
 *
 * Two embedders. "use-lite": the Universal Sentence Encoder Lite (Cer et al. 2018; English; a transformer of two layers over
 * pieces of words), from a file that tools/setup --embeddings makes, which is mapped, so that processes share it. "ngrams": words
 * and their n-grams hashed into a vector, which knows no meaning beyond letters, for where that file is not: tr_embed_warning then
 * says so, and what to do. Vectors of different models (tr_embed_model) must not be compared.
 *
 * The file is the first that exists of: options.path; the environment's TROUPE_EMBEDDINGS (a path; "ngrams" = none, on purpose);
 * $XDG_DATA_HOME/troupe/embeddings.bin (~/.local/share where that is not set); PREFIX/share/troupe/embeddings.bin. A path that is
 * named in the first two ways must be there.
 *
 * Threads: an embedder has scratch memory and is used by one thread at a time, whichever. Each thread may open its own: they share the
 * mapped file. Matrices are multiplied by OpenBLAS, which is set to one thread for the process when the first is opened.
 */
#ifndef TR_EMBED_EMBED_H
#define TR_EMBED_EMBED_H

#include "lib/base/error.h"

#include <stddef.h>

typedef struct tr_embed tr_embed_t;

typedef struct tr_embed_options {
    const char *path;   /* of the model's file; "ngrams" = without one; NULL = as above */
    const char *module; /* the path of the module that multiplies; NULL = where it was installed or built */
} tr_embed_options_t;

/* Borrowed. UTF-8; bytes that are not are taken as U+FFFD. */
typedef struct tr_embed_text {
    const char *text;
    size_t length; /* bytes */
    size_t
        lead; /* bytes of it that an encoder of sentences reads, and only letters count of what follows; 0 = all */
} tr_embed_text_t;

/* -ENOENT: a named file is not there; -EBADMSG: it is damaged or of another version; -ENOTSUP: no module; -ENOMEM; or the errno of
 * open(2) or mmap(2). */
int tr_embed_open(const tr_embed_options_t *options, tr_embed_t **ret_embed, tr_error_t *error);
/* NULL-safe, nulls the reference. */
void tr_embed_close(tr_embed_t **self);

/* Floats of a vector. */
size_t tr_embed_dimensions(const tr_embed_t *self);
/* Name and version: "use-lite-2", "ngrams-1". What is stored with vectors, to know when they must be made anew. */
const char *tr_embed_model(const tr_embed_t *self);
/* How many words of a passage, from its beginning, are to be its lead for a search; 0 = all. An encoder of sentences blurs what is longer, and is slow. */
size_t tr_embed_passage_words(const tr_embed_t *self);
/* What a user should know of this embedder, and the cure; "" where there is nothing. */
const char *tr_embed_warning(const tr_embed_t *self);

/*
 * `count` texts to `count` times tr_embed_dimensions floats at `ret_vectors`, in their order. A text without words has a vector of
 * zeros. Of a text that is longer than the model reads at once (128 pieces of words), the vector is the mean over its parts, of which
 * the first 64 count. 0, or -ENOMEM, and then the vectors are not defined.
 */
int tr_embed_batch(tr_embed_t *self, const tr_embed_text_t *texts, size_t count, float *ret_vectors);

#endif
