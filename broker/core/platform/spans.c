#include "broker/core/platform/spans.h"

#include "broker/core/federation/interest.h"
#include "broker/core/platform/route_span.h"
#include "broker/core/platform/spending.h"
#include "proto/span.h"
#include "proto/traceparent.h"

#include <stdlib.h>

#define TRACE_SIZE 32u
#define TRACES     50u
#define TRACES_MAX 500u

typedef struct batch {
    struct batch *next;
    size_t len, n, roots; /* spans, and those of them that begin a trace */
    bool packed;          /* proto/span.h; else the content of the action, msgpack, as it was told */
    uint8_t bytes[];
} batch_t;

typedef struct tr_spans {
    batch_t *first, **end;       /* the oldest first */
    size_t bytes, kept;          /* of them all; spans */
    uint64_t forgotten, dropped; /* spans: here, to make room; in the processes, which had no credit */
} tr_spans_t;

static tr_spans_t *spans_of(tr_core_t *core) {
    if (!core->spans && (core->spans = calloc(1, sizeof *core->spans)))
        core->spans->end = &core->spans->first;
    return core->spans;
}

void tr_spans_finish(tr_core_t *core) {
    while (core->spans && core->spans->first) {
        batch_t *next = core->spans->first->next;
        free(core->spans->first);
        core->spans->first = next;
    }
    free(core->spans);
    core->spans = NULL;
    tr_route_spans_finish(core);
    tr_spending_finish(core);
}

/* ---- what is told ---- */

static bool is_span(tr_value_t span) {
    size_t len = 0;
    return tr_value_str(tr_value_get(span, "trace"), &len) && len == TRACE_SIZE &&
           tr_value_is_str(tr_value_get(span, "span")) && tr_value_is_str(tr_value_get(span, "name"));
}

static bool are_spans(tr_value_t list) {
    size_t n = tr_value_size(list);
    for (size_t i = 0; i < n; i++)
        if (!is_span(tr_value_at(list, i)))
            return false;
    return tr_value_is_array(list) && n > 0;
}

static size_t count_roots(tr_value_t list) {
    size_t roots = 0;
    for (size_t i = 0; i < tr_value_size(list); i++)
        roots += !tr_value_get(tr_value_at(list, i), "parent");
    return roots;
}

static void make_room(tr_spans_t *s, size_t len, size_t limit) {
    while (s->first && s->bytes + len > limit) {
        batch_t *oldest = s->first;
        s->forgotten += oldest->n;
        s->kept -= oldest->n;
        s->bytes -= oldest->len;
        s->first = oldest->next;
        if (!s->first)
            s->end = &s->first;
        free(oldest);
    }
}

typedef struct told {
    const uint8_t *bytes; /* that are kept: packed, or the content of the action */
    size_t len, n, roots;
    uint64_t dropped;
    tr_value_t list; /* NULL: packed */
} told_t;

static void write_packed(tr_content_writer_t *w, const told_t *t) {
    tr_span_packed_t span;
    tr_write_array(w, t->n);
    for (size_t at = 0; at < t->len;) { /* they have been checked */
        at += (size_t)tr_span_unpack(&span, t->bytes + at, t->len - at);
        tr_span_write(w, &span);
    }
}

