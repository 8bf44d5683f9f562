#include "agentd/text/overview.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/text/overview_sentences.h"
#include "lib/text/textbuf.h"

#define MOST 1000

static size_t limit_of(size_t wanted, size_t usual) {
    return wanted == 0 ? usual : wanted < MOST ? wanted : MOST;
}

/* Shared terms and entities ------------------------------------------------------------------------------ */

/* One term or entity of one digest. */
typedef struct {
    uint32_t group, document, count;
    double score;
    const char *text;
    const tr_entity_t *entity; /* NULL: it is a term */
} mention_t;

typedef struct {
    tr_vocabulary_t *keys; /* a key's number is its group */
    mention_t *mentions;
    size_t count, capacity;
} mentions_t;

static int add_mention(mentions_t *self, const char *key, mention_t mention) {
    mention.group = tr_vocabulary_add(self->keys, key, strlen(key));
    if (mention.group == TR_VOCABULARY_NONE)
        return strlen(key) > 60000 ? 0 : -ENOMEM; /* no honest digest has such a key, ignoring */
    if (tr_array_reserve(&self->mentions, self->count, &self->capacity, sizeof *self->mentions) < 0)
        return -ENOMEM;
    self->mentions[self->count++] = mention;
    return 0;
}

static int compare_mentions(const void *a, const void *b) {
    const mention_t *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->document > y->document) - (x->document < y->document);
}

static int compare_shared(const void *a, const void *b) {
    const tr_shared_t *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* The mentions of one group, which are sorted by document. The name is that of the document that mentions it
 * most often. */
static int make_shared(const mention_t *mentions, size_t count, tr_shared_t *shared) {
    const mention_t *best = &mentions[0];
    double sum = 0;
    *shared = (tr_shared_t){.documents = calloc(count, sizeof *shared->documents)};
    if (!shared->documents)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        sum += mentions[i].score;
        shared->count += mentions[i].count;
        best = mentions[i].count > best->count ? &mentions[i] : best;
        if (i == 0 || mentions[i].document != mentions[i - 1].document)
            shared->documents[shared->document_count++] = mentions[i].document;
    }
    shared->score = (double)shared->document_count * sum;
    shared->is_entity = best->entity != NULL;
    shared->kind = best->entity ? best->entity->kind : TR_ENTITY_PERSON;
    shared->text = strdup(best->text);
    return shared->text ? 0 : -ENOMEM;
}

static void finish_shared(tr_shared_t *items, size_t from, size_t count) {
    for (size_t i = from; i < count; i++) {
        free(items[i].text);
        free(items[i].documents);
    }
}

/* Of all groups, those that at least two documents have; the best `most` of them. */
static int share(mentions_t *mentions, size_t most, tr_shared_t **ret_items, size_t *ret_count) {
    tr_shared_t *items = NULL;
    size_t count = 0, capacity = 0;
    int rc = 0;
    if (mentions->count > 1)
        qsort(mentions->mentions, mentions->count, sizeof *mentions->mentions, compare_mentions);
    for (size_t first = 0, end; rc == 0 && first < mentions->count; first = end) {
        const mention_t *group = &mentions->mentions[first];
        for (end = first + 1; end < mentions->count && mentions->mentions[end].group == group->group;)
            end++;
        if (mentions->mentions[end - 1].document == group->document)
            continue;
        rc = tr_array_reserve(&items, count, &capacity, sizeof *items);
        if (rc == 0)
            rc = make_shared(group, end - first, &items[count++]);
    }
    if (count > 1)
        qsort(items, rc == 0 ? count : 0, sizeof *items, compare_shared);
    size_t kept = rc < 0 ? 0 : count < most ? count : most;
    if (count > 0)
        finish_shared(items, kept, count);
    double top = kept > 0 ? items[0].score : 1;
    for (size_t i = 0; i < kept; i++)
        items[i].score /= top;
    *ret_items = items;
    *ret_count = kept;
    return rc;
}

