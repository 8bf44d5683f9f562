#include "tools/top/top_layout.h"

#include "tools/cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEAST 12 /* columns of a name, at the least */

void tr_top_print_rate(double per_s, char *out, size_t size) {
    static const char units[] = " kMGT";
    size_t unit = 0;
    while (per_s >= 999.5 && units[unit + 1]) {
        per_s /= 1000;
        unit++;
    }
    int decimals = unit == 0 ? (per_s > 0 && per_s < 9.95 ? 1 : 0) : per_s < 99.95 ? 1 : 0;
    int n = snprintf(out, size, "%.*f", decimals, per_s);
    if (unit && n > 0 && (size_t)n + 1 < size)
        snprintf(out + n, size - (size_t)n, "%c", units[unit]);
}

void tr_top_print_trip(int64_t us, char *out, size_t size) {
    if (us < 0)
        snprintf(out, size, "-");
    else if (us < 1000)
        snprintf(out, size, "%" PRId64 "us", us);
    else if (us < 1000000)
        snprintf(out, size, "%.*fms", us < 10000 ? 2 : 1, (double)us / 1000);
    else
        snprintf(out, size, "%.1fs", (double)us / 1000000);
}

/* ---- lines ---- */

typedef struct writer {
    const tr_top_view_t *view;
    tr_top_screen_t *screen;
    size_t width;
    int rc;
} writer_t;

/* Names come from others: nothing of them moves the cursor, and a byte is a column. */
static void make_plain(char *text) {
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
}

static void line(writer_t *w, tr_top_style_t style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void line(writer_t *w, tr_top_style_t style, const char *format, ...) {
    tr_top_screen_t *s = w->screen;
    if (w->rc < 0 || (w->view->height && s->count >= w->view->height))
        return;
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        tr_top_line_t *grown = realloc(s->lines, room * sizeof *grown);
        if (!grown) {
            w->rc = -ENOMEM;
            return;
        }
        s->lines = grown;
        s->room = room;
    }
    tr_top_line_t *l = &s->lines[s->count++];
    va_list args;
    va_start(args, format);
    vsnprintf(l->text, sizeof l->text, format, args);
    va_end(args);
    l->text[w->width] = '\0'; /* cut */
    l->style = style;
    make_plain(l->text);
}

/* ---- the head ---- */

static void title(writer_t *w) {
    const tr_top_view_t *v = w->view;
    const char *mark = v->lost ? "  THE BROKER DOES NOT ANSWER" : v->paused ? "  PAUSED" : "";
    line(w, v->lost ? TR_TOP_WARNING : TR_TOP_TITLE, "troupe top%s  %s  %s  broker %s  %s", mark,
        v->sample->platform, v->endpoint, v->sample->version, v->clock);
}

static void traffic(writer_t *w) {
    const tr_top_broker_t *b = &w->view->sample->broker;
    char in[16], out[16], stream[16], bytes_in[16], bytes_out[16], queued[16];
    tr_top_print_rate(b->in_per_s, in, sizeof in);
    tr_top_print_rate(b->out_per_s, out, sizeof out);
    tr_top_print_rate(b->stream_per_s, stream, sizeof stream);
    tr_print_bytes((uint64_t)b->bytes_in_per_s, bytes_in, sizeof bytes_in);
    tr_print_bytes((uint64_t)b->bytes_out_per_s, bytes_out, sizeof bytes_out);
    tr_print_bytes((uint64_t)(b->queued_bytes > 0 ? b->queued_bytes : 0), queued, sizeof queued);
    line(w, TR_TOP_PLAIN,
        "in %s/s (%s/s)  out %s/s (%s/s)  stream %s/s  queued %" PRId64 " (%s)  leased %" PRId64, in,
        bytes_in, out, bytes_out, stream, b->queued, queued, b->leased);
}

static bool has_durable(const tr_top_sample_t *s) {
    return s->broker.stored || s->broker.letters;
}

