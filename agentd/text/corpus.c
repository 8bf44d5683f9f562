#include "agentd/text/corpus.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/pairs.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"

#define HEADER       "troupe-corpus 1 "
#define LONGEST_TERM 400

struct tr_corpus {
    tr_vocabulary_t *terms;
    uint32_t *frequencies; /* by the term's number */
    size_t count, capacity;
    uint32_t documents;
};

tr_corpus_t *tr_corpus_new(void) {
    tr_corpus_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->terms = tr_vocabulary_new();
    if (!self->terms)
        tr_corpus_destroy(&self);
    return self;
}

void tr_corpus_destroy(tr_corpus_t **self) {
    if (!self || !*self)
        return;
    tr_vocabulary_destroy(&(*self)->terms);
    free((*self)->frequencies);
    free(*self);
    *self = NULL;
}

uint32_t tr_corpus_documents(const tr_corpus_t *self) {
    return self->documents;
}

uint32_t tr_corpus_frequency(const tr_corpus_t *self, const char *term) {
    uint32_t number = tr_vocabulary_find(self->terms, term, strlen(term));
    return number == TR_VOCABULARY_NONE ? 0 : self->frequencies[number];
}

double tr_corpus_idf(const tr_corpus_t *self, const char *term) {
    double documents = self ? self->documents : 0, frequency = self ? tr_corpus_frequency(self, term) : 0;
    return log((1 + documents) / (1 + frequency)) + 1;
}

/* No term is in more documents than there are, whatever a list says. */
static int count_term(tr_corpus_t *self, const char *term, size_t length, uint32_t by, uint32_t documents) {
    bool is_full = self->count >= TR_CORPUS_MAX_TERMS;
    if (is_full && tr_vocabulary_find(self->terms, term, length) == TR_VOCABULARY_NONE)
        return 0;
    if (tr_array_reserve(&self->frequencies, self->count, &self->capacity, sizeof *self->frequencies) < 0)
        return -ENOMEM;
    uint32_t number = tr_vocabulary_add(self->terms, term, length);
    if (number == TR_VOCABULARY_NONE)
        return -ENOMEM;
    if (number == self->count)
        self->frequencies[self->count++] = 0;
    uint32_t left = documents - self->frequencies[number];
    self->frequencies[number] += by < left ? by : left;
    return 0;
}

int tr_corpus_add(tr_corpus_t *self, const tr_tokens_t *tokens) {
    if (self->documents >= TR_CORPUS_MAX_DOCUMENTS)
        return 0;
    tr_pairs_t pairs;
    int rc = tr_pairs_init(&pairs, tokens);
    for (uint32_t i = 0; rc == 0 && i < tr_vocabulary_count(tokens->stems); i++) {
        const char *stem = tr_vocabulary_string(tokens->stems, i);
        rc = count_term(self, stem, strlen(stem), 1, self->documents + 1);
    }
    for (uint32_t i = 0; rc == 0 && i < pairs.count; i++) {
        const char *key = tr_vocabulary_string(pairs.keys, i);
        if (pairs.items[i].count >= 2)
            rc = count_term(self, key, strlen(key), 1, self->documents + 1);
    }
    tr_pairs_finish(&pairs);
    self->documents += rc == 0;
    return rc;
}

