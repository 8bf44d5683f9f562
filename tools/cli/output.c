#include "tools/cli/output.h"

#include "tools/cli/cli_json.h"
#include "tools/cli/output_cell.h"
#include "tools/cli/output_fit.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/terminal_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_OF_A_STREAM 24 /* columns of one that has no width of its own, where they are bounded */

const char *const tr_output_words[] = {"table", "wide", "json", "yaml", "name", NULL};

struct tr_output {
    tr_output_config_t config;
    json_t *rows; /* array of arrays of cells; of those that wait */
    json_t *row;  /* being built */
    bool header_written, finished;
    int rc;                       /* sticky */
    tr_output_column_fit_t *fits; /* of the table's columns, once it is laid out */
    size_t gap;
    bool laid_out, brief;
    int64_t now;
};

bool tr_output_colour(FILE *out) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

int tr_output_new(const tr_output_config_t *config, tr_output_t **ret_self) {
    size_t lines;
    tr_output_t *self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->config = *config;
    self->rows = json_array();
    self->row = json_array();
    self->fits = calloc(config->column_count + 1, sizeof *self->fits);
    self->now = (int64_t)time(NULL);
    if (!self->config.room && isatty(fileno(config->out)))
        tr_terminal_size(config->out, &self->config.room, &lines);
    if (!self->rows || !self->row || !self->fits) {
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
    free((*self)->fits);
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

/* Columns that the table has at most; 0 = no limit. */
static size_t room_of(const tr_output_t *self) {
    return self->config.format == TR_OUTPUT_TABLE ? self->config.room : 0;
}

/* Spaces wait in *pending for a text after them: none at the ends of lines. */
static void print_cell(
    tr_output_t *self, size_t column, const char *text, const char *colour, size_t *pending) {
    FILE *out = self->config.out;
    size_t width = self->fits[column].width, own = tr_output_cell_width(text);
    size_t pad = own < width ? width - own : 0;
    bool right = right_aligned(self->config.columns[column].kind);
    if (right)
        *pending += pad;
    if (own > 0) {
        fprintf(out, "%*s%s%s%s", (int)*pending, "", colour, text, *colour ? "\033[0m" : "");
        *pending = 0;
    }
    *pending += self->gap + (right ? 0 : pad);
}

static bool is_a_name(const tr_output_t *self, const char *text, size_t len) {
    for (size_t i = 0; i < self->config.column_count; i++) {
        const char *name = self->config.columns[i].name;
        if (strlen(name) == len && memcmp(name, text, len) == 0)
            return true;
    }
    return false;
}

/* What is shown as a time or a duration is no number of milliseconds any more; unless another column has the name without them. */
static void header_of(const tr_output_t *self, size_t column, char *out, size_t size) {
    const char *name = self->config.columns[column].name;
    tr_column_kind_t kind = self->config.columns[column].kind;
    size_t len = strlen(name);
    bool is_ms = (kind == TR_COLUMN_TIME || kind == TR_COLUMN_DURATION) && len > 3 &&
                 strcmp(name + len - 3, "_ms") == 0 && !is_a_name(self, name, len - 3);
    snprintf(out, size, "%.*s", (int)(is_ms ? len - 3 : len), name);
    for (char *c = out; *c; c++)
        *c = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
}

static void print_header(tr_output_t *self) {
    if (self->header_written || self->config.bare)
        return;
    self->header_written = true;
    size_t pending = 0;
    for (size_t i = 0; i < self->config.column_count; i++) {
        char header[64];
        header_of(self, i, header, sizeof header);
        if (!self->fits[i].hidden)
            print_cell(self, i, header, "", &pending);
    }
    fputc('\n', self->config.out);
}

/* malloc'd; NULL when out of memory. */
static char *cell_text(const tr_output_t *self, const json_t *row, size_t column) {
    const json_t *cell = json_array_get(row, column);
    tr_column_kind_t kind = self->config.columns[column].kind;
    return self->brief ? tr_output_brief_cell(cell, kind, self->now) : tr_output_cell(cell, kind);
}

static void print_row(tr_output_t *self, const json_t *row) {
    size_t pending = 0;
    for (size_t i = 0; i < self->config.column_count; i++) {
        if (self->fits[i].hidden)
            continue;
        tr_column_kind_t kind = self->config.columns[i].kind;
        char *text = cell_text(self, row, i);
        if (text && room_of(self) > 0 && kind == TR_COLUMN_TEXT)
            text = tr_output_cut_cell(text, self->fits[i].width);
        bool coloured = text && self->config.colour && kind == TR_COLUMN_STATE;
        if (text)
            print_cell(self, i, text, coloured ? tr_output_state_colour(text) : "", &pending);
        else
            failed(self, -ENOMEM);
        free(text);
    }
    fputc('\n', self->config.out);
}

static void widen(tr_output_t *self, const json_t *row) {
    for (size_t i = 0; i < self->config.column_count; i++) {
        char *text = cell_text(self, row, i);
        size_t width = text ? tr_output_cell_width(text) : 0;
        self->fits[i].width = width > self->fits[i].width ? width : self->fits[i].width;
        free(text);
    }
}

/* As wide as its cells are, or, of a stream, shall be. */
static void measure(tr_output_t *self, bool bounded) {
    for (size_t i = 0; i < self->config.column_count; i++) {
        const tr_column_t *column = &self->config.columns[i];
        char header[64] = "";
        if (!self->config.bare)
            header_of(self, i, header, sizeof header);
        bool is_free = bounded && self->config.stream && column->kind == TR_COLUMN_TEXT;
        size_t width = column->width ? column->width : is_free ? TEXT_OF_A_STREAM : 0;
        self->fits[i] = (tr_output_column_fit_t){
            .width = self->config.stream ? width : 0, .header = strlen(header), .hidden = !shown(self, i)};
    }
    for (size_t i = 0; !self->config.stream && i < json_array_size(self->rows); i++)
        widen(self, json_array_get(self->rows, i));
}

/* What is left of the lines is the last text's. */
static void stretch(tr_output_t *self, size_t room) {
    size_t last = 0, used = 0;
    for (size_t i = 0; i < self->config.column_count; i++) {
        if (self->fits[i].hidden)
            continue;
        used += self->fits[i].width + (i ? self->gap : 0);
        last = i;
    }
    if (self->config.columns[last].kind == TR_COLUMN_TEXT && used < room)
        self->fits[last].width += room - used;
}

static void lay_out(tr_output_t *self) {
    size_t n = self->config.column_count, room = room_of(self);
    self->laid_out = true;
    self->gap = TR_OUTPUT_GAP;
    measure(self, room > 0);
    if (room > 0 && tr_output_wanted(self->config.columns, self->fits, n) > room) {
        self->brief = true;
        measure(self, true);
    }
    if (room > 0)
        self->gap = tr_output_fit(self->config.columns, n, room, self->fits);
    for (size_t i = 0; i < n; i++)
        if (self->fits[i].width < self->fits[i].header)
            self->fits[i].width = self->fits[i].header;
    if (room > 0 && self->config.stream)
        stretch(self, room);
}

static void print_table(tr_output_t *self) {
    if (!self->laid_out)
        lay_out(self);
    print_header(self);
    for (size_t i = 0; i < json_array_size(self->rows); i++)
        print_row(self, json_array_get(self->rows, i));
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
    if (tr_cli_dump_json(value, out, line ? JSON_COMPACT : JSON_INDENT(2)) < 0)
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
