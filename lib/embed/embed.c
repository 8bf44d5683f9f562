/* Which embedder: the search for the model's file, and the module that reads it. */
#include "lib/embed/embed.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/module.h"
#include "lib/embed/blas.h"
#include "lib/embed/blend.h"
#include "lib/embed/embed_kind.h"
#include "lib/embed/ngrams.h"

#define FILE_NAME "embeddings.bin"

static const tr_module_kind_t module_kind = {"the embedder's module", "embed.so", TR_EMBED_MODULE_SYMBOL,
    "lib/embed", TR_EMBED_MODULES, TR_EMBED_LIBDIR, "embeddings"};

/* The user's own file, or what was installed. False where there is neither. */
static bool find_file(char path[PATH_MAX]) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length = 0;
    if (data && *data)
        length = snprintf(path, PATH_MAX, "%s/troupe/" FILE_NAME, data);
    else if (home && *home)
        length = snprintf(path, PATH_MAX, "%s/.local/share/troupe/" FILE_NAME, home);
    if (length > 0 && length < PATH_MAX && access(path, R_OK) == 0)
        return true;
    snprintf(path, PATH_MAX, "%s/" FILE_NAME, TR_EMBED_DATADIR);
    return access(path, R_OK) == 0;
}

static int open_file(
    const tr_embed_options_t *options, const char *path, tr_embed_t **ret_embed, tr_error_t *error) {
    const tr_embed_module_t *module = NULL;
    bool told = tr_blas_tell();
    int rc = tr_module_load(&module_kind, options->module, (const void **)&module, error);
    if (told)
        tr_blas_forget();
    tr_embed_t *meaning = NULL, *letters = NULL;
    if (rc == 0)
        rc = module->open(path, &meaning, error);
    if (rc < 0)
        return rc;
    rc = tr_ngrams_open(&letters);
    if (rc == 0)
        rc = tr_blend_open(meaning, letters, ret_embed);
    else
        tr_embed_close(&meaning);
    return rc < 0 ? tr_error_set(error, rc, "cannot open the embeddings' model %s: %s", path, strerror(-rc))
                  : 0;
}

int tr_embed_open(const tr_embed_options_t *options, tr_embed_t **ret_embed, tr_error_t *error) {
    char found[PATH_MAX];
    const char *path = options->path ? options->path : getenv("TROUPE_EMBEDDINGS");
    if ((!path || !*path) && find_file(found))
        path = found;
    if (path && *path && strcmp(path, "ngrams") != 0)
        return open_file(options, path, ret_embed, error);
    int rc = tr_ngrams_open(ret_embed);
    return rc < 0 ? tr_error_set(error, rc, "out of memory") : 0;
}

void tr_embed_close(tr_embed_t **self) {
    if (!self || !*self)
        return;
    (*self)->kind->close(*self);
    *self = NULL;
}

size_t tr_embed_dimensions(const tr_embed_t *self) {
    return self->kind->dimensions;
}

size_t tr_embed_passage_words(const tr_embed_t *self) {
    return self->kind->passage_words;
}

const char *tr_embed_model(const tr_embed_t *self) {
    return self->kind->model;
}

const char *tr_embed_warning(const tr_embed_t *self) {
    return self->kind->warning;
}

int tr_embed_batch(tr_embed_t *self, const tr_embed_text_t *texts, size_t count, float *ret_vectors) {
    return self->kind->batch(self, texts, count, ret_vectors);
}
