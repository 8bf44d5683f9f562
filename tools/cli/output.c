#include "tools/cli/output.h"

#include "tools/cli/output_cell.h"
#include "tools/cli/output_yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP 3 /* spaces between columns */

const char *const tr_output_words[] = {"table", "wide", "json", "yaml", "name", NULL};

struct tr_output {
    tr_output_config_t config;
    json_t *rows; /* array of arrays of cells; of those that wait */
    json_t *row;  /* being built */
    bool header_written, finished;
    int rc; /* sticky */
};

bool tr_output_colour(FILE *out) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

int tr_output_new(const tr_output_config_t *config, tr_output_t **ret_self) {
    tr_output_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->config = *config;
    self->rows = json_array();
    self->row = json_array();
    if (!self->rows || !self->row) {
        self->finished = true;
        tr_output_destroy(&self);
        return -ENOMEM;
    }
    *ret_self = self;
    return 0;
}

void tr_output_destroy(tr_output_t **self) {
    if (!self || !*self)
        return;
    if (!(*self)->finished)
        tr_output_finish(*self);
    json_decref((*self)->rows);
    json_decref((*self)->row);
    free(*self);
    *self = NULL;
}

static void failed(tr_output_t *self, int rc) {
    if (self->rc == 0)
        self->rc = rc;
}

/* ---- cells ---- */

void tr_output_json(tr_output_t *self, json_t *value) {
    if (!value)
        failed(self, -ENOMEM);
    else if (json_array_size(self->row) >= self->config.column_count || self->finished) {
        json_decref(value);
        failed(self, -EINVAL);
    } else if (json_array_append_new(self->row, value) < 0)
        failed(self, -ENOMEM);
}

void tr_output_text(tr_output_t *self, const char *text) {
    json_t *value = text ? json_string(text) : json_null();
    if (value) {
        tr_output_json(self, value);
        return;
    }
    /* Not UTF-8 (or no memory, which the next step finds out): keep what is ASCII. */
    char *ascii = strdup(text);
    for (char *c = ascii; c && *c; c++)
        *c = isascii((unsigned char)*c) ? *c : '?';
    tr_output_json(self, ascii ? json_string(ascii) : NULL);
    free(ascii);
}

void tr_output_number(tr_output_t *self, int64_t value) {
    tr_output_json(self, json_integer(value));
}

void tr_output_real(tr_output_t *self, double value) {
    json_t *real = json_real(value);
    tr_output_json(self, real ? real : json_null()); /* NaN and infinities have no JSON */
}

void tr_output_bool(tr_output_t *self, bool value) {
    tr_output_json(self, json_boolean(value));
}

void tr_output_null(tr_output_t *self) {
    tr_output_json(self, json_null());
}

/* ---- tables ---- */

static bool shown(const tr_output_t *self, size_t column) {
    return !self->config.columns[column].wide || self->config.format == TR_OUTPUT_WIDE;
}

static bool right_aligned(tr_column_kind_t kind) {
    return kind == TR_COLUMN_NUMBER || kind == TR_COLUMN_DURATION || kind == TR_COLUMN_BYTES;
}

/* Spaces wait in *pending for a text after them: none at the ends of lines. */
static void print_cell(
    tr_output_t *self, size_t column, const char *text, size_t width, const char *colour, size_t *pending) {
    FILE *out = self->config.out;
    size_t own = tr_output_cell_width(text), pad = own < width ? width - own : 0;
    bool right = right_aligned(self->config.columns[column].kind);
    if (right)
        *pending += pad;
    if (own > 0) {
        fprintf(out, "%*s%s%s%s", (int)*pending, "", colour, text, *colour ? "\033[0m" : "");
        *pending = 0;
    }
    *pending += GAP + (right ? 0 : pad);
}

static void header_of(const tr_column_t *column, char *out, size_t size) {
    snprintf(out, size, "%s", column->name);
    for (char *c = out; *c; c++)
        *c = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
}

static void print_header(tr_output_t *self, const size_t *widths) {
    if (self->header_written || self->config.bare)
        return;
    self->header_written = true;
    size_t pending = 0;
    for (size_t i = 0; i < self->config.column_count; i++) {
        char header[64];
        header_of(&self->config.columns[i], header, sizeof header);
        if (shown(self, i))
            print_cell(self, i, header, widths[i], "", &pending);
    }
    fputc('\n', self->config.out);
}

