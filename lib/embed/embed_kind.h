/* What an embedder gives to embed.c, and what the module exports. Only for those that implement one. */
#ifndef TR_EMBED_EMBED_KIND_H
#define TR_EMBED_EMBED_KIND_H

#include "lib/embed/embed.h"

/* All take the implementation's own struct, whose first member is the tr_embed_t. */
typedef struct tr_embed_kind {
    const char *model, *warning;
    size_t dimensions;
    size_t passage_words; /* see tr_embed_passage_words */
    int (*batch)(tr_embed_t *self, const tr_embed_text_t *texts, size_t count, float *ret_vectors);
    void (*close)(tr_embed_t *self);
} tr_embed_kind_t;

struct tr_embed {
    const tr_embed_kind_t *kind;
};

#define TR_EMBED_MODULE_SYMBOL "tr_embed_module"

typedef struct tr_embed_module {
    const char *version; /* TROUPE_VERSION */
    int (*open)(const char *path, tr_embed_t **ret_embed, tr_error_t *error);
} tr_embed_module_t;

#endif
