"""Durable mailboxes and subscriptions as people meet them: listed, aged, removed; and what a relay does with durable messages."""
import durable
import harness


class Mailbox(durable.DurableTest):
    def boxes(self):
        return {box["name"]: box for box in self.good("mailbox", "ls", "-o", "json").json()}

    def test_they_are_listed_and_removed(self):
        self.start()
        self.assertEqual(self.boxes(), {})
        self.clerk().stop()
        self.good("send", "clerk", "inform", "one")
        harness.wait_until(lambda: self.boxes()["clerk@local"]["state"] == "away", "the clerk to be away")
        box = self.boxes()["clerk@local"]
        self.assertEqual((box["queued"], box["in_hand"], box["on_disk"], box["subscriptions"]), (1, 0, 0, []))
        self.assertLess(box["oldest"], 60000)
        self.assertEqual(self.good("mailbox", "ls").out.splitlines()[0].split(), ["NAME", "STATE", "QUEUED", "IN", "HAND", "ON", "DISK",
                                                                                  "BYTES", "OLDEST"])
        self.fails(3, "1 messages wait in it", "mailbox", "rm", "clerk")
        self.good("mailbox", "rm", "clerk", "--force")
        self.assertEqual(self.boxes(), {})
        self.fails(3, "there is no durable mailbox", "mailbox", "rm", "clerk")
        self.fails(3, "not-found", "send", "clerk", "inform", "x")
        self.fails(1, "svc:NAME", "mailbox", "rm", "a b")

    def test_it_shows_where_people_look(self):
        self.start("--tries", "1")
        self.clerk("clerk", "--args", '{"backoff_ms": 10}')
        self.good("send", "clerk", "inform", '{"do": "die once"}')
        harness.wait_until(lambda: self.good("dlq", "ls", "-o", "name").out == "1\n", "the dead letter")
        self.good("send", "clerk", "inform", '{"do": "hold"}')
        harness.wait_until(lambda: self.boxes()["clerk@local"]["in_hand"] == 1, "the message in hand")
        found = {row["check"]: row for row in self.verb("doctor", "-o", "json").json()}
        self.assertIn(str(self.path.resolve() / "journal"), found["journal"]["found"])
        self.assertIn("RocksDB", found["journal"]["found"])
        self.assertEqual((found["dead letters"]["result"], found["dead letters"]["found"]),
                         ("warn", "1 durable messages could not be delivered"))
        self.assertIn(found["disk"]["result"], ("ok", "warn"))
        (row,) = [row for row in self.good("ps", "-o", "json").json() if row["name"] == "clerk"]
        self.assertEqual((row["leased"], row["on_disk"]), (1, 0))
        head = self.good("ps").out.splitlines()[0]
        self.assertIn("LEASED   ON DISK", head)
        top = self.good("top", "--count", "1", "-o", "json").json()
        self.assertEqual(top["broker"]["letters"], 1)

    def test_that_of_a_registered_agent_stays(self):
        self.start()
        self.clerk("clerk", "--service", "work")
        self.fails(3, "its agent is registered", "mailbox", "rm", "clerk")
        self.assertEqual(self.boxes()["svc:work"]["state"], "present")
        self.fails(3, "its agent is registered", "mailbox", "rm", "svc:work")

    def test_what_waits_too_long_is_a_dead_letter(self):
        self.start("--queue-retention", "300ms")
        self.clerk().stop()
        self.good("send", "clerk", "inform", "old")
        harness.wait_until(lambda: self.good("dlq", "ls", "--reason", "too-old", "-o", "json").json(), "the letter")
        self.clerk()
        self.good("dlq", "requeue", "--all")
        self.assertEqual([m["content"] for m in self.wait_book(1)], ["old"])

    def test_what_its_agent_fails_with_is_a_dead_letter_and_the_rest_is_kept(self):
        self.start("--poison", "2")
        agent = self.agentd("--name", "moody", "--durable", "--load", harness.program("tests/25-agentd/moody.so"), "--restart-backoff", "10ms")
        self.good("send", "moody", "inform", '{"fail": true}')
        self.assertEqual(self.good("ask", "moody", "{}").out, "1\n")
        harness.wait_until(lambda: self.good("dlq", "ls", "--reason", "poison", "-o", "json").json(), "the letter")
        (letter,) = self.good("dlq", "ls", "-o", "json").json()
        self.assertEqual((letter["reason"], letter["attempts"]), ("poison", 2))
        self.assertEqual(agent.err.count("A008"), 2, agent.err)
        self.assertIsNone(agent.process.poll())

    def poison(self):
        return self.good("dlq", "ls", "--reason", "poison", "-o", "json").json()

    def test_what_a_program_dies_of_is_a_dead_letter(self):
        self.start()
        agent = self.clerk("clerk", "--args", '{"backoff_ms": 10, "max_backoff_ms": 20}')
        self.good("send", "clerk", "inform", '{"do": "die"}')
        self.good("send", "clerk", "inform", "next")
        harness.wait_until(self.poison, "the letter")
        (letter,) = self.good("dlq", "ls", "-o", "json").json()
        self.assertEqual((letter["reason"], letter["attempts"]), ("poison", 3))
        self.assertEqual([m["content"] for m in self.wait_book(4) if m["content"] == "next"], ["next"])
        self.assertEqual(sum(m["content"] == {"do": "die"} for m in self.book()), 3)
        self.assertIsNone(agent.process.poll())

    def test_the_one_of_several_that_a_program_dies_of_is_found(self):
        self.start()
        self.clerk("clerk", "--args", '{"in_flight": 8, "backoff_ms": 10, "max_backoff_ms": 20}').stop()
        for order in ("hold once", "die", "hold once"):  # they wait, so that all are in work at once
            self.good("send", "clerk", "inform", '{"do": "%s"}' % order)
        self.clerk("clerk", "--args", '{"in_flight": 8, "backoff_ms": 10, "max_backoff_ms": 20}')
        harness.wait_until(self.poison, "the letter")
        harness.wait_until(lambda: not self.boxes()["clerk@local"]["queued"] + self.boxes()["clerk@local"]["in_hand"], "the others to be done")
        self.assertEqual(len(self.good("dlq", "ls", "-o", "json").json()), 1)

    def test_what_a_program_takes_too_long_for_is_a_dead_letter(self):
        self.start("--poison", "2")
        self.clerk("clerk", "--exec-timeout", "1500ms", "--args", '{"backoff_ms": 10, "max_backoff_ms": 20}')
        self.good("send", "clerk", "inform", '{"do": "hold"}')
        self.good("send", "clerk", "inform", "next")
        harness.wait_until(self.poison, "the letter")
        harness.wait_until(lambda: any(m["content"] == "next" for m in self.book()), "what waits behind it")

    def test_a_mailbox_may_have_limits_of_its_own(self):
        self.start()
        self.clerk().stop()
        self.fails(3, "there is no durable mailbox", "mailbox", "set", "nobody", "--max-records", "2")
        self.good("mailbox", "set", "clerk", "--max-records", "2", "--max-age", "1h")
        self.crash()
        self.start()
        box = self.boxes()["clerk@local"]
        self.assertEqual((box["max-records"], box["max-bytes"], box["max-age-ms"]), (2, 0, 3600000))
        done = self.fails(4, "its queue is full", "send", "clerk", "inform", "--durable", "--lines", "--timeout", "300ms", text="a\nb\nc\n")
        self.assertIn("2 stored", done.err)
        self.good("mailbox", "set", "clerk", "--max-age", "100ms")
        harness.wait_until(lambda: len(self.good("dlq", "ls", "--reason", "too-old", "-o", "json").json()) == 2, "both to die of age")

    def test_what_is_published_waits_for_a_durable_subscriber(self):
        self.start()
        self.clerk("clerk", "--subscribe", "news.>").stop()
        self.good("pub", "news.a", "while it was away")
        self.crash()
        self.start()
        self.assertEqual(self.boxes()["clerk@local"]["subscriptions"], ["news.>"])
        self.clerk("clerk", "--subscribe", "news.>")
        self.good("pub", "news.b", '{"n": 2}')
        first, second = self.wait_book(2)
        self.assertEqual((first["type"], first["topic"], first["content"], first["durable"], first["sequence"]),
                         ("event", "news.a", "while it was away", True, 1))
        self.assertEqual((second["topic"], second["content"]), ("news.b", {"n": 2}))

    def test_a_relay_hands_on_what_is_durable_as_durable(self):
        self.start("--queue-records", "3")
        self.clerk("last").stop()
        self.agentd("--name", "relay", "--behaviour", "relay", "--args", '{"to": "last"}', "--durable")
        for n in range(3):
            self.good("send", "relay", "inform", f"message {n}", "--durable")
        harness.wait_until(lambda: self.boxes()["last@local"]["queued"] == 3, "the messages in the last mailbox")
        self.good("send", "relay", "inform", "message 3", "--durable")  # and there is no room for this one: it stays with the relay
        self.crash()
        self.start("--queue-records", "3")
        self.clerk("last")
        got = self.wait_book(4, "last")
        self.assertEqual({m["content"] for m in got}, {f"message {n}" for n in range(4)})
        self.assertTrue(all(m["durable"] for m in got))


harness.main()
