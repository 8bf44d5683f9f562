#include "agentd/behaviours/editor_corpus.h"

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *term; /* NUL-terminated, in the copy of the list */
    uint32_t frequency;
} entry_t;

typedef struct entries {
    entry_t *items;
    size_t count, capacity;
} entries_t;

static bool add(entries_t *self, entry_t entry) {
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 256;
        entry_t *items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return false;
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = entry;
    return true;
}

/* The lines that are terms: not the head, and not the "=FREQUENCY" lines. Cuts the copy into strings. */
static bool collect(const tr_corpus_t *corpus, char *list, entries_t *out) {
    char *line = strchr(list, '\n');
    while (line && *++line) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        uint32_t frequency = *line == '=' ? 0 : tr_corpus_frequency(corpus, line);
        /* One that the corpus had no room for counts as rare, as it does there. */
        if (frequency && !add(out, (entry_t){line, frequency}))
            return false;
        line = end;
    }
    return true;
}

static int compare(const void *a, const void *b) {
    const entry_t *x = a, *y = b;
    if (x->frequency != y->frequency)
        return x->frequency < y->frequency ? -1 : 1;
    return strcmp(x->term, y->term);
}

static void print(const tr_corpus_t *corpus, const entries_t *entries, tr_buffer_t *out) {
    uint32_t frequency = 0;
    tr_buffer_printf(out, "troupe-corpus 1 %u\n", tr_corpus_documents(corpus));
    for (size_t i = 0; i < entries->count; i++) {
        const entry_t *e = &entries->items[i];
        if (e->frequency != frequency)
            tr_buffer_printf(out, "=%u\n", e->frequency);
        frequency = e->frequency;
        tr_buffer_text(out, e->term);
        tr_buffer_char(out, '\n');
    }
}

char *tr_editor_corpus_select(const tr_corpus_t *corpus, const char *list, size_t len, size_t *ret_len) {
    entries_t entries = {0};
    tr_buffer_t out;
    tr_buffer_init(&out, 0);
    char *copy = strndup(list, len);
    if (copy && collect(corpus, copy, &entries)) {
        if (entries.count)
            qsort(entries.items, entries.count, sizeof *entries.items, compare);
        print(corpus, &entries, &out);
    } else
        out.failed = true;
    free(copy);
    free(entries.items);
    if (out.failed) {
        tr_buffer_finish(&out);
        return NULL;
    }
    *ret_len = out.size;
    return out.data; /* the caller's now */
}
