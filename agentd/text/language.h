/*
 * Which language a text is in: Danish, Dutch, English, French, German, Italian, Polish, Portuguese, Spanish
 * or Swedish, by the share of the language's stop words and by how well its letter trigrams predict the text
 * (after Cavnar & Trenkle, "N-gram-based text categorization", 1994, with probabilities in place of ranks). A
 * text in another language or script, a short one, or one that is mostly numbers and identifiers is
 * TR_LANGUAGE_UNKNOWN.
 */
#ifndef TR_TEXT_LANGUAGE_H
#define TR_TEXT_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/text/document.h"

typedef enum {
    TR_LANGUAGE_UNKNOWN = -1,
    TR_LANGUAGE_DA,
    TR_LANGUAGE_DE,
    TR_LANGUAGE_EN,
    TR_LANGUAGE_ES,
    TR_LANGUAGE_FR,
    TR_LANGUAGE_IT,
    TR_LANGUAGE_NL,
    TR_LANGUAGE_PL,
    TR_LANGUAGE_PT,
    TR_LANGUAGE_SV,
    TR_LANGUAGE_COUNT,
} tr_language_t;

typedef struct {
    tr_language_t language;
    double
        confidence; /* 0..1: how far it is ahead of the next; of the best guess where the answer is unknown */
} tr_language_guess_t;

tr_language_guess_t tr_language_identify(const char *text, size_t length);

/* The same over a document's paragraphs, items and headings; code and tables say nothing about it. Looks at
 * 64 KiB at most. */
tr_language_guess_t tr_language_identify_document(const tr_document_t *document);

/* ISO 639-1: "en"; "unknown" where it is not known. */
const char *tr_language_code(tr_language_t language);
tr_language_t tr_language_from_code(const char *code);

/*
 * Whether a word in small letters says nothing about what a text is about ("the"). Of an unknown language: in
 * any that is known here.
 */
bool tr_language_is_stop_word(tr_language_t language, const char *word);

#endif
