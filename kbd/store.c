/* Opening, transactions and namespaces. Documents: store_document.c; the full-text index: store_index.c. */
#include "kbd/store_private.h"

#include "kbd/bm25.h"
#include "kbd/stem.h"
#include "lib/base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA 2

/* From one version to the next. Texts are apart from documents, so that lists need not read them. */
static const char *const steps[SCHEMA] = {
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
};

static const char *const sql[TR_SQL_STATEMENTS] = {
    [TR_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [TR_SQL_COMMIT] = "COMMIT",
    [TR_SQL_ROLLBACK] = "ROLLBACK",
    [TR_SQL_SAVE] = "SAVEPOINT one",
    [TR_SQL_RELEASE] = "RELEASE one",
    [TR_SQL_BACK] = "ROLLBACK TO one",
    [TR_SQL_NS_FIND] =
        "SELECT number, name, language, version, documents, chunks FROM namespace WHERE name = ?",
    [TR_SQL_NS_ADD] = "INSERT INTO namespace (name, language) VALUES (?, ?)",
    [TR_SQL_NS_COUNT] =
        "UPDATE namespace SET version = version + 1, documents = documents + ?, chunks = chunks + ?"
        " WHERE number = ?",
    [TR_SQL_NS_DROP] = "DELETE FROM namespace WHERE number = ?",
    [TR_SQL_NS_LIST] =
        "SELECT number, name, language, version, documents, chunks,"
        " (SELECT count(*) FROM stale s WHERE s.namespace = n.number) FROM namespace n ORDER BY name",
    [TR_SQL_DOC_FIND] = "SELECT number, hash, title, chunks FROM document WHERE namespace = ? AND id = ?",
    [TR_SQL_DOC_ADD] =
        "INSERT INTO document (namespace, id, title, source, format, agent, conversation, taint, metadata,"
        " changed_ms, chunks, hash, added_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?10)",
    [TR_SQL_DOC_SET] =
        "UPDATE document SET namespace = ?, id = ?, title = ?, source = ?, format = ?, agent = ?,"
        " conversation = ?, taint = ?, metadata = ?, changed_ms = ?, chunks = ?, hash = ? WHERE number = ?",
    [TR_SQL_DOC_DROP] = "DELETE FROM document WHERE number = ?",
    [TR_SQL_DOC_GET] =
        "SELECT " TR_KB_DOCUMENT_COLUMNS ", b.text FROM document d JOIN body b ON b.document = d.number"
        " WHERE d.namespace = ? AND d.id = ?",
    [TR_SQL_BODY_SET] = "INSERT OR REPLACE INTO body VALUES (?, ?)",
    [TR_SQL_BODY_DROP] = "DELETE FROM body WHERE document = ?",
    [TR_SQL_CHUNKS] =
        "SELECT c.number, c.hash, c.heading, substr(b.text, c.offset + 1, c.length) FROM chunk c"
        " JOIN body b ON b.document = c.document WHERE c.document = ? ORDER BY c.place",
    [TR_SQL_CHUNK_ADD] =
        "INSERT INTO chunk (document, place, offset, length, heading, hash) VALUES (?, ?, ?, ?, ?, ?)",
    [TR_SQL_CHUNK_MOVE] = "UPDATE chunk SET place = ?, offset = ? WHERE number = ?",
    [TR_SQL_CHUNK_DROP] = "DELETE FROM chunk WHERE number = ?",
    [TR_SQL_CHUNK_DOC] = "SELECT document FROM chunk WHERE number = ?",
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
    [TR_SQL_PASSAGE] =
        "SELECT " TR_KB_DOCUMENT_COLUMNS ", c.heading, substr(b.text, c.offset + 1, c.length), c.offset,"
        " c.place FROM chunk c JOIN document d ON d.number = c.document JOIN body b ON b.document = d.number"
        " WHERE c.number = ?",
};

/* ---- what all use ---- */

int tr_kb_fail(tr_kb_store_t *self, const char *what, tr_error_t *error) {
    int code = self->db ? sqlite3_errcode(self->db) : SQLITE_NOMEM;
    int rc = code == SQLITE_BUSY || code == SQLITE_LOCKED ? -EBUSY
             : code == SQLITE_FULL                        ? -ENOSPC
             : code == SQLITE_TOOBIG                      ? -EFBIG
             : code == SQLITE_NOMEM                       ? -ENOMEM
                                                          : -EIO;
    return tr_error_set(error, rc, "%s: %s", what,
        rc == -EBUSY                         ? "another process has it"
        : rc == -EIO && code == SQLITE_ERROR ? sqlite3_errmsg(self->db)
                                             : sqlite3_errstr(code));
}

int tr_kb_end(tr_kb_store_t *self, sqlite3_stmt *s, int step, tr_error_t *error) {
    int rc = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : tr_kb_fail(self, "knowledge.db", error);
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
                 ? tr_kb_fail(self, "knowledge.db", error)
                 : 0;
    sqlite3_free(text);
    return rc;
}

int tr_kb_prepare(tr_kb_store_t *self, const char *text, sqlite3_stmt **ret_statement, tr_error_t *error) {
    return sqlite3_prepare_v2(self->db, text, -1, ret_statement, NULL) == SQLITE_OK
               ? 0
               : tr_kb_fail(self, "knowledge.db", error);
}

void tr_kb_bind_text(sqlite3_stmt *s, int at, const char *text) {
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

const char *tr_kb_text_at(sqlite3_stmt *s, int at) {
    return (const char *)sqlite3_column_text(s, at);
}

void tr_kb_read_document(sqlite3_stmt *s, tr_kb_document_t *ret) {
    *ret = (tr_kb_document_t){
        .number = sqlite3_column_int64(s, 0),
        .id = tr_kb_text_at(s, 1),
        .title = tr_kb_text_at(s, 2),
        .source = tr_kb_text_at(s, 3),
        .format = tr_kb_text_at(s, 4),
        .agent = tr_kb_text_at(s, 5),
        .conversation = tr_kb_text_at(s, 6),
        .taint = tr_kb_text_at(s, 7),
        .metadata = tr_kb_text_at(s, 8),
        .added_ms = sqlite3_column_int64(s, 9),
        .changed_ms = sqlite3_column_int64(s, 10),
        .chunks = (size_t)sqlite3_column_int64(s, 11),
    };
}

/* ---- opening ---- */

static int version_of(tr_kb_store_t *self) {
    sqlite3_stmt *s = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(self->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return version;
}

/* The lock is taken with the first write, and kept. */
static int prepare(tr_kb_store_t *self, const char *path, tr_error_t *error) {
    static const char *const ways =
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; BEGIN IMMEDIATE; COMMIT;";
    fts5_api *fts5 = tr_stem_fts5(self->db);
    if (sqlite3_exec(self->db, ways, NULL, NULL, NULL) != SQLITE_OK || !fts5 ||
        tr_stem_register(self->db) != SQLITE_OK || tr_bm25_register(self->db, fts5) != SQLITE_OK)
        return tr_kb_fail(self, path, error);
    int version = version_of(self);
    if (version > SCHEMA)
        return tr_error_set(error, -EPROTO,
            "%s: made by a later version of Troupe (schema %d, this one has %d)", path, version, SCHEMA);
    for (int next = version; next < SCHEMA; next++) {
        int rc = next < 0 ? tr_kb_fail(self, path, error)
                          : tr_kb_execute(self, error, "BEGIN IMMEDIATE; %s COMMIT", steps[next]);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < TR_SQL_STATEMENTS; i++)
        if (sqlite3_prepare_v3(self->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i], NULL) !=
            SQLITE_OK)
            return tr_kb_fail(self, path, error);
    return 0;
}

int tr_kb_store_open(const char *directory, tr_kb_store_t **ret_store, tr_error_t *error) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/knowledge.db", directory) >= sizeof path)
        return tr_error_set(error, -ENAMETOOLONG, "%.100s...: the path is too long", directory);
    int rc = tr_directory_make(directory);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot make the directory %s: %s", directory, strerror(-rc));
    tr_kb_store_t *self = calloc(1, sizeof *self);
    if (!self)
        return tr_error_set(error, -ENOMEM, "out of memory");
    rc = sqlite3_open_v2(path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
             NULL) == SQLITE_OK
             ? prepare(self, path, error)
             : tr_kb_fail(self, path, error);
    if (rc < 0)
        tr_kb_store_close(&self);
    else
        *ret_store = self;
    return rc;
}

void tr_kb_store_close(tr_kb_store_t **self) {
    if (!*self)
        return;
    for (size_t i = 0; i < TR_SQL_STATEMENTS; i++)
        sqlite3_finalize((*self)->statements[i]);
    sqlite3_close((*self)->db);
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

int tr_kb_store_commit(tr_kb_store_t *self, tr_error_t *error) {
    int lost = self->lost;
    self->lost = 0;
    if (lost)
        return tr_error_set(error, lost, "knowledge.db: %s", strerror(-lost));
    if (!self->begun)
        return 0;
    int rc = tr_kb_run(self, self->statements[TR_SQL_COMMIT], error);
    if (rc < 0)
        tr_kb_run(self, self->statements[TR_SQL_ROLLBACK], NULL); /* SQLite may have done so, ignoring */
    self->begun = false;
    return rc;
}

/* ---- namespaces ---- */

static void read_namespace(sqlite3_stmt *s, tr_kb_namespace_t *ret) {
    *ret = (tr_kb_namespace_t){.number = sqlite3_column_int64(s, 0),
        .language = tr_stem_language(tr_kb_text_at(s, 2)),
        .version = (uint64_t)sqlite3_column_int64(s, 3),
        .documents = (uint64_t)sqlite3_column_int64(s, 4),
        .chunks = (uint64_t)sqlite3_column_int64(s, 5)};
    snprintf(ret->name, sizeof ret->name, "%s", tr_kb_text_at(s, 1));
}

int tr_kb_namespace_find(tr_kb_store_t *self, const char *name, tr_kb_namespace_t *ret, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_FIND];
    tr_kb_bind_text(s, 1, name);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        read_namespace(s, ret);
    int rc = tr_kb_end(self, s, step, error);
    return rc < 0               ? rc
           : step == SQLITE_ROW ? 0
                                : tr_error_set(error, -ENOENT, "there is no namespace %s", name);
}

static int add_namespace(
    tr_kb_store_t *self, const char *name, const char *language, tr_kb_namespace_t *ret, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_ADD];
    tr_kb_bind_text(s, 1, name);
    tr_kb_bind_text(s, 2, language ? language : "english");
    int rc = tr_kb_run(self, s, error);
    if (rc == 0)
        rc = tr_kb_namespace_find(self, name, ret, error);
    return rc < 0 ? rc : tr_kb_index_make(self, ret, error);
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

int tr_kb_namespace_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    int rc = tr_kb_index_drop(self, ns, error);
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
    return rc;
}

int tr_kb_namespaces(tr_kb_store_t *self, tr_kb_namespace_fn each, void *arg, tr_error_t *error) {
    sqlite3_stmt *s = self->statements[TR_SQL_NS_LIST];
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        tr_kb_namespace_t ns;
        read_namespace(s, &ns);
        ns.pending = (uint64_t)sqlite3_column_int64(s, 6);
        each(arg, &ns);
    }
    return tr_kb_end(self, s, step, error);
}
