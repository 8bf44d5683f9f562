#include "broker/core/platform/spending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX  128u
#define RESULTS    200u
#define MODELS_MAX 64u /* in what is told at once */

enum { CALLS, FAILED, INPUT, OUTPUT, NANO, NUMBERS };

static const char *const words[NUMBERS] = {"calls", "failed", "input", "output", "nano"};

typedef struct row {
    uint64_t run;                            /* of the process that told `last` */
    uint64_t last[NUMBERS], before[NUMBERS]; /* of that run; of all runs before */
    char model[MODEL_MAX + 1];
    char agent[]; /* without the platform */
} row_t;

typedef struct tr_spending {
    tr_map_t known; /* "AGENT\nMODEL" -> row_t */
    tr_map_t each;  /* "AGENT" -> how many rows it has */
    row_t **rows;   /* in the order in which they were first told */
    uint32_t n, cap;
    uint64_t left_out; /* that found no place */
    int64_t since_ms;  /* wall */
} tr_spending_t;

static tr_spending_t *spending_of(tr_core_t *core) {
    if (!core->spending && (core->spending = calloc(1, sizeof *core->spending))) {
        tr_map_init(&core->spending->known, tr_core_random(core));
        tr_map_init(&core->spending->each, tr_core_random(core));
        core->spending->since_ms = core->now.wall_ms;
    }
    return core->spending;
}

void tr_spending_finish(tr_core_t *core) {
    tr_spending_t *s = core->spending;
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n; i++)
        free(s->rows[i]);
    free(s->rows);
    tr_map_finish(&s->known);
    tr_map_finish(&s->each);
    free(s);
    core->spending = NULL;
}

/* ---- what is told ---- */

static row_t *add_row(tr_spending_t *s, const char *key, size_t key_len, size_t agent_len) {
    const uint64_t *had = tr_map_find(&s->each, key, agent_len);
    uint64_t its = had ? *had : 0;
    if (s->n == TR_SPENDING_ROWS_MAX || its == TR_SPENDING_EACH_MAX)
        return NULL;
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 16;
        row_t **rows = realloc(s->rows, cap * sizeof *rows);
        if (!rows)
            return NULL;
        s->rows = rows;
        s->cap = cap;
    }
    row_t *row = calloc(1, sizeof *row + agent_len + 1);
    if (!row || tr_map_put(&s->each, key, agent_len, its + 1) < 0 ||
        tr_map_put(&s->known, key, key_len, (uintptr_t)row) < 0) {
        free(row);
        return NULL;
    }
    memcpy(row->agent, key, agent_len);
    memcpy(row->model, key + agent_len + 1, key_len - agent_len - 1);
    return s->rows[s->n++] = row;
}

/* NULL: there is no room, or no memory, for one more. */
static row_t *row_of(tr_spending_t *s, const char *sender, const char *model) {
    char key[TR_AID_MAX + MODEL_MAX + 2];
    size_t agent_len = strcspn(sender, "@");
    int n = snprintf(key, sizeof key, "%.*s\n%s", (int)agent_len, sender, model);
    row_t *row = tr_map_find_ptr(&s->known, key, (size_t)n);
    return row ? row : add_row(s, key, (size_t)n, agent_len);
}

static uint64_t number_at(tr_value_t of, const char *key) {
    int64_t n = tr_value_int(tr_value_get(of, key), 0);
    return n > 0 ? (uint64_t)n : 0;
}

/* Whatever is told, no sum begins anew. */
static uint64_t plus(uint64_t a, uint64_t b) {
    return a <= INT64_MAX && b <= INT64_MAX - a ? a + b : INT64_MAX;
}

/* Less than before is another run too: an agent that ended in its process and was added to it again. */
static void take_numbers(row_t *row, uint64_t run, tr_value_t told) {
    bool again = run == row->run;
    for (unsigned i = 0; again && i < NUMBERS; i++)
        again = number_at(told, words[i]) >= row->last[i];
    for (unsigned i = 0; i < NUMBERS; i++) {
        row->before[i] = plus(row->before[i], again ? 0 : row->last[i]);
        row->last[i] = number_at(told, words[i]);
    }
    row->run = run;
}

