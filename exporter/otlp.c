#include "exporter/otlp.h"

#include "exporter/otlp.pb-c.h"
#include "lib/base/arena.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Both forms are written from one tree of protobuf-c's structs in an arena: first the tree, then the bytes. Lists are counted by the number of
 * spans, which is an upper bound for each, so that nothing grows.
 */

#define ARENA_MAX (64u << 20)
#define SAMPLED   1u

enum {
    KIND_INTERNAL = 1,
    KIND_PRODUCER = 4,
    KIND_CONSUMER = 5,
    KIND_CLIENT = 3,
    KIND_SERVER = 2,
    STATUS_ERROR = 2
};

typedef Troupe__Otlp__KeyValue pair_t;
typedef Troupe__Otlp__Span span_t;
typedef Troupe__Otlp__ResourceSpans resource_spans_t;

typedef struct writer {
    tr_arena_t arena;
    Troupe__Otlp__Traces traces;
    bool failed; /* out of memory */
} writer_t;

static void *take(writer_t *w, size_t size) {
    void *p = tr_arena_alloc(&w->arena, size);
    if (p)
        memset(p, 0, size);
    w->failed |= !p;
    return p;
}

/* ---- one span ---- */

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An id of so many bytes; false where it is none, or all zeros. */
static bool read_id(writer_t *w, const json_t *text, size_t size, ProtobufCBinaryData *out) {
    const char *hex = json_string_value(text);
    uint8_t any = 0;
    if (!hex || strlen(hex) != 2 * size)
        return false;
    out->data = take(w, size);
    out->len = size;
    for (size_t i = 0; out->data && i < size; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        any |= out->data[i] = (uint8_t)(high << 4 | low);
    }
    return any != 0;
}

static pair_t *new_pair(writer_t *w, const char *key) {
    pair_t *pair = take(w, sizeof *pair);
    Troupe__Otlp__AnyValue *value = take(w, sizeof *value);
    if (!pair || !value)
        return NULL;
    troupe__otlp__key_value__init(pair);
    troupe__otlp__any_value__init(value);
    pair->key = (char *)(uintptr_t)key; /* protobuf-c writes it only */
    pair->value = value;
    return pair;
}

static pair_t *text_pair(writer_t *w, const char *key, const char *text) {
    pair_t *pair = new_pair(w, key);
    if (pair) {
        pair->value->value_case = TROUPE__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        pair->value->string_value = (char *)(uintptr_t)text;
    }
    return pair;
}

/* NULL where it is a list or a map, which spans of agents do not have. */
static pair_t *pair_of(writer_t *w, const char *key, const json_t *value) {
    if (json_is_string(value))
        return text_pair(w, key, json_string_value(value));
    if (!json_is_number(value) && !json_is_boolean(value))
        return NULL;
    pair_t *pair = new_pair(w, key);
    if (!pair)
        return NULL;
    if (json_is_integer(value)) {
        pair->value->value_case = TROUPE__OTLP__ANY_VALUE__VALUE_INT_VALUE;
        pair->value->int_value = json_integer_value(value);
    } else if (json_is_real(value)) {
        pair->value->value_case = TROUPE__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        pair->value->double_value = json_real_value(value);
    } else {
        pair->value->value_case = TROUPE__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        pair->value->bool_value = json_is_true(value);
    }
    return pair;
}

static void read_attributes(writer_t *w, json_t *attributes, span_t *span) {
    const char *key;
    json_t *value;
    size_t n = json_object_size(attributes), most = n < TR_OTLP_ATTRIBUTES_MAX ? n : TR_OTLP_ATTRIBUTES_MAX;
    span->attributes = take(w, most * sizeof *span->attributes + 1);
    if (!span->attributes)
        return;
    json_object_foreach(attributes, key, value) {
        pair_t *pair = span->n_attributes < most ? pair_of(w, key, value) : NULL;
        if (pair)
            span->attributes[span->n_attributes++] = pair;
    }
}

static int kind_of(const char *word) {
    static const struct {
        const char *word;
        int kind;
    } kinds[] = {{"producer", KIND_PRODUCER}, {"consumer", KIND_CONSUMER}, {"client", KIND_CLIENT},
        {"server", KIND_SERVER}};
    for (size_t i = 0; word && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].word, word) == 0)
            return kinds[i].kind;
    return KIND_INTERNAL;
}

static void read_error(writer_t *w, const char *error, span_t *span) {
    Troupe__Otlp__Status *status = error ? take(w, sizeof *status) : NULL;
    if (!status)
        return;
    troupe__otlp__status__init(status);
    status->code = STATUS_ERROR;
    status->message = (char *)(uintptr_t)error;
    span->status = status;
}

