/*
 * The full-text index: one FTS5 table for each namespace, so that what is common in one does not count in another, and a small one is as
 * fast as if it were alone. The tables hold no texts ("contentless"): those are in the documents.
 */
#include "kbd/store_private.h"

#include "kbd/stem.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tr_kb_index_make(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    return tr_kb_execute(self, error,
        "CREATE VIRTUAL TABLE words_%lld USING fts5(heading, text, content='', tokenize='stem %s');"
        "CREATE VIRTUAL TABLE vocabulary_%lld USING fts5vocab(words_%lld, row)",
        n, ns->language, n, n);
}

int tr_kb_index_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    return tr_kb_execute(self, error, "DROP TABLE vocabulary_%lld; DROP TABLE words_%lld", n, n);
}

/* "title\nheading", to be freed; NULL when out of memory. */
static char *head_of(const tr_kb_indexed_t *indexed) {
    return sqlite3_mprintf("%s\n%s", indexed->title, indexed->heading ? indexed->heading : "");
}

int tr_kb_index_write(tr_kb_store_t *self, const tr_kb_namespace_t *ns, const tr_kb_indexed_t *indexed,
    bool remove, tr_error_t *error) {
    long long n = ns->number;
    sqlite3_stmt *s = NULL;
    char sql[160], *head = head_of(indexed);
    if (remove)
        snprintf(sql, sizeof sql,
            "INSERT INTO words_%lld (words_%lld, rowid, heading, text) VALUES ('delete', ?, ?, ?)", n, n);
    else
        snprintf(sql, sizeof sql, "INSERT INTO words_%lld (rowid, heading, text) VALUES (?, ?, ?)", n);
    int rc = head ? tr_kb_prepare(self, sql, &s, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, indexed->chunk);
        tr_sqlite_bind_text(s, 2, head);
        sqlite3_bind_text64(s, 3, indexed->text, indexed->text_len, SQLITE_STATIC, SQLITE_UTF8);
        rc = tr_kb_run(self, s, error);
    }
    sqlite3_finalize(s);
    sqlite3_free(head);
    return rc;
}
