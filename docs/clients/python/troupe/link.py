"""The link to the broker: docs/protocol.md, sections 7 to 12.

One thread owns the socket. It says HELLO, keeps the session alive, counts credit, and opens the connection anew when it is lost; what
the program wants to say waits in a queue until that thread may write it. All that both touch is guarded by one lock. A record is built
when it is written and not before, because the routes in it are others once a session has ended.

A session goes through these states:

    waiting -> connecting -> (restoring ->) live -> closing -> closed
       ^------------'------------'----------'       a lost connection, or a broker that ends

`restoring` is for a broker that no longer knows the session: the agents are registered, and their subscriptions and services told,
before anything else is said.
"""
from __future__ import annotations

import collections
import os
import random
import socket
import threading
import time
from typing import Callable, Optional

import zmq

from . import schema, wire
from .durable import Outbox, Receipt
from .errors import Closed, Refused, TimedOut, Unreachable
from .wire import Flag, Kind

BUNDLE_BYTES = 128 << 10
QUEUE_RECORDS, QUEUE_BYTES = 10000, 8 << 20  # that wait for credit before send() does
HELLO_AGAIN = 1.0
CREDIT_AGAIN = 0.2  # seconds
PASSING = {"no-session", "limit", "shutdown", "busy"}  # refusals of HELLO after which it is worth to try again


class Entry:
    """What the link keeps of a registered agent, or of a range: then of each of its agents, too."""

    def __init__(self, name: str, durable: bool, count: int = 1):
        self.name, self.durable, self.count, self.route = name, durable, count, 0
        self.agents = [Entry(f"{name}-{n}", durable) for n in range(count)] if count > 1 else [self]
        self.whole = self
        for agent in self.agents:
            agent.whole = self
        self.inbox: collections.deque = collections.deque()  # (epoch, record)
        self.patterns: dict[str, bool] = {}  # of subscriptions: whether durable
        self.on_restored: Optional[Callable[[], None]] = None  # tells the DF again; called by the link's thread
        self.on_data: Optional[Callable[[wire.Record], bool]] = None  # likewise; true: taken, and not for the inbox


class Item:
    """One record that waits to be written, in its order."""

    def __init__(self, build: Callable[[], bytes], size: int, data: bool, durable: bool = False):
        self.build, self.size, self.data, self.durable = build, size, data, durable
        self.epoch = self.number = 0  # when it was written: the connection, and which data record of it


class Call:
    """A control record and its answer; it is repeated after a lost connection."""

    def __init__(self, kind: Kind, body: bytes, entry: Optional[Entry]):
        self.kind, self.body, self.entry = kind, body, entry
        self.answer: Optional[wire.Record] = None
        self.error: Optional[Exception] = None
        self.over = False


