#!/usr/bin/python3
"""Starts a broker and holds to it what docs/protocol.md promises, with client.py.

Usage: session_test.py BROKER PAGE [STORY...]     (all stories by default)

Exit: 0 all stories hold, 1 one does not, 2 usage, 77 python3-zmq, python3-msgpack or python3-protobuf is missing.
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import traceback

try:
    import google.protobuf  # of docs/clients/python
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing.name} is missing (tools/setup --check installs python3-zmq, python3-msgpack and python3-protobuf)")
    sys.exit(77)

import client as c


class Fleet:
    """A broker of its own for each story, and what the page says answers look like."""

    def __init__(self, program, page, options=()):
        self.directory = tempfile.TemporaryDirectory(prefix="troupe-page-")
        self.program, self.options = program, [self.directory.name + "/journal" if o == "JOURNAL" else o for o in options]
        self.shapes = {name: json.loads(text) for name, text in re.findall(r"<!-- shape: (.+?) -->\n```json\n(.*?)```", page, re.S)}
        self.start()

    def start(self):
        read, write = os.pipe()
        self.broker = subprocess.Popen(
            [self.program, "--listen", "tcp://127.0.0.1:0", "--stream", "tcp://127.0.0.1:0", "--http", "none", "--log-level", "error",
             "--ready-fd", str(write), "--die-with", str(os.getpid()), *self.options], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as ready:
            self.endpoint = json.loads(ready.readline() or '{"endpoint": null}')["endpoint"]
        assert self.endpoint, "the broker did not start"

    def restart(self):
        """The broker is killed, and another one begins on its journal."""
        self.broker.kill()
        self.broker.wait()
        self.start()

    def link(self, *names, **more):
        link = c.Link(self.endpoint, **more)
        link.agents = {name: link.register(name) for name in names}
        return link

    def end(self):
        self.broker.terminate()
        try:
            return self.broker.wait(10)
        except subprocess.TimeoutExpired:
            self.broker.kill()
            return self.broker.wait()


def same_shape(want, have, where):
    if isinstance(want, dict):
        assert not want or set(want) == set(have), f"{where}: the page has {sorted(want)}, the broker {sorted(have)}"
        for key in want:
            same_shape(want[key], have[key], f"{where}.{key}")
    elif isinstance(want, list) and want and have:
        same_shape(want[0], have[0], f"{where}[0]")
    elif not isinstance(want, list):
        assert isinstance(have, type(want)), f"{where}: {have!r} is no {type(want).__name__}"


def ask(link, me, whom, act=c.REQUEST, **request):
    """A request to ams or df: its answer's performative and content."""
    ref = f"r{link.ids}"
    link.send(me, link.agents[me], whom, act, request, protocol="fipa-request", conversation="c", reply_with=ref)
    r = link.get(lambda r: r.kind == c.MESSAGE and r.envelope.get(10) == ref.encode())
    assert r.envelope[1].decode() == f"{whom}@{link.platform}" and r.envelope[8] == b"c", r.envelope
    return r.act, r.value()


def refused(link, kind, body=b"", envelope=b"", **header):
    link.put(kind, body, envelope, **header)
    return link.get(lambda r: r.kind == c.REFUSED).reason


def nacked(link, *arguments, **more):
    record_id = link.send(*arguments, **more)
    return link.get(lambda r: r.kind == c.NACK and r.id == record_id)


