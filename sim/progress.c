/* How far it is, and what came of it. */
#include "sim/simulation.h"

#include "lib/base/options.h"
#include "sim/bar.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#define SHOW_MS 200

int64_t tr_sim_real_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void tr_sim_progress(tr_simulation_t *self) {
    char line[200];
    int64_t now = tr_sim_real_ms();
    if (self->options->quiet || now - self->shown_ms < SHOW_MS || !isatty(STDERR_FILENO))
        return;
    self->shown_ms = now;
    if (!self->step) {
        fprintf(stderr, "\r\033[Kstarting %" PRIu64 " agents ...", self->agents);
        return;
    }
    tr_sim_bar(self->step, self->rows, (double)(now - self->real_begun_ms) / 1e3, tr_options_width(stderr),
        line, sizeof line);
    fprintf(stderr, "\r\033[K%s", line);
}

void tr_sim_progress_end(const tr_simulation_t *self) {
    if (self->shown_ms)
        fputs("\r\033[K", stderr);
}

/* ---- the report ---- */

static void measure_row(const tr_simulation_t *self, const tr_sim_column_t *column, size_t part) {
    double least = NAN, most = NAN, last = NAN, value;
    for (size_t row = 0; row < self->results.row_count; row++) {
        if (isnan(value = tr_sim_column_value(column, part, row)))
            continue;
        least = isnan(least) || value < least ? value : least;
        most = isnan(most) || value > most ? value : most;
        last = value;
    }
    char name[200];
    snprintf(name, sizeof name, "%s%s", column->name, tr_sim_column_suffix(column, part));
    printf("%-24s %14.6g %14.6g %14.6g\n", name, last, least, most);
}

static void report_table(const tr_simulation_t *self, size_t plots, double took) {
    const tr_core_stats_t *stats = tr_sim_hub_stats(&self->hub);
    printf("%s: %" PRIu64 " agents in %zu process%s, seed %" PRIu64 ", %" PRIu64 " steps of %.10g s\n",
        self->scenario.name, self->agents, self->member_count - 1, self->member_count == 2 ? "" : "es",
        self->seed, (uint64_t)self->results.row_count, (double)self->scenario.step_ms / 1e3);
    printf("%" PRIu64 " messages in %.2f s (%.3g a second); %" PRIu64 " events, %" PRIu64
           " states; trace %016" PRIx64 "\n\n",
        stats->accepted, took, (double)stats->accepted / (took > 0 ? took : 1e-3), self->results.event_count,
        self->results.state_count, self->world.trace);
    printf("%-24s %14s %14s %14s\n", "MEASURE", "LAST", "LEAST", "MOST");
    for (size_t i = 0; i < self->results.column_count; i++)
        for (size_t part = 0; part < tr_sim_column_parts(&self->results.columns[i]); part++)
            measure_row(self, &self->results.columns[i], part);
    printf("\n%s has measures.csv, measures.json, events.jsonl, states.jsonl", self->results.directory);
    if (plots)
        printf(" and %zu plot%s as SVG and PNG", plots, plots == 1 ? "" : "s");
    printf("\n");
}

/* The last row. */
static json_t *last_of(const tr_sim_results_t *results) {
    json_t *last = json_object();
    char name[200];
    for (size_t i = 0; last && results->row_count && i < results->column_count; i++)
        for (size_t part = 0; part < tr_sim_column_parts(&results->columns[i]); part++) {
            double value = tr_sim_column_value(&results->columns[i], part, results->row_count - 1);
            snprintf(name, sizeof name, "%s%s", results->columns[i].name,
                tr_sim_column_suffix(&results->columns[i], part));
            json_object_set_new(last, name, isnan(value) ? json_null() : json_real(value));
        }
    return last;
}

static void report_json(const tr_simulation_t *self, size_t plots, double took) {
    const tr_core_stats_t *stats = tr_sim_hub_stats(&self->hub);
    char trace[17];
    snprintf(trace, sizeof trace, "%016" PRIx64, self->world.trace);
    json_t *report = json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:s, s:s, s:I, s:o}",
        "simulation", self->scenario.name, "seed", (json_int_t)self->seed, "agents", (json_int_t)self->agents,
        "processes", (json_int_t)(self->member_count - 1), "steps", (json_int_t)self->results.row_count,
        "step_seconds", (double)self->scenario.step_ms / 1e3, "seconds", took, "messages",
        (json_int_t)stats->accepted, "events", (json_int_t)self->results.event_count, "states",
        (json_int_t)self->results.state_count, "trace", trace, "directory", self->results.directory, "plots",
        (json_int_t)plots, "measures", last_of(&self->results));
    json_dumpf(report, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(report);
}

void tr_sim_report(const tr_simulation_t *self, size_t plots) {
    double took = (double)(tr_sim_real_ms() - self->real_begun_ms) / 1e3;
    if (self->options->output == TR_SIM_JSON)
        report_json(self, plots, took);
    else
        report_table(self, plots, took);
}