/* Write -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *term;
    uint32_t frequency;
} row_t;

static int compare_rows(const void *a, const void *b) {
    const row_t *x = a, *y = b;
    if (x->frequency != y->frequency)
        return x->frequency < y->frequency ? -1 : 1;
    return strcmp(x->term, y->term);
}

static void write_rows(tr_textbuf_t *out, const row_t *rows, size_t count) {
    char line[64];
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].frequency != rows[i - 1].frequency) {
            snprintf(line, sizeof line, "=%u\n", rows[i].frequency);
            tr_textbuf_add_string(out, line);
        }
        tr_textbuf_add_string(out, rows[i].term);
        tr_textbuf_add(out, "\n", 1);
    }
}

char *tr_corpus_write(const tr_corpus_t *self, size_t *ret_length) {
    row_t *rows = calloc(self->count + 1, sizeof *rows);
    if (!rows)
        return NULL;
    for (uint32_t i = 0; i < self->count; i++)
        rows[i] = (row_t){tr_vocabulary_string(self->terms, i), self->frequencies[i]};
    if (self->count > 1)
        qsort(rows, self->count, sizeof *rows, compare_rows);
    tr_textbuf_t out = {0};
    char header[64];
    snprintf(header, sizeof header, HEADER "%u\n", self->documents);
    tr_textbuf_add_string(&out, header);
    write_rows(&out, rows, self->count);
    free(rows);
    size_t length = out.length;
    char *list = tr_textbuf_take(&out);
    if (list)
        *ret_length = length;
    return list;
}

/* Merge -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *list;
    size_t length, at, line_number;
    const char *line;
    size_t line_length;
} reader_t;

static bool next_line(reader_t *reader) {
    if (reader->at >= reader->length)
        return false;
    reader->line = reader->list + reader->at;
    const char *end = memchr(reader->line, '\n', reader->length - reader->at);
    reader->line_length = end ? (size_t)(end - reader->line) : reader->length - reader->at;
    reader->at += reader->line_length + 1;
    reader->line_number++;
    return true;
}

/* Digits only, 1..most; 0 where it is no such number. */
static uint32_t read_number(const char *text, size_t length, uint32_t most) {
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || value > most)
            return 0;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    return value > most ? 0 : (uint32_t)value;
}

static bool is_term(const char *text, size_t length) {
    if (length == 0 || length > LONGEST_TERM)
        return false;
    for (size_t at = 0; at < length;) {
        uint32_t code;
        size_t size = tr_utf8_decode(text + at, length - at, &code);
        if (size == 0 || code < 0x20 || code == 0x7F)
            return false;
        at += size;
    }
    return true;
}

static int refuse(const reader_t *reader, tr_error_t *error, const char *expected) {
    return tr_error_set(error, -EBADMSG, "corpus list, line %zu: %s expected", reader->line_number, expected);
}

static int read_header(reader_t *reader, uint32_t *ret_documents, tr_error_t *error) {
    size_t prefix = strlen(HEADER);
    if (!next_line(reader) || reader->line_length <= prefix || memcmp(reader->line, HEADER, prefix) != 0)
        return refuse(reader, error, "\"" HEADER "DOCUMENTS\"");
    const char *number = reader->line + prefix;
    size_t digits = reader->line_length - prefix;
    *ret_documents = read_number(number, digits, TR_CORPUS_MAX_DOCUMENTS);
    if (*ret_documents == 0 && !(digits == 1 && *number == '0'))
        return refuse(reader, error, "a number of documents");
    return 0;
}

/* Reads the list twice: first to see that all of it is right, then to count; so a bad one changes nothing. */
static int read_terms(
    tr_corpus_t *self, reader_t reader, uint32_t documents, bool is_dry, tr_error_t *error) {
    uint32_t frequency = 0;
    size_t terms = 0;
    while (next_line(&reader)) {
        if (reader.line_length > 0 && reader.line[0] == '=') {
            frequency = read_number(reader.line + 1, reader.line_length - 1, documents);
            if (frequency == 0)
                return refuse(
                    &reader, error, "\"=\" and a number of documents within that of the first line");
            continue;
        }
        if (frequency == 0 || !is_term(reader.line, reader.line_length))
            return refuse(&reader, error, "a term after its frequency");
        if (++terms > TR_CORPUS_MAX_TERMS)
            return tr_error_set(error, -E2BIG, "corpus list: more than %zu terms", TR_CORPUS_MAX_TERMS);
        if (!is_dry &&
            count_term(self, reader.line, reader.line_length, frequency, self->documents + documents) < 0)
            return tr_error_set(error, -ENOMEM, "corpus list: out of memory");
    }
    return 0;
}

int tr_corpus_merge(tr_corpus_t *self, const char *list, size_t length, tr_error_t *error) {
    reader_t reader = {.list = list, .length = length};
    uint32_t documents = 0;
    int rc = read_header(&reader, &documents, error);
    if (rc == 0 && documents > TR_CORPUS_MAX_DOCUMENTS - self->documents)
        rc = tr_error_set(error, -E2BIG, "corpus list: more than %u documents", TR_CORPUS_MAX_DOCUMENTS);
    if (rc == 0)
        rc = read_terms(self, reader, documents, true, error);
    if (rc == 0)
        rc = read_terms(self, reader, documents, false, error);
    self->documents += rc == 0 ? documents : 0;
    return rc;
}
