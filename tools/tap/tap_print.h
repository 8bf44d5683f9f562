/* What `troupe tap` prints of one message. */
#ifndef TR_TOOLS_TAP_PRINT_H
#define TR_TOOLS_TAP_PRINT_H

#include "lib/base/arena.h"
#include "tools/cli/cli.h"
#include "tools/tap/stream.h"

typedef struct tr_tap_printer {
    tr_output_t *output;
    tr_output_format_t format;
    FILE *out;
    bool raw, headers;
    size_t content_width; /* characters of a content in a table; 0 = all */
    tr_arena_t arena;
} tr_tap_printer_t;

/* 0 or -ENOMEM. */
int tr_tap_printer_init(tr_tap_printer_t *self, FILE *out, tr_output_format_t format, bool raw, bool headers);
/* 0, or -EIO where the output failed. */
int tr_tap_printer_finish(tr_tap_printer_t *self);
void tr_tap_print(tr_tap_printer_t *self, const tr_stream_message_t *message, int64_t now_ms);

#endif
