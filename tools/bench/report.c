#include "tools/bench/report.h"

#include <string.h>

/* For people: values with their units. */
static const tr_column_t table_columns[] = {
    {"workload", TR_COLUMN_TEXT},
    {"metric", TR_COLUMN_TEXT},
    {"size", TR_COLUMN_NUMBER},
    {"transport", TR_COLUMN_TEXT, .wide = true},
    {"pin", TR_COLUMN_TEXT},
    {"value", TR_COLUMN_NUMBER},
    {"raw", TR_COLUMN_NUMBER},
    {"ratio", TR_COLUMN_NUMBER},
    {"target", TR_COLUMN_TEXT},
    {"reached", TR_COLUMN_TEXT},
    {"range", TR_COLUMN_TEXT, .wide = true},
    {"raw_range", TR_COLUMN_TEXT, .wide = true},
    {"ratio_range", TR_COLUMN_TEXT, .wide = true},
    {"cpu", TR_COLUMN_NUMBER, .wide = true},
    {"raw_cpu", TR_COLUMN_NUMBER, .wide = true},
    {"note", TR_COLUMN_TEXT, .wide = true},
};

/* For programs: numbers as they are. */
static const tr_column_t data_columns[] = {
    {"workload", TR_COLUMN_TEXT},
    {"metric", TR_COLUMN_TEXT},
    {"transport", TR_COLUMN_TEXT},
    {"pin", TR_COLUMN_TEXT},
    {"size", TR_COLUMN_NUMBER},
    {"agents", TR_COLUMN_NUMBER},
    {"count", TR_COLUMN_NUMBER},
    {"runs", TR_COLUMN_NUMBER},
    {"value", TR_COLUMN_NUMBER},
    {"min", TR_COLUMN_NUMBER},
    {"max", TR_COLUMN_NUMBER},
    {"unit", TR_COLUMN_TEXT},
    {"raw", TR_COLUMN_NUMBER},
    {"raw_min", TR_COLUMN_NUMBER},
    {"raw_max", TR_COLUMN_NUMBER},
    {"ratio", TR_COLUMN_NUMBER},
    {"ratio_min", TR_COLUMN_NUMBER},
    {"ratio_max", TR_COLUMN_NUMBER},
    {"cpu_us", TR_COLUMN_NUMBER},
    {"raw_cpu_us", TR_COLUMN_NUMBER},
    {"p50_us", TR_COLUMN_NUMBER},
    {"p99_us", TR_COLUMN_NUMBER},
    {"bytes_each", TR_COLUMN_NUMBER},
    {"fsync_per_s", TR_COLUMN_NUMBER},
    {"target", TR_COLUMN_TEXT},
    {"pass", TR_COLUMN_TEXT},
    {"note", TR_COLUMN_TEXT},
};

