/*
 * What is asked of the store for every hit of a search: whose chunk it is. Those that were asked for are kept in memory, a line of the processor's
 * cache for each, by the lowest bits of their numbers, which are given one after the other.
 *
 * Nothing is kept that a transaction might take back, since its numbers would come again; what a transaction removes or moves is forgotten at once.
 */
#include "kbd/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES   ((size_t)1 << 18)
#define ID_KEPT 43u /* bytes; who has a longer one is looked up again where its id is wanted */

struct tr_kb_name {
    int64_t chunk, document; /* chunk 0: nothing is here */
    uint32_t place;
    uint8_t id_len; /* 0: it was too long */
    char id[ID_KEPT];
};
_Static_assert(sizeof(struct tr_kb_name) == 64, "a line of the cache");

static tr_kb_name_t *slot_of(const tr_kb_store_t *self, int64_t chunk) {
    return &self->names[(uint64_t)chunk % NAMES];
}

static const tr_kb_name_t *known(const tr_kb_store_t *self, int64_t chunk) {
    const tr_kb_name_t *name = self->names ? slot_of(self, chunk) : NULL;
    return name && chunk && name->chunk == chunk ? name : NULL;
}

static void keep(tr_kb_store_t *self, int64_t chunk, int64_t document, const char *id, size_t place) {
    size_t len = strlen(id);
    if (!sqlite3_get_autocommit(self->db) || place > UINT32_MAX)
        return;
    if (!self->names && !(self->names = calloc(NAMES, sizeof *self->names)))
        return; /* it is looked up each time, ignoring */
    tr_kb_name_t *name = slot_of(self, chunk);
    *name = (tr_kb_name_t){.chunk = chunk, .document = document, .place = (uint32_t)place};
    if (len > ID_KEPT)
        return;
    name->id_len = (uint8_t)len;
    memcpy(name->id, id, len);
}

void tr_kb_name_forget(tr_kb_store_t *self, int64_t chunk) {
    if (known(self, chunk))
        slot_of(self, chunk)->chunk = 0;
}

void tr_kb_names_finish(tr_kb_store_t *self) {
    free(self->names);
    self->names = NULL;
}

/* `got` may be NULL. *ret_document: 0 where there is none. */
static int look_up(tr_kb_store_t *self, int64_t chunk, tr_kb_name_fn got, void *arg, int64_t *ret_document,
    tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_CHUNK_NAME];
    sqlite3_bind_int64(s, 1, chunk);
    int step = sqlite3_step(s);
    *ret_document = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (*ret_document) {
        const char *id = tr_sqlite_text(s, 1);
        size_t place = (size_t)sqlite3_column_int64(s, 2);
        if (got)
            got(arg, id, place);
        keep(self, chunk, *ret_document, id, place);
    }
    return tr_kb_end(self, s, step, error);
}

int tr_kb_document_of(tr_kb_store_t *self, int64_t chunk, int64_t *ret_document, tr_error_t *error) {
    const tr_kb_name_t *name = known(self, chunk);
    if (!name)
        return look_up(self, chunk, NULL, NULL, ret_document, error);
    *ret_document = name->document;
    return 0;
}

int tr_kb_chunk_name(tr_kb_store_t *self, int64_t chunk, tr_kb_name_fn got, void *arg, tr_error_t *error) {
    const tr_kb_name_t *name = known(self, chunk);
    int64_t document;
    if (name && name->id_len) {
        char id[ID_KEPT + 1] = "";
        memcpy(id, name->id, name->id_len);
        got(arg, id, name->place);
        return 0;
    }
    int rc = look_up(self, chunk, got, arg, &document, error);
    return rc == 0 && !document ? tr_error_set(error, -ENOENT, "there is no such chunk") : rc;
}
