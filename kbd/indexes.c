#include "kbd/indexes.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE    4096u /* chunks of a namespace that is read at once */
#define WINDOW     1024  /* numbers of chunks that are looked at in one turn */
#define QUIET_MS   2000  /* without an addition: then all is put together */
#define CHECK_MS   5000  /* between two looks at how many are dead */
#define TELL_MS    500
#define DEAD_LEAST 1024u
#define OWN_MODEL  "own" /* of vectors that come with their documents */

typedef enum known_state { READING, CHECKING, READY, COUNTING } known_state_t;

struct tr_known {
    int64_t ns;
    uint64_t serial; /* tells it from one that was here before */
    char name[TR_KB_NAMESPACE_MAX + 1];
    bool own; /* its vectors come with its documents */
    tr_index_t *index;
    known_state_t state; /* COUNTING: READY, and it is looked who is dead */
    int64_t cursor;      /* chunks up to here were looked at */
    uint64_t sequence;   /* the last that was given */
    int64_t changed_ms, checked_ms;
    uint64_t version;    /* of the namespace when it was checked */
    size_t spared;       /* dead ones that the last census could not remove */
    bool compact, tried; /* all is to become one; it was tried since the last addition */
    bool lost;           /* to be forgotten */
    bool restless;
    tr_known_t *next_restless;
};

typedef struct tr_index_task {
    tr_crew_task_t task; /* first */
    tr_indexes_t *owner;
    int64_t ns;
    uint64_t serial, sequence;
    char name[TR_KB_NAMESPACE_MAX + 1];
    char model[TR_SEGMENT_MODEL_MAX + 1];
    size_t dimensions;
    atomic_size_t done, total;
    tr_error_t error;
    int rc;
    bool reads;
    /* reading */
    tr_shelf_found_t found[TR_INDEX_SEGMENTS];
    size_t count, damaged;
    /* building */
    tr_index_plan_t plan;
    tr_segment_t *segment;
} index_task_t;

/* ---- those that are known ---- */

static tr_known_t *find(const tr_indexes_t *self, int64_t ns) {
    return tr_map_find_ptr(&self->known, (const char *)&ns, sizeof ns);
}

static void known_destroy(tr_known_t *known) {
    if (known)
        tr_index_destroy(&known->index);
    free(known);
}

static tr_known_t *known_new(tr_indexes_t *self, const tr_kb_namespace_t *ns) {
    tr_known_t *known = calloc(1, sizeof *known);
    if (!known)
        return NULL;
    known->ns = ns->number;
    known->serial = ++self->serial;
    known->changed_ms = known->checked_ms = tr_clock_ms();
    memcpy(known->name, ns->name, sizeof known->name);
    known->own = ns->dimensions > 0;
    known->index = tr_index_new(known->own ? ns->dimensions : self->dimensions);
    if (!known->index || tr_map_put(&self->known, (const char *)&ns->number, sizeof ns->number,
                             (uint64_t)(uintptr_t)known) < 0) {
        known_destroy(known);
        return NULL;
    }
    return known;
}

static void wake(tr_indexes_t *self, tr_known_t *known) {
    if (known->restless)
        return;
    known->restless = true;
    known->next_restless = self->restless;
    self->restless = known;
}

static void forget_one(tr_indexes_t *self, int64_t ns) {
    tr_known_t *known = find(self, ns), **at = &self->restless;
    while (*at && *at != known)
        at = &(*at)->next_restless;
    if (*at)
        *at = known->next_restless;
    known_destroy(known);
    tr_map_delete(&self->known, (const char *)&ns, sizeof ns);
}

static void tell(const tr_indexes_t *self, const tr_index_news_t *news) {
    if (self->news)
        self->news(self->arg, news);
}

/* ---- tasks ---- */

static bool on_progress(void *arg, size_t done, size_t total) {
    index_task_t *task = arg;
    atomic_store(&task->done, done);
    atomic_store(&task->total, total);
    return !tr_crew_stopping(task->owner->crew);
}

static void build(index_task_t *t) {
    t->rc = tr_index_plan_build(&t->plan, on_progress, t, &t->segment, &t->error);
    if (t->rc == 0 && t->segment &&
        tr_shelf_write(&t->owner->shelf, t->ns, t->model, t->sequence, t->plan.replaced, t->plan.count,
            t->segment, &t->error) < 0)
        t->sequence = 0; /* it is in memory */
}