static int share_terms(tr_overview_t *self, const tr_digest_t *const *digests, size_t count, size_t most) {
    mentions_t mentions = {.keys = tr_vocabulary_new()};
    int rc = mentions.keys ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        for (size_t k = 0; digests[i] && rc == 0 && k < digests[i]->term_count; k++) {
            const tr_term_t *term = &digests[i]->terms[k];
            rc = add_mention(&mentions, term->key,
                (mention_t){0, (uint32_t)i, term->count, term->score, term->text, NULL});
        }
    if (rc == 0)
        rc = share(&mentions, most, &self->terms, &self->term_count);
    tr_vocabulary_destroy(&mentions.keys);
    free(mentions.mentions);
    return rc;
}

/* The kind is the first byte of an entity's key here, so that a group has one kind. */
static int add_entity(mentions_t *mentions, const tr_entity_t *entity, uint32_t document) {
    tr_textbuf_t key = {0};
    tr_textbuf_add_code(&key, 'a' + (unsigned)entity->kind);
    tr_textbuf_add_string(&key, entity->key);
    int rc = key.failed ? -ENOMEM
                        : add_mention(mentions, key.bytes,
                              (mention_t){0, document, entity->count, 1, entity->text, entity});
    tr_textbuf_finish(&key);
    return rc;
}

static int share_entities(tr_overview_t *self, const tr_digest_t *const *digests, size_t count, size_t most) {
    mentions_t mentions = {.keys = tr_vocabulary_new()};
    int rc = mentions.keys ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        for (size_t k = 0; digests[i] && rc == 0 && k < digests[i]->entity_count; k++)
            rc = add_entity(&mentions, &digests[i]->entities[k], (uint32_t)i);
    if (rc == 0)
        rc = share(&mentions, most, &self->entities, &self->entity_count);
    tr_vocabulary_destroy(&mentions.keys);
    free(mentions.mentions);
    return rc;
}

/* Languages ---------------------------------------------------------------------------------------------- */

static int compare_languages(const void *a, const void *b) {
    const tr_overview_language_t *x = a, *y = b;
    if (x->documents != y->documents)
        return x->documents > y->documents ? -1 : 1;
    return strcmp(x->code, y->code);
}

static int count_language(tr_overview_t *self, const char *code, size_t *capacity) {
    for (size_t i = 0; i < self->language_count; i++)
        if (strcmp(self->languages[i].code, code) == 0) {
            self->languages[i].documents++;
            return 0;
        }
    if (tr_array_reserve(&self->languages, self->language_count, capacity, sizeof *self->languages) < 0)
        return -ENOMEM;
    char *copy = strdup(code);
    if (!copy)
        return -ENOMEM;
    self->languages[self->language_count++] = (tr_overview_language_t){copy, 1};
    return 0;
}

static int add_up(tr_overview_t *self, const tr_digest_t *const *digests, size_t count) {
    size_t capacity = 0;
    for (size_t i = 0; i < count; i++) {
        if (!digests[i])
            continue;
        self->documents++;
        self->bytes += digests[i]->bytes;
        self->words += digests[i]->words;
        self->sentences += digests[i]->sentences;
        if (count_language(self, digests[i]->language, &capacity) < 0)
            return -ENOMEM;
    }
    if (self->language_count > 1)
        qsort(self->languages, self->language_count, sizeof *self->languages, compare_languages);
    return 0;
}

/* Whole -------------------------------------------------------------------------------------------------- */

