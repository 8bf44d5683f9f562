#!/usr/bin/env python3
"""`troupe conversation`: real conversations on the tap of a real broker, legal and not."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
from protocols_test import Talker


class Conversation(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.stage = self.broker("--platform", "here")
        self.alice = Talker(self, self.stage, "alice")
        self.bob = Talker(self, self.stage, "bob")

    def verb(self, *arguments):
        child = self.spawn("troupe", "conversation", *arguments, "--connect", self.stage.endpoint)
        child.wait_err("watching ")
        return child

    def until_seen(self, child, say, done):
        """Says it again and again, as a subscription may not be in force yet."""
        def attempt():
            say()
            return done() or child.process.poll() is not None
        harness.wait_until(attempt, "it on the tap")

    @staticmethod
    def rows(child):
        return [json.loads(line) for line in child.out.splitlines(keepends=True) if line.endswith("\n")]

    def ask(self):
        self.alice.start("fipa-request", "request", "bob", "inform")
        self.alice.expect("inform from bob@here", "end done")

    def test_watch_says_where_each_message_leads_to(self):
        watch = self.verb("watch", "-o", "json")
        self.until_seen(watch, self.ask, lambda: len(self.rows(watch)) >= 2)
        request = next(row for row in self.rows(watch) if row["act"] == "request")
        inform = next(row for row in self.rows(watch) if row["act"] == "inform" and row["conversation"] == request["conversation"])
        self.assertEqual((request["from"], request["to"], request["protocol"]), ("alice@here", "bob@here", "fipa-request"))
        self.assertEqual((request["state"], request["check"], request["outcome"]), ("requested", "legal", "open"))
        self.assertEqual((inform["state"], inform["check"], inform["outcome"]), ("done", "legal", "done"))
        self.assertIsNone(inform["allowed"])
        watch.stop()

    def test_only_what_is_illegal(self):
        watch = self.verb("watch", "--illegal", "--count", "1", "-o", "json")
        number = 0
        def say():
            nonlocal number
            number += 1
            self.alice.tell(f"send request bob fipa-request c{number}")
            self.alice.tell(f"send propose bob fipa-request c{number}")
        self.until_seen(watch, say, lambda: False)
        self.assertEqual(watch.wait().code, 3)
        row, = self.rows(watch)
        self.assertEqual((row["act"], row["check"], row["state"], row["allowed"]), ("propose", "illegal", "requested", "cancel"))
        self.assertIn("allowed: cancel", row["detail"])

    def test_legal_ones_are_no_fault(self):
        watch = self.verb("watch", "--illegal", "--for", "300ms")
        self.ask()
        done = watch.wait()
        self.assertEqual((done.code, len(done.out.splitlines()) <= 1), (0, True), done)

    def test_show_waits_for_the_end(self):
        show = self.verb("show", "c7", "-o", "json")
        def say():
            self.alice.tell("send request bob fipa-request c7")
            self.alice.tell("send propose bob fipa-request c7")
            self.alice.line()  # that bob does not understand it: so it was before what he says below
            self.bob.tell("send not-understood alice fipa-request c7")
        self.until_seen(show, say, lambda: False)
        done = show.wait()
        self.assertEqual(done.code, 3, done)
        row, = json.loads(done.out)
        self.assertEqual((row["participant"], row["initiator"], row["outcome"]), ("bob", "alice@here", "not-understood"))
        self.assertGreaterEqual(row["illegal"], 1)

    def test_show_of_nothing(self):
        done = self.verb("show", "nothing", "--for", "200ms").wait()
        self.assertEqual(done.code, 4)
        self.assertIn("no conversation nothing has begun", done.err)
        self.assertEqual(self.troupe("conversation", "show", "--connect", self.stage.endpoint).code, 1)

    def test_a_mailbox_that_is_checked(self):
        def policy(*words):
            return self.troupe("mailbox", "protocol", *words, "--connect", self.stage.endpoint)
        self.assertEqual(policy("bob", "enforce").code, 0)
        self.alice.tell("send request bob fipa-request c8")
        self.bob.expect("asked request fipa-request keep")
        self.alice.tell("send propose bob fipa-request c8")
        self.alice.expect('received not-understood propose is not for the initiator to send in state "requested" of '
                          "fipa-request; allowed: cancel")
        self.assertEqual(policy("bob", "off").code, 0)
        self.alice.tell("send propose bob fipa-request c8")  # now it is bob itself that does not understand it
        self.bob.expect("end not-understood")
        self.assertEqual([policy("bob", "strict").code, policy("svc:bob", "check").code, policy("bob").code], [3, 1, 1])


if __name__ == "__main__":
    harness.main()
