#include "lib/base/metrics.h"

#include "lib/base/process.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define FAMILIES_MAX 4096
#define SERIES_MAX   10000 /* of one family */

typedef enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM } kind_t;

typedef struct family {
    tr_metric_t metric;
    kind_t kind;
    const void *values; /* NULL for a computed family */
    tr_collect_fn *collect;
    void *context;
} family_t;

struct tr_metrics {
    family_t *families;
    size_t count;
    size_t capacity;
    const char *versions[2]; /* the label set of troupe_build_info */
};

const uint64_t tr_latency_bounds_ns[TR_LATENCY_BOUNDS_NS_COUNT] = {50000, 100000, 250000, 500000, 1000000,
    2500000, 5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000,
    5000000000, 10000000000};

const uint64_t tr_work_bounds_ns[TR_WORK_BOUNDS_NS_COUNT] = {50000, 100000, 250000, 500000, 1000000, 2500000,
    5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000,
    5000000000, 10000000000, 30000000000, 60000000000, 300000000000, 900000000000, 3600000000000};

int tr_histogram_init(tr_histogram_t *self, const uint64_t *bounds, size_t bound_count) {
    if (bound_count == 0 || bound_count > TR_HISTOGRAM_BOUNDS_MAX)
        return -EINVAL;
    for (size_t i = 1; i < bound_count; i++)
        if (bounds[i] <= bounds[i - 1])
            return -EINVAL;
    memset(self, 0, sizeof *self);
    self->bounds = bounds;
    self->bound_count = bound_count;
    return 0;
}

static size_t set_size(const char *const *set) {
    size_t n = 0;
    while (set && set[n])
        n++;
    return n;
}

size_t tr_metric_count(const tr_metric_t *metric) {
    size_t count = 1;
    for (size_t i = 0; i < 2; i++)
        if (metric->labels[i])
            count *= set_size(metric->label_sets[i]);
    return count;
}

tr_metrics_t *tr_metrics_new(void) {
    return calloc(1, sizeof(tr_metrics_t));
}

void tr_metrics_destroy(tr_metrics_t **self) {
    if (!*self)
        return;
    free((*self)->families);
    free(*self);
    *self = NULL;
}

/* --- registration --------------------------------------------------------------------------------------- */

static bool is_name(const char *text, bool colons) {
    if (!text || !*text || (*text >= '0' && *text <= '9'))
        return false;
    for (; *text; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (!letter && !(*text >= '0' && *text <= '9') && *text != '_' && !(colons && *text == ':'))
            return false;
    }
    return true;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int check_labels(const tr_metric_t *metric, kind_t kind, tr_error_t *error) {
    for (size_t i = 0; i < 2; i++) {
        const char *label = metric->labels[i];
        if (!label)
            continue;
        if (!is_name(label, false) || strncmp(label, "__", 2) == 0 ||
            (kind == KIND_HISTOGRAM && strcmp(label, "le") == 0))
            return tr_error_set(
                error, -EINVAL, "metric %s: \"%s\" is no name for a label", metric->name, label);
        if (set_size(metric->label_sets[i]) == 0)
            return tr_error_set(error, -EINVAL, "metric %s: label %s has no values", metric->name, label);
    }
    if (metric->labels[1] && !metric->labels[0])
        return tr_error_set(error, -EINVAL, "metric %s: a second label without a first", metric->name);
    if (metric->labels[0] && metric->labels[1] && strcmp(metric->labels[0], metric->labels[1]) == 0)
        return tr_error_set(
            error, -EINVAL, "metric %s: label %s is given twice", metric->name, metric->labels[0]);
    if (tr_metric_count(metric) > SERIES_MAX)
        return tr_error_set(error, -EINVAL, "metric %s: more than %d series", metric->name, SERIES_MAX);
    return 0;
}

static int check(const tr_metrics_t *self, const family_t *family, tr_error_t *error) {
    const tr_metric_t *metric = &family->metric;
    if (!is_name(metric->name, true))
        return tr_error_set(
            error, -EINVAL, "\"%s\" is no name for a metric", metric->name ? metric->name : "");
    if (family->kind == KIND_COUNTER && !ends_with(metric->name, "_total"))
        return tr_error_set(error, -EINVAL, "metric %s: a counter's name ends in _total", metric->name);
    if (!metric->help || !*metric->help)
        return tr_error_set(error, -EINVAL, "metric %s: no help", metric->name);
    if (!(metric->scale >= 0) || isinf(metric->scale))
        return tr_error_set(error, -EINVAL, "metric %s: bad scale", metric->name);
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->families[i].metric.name, metric->name) == 0)
            return tr_error_set(error, -EEXIST, "metric %s: the name is taken", metric->name);
    return check_labels(metric, family->kind, error);
}