def direct(fleet):
    """By name, by route, to oneself, in order; what cannot be delivered comes back."""
    a, b = fleet.link("alice"), fleet.link("bob")
    alice, bob = a.agents["alice"], b.agents["bob"]
    first = a.send("alice", alice, "bob", c.REQUEST, {"n": 1}, reply_with="r1")
    r = b.get(lambda r: r.kind == c.MESSAGE)
    assert (r.id, r.hops, r.act, r.src, r.dst, r.value()) == (first, 63, c.REQUEST, alice, bob, {"n": 1})
    a.wait(lambda: "bob" in a.routes)
    assert a.routes["bob"] == bob
    b.send("bob@local", bob, "alice@local", c.INFORM, "two", dst=r.src, in_reply_to="r1")
    assert a.get(lambda r: r.envelope.get(10) == b"r1").value() == "two"
    for n in range(300):  # more than the window of 64: credit goes round
        a.send("alice", alice, "bob", c.INFORM, n)
    assert [b.get(lambda r: r.kind == c.MESSAGE).value() for _ in range(300)] == list(range(300))
    a.send("alice", alice, "alice", c.INFORM, "me")
    assert a.get(lambda r: r.kind == c.MESSAGE).value() == "me"
    n = nacked(a, "alice", alice, "nobody", c.REQUEST, 1, reply_with="lost")
    assert (n.reason, n.dst, n.src, n.envelope[9]) == (10, alice, 0, b"lost") and c.unproto(n.content)[1]
    assert nacked(a, "alice", alice, "bob@elsewhere", c.INFORM, 1).reason == 29
    assert nacked(a, "alice", alice, "b b", c.INFORM, 1).reason == 8
    assert nacked(a, "alice", alice, "svc:none", c.INFORM, 1).reason == 13
    assert nacked(a, "alice", alice, "", c.INFORM, 1, dst=bob + (1 << 24)).reason == 11
    taken, b_is = a.sent[0], b.call(26, c.proto((1, "bob")), c.DONE)
    gone = a.get(lambda r: r.kind == c.GONE)
    assert b_is.kind == c.DONE and (gone.src, gone.id) == (bob, 1) and "bob" not in a.routes
    assert c.unproto(gone.content) == {1: b"bob", 2: 1, 3: taken}
    assert nacked(a, "alice", alice, "bob", c.INFORM, 1).reason == 10


def ranges(fleet):
    """A range is one entry with consecutive routes."""
    a, crowd = fleet.link("alice"), fleet.link()
    first = crowd.register("crowd", 1000)
    a.send("alice", a.agents["alice"], "crowd-999", c.INFORM, 1)
    assert crowd.get(lambda r: r.kind == c.MESSAGE).dst == first + 999
    crowd.send("crowd-7", first + 7, "alice", c.INFORM, 2)
    assert a.get(lambda r: r.kind == c.MESSAGE).src == first + 7
    for name, reason in (("crowd-5", 9), ("crowd", 9), ("ams", 9), ("", 8), (".x", 8), ("n" * 129, 8)):
        assert refused(a, c.REGISTER, c.proto((1, name)), id=77) == reason, name


def platform(fleet):
    """The AMS and the DF: answers as the page draws them, and refusals."""
    a, shapes = fleet.link("alice"), fleet.shapes
    a.call(c.SUBSCRIBE, c.proto((1, "news.>")), c.DONE, src=a.agents["alice"])
    a.publish("alice", a.agents["alice"], "news.a", 1)
    assert ask(a, "alice", "df", action="register", services=[{"name": "digest", "capacity": 4}], languages=["en"])[1] == {"done": True}
    for name, more in (("search", {"name": "alice@local"}), ("get-description", {}), ("register", {"name": "extra"}), ("topics", {}),
                       ("services", {}), ("stats", {}), ("spending", {}), ("quarantine", {"name": "extra", "reason": "odd"}),
                       ("suspend", {"name": "extra", "reason": "odd"}), ("why", {"name": "alice"})):
        act, have = ask(a, "alice", "ams", action=name, **more)
        assert act == c.INFORM, (name, have)
        same_shape(shapes["ams " + name], have, "ams " + name)
    assert ask(a, "alice", "ams", action="quarantine-list")[1]["quarantined"][0]["because"] == "extra"
    assert ask(a, "alice", "ams", action="quarantine-release", name="extra")[1] == {"released": ["extra"], "held": []}
    act, have = ask(a, "alice", "df", action="search", template={"services": ["digest"], "languages": ["en"]})
    assert have == {"agents": [{"name": "alice@local", "services": [{"name": "digest", "capacity": 4}], "languages": ["en"]}]}
    assert ask(a, "alice", "df", action="search", template={"languages": ["fr"]})[1] == {"agents": []}
    same_shape({"agents": [{key: have["agents"][0][key] for key in shapes["df search"]["agents"][0]}]}, have, "df search")
    for whom, request, reason in (
            ("ams", {}, "missing-argument"), ("ams", {"action": "fly"}, "unsupported-function"),
            ("ams", {"action": "modify"}, "missing-argument"), ("ams", {"action": "modify", "name": "x", "state": "active"}, "not-registered"),
            ("ams", {"action": "modify", "name": "extra", "state": "odd"}, "unrecognised-parameter-value"),
            ("ams", {"action": "deregister", "name": "alice"}, "unauthorised"),
            ("ams", {"action": "register", "name": "extra"}, "already-registered"),
            ("df", {"action": "register"}, "already-registered"),
            ("df", {"action": "modify", "services": [1]}, "unrecognised-parameter-value")):
        act, have = ask(a, "alice", whom, **request)
        assert (act, have["reason"], set(have)) == (c.REFUSE, reason, {"reason", "detail"}), (whom, request, have)
    act, have = ask(a, "alice", "ams", act=c.INFORM, action="stats")
    assert (act, have["reason"]) == (11, "unexpected-act")
    act, have = ask(a, "alice", "ams", action="modify", name="extra", state="waiting")  # it is suspended
    assert (act, have["reason"]) == (c.REFUSE, "illegal-transition")
    a.send("alice", a.agents["alice"], "extra", c.INFORM, "waits")
    assert ask(a, "alice", "ams", action="search", name="extra")[1]["agents"][0]["queued"] == 1
    ask(a, "alice", "ams", action="modify", name="extra", state="active")
    assert a.get(lambda r: r.kind == c.MESSAGE and r.act == c.INFORM).value() == "waits"


