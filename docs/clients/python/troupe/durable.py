"""Durable messages that this process sends: kept until the broker has them on disk (docs/protocol.md, section 22, Producing)."""
from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Optional

from . import schema, wire
from .errors import Undelivered
from .wire import Flag, Kind

if TYPE_CHECKING:
    from .link import Entry, Link

UNANSWERED_MAX = 8192
RANGE = struct.Struct("<QQ")


class Receipt:
    """Of one durable message: whether the broker has it on disk."""

    def __init__(self, link: "Link", entry: "Entry", name: str, envelope: bytes, body: bytes, header: dict):
        self._link, self._entry, self._name = link, entry, name
        self._envelope, self._body, self._header = envelope, body, header
        self.number = 0
        self.error: Optional[Undelivered] = None
        self.retry_after = 0.0  # seconds, where the error is `busy`
        self.is_stored = False

    def wait(self, timeout: Optional[float] = 30.0) -> None:
        """Returns when it is stored. Undelivered: it was not taken; TimedOut: it is kept, and is stored or comes back yet."""
        self._link.wait(lambda: self.is_stored or self.error, timeout)
        if self.error:
            raise self.error

    def build(self) -> bytes:
        """The record, with the routes of this session; none once it is answered."""
        if self.number not in self._link.outbox.kept:
            return b""
        dst = self._link.routes.get(self._name, 0)
        return wire.pack(Kind.MESSAGE, self._body, self._envelope, src=self._entry.route, dst=dst, id=self.number, **self._header)

    @property
    def size(self) -> int:
        return wire.HEADER.size + len(self._envelope) + len(self._body)


class Outbox:
    """All that were neither stored nor refused, by number and in order. The link's lock guards it."""

    def __init__(self, producer: str):
        self.producer, self.epoch = producer, time.time_ns() // 1000000  # each life begins its numbers at 1
        self.kept: dict[int, Receipt] = {}
        self._last = 0

    @property
    def is_full(self) -> bool:
        return bool(self.kept) and self._last - next(iter(self.kept)) + 1 >= UNANSWERED_MAX

    def add(self, receipt: Receipt) -> None:
        self._last += 1
        receipt.number = self._last
        self.kept[self._last] = receipt

    def stored(self, content: bytes) -> None:
        for first, count in RANGE.iter_unpack(content[:len(content) // RANGE.size * RANGE.size]):
            for number in range(first, min(first + count, self._last + 1)):
                receipt = self.kept.pop(number, None)
                if receipt:
                    receipt.is_stored = True

    def refused(self, record: wire.Record) -> bool:
        """Whether a NACK is of one that is kept. It may be sent again, but under a new number."""
        receipt = self.kept.pop(record.id, None) if record.flags & Flag.DURABLE else None
        if receipt is None:
            return False
        nack = schema.Nack.FromString(record.content)
        receipt.retry_after = nack.retry_after_ms / 1000
        receipt.error = Undelivered(wire.reason_name(record.reason), nack.detail)
        return True