static int add(tr_metrics_t *self, family_t family, tr_error_t *error) {
    int rc = check(self, &family, error);
    if (rc)
        return rc;
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 32;
        family_t *grown = capacity <= FAMILIES_MAX ? realloc(self->families, capacity * sizeof *grown) : NULL;
        if (!grown)
            return tr_error_set(error, -ENOMEM, "metric %s: out of memory", family.metric.name);
        self->families = grown;
        self->capacity = capacity;
    }
    self->families[self->count++] = family;
    return 0;
}

int tr_metrics_counter(
    tr_metrics_t *self, const tr_metric_t *metric, const tr_counter_t *values, tr_error_t *error) {
    return add(self, (family_t){.metric = *metric, .kind = KIND_COUNTER, .values = values}, error);
}

int tr_metrics_gauge(
    tr_metrics_t *self, const tr_metric_t *metric, const tr_gauge_t *values, tr_error_t *error) {
    return add(self, (family_t){.metric = *metric, .kind = KIND_GAUGE, .values = values}, error);
}

int tr_metrics_histogram(
    tr_metrics_t *self, const tr_metric_t *metric, const tr_histogram_t *values, tr_error_t *error) {
    for (size_t i = 0; i < tr_metric_count(metric); i++)
        if (values[i].bound_count == 0)
            return tr_error_set(
                error, -EINVAL, "metric %s: histogram %zu is not initialised", metric->name, i);
    return add(self, (family_t){.metric = *metric, .kind = KIND_HISTOGRAM, .values = values}, error);
}

int tr_metrics_collect_counter(
    tr_metrics_t *self, const tr_metric_t *metric, tr_collect_fn *collect, void *context, tr_error_t *error) {
    return add(self,
        (family_t){.metric = *metric, .kind = KIND_COUNTER, .collect = collect, .context = context}, error);
}

int tr_metrics_collect_gauge(
    tr_metrics_t *self, const tr_metric_t *metric, tr_collect_fn *collect, void *context, tr_error_t *error) {
    return add(self,
        (family_t){.metric = *metric, .kind = KIND_GAUGE, .collect = collect, .context = context}, error);
}

/* --- the process's own ---------------------------------------------------------------------------------- */

static double collect_rss(void *context, size_t index) {
    (void)context, (void)index;
    tr_process_memory_t memory;
    return tr_process_memory(&memory) == 0 ? (double)memory.rss_bytes : NAN;
}

static double collect_anon(void *context, size_t index) {
    (void)context, (void)index;
    tr_process_memory_t memory;
    return tr_process_memory(&memory) == 0 ? (double)memory.anon_bytes : NAN;
}

