/* Where the rules put what they find. Only for the files entit*.c. */
#ifndef TR_TEXT_ENTITY_COLLECTOR_H
#define TR_TEXT_ENTITY_COLLECTOR_H

#include <stdbool.h>

#include "agentd/text/entities.h"
#include "lib/text/vocabulary.h"

typedef struct {
    const tr_tokens_t *tokens;
    tr_entity_t *items;
    size_t count, capacity;
    tr_vocabulary_t
        *keys; /* "KIND KEY"; `by_key` has the index of the item, so that several keys may name one */
    uint32_t *by_key;
    size_t by_key_capacity;
    bool *is_taken; /* by word: it belongs to an entity already */
} tr_collector_t;

/* A stretch of the document's text that names something. */
typedef struct {
    tr_entity_kind_t kind;
    size_t offset, length;
    const char *shown; /* what stands for it; NULL: the stretch itself */
    const char *key;   /* what it is compared by; NULL: `shown` in small letters */
} tr_mention_t;

/* Counts a mention and takes the words within it. Returns the index of its entity (`count` where no more are
 * taken in), or -ENOMEM. */
int tr_collector_add(tr_collector_t *self, const tr_mention_t *mention);

/* From now on the key names the entity as well ("fsf"). Returns 0 or -ENOMEM. */
int tr_collector_alias(tr_collector_t *self, tr_entity_kind_t kind, const char *key, size_t index);

/* The rules; each returns 0 or -ENOMEM. They are run in this order, and what one has taken the next leave
 * alone. */
int tr_entities_addresses(tr_collector_t *collector);
int tr_entities_dates(tr_collector_t *collector);
int tr_entities_money(tr_collector_t *collector);
int tr_entities_names(tr_collector_t *collector);
int tr_entities_short_forms(tr_collector_t *collector);

#endif