def watch(link, prefix):
    sub = zmq.Context.instance().socket(zmq.SUB)
    sub.linger = 0
    sub.connect(link.stream)
    sub.subscribe(prefix)
    return sub


def watched(sub, link, act):
    """Acts until the watcher, whose subscription takes its time, sees something: topic and records."""
    for _ in range(200):
        act()
        link.wait(lambda: True)
        if sub.poll(50):
            topic, bundle = sub.recv_multipart()
            return topic.decode(), c.records(bundle)
    raise AssertionError("the stream stays silent")


def topics(fleet):
    """Publications over links and on the stream; the platform's own; the tap."""
    a, b = fleet.link("alice"), fleet.link("bob")
    alice, bob = a.agents["alice"], b.agents["bob"]
    b.call(c.SUBSCRIBE, c.proto((1, "news.*")), c.DONE, src=bob)
    for n in range(3):
        a.publish("alice", alice, "news.a", n)
    got = [b.get(lambda r: r.kind == c.PUBLISH) for _ in range(3)]
    assert [(r.id, r.value(), r.src, r.dst, b.topics[r.deadline]) for r in got] == [(n + 1, n, alice, bob, "news.a") for n in range(3)]
    a.wait(lambda: a.topics)
    assert a.topics == {got[0].deadline: "news.a"}
    for topic, reason in (("a..b", 17), ("a.*", 17), ("x" * 201, 17), ("$sys.x", 18)):
        a.publish("alice", alice, topic, 1)
        assert a.get(lambda r: r.kind == c.NACK).reason == reason, topic
    for pattern, reason in (("a..b", 17), ("a.>.b", 17), ("$tap.>", 18)):
        assert refused(b, c.SUBSCRIBE, c.proto((1, pattern)), src=bob, id=5) == reason, pattern
    sub = watch(a, "news.")
    topic, seen = watched(sub, a, lambda: a.publish("alice", alice, "news.a", "live"))
    assert topic == "news.a" and seen[0].dst == got[0].deadline and seen[0].id > 3 and seen[0].hops == 63 and seen[0].kind == c.PUBLISH
    b.call(29, c.proto((1, "news.*")), c.DONE, src=bob)
    b.call(c.SUBSCRIBE, c.proto((1, "$sys.agent.*")), c.DONE, src=bob)
    a.register("late")
    r = b.get(lambda r: r.kind == c.PUBLISH and b.topics[r.deadline] == "$sys.agent.joined")
    assert set(r.value()) == {"agent", "count", "behaviour", "process", "host", "pid", "reason"} and r.value()["agent"] == "late"
    tap = watch(a, "$tap.")
    topic, seen = watched(tap, a, lambda: a.send("alice", alice, "bob", c.INFORM, "tapped"))
    assert topic == "$tap.alice.bob" and seen[0].flags == 0x10 and seen[0].value() == "tapped" and seen[0].dst == bob


