/*
 * Spans as OTLP/HTTP takes them (POST /v1/traces): protobuf, or JSON by the mapping that OpenTelemetry's specification has for it (ids in
 * hexadecimal, 64-bit numbers as texts, field names in lowerCamelCase).
 *
 * A span is as processes tell it (docs/protocol.md, section 15, `spans`); the spans of an agent are those of one resource: service.name is its name
 * without the number of its group, service.namespace its platform, service.instance.id its AID. What is no span is left out and counted.
 *
 * Pure. Source: OpenTelemetry protocol specification 1.5, opentelemetry-proto 1.x (trace/v1, collector/trace/v1).
 */
#ifndef TR_EXPORTER_OTLP_H
#define TR_EXPORTER_OTLP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct tr_otlp_body {
    char *bytes; /* malloc'd */
    size_t len;
    size_t spans, skipped;
} tr_otlp_body_t;

#define TR_OTLP_SPANS_MAX      512u /* that are written at once: memory goes by the square of their agents */
#define TR_OTLP_ATTRIBUTES_MAX 128u /* of a span, as OpenTelemetry has it; more are left out */

/* `spans` is an array of objects, borrowed. 0 or -ENOMEM. Without any span, bytes is NULL. */
int tr_otlp_write(const json_t *spans, bool as_json, tr_otlp_body_t *ret_body);

#endif
