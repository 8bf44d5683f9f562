/* What the files store*.c share. */
#ifndef TR_KBD_STORE_PRIVATE_H
#define TR_KBD_STORE_PRIVATE_H

#include "kbd/store.h"
#include "lib/cache/lru.h"
#include "lib/store/sqlite_file.h"

typedef enum tr_kb_sql {
    TR_SQL_BEGIN,
    TR_SQL_COMMIT,
    TR_SQL_ROLLBACK,
    TR_SQL_SAVE,
    TR_SQL_RELEASE,
    TR_SQL_BACK,
    TR_SQL_NS_FIND,
    TR_SQL_NS_ADD,
    TR_SQL_NS_COUNT,
    TR_SQL_NS_DROP,
    TR_SQL_NS_LIST,
    TR_SQL_NS_EMPTY,
    TR_SQL_DOC_FIND,
    TR_SQL_DOC_ADD,
    TR_SQL_DOC_SET,
    TR_SQL_DOC_DROP,
    TR_SQL_DOC_GET,
    TR_SQL_BODY_SET,
    TR_SQL_BODY_DROP,
    TR_SQL_CHUNKS,
    TR_SQL_CHUNK_ADD,
    TR_SQL_CHUNK_MOVE,
    TR_SQL_CHUNK_DROP,
    TR_SQL_CHUNK_NAME,
    TR_SQL_CHUNK_FIND,
    TR_SQL_DOC_CHANGED,
    TR_SQL_PASSAGE,
    TR_SQL_STALE_ADD,
    TR_SQL_STALE_DROP,
    TR_SQL_STALE_NEXT,
    TR_SQL_VECTOR_PUT,
    TR_SQL_VECTOR_DROP,
    TR_SQL_VECTORS,
    TR_SQL_VECTOR_GET,
    TR_SQL_CHUNK_RANGE,
    TR_SQL_CHUNK_LAST,
    TR_SQL_PENDING,
    TR_SQL_LATEST,
    TR_SQL_OWE,
    TR_SQL_OWE_COMPARE,
    TR_SQL_OWED,
    TR_SQL_OWED_FIRST,
    TR_SQL_OWED_LAST,
    TR_SQL_OWED_PAID,
    TR_SQL_OWED_WANTED,
    TR_SQL_CHUNK_WHOSE,
    TR_SQL_STATEMENTS,
} tr_kb_sql_t;

#define TR_KB_COUNTED_WORDS 65536u
#define TR_KB_COUNTED_BYTES ((size_t)16 << 20)

typedef struct tr_kb_name tr_kb_name_t; /* store_name.c */

struct tr_kb_store {
    sqlite3 *db;
    sqlite3_stmt *statements[TR_SQL_STATEMENTS];
    tr_lru_t counted;    /* in how many chunks words are, by namespace, version and stem: store_search.c */
    tr_kb_name_t *names; /* whose chunks are whose: store_name.c */
    tr_kb_namespace_t known;  /* the one that was looked up last, outside a transaction; number 0: none */
    int64_t known_changes;    /* it is as it was while SQLite has counted no other ones */
    tr_kb_changed_fn changed; /* NULL: nobody is to be told */
    void *changed_arg;
    bool begun;
    int lost; /* what has made SQLite undo all since begin, by itself; 0 = nothing */
};

/* The columns of a document as tr_kb_read_document takes them, from the first column on. */
#define TR_KB_DOCUMENT_COLUMNS                                                                               \
    "d.number, d.id, d.title, d.source, d.format, d.agent, d.conversation, d.taint, d.metadata, "            \
    "d.added_ms, d.changed_ms, "                                                                             \
    "d.chunks"
#define TR_KB_DOCUMENT_COLUMN_COUNT 12

/* Runs a statement that gives no rows, then resets it; what was bound is borrowed until then. 0 or negative. */
int tr_kb_run(tr_kb_store_t *self, sqlite3_stmt *s, tr_error_t *error);
int tr_kb_execute(tr_kb_store_t *self, tr_error_t *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A statement of its own, to be finalized. */
int tr_kb_prepare(tr_kb_store_t *self, const char *sql, sqlite3_stmt **ret_statement, tr_error_t *error);
/* Ends a reading: what the last step said. 0 or negative. */
int tr_kb_end(tr_kb_store_t *self, sqlite3_stmt *s, int step, tr_error_t *error);
void tr_kb_read_document(sqlite3_stmt *s, tr_kb_document_t *ret);
/* Of the columns number, name, language, version, documents, chunks, dimensions. */
void tr_kb_read_namespace(sqlite3_stmt *s, tr_kb_namespace_t *ret);

static inline void tr_kb_tell_change(tr_kb_store_t *self, const char *ns, const char *id, bool dropped) {
    if (self->changed)
        self->changed(self->changed_arg, ns, id, dropped);
}

/* ---- store_name.c ---- */

/* The chunk is removed, or is at another place of its document from now on. */
void tr_kb_name_forget(tr_kb_store_t *self, int64_t chunk);
/* All are forgotten. */
void tr_kb_names_finish(tr_kb_store_t *self);

/* ---- store_index.c ---- */

/* The text of a chunk as it is indexed: under the title and its heading. Each chunk's heading may be NULL. */
typedef struct tr_kb_indexed {
    int64_t chunk;
    const char *title, *heading, *text;
    size_t text_len;
} tr_kb_indexed_t;

/* Where it is missing nothing is found: the namespace is empty. */
bool tr_kb_index_exists(const tr_kb_store_t *self, const tr_kb_namespace_t *ns);
/* Drops those of empty namespaces, which earlier versions had, or which could not go. What cannot now stays, ignoring. */
void tr_kb_index_tidy(tr_kb_store_t *self);
/* Makes it where it is missing. */
int tr_kb_index_need(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error);
int tr_kb_index_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error);
/* `remove`: exactly as it was added. */
int tr_kb_index_write(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_indexed_t *indexed,
    bool remove, tr_error_t *error);

#endif