static void run(tr_crew_task_t *task) {
    index_task_t *t = (index_task_t *)task;
    if (t->reads)
        t->count = tr_shelf_read(
            &t->owner->shelf, t->ns, t->model, t->dimensions, t->found, TR_INDEX_SEGMENTS, &t->damaged);
    else
        build(t);
}

static void task_destroy(index_task_t *t) {
    for (size_t i = 0; i < t->count; i++)
        tr_segment_release(&t->found[i].segment);
    tr_segment_release(&t->segment);
    tr_index_plan_finish(&t->plan);
    free(t);
}

static int by_size(const void *a, const void *b) {
    size_t x = tr_segment_count(((const tr_shelf_found_t *)a)->segment),
           y = tr_segment_count(((const tr_shelf_found_t *)b)->segment);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The large ones first, as merging expects them. */
static void take_found(tr_indexes_t *self, tr_known_t *known, index_task_t *t) {
    qsort(t->found, t->count, sizeof *t->found, by_size);
    for (size_t i = 0; i < t->count; i++)
        if (tr_index_append(known->index, t->found[i].segment, t->found[i].sequence) < 0)
            tr_shelf_remove(&self->shelf, known->ns, t->found[i].sequence); /* its chunks are read again */
    known->state = tr_index_census_begin(known->index) < 0 ? READING : CHECKING;
    if (t->damaged)
        tell(self, &(tr_index_news_t){known->name, "damaged", t->damaged, t->damaged + t->count, NULL});
}

static void take_built(tr_indexes_t *self, tr_known_t *known, index_task_t *t) {
    tr_index_news_t news = {known->name, "ready", 0, 0, NULL};
    if (t->rc == 0)
        t->rc = tr_index_install(known->index, &t->plan, t->segment, t->sequence);
    if (t->rc == 0)
        for (size_t i = 0; i < t->plan.count;
             i++) /* also where what replaces them was not written: a later file would not say so */
            if (t->plan.replaced[i])
                tr_shelf_remove(&self->shelf, known->ns, t->plan.replaced[i]);
    if (t->rc < 0 || (t->segment && !t->sequence)) {
        news.what = "unwritten";
        news.detail = t->error.text;
    }
    news.done = news.total = tr_index_count(known->index);
    tell(self, &news);
}

static void done(tr_crew_task_t *task) {
    index_task_t *t = (index_task_t *)task;
    tr_indexes_t *self = t->owner;
    tr_known_t *known = find(self, t->ns);
    self->busy = false;
    self->task = NULL;
    if (known)
        wake(self, known);
    if (known && known->serial == t->serial && task->ran && t->reads)
        take_found(self, known, t);
    else if (known && known->serial == t->serial && task->ran && t->rc != -ECANCELED)
        take_built(self, known, t);
    else if (task->ran && t->segment && t->sequence)
        tr_shelf_remove(&self->shelf, t->ns, t->sequence);
    task_destroy(t);
}

static index_task_t *new_task(tr_indexes_t *self, const tr_known_t *known) {
    index_task_t *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->task.run = run;
    t->task.done = done;
    t->owner = self;
    t->ns = known->ns;
    t->serial = known->serial;
    t->dimensions = tr_index_dimensions(known->index);
    memcpy(t->name, known->name, sizeof t->name);
    snprintf(t->model, sizeof t->model, "%s", known->own ? OWN_MODEL : self->model);
    return t;
}

static void start(tr_indexes_t *self, index_task_t *t) {
    self->busy = true;
    self->task = t;
    tr_crew_run(self->crew, &t->task);
}

/* True: it was begun. Not while the store is in a transaction: what is not committed may be taken back, and its number used again. */
static bool start_build(tr_indexes_t *self, tr_known_t *known, tr_index_wish_t wish) {
    index_task_t *t = self->busy || tr_kb_store_begun(self->store) ? NULL : new_task(self, known);
    if (!t)
        return false;
    if (!tr_index_plan(known->index, wish, self->seal, &t->plan)) {
        task_destroy(t);
        return false;
    }
    t->sequence = ++known->sequence;
    atomic_store(&t->total, t->plan.vectors);
    start(self, t);
    return true;
}

static bool start_reading(tr_indexes_t *self, const tr_known_t *known) {
    index_task_t *t = self->busy ? NULL : new_task(self, known);
    if (!t)
        return false;
    t->reads = true;
    start(self, t);
    return true;
}

/* ---- going through the store ---- */

typedef struct look {
    tr_indexes_t *indexes;
    tr_known_t *known;
} look_t;

static int add_vector(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    tr_known_t *known = arg;
    return dimensions == tr_index_dimensions(known->index) ? tr_index_add(known->index, chunk, vector) : 0;
}

static int look_at(void *arg, int64_t chunk) {
    look_t *look = arg;
    if (tr_index_census_see(look->known->index, chunk) || look->known->state == COUNTING)
        return 0;
    return tr_kb_vector_get(look->indexes->store, chunk, add_vector, look->known, NULL);
}

/* The dead are left out at the next plan; where they are many, that is made now. */
static void end_census(tr_indexes_t *self, tr_known_t *known) {
    size_t dead = tr_index_census_end(known->index);
    bool counted = known->state == COUNTING;
    known->state = READY;
    known->compact |= dead > DEAD_LEAST && dead * 4 > tr_index_count(known->index);
    if (!counted)
        tell(self, &(tr_index_news_t){known->name, "ready", tr_index_count(known->index),
                       tr_index_count(known->index), NULL});
}

/* A failure is tried again: the searches say what is wrong with the disk. */
static void look_on(tr_indexes_t *self, tr_known_t *known) {
    look_t look = {self, known};
    int64_t last;
    if (tr_kb_last_chunk(self->store, &last, NULL) < 0)
        return;
    if (known->cursor >= last) {
        end_census(self, known);
        return;
    }
    int64_t to = known->cursor + WINDOW < last ? known->cursor + WINDOW : last;
    int rc = tr_kb_chunks_between(self->store, known->ns, known->cursor, to, look_at, &look, NULL);
    if (rc == 0)
        known->cursor = to;
    else
        known->lost = true; /* half of a window may be in it */
}

static void check_dead(tr_indexes_t *self, tr_known_t *known, int64_t now_ms) {
    tr_kb_namespace_t ns;
    uint64_t pending;
    known->checked_ms = now_ms;
    if (tr_kb_namespace_find(self->store, known->name, &ns, NULL) < 0 || ns.version == known->version ||
        tr_kb_pending(self->store, known->ns, &pending, NULL) < 0)
        return;
    known->version = ns.version;
    size_t all = tr_index_count(known->index), living = ns.chunks > pending ? ns.chunks - pending : 0,
           dead = all > living ? all - living : 0;
    if (dead <= known->spared + DEAD_LEAST || (dead - known->spared) * 4 <= all)
        return;
    known->spared = tr_index_delta(known->index); /* these are not counted */
    known->cursor = 0;
    known->state = tr_index_census_begin(known->index) < 0 ? READY : COUNTING;
}

/* ---- turns ---- */

static int64_t earlier(int64_t a, int64_t b) {
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static int64_t turn_ready(tr_indexes_t *self, tr_known_t *known, int64_t now_ms) {
    int64_t quiet = now_ms - known->changed_ms;
    if (now_ms - known->checked_ms >= CHECK_MS)
        check_dead(self, known, now_ms);
    if (known->state != READY)
        return 0; /* what is made now would leave the dead in it */
    if (known->compact && !self->busy && tr_index_is_whole(known->index))
        known->compact = false; /* what was built meanwhile is what was asked for */
    if (known->compact && start_build(self, known, TR_INDEX_ALL)) {
        known->compact = false;
        return -1;
    }
    if (self->busy)
        return TELL_MS;
    if (start_build(self, known, TR_INDEX_IF_FULL) || known->tried)
        return known->compact ? TELL_MS : -1;
    if (quiet < QUIET_MS)
        return QUIET_MS - quiet;
    known->tried = true;
    start_build(self, known, TR_INDEX_IF_LOOSE);
    return -1;
}

static int64_t turn_one(tr_indexes_t *self, tr_known_t *known, int64_t now_ms) {
    if (known->state == READING)
        return start_reading(self, known) ? -1 : TELL_MS;
    if (known->state == READY)
        return turn_ready(self, known, now_ms);
    look_on(self, known);
    return 0;
}

static int64_t tell_progress(tr_indexes_t *self, int64_t now_ms) {
    index_task_t *t = self->task;
    if (!self->busy)
        return -1;
    if (now_ms - self->told_ms >= TELL_MS) {
        self->told_ms = now_ms;
        tell(self, &(tr_index_news_t){t->name, t->reads ? "reading" : "building", atomic_load(&t->done),
                       atomic_load(&t->total), NULL});
    }
    return TELL_MS;
}

int64_t tr_indexes_turn(tr_indexes_t *self) {
    int64_t now_ms = tr_clock_ms(), wait = -1;
    tr_known_t *known = self->restless, *next;
    self->restless = NULL;
    for (; known; known = next) {
        next = known->next_restless;
        known->restless = false;
        int64_t again = turn_one(self, known, now_ms);
        wait = earlier(wait, again);
        if (known->lost)
            forget_one(self, known->ns);
        else if (again >= 0)
            wake(self, known);
    }
    return earlier(wait, tell_progress(self, now_ms));
}

/* ---- asked for ---- */

/* At once, where it is small and there is no file. */
static int read_now(tr_indexes_t *self, tr_known_t *known, const tr_kb_namespace_t *ns, tr_error_t *error) {
    known->sequence = tr_shelf_last(&self->shelf, ns->number);
    known->state = READING;
    if (known->sequence || ns->chunks > AT_ONCE)
        return 0;
    int rc = tr_kb_vectors_read(self->store, ns, add_vector, known, error);
    known->state = READY;
    return rc;
}

int tr_indexes_need(tr_indexes_t *self, const tr_kb_namespace_t *ns, tr_index_t **ret_index,
    bool *ret_complete, tr_error_t *error) {
    tr_known_t *known = find(self, ns->number);
    int rc = 0;
    if (known && tr_index_count(known->index) == 0 && ns->dimensions &&
        ns->dimensions != tr_index_dimensions(known->index)) {
        forget_one(
            self, ns->number); /* it was empty when it was asked for, and nobody knew of what it would be */
        known = NULL;
    }
    if (!known) {
        known = known_new(self, ns);
        rc = known ? read_now(self, known, ns, error) : tr_error_set(error, -ENOMEM, "out of memory");
        if (rc < 0) {
            if (known)
                forget_one(self, ns->number);
            return rc;
        }
    }
    wake(self, known);
    *ret_index = known->index;
    *ret_complete = known->state == READY || known->state == COUNTING;
    return 0;
}

void tr_indexes_add(tr_indexes_t *self, int64_t ns, int64_t chunk, const float *vector) {
    tr_known_t *known = find(self, ns);
    if (!known || known->state == READING || (known->state == CHECKING && chunk > known->cursor))
        return; /* it is found when its turn comes */
    known->changed_ms = tr_clock_ms();
    known->tried = false;
    wake(self, known);
    if (tr_index_add(known->index, chunk, vector) < 0)
        forget_one(self, ns);
}

void tr_indexes_forget(tr_indexes_t *self) {
    size_t cursor = 0;
    const tr_map_slot_t *slot;
    while ((slot = tr_map_next(&self->known, &cursor)))
        known_destroy((tr_known_t *)(uintptr_t)slot->value);
    self->restless = NULL;
    tr_map_finish(&self->known);
}

void tr_indexes_drop(tr_indexes_t *self, int64_t ns) {
    forget_one(self, ns);
    tr_shelf_remove_all(&self->shelf, ns);
}

void tr_indexes_touch(tr_indexes_t *self, int64_t ns) {
    tr_known_t *known = find(self, ns);
    if (known)
        wake(self, known);
}

bool tr_indexes_compact(tr_indexes_t *self, int64_t ns) {
    tr_known_t *known = find(self, ns);
    if (!known)
        return false;
    known->compact = true;
    wake(self, known);
    return true;
}

tr_index_state_t tr_indexes_state(const tr_indexes_t *self, int64_t ns) {
    const tr_known_t *known = find(self, ns);
    if (!known)
        return (tr_index_state_t){.state = "none"};
    bool whole = known->state == READY || known->state == COUNTING;
    return (tr_index_state_t){
        .state = !whole                                                     ? "reading"
                 : self->busy && self->task->ns == ns && !self->task->reads ? "building"
                                                                            : "ready",
        .vectors = tr_index_count(known->index),
        .segments = tr_index_segments(known->index),
        .delta = tr_index_delta(known->index),
    };
}

/* ---- life ---- */

int tr_indexes_init(tr_indexes_t *self, const tr_indexes_options_t *o, tr_error_t *error) {
    *self = (tr_indexes_t){.store = o->store,
        .crew = o->crew,
        .seal = o->seal ? o->seal : TR_INDEXES_SEAL,
        .dimensions = o->dimensions,
        .news = o->news,
        .arg = o->arg};
    snprintf(self->model, sizeof self->model, "%s", o->model);
    tr_map_init(&self->known, (uint64_t)tr_clock_ns());
    return tr_shelf_init(&self->shelf, o->data, error);
}

void tr_indexes_finish(tr_indexes_t *self) {
    tr_indexes_forget(self);
    tr_shelf_finish(&self->shelf);
}
