"""Bundles and records: the bytes of docs/protocol.md, sections 3 to 6, 13 and 18. Nothing here knows of sockets, or of protobuf."""
from __future__ import annotations

import enum
import struct
from typing import Any, Iterable

import msgpack

VERSION = 1
HOPS = 64
BUNDLE = struct.Struct("<2sBBI")
HEADER = struct.Struct("<IBBBBQQQQHHBBH")
CREDIT = struct.Struct("<QQ")
FIELDS = "length kind act flags hops dst src id deadline envelope_len reason priority attempt marks".split()

TOPIC, PLATFORM = 3, 4  # types of routes: their highest four bits


class Kind(enum.IntEnum):
    MESSAGE, PUBLISH = 1, 2
    HELLO, WELCOME, PING, PONG, CREDIT, BYE, BYE_OK = 16, 17, 18, 19, 20, 21, 22
    REGISTER, REGISTERED, DEREGISTER, RESOLVED, SUBSCRIBE, UNSUBSCRIBE, DONE, REFUSED = 24, 25, 26, 27, 28, 29, 30, 31
    NACK, SETTLE, GAP, MUTE, UNMUTE, GONE, STORED = 32, 33, 34, 35, 36, 37, 38


DATA = frozenset({Kind.MESSAGE, Kind.PUBLISH, Kind.NACK, Kind.GAP})  # what counts against credit


class Flag(enum.IntFlag):
    LEASED, REDELIVERED, DURABLE, NO_NACK, TAP, RELEASE, EXTEND, MANDATE = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80


PERFORMATIVES = (
    "", "accept-proposal", "agree", "cancel", "cfp", "confirm", "disconfirm", "failure", "inform", "inform-if", "inform-ref",
    "not-understood", "propagate", "propose", "proxy", "query-if", "query-ref", "refuse", "reject-proposal", "request", "request-when",
    "request-whenever", "subscribe")
REASONS = (
    "none", "no-session", "bad-bundle", "bad-version", "bad-record", "bad-envelope", "too-large", "unknown-kind", "bad-name",
    "duplicate-name", "not-found", "stale-route", "busy", "no-provider", "agent-gone", "forged-sender", "hop-limit", "bad-topic",
    "forbidden", "expired", "too-many-tries", "limit", "over-credit", "shutdown", "old-epoch", "no-journal", "no-producer", "corrupt",
    "too-old", "unknown-platform", "peer-down", "bad-delegation", "cycle", "budget", "quarantined", "poison")


def act_number(performative: str) -> int:
    """The number of a performative; ValueError where there is none of that name."""
    if performative not in PERFORMATIVES[1:]:
        raise ValueError(f"{performative!r} is no performative: one of {', '.join(PERFORMATIVES[1:])}")
    return PERFORMATIVES.index(performative)


def reason_name(number: int) -> str:
    """The word for a reason; a later version of the protocol may have others."""
    return REASONS[number] if number < len(REASONS) else f"reason-{number}"


def decode(content: bytes) -> Any:
    """The value of a content in msgpack."""
    return msgpack.unpackb(content, strict_map_key=False)


class BadFrame(ValueError):
    """Bytes that are no bundle."""


class Record:
    """One record: the header's fields as attributes (FIELDS), the envelope's bytes, and the content's."""

    length: int
    kind: int
    act: int
    flags: int
    dst: int
    src: int
    id: int
    deadline: int
    envelope_len: int
    reason: int
    attempt: int

    def __init__(self, data: bytes):
        self.__dict__.update(zip(FIELDS, HEADER.unpack_from(data)))
        end = HEADER.size + self.envelope_len
        if len(data) != self.length or end > self.length:
            raise BadFrame(f"a record of {len(data)} bytes says {self.length}, and {self.envelope_len} of envelope")
        self.envelope, self.content = data[HEADER.size:end], data[end:]

    def value(self):
        """The content, decoded from msgpack."""
        return decode(self.content)


def pack(kind: int, content: bytes = b"", envelope: bytes = b"", **header: int) -> bytes:
    """A record; `header` holds those of FIELDS that are not 0."""
    fields = dict.fromkeys(FIELDS, 0)
    fields.update(length=HEADER.size + len(envelope) + len(content), kind=kind, envelope_len=len(envelope))
    fields.update(header)
    return HEADER.pack(*(fields[name] for name in FIELDS)) + envelope + content


def bundle(records: Iterable[bytes]) -> bytes:
    """One frame of packed records."""
    records = list(records)
    return BUNDLE.pack(b"TB", VERSION, 0, len(records)) + b"".join(records)


def unbundle(frame: bytes, record=Record) -> list:
    """The records of a frame. BadFrame where it is none; each length is checked before it is used."""
    if len(frame) < BUNDLE.size:
        raise BadFrame(f"{len(frame)} bytes are no bundle")
    magic, version, flags, count = BUNDLE.unpack_from(frame)
    if (magic, version, flags) != (b"TB", VERSION, 0):
        raise BadFrame(f"not a bundle of version {VERSION}: {frame[:4]!r}")
    at, out = BUNDLE.size, []
    for _ in range(count):
        length = int.from_bytes(frame[at:at + 4], "little")
        if length < HEADER.size or length > len(frame) - at:
            raise BadFrame(f"record {len(out)} says {length} bytes, and {len(frame) - at} are left")
        out.append(record(frame[at:at + length]))
        at += length
    if at != len(frame):
        raise BadFrame(f"{len(frame) - at} bytes after the last record")
    return out