/* For whoever exports them: maps in any case. */
static void publish(tr_core_t *core, const told_t *t) {
    tr_topic_t *topic = tr_sys_topic(core, TR_TOPIC_SPANS);
    tr_content_writer_t w;
    if (!topic)
        return;
    tr_content_writer_init(&w);
    tr_write_map(&w, 1);
    tr_write_str(&w, "spans");
    if (t->list)
        tr_write_value(&w, t->list);
    else
        write_packed(&w, t);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

static void keep(tr_core_t *core, const told_t *t) {
    size_t limit = core->config.trace_bytes;
    tr_spans_t *s = t->n && t->len <= limit ? spans_of(core) : NULL;
    if (!s)
        return;
    publish(core, t);
    make_room(s, t->len, limit);
    batch_t *batch = malloc(sizeof *batch + t->len);
    if (!batch)
        return; /* out of memory: these are not kept, ignoring */
    *batch = (batch_t){.len = t->len, .n = t->n, .roots = t->roots, .packed = !t->list};
    memcpy(batch->bytes, t->bytes, t->len);
    *s->end = batch;
    s->end = &batch->next;
    s->bytes += t->len;
    s->kept += batch->n;
    s->dropped += t->dropped;
}

static void keep_packed(tr_core_t *core, told_t t) {
    if (tr_spans_check(t.bytes, t.len, &t.n, &t.roots) == 0)
        keep(core, &t);
}

static void keep_list(tr_core_t *core, told_t t) {
    t.n = are_spans(t.list) ? tr_value_size(t.list) : 0;
    t.roots = t.n ? count_roots(t.list) : 0;
    keep(core, &t);
}

void tr_handle_spans(tr_answer_t *a) {
    tr_value_t spans = tr_value_get(a->request, "spans");
    uint64_t dropped = (uint64_t)tr_value_int(tr_value_get(a->request, "dropped"), 0);
    size_t len;
    const uint8_t *packed = tr_value_bin(spans, &len);
    if (packed)
        keep_packed(a->core, (told_t){.bytes = packed, .len = len, .dropped = dropped});
    else
        keep_list(a->core, (told_t){.bytes = a->record->content,
                               .len = a->record->content_len,
                               .list = spans,
                               .dropped = dropped});
    tr_spending_take(a);
}

void tr_spans_tell(tr_core_t *core, const uint8_t *packed, size_t len, size_t n, uint64_t dropped) {
    keep(core, &(told_t){.bytes = packed, .len = len, .n = n, .dropped = dropped});
}

void tr_spans_due(tr_core_t *core) {
    if (core->route_spans)
        tr_route_spans_due(core);
}

/* ---- what is asked ---- */

typedef struct finding {
    const char *trace; /* NULL: what begins one */
    tr_content_writer_t *found;
    size_t skip, n, max;
    bool more;
} finding_t;

/* One that is wanted: whether it is to be written, or counts among those that are skipped or too many. */
static bool takes(finding_t *f) {
    bool skipped = f->skip > 0, fits = f->n < f->max;
    f->more |= !fits;
    f->skip -= skipped;
    f->n += !skipped && fits;
    return !skipped && fits;
}

static bool is_wanted(const finding_t *f, tr_value_t span) {
    return f->trace ? tr_value_equals(tr_value_get(span, "trace"), f->trace) : !tr_value_get(span, "parent");
}

static void find_in_list(finding_t *f, const batch_t *batch) {
    tr_content_t content;
    /* At a glance: an id stands in it as it is. */
    if ((f->trace && !memmem(batch->bytes, batch->len, f->trace, TRACE_SIZE)) ||
        tr_content_init(&content, batch->bytes, batch->len) < 0)
        return;
    tr_value_t list = tr_value_get(&content.root, "spans");
    for (size_t i = 0; i < tr_value_size(list); i++)
        if (is_wanted(f, tr_value_at(list, i)) && takes(f))
            tr_write_value(f->found, tr_value_at(list, i));
    tr_content_finish(&content);
}

static bool is_packed_wanted(const finding_t *f, const tr_span_packed_t *span) {
    char trace[TR_TRACE_ID_SIZE];
    if (!f->trace)
        return !span->parent;
    tr_trace_id_write(span->trace, trace);
    return strcmp(trace, f->trace) == 0;
}

static void find_in_packed(finding_t *f, const batch_t *batch) {
    tr_span_packed_t span;
    for (size_t at = 0; at < batch->len;) {
        at += (size_t)tr_span_unpack(&span, batch->bytes + at, batch->len - at);
        if (is_packed_wanted(f, &span) && takes(f))
            tr_span_write(f->found, &span);
    }
}

static void find_in(finding_t *f, const batch_t *batch) {
    if (!f->trace && !batch->roots)
        return;
    if (batch->packed)
        find_in_packed(f, batch);
    else
        find_in_list(f, batch);
}

static void answer(tr_answer_t *a, const finding_t *f, const char *what) {
    const tr_spans_t *s = a->core->spans;
    const void *bytes;
    size_t len;
    if (tr_content_writer_take(f->found, &bytes, &len) < 0) {
        tr_answer_fail(a, "out of memory");
        return;
    }
    tr_write_map(&a->content, 5);
    tr_write_kv_bool(&a->content, "complete", !f->more);
    tr_write_kv_uint(&a->content, "kept", s ? s->kept : 0);
    tr_write_kv_uint(&a->content, "forgotten", s ? s->forgotten : 0);
    tr_write_kv_uint(&a->content, "dropped", s ? s->dropped : 0);
    tr_write_str(&a->content, what);
    tr_write_array(&a->content, f->n);
    if (msgpack_sbuffer_write(&a->content.buffer, bytes, len) != 0)
        tr_answer_fail(a, "out of memory");
}

static const batch_t *first_of(const tr_answer_t *a) {
    return a->core->spans ? a->core->spans->first : NULL;
}

static void look(tr_answer_t *a, finding_t *f, const char *what) {
    tr_content_writer_t found;
    tr_route_spans_flush(a->core);
    tr_content_writer_init(&found);
    f->found = &found;
    for (const batch_t *b = first_of(a); b; b = b->next)
        find_in(f, b);
    answer(a, f, what);
    tr_content_writer_finish(&found);
}

void tr_handle_trace(tr_answer_t *a) {
    char trace[TRACE_SIZE + 1];
    if (tr_value_copy(tr_value_get(a->request, "trace"), trace, sizeof trace) < 0 ||
        strlen(trace) != TRACE_SIZE)
        tr_answer_refuse(a, "unrecognised-parameter-value", "trace: 32 hexadecimal digits");
    else
        look(a,
            &(finding_t){.trace = trace,
                .max = tr_answer_bounded(a, "max-results", TR_RESULTS_MAX, TR_RESULTS_MAX),
                .skip = tr_answer_bounded(a, "offset", 0, SIZE_MAX / 2)},
            "spans");
}

/* The last ones that began. */
void tr_handle_traces(tr_answer_t *a) {
    size_t roots = 0, max = tr_answer_bounded(a, "max-results", TRACES, TRACES_MAX);
    for (const batch_t *b = first_of(a); b; b = b->next)
        roots += b->roots;
    look(a, &(finding_t){.max = max, .skip = roots > max ? roots - max : 0, .more = roots > max}, "traces");
}
