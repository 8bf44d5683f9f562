/*
 * Results on stdout, in the form that -o asks for: rows with named columns.
 *
 *   table  aligned, headers in upper case; columns marked wide are left out; durations, sizes, times for
 *          people
 *   wide   the same with all columns
 *   json   an array of objects; in a stream an object a line. All columns, numbers raw, times as Unix
 *          milliseconds
 *   yaml   a sequence of mappings, in a stream a document a row
 *   name   the first column only, one a line
 *
 * A row is begun, gets its cells in the order of the columns, and is ended; cells that are left out are null
 * (empty in a table). In a table a cell's control characters are shown as '?', so that no agent writes to the
 * terminal. On a terminal a plain table is fitted to its columns (output_fit.h): what is too long is cut, with "…", and
 * times are brief; `wide` cuts nothing. With `stream` each row is written and flushed as it ends; a table's columns then have the width
 * of their header or `width`, whichever is more.
 *
 * Failure is sticky: cells and rows may be added without looking, tr_output_finish says whether all was well.
 */
#ifndef TR_TOOLS_OUTPUT_H
#define TR_TOOLS_OUTPUT_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum tr_output_format {
    TR_OUTPUT_TABLE,
    TR_OUTPUT_WIDE,
    TR_OUTPUT_JSON,
    TR_OUTPUT_YAML,
    TR_OUTPUT_NAME,
} tr_output_format_t;

/* The words of the enum, in its order and ended by NULL: for a TR_WORD option. */
extern const char *const tr_output_words[];

typedef enum tr_column_kind {
    TR_COLUMN_TEXT,
    TR_COLUMN_NUMBER,   /* right-aligned */
    TR_COLUMN_DURATION, /* milliseconds; "3m12s" */
    TR_COLUMN_BYTES,    /* "1.5M" */
    TR_COLUMN_TIME,     /* Unix milliseconds; "2026-01-31 12:00:00" in local time */
    TR_COLUMN_STATE,    /* a text with a colour of its own: running is green, failed is red ... */
} tr_column_kind_t;

typedef struct tr_column {
    const char *name; /* as in JSON: "restarts", "last_exit"; a table shows "LAST EXIT" */
    tr_column_kind_t kind;
    bool wide;    /* not in a plain table */
    size_t width; /* of a stream's table; 0 = the header's */
} tr_column_t;

typedef struct tr_output tr_output_t;

typedef struct tr_output_config {
    FILE *out; /* borrowed */
    tr_output_format_t format;
    const tr_column_t *columns; /* borrowed */
    size_t column_count;
    bool stream;
    bool colour; /* see tr_output_colour */
    bool bare;   /* a table without its header */
    size_t room; /* columns that a plain table has at most; 0 = those of `out` where that is a terminal */
} tr_output_config_t;

int tr_output_new(const tr_output_config_t *config, tr_output_t **ret_self);
/* Writes what is left, unless tr_output_finish did. */
void tr_output_destroy(tr_output_t **self);

/* Cells of the row that is being built; one more than there are columns is a failure. */
void tr_output_text(
    tr_output_t *self, const char *text); /* NULL = null; bytes that are not UTF-8 become '?' */
void tr_output_number(tr_output_t *self, int64_t value); /* also durations, bytes, times */
void tr_output_real(tr_output_t *self, double value);
void tr_output_bool(tr_output_t *self, bool value);
void tr_output_null(tr_output_t *self);
/* Any JSON value (takes the reference); a table shows lists of texts with commas and the rest as JSON. */
void tr_output_json(tr_output_t *self, json_t *value);
void tr_output_row(tr_output_t *self);

/* Writes what has to wait for all rows. 0; -EIO when the stream failed (a full disk, a closed pipe), -ENOMEM,
 * -EINVAL (too many cells). Rows after it are a failure. */
int tr_output_finish(tr_output_t *self);

/* Whether a stream gets colours: it is a terminal, NO_COLOR is unset or empty, and TERM is not "dumb". */
bool tr_output_colour(FILE *out);

/* "950ms", "3.2s", "3m12s", "2h05m", "3d04h"; "-" for negative ones. */
void tr_print_duration(int64_t ms, char *out, size_t size);
/* "512", "1.5K", "16M", "3.2G"; of 1024. */
void tr_print_bytes(uint64_t bytes, char *out, size_t size);

#endif
