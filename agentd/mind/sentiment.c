#include "agentd/mind/sentiment.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/data.h"
#include "lib/text/textbuf.h"

#define REACH          4    /* words that a negation reaches; a clause's end stops it */
#define NEGATED        -.74 /* "not good" is less bad than "bad" (VADER's constant) */
#define STRONGER       1.3
#define WEAKER         .7
#define EVEN           15.0 /* the sum at which a text is nearly as good as can be: x / sqrt (x^2 + EVEN) */
#define NEUTRAL        .05
#define LONGEST_PREFIX 24

enum { ENTRY_MOOD, ENTRY_NOT, ENTRY_MORE, ENTRY_LESS };

typedef struct {
    char word[TR_MIND_WORD_MAX + 1]; /* without its "*" */
    signed char weight;
    unsigned char kind;
    bool is_prefix;
} entry_t;

struct tr_sentiment {
    entry_t *entries; /* sorted by word; a whole word before a prefix of the same letters */
    size_t count, capacity;
};

static int compare(const void *a, const void *b) {
    const entry_t *x = a, *y = b;
    int order = strcmp(x->word, y->word);
    return order != 0 ? order : (int)x->is_prefix - (int)y->is_prefix;
}

/* Takes the head of a line. False where it is none. */
static bool read_head(const char *head, size_t size, entry_t *ret_entry) {
    static const char *const kinds[] = {NULL, "not", "more", "less"};
    *ret_entry = (entry_t){0};
    for (unsigned char kind = ENTRY_NOT; kind <= ENTRY_LESS; kind++)
        if (strlen(kinds[kind]) == size && memcmp(kinds[kind], head, size) == 0) {
            ret_entry->kind = kind;
            return true;
        }
    bool is_minus = size == 2 && head[0] == '-';
    if ((size != 1 && !is_minus) || head[size - 1] < '1' || head[size - 1] > '4')
        return false;
    ret_entry->weight = (signed char)(head[size - 1] - '0');
    if (is_minus)
        ret_entry->weight = (signed char)-ret_entry->weight;
    return true;
}

static int add(tr_sentiment_t *self, entry_t entry, const char *word, size_t size) {
    entry.is_prefix = word[size - 1] == '*';
    size -= entry.is_prefix;
    if (size == 0 || size > TR_MIND_WORD_MAX)
        return -EBADMSG;
    if (tr_array_reserve(&self->entries, self->count, &self->capacity, sizeof *self->entries) < 0)
        return -ENOMEM;
    memcpy(entry.word, word, size);
    self->entries[self->count++] = entry;
    return 0;
}

static int read_line(tr_sentiment_t *self, const char *line, size_t length) {
    entry_t head;
    size_t at = strcspn(line, " \n");
    if (length == 0 || line[0] == '#')
        return 0;
    if (!read_head(line, at < length ? at : length, &head))
        return -EBADMSG;
    while (at < length) {
        at += strspn(line + at, " ");
        size_t size = strcspn(line + at, " \n");
        int rc = at < length && size > 0 ? add(self, head, line + at, size) : 0;
        if (rc < 0)
            return rc;
        at += size;
    }
    return 0;
}

/* `lexicon` ends with a NUL. */
static int read_lexicon(tr_sentiment_t *self, const char *lexicon, tr_error_t *error) {
    for (size_t number = 1; *lexicon; number++) {
        size_t length = strcspn(lexicon, "\n");
        int rc = read_line(self, lexicon, length);
        if (rc == -EBADMSG)
            return tr_error_set(error, rc,
                "lexicon of moods, line %zu: a line is a weight of -4 .. 4, not, more or less, and words",
                number);
        if (rc < 0)
            return tr_error_set(error, rc, "out of memory");
        lexicon += length + (lexicon[length] == '\n');
    }
    if (self->count > 0)
        qsort(self->entries, self->count, sizeof *self->entries, compare);
    return 0;
}

int tr_sentiment_new(const char *lexicon, size_t length, tr_sentiment_t **ret_self, tr_error_t *error) {
    tr_sentiment_t *self = calloc(1, sizeof *self);
    char *copy = lexicon ? strndup(lexicon, length) : NULL;
    int rc = self && (copy || !lexicon) ? read_lexicon(self, copy ? copy : tr_mind_data_sentiment, error)
                                        : tr_error_set(error, -ENOMEM, "out of memory");
    free(copy);
    if (rc < 0) {
        tr_sentiment_destroy(&self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

void tr_sentiment_destroy(tr_sentiment_t **self) {
    if (!self || !*self)
        return;
    free((*self)->entries);
    free(*self);
    *self = NULL;
}

static const entry_t *find_exactly(const tr_sentiment_t *self, const char *word, bool is_prefix) {
    entry_t key = {.is_prefix = is_prefix};
    strcpy(key.word, word);
    return self->count > 0 ? bsearch(&key, self->entries, self->count, sizeof key, compare) : NULL;
}

/* The whole word, or else the longest prefix of it that is listed. */
static const entry_t *find(const tr_sentiment_t *self, const tr_mind_word_t *word) {
    const entry_t *entry = find_exactly(self, word->folded, false);
    char prefix[TR_MIND_WORD_MAX + 1];
    memcpy(prefix, word->folded, sizeof prefix);
    for (size_t size = word->size < LONGEST_PREFIX ? word->size : LONGEST_PREFIX; !entry && size >= 3;
         size--) {
        prefix[size] = '\0';
        entry = find_exactly(self, prefix, true);
    }
    return entry;
}

/* What the words before one make of its weight. */
static double around(const entry_t *const *entries, const tr_mind_words_t *words, size_t index) {
    double factor = 1;
    for (size_t back = 1; back <= REACH && back <= index; back++) {
        size_t i = index - back;
        if (words->items[i].ends_clause)
            break;
        if (!entries[i])
            continue;
        if (entries[i]->kind == ENTRY_NOT)
            factor *= NEGATED;
        else if (back <= 2 && entries[i]->kind == ENTRY_MORE)
            factor *= STRONGER;
        else if (back <= 2 && entries[i]->kind == ENTRY_LESS)
            factor *= WEAKER;
    }
    return factor;
}

/* The index of the last "but", or 0: what stands before it counts half, and what comes after it one and a half. */
static size_t find_but(const tr_mind_words_t *words) {
    for (size_t i = words->count; i-- > 1;)
        if (strcmp(words->items[i].folded, "but") == 0 || strcmp(words->items[i].folded, "however") == 0)
            return i;
    return 0;
}

double tr_sentiment_score(const tr_sentiment_t *self, const tr_mind_words_t *words) {
    const entry_t *entries[TR_MIND_WORDS_MAX];
    size_t but = find_but(words);
    double sum = 0;
    for (size_t i = 0; i < words->count; i++) {
        entries[i] = find(self, &words->items[i]);
        if (!entries[i] || entries[i]->kind != ENTRY_MOOD)
            continue;
        double side = but == 0 ? 1 : i < but ? .5 : 1.5;
        sum += entries[i]->weight * side * around(entries, words, i);
    }
    if (words->shouts)
        sum *= 1.2;
    return sum / sqrt(sum * sum + EVEN);
}

const char *tr_sentiment_label(double score) {
    return score > NEUTRAL ? "positive" : score < -NEUTRAL ? "negative" : "neutral";
}
