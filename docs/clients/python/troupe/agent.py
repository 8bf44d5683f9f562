"""Processes, agents and messages: what a program uses."""
from __future__ import annotations

import json
import os
import re
import sys
import time
import traceback
import uuid
from typing import Any, Callable, Iterator, Optional, Sequence, Union

import msgpack

from . import schema, wire
from .durable import Receipt
from .errors import Answer, Failure, Refused, TimedOut, Undelivered
from .link import Entry, Item, Link
from .mandate import Budget, chain_of, hand_on
from .wire import Flag, Kind

ENDPOINT = "tcp://127.0.0.1:5570"
ASKING = frozenset({"request", "request-when", "request-whenever", "query-if", "query-ref", "cfp", "propose", "accept-proposal",
                    "subscribe", "proxy", "propagate"})
DECODERS: dict[str, Callable[[bytes], Any]] = {
    "": wire.decode, "msgpack": wire.decode, "json": json.loads, "text": lambda content: content.decode(errors="replace")}
STATUS = "troupe-status"  # the ontology of an inform that tells how the work goes, and is not the answer
LATE = 60.0  # how long an answer that comes too late is looked out for, where something is done about it
NOTHING = object()  # no content, which is not the content None


def connect(endpoint: Optional[str] = None, *, process: Optional[str] = None, timeout: float = 10.0,
            certificate: Union[dict, str, os.PathLike, None] = None, producer: Optional[str] = None) -> "Process":
    """Opens a link to a broker (default: TROUPE_CONNECT, or tcp://127.0.0.1:5570).

    `producer`: a name for the durable messages of this process, that no other one has at the same time; a later life under the name shuts
    out the former one. Default: a random one.
    `certificate`: for a broker with certificates, the secret part of one (`troupe cert new`): its file, or its texts `broker`, `key` and
    `secret-key`.
    Raises Unreachable when no broker answers in time, and Refused when it does not want this process.
    """
    name = process or os.path.basename(sys.argv[0]) or "python"
    link = Link(endpoint or os.environ.get("TROUPE_CONNECT") or ENDPOINT, name, curve=certificate if isinstance(certificate, dict) else read_certificate(certificate), producer=producer)
    link.open(timeout)
    return Process(link)


def read_certificate(path: Union[str, os.PathLike, None]) -> Optional[dict]:
    """The texts of the secret part of a certificate, a few lines of YAML. None of None."""
    if path is None:
        return None
    with open(path, encoding="ascii") as file:
        found = dict(re.findall(r"^(broker|key|secret-key): '([!-&(-~]{40})'$", file.read(), re.M))
    if len(found) != 3:
        raise ValueError(f"{path} is no secret part of a certificate: it has {', '.join(found) or 'nothing'} of broker, key and secret-key")
    return found


class Process:
    """A link to a broker, on which agents are registered. A context manager; all methods may be called from any thread.

    A lost connection is opened again by itself, and the agents, their subscriptions and their services are there as before.
    """

    def __init__(self, link: Link):
        self._link = link
        self._pending: dict[str, Question] = {}  # by reply-with
        link.on_gone, link.on_refused = self._gone, self._refused

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def platform(self) -> str:
        """The broker's name: an agent's AID is `name@platform`."""
        return self._link.welcome.platform

    def register(self, name: str, *, behaviour: str = "python", durable: bool = False, timeout: float = 10.0) -> "Agent":
        """A new agent. `durable`: what is sent to it waits on the broker's disk until it is finished, also while it is away.

        Raises Refused: `duplicate-name`, `bad-name`, `no-journal` ...
        """
        entry = Entry(name, durable)
        agent = Agent(self, entry)
        self._link.register(entry, behaviour, timeout)
        return agent

    def register_range(self, name: str, count: int, *, behaviour: str = "python", durable: bool = False, timeout: float = 10.0) -> list["Agent"]:
        """`count` new agents, NAME-0 and so on, which the broker has as one entry. They end together. Raises as register."""
        if count < 2:
            raise ValueError("a range has two agents at least")
        entry = Entry(name, durable, count)
        agents = [Agent(self, agent) for agent in entry.agents]
        self._link.register(entry, behaviour, timeout)
        return agents

    def close(self, timeout: float = 5.0) -> None:
        """Sends what is queued, and says goodbye: the agents end."""
        self._link.close(timeout)

    # Called by the link's thread, with the lock held.

    def _answered(self, record: wire.Record, envelope: schema.Envelope) -> bool:
        """Whether it is what a request() waits for; it has it then."""
        key = envelope.reply_with if record.kind == Kind.NACK else envelope.in_reply_to
        request = self._pending.get(key)
        if not request or record.dst != request.entry.route or record.kind not in (Kind.MESSAGE, Kind.NACK):
            return False
        if request.over:
            request.close()
            request.late(Message(request.agent, record))
        else:
            request.answers.append(record)
        return True

    def _gone(self, gone: schema.Gone, first: int, count: int) -> None:
        for request in self._pending.values():
            item = request.item
            if item and item.epoch == gone.epoch and item.number <= gone.taken and \
                    first <= self._link.routes.get(request.to, 0) < first + count:
                request.error = Undelivered("agent-gone", f"{request.to} ended before it answered")

    def _refused(self, record_id: int, error: Refused) -> None:
        for request in self._pending.values():
            if request.record_id == record_id:
                request.error = error