static void print_row(tr_output_t *self, const json_t *row, const size_t *widths) {
    size_t pending = 0;
    for (size_t i = 0; i < self->config.column_count; i++) {
        if (!shown(self, i))
            continue;
        bool coloured = self->config.colour && self->config.columns[i].kind == TR_COLUMN_STATE;
        char *text = tr_output_cell(json_array_get(row, i), self->config.columns[i].kind);
        if (text)
            print_cell(self, i, text, widths[i], coloured ? tr_output_state_colour(text) : "", &pending);
        else
            failed(self, -ENOMEM);
        free(text);
    }
    fputc('\n', self->config.out);
}

static void widen(tr_output_t *self, const json_t *row, size_t *widths) {
    for (size_t i = 0; i < self->config.column_count; i++) {
        char *text = tr_output_cell(json_array_get(row, i), self->config.columns[i].kind);
        size_t width = text ? tr_output_cell_width(text) : 0;
        widths[i] = width > widths[i] ? width : widths[i];
        free(text);
    }
}

static void print_table(tr_output_t *self) {
    size_t n = self->config.column_count, *widths = calloc(n + 1, sizeof *widths);
    if (!widths) {
        failed(self, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t header = self->config.bare ? 0 : strlen(self->config.columns[i].name);
        size_t width = self->config.stream ? self->config.columns[i].width : 0;
        widths[i] = width > header ? width : header;
    }
    for (size_t i = 0; !self->config.stream && i < json_array_size(self->rows); i++)
        widen(self, json_array_get(self->rows, i), widths);
    print_header(self, widths);
    for (size_t i = 0; i < json_array_size(self->rows); i++)
        print_row(self, json_array_get(self->rows, i), widths);
    free(widths);
}

/* ---- the other formats ---- */

static json_t *object_of(const tr_output_t *self, const json_t *row) {
    json_t *object = json_object();
    for (size_t i = 0; object && i < self->config.column_count; i++) {
        json_t *cell = json_array_get(row, i);
        json_t *value = cell ? json_incref(cell) : json_null();
        if (json_object_set_new(object, self->config.columns[i].name, value) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* The rows that wait, as an array of objects. */
static json_t *objects(const tr_output_t *self) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < json_array_size(self->rows); i++) {
        if (json_array_append_new(all, object_of(self, json_array_get(self->rows, i))) < 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static int write_json(const json_t *value, bool line, FILE *out) {
    if (json_dumpf(value, out, line ? JSON_COMPACT : JSON_INDENT(2)) < 0)
        return -EIO;
    return fputc('\n', out) == EOF ? -EIO : 0;
}

static void print_objects(tr_output_t *self) {
    bool json = self->config.format == TR_OUTPUT_JSON, stream = self->config.stream;
    json_t *all = objects(self);
    int rc = all ? 0 : -ENOMEM;
    if (rc == 0 && !stream)
        rc = json ? write_json(all, false, self->config.out) : tr_output_yaml(all, false, self->config.out);
    for (size_t i = 0; rc == 0 && stream && i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        rc = json ? write_json(one, true, self->config.out) : tr_output_yaml(one, true, self->config.out);
    }
    json_decref(all);
    if (rc < 0)
        failed(self, rc);
}

static void print_names(tr_output_t *self) {
    for (size_t i = 0; i < json_array_size(self->rows); i++) {
        char *text = tr_output_cell(json_array_get(json_array_get(self->rows, i), 0), TR_COLUMN_TEXT);
        if (text)
            fprintf(self->config.out, "%s\n", text);
        else
            failed(self, -ENOMEM);
        free(text);
    }
}

static void print_waiting(tr_output_t *self) {
    static void (*const prints[])(tr_output_t *) = {
        [TR_OUTPUT_TABLE] = print_table,
        [TR_OUTPUT_WIDE] = print_table,
        [TR_OUTPUT_JSON] = print_objects,
        [TR_OUTPUT_YAML] = print_objects,
        [TR_OUTPUT_NAME] = print_names,
    };
    prints[self->config.format](self);
    json_array_clear(self->rows);
    if (fflush(self->config.out) != 0 || ferror(self->config.out))
        failed(self, -EIO);
}

void tr_output_row(tr_output_t *self) {
    json_t *next = json_array();
    if (!next || json_array_append(self->rows, self->row) < 0) {
        json_decref(next);
        failed(self, -ENOMEM);
        return;
    }
    json_decref(self->row);
    self->row = next;
    if (self->finished)
        failed(self, -EINVAL);
    else if (self->config.stream)
        print_waiting(self);
}

int tr_output_finish(tr_output_t *self) {
    if (self->finished)
        return self->rc;
    if (!self->config.stream)
        print_waiting(self);
    self->finished = true;
    return self->rc;
}