static void durable(writer_t *w) {
    const tr_top_broker_t *b = &w->view->sample->broker;
    char stored[16], unsynced[16];
    tr_top_print_rate(b->stored_per_s, stored, sizeof stored);
    tr_print_bytes((uint64_t)b->unsynced_bytes, unsynced, sizeof unsynced);
    line(w, b->letters ? TR_TOP_WARNING : TR_TOP_PLAIN,
        "durable: stored %s/s  on its way to the disk %s  dead letters kept %" PRId64, stored, unsynced,
        b->letters);
}

static void head(writer_t *w) {
    const tr_top_sample_t *s = w->view->sample;
    const tr_top_broker_t *b = &s->broker;
    char p50[16], p99[16];
    size_t trips;
    tr_top_print_trip(tr_top_latency_percentile(w->view->latency, s->at_ms, 50, &trips), p50, sizeof p50);
    tr_top_print_trip(tr_top_latency_percentile(w->view->latency, s->at_ms, 99, NULL), p99, sizeof p99);
    title(w);
    line(w, TR_TOP_PLAIN,
        "agents %" PRId64 "  processes %" PRId64 "  services %zu  topics %zu  round trip p50 %s p99 %s",
        s->agents_total, s->sessions, s->service_count, s->topic_count, p50, p99);
    traffic(w);
    bool trouble = b->dead_letters || b->dropped || b->refused || b->gaps;
    line(w, trouble ? TR_TOP_WARNING : TR_TOP_PLAIN,
        "redelivered %" PRId64 "  dead letters %" PRId64 "  dropped %" PRId64 "  refused %" PRId64
        "  gaps %" PRId64 "  muted %" PRId64,
        b->redelivered, b->dead_letters, b->dropped, b->refused, b->gaps, b->mutes);
    if (has_durable(s))
        durable(w);
}

/* ---- tables ---- */

/* What is left of the width for the name when the numbers have `others` columns. */
static int name_width(const writer_t *w, size_t others) {
    return (int)(w->width > others + NAME_LEAST ? w->width - others : NAME_LEAST);
}

/* An agent's name without its platform, as all are of this one. */
static int bare_length(const char *name, int most) {
    int n = (int)strcspn(name, "@");
    return n < most ? n : most;
}

static void more(writer_t *w, size_t shown, size_t all) {
    if (shown < all)
        line(w, TR_TOP_PLAIN, "  ... %zu more", all - shown);
}

static void services(writer_t *w, size_t rows) {
    const tr_top_sample_t *s = w->view->sample;
    size_t shown = s->service_count < rows ? s->service_count : rows;
    int width = name_width(w, 50);
    if (!s->service_count || !rows)
        return;
    line(w, TR_TOP_PLAIN, "%s", "");
    line(w, TR_TOP_HEADING, "%-*s %9s %9s %9s %9s %9s", width, "SERVICE", "PROVIDERS", "CAPACITY", "QUEUED",
        "LEASED", "REQ/S");
    for (size_t i = 0; i < shown; i++) {
        const tr_top_service_t *v = &s->services[i];
        char rate[16];
        tr_top_print_rate(v->per_s, rate, sizeof rate);
        line(w, v->providers ? TR_TOP_PLAIN : TR_TOP_WARNING,
            "%-*.*s %9" PRId64 " %9" PRId64 " %9" PRId64 " %9" PRId64 " %9s", width, width, v->name,
            v->providers, v->capacity, v->queued, v->leased, rate);
    }
    more(w, shown, s->service_count);
}

static bool any_durable(const tr_top_sample_t *s) {
    for (size_t i = 0; i < s->agent_count; i++)
        if (s->agents[i].leased || s->agents[i].on_disk)
            return true;
    return false;
}

