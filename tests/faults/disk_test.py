#!/usr/bin/env python3
"""Disks that fail under a broker: a sync that says EIO, a disk that is full. It acknowledges nothing more, says so and ends; started again
on a disk that works, it has all that it had acknowledged."""
import errno
import os
import time

import faults
import harness
from faults import LONG, figure, wait_until

SYNCS = range(1, 200, 7) if LONG else (1, 2, 3, 9, 40)  # the sync that fails
DISK = "24m"
RATE = 5000  # messages a second: what is stored until the last sync of the long version has failed has to arrive, too


class Disk(faults.FaultTest):
    def failing(self, call, n, code, part=".log", once=True):
        """The environment of a process whose n-th such call on such a file fails."""
        return {"LD_PRELOAD": harness.program("tests/faults/fail.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
                "TROUPE_FAIL": f"{call}:{n}:{code}:{part}", **({"TROUPE_FAIL_ONCE": "1"} if once else {})}

    def run_into(self, env, size=64):
        """Producers until the broker has ended by itself; its last words. Where RocksDB syncs its log at the start it does not come so far."""
        broker = self.keep(harness.Ready("broker", ["--listen", self.endpoint, "--stream", self.stream, "--http", self.http, "--journal",
                                                    self.path("journal")], self.directory, harness.environment(**(env or {}))))
        if not broker.ready:
            done = broker.wait()
            self.assertEqual(done.code, 4, done)
            self.assertIn("B005", done.err)
            return [], done.err
        producers = [self.producer(f"p{len(self.ledger.files)}", ["away"], size=size, rate=RATE)]
        wait_until(lambda: broker.process.poll() is not None, "the broker to end", 60)
        self.assertEqual(broker.process.returncode, 4, broker.err)
        self.assertIn("B032", broker.err)
        return producers, broker.err

    def recover(self, producers):
        """On a disk that works; the producers send on meanwhile."""
        self.start()
        stored = len(self.ledger.read().stored)
        if producers:
            wait_until(lambda: len(self.ledger.read().stored) > stored, "messages to be stored again")
        for producer in producers:
            self.stop(producer)

    def finish(self):
        consumer = self.consumer("away")
        self.arrive(faults.LINGER)
        self.stop(consumer)
        self.judge()

    def test_sync_fails(self):
        self.start()
        self.stop(self.consumer("away"))
        self.stop(self.running)
        ends = []
        for n in SYNCS:
            before = len(self.ledger.read().stored)
            producers, err = self.run_into(self.failing("fdatasync", n, errno.EIO))
            self.assertIn("the disk failed", err)
            ends.append(len(self.ledger.read().stored) - before)
            self.recover(producers)
            self.stop(self.running)
        self.start()
        self.finish()
        figure("fsync-eio", f"the n-th fdatasync of the log failed once, n in {list(SYNCS)[:6]}: {len(ends)} times it said so and ended "
               f"with 4 after {min(ends)} to {max(ends)} messages; {len(self.ledger.stored):,} stored in all, 0 lost, 0 wrong")

    def test_an_order_is_answered_by_the_disk(self):
        """An operator who stops an agent learns that the disk failed under that, and at once."""
        self.start()
        self.stop(self.running)
        env = self.failing("fdatasync", 6, errno.EIO)
        broker = self.keep(harness.Ready("broker", ["--listen", self.endpoint, "--stream", self.stream, "--http", self.http, "--journal",
                                                    self.path("journal")], self.directory, harness.environment(**env)))
        self.assertTrue(broker.ready, broker.err)
        kept = []
        for n in range(20):
            begun = time.monotonic()
            done = self.troupe("quarantine", f"pest-{n}", "--connect", self.endpoint)
            if done.code:
                break
            kept.append(f"pest-{n}")
        took = time.monotonic() - begun
        self.assertEqual(done.code, 3, done)
        self.assertIn("the journal failed", done.err)
        self.assertEqual(broker.wait().code, 4)
        self.start()
        rows = self.troupe("quarantine", "-o", "json", "--connect", self.endpoint).json()
        self.assertLessEqual(set(kept), {row["name"] for row in rows})
        figure("quarantine-eio", f"{len(kept)} orders kept over the broker's end; the one whose sync failed was answered so in {took:.2f} s")

    def test_disk_full(self):
        place = self.path("journal")
        grow = faults.small_disk(self, place, DISK)
        self.start()
        self.stop(self.consumer("away"))
        self.stop(self.running)
        producers, err = self.run_into(None, size=4096)
        self.assertIn("the disk is full", err)
        stored = len(self.ledger.read().stored)
        grow("256m")
        self.recover(producers)
        self.finish()
        figure("enospc", f"a disk of {DISK} was full after {stored:,} messages of 4 KiB: said so (B032) and ended with 4; with more room "
               f"{len(self.ledger.stored):,} stored, 0 lost, 0 wrong")


if __name__ == "__main__":
    faults.main()
