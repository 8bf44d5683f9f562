"""troupe dlq: dead letters are listed, shown, sent again and dropped."""
import durable
import harness


class Dlq(durable.DurableTest):
    def setUp(self):
        super().setUp()
        self.start("--tries", "1")

    def letters(self, *arguments):
        return self.good("dlq", "ls", *arguments, "-o", "json").json()

    def wait_letters(self, count):
        harness.wait_until(lambda: len(self.letters()) == count, f"{count} dead letters")
        return self.letters()

    def dead(self, *words, to="clerk"):
        """Messages that their receiver's program died of; it would not die of them again."""
        before = len(self.letters())
        for word in words:
            self.good("send", to, "inform", '{"do": "die once", "word": "%s"}' % word)
        return self.wait_letters(before + len(words))

    def patient_clerk(self, name="clerk"):
        return self.clerk(name, "--args", '{"backoff_ms": 10}')

    def test_what_could_not_be_delivered_is_listed_and_shown(self):
        self.assertEqual(self.letters(), [])
        self.patient_clerk()
        (letter,) = self.dead("one")
        sender = letter["sender"]
        self.assertTrue(sender.startswith("cli-"))
        self.assertEqual({**letter, "since": 0, "bytes": 0},
                         {"number": 1, "reason": "too-many-tries", "to": "clerk", "attempts": 1, "since": 0, "performative": "inform",
                          "sender": sender, "bytes": 0, "receiver": "clerk", "protocol": None, "conversation_id": None, "language": None})
        listed = self.verb("dlq", "ls")
        self.assertRegex(listed.err, r"\A1 of 1000000 dead letters, \d+ of 4\.0G\n\Z")
        head, row = listed.out.splitlines()
        self.assertEqual(head.split()[:4], ["NUMBER", "REASON", "TO", "ATTEMPTS"])
        self.assertEqual(row.split()[:4], ["1", "too-many-tries", "clerk", "1"])
        self.assertEqual(self.good("dlq", "ls", "-o", "name").out, "1\n")
        shown = self.good("dlq", "show", "1", "-o", "json").json()
        self.assertEqual((shown["to"], shown["content"]), ("clerk", {"do": "die once", "word": "one"}))
        headers, content = self.good("dlq", "show", "1").out.split("\n\n")
        self.assertRegex(headers, r"since: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b")
        self.assertIn("reason: too-many-tries\n", headers + "\n")
        self.assertIn('"word": "one"', content)
        self.good("send", "clerk", "inform", "text")  # it is served again

    def test_what_is_sent_again_arrives_once(self):
        self.patient_clerk()
        self.dead("one", "two", "three")
        self.assertEqual(self.good("dlq", "requeue", "1", "3", "-o", "json").json(), [{"requeued": 2}])
        self.fails(3, "no dead letter has the number 1", "dlq", "requeue", "1")
        got = self.wait_book(5)[3:]
        self.assertEqual([(m["content"]["word"], m["redelivered"]) for m in got], [("one", True), ("three", True)])
        self.assertEqual([letter["number"] for letter in self.letters()], [2])
        self.crash()
        self.start("--tries", "1")
        self.assertEqual([letter["number"] for letter in self.letters()], [2])
        self.assertEqual(len(self.book()), 5)

    def test_all_of_one_queue_or_reason(self):
        self.patient_clerk()
        self.patient_clerk("other").stop()
        self.dead("one", "two")
        self.fails(4, "", "ask", "other", "late", "--timeout", "300ms")
        self.assertEqual([(each["to"], each["reason"]) for each in self.wait_letters(3)],
                         [("clerk", "too-many-tries"), ("clerk", "too-many-tries"), ("other", "expired")])
        self.assertEqual(len(self.letters("--to", "clerk")), 2)
        self.assertEqual(len(self.letters("--to", "clerk@local", "--count", "1")), 1)
        self.assertEqual(len(self.letters("--to", "svc:clerk")), 0)
        self.assertEqual([letter["to"] for letter in self.letters("--reason", "expired")], ["other"])
        self.assertEqual(self.good("dlq", "requeue", "--all", "--to", "other").out.split(), ["REQUEUED", "1"])
        self.clerk("other")
        self.assertEqual(self.wait_book(1, "other")[0]["content"], "late")
        self.assertEqual(self.good("dlq", "drop", "--all", "-o", "json").json(), [{"dropped": 2}])
        self.assertEqual(self.letters(), [])
        self.assertEqual(self.good("dlq", "drop", "--all", "-o", "json").json(), [{"dropped": 0}])

    def test_who_has_too_many_gets_no_more_until_they_are_seen_to(self):
        self.crash()
        self.start("--tries", "1", "--letters-each", "2")
        self.patient_clerk()
        self.dead("one", "two")
        self.at.wait_err("B035 too many dead letters")
        self.assertIn("clerk has too many, 2 with", self.verb("dlq", "ls").err)
        self.fails(3, "busy: there are too many dead letters", "send", "clerk", "inform", "no")
        self.fails(4, "too many dead letters", "send", "clerk", "inform", "no", "--durable", "--timeout", "300ms")
        self.assertEqual(len(self.book()), 2)
        self.good("dlq", "drop", "1")
        self.good("send", "clerk", "inform", "three")
        self.assertEqual(self.wait_book(3)[2]["content"], "three")

    def test_a_service_has_dead_letters_too(self):
        self.clerk("clerk", "--service", "work", "--args", '{"backoff_ms": 10}')
        (letter,) = self.dead("one", to="svc:work")
        self.assertEqual(letter["to"], "svc:work")
        self.good("dlq", "requeue", "--all", "--to", "svc:work")
        self.assertEqual(self.wait_book(2)[1]["content"]["word"], "one")

    def test_what_is_wrong_is_told(self):
        self.fails(1, "or --all", "dlq", "requeue")
        self.fails(1, "or --all", "dlq", "drop", "1", "--all")
        self.fails(1, "need --all", "dlq", "drop", "1", "--to", "clerk")
        self.fails(1, "no number of a dead letter", "dlq", "drop", "one")
        self.fails(1, "svc:NAME", "dlq", "ls", "--to", "a b")
        self.fails(1, 'did you mean expired?', "dlq", "ls", "--reason", "expire")
        self.fails(3, "no dead letter has the number 7", "dlq", "show", "7")
        self.assertIn("dlq requeue", self.good("completion", "bash").out)
        plain = self.broker()
        done = self.troupe("dlq", "ls", env={"TROUPE_CONNECT": plain.endpoint})
        self.assertEqual(done.code, 3)
        self.assertIn("--journal", done.err)


harness.main()