static double collect_cpu(void *context, size_t index) {
    (void)context, (void)index;
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return NAN;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double collect_open_fds(void *context, size_t index) {
    (void)context, (void)index;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return NAN;
    double count = 0;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count - 1; /* without the directory itself */
}

static double collect_max_fds(void *context, size_t index) {
    (void)context, (void)index;
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : NAN;
}

static double collect_one(void *context, size_t index) {
    (void)context, (void)index;
    return 1;
}

int tr_metrics_process(tr_metrics_t *self, const char *version, tr_error_t *error) {
    static const struct {
        const char *name, *help;
        tr_collect_fn *collect;
    } gauges[] = {
        {"process_resident_memory_bytes", "Resident memory.", collect_rss},
        {"process_anonymous_memory_bytes", "Resident memory that is private (RssAnon).", collect_anon},
        {"process_open_fds", "Open file descriptors.", collect_open_fds},
        {"process_max_fds", "Most open file descriptors.", collect_max_fds},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        tr_metric_t metric = {.name = gauges[i].name, .help = gauges[i].help};
        int rc = tr_metrics_collect_gauge(self, &metric, gauges[i].collect, NULL, error);
        if (rc)
            return rc;
    }
    tr_metric_t cpu = {
        .name = "process_cpu_seconds_total", .help = "CPU time of the process, user and system."};
    int rc = tr_metrics_collect_counter(self, &cpu, collect_cpu, NULL, error);
    if (rc)
        return rc;
    self->versions[0] = version;
    tr_metric_t build = {
        "troupe_build_info", "Always 1; the label says the version.", {"version"}, {self->versions}, 0};
    return tr_metrics_collect_gauge(self, &build, collect_one, NULL, error);
}

/* --- rendering ------------------------------------------------------------------------------------------ */

static void put_escaped(tr_buffer_t *out, const char *text, bool quotes) {
    for (; *text; text++) {
        if (*text == '\\')
            tr_buffer_text(out, "\\\\");
        else if (*text == '\n')
            tr_buffer_text(out, "\\n");
        else if (*text == '"' && quotes)
            tr_buffer_text(out, "\\\"");
        else
            tr_buffer_char(out, *text);
    }
}

/* NAME SUFFIX {labels, le} and a space. */
static void put_series(
    tr_buffer_t *out, const tr_metric_t *metric, const char *suffix, size_t index, const char *le) {
    size_t inner = metric->labels[1] ? set_size(metric->label_sets[1]) : 1;
    size_t at[2] = {index / inner, index % inner};
    const char *comma = "{";
    tr_buffer_text(out, metric->name);
    tr_buffer_text(out, suffix);
    for (size_t i = 0; i < 2 && metric->labels[i]; i++) {
        tr_buffer_printf(out, "%s%s=\"", comma, metric->labels[i]);
        put_escaped(out, metric->label_sets[i][at[i]], true);
        tr_buffer_char(out, '"');
        comma = ",";
    }
    if (le) {
        tr_buffer_printf(out, "%sle=\"%s\"", comma, le);
        comma = ",";
    }
    tr_buffer_text(out, *comma == ',' ? "} " : " ");
}

static void put_double(tr_buffer_t *out, double value) {
    if (isnan(value))
        tr_buffer_text(out, "NaN\n");
    else if (isinf(value))
        tr_buffer_text(out, value > 0 ? "+Inf\n" : "-Inf\n");
    else
        tr_buffer_printf(out, "%.15g\n", value);
}

static double scaled(const tr_metric_t *metric, double value) {
    return metric->scale > 0 ? value / metric->scale : value;
}

static void put_histogram(
    tr_buffer_t *out, const tr_metric_t *metric, const tr_histogram_t *histogram, size_t index) {
    uint64_t total = 0;
    char le[32];
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        if (i < histogram->bound_count)
            snprintf(le, sizeof le, "%.12g", scaled(metric, (double)histogram->bounds[i]));
        else
            snprintf(le, sizeof le, "+Inf");
        total += tr_counter_get(&histogram->buckets[i]);
        put_series(out, metric, "_bucket", index, le);
        tr_buffer_printf(out, "%" PRIu64 "\n", total);
    }
    put_series(out, metric, "_sum", index, NULL);
    put_double(out, scaled(metric, (double)tr_counter_get(&histogram->sum)));
    /* The same as the last bucket, whatever was counted meanwhile: Prometheus compares them. */
    put_series(out, metric, "_count", index, NULL);
    tr_buffer_printf(out, "%" PRIu64 "\n", total);
}

static void put_scalar(tr_buffer_t *out, const family_t *family, size_t index) {
    const tr_metric_t *metric = &family->metric;
    put_series(out, metric, "", index, NULL);
    if (family->collect)
        put_double(out, scaled(metric, family->collect(family->context, index)));
    else if (family->kind == KIND_COUNTER && metric->scale == 0)
        tr_buffer_printf(out, "%" PRIu64 "\n", tr_counter_get((const tr_counter_t *)family->values + index));
    else if (family->kind == KIND_COUNTER)
        put_double(out, scaled(metric, (double)tr_counter_get((const tr_counter_t *)family->values + index)));
    else if (metric->scale == 0)
        tr_buffer_printf(out, "%" PRId64 "\n", tr_gauge_get((const tr_gauge_t *)family->values + index));
    else
        put_double(out, scaled(metric, (double)tr_gauge_get((const tr_gauge_t *)family->values + index)));
}

void tr_metrics_render(const tr_metrics_t *self, tr_buffer_t *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (size_t i = 0; i < self->count; i++) {
        const family_t *family = &self->families[i];
        size_t count = tr_metric_count(&family->metric);
        tr_buffer_printf(out, "# HELP %s ", family->metric.name);
        put_escaped(out, family->metric.help, false);
        tr_buffer_printf(out, "\n# TYPE %s %s\n", family->metric.name, kinds[family->kind]);
        for (size_t j = 0; j < count; j++) {
            if (family->kind == KIND_HISTOGRAM)
                put_histogram(out, &family->metric, (const tr_histogram_t *)family->values + j, j);
            else
                put_scalar(out, family, j);
        }
    }
}
