#include "sim/results.h"

#include "lib/base/file.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 3

static FILE *create(const char *directory, const char *name, tr_error_t *error) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path) {
        tr_error_set(error, -ENAMETOOLONG, "%.100s...: the path is too long", directory);
        return NULL;
    }
    FILE *file = fopen(path, "we");
    if (!file)
        tr_error_set(error, -errno, "cannot write %s: %s", path, strerror(errno));
    return file;
}

int tr_sim_results_open(tr_sim_results_t *self, const char *directory, tr_error_t *error) {
    *self = (tr_sim_results_t){.directory = strdup(directory)};
    tr_map_init(&self->by_name, 1);
    if (!self->directory)
        return tr_error_set(error, -ENOMEM, "out of memory");
    int rc = tr_directory_make(directory);
    if (rc < 0)
        return tr_error_set(error, rc, "cannot make the directory %s: %s", directory, strerror(-rc));
    self->events = create(directory, "events.jsonl", error);
    self->states = self->events ? create(directory, "states.jsonl", error) : NULL;
    return self->states ? 0 : error->code;
}

void tr_sim_results_close(tr_sim_results_t *self) {
    if (self->events)
        fclose(self->events);
    if (self->states)
        fclose(self->states);
    for (size_t i = 0; i < self->column_count; i++) {
        free(self->columns[i].name);
        free(self->columns[i].rows);
    }
    free(self->columns);
    free(self->times);
    free(self->directory);
    tr_map_finish(&self->by_name);
    *self = (tr_sim_results_t){0};
}

static void fails(tr_sim_results_t *self, int code) {
    if (self->code == 0)
        self->code = code;
}

/* ---- measures ---- */

size_t tr_sim_column_parts(const tr_sim_column_t *column) {
    return column->sampled ? PARTS : 1;
}

const char *tr_sim_column_suffix(const tr_sim_column_t *column, size_t part) {
    static const char *const suffixes[PARTS] = {".n", ".mean", ".max"};
    return column->sampled ? suffixes[part] : "";
}

double tr_sim_column_value(const tr_sim_column_t *column, size_t part, size_t row) {
    return column->rows[row * tr_sim_column_parts(column) + part];
}

/* A new one has nothing in the rows before it: a sum was 0 there. */
static bool fill(const tr_sim_results_t *self, tr_sim_column_t *column) {
    size_t parts = tr_sim_column_parts(column);
    column->rows = calloc(self->row_room * parts + 1, sizeof *column->rows);
    for (size_t row = 0; column->rows && column->sampled && row < self->row_count; row++)
        column->rows[row * parts + 1] = column->rows[row * parts + 2] = NAN;
    return column->rows != NULL;
}

static tr_sim_column_t *add_column(tr_sim_results_t *self, const char *name, bool sampled) {
    tr_sim_column_t column = {.name = strdup(name), .sampled = sampled};
    tr_sim_column_t *columns = self->column_count < TR_SIM_MEASURES_MAX
                                   ? reallocarray(self->columns, self->column_count + 1, sizeof *columns)
                                   : NULL;
    if (columns)
        self->columns = columns;
    if (!columns || !column.name || !fill(self, &column) ||
        tr_map_put(&self->by_name, name, strlen(name), self->column_count) < 0) {
        fails(self, self->column_count < TR_SIM_MEASURES_MAX ? -ENOMEM : -ENOSPC);
        free(column.name);
        free(column.rows);
        return NULL;
    }
    self->columns[self->column_count] = column;
    return &self->columns[self->column_count++];
}

/* A name is of a sum or of samples: NULL where it is the other. */
static tr_sim_column_t *column_of(tr_sim_results_t *self, const char *name, bool sampled) {
    const uint64_t *at = tr_map_find(&self->by_name, name, strlen(name));
    if (!at)
        return add_column(self, name, sampled);
    if (self->columns[*at].sampled == sampled)
        return &self->columns[*at];
    fails(self, -EINVAL);
    return NULL;
}

int tr_sim_results_add(tr_sim_results_t *self, const char *measure, double value) {
    tr_sim_column_t *column = column_of(self, measure, false);
    if (column)
        column->sum += value;
    return column ? 0 : self->code;
}

int tr_sim_results_sample(tr_sim_results_t *self, const char *measure, double value) {
    tr_sim_column_t *column = column_of(self, measure, true);
    if (!column)
        return self->code;
    column->largest = column->samples && column->largest > value ? column->largest : value;
    column->sum += value;
    column->samples++;
    return 0;
}

static bool grow(tr_sim_results_t *self) {
    if (self->row_count < self->row_room)
        return true;
    size_t room = self->row_room ? 2 * self->row_room : 128;
    double *times = reallocarray(self->times, room, sizeof *times);
    if (times)
        self->times = times;
    for (size_t i = 0; times && i < self->column_count; i++) {
        tr_sim_column_t *c = &self->columns[i];
        double *rows = reallocarray(c->rows, room * tr_sim_column_parts(c) + 1, sizeof *rows);
        if (rows)
            c->rows = rows;
        else
            times = NULL;
    }
    if (times)
        self->row_room = room;
    return times != NULL;
}

