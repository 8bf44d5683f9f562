/*
 * BM25 as a function of FTS5, with a weight for each word of the query:
 *
 *     bm25w(TABLE, weight of the first column, weights, mean length)
 *
 * `weights` is a blob of floats, one for each phrase of the MATCH in its order: its inverse document frequency, times what it counts. FTS5's own
 * bm25() weighs all words alike and reads all their postings once more to count them, which we know already. k1 is 1.5, b .75; other columns
 * than the first count 1. The higher the better. The mean length of the rows is the table's where it is given as 0: of a table that is a part of more, it is
 * that of all. bm25t(TABLE) is how many words all rows have together.
 */
#ifndef TR_KBD_BM25_H
#define TR_KBD_BM25_H

#include <sqlite3.h>

/* Makes it known to a connection. An SQLite code. */
int tr_bm25_register(sqlite3 *db, fts5_api *api);
/* How rare a word is that `chunks` of `all` have. */
double tr_bm25_rarity(double chunks, double all);

#endif