static const tr_column_t case_columns[] = {
    {"workload", TR_COLUMN_TEXT},
    {"metric", TR_COLUMN_TEXT},
    {"size", TR_COLUMN_NUMBER},
    {"agents", TR_COLUMN_NUMBER},
    {"pin", TR_COLUMN_TEXT},
    {"target", TR_COLUMN_TEXT},
    {"what", TR_COLUMN_TEXT},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool for_people(tr_output_format_t format) {
    return format == TR_OUTPUT_TABLE || format == TR_OUTPUT_WIDE;
}

int tr_bench_report_new(FILE *out, tr_output_format_t format, tr_output_t **ret_output) {
    bool people = for_people(format);
    tr_output_config_t config = {.out = out,
        .format = format,
        .columns = people ? table_columns : data_columns,
        .column_count = people ? COUNT(table_columns) : COUNT(data_columns),
        .stream = !people,
        .colour = tr_output_colour(out)};
    return tr_output_new(&config, ret_output);
}

static void put_value(tr_output_t *o, bool have, const tr_bench_row_t *row, double value) {
    char text[48];
    tr_bench_print(row->metric->unit, value, text, sizeof text);
    tr_output_text(o, have ? text : NULL);
}

static void put_range(tr_output_t *o, bool have, const tr_bench_row_t *row, double min, double max) {
    char low[32], high[32], text[80];
    tr_bench_print(row->metric->unit, min, low, sizeof low);
    tr_bench_print(row->metric->unit, max, high, sizeof high);
    snprintf(text, sizeof text, "%s .. %s", low, high);
    tr_output_text(o, have ? text : NULL);
}

static void put_number(tr_output_t *o, uint64_t n) {
    if (n)
        tr_output_number(o, (int64_t)n);
    else
        tr_output_null(o);
}

static void put_real(tr_output_t *o, bool have, double value) {
    if (have)
        tr_output_real(o, value);
    else
        tr_output_null(o);
}

static const char *some(const char *text) {
    return text[0] ? text : NULL;
}

static void put_cpu(tr_output_t *o, double us) {
    char text[32];
    snprintf(text, sizeof text, "%.3g us", us);
    tr_output_text(o, us > 0 ? text : NULL);
}

static void add_for_people(tr_output_t *o, const tr_bench_row_t *row, const char *note) {
    char ratio[24], ratio_range[48], target[64];
    snprintf(ratio, sizeof ratio, "%.2f", row->ratio);
    snprintf(ratio_range, sizeof ratio_range, "%.2f .. %.2f", row->ratio_min, row->ratio_max);
    tr_bench_print_target(row->metric, target, sizeof target);
    tr_output_text(o, row->c->workload);
    tr_output_text(o, row->metric->name);
    put_number(o, row->c->size);
    tr_output_text(o, row->c->transport);
    tr_output_text(o, row->c->pin);
    put_value(o, row->has_value, row, row->value);
    put_value(o, row->has_raw, row, row->raw);
    tr_output_text(o, row->has_ratio ? ratio : NULL);
    tr_output_text(o, some(target));
    tr_output_text(o, !row->judged ? NULL : row->pass ? "yes" : "NO");
    put_range(o, row->has_value, row, row->min, row->max);
    put_range(o, row->has_raw, row, row->raw_min, row->raw_max);
    tr_output_text(o, row->has_ratio ? ratio_range : NULL);
    put_cpu(o, row->cpu_us);
    put_cpu(o, row->raw_cpu_us);
    tr_output_text(o, some(note));
    tr_output_row(o);
}

/* The value of another metric of the same result: p50 and p99 stand in each row of a latency. */
static void put_metric(tr_output_t *o, const tr_bench_result_t *result, const char *name) {
    for (size_t i = 0; i < result->rows_n; i++)
        if (strcmp(result->rows[i].metric->name, name) == 0) {
            put_real(o, result->rows[i].has_value, result->rows[i].value);
            return;
        }
    tr_output_null(o);
}

static void add_for_programs(tr_output_t *o, const tr_bench_result_t *result, const tr_bench_row_t *row) {
    char target[64];
    tr_bench_print_target(row->metric, target, sizeof target);
    tr_output_text(o, row->c->workload);
    tr_output_text(o, row->metric->name);
    tr_output_text(o, row->c->transport);
    tr_output_text(o, row->c->pin);
    put_number(o, row->c->size);
    put_number(o, row->c->agents);
    put_number(o, row->has_value ? row->c->count : row->c->raw_count);
    tr_output_number(o, row->runs);
    put_real(o, row->has_value, row->value);
    put_real(o, row->has_value, row->min);
    put_real(o, row->has_value, row->max);
    tr_output_text(o, some(tr_bench_unit_name(row->metric->unit)));
    put_real(o, row->has_raw, row->raw);
    put_real(o, row->has_raw, row->raw_min);
    put_real(o, row->has_raw, row->raw_max);
    put_real(o, row->has_ratio, row->ratio);
    put_real(o, row->has_ratio, row->ratio_min);
    put_real(o, row->has_ratio, row->ratio_max);
    put_real(o, row->cpu_us > 0, row->cpu_us);
    put_real(o, row->raw_cpu_us > 0, row->raw_cpu_us);
    put_metric(o, result, "p50");
    put_metric(o, result, "p99");
    put_real(o, row->has_value && row->metric->unit == TR_BENCH_BYTES, row->value);
    put_real(o, row->has_raw && row->c->raw == tr_bench_durable_raw, result->rows[0].raw);
    tr_output_text(o, some(target));
    if (row->judged)
        tr_output_bool(o, row->pass);
    else
        tr_output_null(o);
    tr_output_text(o, some(result->note));
    tr_output_row(o);
}

void tr_bench_report_add(tr_output_t *output, tr_output_format_t format, const tr_bench_result_t *result) {
    for (size_t i = 0; i < result->rows_n; i++) {
        if (for_people(format))
            add_for_people(output, &result->rows[i], result->note);
        else
            add_for_programs(output, result, &result->rows[i]);
    }
}

static void add_case(tr_output_t *o, const tr_bench_case_t *c, const tr_bench_metric_t *metric) {
    char target[64];
    tr_bench_print_target(metric, target, sizeof target);
    tr_output_text(o, c->workload);
    tr_output_text(o, metric->name);
    put_number(o, c->size);
    put_number(o, c->agents);
    tr_output_text(o, c->pin);
    tr_output_text(o, some(target));
    tr_output_text(o, metric == c->metrics ? c->summary : NULL);
    tr_output_row(o);
}

int tr_bench_report_cases(FILE *out, tr_output_format_t format, tr_output_t **ret_output) {
    tr_output_config_t config = {.out = out,
        .format = format,
        .columns = case_columns,
        .column_count = COUNT(case_columns),
        .colour = tr_output_colour(out)};
    int r = tr_output_new(&config, ret_output);
    for (const tr_bench_case_t *c = tr_bench_cases; r == 0 && c->workload; c++)
        for (size_t i = 0; i < TR_BENCH_METRICS && c->metrics[i].name; i++)
            add_case(*ret_output, c, &c->metrics[i]);
    return r;
}