def services(fleet):
    """Leases: answered, settled, given back, taken over."""
    a, p, q = fleet.link("alice"), fleet.link("p"), fleet.link("q")
    for link, name in ((p, "p"), (q, "q")):
        assert ask(link, name, "df", action="register", services=[{"name": "upper", "capacity": 1}])[0] == c.INFORM

    def leased(link):
        return link.get(lambda r: r.kind == c.MESSAGE and r.flags & c.LEASED)
    for text in ("one", "two", "three"):
        a.send("alice", a.agents["alice"], "svc:upper", c.REQUEST, text, reply_with=text)
    one, two = leased(p), leased(q)
    assert {one.value(), two.value()} == {"one", "two"} and one.attempt == 0
    p.send("p", p.agents["p"], "alice", c.INFORM, one.value().upper(), dst=one.src, in_reply_to=one.value())
    p.put(c.SETTLE, src=p.agents["p"], id=one.id)
    assert a.get(lambda r: r.envelope.get(10) == one.envelope[9]).value() == one.value().upper()
    three = leased(p)
    assert three.value() == "three"
    p.put(c.SETTLE, src=p.agents["p"], id=three.id, flags=c.RELEASE)
    again = leased(p)  # q has no room, so it rests and comes back
    assert (again.id, again.attempt, again.flags & 0x02) == (three.id, 1, 0x02)
    p.put(c.SETTLE, src=p.agents["p"], id=again.id)
    q.call(c.BYE, b"", c.BYE_OK)  # with "two" unsettled
    taken = leased(p)
    assert (taken.value(), taken.id, taken.attempt) == (two.value(), two.id, 1)
    p.put(c.SETTLE, src=p.agents["p"], id=taken.id)
    p.call(c.SUBSCRIBE, c.proto((1, "x")), c.DONE, src=p.agents["p"])  # answered when the SETTLE before it is taken
    have = ask(a, "alice", "ams", action="services")[1]["services"]
    assert have == [{"service": "upper", "providers": 1, "capacity": 1, "queued": 0, "leased": 0, "away": 0, "durable": False, "requests": 3,
                     "settled": 3}], have


def overload(fleet):
    """A full mailbox: MUTE, NACK busy, UNMUTE; publications dropped are told by GAP. Nothing is unaccounted for."""
    a, b = fleet.link("alice"), fleet.link("bob")
    alice, bob = a.agents["alice"], b.agents["bob"]
    sent = {a.send("alice", alice, "bob", c.INFORM, n) for n in range(300)}  # bob takes none: 64 go out, 16 wait
    mute = a.get(lambda r: r.kind == 35)
    assert (mute.src, mute.id) == (bob, 1)
    nacks = []
    while len(nacks) < 300 - 64 - 16:
        nacks.append(a.get(lambda r: r.kind == c.NACK))
        assert nacks[-1].reason == 12 and c.unproto(nacks[-1].content)[2] > 0
    while {r.id for r in nacks} != sent:
        r = b.get(lambda r: r.kind == c.MESSAGE)
        assert r.id in sent and not any(r.id == n.id for n in nacks)
        nacks += [r] + [n for n in a.inbox if n.kind == c.NACK]
        a.inbox = [r for r in a.inbox if r.kind != c.NACK]
        a.wait(lambda: True)
    assert a.get(lambda r: r.kind == 36).src == bob
    b.call(c.SUBSCRIBE, c.proto((1, "many")), c.DONE, src=bob)
    for n in range(300):
        a.publish("alice", alice, "many", n)
    a.call(c.SUBSCRIBE, c.proto((1, "x")), c.DONE, src=alice)  # the broker has taken all
    next_id = 1
    while next_id <= 300:
        r = b.get(lambda r: r.kind in (c.PUBLISH, c.GAP))
        if r.kind == c.GAP:
            assert b.topics[r.src] == "many" and r.dst == bob
            next_id += r.id
        else:
            assert r.id == next_id
            next_id += 1
    assert next_id == 301


