#!/usr/bin/env python3
"""A broker with certificates: keys that nobody knows, senders that are forged, names that are another's are refused, and audited."""
import json
import pathlib

import zmq

import faults
from faults import figure, wait_until
from client import INFORM, Link, REFUSED, REGISTER, REGISTERED, proto

FORGED_SENDER, FORBIDDEN = 15, 18


class Certificates(faults.FaultTest):
    journal = False

    def setUp(self):
        super().setUp()
        self.certs = pathlib.Path(self.path("certs"))
        self.make("broker", "--role", "broker")
        self.make("ops", "--role", "operator")
        self.make("ann", "--role", "agent")
        self.make("bob", "--role", "agent")
        self.broker_options = (*faults.PATIENT, "--certs", str(self.certs), "--cert", str(self.certs / "secret/broker.yaml"))
        self.start()
        self.tap = self.spawn("troupe", "tap", "$sys.audit.>", "-o", "json", "--connect", self.endpoint, "--cert",
                              str(self.certs / "secret/ops.yaml"))

    def make(self, name, *role):
        done = self.troupe("cert", "new", name, *role, "--certs", self.certs)
        self.assertEqual(done.code, 0, done)

    def keys(self, name):
        """The broker's key, its own, and the secret one."""
        lines = (self.certs / f"secret/{name}.yaml").read_text().splitlines()
        fields = dict(line.replace("'", "").split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
        return tuple(fields[key].encode() for key in ("broker", "key", "secret-key"))

    def of(self, name):
        link = Link(self.endpoint, curve=self.keys(name))
        self.addCleanup(link.socket.close)
        return link

    def heard(self, kind):
        return [event["content"] for event in map(json.loads, self.tap.out.splitlines()) if event["topic"] == f"$sys.audit.{kind}"]

    def until_heard(self, kind, again):
        """Does it until the audit's topic tells of it (the tap may have come late)."""
        def once_more():
            again()
            return self.heard(kind)
        return wait_until(once_more, f"{kind} on the audit's topic")

    def stranger(self, keys):
        """Somebody who tries to say HELLO; whether the broker answered."""
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        if keys:
            socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
        before = self.running.err.count("B041")
        socket.connect(self.endpoint)
        socket.send(b"TB\1\0\0\0\0\0")
        if keys and keys[0] == self.keys("ann")[0]:
            wait_until(lambda: self.running.err.count("B041") > before, "the handshake to be refused")
        answered = socket.poll(200)
        socket.close()
        return answered

    def test_unknown_key(self):
        server = self.keys("ann")[0]
        self.assertEqual([self.stranger((server, *zmq.curve_keypair())) for _ in range(5)], [0] * 5)
        self.assertEqual(self.stranger(None), 0)  # no key at all
        self.assertEqual(self.stranger((zmq.curve_keypair()[0], *self.keys("ann")[1:])), 0)  # it takes another for the broker
        events = self.until_heard("key-refused", lambda: self.stranger((server, *zmq.curve_keypair())))
        self.assertEqual(events[0]["certificate"], "")
        self.of("ann")  # whom it knows gets in
        figure("unknown-key", "7 strangers got no word, those with a key were logged and are on $sys.audit; the known one got in")

    def test_forged_sender(self):
        ann, bob = self.of("ann"), self.of("bob")
        a, b = ann.register("ann"), bob.register("bob")
        forgeries = [(a, "bob@local"), (b, "bob@local"), (b, "ann@local"), (a, "ams@local"), (0, "ann@local")]

        def forge(source, name):
            number = ann.send(name, source, "bob", INFORM, "forged", dst=b)
            return ann.get(lambda r: r.kind == REFUSED and r.id == number).reason
        self.assertEqual([forge(*forgery) for forgery in forgeries], [FORGED_SENDER] * len(forgeries))
        ann.send("ann@local", a, "bob", INFORM, "honest")
        self.assertEqual(bob.get(lambda r: r.kind == 1).value(), "honest")
        events = self.until_heard("forged-sender", lambda: forge(a, "bob@local"))
        self.assertEqual((events[-1]["certificate"], events[-1]["what"]), ("ann", "bob@local"))
        figure("forged-sender-certified", f"{len(forgeries)} forgeries refused, logged and on $sys.audit with the certificate, 0 delivered")

    def test_stolen_name(self):
        ann, bob = self.of("ann"), self.of("bob")
        bob.register("bob")

        def steal(name):
            answer = ann.call(REGISTER, proto((1, name)), REGISTERED)
            return answer.kind, answer.reason
        names = ["bob", "bob-1", "fleet", "cli-1-x", "carl"]  # some are free, and still not ann's
        self.assertEqual([steal(name) for name in names], [(REFUSED, FORBIDDEN)] * len(names))
        ann.register("ann")
        events = self.until_heard("name-refused", lambda: steal("bob"))
        self.assertEqual(events[-1]["certificate"], "ann")
        self.assertIn("bob", events[-1]["what"])
        wait_until(lambda: "B042" in self.running.err, "it to be logged")
        figure("stolen-name-certified", f"{len(names)} names of others refused, logged and on $sys.audit with the certificate")


if __name__ == "__main__":
    faults.main()
