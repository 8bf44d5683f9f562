#!/usr/bin/env python3
"""Conversations between processes over a real broker, both roles: they end as the protocol says, whoever dies."""
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class Talker:
    """A talker process: tell(line), and its lines."""

    def __init__(self, test, broker, name, *service):
        self.name = name
        self.child = test.spawn("tests/20-protocols/talker", broker.endpoint, name, *service, stdin=subprocess.PIPE)
        test.addCleanup(self.child.process.stdin.close)
        self.at = 0
        self.expect("ready")

    def tell(self, line):
        self.child.process.stdin.write(line.encode() + b"\n")
        self.child.process.stdin.flush()

    def start(self, protocol, act, receiver, plan, timeout_ms=20000):
        self.tell(f"start {protocol} {act} {receiver} {plan} {timeout_ms}")

    def line(self):
        """The next line."""
        def complete():
            lines = self.child.out.split("\n")[:-1]
            return lines[self.at:]
        line = harness.wait_until(complete, f"a line of {self.name} after {self.child.out!r}")[0]
        self.at += 1
        return line

    def expect(self, *lines):
        for wanted in lines:
            have = self.line()
            assert have == wanted, f"{self.name} says {have!r}, not {wanted!r}; all: {self.child.out!r}"

    def skip(self, *unwanted):
        """The first line that is none of these."""
        line = self.line()
        while line in unwanted:
            line = self.line()
        return line

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.process.wait()


class Protocols(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stage = self.broker("--platform", "here", "--lease", "600ms", "--heartbeat", "150ms", "--grace", "100ms")
        self.alice = self.talker("alice")

    def talker(self, name, *service):
        return Talker(self, self.stage, name, *service)

    def test_request_agreed_and_done(self):
        bob = self.talker("bob")
        self.alice.start("fipa-request", "request", "bob", "later")
        self.alice.expect("agree from bob@here", "inform from bob@here", "end done")
        bob.expect("asked request fipa-request later", "end done")

    def test_every_immediate_answer_of_a_query(self):
        bob = self.talker("bob")
        for act in "query-if", "query-ref":
            for plan, outcome in ("inform", "done"), ("refuse", "refused"), ("failure", "failed"):
                self.alice.start("fipa-query", act, "bob@here", plan)
                self.alice.expect(f"{plan} from bob@here", f"end {outcome}")
                bob.expect(f"asked {act} fipa-query {plan}", f"end {outcome}")

    def test_subscription_streams_until_cancelled(self):
        bob = self.talker("bob")
        self.alice.start("fipa-subscribe", "subscribe", "bob", "stream", 300)
        self.alice.expect("agree from bob@here")
        for _ in range(50):  # outlives its deadline, which is for the agree
            self.alice.expect("inform from bob@here")
        self.alice.tell("cancel")
        self.assertEqual(self.alice.skip("inform from bob@here"), "cancelling 0")
        self.assertEqual(self.alice.skip("inform from bob@here"), "end cancelled")
        bob.expect("asked subscribe fipa-subscribe stream", "asked cancel", "end cancelled")

    def test_request_cancelled(self):
        bob = self.talker("bob")
        self.alice.start("fipa-request", "request", "bob", "never")
        self.alice.expect("agree from bob@here")
        self.alice.tell("cancel")
        self.alice.expect("cancelling 0", "end cancelled")
        bob.expect("asked request fipa-request never", "asked cancel", "end cancelled")

    def test_deadline_on_both_sides(self):
        bob = self.talker("bob")
        self.alice.start("fipa-request", "request", "bob", "keep", 300)
        self.assertIn(self.alice.skip("failure from bob@here"), ("end timed-out", "end failed"))  # whose clock is first
        bob.expect("asked request fipa-request keep", "end timed-out")

    def test_nobody_there(self):
        self.alice.start("fipa-request", "request", "nobody", "inform")
        self.alice.expect("end failed not-found")

    def test_illegal_act_is_answered(self):
        bob = self.talker("bob")
        self.alice.tell("send request bob fipa-request c1")
        bob.expect("asked request fipa-request keep")
        self.alice.tell("send propose bob fipa-request c1")
        bob.expect("end not-understood")
        self.alice.expect('received not-understood propose is not for the initiator to send in state "requested" of '
                          "fipa-request; allowed: cancel")

    def test_service_request_outlives_its_provider(self):
        bob = self.talker("bob", "work")
        self.alice.start("fipa-request", "request", "svc:work", "never")
        self.alice.expect("agree from bob@here")
        carol = self.talker("carol", "work")
        bob.kill()
        self.alice.expect("agree from carol@here")
        carol.expect("asked request fipa-request never")
        self.alice.tell("cancel")
        self.alice.expect("cancelling 0", "end cancelled")
        carol.expect("asked cancel", "end cancelled")

    def test_leaving_participant_tells_who_waits(self):
        bob = self.talker("bob")
        self.alice.start("fipa-subscribe", "subscribe", "bob", "never")
        self.alice.expect("agree from bob@here")
        bob.child.process.stdin.close()
        self.assertEqual(bob.child.wait().code, 0)
        self.alice.expect("failure from bob@here", "end failed")

    def test_dead_subscriber_ends_the_subscription(self):
        bob = self.talker("bob")
        self.alice.start("fipa-subscribe", "subscribe", "bob", "stream")
        self.alice.expect("agree from bob@here", "inform from bob@here")
        self.alice.kill()
        bob.expect("asked subscribe fipa-subscribe stream")
        self.assertIn(bob.line(), ("end failed agent-gone", "end failed stale-route", "end failed not-found"))


if __name__ == "__main__":
    harness.main()
