/* What troupe-kbd was asked to do: command line, environment (TROUPE_KBD_...), file (--config). */
#ifndef TR_KBD_OPTIONS_H
#define TR_KBD_OPTIONS_H

#include "lib/resident/resident.h"

typedef struct tr_kbd_options {
    tr_resident_options_t resident; /* first */
    const char *restore;            /* a snapshot; NULL = none */
    int64_t search_time_ms;         /* of a search over shards, at most */
    const char *shards;             /* names of agents; NULL = it is alone */
    int store;                      /* the truth: 1 = PostgreSQL */
    const char *conninfo, *table;   /* of postgres; conninfo: NULL = as the environment says */
    int64_t replicas;               /* shards that have a document: 1 or 2 */
    bool check;
    int64_t chunk_tokens, chunk_overlap;
    int64_t search_threads, build_threads, index_delta;
    size_t cache;                           /* bytes */
    const char *embed_config, *embed_model; /* of a model server; NULL = vectors are made here */
    int64_t embed_dimensions;               /* 0 = not said */
    tr_options_t *flags;                    /* owns the strings above */
} tr_kbd_options_t;

/* TR_RESIDENT_GO; then tr_kbd_options_finish is to be called. Or the exit code: what the user asked for, or what is wrong, was
 * printed. */
int tr_kbd_options_read(int argc, char *const *argv, tr_kbd_options_t *ret_options);
void tr_kbd_options_finish(tr_kbd_options_t *self);

#endif
