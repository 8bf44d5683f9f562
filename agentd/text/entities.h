/*
 * Named entities by rule and gazetteer: who, where, when and how much a document speaks of.
 *
 * Places, organisations and licences come from lists and from the words that end such names
 * ("... Foundation", "... GmbH"); persons from given names and titles; dates (and days and times, as "next Friday", "3 pm"), money, mail and
 * web addresses from their form. Variants are one entity: "Free Software Foundation, Inc.", "the Free Software Foundation" and
 * "FSF"; "29 June 2007" and "June 29, 2007"; "Richard Stallman" and a later "Stallman". What no rule knows is
 * left out: better a name too few than a wrong one.
 */
#ifndef TR_TEXT_ENTITIES_H
#define TR_TEXT_ENTITIES_H

#include <stddef.h>
#include <stdint.h>

#include "agentd/text/tokens.h"

typedef enum {
    TR_ENTITY_PERSON,
    TR_ENTITY_ORGANISATION,
    TR_ENTITY_PLACE,
    TR_ENTITY_LICENCE,
    TR_ENTITY_DATE,
    TR_ENTITY_MONEY,
    TR_ENTITY_EMAIL,
    TR_ENTITY_URL,
    TR_ENTITY_KINDS,
} tr_entity_kind_t;

typedef struct tr_entity {
    tr_entity_kind_t kind;
    char *text;            /* the name that stands for all its variants */
    char *key;             /* the same for all its variants, in each document */
    uint32_t count;        /* mentions */
    size_t offset, length; /* the first mention, in the document's text */
} tr_entity_t;

typedef struct tr_entities {
    tr_entity_t *items; /* most mentioned first; then by first mention */
    size_t count;
} tr_entities_t;

/* The `most` most mentioned ones. Returns 0 or -ENOMEM. */
int tr_entities_find(const tr_tokens_t *tokens, size_t most, tr_entities_t *ret_entities);
void tr_entities_finish(tr_entities_t *self);

const char *tr_entity_kind_name(tr_entity_kind_t kind);

#endif
