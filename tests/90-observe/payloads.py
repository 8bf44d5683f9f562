"""Whether what an exporter sends is what the published schemas say. Each check raises AssertionError with the place.

OTLP: opentelemetry-proto 1.x, trace.proto and what it needs, by number and type; its JSON is Protobuf's, but for ids, which are hexadecimal.
Elasticsearch: the bulk API, and what a data stream and the Elastic Common Schema want of a document.
Loki: POST /loki/api/v1/push. Sentry: envelopes, and the event payload.
"""
import base64
import json
import re

import jsonschema
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
TYPES = {"string": FIELD.TYPE_STRING, "bytes": FIELD.TYPE_BYTES, "fixed64": FIELD.TYPE_FIXED64, "fixed32": FIELD.TYPE_FIXED32, "uint32": FIELD.TYPE_UINT32,
         "int64": FIELD.TYPE_INT64, "double": FIELD.TYPE_DOUBLE, "bool": FIELD.TYPE_BOOL, "enum": FIELD.TYPE_INT32}
# `*` is repeated; a word that is no type is a message; `?` is of the one-of.
OTLP = {
    "ExportTraceServiceRequest": "1 resource_spans *ResourceSpans",
    "ResourceSpans": "1 resource Resource, 2 scope_spans *ScopeSpans, 3 schema_url string",
    "Resource": "1 attributes *KeyValue, 2 dropped_attributes_count uint32",
    "ScopeSpans": "1 scope InstrumentationScope, 2 spans *Span, 3 schema_url string",
    "InstrumentationScope": "1 name string, 2 version string, 3 attributes *KeyValue, 4 dropped_attributes_count uint32",
    "Span": "1 trace_id bytes, 2 span_id bytes, 3 trace_state string, 4 parent_span_id bytes, 5 name string, 6 kind enum, 7 start_time_unix_nano fixed64, "
            "8 end_time_unix_nano fixed64, 9 attributes *KeyValue, 10 dropped_attributes_count uint32, 11 events *Event, 12 dropped_events_count uint32, "
            "13 links *Link, 14 dropped_links_count uint32, 15 status Status, 16 flags fixed32",
    "Event": "1 time_unix_nano fixed64, 2 name string, 3 attributes *KeyValue, 4 dropped_attributes_count uint32",
    "Link": "1 trace_id bytes, 2 span_id bytes, 3 trace_state string, 4 attributes *KeyValue, 5 dropped_attributes_count uint32, 6 flags fixed32",
    "Status": "2 message string, 3 code enum",
    "KeyValue": "1 key string, 2 value AnyValue",
    "AnyValue": "1 string_value ?string, 2 bool_value ?bool, 3 int_value ?int64, 4 double_value ?double, 5 array_value ?ArrayValue, "
                "6 kvlist_value ?KeyValueList, 7 bytes_value ?bytes",
    "ArrayValue": "1 values *AnyValue",
    "KeyValueList": "1 values *KeyValue",
}
LABEL = {"type": "string"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
LEVEL = {"enum": ["fatal", "error", "warning", "info", "debug"]}
ACTION = {"type": "object", "required": ["create"], "additionalProperties": False, "properties": {"create": {
    "type": "object", "additionalProperties": False, "properties": {"_index": {"type": "string", "minLength": 1}, "_id": {"type": "string", "minLength": 1, "maxLength": 512}}}}}
DOCUMENT = {"type": "object", "required": ["@timestamp", "message"], "properties": {
    "@timestamp": TIME, "message": LABEL, "log.level": LABEL, "event.code": LABEL, "host.name": LABEL, "trace.id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}}
PUSH = {"type": "object", "required": ["streams"], "additionalProperties": False, "properties": {"streams": {"type": "array", "minItems": 1, "items": {
    "type": "object", "required": ["stream", "values"], "additionalProperties": False, "properties": {
        "stream": {"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"}, "additionalProperties": LABEL},
        "values": {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 2, "maxItems": 3, "items": [
            {"type": "string", "pattern": "^[0-9]{19}$"}, LABEL, {"type": "object", "additionalProperties": LABEL}]}}}}}}}
HEAD = {"type": "object", "required": ["event_id"], "properties": {"event_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "sent_at": TIME, "dsn": LABEL}}
ITEM = {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["event"]}, "length": {"type": "integer"}, "content_type": {"const": "application/json"}}}
FRAME = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": {
    **{name: LABEL for name in ("filename", "function", "module", "abs_path", "package", "platform")}, "lineno": {"type": "integer"}, "in_app": {"type": "boolean"},
    **{name: {"type": "string", "pattern": "^0x[0-9a-f]+$"} for name in ("instruction_addr", "symbol_addr", "image_addr")}}}
EXCEPTION = {"type": "object", "anyOf": [{"required": ["type"]}, {"required": ["value"]}], "properties": {
    "type": LABEL, "value": LABEL, "stacktrace": {"type": "object", "required": ["frames"], "properties": {"frames": {"type": "array", "minItems": 1, "items": FRAME}}}}}