def resume(fleet):
    """A session outlives its connection; an old epoch is fenced off; leases come again."""
    a, p = fleet.link("alice"), fleet.link("p")
    ask(p, "p", "df", action="register", services=["work"])
    a.send("alice", a.agents["alice"], "svc:work", c.REQUEST, "job")
    lease = p.get(lambda r: r.flags & c.LEASED)
    again = c.Link(fleet.endpoint, token=p.token, epoch=2)
    assert again.resumed and again.token == p.token
    job = again.get(lambda r: r.flags & c.LEASED)
    assert (job.id, job.attempt, job.dst) == (lease.id, 1, p.agents["p"])
    again.send("p", p.agents["p"], "alice", c.INFORM, "still here")
    assert a.get(lambda r: r.kind == c.MESSAGE).value() == "still here"
    again.put(c.SETTLE, src=p.agents["p"], id=job.id)
    assert refused(p, c.PING) == 1
    assert refused(p, c.HELLO, c.proto((1, 1), (2, p.token), (3, 2))) == 24
    assert not c.Link(fleet.endpoint, token=b"x" * 16, epoch=9).resumed
    again.call(c.BYE, b"", c.BYE_OK)


def dead(fleet):
    """A silent process is found dead within 3 seconds, and what waits for it comes back."""
    a, b = fleet.link("alice"), fleet.link("bob")
    a.call(c.SUBSCRIBE, c.proto((1, "$sys.agent.lost")), c.DONE, src=a.agents["alice"])
    lost = a.get(lambda r: r.kind == c.PUBLISH, 4)
    assert (lost.value()["agent"], lost.value()["reason"]) == ("bob", "agent-gone")
    assert refused(b, c.PING) == 1


def errors(fleet):
    """What is malformed is refused, and the link goes on."""
    a = fleet.link("alice")
    alice = a.agents["alice"]
    ping = struct.pack("<IBBBBQQQQHHBBH", 48, c.PING, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0)
    for frame, reason in ((b"", 2), (b"XX\1\0\0\0\0\0", 2), (b"TB\2\0\0\0\0\0", 3), (b"TB\1\1\0\0\0\0", 3), (b"TB\1\0\1\0\0\0", 2),
                          (b"TB\1\0\1\0\0\0" + ping + b"x", 2), (b"TB\1\0\1\0\0\0\xff" + ping[1:], 4),
                          (b"TB\1\0\1\0\0\0\1\0\0\1" + ping[4:], 6), (b"TB\1\0\1\0\0\0" + ping[:40] + b"\1" + ping[41:], 4)):
        a.socket.send(frame)
        assert a.get(lambda r: r.kind == c.REFUSED).reason == reason, (frame[:12], reason)
    assert refused(a, 99, id=3) == 7 and refused(a, c.WELCOME, id=4) == 7
    assert refused(a, c.MESSAGE, b"", c.proto((1, "bob"), (2, "alice")), src=alice, act=1, hops=9) == 15
    assert refused(a, c.MESSAGE, b"", c.proto((1, "alice"), (2, "alice")), src=alice + 1, act=1, hops=9) == 15
    assert refused(a, c.MESSAGE, b"", c.proto((2, "alice")), src=alice, act=1, hops=9) == 5
    assert refused(a, c.MESSAGE, b"", c.proto((1, "alice")), src=alice, act=1, hops=9) == 5
    for header, reason in (({"act": 0, "hops": 9}, 4), ({"act": 23, "hops": 9}, 4), ({"hops": 0}, 16), ({"hops": 9, "deadline": 1}, 19)):
        a.put(c.MESSAGE, b"", c.proto((1, "alice"), (2, "alice")), src=alice, **{"act": 1, **header})
        assert a.get(lambda r: r.kind == c.NACK).reason == reason
    a.put(c.MESSAGE, b"", c.proto((1, "alice"), (2, "nobody")), src=alice, act=1, hops=9, flags=0x08)
    assert refused(a, c.CREDIT, struct.pack("<QQ", 1 << 40, 1 << 40)) == 4
    stranger = c.Link.__new__(c.Link)
    stranger.__dict__.update(inbox=[], beat=1, said=0, socket=zmq.Context.instance().socket(zmq.DEALER))
    stranger.socket.linger = 0
    stranger.socket.connect(fleet.endpoint)
    assert refused(stranger, c.REGISTER, c.proto((1, "x")), id=6) == 1
    assert refused(stranger, c.HELLO, c.proto((1, 2))) == 3
    a.send("alice", alice, "alice", c.INFORM, "still here")
    assert a.get(lambda r: r.kind == c.MESSAGE).value() == "still here"
    assert not a.inbox, "NO_NACK was not heeded"
    a.call(c.BYE, b"", c.BYE_OK)


