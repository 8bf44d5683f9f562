#include "broker/core/platform/route_span.h"

#include "broker/core/platform/spans.h"
#include "proto/span.h"
#include "proto/traceparent.h"

#include <sodium.h>
#include <stdlib.h>

#define FLUSH_MS    100
#define BATCH_BYTES 16384u
#define BATCH_MAX   (128u << 10) /* between two flushes */
#define ARENA_LIMIT (1u << 20)

typedef struct tr_route_spans {
    tr_content_writer_t spans; /* packed, one behind the other, that are not told yet; keeps its memory */
    char broker[TR_AID_MAX + 1];
    size_t n;
    int64_t first_ms; /* mono: when the first of them was noted */
    tr_arena_t arena; /* for an envelope: the core's own may hold the request that this follows from */
    int64_t second;   /* of the clock that stands for `noted` */
    uint32_t noted;   /* in that second */
    uint64_t dropped; /* since the last batch */
    uint64_t made;
} tr_route_spans_t;

static tr_route_spans_t *spans_of(tr_core_t *core) {
    tr_route_spans_t *s = core->route_spans;
    if (s || !(s = calloc(1, sizeof *s)))
        return s;
    tr_content_writer_init(&s->spans);
    snprintf(s->broker, sizeof s->broker, "broker@%s", core->platform);
    tr_arena_init(&s->arena, ARENA_LIMIT);
    return core->route_spans = s;
}

void tr_route_spans_finish(tr_core_t *core) {
    if (!core->route_spans)
        return;
    tr_content_writer_finish(&core->route_spans->spans);
    tr_arena_finish(&core->route_spans->arena);
    free(core->route_spans);
    core->route_spans = NULL;
}

int64_t tr_route_span_clock(const tr_core_t *core) {
    return core->config.wall_ns ? core->config.wall_ns() : core->now.wall_ms * 1000000;
}

/* ---- the batch ---- */

void tr_route_spans_flush(tr_core_t *core) {
    tr_route_spans_t *s = core->route_spans;
    const void *bytes;
    size_t len;
    if (!s || !s->n)
        return;
    if (tr_content_writer_take(&s->spans, &bytes, &len) == 0) {
        tr_spans_tell(core, bytes, len, s->n, s->dropped);
        s->dropped = 0;
    } else {
        s->dropped += s->n; /* out of memory */
    }
    tr_content_writer_clear(&s->spans);
    s->n = 0;
}

void tr_route_spans_due(tr_core_t *core) {
    const tr_route_spans_t *s = core->route_spans;
    if (s && s->n && (s->spans.buffer.size >= BATCH_BYTES || core->now.mono_ms - s->first_ms >= FLUSH_MS))
        tr_route_spans_flush(core);
}

/* ---- a span ---- */

/* Nobody learns from them what the core's random numbers are. */
static uint64_t new_span(const tr_core_t *core, tr_route_spans_t *s) {
    uint8_t text[16] = "span", hash[crypto_shorthash_BYTES];
    tr_put64(text + 8, ++s->made);
    crypto_shorthash(hash, text, sizeof text, core->config.secret);
    uint64_t span = tr_get64(hash);
    return span ? span : 1;
}

/* Before anything is read: what says that it is traced costs no more than this, however often it says so. */
static bool may_note(const tr_core_t *core, tr_route_spans_t *s) {
    int64_t second = core->now.mono_ms / 1000;
    if (s->second != second) {
        s->second = second;
        s->noted = 0;
    }
    if ((s->noted < core->config.trace_per_second || !core->config.trace_per_second) &&
        s->spans.buffer.size < BATCH_MAX) {
        s->noted++;
        return true;
    }
    s->dropped++;
    return false;
}

typedef struct story {
    const char *name, *to, *error;
    int64_t began_ns;
    tr_span_key_t number_key;
    int64_t number;
} story_t;

static void write_span(
    tr_core_t *core, tr_route_spans_t *s, const tr_acl_t *acl, const tr_traceparent_t *at, const story_t *t) {
    int64_t took_us = (tr_route_span_clock(core) - t->began_ns) / 1000;
    tr_span_pack(&s->spans,
        &(tr_span_packed_t){.trace = {at->trace[0], at->trace[1]},
            .span = new_span(core, s),
            .parent = at->span,
            .start_us = t->began_ns / 1000,
            .took_us = took_us > 0 ? took_us : 0, /* the clock may have been set */
            .kind = "internal",
            .name = tr_span_text(t->name),
            .agent = tr_span_text(s->broker),
            .error = tr_span_text(t->error)},
        TR_FIELDS(TR_FIELD_TEXT(tr_span_keys[TR_SPAN_TO], t->to),
            TR_FIELD_TEXT(tr_span_keys[TR_SPAN_CONVERSATION], acl->conversation_id),
            TR_FIELD_INT(tr_span_keys[t->number_key], t->number)));
}

/* `to` of NULL: as the sender has named it. */
static void note(tr_core_t *core, const tr_record_t *record, story_t story) {
    tr_route_spans_t *s = spans_of(core);
    tr_acl_t acl;
    tr_traceparent_t at;
    if (!s || !may_note(core, s))
        return;
    tr_arena_reset(&s->arena);
    if (tr_acl_read(&acl, record, &s->arena) < 0 || !tr_traceparent_parse(&at, acl.traceparent) ||
        !at.sampled)
        return;
    if (!story.to)
        story.to = acl.topic ? acl.topic : acl.receivers.count ? acl.receivers.items[0] : NULL;
    write_span(core, s, &acl, &at, &story);
    if (!s->n++)
        s->first_ms = core->now.mono_ms;
}

void tr_route_span_end(
    tr_core_t *core, const tr_route_span_t *span, const tr_record_t *record, tr_reason_t why) {
    note(core, record,
        (story_t){.name = "route",
            .error = why == TR_REASON_NONE ? NULL : tr_reason_name(why),
            .began_ns = span->began_ns,
            .number_key = TR_SPAN_AHEAD,
            .number = (int64_t)span->ahead});
}

void tr_deliver_span(
    tr_core_t *core, const tr_record_t *record, const tr_entry_t *to, uint32_t agent, int64_t taken_ms) {
    char name[TR_AID_MAX + 1];
    int64_t waited_ms = taken_ms ? core->now.wall_ms - taken_ms : 0;
    tr_entry_agent_name(to, agent, name);
    note(core, record,
        (story_t){.name = "deliver",
            .to = name,
            .began_ns = tr_route_span_clock(core) - (waited_ms > 0 ? waited_ms : 0) * 1000000,
            .number_key = TR_SPAN_TRIES,
            .number = record->h.attempt});
}