int tr_overview_new(const tr_digest_t *const *digests, size_t count, const tr_overview_limits_t *limits,
    tr_overview_t **ret_overview) {
    static const tr_overview_limits_t usual = {0};
    if (count >= UINT32_MAX)
        return -E2BIG;
    limits = limits ? limits : &usual;
    tr_overview_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    int rc = add_up(self, digests, count);
    if (rc == 0)
        rc = share_terms(self, digests, count, limit_of(limits->terms, 15));
    if (rc == 0)
        rc = share_entities(self, digests, count, limit_of(limits->entities, 15));
    if (rc == 0)
        rc = tr_overview_choose_sentences(
            digests, count, limit_of(limits->sentences, 10), &self->key_sentences, &self->key_sentence_count);
    if (rc < 0) {
        tr_overview_destroy(&self);
        return rc;
    }
    *ret_overview = self;
    return 0;
}

void tr_overview_destroy(tr_overview_t **self) {
    if (!self || !*self)
        return;
    tr_overview_t *overview = *self;
    finish_shared(overview->terms, 0, overview->term_count);
    finish_shared(overview->entities, 0, overview->entity_count);
    for (size_t i = 0; i < overview->language_count; i++)
        free(overview->languages[i].code);
    for (size_t i = 0; i < overview->key_sentence_count; i++)
        free(overview->key_sentences[i].text);
    free(overview->terms);
    free(overview->entities);
    free(overview->languages);
    free(overview->key_sentences);
    free(overview);
    *self = NULL;
}

/* For people --------------------------------------------------------------------------------------------- */

static const char *title_of(const tr_digest_t *const *digests, size_t count, uint32_t document) {
    return document < count && digests[document] ? digests[document]->title : "?";
}

static void describe_shared(tr_textbuf_t *out, const char *what, const tr_shared_t *items, size_t item_count,
    const tr_digest_t *const *digests, size_t count) {
    char line[64];
    if (item_count > 0)
        tr_textbuf_add_string(out, what);
    for (size_t i = 0; i < item_count; i++) {
        tr_textbuf_add_string(out, "  ");
        if (items[i].is_entity) {
            tr_textbuf_add_string(out, tr_entity_kind_name(items[i].kind));
            tr_textbuf_add_string(out, " ");
        }
        tr_textbuf_add_string(out, items[i].text);
        snprintf(line, sizeof line, " (%" PRIu32 " times in %zu documents): ", items[i].count,
            items[i].document_count);
        tr_textbuf_add_string(out, line);
        for (size_t k = 0; k < items[i].document_count; k++) {
            tr_textbuf_add_string(out, k > 0 ? "; " : "");
            tr_textbuf_add_string(out, title_of(digests, count, items[i].documents[k]));
        }
        tr_textbuf_add_string(out, "\n");
    }
}

char *tr_overview_describe(const tr_overview_t *self, const tr_digest_t *const *digests, size_t count) {
    tr_textbuf_t out = {0};
    char line[160];
    snprintf(line, sizeof line,
        "%zu documents, %" PRIu64 " words, %" PRIu64 " sentences, %" PRIu64 " bytes; languages:",
        self->documents, self->words, self->sentences, self->bytes);
    tr_textbuf_add_string(&out, line);
    for (size_t i = 0; i < self->language_count; i++) {
        snprintf(line, sizeof line, "%s %.16s %" PRIu32, i > 0 ? "," : "", self->languages[i].code,
            self->languages[i].documents);
        tr_textbuf_add_string(&out, line);
    }
    tr_textbuf_add_string(&out, "\n");
    describe_shared(&out, "shared terms\n", self->terms, self->term_count, digests, count);
    describe_shared(&out, "shared names\n", self->entities, self->entity_count, digests, count);
    tr_textbuf_add_string(&out, self->key_sentence_count > 0 ? "what they say\n" : "");
    for (size_t i = 0; i < self->key_sentence_count; i++) {
        tr_textbuf_add_string(&out, "  > ");
        tr_textbuf_add_string(&out, self->key_sentences[i].text);
        tr_textbuf_add_string(&out, "\n    [");
        tr_textbuf_add_string(&out, title_of(digests, count, self->key_sentences[i].document));
        tr_textbuf_add_string(&out, "]\n");
    }
    return tr_textbuf_take(&out);
}