class Question:
    """What was asked, and its one answer."""

    def __init__(self, agent: "Agent", to: str, key: str, timeout: float):
        self.agent, self.to, self.key, self._timeout = agent, to, key, timeout
        self.until = time.monotonic() + timeout
        self.entry = agent._entry
        self.answers: list[wire.Record] = []
        self.error: Optional[Exception] = None
        self.item: Optional[Item] = None
        self.record_id = 0
        self.late: Optional[Callable[[Message], None]] = None  # gets an answer that comes too late, with the link's lock held: it must not wait
        self.over = False  # nobody waits for the answer, but `late` gets it

    def answer(self) -> Message:
        """Waits for it; see Agent.request. To be called once."""
        link = self.agent._process._link
        try:
            while True:
                link.wait(lambda: self.answers or self.error, max(0.0, self.until - time.monotonic()))
                if not self.answers:
                    raise self.error
                message = Message(self.agent, self.answers.pop(0))
                if message.type == "failed":
                    raise Undelivered(message.reason, message.detail)
                if message.performative != "agree" and not message.is_status:
                    message.done()
                    return message
                message.done()
        except TimedOut:
            self._leave_to_late()
            raise TimedOut(f"{self.to} did not answer within {self._timeout:g} s") from None
        finally:
            if not self.over:
                self.close()

    def _leave_to_late(self) -> None:
        if not self.late:
            return
        process, now = self.agent._process, time.monotonic()
        with process._link.lock:
            for old in [q for q in process._pending.values() if q.over and q.until + LATE < now]:
                old.close()
            if self.answers:  # in this very moment
                self.late(Message(self.agent, self.answers.pop(0)))
            else:
                self.over = True

    def close(self) -> None:
        """Waits no more: an answer that comes later is a message like others."""
        self.agent._process._pending.pop(self.key, None)


