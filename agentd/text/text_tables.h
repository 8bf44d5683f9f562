/* The tables that data/generate.py makes of the word lists at build time. Constant; only for the files of
 * this folder. */
#ifndef TR_TEXT_TEXT_TABLES_H
#define TR_TEXT_TEXT_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agentd/text/language.h"

typedef struct {
    const char *word;   /* the table is sorted by it, by byte */
    uint32_t languages; /* a bit for each that has it */
} tr_stop_word_t;

typedef enum {
    TR_GAZETTEER_PLACE,
    TR_GAZETTEER_ORGANISATION,
    TR_GAZETTEER_LICENCE,
    TR_GAZETTEER_GIVEN_NAME,
    TR_GAZETTEER_ORGANISATION_WORD, /* ends an organisation's name: "Foundation" */
    TR_GAZETTEER_LEGAL_FORM,        /* the same, but is left out when names are compared: "Inc." */
} tr_gazetteer_kind_t;

typedef struct {
    const char *key;   /* in small letters; the table is sorted by it */
    const char *name;  /* as it is written */
    const char *shown; /* the name that stands for it and its variants */
    tr_gazetteer_kind_t kind;
    bool is_ambiguous; /* also a common word: does not count at the start of a sentence */
} tr_gazetteer_entry_t;

typedef struct {
    uint64_t code;                   /* three code points of 21 bits; the table is sorted by it */
    uint8_t cost[TR_LANGUAGE_COUNT]; /* -log2 of its probability in each language, in sixteenths of a bit */
} tr_trigram_t;

extern const tr_stop_word_t tr_stop_words[];
extern const size_t tr_stop_word_count;
extern const tr_gazetteer_entry_t tr_gazetteer_entries[];
extern const size_t tr_gazetteer_entry_count;
extern const tr_trigram_t tr_trigrams[];
extern const size_t tr_trigram_count;

#endif
