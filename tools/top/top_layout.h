/* The screen of `troupe top`: a pure function from numbers to lines. */
#ifndef TR_TOOLS_TOP_LAYOUT_H
#define TR_TOOLS_TOP_LAYOUT_H

#include "tools/top/top_sample.h"

#define TR_TOP_WIDTH_MAX 400

typedef enum tr_top_style {
    TR_TOP_PLAIN,
    TR_TOP_TITLE,
    TR_TOP_HEADING,
    TR_TOP_WARNING,
} tr_top_style_t;

typedef struct tr_top_line {
    tr_top_style_t style;
    char text[TR_TOP_WIDTH_MAX + 1]; /* of ASCII, no control characters, no longer than the width */
} tr_top_line_t;

typedef struct tr_top_screen {
    tr_top_line_t *lines;
    size_t count, room;
} tr_top_screen_t;

typedef struct tr_top_view {
    const tr_top_sample_t *sample; /* in the order in which it is shown */
    const tr_top_latency_t *latency;
    const char *endpoint;
    const char *clock; /* "12:00:05" */
    tr_top_sort_t sort;
    bool paused;
    bool lost;     /* the broker does not answer: these are old numbers */
    bool keys;     /* whether to say which keys there are */
    size_t width;  /* columns, at most TR_TOP_WIDTH_MAX are used */
    size_t height; /* lines at most; 0 = no limit but `rows` of each table */
    size_t rows;
} tr_top_view_t;

/* Lines for this view; 0 or -ENOMEM. `screen` is used again from call to call; all zero before the first. */
int tr_top_layout(const tr_top_view_t *view, tr_top_screen_t *screen);
void tr_top_screen_finish(tr_top_screen_t *self);

/* "0", "950", "12.3k", "4.5M": at most five characters. */
void tr_top_print_rate(double per_s, char *out, size_t size);
/* "120us", "1.25ms", "3.1s"; "-" for negative ones. */
void tr_top_print_trip(int64_t us, char *out, size_t size);

#endif