def stored(link):
    r = link.get(lambda r: r.kind == c.STORED)
    return [struct.unpack_from("<QQ", r.content, at) for at in range(0, len(r.content), 16)]


def durable(fleet):
    """Stored, told once more, delivered until settled, given up, across the end of the broker."""
    a, b = fleet.link("alice", producer="p1"), fleet.link("bob")
    alice, bob = a.agents["alice"], b.agents["bob"]
    a.send("alice", alice, "bob", c.REQUEST, "one", number=1)
    assert stored(a) == [(1, 1)]
    r = b.get(lambda r: r.kind == c.MESSAGE)
    assert r.flags & (c.LEASED | c.DURABLE) == c.LEASED | c.DURABLE and r.value() == "one" and r.src == alice
    a.send("alice", alice, "bob", c.REQUEST, "one", number=1)
    assert stored(a) == [(1, 1)]
    b.put(c.SETTLE, src=bob, id=r.id, flags=c.EXTEND)
    b.put(c.SETTLE, src=bob, id=r.id, flags=c.RELEASE)
    again = b.get(lambda r: r.kind == c.MESSAGE)
    assert (again.id, again.attempt, again.flags & c.REDELIVERED) == (r.id, 1, c.REDELIVERED)
    b.put(c.SETTLE, src=bob, id=r.id, flags=c.RELEASE)
    n = a.get(lambda r: r.kind == c.NACK)
    assert (n.id, n.reason) == (1, 20)
    have = ask(a, "alice", "ams", action="dead-letters")[1]
    same_shape(fleet.shapes["ams dead-letters"], have, "ams dead-letters")
    number = have["letters"][0]["number"]
    assert msgpack.unpackb(ask(a, "alice", "ams", action="dead-letter", number=number)[1]["content"]) == "one"
    assert ask(a, "alice", "ams", action="dead-letter-requeue", number=number) == (c.INFORM, {"done": True})
    again = b.get(lambda r: r.kind == c.MESSAGE)
    assert again.value() == "one" and again.flags & c.REDELIVERED
    have = ask(a, "alice", "ams", action="dead-letters-requeue", name="bob", reason="too-many-tries")[1]
    same_shape(fleet.shapes["ams dead-letters-requeue"], have, "ams dead-letters-requeue")
    assert (have["count"], have["newest"]) == (0, number)
    b.call(c.SUBSCRIBE, c.proto((1, "news.>"), (2, 1)), c.DONE, src=bob)
    b.call(c.BYE, b"", c.BYE_OK)
    a.send("alice", alice, "bob", c.REQUEST, "two", number=2)
    assert stored(a) == [(2, 1)]
    a.publish("alice", alice, "news.a", 5)
    have = ask(a, "alice", "ams", action="mailboxes", name="bob@local")[1]
    same_shape(fleet.shapes["ams mailboxes"], have, "ams mailboxes")
    assert [(box["present"], box["queued"]) for box in have["mailboxes"]] == [(False, 3)]
    same_shape(fleet.shapes["ams journal"], ask(a, "alice", "ams", action="journal")[1], "ams journal")
    while ask(a, "alice", "ams", action="stats")[1]["unsynced_bytes"]:  # nobody is told of a publication that is on disk
        pass
    fleet.restart()
    b = fleet.link("bob")
    for text in ("one", "two"):
        r = b.get(lambda r: r.kind == c.MESSAGE)
        assert r.value() == text
        b.put(c.SETTLE, src=b.agents["bob"], id=r.id)
    event = b.get(lambda r: r.kind == c.PUBLISH)
    assert event.flags & (c.LEASED | c.DURABLE) == c.LEASED | c.DURABLE
    assert (event.envelope[11], event.value(), event.deadline) == (b"news.a", 5, 1)
    b.put(c.SETTLE, src=b.agents["bob"], id=event.id)
    b.call(c.UNSUBSCRIBE, c.proto((1, "news.>")), c.DONE, src=b.agents["bob"])
    a = fleet.link("alice", producer="p1")
    a.publish("alice", a.agents["alice"], "news.a", 6)
    a.send("alice", a.agents["alice"], "bob", c.REQUEST, "two", number=2)
    assert stored(a) == [(2, 1)]
    a.send("alice", a.agents["alice"], "bob", c.REQUEST, "three", number=3)
    r = b.get(lambda r: r.kind == c.MESSAGE)
    assert r.value() == "three"
    b.put(c.SETTLE, src=b.agents["bob"], id=r.id)
    assert ask(a, "alice", "ams", action="mailbox-drop", name="bob")[1]["reason"] == "unauthorised"
    b.call(c.BYE, b"", c.BYE_OK)
    assert ask(a, "alice", "ams", action="mailbox-drop", name="bob") == (c.INFORM, {"done": True})
    assert ask(a, "alice", "ams", action="mailboxes")[1]["total"] == 0