void tr_spending_take(tr_answer_t *a) {
    tr_value_t spent = tr_value_get(a->request, "spent"), models = tr_value_get(spent, "models");
    size_t n = tr_value_is_array(models) ? tr_value_size(models) : 0;
    tr_spending_t *s = n && n <= MODELS_MAX ? spending_of(a->core) : NULL;
    char model[MODEL_MAX + 1];
    for (size_t i = 0; s && i < n; i++) {
        tr_value_t told = tr_value_at(models, i);
        if (tr_value_copy(tr_value_get(told, "model"), model, sizeof model) < 0 || strchr(model, '\n'))
            continue;
        row_t *row = row_of(s, a->sender, model);
        if (row)
            take_numbers(row, number_at(spent, "run"), told);
        else
            s->left_out++;
    }
}

/* ---- what is asked ---- */

static void write_numbers(tr_content_writer_t *w, const uint64_t sum[NUMBERS]) {
    for (unsigned i = 0; i < NUMBERS; i++)
        tr_write_kv_uint(w, words[i], sum[i]);
}

static void write_row(const tr_core_t *core, tr_content_writer_t *w, const row_t *row) {
    char aid[2 * TR_AID_MAX + 2];
    uint64_t sum[NUMBERS];
    for (unsigned i = 0; i < NUMBERS; i++)
        sum[i] = plus(row->before[i], row->last[i]);
    snprintf(aid, sizeof aid, "%s@%s", row->agent, core->platform);
    tr_write_map(w, 2 + NUMBERS);
    tr_write_kv(w, "agent", aid);
    tr_write_kv(w, "model", row->model);
    write_numbers(w, sum);
}

static bool is_of(const row_t *row, const char *name, size_t len) {
    return !name || (strlen(row->agent) == len && memcmp(row->agent, name, len) == 0);
}

typedef struct sums {
    uint64_t n[NUMBERS];
    size_t rows;
} sums_t;

static sums_t add_up(const tr_spending_t *s, const char *name, size_t len) {
    sums_t all = {.rows = 0};
    for (uint32_t i = 0; s && i < s->n; i++) {
        if (!is_of(s->rows[i], name, len))
            continue;
        all.rows++;
        for (unsigned k = 0; k < NUMBERS; k++)
            all.n[k] = plus(all.n[k], plus(s->rows[i]->before[k], s->rows[i]->last[k]));
    }
    return all;
}

void tr_handle_spending(tr_answer_t *a) {
    const tr_spending_t *s = a->core->spending;
    size_t len = 0, offset = tr_answer_bounded(a, "offset", 0, SIZE_MAX >> 1),
           left = tr_answer_bounded(a, "max-results", RESULTS, TR_RESULTS_MAX);
    const char *name = tr_answer_name(a, &len);
    sums_t all = add_up(s, name, len);
    size_t shown = offset < all.rows ? all.rows - offset : 0;
    tr_content_writer_t *w = &a->content;
    tr_write_map(w, 5);
    tr_write_kv_int(w, "since_ms", s ? s->since_ms : a->core->now.wall_ms);
    tr_write_kv_bool(w, "complete", !s || !s->left_out);
    tr_write_kv_uint(w, "total", all.rows);
    tr_write_str(w, "sum");
    tr_write_map(w, NUMBERS);
    write_numbers(w, all.n);
    tr_write_str(w, "spent");
    shown = shown < left ? shown : left;
    tr_write_array(w, shown);
    for (uint32_t i = 0; shown && i < s->n; i++) {
        if (!is_of(s->rows[i], name, len))
            continue;
        if (offset) {
            offset--;
            continue;
        }
        write_row(a->core, w, s->rows[i]);
        shown--;
    }
}
