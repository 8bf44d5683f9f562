/* Opening, transactions and namespaces. Documents: store_document.c; the full-text index: store_index.c. */
#include "kbd/store_private.h"

#include "kbd/bm25.h"
#include "kbd/stem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From one version to the next. Texts are apart from documents, so that lists need not read them. */
static const char *const steps[] = {
    "CREATE TABLE namespace (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, language "
    "TEXT NOT NULL,"
    " version INTEGER NOT NULL DEFAULT 0, documents INTEGER NOT NULL DEFAULT 0, chunks INTEGER NOT NULL "
    "DEFAULT 0);"
    "CREATE TABLE document (number INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, id TEXT "
    "NOT NULL,"
    " title TEXT NOT NULL, source TEXT, format TEXT, agent TEXT, conversation TEXT, taint TEXT, metadata "
    "TEXT NOT NULL,"
    " added_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, chunks INTEGER NOT NULL, hash BLOB NOT NULL,"
    " UNIQUE (namespace, id));"
    "CREATE TABLE body (document INTEGER PRIMARY KEY, text BLOB NOT NULL);"
    "CREATE TABLE chunk (number INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, place INTEGER "
    "NOT NULL,"
    " offset INTEGER NOT NULL, length INTEGER NOT NULL, heading TEXT, hash BLOB NOT NULL);"
    "CREATE INDEX chunk_document ON chunk (document, place);"
    "PRAGMA user_version = 1;",
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE vector (chunk INTEGER PRIMARY KEY, vector BLOB NOT NULL);"
    "CREATE TABLE stale (chunk INTEGER PRIMARY KEY, namespace INTEGER NOT NULL);"
    "CREATE INDEX stale_namespace ON stale (namespace);"
    "INSERT INTO stale SELECT c.number, d.namespace FROM chunk c JOIN document d ON d.number = c.document;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE namespace ADD COLUMN dimensions INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 3;",
    "CREATE TABLE owed (number INTEGER PRIMARY KEY AUTOINCREMENT, shard INTEGER NOT NULL, namespace TEXT NOT "
    "NULL, id TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, compare INTEGER NOT NULL, UNIQUE (namespace, id, shard));"
    "CREATE INDEX owed_shard ON owed (shard);"
    "PRAGMA user_version = 4;",
};

