#include "tools/tap/tap_print.h"

#include "proto/json.h"
#include "tools/cli/message_text.h"
#include "tools/tap/tap_topics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ARENA_MAX     (1u << 20)
#define CONTENT_WIDTH 160 /* where there is no terminal */
#define CONTENT_LEAST 40
#define OTHER_COLUMNS 75 /* what stands left of the content */

/* The first column is what -o name prints. A table shows a copy of a direct message by its receiver. */
static const tr_column_t name_columns[] = {{"topic", TR_COLUMN_TEXT}};
static const tr_column_t columns[] = {
    {"time", TR_COLUMN_TEXT, .width = 12},
    {"topic", TR_COLUMN_TEXT, .width = 24},
    {"sequence", TR_COLUMN_NUMBER, .width = 8},
    {"sender", TR_COLUMN_TEXT, .width = 16},
    {"act", TR_COLUMN_TEXT, .width = 8},
    {"content", TR_COLUMN_TEXT},
    {"to", TR_COLUMN_TEXT, .wide = true},
    {"headers", TR_COLUMN_TEXT, .wide = true},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static bool is_table(const tr_tap_printer_t *self) {
    return self->format == TR_OUTPUT_TABLE || self->format == TR_OUTPUT_WIDE;
}

static size_t content_width(FILE *out) {
    struct winsize window = {0};
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &window) < 0 || window.ws_col == 0)
        return CONTENT_WIDTH;
    return window.ws_col > OTHER_COLUMNS + CONTENT_LEAST ? window.ws_col - OTHER_COLUMNS : CONTENT_LEAST;
}

int tr_tap_printer_init(
    tr_tap_printer_t *self, FILE *out, tr_output_format_t format, bool raw, bool headers) {
    *self = (tr_tap_printer_t){.out = out, .format = format, .raw = raw, .headers = headers};
    bool name = format == TR_OUTPUT_NAME;
    /* "to" and "headers" are columns of JSON and YAML only; in a table they have lines of their own. */
    size_t count = name ? 1 : is_table(self) ? COLUMNS - 2 : headers ? COLUMNS : COLUMNS - 1;
    tr_output_config_t config = {
        .out = out,
        .format = format,
        .columns = name ? name_columns : columns,
        .column_count = count,
        .stream = true,
        .colour = tr_output_colour(out),
    };
    if (format == TR_OUTPUT_TABLE)
        self->content_width = content_width(out);
    tr_arena_init(&self->arena, ARENA_MAX);
    return tr_output_new(&config, &self->output);
}

int tr_tap_printer_finish(tr_tap_printer_t *self) {
    int rc = self->output ? tr_output_finish(self->output) : 0;
    if (self->raw && (fflush(self->out) != 0 || ferror(self->out)))
        rc = -EIO;
    tr_output_destroy(&self->output);
    tr_arena_finish(&self->arena);
    return rc;
}

static void time_cell(tr_tap_printer_t *self, int64_t now_ms) {
    char text[32] = "", with_ms[40];
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    if (!is_table(self)) {
        tr_output_number(self->output, now_ms);
        return;
    }
    if (localtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%H:%M:%S", &tm);
    snprintf(with_ms, sizeof with_ms, "%s.%03d", text, (int)(now_ms % 1000));
    tr_output_text(self->output, with_ms);
}

static void topic_cell(tr_tap_printer_t *self, const tr_stream_message_t *message, const tr_acl_t *acl) {
    char text[256];
    bool copy = message->record.h.flags & TR_FLAG_TAP && acl && acl->receivers.count;
    if (copy && is_table(self))
        snprintf(text, sizeof text, "-> %.240s", acl->receivers.items[0]);
    else
        snprintf(text, sizeof text, "%.*s", (int)message->topic_len, message->topic);
    tr_output_text(self->output, text);
}

static void content_cell(tr_tap_printer_t *self, json_t *content) {
    if (!is_table(self)) {
        tr_output_json(self->output, content);
        return;
    }
    char *text = !content || json_is_null(content) ? NULL
                 : json_is_string(content)         ? strdup(json_string_value(content))
                                                   : json_dumps(content, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text && self->content_width)
        tr_tap_cut(text, self->content_width);
    tr_output_text(self->output, text);
    free(text);
    json_decref(content);
}

static void print_raw(tr_tap_printer_t *self, const tr_record_t *record) {
    tr_cli_print_raw(self->out, record->content, record->content_len);
    fputc('\n', self->out);
    fflush(self->out);
}

static void print_cells(
    tr_tap_printer_t *self, const tr_stream_message_t *message, const tr_acl_t *acl, int64_t now_ms) {
    const tr_record_t *r = &message->record;
    time_cell(self, now_ms);
    topic_cell(self, message, acl);
    tr_output_number(self->output, (int64_t)r->h.id);
    tr_output_text(self->output, acl ? acl->sender : NULL);
    tr_output_text(self->output, tr_performative_name(r->h.performative));
    content_cell(self, tr_content_json(acl ? acl->language : NULL, r->content, r->content_len));
    if (is_table(self))
        return;
    tr_output_text(self->output, acl && acl->receivers.count ? acl->receivers.items[0] : NULL);
    if (self->headers)
        tr_output_json(self->output, tr_cli_headers_json(r, acl));
}

void tr_tap_print(tr_tap_printer_t *self, const tr_stream_message_t *message, int64_t now_ms) {
    tr_acl_t acl;
    tr_arena_reset(&self->arena);
    bool valid = tr_acl_read(&acl, &message->record, &self->arena) == 0;
    if (self->raw) {
        print_raw(self, &message->record);
        return;
    }
    if (self->format == TR_OUTPUT_NAME)
        topic_cell(self, message, valid ? &acl : NULL);
    else
        print_cells(self, message, valid ? &acl : NULL, now_ms);
    tr_output_row(self->output);
    if (!self->headers || !is_table(self))
        return;
    json_t *headers = tr_cli_headers_json(&message->record, valid ? &acl : NULL);
    tr_cli_print_headers(self->out, headers, 4);
    json_decref(headers);
    fflush(self->out);
}
