/* How alike the names of services are, for tasks that nobody can do by name: by the embedder (lib/embed). */
#ifndef TR_COORDINATOR_ALIKE_H
#define TR_COORDINATOR_ALIKE_H

#include "lib/base/error.h"

typedef struct tr_alike tr_alike_t;

/* -ENOENT, -ENOMEM ...: as tr_embed_open. */
int tr_alike_new(tr_alike_t **ret_alike, tr_error_t *error);
void tr_alike_destroy(tr_alike_t **self); /* NULL-safe */
/* From 0 to 1; 0 where there is no memory. Each name is thought of once. */
double tr_alike_names(tr_alike_t *self, const char *a, const char *b);

#endif