EVENT = {"type": "object", "required": ["event_id", "timestamp", "platform"], "additionalProperties": False, "properties": {
    "event_id": HEAD["properties"]["event_id"], "timestamp": {"anyOf": [TIME, {"type": "number"}]}, "level": LEVEL, "logger": LABEL, "transaction": LABEL,
    "platform": {"enum": ["c", "native", "other"]}, "server_name": LABEL, "release": LABEL, "dist": LABEL, "environment": {"type": "string", "pattern": r"^[^\s/]{1,64}$"},
    "message": {"anyOf": [{"type": "string", "maxLength": 8192}, {"type": "object", "required": ["formatted"]}]},
    "logentry": {"type": "object", "properties": {"formatted": {"type": "string", "maxLength": 8192}, "message": LABEL}, "additionalProperties": False},
    "tags": {"type": "object", "propertyNames": {"pattern": r"^[a-zA-Z0-9_.:-]{1,200}$"}, "additionalProperties": {"type": "string", "maxLength": 200}},
    "extra": {"type": "object"}, "contexts": {"type": "object"}, "fingerprint": {"type": "array", "items": LABEL}, "sdk": {"type": "object", "required": ["name", "version"]},
    "modules": {"type": "object"}, "exception": {"type": "object", "required": ["values"], "properties": {"values": {"type": "array", "minItems": 1, "items": EXCEPTION}}}}}


def request_class():
    """ExportTraceServiceRequest, of the table."""
    file = descriptor_pb2.FileDescriptorProto(name="otlp.proto", package="otlp", syntax="proto3")
    for name, text in OTLP.items():
        message = file.message_type.add(name=name)
        if "?" in text:
            message.oneof_decl.add(name="value")
        for number, field, kind in (row.split() for row in text.split(", ")):
            word = kind.lstrip("*?")
            made = message.field.add(name=field, number=int(number), label=FIELD.LABEL_REPEATED if kind[0] == "*" else FIELD.LABEL_OPTIONAL,
                                     type=TYPES.get(word, FIELD.TYPE_MESSAGE))
            if word not in TYPES:
                made.type_name = f".otlp.{word}"
            if kind[0] == "?":
                made.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("otlp.ExportTraceServiceRequest"))


REQUEST = request_class()


def conforms(value, schema, where):
    try:
        jsonschema.Draft7Validator(schema).validate(value)
    except jsonschema.ValidationError as error:
        raise AssertionError(f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message}") from error


def with_bytes(value):
    """What Protobuf's JSON has in base64."""
    if isinstance(value, list):
        return [with_bytes(one) for one in value]
    if not isinstance(value, dict):
        return value
    out = {key: with_bytes(one) for key, one in value.items()}
    for key in {"traceId", "spanId", "parentSpanId"} & set(out):
        assert re.fullmatch("([0-9a-f]{16}){1,2}", out[key]), f"{key}: {out[key]}"
        out[key] = base64.b64encode(bytes.fromhex(out[key])).decode()
    return out


def unknown_fields(message):
    found = [str(one.field_number) for one in message.UnknownFields()]
    for _, value in message.ListFields():
        for one in value if hasattr(value, "__len__") and not isinstance(value, (str, bytes)) else [value]:
            found += unknown_fields(one) if hasattr(one, "UnknownFields") else []
    return found


def check_traces(headers, body):
    kind = headers["content-type"]
    if kind == "application/json":
        request = json_format.ParseDict(with_bytes(json.loads(body)), REQUEST())
    else:
        assert kind == "application/x-protobuf", kind
        request = REQUEST()
        request.ParseFromString(body)
        assert not unknown_fields(request), f"OTLP has no fields {unknown_fields(request)} there"
    spans = [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
    assert spans, "a batch of nothing"
    for group in request.resource_spans:
        assert "service.name" in {one.key for one in group.resource.attributes}, "a resource has service.name"
    for span in spans:
        assert (len(span.trace_id), len(span.span_id)) == (16, 8) and len(span.parent_span_id) in (0, 8), span
        assert any(span.trace_id) and any(span.span_id) and span.name, span
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano and 0 <= span.kind <= 5 and 0 <= span.status.code <= 2, span
        keys = [one.key for one in span.attributes]
        assert len(keys) == len(set(keys)) and all(keys), keys
        assert all(one.value.WhichOneof("value") for one in span.attributes), span


def check_bulk(headers, body):
    assert headers["content-type"] in ("application/x-ndjson", "application/json"), headers["content-type"]
    assert body.endswith(b"\n"), "a bulk request ends with a newline"
    lines = [json.loads(line) for line in body.decode().split("\n")[:-1]]
    assert lines and len(lines) % 2 == 0, "an action, and its document"
    for action, document in zip(lines[::2], lines[1::2]):
        conforms(action, ACTION, "action")
        conforms(document, DOCUMENT, "document")


def check_push(headers, body):
    assert headers["content-type"] == "application/json", headers["content-type"]
    conforms(json.loads(body), PUSH, "push")


def check_envelope(headers, body):
    assert re.search(r"^Sentry sentry_version=7, ?.*sentry_key=\w+", headers["x-sentry-auth"]), headers["x-sentry-auth"]
    head, item, event = body.split(b"\n")[:3]
    assert body.split(b"\n")[3:] in ([], [b""]), "one event"
    conforms(json.loads(head), HEAD, "envelope")
    conforms(json.loads(item), ITEM, "item")
    conforms(json.loads(event), EVENT, "event")
    assert json.loads(item).get("length", len(event)) == len(event) and json.loads(event)["event_id"] == json.loads(head)["event_id"]


def check(path, headers, body):
    """Of a request that an exporter has made."""
    checks = ((r"/v1/traces", check_traces), (r"(/[^/]+)?/_bulk(\?filter_path=[a-z.,*]+)?", check_bulk), (r"/loki/api/v1/push", check_push), (r"/api/\d+/envelope/", check_envelope))
    for pattern, one in checks:
        if re.fullmatch(pattern, path):
            return one(headers, body)
    raise AssertionError(f"no server has {path}")
