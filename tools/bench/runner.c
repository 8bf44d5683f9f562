#include "tools/bench/runner.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME "/troupe-bench-XXXXXX"

/* In TMPDIR, which is refused where it is too long for the paths of ipc sockets: another disk has other figures. */
static int make_directory(tr_bench_t *b, tr_error_t *error) {
    const char *parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/tmp";
    if (strlen(parent) + sizeof NAME > sizeof b->directory)
        return tr_error_set(error, -ENAMETOOLONG,
            "TMPDIR has %zu bytes, %zu at most leave room for the paths of sockets: set it to a shorter "
            "directory on the disk to measure",
            strlen(parent), sizeof b->directory - sizeof NAME);
    snprintf(b->directory, sizeof b->directory, "%s" NAME, parent);
    if (mkdtemp(b->directory))
        return 0;
    int r = -errno;
    b->directory[0] = 0;
    return tr_error_set(error, r, "cannot make a directory in %s: %s", parent, strerror(-r));
}

int tr_bench_init(tr_bench_t *self, tr_error_t *error) {
    *self = (tr_bench_t){.signals = -1};
    int r = tr_programs_find(&self->programs, error);
    if (r == 0)
        r = make_directory(self, error);
    if (r == 0)
        r = tr_process_signals(&self->signals, error);
    if (r == 0) {
        self->shared =
            mmap(NULL, sizeof *self->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (self->shared == MAP_FAILED) {
            self->shared = NULL;
            r = tr_error_set(error, -ENOMEM, "out of memory");
        }
    }
    if (r < 0)
        tr_bench_finish(self);
    return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    remove(path);
    return 0; /* what stays is not worth stopping for, ignoring */
}

/* Journals have directories of their own. */
static void remove_directory(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void tr_bench_finish(tr_bench_t *self) {
    tr_bench_stop_all(self);
    if (self->shared)
        munmap(self->shared, sizeof *self->shared);
    if (self->signals >= 0)
        close(self->signals);
    if (self->directory[0])
        remove_directory(self->directory);
    *self = (tr_bench_t){.signals = -1};
}

const char *tr_bench_unit_name(tr_bench_unit_t unit) {
    static const char *const names[] = {
        [TR_BENCH_PER_SECOND] = "/s",
        [TR_BENCH_MICROSECONDS] = "us",
        [TR_BENCH_SECONDS] = "s",
        [TR_BENCH_BYTES] = "B",
        [TR_BENCH_NUMBER] = "",
    };
    return names[unit];
}

void tr_bench_print(tr_bench_unit_t unit, double value, char *out, size_t size) {
    double amount = value < 0 ? -value : value;
    if (unit == TR_BENCH_PER_SECOND && amount >= 1e6)
        snprintf(out, size, "%.2f M/s", value / 1e6);
    else if (unit == TR_BENCH_PER_SECOND && amount >= 1e4)
        snprintf(out, size, "%.0f k/s", value / 1e3);
    else if (unit == TR_BENCH_BYTES && amount >= 1024 * 1024)
        snprintf(out, size, "%.2f MiB", value / (1024 * 1024));
    else if (unit == TR_BENCH_BYTES && amount >= 10 * 1024)
        snprintf(out, size, "%.1f KiB", value / 1024);
    else if (unit == TR_BENCH_MICROSECONDS)
        snprintf(out, size, "%.1f us", value);
    else if (unit == TR_BENCH_SECONDS)
        snprintf(out, size, "%.2f s", value);
    else if (unit == TR_BENCH_NUMBER && amount < 10)
        snprintf(out, size, "%.4g", value);
    else
        snprintf(out, size, "%.0f%s%s", value, unit == TR_BENCH_NUMBER ? "" : " ", tr_bench_unit_name(unit));
}

void tr_bench_print_target(const tr_bench_metric_t *metric, char *out, size_t size) {
    char value[32] = "", orientation[48] = "";
    tr_bench_print(metric->unit,
        metric->bound == TR_BENCH_VALUE_MAX || metric->bound == TR_BENCH_VALUE_MIN ||
                metric->bound == TR_BENCH_MORE_MAX
            ? metric->limit
            : metric->orientation,
        value, sizeof value);
    if (metric->orientation > 0)
        snprintf(orientation, sizeof orientation, " (%s)", value);
    switch (metric->bound) {
    case TR_BENCH_RATIO_MIN: snprintf(out, size, ">= %g x raw%s", metric->limit, orientation); break;
    case TR_BENCH_RATIO_MAX: snprintf(out, size, "<= %g x raw%s", metric->limit, orientation); break;
    case TR_BENCH_VALUE_MAX: snprintf(out, size, "<= %s", value); break;
    case TR_BENCH_VALUE_MIN: snprintf(out, size, ">= %s", value); break;
    case TR_BENCH_MORE_MAX: snprintf(out, size, "<= raw + %s", value); break;
    case TR_BENCH_UNBOUND: out[0] = 0; break;
    }
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts v. */
static double median(double *v, int n) {
    qsort(v, (size_t)n, sizeof *v, compare);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* The runs of both sides. */
typedef struct samples {
    int runs;
    bool ours, raw;
    tr_bench_sample_t of_ours[TR_BENCH_RUNS_MAX], of_raw[TR_BENCH_RUNS_MAX];
} samples_t;

static void sum_up(const tr_bench_sample_t *samples, int runs, size_t metric, double *ret_median,
    double *ret_min, double *ret_max) {
    double v[TR_BENCH_RUNS_MAX];
    for (int i = 0; i < runs; i++)
        v[i] = samples[i].values[metric];
    *ret_median = median(v, runs);
    *ret_min = v[0];
    *ret_max = v[runs - 1];
}

static double cpu_of(const tr_bench_sample_t *samples, int runs) {
    double v[TR_BENCH_RUNS_MAX];
    for (int i = 0; i < runs; i++)
        v[i] = samples[i].cpu_us;
    return median(v, runs);
}

int tr_bench_ratios(const tr_bench_sample_t *ours, const tr_bench_sample_t *raw, int runs, size_t metric,
    double out[2 * TR_BENCH_RUNS_MAX]) {
    int n = 0;
    for (int i = 0; i < runs; i++) {
        if (raw[i].values[metric] <= 0)
            return 0;
        if (i)
            out[n++] = ours[i - 1].values[metric] / raw[i].values[metric];
        out[n++] = ours[i].values[metric] / raw[i].values[metric];
    }
    return n;
}

static void compare_sides(const samples_t *s, size_t metric, tr_bench_row_t *row) {
    double v[2 * TR_BENCH_RUNS_MAX];
    int n = s->ours && s->raw ? tr_bench_ratios(s->of_ours, s->of_raw, s->runs, metric, v) : 0;
    row->has_ratio = n > 0;
    if (!n)
        return;
    row->ratio = median(v, n);
    row->ratio_min = v[0];
    row->ratio_max = v[n - 1];
}

static void judge(tr_bench_row_t *row) {
    double limit = row->metric->limit;
    row->has_bound = row->metric->bound != TR_BENCH_UNBOUND;
    switch (row->metric->bound) {
    case TR_BENCH_RATIO_MIN:
        row->judged = row->has_ratio;
        row->pass = row->ratio >= limit;
        break;
    case TR_BENCH_RATIO_MAX:
        row->judged = row->has_ratio;
        row->pass = row->ratio <= limit;
        break;
    case TR_BENCH_VALUE_MAX:
        row->judged = row->has_value;
        row->pass = row->value <= limit;
        break;
    case TR_BENCH_VALUE_MIN:
        row->judged = row->has_value;
        row->pass = row->value >= limit;
        break;
    case TR_BENCH_MORE_MAX:
        row->judged = row->has_value && row->has_raw;
        row->pass = row->value - row->raw <= limit;
        break;
    case TR_BENCH_UNBOUND: break;
    }
}

static void sum_up_all(const tr_bench_case_t *c, const samples_t *s, tr_bench_result_t *result) {
    for (size_t i = 0; i < TR_BENCH_METRICS && c->metrics[i].name; i++) {
        tr_bench_row_t row = {
            .c = c, .metric = &c->metrics[i], .runs = s->runs, .has_value = s->ours, .has_raw = s->raw};
        if (s->ours)
            sum_up(s->of_ours, s->runs, i, &row.value, &row.min, &row.max);
        if (s->raw)
            sum_up(s->of_raw, s->runs, i, &row.raw, &row.raw_min, &row.raw_max);
        row.cpu_us = s->ours ? cpu_of(s->of_ours, s->runs) : 0;
        row.raw_cpu_us = s->raw ? cpu_of(s->of_raw, s->runs) : 0;
        compare_sides(s, i, &row);
        judge(&row);
        result->rows[result->rows_n++] = row;
    }
}

static int measure(tr_bench_t *b, const tr_bench_case_t *c, tr_bench_measure_fn side, FILE *progress,
    tr_bench_sample_t *ret, tr_error_t *error) {
    memset(b->shared, 0, sizeof *b->shared);
    b->work = 0;
    b->cpu_us = 0;
    int r = side(b, c, ret, error);
    tr_bench_stop_all(b);
    if (r < 0)
        return r;
    ret->cpu_us = b->work ? (double)b->cpu_us / (double)b->work : 0;
    char text[32];
    tr_bench_print(c->metrics[0].unit, ret->values[0], text, sizeof text);
    fprintf(progress, "%s %s", side == c->raw ? ", raw" : ", troupe", text);
    fflush(progress);
    return 0;
}

static void begin_line(const tr_bench_case_t *c, int run, int runs, FILE *progress) {
    fprintf(progress, "%s", c->workload);
    if (c->size)
        fprintf(progress, " %zu B", c->size);
    fprintf(progress, " %s, %s%s, run %d of %d", c->transport, strcmp(c->pin, "free") == 0 ? "" : "CPU ",
        c->pin, run, runs);
    fflush(progress);
}

int tr_bench_run(tr_bench_t *self, const tr_bench_case_t *c, bool raw_only, FILE *progress,
    tr_bench_result_t *ret_result, tr_error_t *error) {
    int runs = c->runs;
    samples_t *s = calloc(1, sizeof *s);
    if (!s)
        return tr_error_set(error, -ENOMEM, "out of memory");
    *s = (samples_t){.runs = runs, .ours = !raw_only, .raw = c->raw != NULL};
    int r = 0;
    for (int i = 0; i < runs && r == 0; i++) {
        begin_line(c, i + 1, runs, progress);
        if (s->raw && (r = measure(self, c, c->raw, progress, &s->of_raw[i], error)) < 0)
            tr_error_prefix(error, "%s, raw side", c->workload);
        if (s->ours && r == 0 && (r = measure(self, c, c->ours, progress, &s->of_ours[i], error)) < 0)
            tr_error_prefix(error, "%s", c->workload);
        fputc('\n', progress);
    }
    if (r == 0) {
        *ret_result = (tr_bench_result_t){0};
        sum_up_all(c, s, ret_result);
        for (int i = 0; i < runs; i++)
            if (s->of_ours[i].note[0])
                memcpy(ret_result->note, s->of_ours[i].note, sizeof ret_result->note);
    }
    free(s);
    return r;
}
