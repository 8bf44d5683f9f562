#include "lib/agent/spent.h"

#include "lib/agent/traced.h"
#include "lib/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MS    1000
#define ROWS_MAX   4096u /* agents times models of a host; what is beyond is not told */
#define MODELS_MAX 16u   /* in one message */
#define RUN_MASK   ((UINT64_C(1) << 53) - 1)

typedef struct spent_row {
    struct spent_row *next;
    tr_agent_t *agent;
    uint64_t calls, failed, input, output, nano;
    bool told;
    char model[TR_MODEL_NAME_MAX + 1];
} spent_row_t;

struct tr_spent {
    uint64_t run;
    spent_row_t *rows;
    size_t n;
    tr_timer_t *timer;
};

static tr_spent_t *spent_of(tr_host_t *host) {
    if (!host->spent && (host->spent = calloc(1, sizeof *host->spent)))
        host->spent->run = tr_random_seed() & RUN_MASK;
    return host->spent;
}

/* NULL: there is no room, or no memory. */
static spent_row_t *row_of(tr_spent_t *s, tr_agent_t *agent, const char *model) {
    char name[TR_MODEL_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", model ? model : "");
    for (spent_row_t *row = s->rows; row; row = row->next)
        if (row->agent == agent && strcmp(row->model, name) == 0)
            return row;
    spent_row_t *row = s->n < ROWS_MAX ? calloc(1, sizeof *row) : NULL;
    if (!row)
        return NULL;
    row->agent = agent;
    memcpy(row->model, name, sizeof name);
    row->next = s->rows;
    s->n++;
    return s->rows = row;
}

/* ---- telling ---- */

static void write_row(tr_content_writer_t *w, const spent_row_t *row) {
    tr_write_map(w, 6);
    tr_write_kv(w, "model", row->model);
    tr_write_kv_uint(w, "calls", row->calls);
    tr_write_kv_uint(w, "failed", row->failed);
    tr_write_kv_uint(w, "input", row->input);
    tr_write_kv_uint(w, "output", row->output);
    tr_write_kv_uint(w, "nano", row->nano);
}

/* Those of an agent that are to be told, so many at most, from `first` on. */
static size_t gather(spent_row_t *first, spent_row_t *out[MODELS_MAX]) {
    size_t n = 0;
    for (spent_row_t *row = first; row && n < MODELS_MAX; row = row->next)
        if (!row->told && row->agent == first->agent)
            out[n++] = row;
    return n;
}

/* False: the link takes nothing now. */
static bool tell(const tr_spent_t *s, spent_row_t *first) {
    spent_row_t *rows[MODELS_MAX];
    size_t n = gather(first, rows);
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 3);
    tr_write_kv(&w, "action", "spans");
    tr_write_str(&w, "spans");
    tr_write_array(&w, 0);
    tr_write_str(&w, "spent");
    tr_write_map(&w, 2);
    tr_write_kv_uint(&w, "run", s->run);
    tr_write_str(&w, "models");
    tr_write_array(&w, n);
    for (size_t i = 0; i < n; i++)
        write_row(&w, rows[i]);
    bool told = tr_traced_tell(first->agent, &w) == 0;
    for (size_t i = 0; i < n; i++)
        rows[i]->told = told;
    tr_content_writer_finish(&w);
    return told;
}

static void on_timer(tr_agent_t *agent, void *state, void *arg) {
    (void)agent, (void)state;
    tr_host_t *host = arg;
    host->spent->timer = NULL; /* the host frees it */
    tr_spent_flush(host);
}

/* Out of memory: it is told with what is spent next, ignoring. */
static void tell_soon(tr_host_t *host) {
    tr_spent_t *s = host->spent;
    if (!s->timer)
        s->timer = tr_timers_add(&host->timers, tr_clock_ms() + TELL_MS, NULL, on_timer, host);
}

void tr_spent_flush(tr_host_t *host) {
    tr_spent_t *s = host->spent;
    for (spent_row_t *row = s ? s->rows : NULL; row; row = row->next)
        if (!row->told && !tell(s, row)) {
            tell_soon(host);
            return;
        }
}

/* ---- what is spent ---- */

void tr_spent_note(tr_agent_t *agent, const tr_model_use_t *use) {
    tr_host_t *host = tr_agent_host(agent);
    tr_spent_t *s = spent_of(host);
    spent_row_t *row = s ? row_of(s, agent, use->model) : NULL;
    if (!row)
        return;
    row->calls++;
    row->failed += use->failed;
    row->input += use->input_tokens;
    row->output += use->output_tokens;
    row->nano += use->nano;
    row->told = false;
    tell_soon(host);
}

void tr_spent_again(tr_host_t *host) {
    if (!host->spent || !host->spent->rows)
        return;
    for (spent_row_t *row = host->spent->rows; row; row = row->next)
        row->told = row->agent->status == TR_AGENT_AWAY; /* another process tells of that name */
    tell_soon(host);
}

void tr_spent_forget(tr_host_t *host, const tr_agent_t *agent) {
    tr_spent_t *s = host->spent;
    for (spent_row_t **place = s ? &s->rows : NULL; place && *place;) {
        spent_row_t *row = *place;
        if (row->agent != agent) {
            place = &row->next;
            continue;
        }
        if (!row->told)
            tell(s, row); /* what the link does not take now is lost, ignoring */
        *place = row->next;
        free(row);
        s->n--;
    }
}

void tr_spent_finish(tr_host_t *host) {
    tr_spent_t *s = host->spent;
    while (s && s->rows) {
        spent_row_t *next = s->rows->next;
        free(s->rows);
        s->rows = next;
    }
    free(s);
    host->spent = NULL;
}
