/* A filter as it comes in a message: refused with a reason, or a condition that SQLite takes, with a parameter for each of its values. */
#include "kbd/filter.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* The table that conditions speak of. */
static sqlite3 *open_table(void) {
    sqlite3 *db = NULL;
    PROMISE(sqlite3_open(":memory:", &db) == SQLITE_OK);
    PROMISE(sqlite3_exec(db,
                "CREATE TABLE document (number INTEGER PRIMARY KEY, namespace, id, title, source, format, "
                "agent, conversation, "
                "taint, metadata, added_ms, changed_ms);"
                "INSERT INTO document VALUES (1, 1, 'a', 't', NULL, 'text', 'x@y', NULL, NULL, '{\"year\": "
                "1990, \"tags\": [\"a\", 2]}', 5, 6)",
                NULL, NULL, NULL) == SQLITE_OK);
    return db;
}

static void run(const tr_filter_t *filter) {
    static sqlite3 *db; /* made once: the fuzzer calls a million times */
    sqlite3_stmt *s = NULL;
    db = db ? db : open_table();
    char *sql = sqlite3_mprintf("SELECT 1 FROM document d WHERE %s", tr_filter_sql(filter));
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc != SQLITE_OK)
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    PROMISE(rc == SQLITE_OK);
    PROMISE(sqlite3_bind_parameter_count(s) == (int)filter->count);
    tr_filter_bind(filter, s, 1);
    rc = sqlite3_step(s);
    PROMISE(rc == SQLITE_ROW || rc == SQLITE_DONE);
    sqlite3_finalize(s);
    sqlite3_free(sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_content_t content;
    tr_filter_t filter = {0};
    tr_error_t error = {0};
    if (tr_content_init(&content, data, size) < 0)
        return 0;
    int rc = tr_filter_compile(&content.root, &filter, &error);
    PROMISE(rc == 0 || rc == -EINVAL);
    PROMISE(rc == 0 || *error.text);
    PROMISE(filter.count <= TR_FILTER_VALUES_MAX);
    if (rc == 0)
        run(&filter);
    tr_filter_finish(&filter);
    tr_content_finish(&content);
    return 0;
}
