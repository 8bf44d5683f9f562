#include "tools/cli/output_fit.h"

#include <stdint.h>
#include <string.h>

#define LEAST          8 /* columns that a text which is cut has at least */
#define LEAST_GAP      2 /* where nothing need be cut */
#define LEAST_OF_FIRST 24
#define COLUMNS_MAX    64

static size_t width_of(const tr_output_column_fit_t *fit) {
    return fit->width > fit->header ? fit->width : fit->header;
}

/* What may be cut: texts; of the first one, by which a row is known, much stays. */
typedef struct limits {
    size_t gap, level, of_first; /* SIZE_MAX = whatever they have */
} limits_t;

/* With texts of so many columns at most. */
static size_t capped(
    const tr_column_t *columns, const tr_output_column_fit_t *fits, size_t i, const limits_t *limits) {
    size_t most = i ? limits->level : limits->of_first, least = i ? LEAST : LEAST_OF_FIRST;
    least = fits[i].header > least ? fits[i].header : least;
    most = most > least ? most : least;
    size_t width = width_of(&fits[i]);
    return columns[i].kind == TR_COLUMN_TEXT && width > most ? most : width;
}

static size_t total(
    const tr_column_t *columns, const tr_output_column_fit_t *fits, size_t count, const limits_t *limits) {
    size_t sum = 0, shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (fits[i].hidden)
            continue;
        sum += capped(columns, fits, i, limits);
        shown++;
    }
    return shown ? sum + (shown - 1) * limits->gap : 0;
}

size_t tr_output_wanted(const tr_column_t *columns, const tr_output_column_fit_t *fits, size_t count) {
    return total(columns, fits, count, &(limits_t){LEAST_GAP, SIZE_MAX, SIZE_MAX});
}

/* The largest level with which it has `most` columns at most; false: there is none. */
static bool find_level(const tr_column_t *columns, const tr_output_column_fit_t *fits, size_t count,
    size_t most, limits_t *limits) {
    bool cuts_first = limits->of_first != SIZE_MAX;
    for (limits->level = most; limits->level >= LEAST; limits->level--) {
        if (cuts_first)
            limits->of_first = limits->level;
        if (total(columns, fits, count, limits) <= most)
            return true;
    }
    return false;
}

size_t tr_output_fit(const tr_column_t *columns, size_t count, size_t most, tr_output_column_fit_t *fits) {
    /* The ways to do it, the best first. */
    static const limits_t ways[] = {{LEAST_GAP, 0, SIZE_MAX}, {1, 0, SIZE_MAX}, {LEAST_GAP, 0, 0}, {1, 0, 0}};
    tr_output_column_fit_t tried[COLUMNS_MAX];
    for (size_t gap = TR_OUTPUT_GAP; gap >= LEAST_GAP; gap--)
        if (total(columns, fits, count, &(limits_t){gap, SIZE_MAX, SIZE_MAX}) <= most)
            return gap;
    if (count > COLUMNS_MAX)
        return TR_OUTPUT_GAP;
    memcpy(tried, fits, count * sizeof *fits);
    for (size_t i = 1; i < count; i++)
        tried[i].hidden |= tried[i].width == 0;
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        limits_t limits = ways[way];
        if (!find_level(columns, tried, count, most, &limits))
            continue;
        for (size_t i = 0; i < count; i++)
            tried[i].width = capped(columns, tried, i, &limits);
        memcpy(fits, tried, count * sizeof *fits);
        return limits.gap;
    }
    return TR_OUTPUT_GAP;
}