static void agents(writer_t *w, size_t rows) {
    const tr_top_sample_t *s = w->view->sample;
    size_t all = s->agent_entries > s->agent_count ? s->agent_entries : s->agent_count;
    size_t shown = s->agent_count < rows ? s->agent_count : rows;
    bool durable = any_durable(s);
    int width = name_width(w, durable ? 82 : 62);
    line(w, TR_TOP_PLAIN, "%s", "");
    line(w, TR_TOP_HEADING, "%-*s %11s %7s %9s%s %9s %9s %9s", width, "AGENT", "STATE", "COUNT", "QUEUED",
        durable ? "   ON DISK    LEASED" : "", "IN HAND", "IN/S", "OUT/S");
    for (size_t i = 0; i < shown; i++) {
        const tr_top_agent_t *a = &s->agents[i];
        char in[16], out[16], kept[48] = "";
        tr_top_print_rate(a->in_per_s, in, sizeof in);
        tr_top_print_rate(a->out_per_s, out, sizeof out);
        if (durable)
            snprintf(kept, sizeof kept, " %9" PRId64 " %9" PRId64, a->on_disk, a->leased);
        line(w, a->trouble ? TR_TOP_WARNING : TR_TOP_PLAIN,
            "%-*.*s %11.11s %7" PRId64 " %9" PRId64 "%s %9" PRId64 " %9s %9s", width,
            bare_length(a->name, width), a->name, a->state, a->count, a->queued, kept, a->in_hand, in, out);
    }
    more(w, shown, all);
}

static void topics(writer_t *w, size_t rows) {
    const tr_top_sample_t *s = w->view->sample;
    size_t shown = s->topic_count < rows ? s->topic_count : rows;
    int width = name_width(w, 40);
    if (!s->topic_count || !rows)
        return;
    line(w, TR_TOP_PLAIN, "%s", "");
    line(w, TR_TOP_HEADING, "%-*s %9s %9s %9s %9s", width, "TOPIC", "MSG/S", "MESSAGES", "BYTES", "SUBS");
    for (size_t i = 0; i < shown; i++) {
        const tr_top_topic_t *t = &s->topics[i];
        char rate[16], bytes[16];
        tr_top_print_rate(t->per_s, rate, sizeof rate);
        tr_print_bytes((uint64_t)(t->bytes > 0 ? t->bytes : 0), bytes, sizeof bytes);
        line(w, TR_TOP_PLAIN, "%-*.*s %9s %9" PRId64 " %9s %9" PRId64, width, width, t->name, rate,
            t->messages, bytes, t->subscribers);
    }
    more(w, shown, s->topic_count);
}

/* ---- the whole ---- */

typedef struct shares {
    size_t services, agents, topics; /* rows */
} shares_t;

/* How many rows fit beside the head, the keys, and each table's blank line, heading and line of how many
 * more. Services get a quarter and topics a third, and what they do not need goes to the agents. */
static shares_t share(const tr_top_view_t *v) {
    const tr_top_sample_t *s = v->sample;
    if (!v->height)
        return (shares_t){v->rows, v->rows, v->rows};
    size_t fixed = 4u + has_durable(s) + 3 * 3 + 1, room = v->height > fixed ? v->height - fixed : 0;
    shares_t n = {.services = room / 4, .topics = room / 3};
    n.services = s->service_count < n.services ? s->service_count : n.services;
    n.topics = s->topic_count < n.topics ? s->topic_count : n.topics;
    n.agents = room - n.services - n.topics;
    n.agents += (n.services ? 0u : 3u) + (n.topics ? 0u : 3u);
    return n;
}

static void keys(writer_t *w) {
    const tr_top_view_t *v = w->view;
    if (!v->keys || !v->height)
        return;
    while (w->rc == 0 && w->screen->count + 1 < v->height)
        line(w, TR_TOP_PLAIN, "%s", "");
    line(w, TR_TOP_TITLE, "q quit   s sort (by %s)   p %s", tr_top_sort_words[v->sort],
        v->paused ? "go on" : "pause");
}

int tr_top_layout(const tr_top_view_t *view, tr_top_screen_t *screen) {
    writer_t w = {.view = view, .screen = screen};
    w.width = view->width < TR_TOP_WIDTH_MAX ? view->width : TR_TOP_WIDTH_MAX;
    shares_t n = share(view);
    screen->count = 0;
    head(&w);
    services(&w, n.services);
    agents(&w, n.agents);
    topics(&w, n.topics);
    keys(&w);
    return w.rc;
}

void tr_top_screen_finish(tr_top_screen_t *self) {
    free(self->lines);
    *self = (tr_top_screen_t){0};
}
