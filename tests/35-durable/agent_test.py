"""Durable agents: what comes while they are away, what they did not finish, and what they send."""
import json
import time

import durable
import harness


class Agent(durable.DurableTest):
    def test_a_program_is_told_what_is_durable(self):
        self.start()
        self.clerk()
        self.good("send", "clerk", "inform", '{"n": 1}')
        (got,) = self.wait_book(1)
        self.assertEqual((got["performative"], got["content"], got["durable"]), ("inform", {"n": 1}, True))
        self.assertNotIn("redelivered", got)
        self.assertNotIn("attempt", got)

    def test_what_comes_while_it_is_away_waits_for_it(self):
        self.start()
        self.clerk().stop()
        self.good("send", "clerk", "inform", "one")
        self.good("send", "clerk", "inform", "two")
        self.clerk()
        self.assertEqual([m["content"] for m in self.wait_book(2)], ["one", "two"])

    def test_a_broker_that_is_killed_has_what_it_took(self):
        self.start()
        self.clerk().stop()
        self.good("send", "clerk", "inform", "one")
        self.clerk("other", durable=False)
        self.crash()
        self.start()
        self.clerk()
        (got,) = self.wait_book(1)
        self.assertEqual(got["content"], "one")

    def test_what_its_program_did_not_finish_comes_again(self):
        self.start()
        self.clerk("clerk", "--args", '{"backoff_ms": 10}')
        self.good("send", "clerk", "inform", '{"do": "die once"}')
        first, second = self.wait_book(2)
        self.assertNotIn("redelivered", first)
        self.assertEqual((second["redelivered"], second["attempt"]), (True, 1))
        self.good("send", "clerk", "inform", "next")
        self.assertEqual(self.wait_book(3)[2]["content"], "next")

    def test_what_takes_too_long_comes_again(self):
        self.start()
        self.clerk("clerk", "--exec-timeout", "1500ms", "--args", '{"backoff_ms": 10}')
        self.good("send", "clerk", "inform", '{"do": "hold once"}')
        first, second = self.wait_book(2)[:2]
        self.assertEqual(first["content"], second["content"])
        self.assertGreaterEqual(second["attempt"], 1)  # a slow machine may not even have started the program in that time

    def test_what_is_in_work_for_longer_than_its_lease_comes_once(self):
        """Its process extends the lease while the program works; the broker would give it away again after 5 s."""
        self.start("--message-lease", "5s")
        self.clerk()
        until = self.path / "until"
        self.good("send", "clerk", "inform", json.dumps({"do": "wait", "until": str(until)}))
        self.wait_book(1)
        time.sleep(12)  # what is tested: more than two leases
        until.touch()
        self.good("send", "clerk", "inform", "next")
        first, second = self.wait_book(2)[:2]
        self.assertNotIn("redelivered", first)
        self.assertEqual(second["content"], "next")
        self.assertNotIn("redelivered", second)

    def test_a_request_is_answered_after_its_agent_has_come_back(self):
        self.start()
        self.clerk("clerk", "--args", '{"backoff_ms": 10}')
        done = self.verb("ask", "clerk", '{"do": "die once"}', "--timeout", "20s")
        self.assertEqual((done.code, done.out), (0, "done\n"), done)
        self.assertEqual([m.get("attempt", 0) for m in self.book()], [0, 1])

    def test_what_a_program_sends_can_be_durable(self):
        self.start()
        self.clerk("other").stop()
        self.clerk(durable=False)
        self.good("send", "clerk", "inform", '{"do": "say", "with": {"to": "other", "durable": true, "priority": 3, "content": "kept"}}')
        self.wait_book(1)
        harness.wait_until(lambda: self.queued("other") == 1, "the message in the queue of other")
        self.crash()
        self.start()
        self.clerk("other")
        (got,) = self.wait_book(1, "other")
        self.assertEqual((got["content"], got["priority"], got["sender"]), ("kept", 3, "clerk@local"))

    def test_what_cannot_be_stored_comes_back_to_the_program(self):
        self.start()
        self.clerk(durable=False)
        self.good("send", "clerk", "inform", '{"do": "say", "with": {"to": "nobody", "durable": true, "content": "x"}}')
        got = self.wait_book(2)[1]
        self.assertEqual((got["type"], got["reason"]), ("failed", "not-found"))

    def queued(self, agent):
        """What waits durably for an agent."""
        boxes = self.good("ask", "ams", '{"action": "mailboxes"}', "-o", "json").json()["mailboxes"]
        return next((box["queued"] for box in boxes if box["name"] == f"{agent}@local"), None)


class Refused(durable.DurableTest):
    def test_a_broker_without_a_journal(self):
        self.at = self.broker(listen=self.endpoint)
        done = self.run_program("agentd", "--connect", self.endpoint, "--name", "x", "--behaviour", "echo", "--durable")
        self.assertEqual(done.code, 3, done)
        self.assertIn("--journal", done.err)

    def test_a_producer_without_a_name(self):
        for name in ("", "x" * 65):
            done = self.run_program("agentd", "--name", "x", "--behaviour", "echo", "--producer", name)
            self.assertEqual(done.code, 1, done)
            self.assertIn("--producer", done.err)


harness.main()
