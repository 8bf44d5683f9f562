#include "agentd/text/entities.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/entity_collector.h"
#include "lib/text/textbuf.h"
#include "lib/text/utf8.h"

#define KEY_SIZE      512
#define MOST_DISTINCT 20000 /* a list of addresses must not fill the memory; more than any reader wants */

const char *tr_entity_kind_name(tr_entity_kind_t kind) {
    static const char *const names[TR_ENTITY_KINDS] = {
        "person", "organisation", "place", "licence", "date", "money", "email", "url"};
    return kind < TR_ENTITY_KINDS ? names[kind] : "unknown";
}

/* Marks the words that lie within a mention. The first one is found by bisection: words are in the order of
 * the text. */
static void take_words(tr_collector_t *self, size_t offset, size_t length) {
    const tr_word_t *words = self->tokens->words;
    size_t low = 0, high = self->tokens->word_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (words[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < self->tokens->word_count && words[low].offset < offset + length; low++)
        self->is_taken[low] = true;
}

static int number_of_key(tr_collector_t *self, tr_entity_kind_t kind, const char *key, size_t new_index) {
    char full[KEY_SIZE + 8];
    int length = snprintf(full, sizeof full, "%d %s", (int)kind, key);
    size_t known = tr_vocabulary_count(self->keys);
    if (tr_array_reserve(&self->by_key, known, &self->by_key_capacity, sizeof *self->by_key) < 0)
        return -ENOMEM;
    uint32_t number =
        tr_vocabulary_add(self->keys, full, (size_t)length < sizeof full ? (size_t)length : sizeof full - 1);
    if (number == TR_VOCABULARY_NONE)
        return -ENOMEM;
    if (number == known)
        self->by_key[number] = (uint32_t)new_index;
    return (int)self->by_key[number];
}

int tr_collector_alias(tr_collector_t *self, tr_entity_kind_t kind, const char *key, size_t index) {
    int found = number_of_key(self, kind, key, index);
    return found < 0 ? found : 0;
}

/* White space within a mention is single blanks already; only its bytes are copied. */
static int fill_item(tr_collector_t *self, const tr_mention_t *mention, const char *key) {
    if (tr_array_reserve(&self->items, self->count, &self->capacity, sizeof *self->items) < 0)
        return -ENOMEM;
    tr_entity_t item = {
        .kind = mention->kind, .count = 1, .offset = mention->offset, .length = mention->length};
    item.text = mention->shown ? strdup(mention->shown)
                               : strndup(self->tokens->document->text + mention->offset, mention->length);
    item.key = strdup(key);
    if (!item.text || !item.key) {
        free(item.text);
        free(item.key);
        return -ENOMEM;
    }
    self->items[self->count++] = item;
    return 0;
}

int tr_collector_add(tr_collector_t *self, const tr_mention_t *mention) {
    char key[KEY_SIZE];
    const char *text = mention->shown ? mention->shown : self->tokens->document->text + mention->offset;
    if (mention->key)
        snprintf(key, sizeof key, "%s", mention->key);
    else
        tr_utf8_lower_copy(text, mention->shown ? strlen(mention->shown) : mention->length, key, sizeof key);
    take_words(self, mention->offset, mention->length);
    if (self->count >= MOST_DISTINCT)
        return (int)self->count; /* no entity's index */
    int index = number_of_key(self, mention->kind, key, self->count);
    if (index < 0)
        return index;
    if ((size_t)index == self->count)
        return fill_item(self, mention, key) < 0 ? -ENOMEM : index;
    self->items[index].count++;
    if (mention->offset < self->items[index].offset) {
        self->items[index].offset = mention->offset;
        self->items[index].length = mention->length;
    }
    return index;
}

static int compare_items(const void *a, const void *b) {
    const tr_entity_t *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return strcmp(x->key, y->key);
}

static int collect(tr_collector_t *collector) {
    static int (*const rules[])(tr_collector_t *) = {tr_entities_addresses, tr_entities_dates,
        tr_entities_money, tr_entities_names, tr_entities_short_forms};
    collector->keys = tr_vocabulary_new();
    collector->is_taken = calloc(collector->tokens->word_count + 1, sizeof *collector->is_taken);
    if (!collector->keys || !collector->is_taken)
        return -ENOMEM;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof rules / sizeof rules[0]; i++)
        rc = rules[i](collector);
    return rc;
}

static void drop(tr_entity_t *items, size_t from, size_t count) {
    for (size_t i = from; i < count; i++) {
        free(items[i].text);
        free(items[i].key);
    }
}

int tr_entities_find(const tr_tokens_t *tokens, size_t most, tr_entities_t *ret_entities) {
    tr_collector_t collector = {.tokens = tokens};
    int rc = collect(&collector);
    tr_vocabulary_destroy(&collector.keys);
    free(collector.by_key);
    free(collector.is_taken);
    if (rc < 0) {
        drop(collector.items, 0, collector.count);
        free(collector.items);
        return rc;
    }
    if (collector.count > 1)
        qsort(collector.items, collector.count, sizeof *collector.items, compare_items);
    size_t kept = collector.count < most ? collector.count : most;
    drop(collector.items, kept, collector.count);
    *ret_entities = (tr_entities_t){collector.items, kept};
    return 0;
}

void tr_entities_finish(tr_entities_t *self) {
    drop(self->items, 0, self->count);
    free(self->items);
    *self = (tr_entities_t){0};
}
