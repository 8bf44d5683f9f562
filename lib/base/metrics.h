/*
 * Metrics as Prometheus reads them (text format 0.0.4).
 *
 * Values live in the struct of the part that counts (so the pure core can count and knows no registry); the
 * registry borrows them and renders them. Each value is updated by ONE thread, by an inline load and store
 * without a lock, and read by any other; a reader sees each value whole, but not all values of one instant.
 *
 *     static const char *const reasons[] = {"no-route", "busy", "expired", NULL};
 *     tr_counter_t drops[3] = {0};
 *     tr_metrics_counter(metrics,
 *         &(tr_metric_t){"troupe_drops_total", "Records dropped.", {"reason"}, {reasons}}, drops, &error);
 *     ...
 *     tr_counter_inc(&drops[DROP_BUSY]);
 *
 * A family with labels has an array of values, in the order of the set of its label; with two labels, value
 * (i, j) of sets with n and m words is at [i * m + j] (tr_metric_count gives n * m).
 *
 * Threads: register everything before the first render (before tr_http_new); from then on the registry does
 * not change, and tr_metrics_render may be called by any thread, also by several at once.
 */
#ifndef TR_BASE_METRICS_H
#define TR_BASE_METRICS_H

#include "lib/base/buffer.h"
#include "lib/base/error.h"

#include <stdatomic.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialised is zero. */
typedef struct tr_counter {
    _Atomic uint64_t value;
} tr_counter_t;

typedef struct tr_gauge {
    _Atomic int64_t value;
} tr_gauge_t;

static inline void tr_counter_add(tr_counter_t *self, uint64_t n) {
    uint64_t old = atomic_load_explicit(&self->value, memory_order_relaxed);
    atomic_store_explicit(&self->value, old + n, memory_order_relaxed);
}
static inline void tr_counter_inc(tr_counter_t *self) {
    tr_counter_add(self, 1);
}
static inline uint64_t tr_counter_get(const tr_counter_t *self) {
    return atomic_load_explicit(&self->value, memory_order_relaxed);
}
static inline void tr_gauge_set(tr_gauge_t *self, int64_t value) {
    atomic_store_explicit(&self->value, value, memory_order_relaxed);
}
static inline void tr_gauge_add(tr_gauge_t *self, int64_t n) {
    tr_gauge_set(self, atomic_load_explicit(&self->value, memory_order_relaxed) + n);
}
static inline int64_t tr_gauge_get(const tr_gauge_t *self) {
    return atomic_load_explicit(&self->value, memory_order_relaxed);
}

#define TR_HISTOGRAM_BOUNDS_MAX 24

/* Counts of whole numbers in the unit that is observed (nanoseconds, bytes); rendered as value / scale. */
typedef struct tr_histogram {
    const uint64_t *bounds; /* borrowed, strictly rising; a value v is in the first bucket with v <= bound */
    size_t bound_count;
    tr_counter_t sum;
    tr_counter_t
        buckets[TR_HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative; the last is for all above the last bound */
} tr_histogram_t;

/* 50 us to 10 s, in nanoseconds; scale 1e9 renders seconds. */
#define TR_LATENCY_BOUNDS_NS_COUNT 17
extern const uint64_t tr_latency_bounds_ns[TR_LATENCY_BOUNDS_NS_COUNT];

/* As these, and on to an hour: what waits for a model or a person takes longer than messages do. */
#define TR_WORK_BOUNDS_NS_COUNT 22
extern const uint64_t tr_work_bounds_ns[TR_WORK_BOUNDS_NS_COUNT];

/* `bounds` is borrowed. 0, or -EINVAL: none or more than TR_HISTOGRAM_BOUNDS_MAX bounds, or not rising. */
int tr_histogram_init(tr_histogram_t *self, const uint64_t *bounds, size_t bound_count);

static inline void tr_histogram_observe(tr_histogram_t *self, uint64_t value) {
    size_t i = 0;
    while (i < self->bound_count && value > self->bounds[i])
        i++;
    tr_counter_inc(&self->buckets[i]);
    tr_counter_add(&self->sum, value);
}

/* One family. All strings and sets are borrowed and must outlive the registry; the struct
 * itself is copied. */
typedef struct tr_metric {
    const char *name; /* [a-zA-Z_:][a-zA-Z0-9_:]*; a counter's ends in _total */
    const char *help;
    const char *labels[2];            /* names, NULL = none */
    const char *const *label_sets[2]; /* the values of each label, ended by NULL */
    double scale;                     /* values are divided by it; 0 = 1 */
} tr_metric_t;

/* Values that a family has: the product of the sizes of its sets, 1 without labels. */
size_t tr_metric_count(const tr_metric_t *metric);

/*
 * The value of a family that is computed at render time; `index` as in the arrays above. It is called by the
 * thread that renders (that of the HTTP port), while all other threads run: it may only read what is safe to
 * read there (atomics, /proc, constants), must not block, and must not touch the registry.
 */
typedef double tr_collect_fn(void *context, size_t index);

typedef struct tr_metrics tr_metrics_t;

/* NULL when memory is out. The registry borrows all values that are registered: destroy it first. */
tr_metrics_t *tr_metrics_new(void);
void tr_metrics_destroy(tr_metrics_t **self);

/* Each: 0, -EINVAL (bad name, label or set), -EEXIST (the name is taken), -ENOMEM, with a text. `values` has
 * tr_metric_count values. */
int tr_metrics_counter(
    tr_metrics_t *self, const tr_metric_t *metric, const tr_counter_t *values, tr_error_t *error);
int tr_metrics_gauge(
    tr_metrics_t *self, const tr_metric_t *metric, const tr_gauge_t *values, tr_error_t *error);
int tr_metrics_histogram(
    tr_metrics_t *self, const tr_metric_t *metric, const tr_histogram_t *values, tr_error_t *error);
/* Computed values: a counter (only ever rising) or a gauge. */
int tr_metrics_collect_counter(
    tr_metrics_t *self, const tr_metric_t *metric, tr_collect_fn *collect, void *context, tr_error_t *error);
int tr_metrics_collect_gauge(
    tr_metrics_t *self, const tr_metric_t *metric, tr_collect_fn *collect, void *context, tr_error_t *error);

/* What every process shows: process_resident_memory_bytes, process_anonymous_memory_bytes, process_open_fds,
 * process_max_fds, process_cpu_seconds_total, troupe_build_info{version}. `version` is borrowed. */
int tr_metrics_process(tr_metrics_t *self, const char *version, tr_error_t *error);

/* Appends all families in the order of registration. */
void tr_metrics_render(const tr_metrics_t *self, tr_buffer_t *out);

#define TR_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#ifdef __cplusplus
}
#endif

#endif
