#include "exporter/exporter.h"

#include "exporter/otlp.h"
#include "proto/json.h"

void tr_exporter_take_spans(tr_exporter_t *self, const tr_message_t *event) {
    json_t *told = tr_value_to_json(tr_message_value(event));
    json_t *list = json_object_get(told, "spans"), *span;
    size_t i;
    json_array_foreach(list, i, span) {
        tr_counter_inc(json_array_append(self->spans, span) == 0 ? &self->spans_taken : &self->spans_skipped);
        if (json_array_size(self->spans) >= TR_OTLP_SPANS_MAX)
            tr_exporter_flush_spans(self);
    }
    json_decref(told);
}

/* What cannot be written is given up: kept, it would be in the way of all that come after it. */
void tr_exporter_flush_spans(tr_exporter_t *self) {
    tr_otlp_body_t body = {0};
    size_t n = json_array_size(self->spans);
    if (!n)
        return;
    int rc = tr_otlp_write(self->spans, self->options->otlp_format == TR_OTLP_JSON, &body);
    tr_counter_add(&self->spans_skipped, rc < 0 ? n : body.skipped);
    if (body.bytes)
        tr_exporter_put(self, TR_TO_OTLP, body.bytes, body.len);
    json_array_clear(self->spans);
}