/* NULL where it is none. */
static span_t *read_span(writer_t *w, const json_t *told) {
    span_t *span = take(w, sizeof *span);
    const char *name = json_string_value(json_object_get(told, "name"));
    int64_t start_us = json_integer_value(json_object_get(told, "start_us"));
    int64_t took_us = json_integer_value(json_object_get(told, "took_us"));
    if (!span || !name || start_us < 0 || took_us < 0 || start_us > INT64_MAX / 1000 - took_us)
        return NULL;
    troupe__otlp__span__init(span);
    if (!read_id(w, json_object_get(told, "trace"), 16, &span->trace_id) ||
        !read_id(w, json_object_get(told, "span"), 8, &span->span_id))
        return NULL;
    if (json_object_get(told, "parent") &&
        !read_id(w, json_object_get(told, "parent"), 8, &span->parent_span_id))
        return NULL;
    span->name = (char *)(uintptr_t)name;
    span->kind = kind_of(json_string_value(json_object_get(told, "kind")));
    span->start_time_unix_nano = (uint64_t)start_us * 1000;
    span->end_time_unix_nano = (uint64_t)(start_us + took_us) * 1000;
    span->flags = SAMPLED;
    read_attributes(w, json_object_get(told, "attributes"), span);
    read_error(w, json_string_value(json_object_get(told, "error")), span);
    return span;
}

/* ---- whose ---- */

/* "reader" of "reader-3". */
static size_t group_len(const char *name, size_t len) {
    size_t end = len;
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9')
        end--;
    return end > 1 && end < len && name[end - 1] == '-' ? end - 1 : len;
}

static Troupe__Otlp__Resource *new_resource(writer_t *w, const char *agent) {
    Troupe__Otlp__Resource *r = take(w, sizeof *r);
    const char *at = strchr(agent, '@');
    size_t len = at ? (size_t)(at - agent) : strlen(agent);
    char *name = take(w, len + 1);
    if (!r || !name)
        return NULL;
    memcpy(name, agent, group_len(agent, len));
    troupe__otlp__resource__init(r);
    r->attributes = take(w, 3 * sizeof *r->attributes);
    if (!r->attributes)
        return NULL;
    r->attributes[r->n_attributes++] = text_pair(w, "service.name", name);
    r->attributes[r->n_attributes++] = text_pair(w, "service.namespace", at ? at + 1 : "troupe");
    r->attributes[r->n_attributes++] = text_pair(w, "service.instance.id", agent);
    return r;
}

static resource_spans_t *new_resource_spans(writer_t *w, const char *agent, size_t most) {
    resource_spans_t *r = take(w, sizeof *r);
    Troupe__Otlp__ScopeSpans *s = take(w, sizeof *s);
    Troupe__Otlp__Scope *scope = take(w, sizeof *scope);
    Troupe__Otlp__ScopeSpans **list = take(w, sizeof *list);
    Troupe__Otlp__Resource *resource = new_resource(w, agent);
    if (!r || !s || !scope || !list || !resource)
        return NULL;
    troupe__otlp__resource_spans__init(r);
    troupe__otlp__scope_spans__init(s);
    troupe__otlp__scope__init(scope);
    scope->name = (char *)(uintptr_t) "troupe";
    scope->version = (char *)(uintptr_t)TROUPE_VERSION;
    s->scope = scope;
    s->spans = take(w, most * sizeof *s->spans);
    *list = s;
    r->resource = resource;
    r->scope_spans = list;
    r->n_scope_spans = 1;
    return s->spans ? r : NULL;
}

/* The place of the agent's spans in the list, by `places`, an object from agents to numbers. */
static resource_spans_t *place_of(writer_t *w, json_t *places, const char *agent, size_t most) {
    const json_t *known = json_object_get(places, agent);
    if (known)
        return w->traces.resource_spans[json_integer_value(known)];
    resource_spans_t *r = new_resource_spans(w, agent, most);
    if (!r || json_object_set_new(places, agent, json_integer((json_int_t)w->traces.n_resource_spans)) < 0)
        return NULL;
    return w->traces.resource_spans[w->traces.n_resource_spans++] = r;
}

