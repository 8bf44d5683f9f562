#!/usr/bin/env python3
"""An agent that has gone wrong, and all that it set to work: stopped within two seconds, and not let in again."""
import json
import time

import faults
from faults import figure, wait_until
from client import INFORM, MESSAGE, NACK, REQUEST, records

QUARANTINED = 34
TEAM = ["lead", "worker", "leaf"]
SENT, WINDOW = 2000, 64  # the window is client.py's


def drain(link):
    """Takes what is there."""
    while link.socket.poll(0):
        for record in records(link.socket.recv()):
            link.take(record)


class Quarantine(faults.FaultTest):
    journal = False
    broker_options = faults.PATIENT

    def setUp(self):
        super().setUp()
        self.start()
        self.children = {name: self.agentd(name) for name in [*TEAM, "bystander"]}

    def agentd(self, name):
        to = dict(zip(TEAM, TEAM[1:])).get(name)
        behaviour = ("relay", "--args", json.dumps({"to": to})) if to else ("echo",)
        child = self.spawn("agentd", "--name", name, "--connect", self.endpoint, "--behaviour", *behaviour)
        child.wait_err("A001 registered")
        return child

    def at(self, verb, *arguments):
        return self.troupe(verb, *arguments, "--connect", self.endpoint)

    def states(self):
        return {row["name"]: row["state"] for row in self.at("ps", "-o", "json").json()}

    def is_stopped(self, name):
        return "quarantined" in self.at("ask", name, "x").err

    def test_stopped_and_let_go(self):
        self.assertEqual(self.at("ask", "lead", "hello").out, "hello\n")  # lead, worker, leaf: each sets the next to work
        done = self.at("quarantine", "lead", "--reason", "it asks for everything", "-o", "json")
        self.assertEqual([(row["name"], row["because"]) for row in done.json()], [(name, "lead") for name in TEAM])
        self.assertEqual([self.is_stopped(name) for name in TEAM], [True] * 3)
        self.assertEqual(self.at("ask", "bystander", "hello").out, "hello\n")
        self.assertEqual({name: self.states()[name] for name in TEAM}, dict.fromkeys(TEAM, "quarantined"))
        self.assertEqual(self.states()["bystander"], "active")
        self.stop(self.children["leaf"])
        self.agentd("leaf")
        self.assertTrue(self.is_stopped("leaf"))
        self.assertEqual(sorted(row["name"] for row in self.at("quarantine", "-o", "json").json()), sorted(TEAM))
        figure("quarantine-team", "an agent and the 2 that it set to work are stopped, another one is not; still so after a reconnect")
        wait_until(lambda: self.running.err.count("B055") == 3, "each to be logged")
        self.assertEqual(sorted(self.at("quarantine", "lead", "--release", "-o", "name").out.split()), sorted(TEAM))
        self.assertEqual(self.at("ask", "lead", "hello").out, "hello\n")
        self.assertEqual(self.at("quarantine").out.splitlines()[1:], [])

    def test_how_soon(self):
        """A pest that sends as fast as it may: when the last of its messages comes, after the word was given."""
        pest, victim, operator = self.link(), self.link(), self.link()
        p, _, o = pest.register("pest"), victim.register("victim"), operator.register("operator")
        begun, sent, refused = None, 0, 0
        while not refused:
            pest.send("pest@local", p, "victim", INFORM, sent)
            sent += 1
            drain(victim)
            drain(pest)
            refused = sum(r.kind == NACK and r.reason == QUARANTINED for r in pest.inbox)
            if sent == 50:
                begun = time.monotonic()
                operator.send("operator@local", o, "ams", REQUEST, {"action": "quarantine", "name": "pest"}, reply_with="q")
            self.assertLess(sent, 5000)
        took = time.monotonic() - begun
        operator.get(lambda r: r.kind == MESSAGE)
        figure("quarantine", f"a flooding agent was stopped {took * 1000:.1f} ms after the word")
        self.assertLess(took, 2)

    def test_what_waits_does_not_leave(self):
        """One that takes nothing for now: of the thousands that wait for it in the broker none comes once the word was given."""
        pest, victim, operator = self.link(), self.link(), self.link()
        p, _, o = pest.register("pest"), victim.register("victim"), operator.register("operator")
        for n in range(SENT):
            pest.send("pest@local", p, "victim", INFORM, n)
        wait_until(lambda: self.queued(operator, o) >= SENT - WINDOW, "all to be there")
        begun = time.monotonic()
        operator.send("operator@local", o, "ams", REQUEST, {"action": "quarantine", "name": "pest"}, reply_with="q")
        operator.get(lambda r: r.kind == MESSAGE)
        pest.wait(lambda: sum(r.kind == NACK and r.reason == QUARANTINED for r in pest.inbox) >= SENT - WINDOW, 30)
        took = time.monotonic() - begun
        operator.send("operator@local", o, "victim", INFORM, "last")
        victim.wait(lambda: any(r.kind == MESSAGE and r.value() == "last" for r in victim.inbox), 30)
        came = [r.value() for r in victim.inbox if r.kind == MESSAGE]
        figure("quarantine-queued", f"of {SENT} messages for an agent that takes its time {len(came) - 1} had left for it, and the others came back "
               f"within {took * 1000:.0f} ms of the word")
        back = pest.wait(lambda: len(pest.inbox) == SENT + 1 - len(came) and pest.inbox)
        self.assertEqual({(r.kind, r.reason) for r in back}, {(NACK, QUARANTINED)})
        self.assertEqual(came, [*range(len(came) - 1), "last"])
        self.assertLessEqual(len(came) - 1, WINDOW)
        self.assertLess(took, 2)

    @staticmethod
    def queued(link, route):
        link.send("operator@local", route, "ams", REQUEST, {"action": "stats"}, reply_with="s")
        return link.get(lambda r: r.kind == MESSAGE).value()["queued"]

    def test_one_who_works_for_two(self):
        """The team's leaf worked for lead, and for the worker by himself: it is free when nobody is held any more for whom it did."""
        for first in "lead", "worker":
            self.assertEqual(self.at("ask", first, "hello").out, "hello\n")
        self.at("quarantine", "worker")
        self.at("quarantine", "lead")
        done = self.at("quarantine", "lead", "--release", "-o", "name")
        self.assertEqual(done.out.split(), ["lead"])
        self.assertEqual(sorted(line.split()[2] for line in done.err.splitlines()), ["leaf", "worker"])
        self.assertEqual([self.states()[name] for name in TEAM], ["active", "quarantined", "quarantined"])
        self.assertEqual(sorted(self.at("quarantine", "worker", "--release", "-o", "name").out.split()), ["leaf", "worker"])
        self.assertEqual(self.at("ask", "lead", "hello").out, "hello\n")
        figure("quarantine-two", "who worked for two that are held is free with the last of them")

    def test_refusals(self):
        for arguments, code, says in [(["--release"], 1, "needs AGENT"), (["svc:x"], 1, "no agent's name"),
                                      (["leaf", "--release", "--reason", "x"], 1, "not for --release"),
                                      (["leaf", "--release"], 3, "not in quarantine"), (["ams"], 3, "platform itself"),
                                      (["zed@c"], 3, "troupe quarantine zed --connect ENDPOINT at the broker of c")]:
            done = self.at("quarantine", *arguments)
            self.assertEqual(done.code, code, done)
            self.assertIn(says, done.err)


