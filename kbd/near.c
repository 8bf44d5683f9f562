/* One search by vectors: plan, ask the crew, see who lives and passes, ask for more. */
#include "kbd/meaning.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SPARE     16u   /* that are asked for beyond k: some may be gone */
#define FEW       2000u /* that pass: they are compared whatever their part */
#define FEW_PART  .15
#define MORE_EACH 4u

#define ANSWERED_MS 5000 /* by a model server: longer than that nobody waits */

/* What is searched at once, in the host's thread, where nobody else waits. */
#define QUICK_FLAT 8192u   /* vectors that are compared one by one */
#define QUICK_ALL  500000u /* in a graph: some hundred microseconds */

typedef struct near {
    tr_crew_query_t query; /* first */
    tr_kb_meaning_t *meaning;
    tr_kb_near_t asked;
    tr_kb_namespace_t ns;
    tr_index_t *index;
    size_t all; /* vectors of the view */
    tr_passing_t *passing;
    tr_kb_gate_t *gate; /* for those that an index gives; NULL: all pass */
    bool complete;
    tr_kb_hit_t *hits;
    size_t count;
    tr_error_t error;
    tr_embed_ask_t ask; /* for the vector of the text */
    const char *text;
    float vector[];
} near_t;

static void destroy(near_t *self) {
    tr_view_release(&self->query.view);
    tr_passing_release(&self->passing);
    tr_kb_gate_close(&self->gate);
    free(self->query.chunks);
    free(self->query.scores);
    free(self->hits);
    free(self);
}

static void answer(near_t *self, int rc) {
    if (rc == -ENOMEM)
        tr_error_set(&self->error, rc, "out of memory");
    tr_kb_near_answer_t a = {rc, self->error.text, self->hits, self->count, self->complete};
    self->asked.found(self->asked.arg, &a);
    destroy(self);
}

static void on_nearest(tr_crew_query_t *query);

static bool is_quick(const near_t *self) {
    const tr_crew_query_t *q = &self->query;
    size_t compared = q->among ? q->among_count : q->delta;
    return self->asked.alone && self->meaning->searching == 0 && compared <= QUICK_FLAT &&
           (q->among || self->all <= QUICK_ALL);
}

static int submit(near_t *self, size_t most) {
    tr_crew_query_t *q = &self->query;
    free(q->chunks);
    free(q->scores);
    q->view = tr_index_view(self->index, &q->delta);
    self->all = tr_view_count(q->view, q->delta);
    q->k = most < self->all ? most : self->all;
    q->chunks = calloc(q->k + 1, sizeof *q->chunks);
    q->scores = calloc(q->k + 1, sizeof *q->scores);
    if (!q->chunks || !q->scores)
        return -ENOMEM;
    q->vector = self->vector;
    q->done = on_nearest;
    if (self->passing) {
        q->among = self->passing->chunks;
        q->among_count = self->passing->count;
    }
    if (q->k == 0 || (self->passing && self->passing->count == 0)) {
        answer(self, 0);
        return 0;
    }
    bool here = is_quick(self);
    self->meaning->searching++;
    if (here)
        tr_crew_search_here(q);
    else
        tr_crew_search(self->meaning->crew, q);
    return 0;
}

/* Those that are in the store, and pass: of what was removed since there may be some. */
static int keep_living(near_t *self) {
    tr_crew_query_t *q = &self->query;
    tr_kb_store_t *store = self->meaning->store;
    int rc = 0;
    self->count = 0;
    for (size_t i = 0; i < q->k && q->chunks[i] >= 0 && self->count < self->asked.k && rc == 0; i++) {
        tr_kb_hit_t hit = {q->chunks[i], 0, (double)q->scores[i]};
        bool passes = true;
        rc = tr_kb_document_of(store, hit.chunk, &hit.document, &self->error);
        if (rc == 0 && hit.document && self->gate)
            rc = tr_kb_gate_passes(self->gate, hit.document, &passes, &self->error);
        if (rc == 0 && hit.document && passes)
            self->hits[self->count++] = hit;
    }
    return rc;
}

static int compare_passing(near_t *self, size_t most) {
    tr_kb_gate_close(&self->gate);
    int rc = tr_passings_get(&self->meaning->passings, self->meaning->store, &self->ns, self->asked.filter,
        most, &self->passing, &self->error);
    if (rc == 0 && !self->passing->all) {
        tr_passing_release(&self->passing);
        rc = tr_kb_gate_open(self->meaning->store, self->asked.filter, &self->gate, &self->error);
    }
    return rc;
}