class Message:
    """What an agent received.

    type                 "message"; "event" of a topic; "failed", one of its own messages that could not be delivered; "gap" of events
    performative         "request", "inform" ...
    sender               AID
    protocol, ontology, language, conversation_id, reply_with, in_reply_to      texts, "" where absent
    reply_by             Unix time in seconds after which nobody waits for the answer; None: no limit
    topic, sequence      of an event, and of a gap
    missed               of a gap: how many events were dropped
    reason, detail       of what failed
    durable              it is on the broker's disk until it is finished
    delegation           AIDs of those on whose behalf it came, who began it first; empty without a mandate
    budget               what may be spent on it, None where nothing was said of that: .spend(tokens, micro_cost) takes off
    leased               it comes again, here or elsewhere, unless it is finished: see done()
    redelivered, attempt it was delivered before, and how often
    """

    def __init__(self, agent: "Agent", record: wire.Record):
        link, envelope = agent._process._link, schema.Envelope.FromString(record.envelope)
        self.agent, self._record, self._envelope = agent, record, envelope
        self._session, self._open = link.session, bool(record.flags & Flag.LEASED)
        self.type = {Kind.PUBLISH: "event", Kind.NACK: "failed", Kind.GAP: "gap"}.get(record.kind, "message")
        self.performative = wire.PERFORMATIVES[record.act] if record.act < len(wire.PERFORMATIVES) else ""
        self.sender, self.language = envelope.sender, envelope.language
        self.protocol, self.ontology = envelope.protocol, envelope.ontology
        self.conversation_id, self.reply_with, self.in_reply_to = envelope.conversation_id, envelope.reply_with, envelope.in_reply_to
        event, gap = record.kind == Kind.PUBLISH, record.kind == Kind.GAP
        self.reply_by = record.deadline / 1000 if record.deadline and not event else None
        self.topic = link.topics.get(record.deadline if event else record.src if gap else 0, "") or envelope.topic
        self.sequence, self.missed = record.id if event else 0, record.id if gap else 0
        self.leased, self.redelivered = bool(record.flags & Flag.LEASED), bool(record.flags & Flag.REDELIVERED)
        self.attempt, self.reason, self.detail = record.attempt, "", ""
        self.durable, self.hops = bool(record.flags & Flag.DURABLE), record.hops
        mandate = record.kind == Kind.MESSAGE and bool(record.flags & Flag.MANDATE)
        self.delegation = tuple(envelope.delegation) if mandate else ()
        self.budget = Budget.read(envelope) if mandate and envelope.HasField("budget") else None
        self._mandate = mandate
        if record.kind == Kind.NACK:
            self.reason, self.detail = wire.reason_name(record.reason), schema.Nack.FromString(record.content).detail
        if self.leased and record.flags & Flag.DURABLE:
            with link.lock:
                link.held[self._session, record.id] = agent._entry

    def regain(self, answer: "Message") -> None:
        """Adds what an answer to something that was handed on has left of its budget."""
        if self.budget and answer.budget:
            self.budget.regain(answer.budget)

    def _hand_on(self, own: str) -> list:
        return hand_on(self.sender, self.delegation, own) if self._mandate else [own]

    def __repr__(self) -> str:
        return f"<Message {self.type} {self.performative} from {self.sender}>"

    @property
    def content(self) -> Any:
        """The content, decoded from msgpack, JSON or text; of another language, its bytes; None where there is none."""
        if self.type in ("failed", "gap") or not self._record.content:
            return None
        return DECODERS.get(self.language, bytes)(self._record.content)

    @property
    def expects_answer(self) -> bool:
        """Whether its sender waits for an answer."""
        return self.type == "message" and (self.performative in ASKING or bool(self.reply_with))

    def reply(self, content: Any = NOTHING, performative: str = "inform", **more: Any) -> None:
        """Answers, and finishes the message unless the performative is agree, or the ontology STATUS: that tells how the work goes. `more`: as
        Agent.send."""
        to = list(self._envelope.reply_to) or [self.sender]
        route = self._record.src if not self._envelope.reply_to else 0
        more = {"protocol": self.protocol, "ontology": self.ontology, "conversation_id": self.conversation_id,
                "in_reply_to": self.reply_with, "hops": self._record.hops, **more}
        interim = performative == "agree" or (performative == "inform" and more["ontology"] == STATUS)
        if self.budget and self.budget.is_limited and not interim and len(to) == 1:
            more.update(delegation=chain_of(self.sender, self.delegation), budget=self.budget.lend(None))  # the rest goes back
        self.agent._send(to, content, performative, route=route, **more)
        if not interim:
            self.done()

    @property
    def is_status(self) -> bool:
        """Whether it tells how the work at a request goes, and is not the answer."""
        return self.type == "message" and self.performative == "inform" and self.ontology == STATUS

    def done(self) -> None:
        """Finishes it: a leased message does not come again. Further calls do nothing."""
        self._settle(0)

    def release(self) -> None:
        """Gives a leased message back: another provider gets it, or this one again."""
        self._settle(Flag.RELEASE)

    def _settle(self, flags: int) -> None:
        if self._open:
            self._open = False
            self.agent._process._link.settle(self.agent._entry, self._session, self._record.id, flags)


Handler = Callable[[Message], Any]


