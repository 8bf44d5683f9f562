#!/usr/bin/env python3
"""A journal that is cut off or has one flipped bit: it is refused, or told, or does no harm; no message is ever a wrong one."""
import glob
import os
import re

import faults
from faults import LONG, figure, wait_until

CUTS = 65536 if LONG else 1500  # bytes of the log's end
FLIPS = 10000 if LONG else 1000
FIRST, SECOND = 300, 200  # messages before and after a restart: what RocksDB keeps in a table, and in its log


class Damage(faults.FaultTest):
    def fill(self):
        """A journal as a broker leaves it that is killed, with messages 1 to FIRST + SECOND for somebody who is away."""
        self.start()
        self.stop(self.consumer("away"))
        first = 1
        for count in FIRST, SECOND:
            producer = self.producer("anna", ["away"], wait=False, first=first, count=count, rate=2000)
            wait_until(lambda: producer.process.poll() is not None, "the producer to end")
            self.kill()
            first += count
            if count == FIRST:
                self.start()
        self.assertEqual(len(self.ledger.read().stored), FIRST + SECOND)

    def damage(self, *arguments):
        done = self.run_program("tests/faults/fault-damage", "--journal", self.path("journal"), "--messages", FIRST + SECOND, *arguments,
                                patience=3600 if LONG else 1700)
        self.assertEqual(done.code, 0, done)
        return done.out.strip()

    def test_cut(self):
        self.fill()
        said = self.damage("--cuts", CUTS)
        figure("journal-cut", f"cut at each of the last {CUTS:,} bytes of its log: {said}")
        cuts, refused, untold, least, most, wrong = self.numbers(said)
        self.assertLessEqual(untold, most - least + 1)  # a log that was cut behind one of its records is a whole log
        self.assertEqual((most, wrong), (FIRST + SECOND, 0))
        self.assertTrue(cuts == CUTS or (LONG and 0 < cuts < CUTS), said)  # the log may be shorter than the longest cut
        self.assertLess(refused, cuts)
        self.assertGreaterEqual(least, FIRST)  # what is in a table is not in the log
        self.assertLess(least, most)  # the cuts took messages: the last ones, and no others

    def test_flip(self):
        self.fill()
        said = self.damage("--flips", FLIPS)
        figure("journal-flip", said)
        flips, refused, aborted, told, harmless, wrong = self.numbers(said)
        self.assertEqual((flips, wrong), (FLIPS, 0))
        self.assertEqual(refused + aborted + told + harmless, flips)
        self.assertGreater(refused + aborted + told, flips / 2)  # most of the bytes are somebody's

    def test_salvage(self):
        """Who gives up what is behind a damage is told how much that is, and gets what is before it."""
        self.fill()
        log = max(glob.glob(self.path("journal/*.log")), key=os.path.getsize)
        size = os.path.getsize(log)
        with open(log, "r+b") as file:
            file.seek(size * 3 // 4)
            byte = file.read(1)[0]
            file.seek(size * 3 // 4)
            file.write(bytes([byte ^ 1]))
        address = ("--listen", self.endpoint, "--stream", self.stream, "--http", self.http, "--journal", self.path("journal"))
        done = self.run_program("broker", *address)
        self.assertEqual(done.code, 4, done)
        self.assertIn("--journal-salvage", done.err)
        self.start("--journal-salvage")
        self.running.wait_err(" B069 ")
        told = int(re.search(r"B069 .*bytes=(\d+)", self.running.err)[1])
        self.assertEqual(os.path.getsize(log) if os.path.exists(log) else size - told, size - told)
        kept = int(self.metric("troupe_broker_queued_records"))
        self.assertTrue(FIRST <= kept < FIRST + SECOND, kept)
        self.consumer("away")
        wait_until(lambda: len(self.ledger.read().got) >= kept, "what is left to arrive")
        figure("journal-salvage", f"{told:,} of {size:,} bytes given up, {kept} of {FIRST + SECOND} messages kept")

    @staticmethod
    def numbers(said):
        return [int(each) for each in re.findall(r"\d+", said)]


if __name__ == "__main__":
    faults.main()
