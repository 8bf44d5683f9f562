#!/usr/bin/env python3
"""Who acts for whom, and with what to spend: circles, chains that nobody gave, budgets that grow."""
import json

import faults
from faults import figure, wait_until
from client import INFORM, MANDATE, MESSAGE, NACK, REQUEST, proto

BAD_DELEGATION, CYCLE, BUDGET = 31, 32, 33


def budget(tokens):
    return proto((1, proto((1, tokens)) or b"")) if tokens else b"\x0a\x00"


class Mandate(faults.FaultTest):
    journal = False
    broker_options = faults.PATIENT

    def setUp(self):
        super().setUp()
        self.start()
        self.audit = self.spawn("troupe", "tap", "$sys.audit.>", "-o", "json", "--connect", self.endpoint)
        self.ids = 0

    def agentd(self, name, behaviour, **args):
        child = self.spawn("agentd", "--name", name, "--behaviour", behaviour, "--args", json.dumps(args), "--connect", self.endpoint)
        child.wait_err("A001 registered")

    def ask(self, to, text, *options):
        return self.troupe("ask", to, text, "--connect", self.endpoint, *options)

    def agent_by_hand(self, name):
        link = self.link()
        return link, link.register(name)

    def say(self, link, src, me, to, act=REQUEST, chain=(), tokens=None, conversation="c"):
        self.ids += 1
        limits = [(14, budget(tokens))] if tokens is not None else []
        envelope = proto((1, me), (2, to), (8, conversation), *((13, name) for name in chain), *limits)
        link.put(MESSAGE, b"\xa1x", envelope, act=act, hops=64, id=self.ids, src=src, flags=MANDATE)
        return self.ids

    def refused(self, link, *arguments, **more):
        number = self.say(link, *arguments, **more)
        return link.get(lambda r: r.kind == NACK and r.id == number).reason

    def heard(self, kind):
        """What the audit's topic said of this."""
        return [event for event in map(json.loads, self.audit.out.splitlines()) if event["topic"] == f"$sys.audit.{kind}"]

    def test_a_circle_of_relays(self):
        self.agentd("first", "relay", to="second")
        self.agentd("second", "relay", to="third")
        self.agentd("third", "relay", to="first")
        done = self.ask("first", "who answers?", "--budget-tokens", "1000")
        self.assertEqual(done.code, 3, done)
        self.assertIn("cycle", done.err)
        wait_until(lambda: "B053" in self.running.err, "it to be logged")
        line = next(line for line in self.running.err.splitlines() if "B053" in line)
        chain = line.split('what="', 1)[1].split('"')[0]
        figure("delegation-cycle", f"a circle of 3 relays refused where it would close, logged ({chain}), the asker told")

    def test_forged_chains_and_budgets(self):
        ann, a = self.agent_by_hand("ann")
        bob, b = self.agent_by_hand("bob")
        cid, c = self.agent_by_hand("cid")
        eve, e = self.agent_by_hand("eve")
        self.say(ann, a, "ann", "bob", tokens=100)
        bob.get(lambda r: r.kind == MESSAGE)
        larger = [self.refused(bob, b, "bob", "cid", chain=("ann", "bob"), tokens=n) for n in (100, 101, 1 << 40, (1 << 64) - 1)]
        larger.append(self.refused(bob, b, "bob", "cid", chain=("ann", "bob")))  # without a limit
        self.say(bob, b, "bob", "cid", chain=("ann", "bob"), tokens=60)
        cid.get(lambda r: r.kind == MESSAGE)
        larger.append(self.refused(bob, b, "bob", "eve", chain=("ann", "bob"), tokens=60))  # spent twice
        self.assertEqual(larger, [BUDGET] * len(larger))
        self.say(cid, c, "cid", "bob", act=INFORM, chain=("ann", "bob"), tokens=61)  # more than it got: the answer counts, not that
        self.assertEqual(bob.get(lambda r: r.kind == MESSAGE).flags & MANDATE, 0)
        chains = [("ann", "eve"), ("ann", "bob", "eve"), ("ann", "bob", "cid", "eve"), ("cid", "eve")]
        forged = [self.refused(eve, e, "eve", "cid", chain=chain, tokens=5) for chain in chains]
        forged.append(self.refused(cid, c, "cid", "eve", chain=("ann", "cid"), tokens=5))  # bob left out
        forged.append(self.refused(bob, b, "bob", "cid", chain=("ann", "bob"), tokens=5, conversation="another"))
        self.assertEqual(forged, [BAD_DELEGATION] * len(forged))
        wait_until(lambda: self.running.err.count("B054") >= len(larger) and self.running.err.count("B052") >= len(forged),
                   "each to be logged")
        figure("forged-budget", f"{len(larger)} budgets that were larger than what was given refused and logged, 0 delivered")
        figure("forged-delegation", f"{len(forged)} chains that nobody gave refused and logged, 0 delivered")

    def test_the_audit_has_a_topic(self):
        ann, a = self.agent_by_hand("ann")

        def cycle():
            self.assertEqual(self.refused(ann, a, "ann", "ann"), CYCLE)
            return self.heard("cycle-refused")
        event = wait_until(cycle, "the audit's topic to tell of a cycle")[0]
        self.assertEqual((event["content"]["what"], event["content"]["process"]), ("ann", "client.py"))


if __name__ == "__main__":
    faults.main()