class Agent:
    """A registered agent."""

    def __init__(self, process: Process, entry: Entry):
        self._process, self._entry = process, entry
        self._description: Optional[dict] = None
        self._stopped = False
        entry.on_restored, entry.on_data = self._restored, self._data

    @property
    def name(self) -> str:
        return self._entry.name

    @property
    def aid(self) -> str:
        """`name@platform`"""
        return f"{self.name}@{self._process.platform}"

    def send(self, to: Union[str, Sequence[str]], content: Any = NOTHING, performative: str = "inform", *, timeout: Optional[float] = 30.0,
             **parameters: Any) -> None:
        """Sends a message to `NAME`, `NAME@PLATFORM` or `svc:NAME`, or to several.

        `parameters`: protocol, ontology, language (then the content is bytes), encoding, conversation_id, reply_with, in_reply_to,
        reply_to (a list), reply_by (Unix time in seconds), priority (0 to 9), hops; budget (a Budget: what may be spent on it); under
        (a message that asked for it: it is handed on on behalf of those who asked, within what is left of their budget). Waits while the receiver asks to hold back, or the
        broker takes no more: TimedOut after `timeout`. What cannot be delivered comes back as a message of type "failed".
        """
        self._send([to] if isinstance(to, str) else list(to), content, performative, timeout=timeout, **parameters)

    def send_durable(self, to: str, content: Any = NOTHING, performative: str = "inform", *, timeout: float = 30.0, **parameters: Any) -> None:
        """Sends a message that survives the end of the broker and of its receiver; returns when the broker has it on disk.

        `busy` is tried again within the time. Raises Undelivered (`no-journal`, `not-found` ...); TimedOut: it may be stored yet.
        """
        until = time.monotonic() + timeout
        while True:
            receipt = self.post_durable(to, content, performative, timeout=max(0.0, until - time.monotonic()), **parameters)
            try:
                return receipt.wait(max(0.0, until - time.monotonic()))
            except Undelivered as error:
                if error.reason != "busy" or time.monotonic() + receipt.retry_after >= until:
                    raise
                time.sleep(receipt.retry_after)

    def post_durable(self, to: str, content: Any = NOTHING, performative: str = "inform", *, timeout: float = 30.0,
                     **parameters: Any) -> Receipt:
        """The same, and does not wait: .wait() of what is returned does. What is not answered is sent again after a lost connection."""
        return self._send([to], content, performative, timeout=timeout, durable=True, **parameters)[0]

    def publish(self, topic: str, content: Any = NOTHING, *, timeout: Optional[float] = 30.0, **parameters: Any) -> None:
        """Publishes on a topic. Parameters as of send."""
        self._send([], content, parameters.pop("performative", "inform"), topic=topic, timeout=timeout, **parameters)

    def receive(self, timeout: Optional[float] = None) -> Message:
        """The next message; TimedOut when none came. What request() waits for does not come here."""
        return Message(self, self._process._link.next_record(self._entry, timeout))

    def __iter__(self) -> Iterator[Message]:
        while True:
            yield self.receive()

    def request(self, to: str, content: Any = NOTHING, performative: str = "request", *, timeout: float = 30.0, **parameters: Any) -> Message:
        """Asks, and returns the answer: any performative but agree.

        Raises Undelivered when it could not be delivered or its receiver ended, TimedOut when there was no answer in time.
        """
        return self.ask(to, content, performative, timeout=timeout, **parameters).answer()

    def ask(self, to: str, content: Any = NOTHING, performative: str = "request", *, timeout: float = 30.0, **parameters: Any) -> "Question":
        """Asks, and does not wait: .answer() of what is returned does. So many may be asked at once."""
        key = uuid.uuid4().hex
        protocol = "fipa-query" if performative.startswith("query-") else "fipa-request"
        parameters = {"protocol": protocol, "conversation_id": key, "reply_by": time.time() + timeout, **parameters, "reply_with": key}
        question = Question(self, to, key, timeout)
        link = self._process._link
        with link.lock:
            self._process._pending[key] = question
            try:
                question.item, question.record_id = self._send([to], content, performative, timeout=timeout, **parameters)
            except BaseException:
                question.close()
                raise
        return question

    def subscribe(self, pattern: str, *, durable: bool = False, timeout: float = 10.0) -> None:
        """Events of topics that match come as messages of type "event": `*` is one part, `>` at the end the rest."""
        body = schema.Subscribe(pattern=pattern, durable=durable).SerializeToString()
        self._process._link.call(Kind.SUBSCRIBE, body, self._entry, timeout)
        self._entry.patterns[pattern] = durable

    def unsubscribe(self, pattern: str, *, timeout: float = 10.0) -> None:
        body = schema.Subscribe(pattern=pattern).SerializeToString()
        self._process._link.call(Kind.UNSUBSCRIBE, body, self._entry, timeout)
        self._entry.patterns.pop(pattern, None)

    def provide(self, service: str, *, capacity: int = 1, timeout: float = 10.0, **properties: Any) -> None:
        """Offers `svc:SERVICE` with room for so many unfinished requests. `properties` are for who searches the DF."""
        services = [s for s in (self._description or {}).get("services", []) if s["name"] != service]
        services.append({"name": service, "capacity": capacity, **properties})
        self._describe({"services": services}, timeout)

    def search(self, timeout: float = 10.0, **template: Any) -> list[dict]:
        """The DF's entries that match: `agent.search(services=[{"name": "sum"}])`."""
        return self._platform("df", {"action": "search", "template": template}, timeout)["agents"]

    def serve(self, handler: Union[Handler, "Role"], timeout: Optional[float] = None) -> None:
        """Gives each message to `handler` until stop() is called in it; TimedOut when nothing came for so long.

        What the handler returns is the answer, an inform, where one is expected; None means that it has answered, or will. It raises
        Refuse, Failure or NotUnderstood to answer with those; any other exception is answered with failure `internal-error`. A message
        is finished when it returns something else than None, or raises; one that asked for nothing, in any case.
        """
        handle = handler if callable(handler) else handler.handle
        self._stopped = False
        while not self._stopped:
            self._handle(handle, self.receive(timeout))

    def stop(self) -> None:
        """Ends serve(), from within a handler."""
        self._stopped = True

    def deregister(self, timeout: float = 10.0) -> None:
        """Ends this agent, and all of its range; the process goes on."""
        link, whole = self._process._link, self._entry.whole
        link.call(Kind.DEREGISTER, schema.Deregister(name=whole.name).SerializeToString(), None, timeout)
        with link.lock:
            link.entries.remove(whole)

    def _handle(self, handle: Handler, message: Message) -> None:
        try:
            content = handle(message)
        except Answer as answer:
            self._answer(message, answer)
        except Exception as error:
            traceback.print_exc()
            self._answer(message, Failure("internal-error", f"{type(error).__name__}: {error}"))
        else:
            if content is not None and message.expects_answer:
                message.reply(content)
            elif content is not None or not message.expects_answer:
                message.done()

    @staticmethod
    def _answer(message: Message, answer: Answer) -> None:
        if message.expects_answer:
            message.reply(answer.content, answer.performative)
        message.done()

    def _send(self, to: list, content: Any, performative: str, *, route: int = 0, topic: str = "", timeout: Optional[float] = 30.0,
              reply_by: Optional[float] = None, priority: int = 0, hops: int = wire.HOPS, durable: bool = False,
              under: Optional[Message] = None, budget: Optional[Budget] = None, **parameters: Any) -> tuple:
        """(the last Item, or the Receipt of a durable one, its id). One record for each receiver, which stands first in the list then."""
        if under is not None:
            if len(to) != 1:
                raise ValueError("what is handed on goes to one receiver")
            parameters["delegation"], hops = under._hand_on(self.aid), under.hops
            budget = under.budget.lend(budget) if under.budget else budget
            if under._mandate:
                parameters["conversation_id"] = under.conversation_id
        elif budget is not None and "delegation" not in parameters:
            parameters["delegation"] = [self.aid]
        if "delegation" in parameters and not parameters.get("conversation_id"):
            parameters["conversation_id"] = uuid.uuid4().hex
        if budget is not None:
            parameters["budget"] = budget.write()
        flags = (Flag.DURABLE if durable else 0) | (Flag.MANDATE if parameters.get("delegation") else 0)
        act, language = wire.act_number(performative), parameters.get("language") or "msgpack"
        if not to and not topic:
            raise ValueError("a message needs a receiver")
        body = b"" if content is NOTHING else msgpack.packb(content) if language == "msgpack" else bytes(content)
        header = {"act": act, "hops": hops, "deadline": int(reply_by * 1000) if reply_by else 0, "priority": priority, "flags": flags}
        done: tuple = ()
        for i in range(len(to) or 1):
            envelope = schema.Envelope(sender=self.aid, receivers=to[i:i + 1] + to[:i] + to[i + 1:], topic=topic,
                                       **{key: value for key, value in parameters.items() if value}).SerializeToString()
            done = self._put(to[i] if to else "", route, envelope, body, header, timeout)
        return done

    def _put(self, name: str, route: int, envelope: bytes, body: bytes, header: dict, timeout: Optional[float]) -> tuple:
        link, entry, size = self._process._link, self._entry, wire.HEADER.size + len(envelope) + len(body)
        if len(envelope) > 16384 or size > link.welcome.max_record:
            raise ValueError(f"a message of {size} bytes ({len(envelope)} of envelope): at most {link.welcome.max_record} (16384) may be")
        if header["flags"] & Flag.DURABLE:
            receipt = Receipt(link, entry, name, envelope, body, header)
            link.put_durable(receipt, timeout)
            return receipt, receipt.number
        kind, number = Kind.MESSAGE if name else Kind.PUBLISH, link.next_id()
        build = lambda: wire.pack(kind, body, envelope, src=entry.route, dst=route or link.routes.get(name, 0), id=number, **header)
        return link.put(Item(build, size, True), name, timeout), number

    # Called with the lock held, most by the link's thread.

    def _data(self, record: wire.Record) -> bool:
        envelope = schema.Envelope.FromString(record.envelope)
        if record.kind == Kind.MESSAGE and record.src >> 60 == wire.PLATFORM and record.act == wire.act_number("query-ref"):
            self._tell(envelope)
            return True
        return self._process._answered(record, envelope)

    def _tell(self, asked: schema.Envelope) -> None:
        """What this agent waits for, said to the AMS (`troupe why`)."""
        open_ones = [q for q in self._process._pending.values() if q.entry is self._entry and not q.over]
        said = {"status": "running", "waiting": len(self._entry.inbox), "requests_total": len(open_ones), "requests": [
            {"receiver": q.to, "performative": "request", "conversation_id": q.key,
             "until_ms": int((time.time() + q.until - time.monotonic()) * 1000)} for q in open_ones[:16]]}
        self._say("ams", "inform", said, protocol=asked.protocol, conversation_id=asked.conversation_id, in_reply_to=asked.reply_with)

    def _say(self, to: str, performative: str, content: Any, first: bool = False, **parameters: Any) -> None:
        link, body = self._process._link, msgpack.packb(content)
        envelope = schema.Envelope(sender=self.aid, receivers=[to], **parameters)
        item = Item(lambda: wire.pack(Kind.MESSAGE, body, envelope.SerializeToString(), src=self._entry.route, id=link.next_id(),
                                      act=wire.act_number(performative), hops=wire.HOPS), len(body), True)
        (link._queue.appendleft if first else link._queue.append)(item)
        link._queued += item.size
        link.wake()

    def _restored(self) -> None:
        """The DF is told again, before anything else; its answer is not needed, and its refusal changes nothing."""
        if self._description:
            key = "restored " + self.name
            self._process._pending[key] = Question(self, "df", key, 0)
            self._say("df", "request", {"action": "register", **self._description}, True, protocol="fipa-request", reply_with=key)

    def _describe(self, description: dict, timeout: float) -> None:
        self._platform("df", {"action": "modify" if self._description else "register", **description}, timeout)
        self._description = description

    def _platform(self, who: str, request: dict, timeout: float) -> Any:
        answer = self.request(who, request, timeout=timeout, ontology="fipa-agent-management")
        content = answer.content if isinstance(answer.content, dict) else {}
        if answer.performative != "inform":
            raise Refused(content.get("reason", answer.performative), content.get("detail", ""))
        return answer.content


class Role:
    """Takes part in conversations: give one to Agent.serve."""

    def handle(self, message: Message) -> Any:
        raise NotImplementedError