void tr_sim_results_row(tr_sim_results_t *self, double time) {
    if (!grow(self)) {
        fails(self, -ENOMEM);
        return;
    }
    size_t row = self->row_count++;
    self->times[row] = time;
    for (size_t i = 0; i < self->column_count; i++) {
        tr_sim_column_t *c = &self->columns[i];
        double *out = &c->rows[row * tr_sim_column_parts(c)];
        if (!c->sampled) {
            *out = c->sum;
            continue;
        }
        out[0] = (double)c->samples;
        out[1] = c->samples ? c->sum / (double)c->samples : NAN;
        out[2] = c->samples ? c->largest : NAN;
        c->sum = c->largest = 0;
        c->samples = 0;
    }
}

const tr_sim_column_t *tr_sim_results_column(
    const tr_sim_results_t *self, const char *name, size_t *ret_part) {
    for (size_t i = 0; i < self->column_count; i++)
        for (size_t part = 0; part < tr_sim_column_parts(&self->columns[i]); part++) {
            const char *own = self->columns[i].name, *suffix = tr_sim_column_suffix(&self->columns[i], part);
            size_t len = strlen(own);
            if (strncmp(name, own, len) == 0 && strcmp(name + len, suffix) == 0) {
                *ret_part = part;
                return &self->columns[i];
            }
        }
    return NULL;
}

/* ---- lines ---- */

static void write_line(tr_sim_results_t *self, FILE *file, json_t *line) {
    if (!line || json_dumpf(line, file, JSON_COMPACT) < 0 || fputc('\n', file) < 0)
        fails(self, line ? -EIO : -ENOMEM);
    json_decref(line);
}

void tr_sim_results_event(
    tr_sim_results_t *self, double time, uint64_t step, const char *agent, json_t *event) {
    self->event_count++;
    json_t *line = json_pack("{s:f, s:I}", "time", time, "step", (json_int_t)step);
    if (line && agent)
        json_object_set_new(line, "agent", json_string(agent));
    if (line)
        json_object_set(line, "event", event);
    json_decref(event);
    write_line(self, self->events, line);
}

void tr_sim_results_state(tr_sim_results_t *self, const char *agent, json_t *state) {
    self->state_count++;
    write_line(self, self->states, json_pack("{s:s, s:o}", "agent", agent, "state", state));
}

/* ---- tables ---- */

static void write_number(FILE *out, double value, const char *nothing) {
    if (!isfinite(value))
        fputs(nothing, out);
    else
        fprintf(out, "%.10g", value);
}

static void write_csv(const tr_sim_results_t *self, FILE *out) {
    fputs("step,time", out);
    for (size_t i = 0; i < self->column_count; i++)
        for (size_t part = 0; part < tr_sim_column_parts(&self->columns[i]); part++)
            fprintf(out, ",%s%s", self->columns[i].name, tr_sim_column_suffix(&self->columns[i], part));
    for (size_t row = 0; row < self->row_count; row++) {
        fprintf(out, "\n%zu,%.10g", row + 1, self->times[row]);
        for (size_t i = 0; i < self->column_count; i++)
            for (size_t part = 0; part < tr_sim_column_parts(&self->columns[i]); part++) {
                fputc(',', out);
                write_number(out, tr_sim_column_value(&self->columns[i], part, row), "");
            }
    }
    fputc('\n', out);
}

/* An array of objects, one for each row. Names are those of topics: nothing in them needs to be escaped. */
static void write_json(const tr_sim_results_t *self, FILE *out) {
    fputc('[', out);
    for (size_t row = 0; row < self->row_count; row++) {
        fprintf(out, "%s\n{\"step\":%zu,\"time\":%.10g", row ? "," : "", row + 1, self->times[row]);
        for (size_t i = 0; i < self->column_count; i++)
            for (size_t part = 0; part < tr_sim_column_parts(&self->columns[i]); part++) {
                fprintf(
                    out, ",\"%s%s\":", self->columns[i].name, tr_sim_column_suffix(&self->columns[i], part));
                write_number(out, tr_sim_column_value(&self->columns[i], part, row), "null");
            }
        fputc('}', out);
    }
    fputs("\n]\n", out);
}

static int write_table(tr_sim_results_t *self, const char *name,
    void (*write)(const tr_sim_results_t *, FILE *), tr_error_t *error) {
    FILE *out = create(self->directory, name, error);
    if (!out)
        return error->code;
    write(self, out);
    bool bad = ferror(out);
    if (fclose(out) != 0 || bad)
        return tr_error_set(error, -EIO, "cannot write %s/%s: %s", self->directory, name, strerror(errno));
    return 0;
}

int tr_sim_results_write(tr_sim_results_t *self, tr_error_t *error) {
    if (fflush(self->events) != 0 || fflush(self->states) != 0)
        fails(self, -errno);
    if (self->code == -ENOSPC && self->column_count == TR_SIM_MEASURES_MAX)
        return tr_error_set(error, -ENOSPC,
            "more than %d measures: agents name them, let them take fewer names", TR_SIM_MEASURES_MAX);
    if (self->code == -EINVAL)
        return tr_error_set(
            error, -EINVAL, "agents add to a measure and sample it as well: give the two different names");
    if (self->code < 0)
        return tr_error_set(
            error, self->code, "cannot write to %s: %s", self->directory, strerror(-self->code));
    int rc = write_table(self, "measures.csv", write_csv, error);
    return rc == 0 ? write_table(self, "measures.json", write_json, error) : rc;
}