class Link:
    """A session with a broker."""

    def __init__(self, endpoint: str, process: str, window_records: int = 4096, window_bytes: int = 8 << 20,
                 curve: Optional[dict] = None, producer: Optional[str] = None):
        self.outbox = Outbox(producer or "python-" + os.urandom(8).hex())
        self.endpoint, self.process, self.curve = endpoint, process, curve
        self.my_window = (window_records, window_bytes)
        self.lock = threading.Condition(threading.RLock())
        self.state, self.fatal = "waiting", None  # type: str, Optional[Exception]
        self.welcome, self.token, self.epoch, self.session = schema.Welcome(heartbeat_ms=750, lease_ms=2500), b"", 0, 0
        self.entries: list[Entry] = []
        self.routes: dict[str, int] = {}
        self.topics: dict[int, str] = {}
        self.muted: dict[int, int] = {}
        self.calls: dict[int, Call] = {}
        self.restoring: dict[int, Entry] = {}
        self.held: dict[tuple, Entry] = {}  # (session, delivery number) of durable messages in work
        self.on_gone: Callable[[schema.Gone, int, int], None] = lambda gone, first, count: None
        self.on_refused: Callable[[int, Refused], None] = lambda record_id, error: None
        self._ids = self._hello_id = self._bye_id = 0
        self._now: list[bytes] = []  # control records, which need no credit and keep no order with data
        self._queue: collections.deque = collections.deque()
        self._queued = 0
        self._sent, self._acked, self._taken, self._told = [0, 0], [0, 0], [0, 0], [0, 0]
        self._heard = self._said = self._hello_at = self._told_at = self._extended_at = time.monotonic()
        self._again_at, self._delay, self._retries = 0.0, 0.1, {}
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._socket: Optional[zmq.Socket] = None
        self._thread = threading.Thread(target=self._run, name="troupe-link", daemon=True)

    # ---- for the program's threads ----

    def open(self, timeout: float) -> None:
        """Starts; returns when the broker has said WELCOME."""
        self._thread.start()
        try:
            self.wait(lambda: self.state == "live", timeout)
        except TimedOut:
            self.close(0)
            raise Unreachable(f"no broker answers at {self.endpoint}") from None

    def wait(self, ready: Callable[[], object], timeout: Optional[float]):
        """The first true value of ready(); TimedOut, or Closed when nothing can come any more."""
        with self.lock:
            until = None if timeout is None else time.monotonic() + timeout
            while not (value := ready()):
                if self.fatal:
                    raise self.fatal
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TimedOut(f"waited {timeout:g} s in vain")
                self.lock.wait(left)
            return value

    def next_id(self) -> int:
        with self.lock:
            self._ids += 1
            return self._ids

    def call(self, kind: Kind, body: bytes, entry: Optional[Entry], timeout: float) -> wire.Record:
        """Sends a control record and waits for its answer; Refused where it says so."""
        call, number = Call(kind, body, entry), self.next_id()
        with self.lock:
            self.calls[number] = call
            if self.state == "live":
                self._say_call(number, call)
            self.wake()
        try:
            self.wait(lambda: call.over, timeout)
        finally:
            with self.lock:
                self.calls.pop(number, None)
        if call.error:
            raise call.error
        return call.answer

    def register(self, entry: Entry, behaviour: str, timeout: float) -> None:
        count = entry.count if entry.count > 1 else 0
        body = schema.Register(name=entry.name, count=count, behaviour=behaviour, durable=entry.durable).SerializeToString()
        self.call(Kind.REGISTER, body, entry, timeout)

    def put(self, item: Item, name: str, timeout: Optional[float]) -> Item:
        """Queues a record; waits while the queue is full, or the receiver of this name asked to hold back."""
        def room() -> bool:
            return not item.data or not self._muted(name) and len(self._queue) < QUEUE_RECORDS and self._queued < QUEUE_BYTES
        with self.lock:
            if self.state in ("closing", "closed"):
                raise self.fatal or Closed("the link is closed")
            self.wait(room, timeout)
            self._queue.append(item)
            self._queued += item.size
            self.wake()
        return item

    def put_durable(self, receipt: Receipt, timeout: Optional[float]) -> None:
        """Queues a durable message; waits while too many are unanswered. It gets its number when it has its place."""
        with self.lock:
            self.wait(lambda: not self.outbox.is_full, timeout)
            self.outbox.add(receipt)
            try:
                self.put(Item(receipt.build, receipt.size, True, durable=True), receipt._name, timeout)
            except BaseException:
                del self.outbox.kept[receipt.number]  # the number is not used again, which does no harm
                raise

    def settle(self, entry: Entry, session: int, number: int, flags: int = 0) -> None:
        """Behind all that was queued before it. What the broker has given to others meanwhile is not settled."""
        with self.lock:
            self.held.pop((session, number), None)
            if session == self.session and self.state not in ("closing", "closed"):
                build = lambda: wire.pack(Kind.SETTLE, src=entry.route, id=number, flags=flags) if session == self.session else b""
                self.put(Item(build, wire.HEADER.size, False), "", None)

    def next_record(self, entry: Entry, timeout: Optional[float]) -> wire.Record:
        """Takes the agent's next record; only then does it count as taken, so that what waits here stays within the window."""
        with self.lock:
            epoch, record = self.wait(lambda: entry.inbox.popleft() if entry.inbox else None, timeout)
            self._count_taken(epoch, record)
            return record

    def close(self, timeout: float = 5.0) -> None:
        """Writes what is queued, says BYE, waits for BYE_OK, and ends. Safe to call twice."""
        with self.lock:
            if self.state in ("closing", "closed"):
                return
            self.state = "closing" if self.state == "live" and timeout > 0 else "closed"
            self.fatal = self.fatal or Closed("the link is closed")
            self.wake()
        self._thread.join(timeout)
        with self.lock:
            self.state = "closed"
            self.wake()
        self._thread.join()
        with self.lock:
            self._wake_read.close()
            self._wake_write.close()

    def wake(self) -> None:
        """What waits on either side looks again. The lock is held."""
        self.lock.notify_all()
        if self._wake_write.fileno() < 0:
            return  # closed
        try:
            self._wake_write.send(b"x")
        except BlockingIOError:
            pass  # it has not even read the last one

    # ---- the link's thread ----

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._wake_read, zmq.POLLIN)
        watched = None
        while True:
            with self.lock:
                self._tick(time.monotonic())
                self._write()
                if self.state == "closed":
                    break
            if watched is not self._socket:
                if watched is not None:
                    poller.unregister(watched)
                watched = self._socket
                if watched is not None:
                    poller.register(watched, zmq.POLLIN)
            poller.poll(100)
            try:
                self._wake_read.recv(4096)
            except BlockingIOError:
                pass
            self._read()
        self._drop_socket()

    def _read(self) -> None:
        for _ in range(100):  # and then it looks at what is to be written
            if self._socket is None:
                return
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                records = wire.unbundle(frame)
            except wire.BadFrame:
                continue  # no sign of life; when nothing else comes the link is opened anew
            with self.lock:
                self._heard = time.monotonic()
                for record in records:
                    take = self.TAKE.get(record.kind)
                    if take:
                        take(self, record)
                self.lock.notify_all()

    def _tick(self, now: float) -> None:
        beat, lease = self.welcome.heartbeat_ms / 1000, self.welcome.lease_ms / 1000
        if self.state == "waiting":
            if now >= self._again_at:
                self._open_socket()
                self._say_hello(now)
            return
        if self.state == "closed":
            return
        if now - self._heard > lease:
            self._lose(now)
        elif self.state == "connecting" and now - self._hello_at > HELLO_AGAIN:
            self._say_hello(now, again=True)
        elif self.state != "connecting":
            self._keep(now, beat)

    def _keep(self, now: float, beat: float) -> None:
        """What a session wants from time to time."""
        if now - self._said > beat / 2:
            self._now.append(wire.pack(Kind.PING))
        behind = [taken - told for taken, told in zip(self._taken, self._told)]
        if any(behind) and (now - self._told_at > CREDIT_AGAIN or any(2 * b >= w for b, w in zip(behind, self.my_window))):
            self._now.append(wire.pack(Kind.CREDIT, wire.CREDIT.pack(*self._taken)))
            self._told, self._told_at = list(self._taken), now
        if self.held and now - self._extended_at > (self.welcome.message_lease_ms or 30000) / 3000:
            self._extended_at = now
            for (session, number), entry in self.held.items():
                if session == self.session:
                    self._now.append(wire.pack(Kind.SETTLE, src=entry.route, id=number, flags=Flag.EXTEND))
        for number, at in list(self._retries.items()):
            if now >= at and number in self.restoring:
                del self._retries[number]
                self._say_register(number, self.restoring[number])

    def _open_socket(self) -> None:
        self._drop_socket()
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        if self.curve:
            self._socket.curve_serverkey = self.curve["broker"].encode()
            self._socket.curve_publickey = self.curve["key"].encode()
            self._socket.curve_secretkey = self.curve["secret-key"].encode()
        self._socket.connect(self.endpoint)

    def _drop_socket(self) -> None:
        if self._socket is not None:
            self._socket.close(0)
            self._socket = None

    def _lose(self, now: float) -> None:
        if self.state == "closing":
            self.state = "closed"
            return
        self._drop_socket()
        self.state, self._again_at = "waiting", now + random.random() * self._delay
        self._delay = min(self._delay * 2, 5.0)

    def _say_hello(self, now: float, again: bool = False) -> None:
        if not again:
            self.epoch += 1
            self._hello_id, self.state, self._heard = self.next_id(), "connecting", now
        self._hello_at, self._now = now, []
        body = schema.Hello(
            version=wire.VERSION, token=self.token, epoch=self.epoch, process=self.process[:64], host=socket.gethostname()[:64],
            pid=os.getpid(), window_records=self.my_window[0], window_bytes=self.my_window[1], producer=self.outbox.producer,
            producer_epoch=self.outbox.epoch)
        self._now.append(wire.pack(Kind.HELLO, body.SerializeToString(), id=self._hello_id))

    def _say_call(self, number: int, call: Call) -> None:
        src = call.entry.route if call.entry and call.kind != Kind.REGISTER else 0
        self._now.append(wire.pack(call.kind, call.body, id=number, src=src))

    def _say_register(self, number: int, entry: Entry) -> None:
        body = schema.Register(name=entry.name, count=entry.count if entry.count > 1 else 0, durable=entry.durable)
        self._now.append(wire.pack(Kind.REGISTER, body.SerializeToString(), id=number))

    def _may_send(self, size: int) -> bool:
        out = [sent - acked for sent, acked in zip(self._sent, self._acked)]
        window = (self.welcome.window_records, self.welcome.window_bytes)
        return out[0] == 0 or (out[0] + 1 <= window[0] and out[1] + size <= window[1])

    def _write(self) -> None:
        """Bundles of what may be written now."""
        if self._socket is None:
            return
        batch, self._now = self._now, []
        size = sum(map(len, batch))
        while self.state in ("live", "closing") and self._queue:
            item = self._queue[0]
            record = item.build()
            if record and item.data and not self._may_send(len(record)):
                break
            self._queue.popleft()
            self._queued -= item.size
            if record and item.data:
                self._sent = [self._sent[0] + 1, self._sent[1] + len(record)]
                item.epoch, item.number = self.epoch, self._sent[0]
            if record:
                batch.append(record)
                size += len(record)
            if size >= BUNDLE_BYTES:
                self._send(batch)
                batch, size = [], 0
            self.lock.notify_all()
        if self.state == "closing" and not self._queue and not self.outbox.kept and not self._bye_id:
            self._bye_id = self.next_id()
            batch.append(wire.pack(Kind.BYE, id=self._bye_id))
        if batch:
            self._send(batch)

    def _send(self, records: list) -> None:
        self._said = time.monotonic()
        try:
            self._socket.send(wire.bundle(records), zmq.NOBLOCK)
        except zmq.Again:  # the broker has refused the handshake, after which this socket is of no use
            self._lose(time.monotonic())

    def _count_taken(self, epoch: int, record: wire.Record) -> None:
        if epoch == self.epoch:
            self._taken = [self._taken[0] + 1, self._taken[1] + record.length]
            if 2 * (self._taken[0] - self._told[0]) >= self.my_window[0] or 2 * (self._taken[1] - self._told[1]) >= self.my_window[1]:
                self.wake()

    def _muted(self, name: str) -> bool:
        route = self.routes.get(name, 0)
        return any(first <= route < first + count for first, count in self.muted.items())

    # ---- records of the broker ----

    def _take_welcome(self, record: wire.Record) -> None:
        welcome = schema.Welcome.FromString(record.content)
        if self.state != "connecting" or welcome.epoch != self.epoch:
            if self.state != "waiting" and welcome.epoch == self.epoch and welcome.token != self.token:
                self.token = b""  # the session that we were told of has ended since
                self._say_hello(time.monotonic())
            return
        self.welcome, self.token, self._delay = welcome, welcome.token, 0.1
        self._sent, self._acked, self._taken, self._told = [0, 0], [0, 0], [0, 0], [0, 0]
        self.muted.clear()
        for entry in (agent for whole in self.entries for agent in whole.agents):  # leased requests come again, to us or to others
            entry.inbox = collections.deque(x for x in entry.inbox if not x[1].flags & Flag.LEASED)
        if welcome.resumed:
            self._go_live()
            return
        self.session += 1
        self.routes.clear()
        self.topics.clear()
        self.held.clear()
        self.restoring = {self.next_id(): entry for entry in self.entries}
        self.state = "restoring"
        for number, entry in self.restoring.items():
            self._say_register(number, entry)
        if not self.restoring:
            self._go_live()

    def _go_live(self) -> None:
        self.state = "live"
        self._send_again()
        for number, call in self.calls.items():
            self._say_call(number, call)

    def _send_again(self) -> None:
        """All durable messages that were not answered, in order and with their old numbers, before what else waits."""
        waiting = [item for item in self._queue if not item.durable]
        kept = [Item(receipt.build, receipt.size, True, durable=True) for receipt in self.outbox.kept.values()]
        self._queue = collections.deque(kept + waiting)
        self._queued = sum(item.size for item in self._queue)

    def _take_registered(self, record: wire.Record) -> None:
        m = schema.Registered.FromString(record.content)
        restored = self.restoring.pop(record.id, None)
        call = self.calls.get(record.id)
        entry = restored or (call.entry if call else next((e for e in self.entries if e.name == m.name), None))
        for number, agent in enumerate(entry.agents if entry else ()):
            agent.route = m.route + number
        if restored:
            for agent in entry.agents:
                self._restore(agent)
            if not self.restoring:
                self._go_live()
        elif call:
            if call.entry not in self.entries:
                self.entries.append(call.entry)
            self._end_call(record)

    def _restore(self, agent: Entry) -> None:
        for pattern, durable in agent.patterns.items():
            body = schema.Subscribe(pattern=pattern, durable=durable).SerializeToString()
            self._now.append(wire.pack(Kind.SUBSCRIBE, body, id=self.next_id(), src=agent.route))
        if agent.on_restored:
            agent.on_restored()

    def _end_call(self, record: wire.Record, error: Optional[Exception] = None) -> None:
        call = self.calls.pop(record.id, None)
        if call:
            call.answer, call.error, call.over = record, error, True

    def _take_refused(self, record: wire.Record) -> None:
        detail = schema.Refusal.FromString(record.content).detail
        error = Refused(wire.reason_name(record.reason), detail)
        if self.state == "connecting" and record.id == self._hello_id:
            if error.reason in PASSING:
                self._lose(time.monotonic())
            else:
                self._end(error)
        elif error.reason == "no-session":
            if self.state in ("live", "restoring"):
                self._say_hello(time.monotonic())
            elif self.state == "closing":
                self.state = "closed"
        elif record.id in self.restoring:  # the old session still has the name, until its lease ends
            self._retries[record.id] = time.monotonic() + 0.3
        elif record.id in self.calls:
            self._end_call(record, error)
        else:
            self.on_refused(record.id, error)

    def _end(self, error: Exception) -> None:
        self.state, self.fatal = "closed", error

    def _take_bye_ok(self, record: wire.Record) -> None:
        if self.state == "closing" and record.id == self._bye_id:
            self.state = "closed"
        else:
            self._lose(time.monotonic())  # the broker ends

    def _take_stored(self, record: wire.Record) -> None:
        self.outbox.stored(record.content)

    def _take_ping(self, record: wire.Record) -> None:
        self._now.append(wire.pack(Kind.PONG, id=record.id))

    def _take_credit(self, record: wire.Record) -> None:
        self._acked = list(wire.CREDIT.unpack(record.content))

    def _take_resolved(self, record: wire.Record) -> None:
        m = schema.Resolved.FromString(record.content)
        if m.route >> 60 == wire.TOPIC:
            self.topics[m.route] = m.name
        elif m.route:
            self.routes[m.name] = m.route
        else:
            self.routes.pop(m.name, None)

    def _take_mute(self, record: wire.Record) -> None:
        self.muted[record.src] = record.id

    def _take_unmute(self, record: wire.Record) -> None:
        self.muted.pop(record.src, None)

    def _take_gone(self, record: wire.Record) -> None:
        self.on_gone(schema.Gone.FromString(record.content), record.src, record.id)
        self.routes = {name: route for name, route in self.routes.items() if not record.src <= route < record.src + record.id}

    def _take_data(self, record: wire.Record) -> None:
        if record.kind == Kind.NACK and wire.reason_name(record.reason) in ("not-found", "stale-route", "no-provider"):
            for receiver in schema.Envelope.FromString(record.envelope).receivers[:1]:
                self.routes.pop(receiver, None)
        whole = next((e for e in self.entries if 0 <= record.dst - e.agents[0].route < e.count), None)
        entry = whole and whole.agents[record.dst - whole.agents[0].route]
        if record.kind == Kind.NACK and self.outbox.refused(record) or entry is None or entry.on_data(record):
            self._count_taken(self.epoch, record)
        else:
            entry.inbox.append((self.epoch, record))

    TAKE = {
        Kind.WELCOME: _take_welcome, Kind.REGISTERED: _take_registered, Kind.REFUSED: _take_refused, Kind.DONE: _end_call,
        Kind.BYE_OK: _take_bye_ok, Kind.PING: _take_ping, Kind.CREDIT: _take_credit, Kind.RESOLVED: _take_resolved, Kind.MUTE: _take_mute,
        Kind.UNMUTE: _take_unmute, Kind.GONE: _take_gone, Kind.STORED: _take_stored, Kind.MESSAGE: _take_data, Kind.PUBLISH: _take_data, Kind.NACK: _take_data,
        Kind.GAP: _take_data}