class Restart(Quarantine):
    """With a journal: the broker is killed, and the next one holds whom it held, and knows who has set whom to work."""
    journal = True
    test_stopped_and_let_go = test_how_soon = test_what_waits_does_not_leave = test_one_who_works_for_two = test_refusals = None

    def again(self):
        """What comes before a durable message is on disk when that is."""
        self.assertEqual(self.at("send", "bystander", "inform", "x", "--durable").code, 0)
        self.kill()
        self.start()
        wait_until(lambda: len(self.states()) >= len(TEAM) + 1, "the agents to be back")

    def held(self):
        return sorted(row["name"] for row in self.at("quarantine", "-o", "json").json())

    def test_restart(self):
        self.assertEqual(self.at("ask", "lead", "hello").out, "hello\n")
        self.again()
        self.assertEqual(len(self.at("quarantine", "lead", "-o", "json").json()), len(TEAM))  # known from before
        self.again()
        self.assertEqual(self.held(), sorted(TEAM))
        self.assertEqual([self.is_stopped(name) for name in TEAM], [True] * 3)
        self.assertEqual(self.at("ask", "bystander", "hello").out, "hello\n")
        self.at("quarantine", "lead", "--release")
        self.again()
        self.assertEqual(self.held(), [])
        self.assertEqual(self.at("ask", "lead", "hello").out, "hello\n")
        figure("quarantine-restart", "3 kills -9 of the broker: who was held is held, who was let go is free, whom it set to work is known")


if __name__ == "__main__":
    faults.main()
