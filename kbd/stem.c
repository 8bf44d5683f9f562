#include "kbd/stem.h"

#include <errno.h>
#include <libstemmer.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *code, *name;
} languages[] = {
    {"none", "none"},
    {"ar", "arabic"},
    {"ca", "catalan"},
    {"da", "danish"},
    {"de", "german"},
    {"el", "greek"},
    {"en", "english"},
    {"es", "spanish"},
    {"fi", "finnish"},
    {"fr", "french"},
    {"ga", "irish"},
    {"hi", "hindi"},
    {"hu", "hungarian"},
    {"id", "indonesian"},
    {"it", "italian"},
    {"lt", "lithuanian"},
    {"nl", "dutch"},
    {"no", "norwegian"},
    {"pt", "portuguese"},
    {"ro", "romanian"},
    {"ru", "russian"},
    {"sr", "serbian"},
    {"sv", "swedish"},
    {"tr", "turkish"},
};

const char *tr_stem_language(const char *word) {
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        if (strcasecmp(word, languages[i].code) == 0 || strcasecmp(word, languages[i].name) == 0)
            return languages[i].name;
    return NULL;
}

/* ---- the tokenizer ---- */

typedef struct stem {
    fts5_tokenizer inner;
    Fts5Tokenizer *words;
    struct sb_stemmer *stemmer; /* NULL = words as they are */
} stem_t;

static void delete_stem(Fts5Tokenizer *tokenizer) {
    stem_t *self = (stem_t *)tokenizer;
    if (self->words)
        self->inner.xDelete(self->words);
    if (self->stemmer)
        sb_stemmer_delete(self->stemmer);
    free(self);
}

static int create_stem(void *context, const char **arguments, int count, Fts5Tokenizer **ret_tokenizer) {
    static const char *inner_arguments[] = {"remove_diacritics", "2"};
    fts5_api *api = context;
    void *inner_context = NULL;
    const char *language = count > 0 ? tr_stem_language(arguments[0]) : "none";
    stem_t *self = calloc(1, sizeof *self);
    if (!self)
        return SQLITE_NOMEM;
    int rc = language ? api->xFindTokenizer(api, "unicode61", &inner_context, &self->inner) : SQLITE_ERROR;
    if (rc == SQLITE_OK)
        rc = self->inner.xCreate(inner_context, inner_arguments, 2, &self->words);
    if (rc == SQLITE_OK && strcmp(language, "none") != 0) {
        self->stemmer = sb_stemmer_new(language, NULL);
        rc = self->stemmer ? SQLITE_OK : SQLITE_NOMEM;
    }
    if (rc != SQLITE_OK)
        delete_stem((Fts5Tokenizer *)self);
    else
        *ret_tokenizer = (Fts5Tokenizer *)self;
    return rc;
}

typedef int (*token_fn)(void *arg, int flags, const char *token, int length, int from, int to);

typedef struct relay {
    const stem_t *stem;
    token_fn token;
    void *arg;
} relay_t;

static int relay_token(void *arg, int flags, const char *token, int length, int from, int to) {
    const relay_t *relay = arg;
    struct sb_stemmer *stemmer = relay->stem->stemmer;
    const sb_symbol *stem = stemmer ? sb_stemmer_stem(stemmer, (const sb_symbol *)token, length) : NULL;
    if (!stem)
        return relay->token(relay->arg, flags, token, length, from, to);
    return relay->token(relay->arg, flags, (const char *)stem, sb_stemmer_length(stemmer), from, to);
}

static int tokenize(
    Fts5Tokenizer *tokenizer, void *arg, int flags, const char *text, int length, token_fn token) {
    stem_t *self = (stem_t *)tokenizer;
    relay_t relay = {self, token, arg};
    return self->inner.xTokenize(self->words, &relay, flags, text, length, relay_token);
}

fts5_api *tr_stem_fts5(sqlite3 *db) {
    fts5_api *api = NULL;
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &s, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL);
        sqlite3_step(s);
    }
    sqlite3_finalize(s);
    return api;
}

int tr_stem_register(sqlite3 *db) {
    fts5_tokenizer tokenizer = {create_stem, delete_stem, tokenize};
    fts5_api *api = tr_stem_fts5(db);
    return api ? api->xCreateTokenizer(api, "stem", api, &tokenizer, NULL) : SQLITE_ERROR;
}

/* ---- words of a text ---- */

typedef struct listener {
    tr_stem_word_fn word;
    void *arg;
} listener_t;

static int hear(void *arg, int flags, const char *token, int length, int from, int to) {
    const listener_t *l = arg;
    (void)flags;
    return l->word(l->arg, token, (size_t)length, (size_t)from, (size_t)to) ? SQLITE_OK : SQLITE_DONE;
}

int tr_stem_words(
    sqlite3 *db, const char *language, const char *text, size_t length, tr_stem_word_fn word, void *arg) {
    listener_t listener = {word, arg};
    Fts5Tokenizer *tokenizer = NULL;
    fts5_api *api = tr_stem_fts5(db);
    int rc = api && length <= INT_MAX ? create_stem(api, &language, 1, &tokenizer) : SQLITE_ERROR;
    if (rc == SQLITE_OK) {
        rc = tokenize(tokenizer, &listener, FTS5_TOKENIZE_QUERY, text, (int)length, hear);
        delete_stem(tokenizer);
    }
    return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : rc == SQLITE_NOMEM ? -ENOMEM : -EIO;
}
