#include "kbd/bm25.h"

#include <math.h>
#include <string.h>

#define K1        1.5
#define B         .75
#define WORDS_MAX 128

double tr_bm25_rarity(double chunks, double all) {
    return log(1 + (all - chunks + .5) / (chunks + .5));
}

static sqlite3_int64 total_length(const Fts5ExtensionApi *api, Fts5Context *fts) {
    sqlite3_int64 tokens = 0;
    api->xColumnTotalSize(fts, -1, &tokens);
    return tokens;
}

/* The mean length of the rows, found once a query. */
typedef struct lengths {
    double mean;
} lengths_t;

static double mean_length(const Fts5ExtensionApi *api, Fts5Context *fts) {
    lengths_t *known = api->xGetAuxdata(fts, 0);
    if (known)
        return known->mean;
    sqlite3_int64 tokens = total_length(api, fts), rows = 0;
    api->xRowCount(fts, &rows);
    double mean = rows > 0 && tokens > 0 ? (double)tokens / (double)rows : 1;
    known = sqlite3_malloc(sizeof *known);
    if (known) {
        known->mean = mean;
        api->xSetAuxdata(fts, known, sqlite3_free); /* without it the mean is found again, ignoring */
    }
    return mean;
}

/* How often each phrase is in the row. An SQLite code. */
static int count_phrases(const Fts5ExtensionApi *api, Fts5Context *fts, double first_weight, int phrases,
    double counts[WORDS_MAX]) {
    int n = 0, rc = api->xInstCount(fts, &n);
    memset(counts, 0, WORDS_MAX * sizeof *counts);
    for (int i = 0; i < n && rc == SQLITE_OK; i++) {
        int phrase = 0, column = 0, offset = 0;
        rc = api->xInst(fts, i, &phrase, &column, &offset);
        if (rc == SQLITE_OK && phrase < phrases)
            counts[phrase] += column == 0 ? first_weight : 1;
    }
    return rc;
}

static void bm25w(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count,
    sqlite3_value **values) {
    double counts[WORDS_MAX], score = 0;
    int length = 0, phrases = count == 3 ? sqlite3_value_bytes(values[1]) / (int)sizeof(float) : 0;
    const float *weights = phrases ? sqlite3_value_blob(values[1]) : NULL;
    phrases = phrases > WORDS_MAX ? WORDS_MAX : phrases;
    int rc = weights ? api->xColumnSize(fts, -1, &length) : SQLITE_MISUSE;
    if (rc == SQLITE_OK)
        rc = count_phrases(api, fts, sqlite3_value_double(values[0]), phrases, counts);
    if (rc != SQLITE_OK) {
        sqlite3_result_error_code(context, rc);
        return;
    }
    double mean = sqlite3_value_double(values[2]);
    double norm = K1 * (1 - B + B * (double)length / (mean > 0 ? mean : mean_length(api, fts)));
    for (int i = 0; i < phrases; i++)
        score += (double)weights[i] * counts[i] * (K1 + 1) / (counts[i] + norm);
    sqlite3_result_double(context, score);
}

static void bm25t(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count,
    sqlite3_value **values) {
    (void)count, (void)values;
    sqlite3_result_int64(context, total_length(api, fts));
}

int tr_bm25_register(sqlite3 *db, fts5_api *api) {
    int rc = sqlite3_overload_function(db, "bm25w", -1); /* so that it has a name outside of FTS5 */
    if (rc == SQLITE_OK)
        rc = sqlite3_overload_function(db, "bm25t", -1);
    if (rc == SQLITE_OK)
        rc = api->xCreateFunction(api, "bm25w", NULL, bm25w, NULL);
    return rc != SQLITE_OK ? rc : api->xCreateFunction(api, "bm25t", NULL, bm25t, NULL);
}
