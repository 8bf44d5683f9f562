#include "lib/agent/applied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tr_applied_finish(tr_applied_t *self) {
    free(self->runs);
    *self = (tr_applied_t){0};
}

bool tr_applied_has(const tr_applied_t *self, uint64_t number) {
    for (size_t i = self->n; i-- > 0;)
        if (number >= self->runs[i].first && number <= self->runs[i].last)
            return true;
    return false;
}

static void remove_run(tr_applied_t *self, size_t at) {
    self->n--;
    memmove(&self->runs[at], &self->runs[at + 1], (self->n - at) * sizeof *self->runs);
}

static bool touches(const tr_applied_run_t *run, uint64_t number) {
    return (run->last < number && number - run->last == 1) ||
           (number < run->first && run->first - number == 1);
}

int tr_applied_add_run(tr_applied_t *self, tr_applied_run_t run) {
    if (run.first > run.last)
        return -EINVAL;
    if (self->n == TR_APPLIED_RUNS)
        remove_run(self, 0);
    if (self->n == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 2;
        tr_applied_run_t *runs = realloc(self->runs, cap * sizeof *runs);
        if (!runs)
            return -ENOMEM;
        self->runs = runs;
        self->cap = cap;
    }
    self->runs[self->n++] = run;
    return 0;
}

/* What touches the number on either side becomes one run with it. */
int tr_applied_add(tr_applied_t *self, uint64_t number) {
    tr_applied_run_t run = {number, number};
    if (tr_applied_has(self, number))
        return 0;
    for (size_t i = self->n; i-- > 0;) {
        if (!touches(&self->runs[i], number))
            continue;
        if (self->runs[i].first < run.first)
            run.first = self->runs[i].first;
        if (self->runs[i].last > run.last)
            run.last = self->runs[i].last;
        remove_run(self, i);
    }
    return tr_applied_add_run(self, run);
}
