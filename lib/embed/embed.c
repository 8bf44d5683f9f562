/* Which embedder: the search for the model's file, and the module that reads it. */
#include "lib/embed/embed.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/module.h"
#include "lib/embed/embed_kind.h"
#include "lib/embed/ngrams.h"

#define FILE_NAME "embeddings.bin"
#define KERNELS   "OPENBLAS_CORETYPE"
#define OPENBLAS  "libopenblas.so.0"

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

/*
 * OpenBLAS, which comes with the module, chooses its kernels when it is loaded, by a list of processors: of one that is newer than the list it takes those of 2004,
 * with a quarter of the speed. So it is told, unless the user has, by what the processor can. Nothing where it is there already. True: the variable is to be taken
 * back.
 */
static bool tell_openblas(void) {
    const char *kernels = NULL;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        kernels = "SkylakeX";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        kernels = "Haswell";
#endif
    void *loaded = dlopen(OPENBLAS, RTLD_LAZY | RTLD_NOLOAD);
    if (loaded)
        dlclose(loaded);
    return kernels && !loaded && !getenv(KERNELS) && setenv(KERNELS, kernels, 0) == 0;
}

static int open_file(
    const tr_embed_options_t *options, const char *path, tr_embed_t **ret_embed, tr_error_t *error) {
    const tr_embed_module_t *module = NULL;
    bool told = tell_openblas();
    int rc = tr_module_load(&module_kind, options->module, (const void **)&module, error);
    if (told)
        unsetenv(KERNELS);
    return rc < 0 ? rc : module->open(path, ret_embed, error);
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
