"""troupe send and ask with --durable and --priority; many messages as lines of stdin."""
import durable
import harness


class Send(durable.DurableTest):
    def away(self, name="clerk", *arguments):
        """A durable mailbox whose agent is not there."""
        self.clerk(name, *arguments).stop()

    def contents(self, count, name="clerk"):
        return [m["content"] for m in self.wait_book(count, name)]

    def test_it_ends_when_the_message_is_on_disk(self):
        self.start()
        self.away()
        self.good("send", "clerk", "inform", "kept", "--durable")
        self.crash()
        self.start()
        self.clerk()
        self.assertEqual(self.contents(1), ["kept"])

    def test_a_message_is_durable_without_its_receiver_being_so(self):
        self.start()
        self.clerk(durable=False)
        self.good("send", "clerk", "inform", "one", "--durable")
        (got,) = self.wait_book(1)
        self.assertEqual((got["durable"], got["content"]), (True, "one"))

    def test_the_highest_priority_goes_first(self):
        self.start()
        self.away()
        for priority in (0, 9, 5, 9, 1):
            self.good("send", "clerk", "inform", f"{priority}", "--durable", "--priority", priority)
        self.clerk()
        self.assertEqual(self.contents(5), ["9", "9", "5", "1", "0"])

    def test_lines_are_stored_and_come_in_order(self):
        self.start()
        self.away()
        lines = [f"line {n}" for n in range(3000)]
        done = self.verb("send", "clerk", "inform", "--durable", "--lines", text="\n".join(lines))
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.err, r"^3000 messages, 3000 stored in [0-9.]+ s\n$")
        self.crash()
        self.start()
        self.clerk()
        self.assertEqual(self.contents(3000), lines)

    def test_lines_need_not_be_durable(self):
        self.start()
        self.clerk(durable=False)
        done = self.verb("send", "clerk", "inform", "--lines", text='{"n": 1}\n\ntwo\n')
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.err, r"^2 messages in [0-9.]+ s\n$")
        self.assertEqual(self.contents(2), [{"n": 1}, "two"])

    def test_a_full_queue_is_waited_for(self):
        self.start("--queue-records", "20")
        self.away()
        lines = [f"line {n}" for n in range(200)]
        done = self.fails(4, "its queue is full (busy", "send", "clerk", "inform", "--durable", "--lines", "--timeout", "700ms",
                          text="\n".join(lines[:30]))
        self.assertIn("20 stored", done.err)
        self.fails(4, "its queue is full (busy", "send", "clerk", "inform", "one more", "--durable", "--timeout", "300ms")
        self.clerk()
        self.assertEqual(self.contents(20), lines[:20])
        done = self.verb("send", "clerk", "inform", "--durable", "--lines", text="\n".join(lines[20:]))
        self.assertEqual(done.code, 0, done)
        self.assertIn("180 stored", done.err)
        self.assertEqual(sorted(self.contents(200)), sorted(lines))

    def test_what_is_refused_ends_it(self):
        self.start()
        done = self.fails(3, "not-found", "send", "nobody", "inform", "x", "--durable")
        self.assertEqual(done.err.count("\n"), 1)
        done = self.fails(3, "1 refused", "send", "nobody", "inform", "--lines", "--durable", text="one\n")
        self.assertEqual(done.err.count("not-found"), 1)
        self.fails(1, "--lines reads stdin", "send", "nobody", "inform", "x", "--lines")
        self.fails(1, "--priority", "send", "nobody", "inform", "x", "--priority", "10")
        plain = self.broker()
        for verb in (["send", "x", "inform", "y"], ["ask", "x", "y"]):
            done = self.troupe(*verb, "--durable", env={"TROUPE_CONNECT": plain.endpoint})
            self.assertEqual(done.code, 3, done)
            self.assertIn("--journal", done.err)

    def test_a_question_waits_for_who_is_away(self):
        self.start()
        self.away()
        asking = self.spawn_verb("ask", "clerk", "anybody there?", "--durable", "--timeout", "60s")
        harness.wait_until(lambda: self.waiting("clerk") == 1, "the question in the mailbox")
        self.crash()
        self.start()
        harness.wait_until(lambda: self.is_registered(f"cli-{asking.pid}-"), "who asked to be back")
        self.clerk()
        done = asking.wait()
        self.assertEqual((done.code, done.out), (0, "done\n"), done)

    def is_registered(self, beginning):
        agents = self.good("ask", "ams", '{"action": "search"}', "-o", "json").json()["agents"]
        return any(agent["name"].startswith(beginning) for agent in agents)

    def waiting(self, agent):
        boxes = self.good("ask", "ams", '{"action": "mailboxes", "name": "%s"}' % agent, "-o", "json").json()["mailboxes"]
        return boxes[0]["queued"] if boxes else 0


harness.main()