static const char *const sql[TR_SQL_STATEMENTS] = {
    [TR_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [TR_SQL_COMMIT] = "COMMIT",
    [TR_SQL_ROLLBACK] = "ROLLBACK",
    [TR_SQL_SAVE] = "SAVEPOINT one",
    [TR_SQL_RELEASE] = "RELEASE one",
    [TR_SQL_BACK] = "ROLLBACK TO one",
    [TR_SQL_NS_FIND] = "SELECT number, name, language, version, documents, chunks, "
                       "dimensions FROM namespace WHERE name = ?",
    [TR_SQL_NS_ADD] = "INSERT INTO namespace (name, language) VALUES (?, ?)",
    [TR_SQL_NS_COUNT] = "UPDATE namespace SET version = version + 1, documents = documents + "
                        "?, chunks = chunks + ?"
                        " WHERE number = ?",
    [TR_SQL_NS_DROP] = "DELETE FROM namespace WHERE number = ?",
    [TR_SQL_NS_LIST] = "SELECT number, name, language, version, documents, chunks, dimensions,"
                       " (SELECT count(*) FROM stale s WHERE s.namespace = n.number) FROM namespace n ORDER "
                       "BY name",
    [TR_SQL_NS_EMPTY] = "SELECT 1 FROM namespace WHERE number = ? AND chunks = 0",
    [TR_SQL_DOC_FIND] = "SELECT number, hash, title, chunks FROM document WHERE namespace = ? AND id = ?",
    [TR_SQL_DOC_ADD] = "INSERT INTO document (namespace, id, title, source, format, agent, conversation, "
                       "taint, metadata,"
                       " changed_ms, chunks, hash, added_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?10)",
    [TR_SQL_DOC_SET] = "UPDATE document SET namespace = ?, id = ?, title = ?, source = ?, "
                       "format = ?, agent = ?,"
                       " conversation = ?, taint = ?, metadata = ?, changed_ms = ?, chunks = "
                       "?, hash = ? WHERE number = ?",
    [TR_SQL_DOC_DROP] = "DELETE FROM document WHERE number = ?",
    [TR_SQL_DOC_GET] =
        "SELECT " TR_KB_DOCUMENT_COLUMNS ", b.text FROM document d JOIN body b ON b.document = d.number"
        " WHERE d.namespace = ? AND d.id = ?",
    [TR_SQL_BODY_SET] = "INSERT OR REPLACE INTO body VALUES (?, ?)",
    [TR_SQL_BODY_DROP] = "DELETE FROM body WHERE document = ?",
    [TR_SQL_CHUNKS] = "SELECT c.number, c.hash, c.heading, substr(b.text, c.offset + 1, c.length) FROM "
                      "chunk c"
                      " JOIN body b ON b.document = c.document WHERE c.document = ? ORDER BY c.place",
    [TR_SQL_CHUNK_ADD] = "INSERT INTO chunk (document, place, offset, length, heading, hash) "
                         "VALUES (?, ?, ?, ?, ?, ?)",
    [TR_SQL_CHUNK_MOVE] = "UPDATE chunk SET place = ?, offset = ? WHERE number = ?",
    [TR_SQL_CHUNK_DROP] = "DELETE FROM chunk WHERE number = ?",
    [TR_SQL_STALE_ADD] = "INSERT INTO stale VALUES (?, ?)",
    [TR_SQL_STALE_DROP] = "DELETE FROM stale WHERE chunk = ?",
    [TR_SQL_STALE_NEXT] =
        "SELECT s.chunk, s.namespace, d.title, c.heading, substr(b.text, c.offset + 1, c.length) FROM stale s"
        " JOIN chunk c ON c.number = s.chunk JOIN document d ON d.number = c.document JOIN body b ON "
        "b.document = d.number"
        " ORDER BY s.chunk LIMIT ?",
    [TR_SQL_VECTOR_PUT] = "INSERT OR REPLACE INTO vector VALUES (?, ?)",
    [TR_SQL_VECTOR_DROP] = "DELETE FROM vector WHERE chunk = ?",
    [TR_SQL_VECTORS] = "SELECT v.chunk, v.vector FROM document d JOIN chunk c ON c.document = d.number"
                       " JOIN vector v ON v.chunk = c.number WHERE d.namespace = ? ORDER BY v.chunk",
    [TR_SQL_VECTOR_GET] = "SELECT vector FROM vector WHERE chunk = ?",
    [TR_SQL_CHUNK_RANGE] = "SELECT c.number FROM chunk c CROSS JOIN document d ON d.number = c.document"
                           " WHERE c.number > ? AND c.number <= ? AND d.namespace = ? ORDER BY c.number",
    [TR_SQL_CHUNK_LAST] = "SELECT max(number) FROM chunk",
    [TR_SQL_PENDING] = "SELECT count(*) FROM stale WHERE namespace = ?",
    [TR_SQL_CHUNK_NAME] = "SELECT d.number, d.id, c.place FROM chunk c JOIN document d ON d.number = "
                          "c.document WHERE c.number = ?",
    [TR_SQL_CHUNK_FIND] =
        "SELECT c.number, d.number, d.chunks FROM document d JOIN chunk c ON c.document = d.number"
        " WHERE d.namespace = ? AND d.id = ? AND c.place = ?",
    [TR_SQL_DOC_CHANGED] = "SELECT changed_ms FROM document WHERE number = ?",
    [TR_SQL_PASSAGE] =
        "SELECT " TR_KB_DOCUMENT_COLUMNS ", c.heading, substr(b.text, c.offset + 1, c.length), c.offset,"
        " c.place FROM chunk c JOIN document d ON d.number = c.document JOIN "
        "body b ON b.document = d.number"
        " WHERE c.number = ?",
    [TR_SQL_LATEST] = "SELECT max(ifnull((SELECT changed_ms FROM document WHERE namespace = ?1 AND id = ?2), "
                      "0),"
                      " ifnull((SELECT max(at_ms) - 1 FROM owed WHERE namespace = ?3 AND id = ?2), 0))",
    [TR_SQL_OWE] =
        "INSERT OR REPLACE INTO owed (shard, namespace, id, at_ms, compare) VALUES (?, ?, ?, ?, 0)",
    [TR_SQL_OWE_COMPARE] =
        "INSERT OR IGNORE INTO owed (shard, namespace, id, at_ms, compare) VALUES (?, ?, ?, ?, 1)",
    [TR_SQL_OWED] =
        "SELECT number, namespace, id, at_ms, compare FROM owed WHERE shard = ? ORDER BY number LIMIT ?",
    [TR_SQL_OWED_FIRST] = "SELECT min(number) FROM owed WHERE shard = ?",
    [TR_SQL_OWED_LAST] = "SELECT max(number) FROM owed",
    [TR_SQL_CHUNK_WHOSE] = "SELECT n.name, d.id FROM chunk c JOIN document d ON d.number = c.document"
                           " JOIN namespace n ON n.number = d.namespace WHERE c.number = ?",
    [TR_SQL_OWED_PAID] = "DELETE FROM owed WHERE number = ?",
    [TR_SQL_OWED_WANTED] = "UPDATE owed SET compare = 0 WHERE number = ?",
};

/* ---- what all use ---- */

int tr_kb_end(tr_kb_store_t *self, sqlite3_stmt *s, int step, tr_error_t *error) {
    int rc = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : tr_sqlite_fail(self->db, "knowledge.db", error);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

int tr_kb_run(tr_kb_store_t *self, sqlite3_stmt *s, tr_error_t *error) {
    return tr_kb_end(self, s, sqlite3_step(s), error);
}

int tr_kb_execute(tr_kb_store_t *self, tr_error_t *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    int rc = !text ? tr_error_set(error, -ENOMEM, "out of memory")
             : sqlite3_exec(self->db, text, NULL, NULL, NULL) != SQLITE_OK
                 ? tr_sqlite_fail(self->db, "knowledge.db", error)
                 : 0;
    sqlite3_free(text);
    return rc;
}

int tr_kb_prepare(tr_kb_store_t *self, const char *text, sqlite3_stmt **ret_statement, tr_error_t *error) {
    return sqlite3_prepare_v2(self->db, text, -1, ret_statement, NULL) == SQLITE_OK
               ? 0
               : tr_sqlite_fail(self->db, "knowledge.db", error);
}

void tr_kb_read_document(sqlite3_stmt *s, tr_kb_document_t *ret) {
    *ret = (tr_kb_document_t){
        .number = sqlite3_column_int64(s, 0),
        .id = tr_sqlite_text(s, 1),
        .title = tr_sqlite_text(s, 2),
        .source = tr_sqlite_text(s, 3),
        .format = tr_sqlite_text(s, 4),
        .agent = tr_sqlite_text(s, 5),
        .conversation = tr_sqlite_text(s, 6),
        .taint = tr_sqlite_text(s, 7),
        .metadata = tr_sqlite_text(s, 8),
        .added_ms = sqlite3_column_int64(s, 9),
        .changed_ms = sqlite3_column_int64(s, 10),
        .chunks = (size_t)sqlite3_column_int64(s, 11),
    };
}

/* ---- opening ---- */

static int extend(sqlite3 *db) {
    fts5_api *fts5 = tr_stem_fts5(db);
    int code = fts5 ? tr_stem_register(db) : SQLITE_ERROR;
    return code == SQLITE_OK ? tr_bm25_register(db, fts5) : code;
}

static const tr_sqlite_schema_t schema = {
    .name = "knowledge.db",
    .migrations = steps,
    .migration_count = sizeof steps / sizeof *steps,
    .sql = sql,
    .statement_count = TR_SQL_STATEMENTS,
    .cache_kib = 32 << 10,
    .extend = extend,
};

int tr_kb_store_open(const char *directory, tr_kb_store_t **ret_store, tr_error_t *error) {
    tr_kb_store_t *self = *ret_store = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    tr_lru_init(&self->counted, TR_KB_COUNTED_WORDS, TR_KB_COUNTED_BYTES);
    int rc = tr_sqlite_open(directory, &schema, &self->db, self->statements, error);
    if (rc < 0)
        tr_kb_store_close(ret_store);
    else
        tr_kb_index_tidy(self);
    return rc;
}

void tr_kb_store_close(tr_kb_store_t **self) {
    if (!*self)
        return;
    tr_sqlite_close(&(*self)->db, (*self)->statements, TR_SQL_STATEMENTS);
    tr_lru_finish(&(*self)->counted);
    tr_kb_names_finish(*self);
    free(*self);
    *self = NULL;
}

/* ---- transactions ---- */

bool tr_kb_store_begun(const tr_kb_store_t *self) {
    return self->begun;
}

int tr_kb_store_begin(tr_kb_store_t *self, tr_error_t *error) {
    int rc = self->begun || self->lost ? 0 : tr_kb_run(self, self->statements[TR_SQL_BEGIN], error);
    self->begun = rc == 0 && !self->lost;
    return rc;
}

/* Versions that were not committed come again. */
static void forget_counted(tr_kb_store_t *self) {
    tr_lru_finish(&self->counted);
    tr_lru_init(&self->counted, TR_KB_COUNTED_WORDS, TR_KB_COUNTED_BYTES);
}

int tr_kb_store_commit(tr_kb_store_t *self, tr_error_t *error) {
    int lost = self->lost;
    self->lost = 0;
    if (lost) {
        forget_counted(self);
        return tr_error_set(error, lost, "knowledge.db: %s", strerror(-lost));
    }
    if (!self->begun)
        return 0;
    int rc = tr_kb_run(self, self->statements[TR_SQL_COMMIT], error);
    if (rc < 0) {
        tr_kb_run(self, self->statements[TR_SQL_ROLLBACK], NULL); /* SQLite may have done so, ignoring */
        forget_counted(self);
    }
    self->begun = false;
    return rc;
}

void tr_kb_store_undo(tr_kb_store_t *self) {
    if (self->begun)
        tr_kb_run(self, self->statements[TR_SQL_ROLLBACK], NULL); /* SQLite may have done so, ignoring */
    forget_counted(self);
    self->begun = false;
    self->lost = 0;
}

void tr_kb_watch(tr_kb_store_t *self, tr_kb_changed_fn changed, void *arg) {
    self->changed = changed;
    self->changed_arg = arg;
}

/* ---- settings ---- */

int tr_kb_setting_read(tr_kb_store_t *self, const char *name, char *ret, size_t size, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    *ret = '\0';
    int rc = tr_kb_prepare(self, "SELECT value FROM setting WHERE name = ?", &s, error);
    if (rc == 0) {
        tr_sqlite_bind_text(s, 1, name);
        int step = sqlite3_step(s);
        if (step == SQLITE_ROW)
            snprintf(ret, size, "%s", tr_sqlite_text(s, 0));
        rc = tr_kb_end(self, s, step, error);
    }
    sqlite3_finalize(s);
    return rc;
}

int tr_kb_setting_write(tr_kb_store_t *self, const char *name, const char *value, tr_error_t *error) {
    sqlite3_stmt *s = NULL;
    int rc = tr_kb_prepare(self, "INSERT OR REPLACE INTO setting VALUES (?, ?)", &s, error);
    if (rc == 0) {
        tr_sqlite_bind_text(s, 1, name);
        tr_sqlite_bind_text(s, 2, value);
        rc = tr_kb_run(self, s, error);
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- namespaces ---- */

void tr_kb_read_namespace(sqlite3_stmt *s, tr_kb_namespace_t *ret) {
    *ret = (tr_kb_namespace_t){.number = sqlite3_column_int64(s, 0),
        .language = tr_stem_language(tr_sqlite_text(s, 2)),
        .version = (uint64_t)sqlite3_column_int64(s, 3),
        .documents = (uint64_t)sqlite3_column_int64(s, 4),
        .chunks = (uint64_t)sqlite3_column_int64(s, 5),
        .dimensions = (size_t)sqlite3_column_int64(s, 6)};
    snprintf(ret->name, sizeof ret->name, "%s", tr_sqlite_text(s, 1));
}

/* What a transaction has changed may be taken back, without being counted. */
static void know_namespace(tr_kb_store_t *self, const tr_kb_namespace_t *ns) {
    if (!sqlite3_get_autocommit(self->db))
        return;
    self->known = *ns;
    self->known_changes = sqlite3_total_changes64(self->db);
}

static bool knows_namespace(const tr_kb_store_t *self, const char *name) {
    return self->known.number && self->known_changes == sqlite3_total_changes64(self->db) &&
           strcmp(self->known.name, name) == 0;
}

int tr_kb_namespace_find(tr_kb_store_t *self, const char *name, tr_kb_namespace_t *ret, tr_error_t *error) {
    if (knows_namespace(self, name)) {
        *ret = self->known;
        return 0;
    }
    sqlite3_stmt *s = self->statements[TR_SQL_NS_FIND];
    tr_sqlite_bind_text(s, 1, name);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        tr_kb_read_namespace(s, ret);
        know_namespace(self, ret);
    }
    int rc = tr_kb_end(self, s, step, error);
    return rc < 0               ? rc
           : step == SQLITE_ROW ? 0
                                : tr_error_set(error, -ENOENT, "there is no namespace %s", name);
}

static int add_namespace(
    tr_kb_store_t *self, const char *name, const char *language, tr_kb_namespace_t *ret, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_ADD];
    tr_sqlite_bind_text(s, 1, name);
    tr_sqlite_bind_text(s, 2, language ? language : "english");
    int rc = tr_kb_run(self, s, error);
    if (rc == 0)
        rc = tr_kb_namespace_find(self, name, ret, error);
    if (rc == 0)
        tr_kb_tell_change(self, name, NULL, false);
    return rc;
}

int tr_kb_namespace_need(
    tr_kb_store_t *self, const char *name, const char *language, tr_kb_namespace_t *ret, tr_error_t *error) {
    int rc = tr_kb_namespace_find(self, name, ret, error);
    if (rc == -ENOENT)
        return add_namespace(self, name, language, ret, error);
    if (rc == 0 && language && strcmp(language, ret->language) != 0)
        return tr_error_set(error, -EEXIST, "the namespace %s is %s: drop it, or choose another one for %s",
            name, ret->language, language);
    return rc;
}

int tr_kb_namespace_vectors(
    tr_kb_store_t *self, tr_kb_namespace_t *ns, size_t dimensions, tr_error_t *error) {
    if (ns->dimensions == dimensions)
        return 0;
    if (ns->dimensions)
        return tr_error_set(error, -EEXIST,
            "the namespace %s has vectors of its own: expected one of %zu numbers", ns->name, ns->dimensions);
    if (ns->documents)
        return tr_error_set(error, -EEXIST,
            "the vectors of the namespace %s are made here: drop it, or choose another one for vectors of "
            "your own",
            ns->name);
    int rc = tr_kb_execute(self, error, "UPDATE namespace SET dimensions = %lld WHERE number = %lld",
        (long long)dimensions, (long long)ns->number);
    ns->dimensions = rc == 0 ? dimensions : 0;
    if (rc == 0)
        tr_kb_tell_change(self, ns->name, NULL, false);
    return rc;
}

int tr_kb_namespace_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    int rc = tr_kb_index_drop(self, ns, error);
    tr_kb_names_finish(self);
    if (rc == 0)
        rc = tr_kb_execute(self, error,
            "DELETE FROM stale WHERE namespace = %lld;"
            "DELETE FROM vector WHERE chunk IN (SELECT c.number FROM document d JOIN chunk c ON c.document = "
            "d.number"
            " WHERE d.namespace = %lld);"
            "DELETE FROM chunk WHERE document IN (SELECT number FROM document WHERE namespace = %lld);"
            "DELETE FROM body WHERE document IN (SELECT number FROM document WHERE namespace = %lld);"
            "DELETE FROM document WHERE namespace = %lld; DELETE FROM namespace WHERE number = %lld",
            n, n, n, n, n, n);
    if (rc == 0)
        tr_kb_tell_change(self, ns->name, NULL, true);
    return rc;
}

int tr_kb_namespaces(tr_kb_store_t *self, tr_kb_namespace_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_LIST];
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_kb_namespace_t ns;
        tr_kb_read_namespace(s, &ns);
        ns.pending = (uint64_t)sqlite3_column_int64(s, 7);
        each(arg, &ns);
    }
    return tr_kb_end(self, s, step, error);
}
