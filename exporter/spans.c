#include "exporter/exporter.h"

#include "exporter/otlp.h"
#include "proto/json.h"

#define BATCH_SPANS 512u
#define SPANS_MAX   20000u /* that wait for a batch: never, unless memory is out */

void tr_exporter_take_spans(tr_exporter_t *self, const tr_message_t *event) {
    json_t *told = tr_value_to_json(tr_message_value(event));
    json_t *list = json_object_get(told, "spans"), *span;
    size_t i;
    json_array_foreach(list, i, span) {
        bool room = json_array_size(self->spans) < SPANS_MAX && json_array_append(self->spans, span) == 0;
        tr_counter_inc(room ? &self->spans_taken : &self->spans_skipped);
    }
    json_decref(told);
    if (json_array_size(self->spans) >= BATCH_SPANS)
        tr_exporter_flush_spans(self);
}

void tr_exporter_flush_spans(tr_exporter_t *self) {
    tr_otlp_body_t body = {0};
    if (!json_array_size(self->spans))
        return;
    if (tr_otlp_write(self->spans, self->options->otlp_format == TR_OTLP_JSON, &body) < 0)
        return; /* out of memory: again with the next ones */
    tr_counter_add(&self->spans_skipped, body.skipped);
    if (body.bytes)
        tr_exporter_put(self, TR_TO_OTLP, body.bytes, body.len);
    json_array_clear(self->spans);
}