/* Those that were asked for do not suffice. The index may have been made anew meanwhile, and the namespace changed. */
static int ask_for_more(near_t *self) {
    size_t most = self->query.k * MORE_EACH, dimensions = tr_kb_meaning_dimensions(self->meaning, &self->ns);
    int64_t number = self->ns.number;
    bool complete;
    int rc = tr_kb_namespace_find(self->meaning->store, self->ns.name, &self->ns, &self->error);
    if (rc == 0 &&
        (self->ns.number != number || tr_kb_meaning_dimensions(self->meaning, &self->ns) != dimensions))
        rc = tr_error_set(
            &self->error, -ESTALE, "the namespace %s was made anew meanwhile: ask again", self->ns.name);
    if (rc == 0)
        rc = tr_indexes_need(&self->meaning->indexes, &self->ns, &self->index, &complete, &self->error);
    if (rc == 0 && self->gate && most * MORE_EACH > self->all)
        rc = compare_passing(self, SIZE_MAX);
    return rc < 0 ? rc : submit(self, most);
}

static void on_nearest(tr_crew_query_t *query) {
    near_t *self = (near_t *)query;
    self->meaning->searching--;
    int rc = tr_crew_stopping(self->meaning->crew) ? -ECANCELED : query->rc;
    if (rc == 0)
        rc = keep_living(self);
    bool enough = self->count == self->asked.k || query->k == self->all || self->passing;
    if (rc == 0 && !enough)
        rc = ask_for_more(self);
    else if (rc == 0)
        answer(self, 0);
    if (rc < 0)
        answer(self, rc);
}

/* What is nearest to this. */
static int read_question(near_t *self) {
    size_t dimensions = tr_kb_meaning_dimensions(self->meaning, &self->ns);
    if (self->asked.vector && self->asked.dimensions != dimensions)
        return tr_error_set(&self->error, -EINVAL, "vector: %zu numbers; those of the namespace %s have %zu",
            self->asked.dimensions, self->ns.name, dimensions);
    if (self->asked.vector)
        memcpy(self->vector, self->asked.vector, dimensions * sizeof *self->vector);
    else if (self->ns.dimensions)
        return tr_error_set(&self->error, -EINVAL,
            "the namespace %s has vectors of its own: give one, or search by words", self->ns.name);
    return 0;
}

static int plan(near_t *self) {
    tr_kb_meaning_t *m = self->meaning;
    int rc = tr_indexes_need(&m->indexes, &self->ns, &self->index, &self->complete, &self->error);
    if (rc == 0 && self->asked.filter->sql.length) {
        size_t part = (size_t)(FEW_PART * (double)tr_index_count(self->index));
        rc = compare_passing(self, part > FEW ? part : FEW);
    }
    return rc;
}

/* Beyond k only where some may be gone, or are to be checked. */
static size_t first_most(const near_t *self) {
    bool all_live = !self->gate && tr_index_count(self->index) <= self->ns.chunks;
    return self->asked.k + (all_live ? 0 : SPARE);
}

/* From the vector on. */
static void go_on(near_t *self, int rc) {
    if (rc == 0)
        rc = plan(self);
    if (rc == 0)
        rc = submit(self, first_most(self));
    if (rc < 0)
        answer(self, rc);
}

static void on_vector(tr_embed_ask_t *ask) {
    near_t *self = (near_t *)((char *)ask - offsetof(near_t, ask));
    int64_t number = self->ns.number;
    int rc = ask->rc;
    if (rc < 0)
        self->error = ask->error;
    else if (tr_kb_embedder_is_remote(self->meaning->embedder)) /* it may be another one by now */
        rc = tr_kb_namespace_find(self->meaning->store, self->ns.name, &self->ns, &self->error);
    if (rc == 0 && (self->ns.number != number || self->ns.dimensions))
        rc = tr_error_set(
            &self->error, -ESTALE, "the namespace %s was made anew meanwhile: ask again", self->ns.name);
    go_on(self, rc);
}

static void ask_vector(near_t *self) {
    self->text = self->asked.text;
    self->ask = (tr_embed_ask_t){
        .texts = &self->text, .count = 1, .vectors = self->vector, .most_ms = ANSWERED_MS, .done = on_vector};
    tr_kb_embedder_ask(self->meaning->embedder, &self->ask);
}

void tr_kb_meaning_search(tr_kb_meaning_t *meaning, const tr_kb_near_t *near) {
    size_t dimensions = tr_kb_meaning_dimensions(meaning, near->ns);
    near_t *self = calloc(1, sizeof *self + dimensions * sizeof *self->vector);
    if (!self) {
        near->found(near->arg, &(tr_kb_near_answer_t){.rc = -ENOMEM, .error = "out of memory"});
        return;
    }
    self->meaning = meaning;
    self->asked = *near;
    self->ns = *near->ns;
    self->hits = calloc(near->k + 1, sizeof *self->hits);
    int rc = self->hits ? read_question(self) : -ENOMEM;
    if (rc == 0 && !near->vector && tr_kb_meaning_mute(meaning))
        rc = tr_error_set(&self->error, -ENOLINK, "the model server gives no vectors for now");
    if (rc == 0 && !near->vector)
        ask_vector(self);
    else
        go_on(self, rc);
}
