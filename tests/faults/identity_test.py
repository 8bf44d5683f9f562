#!/usr/bin/env python3
"""Without certificates everybody who reaches the broker may join, but nobody may be another: senders that are forged, names that are taken."""
import faults
from faults import figure, wait_until
from client import (DONE, DURABLE, INFORM, LEASED, MESSAGE, REFUSE, REFUSED, REGISTER, REGISTERED, REQUEST, SETTLE, SUBSCRIBE, proto,
                    unproto)

DEREGISTER = 26
DUPLICATE_NAME, NOT_FOUND, FORGED_SENDER = 9, 10, 15


class Identity(faults.FaultTest):
    broker_options = faults.PATIENT

    def setUp(self):
        super().setUp()
        self.start()
        self.alice, self.bob, self.mallory = self.link(producer="alice"), self.link(), self.link()
        self.a = self.alice.register("alice")
        self.b = self.bob.register("bob")
        self.m = self.mallory.register("mallory")

    def hears(self, link, kind=MESSAGE):
        """The next thing that this link is told."""
        return link.get(lambda r: r.kind == kind)

    def leased(self):
        """How many messages are in somebody's hands, after all that mallory has sent."""
        self.mallory.send("mallory@local", self.m, "ams", REQUEST, {"action": "stats"}, reply_with="stats")
        return self.hears(self.mallory).value()["leased"]

    def test_forged_sender(self):
        stranger = self.m + (7 << 40)
        forgeries = [  # what stands in the header, and in the envelope
            (self.a, "alice@local"), (self.a, "mallory@local"), (self.m, "alice@local"), (self.m, "alice"), (self.m, "ams@local"),
            (self.m, "mallory@elsewhere"), (self.m, "mallor"), (self.m, "mallory2@local"), (0, "alice@local"), (stranger, "alice@local"),
            (self.m + 1, "mallory@local"), (1 << 62 | 1 << 40, "ams@local")]
        refused = []
        for source, name in forgeries:
            number = self.mallory.send(name, source, "bob", INFORM, "forged", dst=self.b)
            refused.append(self.mallory.get(lambda r, number=number: r.kind == REFUSED and r.id == number).reason)
        refused.append(self.mallory.call(SUBSCRIBE, proto((1, "news")), DONE, src=self.a).reason)
        self.mallory.send("mallory@local", self.m, "bob", INFORM, "honest")
        self.assertEqual(self.hears(self.bob).value(), "honest")  # the first thing that came to bob at all
        self.assertEqual(refused, [FORGED_SENDER] * len(refused))
        wait_until(lambda: self.running.err.count("B046") >= len(refused), "each to be logged")
        figure("forged-sender", f"{len(refused)} forgeries refused and logged, 0 delivered")

    def test_settled_by_another(self):
        keeper = self.link()
        route = unproto(keeper.call(REGISTER, proto((1, "vault"), (5, 1)), REGISTERED).content)[3]
        self.alice.send("alice@local", self.a, "vault", REQUEST, "keep", number=1)
        message = self.hears(keeper)
        self.assertEqual(message.flags & (LEASED | DURABLE), LEASED | DURABLE)
        for source in (route, self.m):
            self.mallory.put(SETTLE, id=message.id, src=source)
        self.assertEqual(self.leased(), 1)
        keeper.put(SETTLE, id=message.id, src=route)
        wait_until(lambda: self.leased() == 0, "its own settlement to count")
        figure("forged-settle", "2 settlements by another process had no effect, its own had")

    def test_stolen_name(self):
        steal = lambda name, count=1: self.mallory.call(REGISTER, proto((1, name), (2, count)), REGISTERED)
        answers = [steal(name) for name in ("alice", "bob", "ams", "df")]
        self.alice.register("crew", count=3)
        answers += [steal("crew-1"), steal("crew")]
        self.assertEqual([(r.kind, r.reason) for r in answers], [(REFUSED, DUPLICATE_NAME)] * len(answers))
        away = self.mallory.call(DEREGISTER, proto((1, "alice")), DONE)
        self.assertEqual((away.kind, away.reason), (REFUSED, NOT_FOUND))
        self.mallory.send("mallory@local", self.m, "ams", REQUEST, {"action": "register", "name": "alice"}, reply_with="1")
        self.assertEqual(self.hears(self.mallory).act, REFUSE)
        self.mallory.send("mallory@local", self.m, "ams", REQUEST, {"action": "deregister", "name": "alice"}, reply_with="2")
        self.assertEqual(self.hears(self.mallory).act, REFUSE)
        self.bob.send("bob@local", self.b, "alice", INFORM, "for alice")
        self.assertEqual(self.hears(self.alice).value(), "for alice")
        figure("stolen-name", f"{len(answers) + 3} attempts refused; alice is still alice")
        wait_until(lambda: "B020" in self.running.err, "it to be logged")


if __name__ == "__main__":
    faults.main()
