#!/usr/bin/env python3
"""The checker over histories itself (history.py): what it says of small ones that are broken on purpose."""
import random
import tempfile
import unittest

from history import Ledger


class History(unittest.TestCase):
    def ledger(self, *lines):
        file = tempfile.NamedTemporaryFile("w", suffix=".history")
        self.addCleanup(file.close)
        file.write("".join(line + "\n" for line in lines))
        file.flush()
        return Ledger([file.name]).read()

    def test_what_waits_is_stored_and_not_dealt_with(self):
        begin = ("1 sent anna 1 east", "2 stored anna 1")
        self.assertEqual(self.ledger(begin[0]).missing(), set())
        self.assertEqual(self.ledger(*begin).missing(), {("anna", 1)})
        got, gave, again = "3 got anna 1 east 0 0 good", "4 gave anna 1 east", "5 got anna 1 east 1 1 good"
        self.assertEqual(self.ledger(*begin, got).missing(), set())
        self.assertEqual(self.ledger(begin[0], got, begin[1]).missing(), set())
        self.assertEqual(self.ledger(*begin, got, gave).missing(), {("anna", 1)})
        self.assertEqual(self.ledger(*begin, got, gave, again).missing(), set())
        buried = self.ledger(*begin, got, gave)
        buried.bury([{"sender": "anna@here", "conversation_id": "1", "reason": "too-many-tries"}])
        self.assertEqual((buried.missing(), buried.faults()), (set(), []))

    def test_broken_promises_are_told(self):
        sent = ("1 sent anna 1 east", "2 sent anna 2 east")
        for text, lines in (
                ("were lost", (*sent, "3 stored anna 1")),
                ("was not sent to it", (*sent, "3 got anna 3 east 0 0 good")),
                ("was not sent to it", (*sent, "3 got anna 1 west 0 0 good")),
                ("wrong payload", (*sent, "3 got anna 1 east 0 0 bad")),
                ("came nevertheless", (*sent, "3 refused anna 1 busy", "4 got anna 1 east 0 0 good")),
                ("without a mark", (*sent, "3 got anna 1 east 0 0 good", "4 got anna 1 east 0 1 good")),
                ("1 came after 2", (*sent, "3 got anna 2 east 0 0 good", "4 got anna 1 east 0 0 good"))):
            with self.subTest(text):
                faults = self.ledger(*lines).faults()
                self.assertEqual(len(faults), 1, faults)
                self.assertIn(text, faults[0])

    def test_a_dead_letter_that_was_dealt_with_is_told(self):
        letter = {"sender": "anna@here", "conversation_id": "1", "reason": "too-many-tries"}
        for lines, faults in ((("1 sent anna 1 east", "3 got anna 1 east 0 0 good"), 1),
                              (("1 sent anna 1 east", "3 got anna 1 east 0 0 good", "4 gave anna 1 east"), 0), ((), 1)):
            ledger = self.ledger(*lines)
            ledger.bury([letter])
            self.assertEqual(len(ledger.faults()), faults)

    def test_served_again_is_the_first_of_those_sent_later(self):
        draw = random.Random(1)
        lines, times = [], []
        for number in range(300):
            sent = draw.randrange(10000)
            stored = sent + draw.randrange(1, 3000)
            lines += [f"{sent} sent anna {number} east"]
            if draw.random() < .8:
                lines += [f"{stored} stored anna {number}"]
                times += [(sent, stored)]
        moments = [draw.randrange(12000) for _ in range(50)]
        slow = [(min((stored for sent, stored in times if sent >= at), default=at) - at) / 1e6 for at in moments]
        self.assertEqual(self.ledger(*lines).served_again(moments), slow)
        self.assertIn(0, slow)


if __name__ == "__main__":
    unittest.main(verbosity=2)
