#include "tests/50-journal/batches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 0, LARGE, LAZY, KINDS, VALUE_MAX = 20000, KEEP_LAZY = 8, BATCHES_MAX = 100000 };

int journal_open(const char *kind, const char *place, tr_journal_t **ret_journal, tr_error_t *error) {
    if (!strcmp(kind, "rocksdb")) {
        tr_journal_rocksdb_options_t options = {
            .directory = place, .memory = 8u << 20, .module = getenv("JOURNAL_ROCKSDB")};
        return tr_journal_open_rocksdb(&options, ret_journal, error);
    }
    tr_journal_postgres_options_t options = {.conninfo = place, .module = getenv("JOURNAL_POSTGRES")};
    return tr_journal_open_postgres(&options, ret_journal, error);
}

static size_t length_of(unsigned kind, unsigned i) {
    static const size_t lengths[KINDS] = {[SMALL] = 40, [LARGE] = 12000, [LAZY] = 100};
    return lengths[kind] + i * 37 % (lengths[kind] / 2);
}

static void fill(char *value, size_t len, unsigned kind, unsigned i) {
    for (size_t k = 0; k < len; k++)
        value[k] = (char)('a' + (i * 7 + kind + k * (1 + i % 5)) % 26);
}

static void name(char key[16], unsigned kind, unsigned i) {
    snprintf(key, 16, "%c%08u", "slz"[kind], i);
}

static tr_journal_op_t draft(char key[16], char *value, unsigned kind, unsigned i) {
    name(key, kind, i);
    fill(value, length_of(kind, i), kind, i);
    return (tr_journal_op_t){.type = TR_JOURNAL_PUT,
        .key = key,
        .key_len = strlen(key),
        .value = value,
        .value_len = length_of(kind, i)};
}

int batch_write(tr_journal_t *j, unsigned i, tr_error_t *error) {
    char keys[4][16], small[VALUE_MAX], large[VALUE_MAX], lazy[VALUE_MAX];
    tr_journal_op_t first = draft(keys[0], lazy, LAZY, i);
    tr_journal_op_t ops[3] = {draft(keys[1], small, SMALL, i), draft(keys[2], large, LARGE, i)};
    size_t n = 2;
    if (i >= KEEP_LAZY) {
        name(keys[3], LAZY, i - KEEP_LAZY);
        ops[n++] = (tr_journal_op_t){.type = TR_JOURNAL_DELETE, .key = keys[3], .key_len = strlen(keys[3])};
    }
    int r = tr_journal_write(j, &first, 1, false, error);
    return r == 0 ? tr_journal_write(j, ops, n, true, error) : r;
}

typedef struct walk {
    unsigned n[KINDS]; /* keys of the kind, or one more than the largest number */
    unsigned first_lazy;
    batches_found_t *found;
} walk_t;

static bool see(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    walk_t *w = arg;
    char text[32] = "", expected[VALUE_MAX];
    if (key_len == 9)
        memcpy(text, key, key_len);
    const char *letter = text[0] ? strchr("slz", text[0]) : NULL;
    unsigned kind = letter ? (unsigned)(letter - strchr("slz", 's')) : KINDS,
             i = text[0] ? (unsigned)strtoul(text + 1, NULL, 10) : 0;
    if (kind < KINDS && i < BATCHES_MAX && value_len == length_of(kind, i)) {
        fill(expected, value_len, kind, i);
        if (kind == LAZY && w->n[LAZY] == 0)
            w->first_lazy = w->n[LAZY] = i;
        if (memcmp(value, expected, value_len) == 0 && i == w->n[kind]) {
            w->n[kind]++;
            return true;
        }
    }
    snprintf(w->found->problem, sizeof w->found->problem,
        "key \"%s\" of %zu bytes, value of %zu bytes: wrong, or out of order", text, key_len, value_len);
    return false;
}

int batches_check(tr_journal_t *j, batches_found_t *ret_found, tr_error_t *error) {
    *ret_found = (batches_found_t){0};
    walk_t w = {.found = ret_found};
    int r = tr_journal_scan(j, &(tr_journal_range_t){0}, 0, see, &w, error);
    if (r < 0 || ret_found->problem[0])
        return r < 0 ? r : 0;
    unsigned n = w.n[SMALL];
    /* The lazy part of the next batch may be there without it. */
    bool whole = w.n[LARGE] == n && (w.n[LAZY] == n || w.n[LAZY] == n + 1) &&
                 (n == 0 || w.first_lazy == (n > KEEP_LAZY ? n - KEEP_LAZY : 0));
    if (!whole)
        snprintf(ret_found->problem, sizeof ret_found->problem,
            "%u small, %u large values, others from %u to %u: no whole batches", n, w.n[LARGE], w.first_lazy,
            w.n[LAZY]);
    ret_found->n = n;
    return 0;
}
