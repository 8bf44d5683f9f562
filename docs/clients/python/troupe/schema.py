"""The protobuf bodies of docs/protocol.md, from its tables.

The messages are built when this module is imported, so that there is no generated code and no compiler to install. A member that is
not used here is left out: protobuf passes over what it does not know.
"""
from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# message: {number: (type, name)}, as the page's tables say it
TABLES: dict[str, dict[int, tuple[str, str]]] = {
    "Hello": {1: ("uint32", "version"), 2: ("bytes", "token"), 3: ("uint64", "epoch"), 4: ("string", "process"), 5: ("string", "host"),
              6: ("uint32", "pid"), 7: ("uint64", "window_records"), 8: ("uint64", "window_bytes"), 9: ("string", "producer"),
              10: ("uint64", "producer_epoch")},
    "Welcome": {1: ("string", "platform"), 2: ("bytes", "token"), 3: ("bool", "resumed"), 4: ("uint64", "epoch"),
                5: ("uint64", "window_records"), 6: ("uint64", "window_bytes"), 7: ("uint32", "heartbeat_ms"), 8: ("uint32", "lease_ms"),
                9: ("uint32", "max_record"), 10: ("string", "stream"), 11: ("string", "version"), 12: ("bool", "journal"),
                13: ("uint32", "message_lease_ms")},
    "Register": {1: ("string", "name"), 2: ("uint32", "count"), 3: ("string", "behaviour"), 5: ("bool", "durable")},
    "Registered": {1: ("string", "name"), 2: ("uint32", "count"), 3: ("uint64", "route")},
    "Deregister": {1: ("string", "name")},
    "Resolved": {1: ("string", "name"), 2: ("uint64", "route")},
    "Subscribe": {1: ("string", "pattern"), 2: ("bool", "durable")},
    "Gone": {1: ("string", "name"), 2: ("uint64", "epoch"), 3: ("uint64", "taken")},
    "Nack": {1: ("string", "detail"), 2: ("uint32", "retry_after_ms")},
    "Refusal": {1: ("uint32", "reason"), 2: ("string", "detail")},
    "Envelope": {1: ("string", "sender"), 2: ("repeated string", "receivers"), 3: ("repeated string", "reply_to"), 4: ("string", "language"),
                 5: ("string", "encoding"), 6: ("string", "ontology"), 7: ("string", "protocol"), 8: ("string", "conversation_id"),
                 9: ("string", "reply_with"), 10: ("string", "in_reply_to"), 11: ("string", "topic"), 12: ("string", "traceparent"),
                 13: ("repeated string", "delegation"), 14: ("Budget", "budget")},
    "Limit": {1: ("uint64", "left")},
    "Budget": {1: ("Limit", "tokens"), 2: ("Limit", "micro_cost")},
}


def _build() -> dict[str, Any]:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="troupe-client.proto", package="troupe.client", syntax="proto3")
    for name, table in TABLES.items():
        message = file.message_type.add(name=name)
        for number, (kind, member) in table.items():
            label = field.LABEL_REPEATED if kind.startswith("repeated ") else field.LABEL_OPTIONAL
            if kind in TABLES:
                message.field.add(name=member, number=number, label=label, type=field.TYPE_MESSAGE, type_name=".troupe.client." + kind)
            else:
                message.field.add(name=member, number=number, label=label, type=getattr(field, "TYPE_" + kind.split()[-1].upper()))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName("troupe.client." + name) for name in TABLES}
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later, where the other way has gone
        return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(descriptor) for name, descriptor in found.items()}


_classes = _build()
Hello, Welcome = _classes["Hello"], _classes["Welcome"]
Register, Registered, Deregister = _classes["Register"], _classes["Registered"], _classes["Deregister"]
Resolved, Subscribe, Gone = _classes["Resolved"], _classes["Subscribe"], _classes["Gone"]
Nack, Refusal, Envelope = _classes["Nack"], _classes["Refusal"], _classes["Envelope"]
Limit, Budget = _classes["Limit"], _classes["Budget"]
