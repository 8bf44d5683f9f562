/*
 * The tokenizer of the full-text indexes: SQLite's unicode61 (words in small letters without accents), then Snowball's stems of a
 * language. In a schema: tokenize = 'stem english', or 'stem none' for words as they are.
 *
 * One connection, its thread.
 */
#ifndef TR_KBD_STEM_H
#define TR_KBD_STEM_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes it known to a connection. An SQLite code. */
int tr_stem_register(sqlite3 *db);

/* FTS5's own interface of a connection; NULL where it has none. */
fts5_api *tr_stem_fts5(sqlite3 *db);

/* The name that Snowball has for a language: from itself or its ISO code ("de"), "none" for "none"; NULL where it is not known. */
const char *tr_stem_language(const char *word);

/* Each word of a text, as the index has it (`stem`, not NUL-terminated) and where it is in the text. False ends it. */
typedef bool (*tr_stem_word_fn)(void *arg, const char *stem, size_t stem_length, size_t from, size_t to);
/* 0, -ENOMEM, -EIO. */
int tr_stem_words(
    sqlite3 *db, const char *language, const char *text, size_t length, tr_stem_word_fn word, void *arg);

#endif