def streams(fleet):
    """Publications are kept, and read by page and by consumer, across the end of the broker."""
    a = fleet.link("alice")
    assert ask(a, "alice", "ams", action="stream-declare", stream="news", pattern="news.>") == (c.INFORM, {"done": True})
    for n in range(3):
        a.publish("alice", a.agents["alice"], "news.a", n)
    assert ask(a, "alice", "ams", action="stream-commit", stream="news", consumer="reader", position=2)[0] == c.INFORM
    assert len(ask(a, "alice", "ams", action="stream-read", stream="news")[1]["events"]) == 3
    fleet.restart()
    a = fleet.link("alice")
    same_shape(fleet.shapes["ams streams"], ask(a, "alice", "ams", action="streams")[1], "ams streams")
    page = ask(a, "alice", "ams", action="stream-read", stream="news", consumer="reader")[1]
    events = [c.Record(e.pop("record")) for e in page["events"]]
    same_shape(fleet.shapes["ams stream-read"], page, "ams stream-read")
    assert [(r.envelope[11], r.value()) for r in events] == [(b"news.a", 1), (b"news.a", 2)]
    assert (page["next"], page["tail"], page["more"]) == (4, 4, False)


STORIES = (direct, ranges, platform, topics, services, overload, resume, dead, durable, streams, errors)
OPTIONS = {overload: ("--mailbox-records", "16"), durable: ("--journal", "JOURNAL", "--tries", "2"),
           streams: ("--journal", "JOURNAL")}


def main(arguments):
    if len(arguments) < 2 or arguments[0].startswith("-"):
        print(__doc__.strip())
        return 0 if arguments[:1] == ["--help"] else 2
    with open(arguments[1], encoding="utf-8") as file:
        page = file.read()
    failed = 0
    for story in STORIES:
        if arguments[2:] and story.__name__ not in arguments[2:]:
            continue
        fleet = Fleet(arguments[0], page, OPTIONS.get(story, ()))
        try:
            story(fleet)
            print(f"ok      {story.__name__}: {story.__doc__}")
        except Exception:  # a story that breaks is told like one that does not hold
            failed += 1
            print(f"FAILED  {story.__name__}: {story.__doc__}\n{traceback.format_exc()}")
        code = fleet.end()
        if code != 0:
            failed += 1
            print(f"FAILED  {story.__name__}: the broker ended with {code}")
        zmq.Context.instance().destroy(linger=0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