/* 0 or -ENOMEM. */
static int read_all(writer_t *w, const json_t *spans, tr_otlp_body_t *body) {
    size_t i, most = json_array_size(spans);
    const json_t *told;
    json_t *places = json_object();
    w->traces.resource_spans = take(w, most * sizeof *w->traces.resource_spans + 1);
    json_array_foreach(spans, i, told) {
        const char *agent = json_string_value(json_object_get(told, "agent"));
        span_t *span = places && !w->failed ? read_span(w, told) : NULL;
        resource_spans_t *r = span ? place_of(w, places, agent ? agent : "unknown", most) : NULL;
        if (r)
            r->scope_spans[0]->spans[r->scope_spans[0]->n_spans++] = span;
        body->spans += r != NULL;
        body->skipped += !r;
    }
    w->failed |= !places;
    json_decref(places);
    return w->failed ? -ENOMEM : 0;
}

/* ---- JSON ---- */

static json_t *hex_of(const ProtobufCBinaryData *id) {
    static const char digits[] = "0123456789abcdef";
    char text[33];
    for (size_t i = 0; i < id->len; i++) {
        text[2 * i] = digits[id->data[i] >> 4];
        text[2 * i + 1] = digits[id->data[i] & 15];
    }
    return json_stringn(text, 2 * id->len);
}

static json_t *number_text(int64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    return json_string(text);
}

static json_t *json_of_value(const Troupe__Otlp__AnyValue *v) {
    switch (v->value_case) {
    case TROUPE__OTLP__ANY_VALUE__VALUE_INT_VALUE:
        return json_pack("{s:o}", "intValue", number_text(v->int_value));
    case TROUPE__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        return json_pack("{s:f}", "doubleValue", v->double_value);
    case TROUPE__OTLP__ANY_VALUE__VALUE_BOOL_VALUE: return json_pack("{s:b}", "boolValue", v->bool_value);
    default: return json_pack("{s:s}", "stringValue", v->string_value);
    }
}

static json_t *json_of_pairs(pair_t *const *pairs, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o}", "key", pairs[i]->key, "value", json_of_value(pairs[i]->value)));
    return list;
}

static json_t *json_of_span(const span_t *s) {
    json_t *o = json_pack("{s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:i}", "traceId", hex_of(&s->trace_id),
        "spanId", hex_of(&s->span_id), "name", s->name, "kind", s->kind, "startTimeUnixNano",
        number_text((int64_t)s->start_time_unix_nano), "endTimeUnixNano",
        number_text((int64_t)s->end_time_unix_nano), "attributes",
        json_of_pairs(s->attributes, s->n_attributes), "flags", (int)s->flags);
    if (o && s->parent_span_id.len)
        json_object_set_new(o, "parentSpanId", hex_of(&s->parent_span_id));
    if (o && s->status)
        json_object_set_new(
            o, "status", json_pack("{s:i, s:s}", "code", s->status->code, "message", s->status->message));
    return o;
}

static json_t *json_of_spans(const Troupe__Otlp__ScopeSpans *s) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->n_spans; i++)
        json_array_append_new(list, json_of_span(s->spans[i]));
    return json_pack(
        "{s:{s:s, s:s}, s:o}", "scope", "name", s->scope->name, "version", s->scope->version, "spans", list);
}

static char *write_json(const Troupe__Otlp__Traces *traces) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < traces->n_resource_spans; i++) {
        const resource_spans_t *r = traces->resource_spans[i];
        json_array_append_new(list, json_pack("{s:{s:o}, s:[o]}", "resource", "attributes",
                                        json_of_pairs(r->resource->attributes, r->resource->n_attributes),
                                        "scopeSpans", json_of_spans(r->scope_spans[0])));
    }
    json_t *whole = json_pack("{s:o}", "resourceSpans", list);
    char *text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    json_decref(whole);
    return text;
}

/* ---- both ---- */

static int write_body(const writer_t *w, bool as_json, tr_otlp_body_t *body) {
    if (as_json) {
        body->bytes = write_json(&w->traces);
        body->len = body->bytes ? strlen(body->bytes) : 0;
    } else {
        body->len = troupe__otlp__traces__get_packed_size(&w->traces);
        body->bytes = malloc(body->len + 1);
        if (body->bytes)
            troupe__otlp__traces__pack(&w->traces, (uint8_t *)body->bytes);
    }
    return body->bytes ? 0 : -ENOMEM;
}

int tr_otlp_write(const json_t *spans, bool as_json, tr_otlp_body_t *ret_body) {
    writer_t w = {.traces = TROUPE__OTLP__TRACES__INIT};
    tr_otlp_body_t body = {0};
    tr_arena_init(&w.arena, ARENA_MAX);
    int rc = read_all(&w, spans, &body);
    if (rc == 0 && body.spans)
        rc = write_body(&w, as_json, &body);
    tr_arena_finish(&w.arena);
    if (rc == 0)
        *ret_body = body;
    return rc;
}
