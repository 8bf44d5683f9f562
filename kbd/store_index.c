/*
 * The full-text index: one FTS5 table for each namespace, so that what is common in one does not count in another, and a small one is as
 * fast as if it were alone; an empty one has none, for it would cost 17 KB on the disk and 43 KB of memory. The tables hold no texts ("contentless"): those are in the documents.
 */
#include "kbd/store_private.h"

#include "kbd/stem.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tr_kb_index_exists(const tr_kb_store_t *self, const tr_kb_namespace_t *ns) {
    char name[32];
    snprintf(name, sizeof name, "words_%lld", (long long)ns->number);
    return sqlite3_table_column_metadata(self->db, "main", name, NULL, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

int tr_kb_index_need(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    return tr_kb_index_exists(self, ns)
               ? 0
               : tr_kb_execute(self, error,
                     "CREATE VIRTUAL TABLE words_%lld USING fts5(heading, text, content='', tokenize='stem "
                     "%s');"
                     "CREATE VIRTUAL TABLE vocabulary_%lld USING fts5vocab(words_%lld, row)",
                     n, ns->language, n, n);
}

int tr_kb_index_drop(tr_kb_store_t *self, const tr_kb_namespace_t *ns, tr_error_t *error) {
    long long n = ns->number;
    return tr_kb_execute(
        self, error, "DROP TABLE IF EXISTS vocabulary_%lld; DROP TABLE IF EXISTS words_%lld", n, n);
}

/* Of namespaces that are empty; at most so many. */
static size_t find_idle(tr_kb_store_t *self, int64_t *ret_numbers, size_t most) {
    sqlite3_stmt *s = NULL;
    size_t n = 0;
    if (tr_kb_prepare(self,
            "SELECT n.number FROM sqlite_schema t CROSS JOIN namespace n ON n.number = CAST(substr(t.name, "
            "7) "
            "AS INTEGER) WHERE t.name GLOB 'words_[0-9]*' AND t.name = 'words_' || n.number AND n.chunks = 0",
            &s, NULL) == 0)
        while (n < most && sqlite3_step(s) == SQLITE_ROW)
            ret_numbers[n++] = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

void tr_kb_index_tidy(tr_kb_store_t *self) {
    int64_t numbers[256];
    size_t n;
    int rc = 0;
    while (rc == 0 && (n = find_idle(self, numbers, sizeof numbers / sizeof *numbers)) > 0) {
        rc = tr_kb_store_begin(self, NULL);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = tr_kb_index_drop(self, &(tr_kb_namespace_t){.number = numbers[i]}, NULL);
        if (tr_kb_store_commit(self, NULL) < 0)
            rc = -EIO;
    }
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
