#!/usr/bin/env python3
"""The n-th allocation, write or sync of a broker fails, from its start to the end of one durable message: it goes on, or says what is wrong
and ends; what it acknowledged is there afterwards, and nothing hangs or crashes."""
import collections
import errno
import os
import random

import faults
import harness
from faults import LONG, figure, wait_until

# what fails, with what, on which files, and at how many places of all that there are in that time
CALLS = (("malloc", errno.ENOMEM, "", 40), ("write", errno.EIO, "journal", 6), ("write", errno.ENOSPC, "journal", 4),
         ("fdatasync", errno.EIO, "journal", 3), ("fsync", errno.EIO, "journal", 4))
STEPS_MAX = 100000


class Nth(faults.FaultTest):
    def setUp(self):
        super().setUp()
        self.number = 0
        self.outcomes = collections.Counter()

    def broken(self, journal, call, code, part, n, mark):
        """A broker whose n-th such call fails."""
        env = {"LD_PRELOAD": harness.program("tests/faults/fail.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
               "TROUPE_FAIL": f"{call}:{n}:{code}:{part}".rstrip(":"), "TROUPE_FAIL_ONCE": "1", "TROUPE_FAIL_MARK": mark}
        return self.keep(harness.Ready("broker", ["--listen", self.endpoint, "--stream", self.stream, "--http", self.http, "--journal",
                                                  journal], self.directory, harness.environment(**env)))

    def attempt(self, call, code, part, n):
        """One life of the broker in which the n-th call fails; whether there were so many. It is killed when the message is dealt with."""
        mark = self.path(f"mark-{call}-{n}")
        broker = self.broken(self.path("journal"), call, code, part, n, mark)
        if not broker.ready:
            self.end_well(broker, f"{call} {n}")
            self.outcomes["did not start, and said why"] += 1
            return os.path.exists(mark)
        self.number += 1
        producer = self.producer("anna", ["away"], first=self.number, count=1, wait=False)
        wait_until(lambda: producer.process.poll() is not None or broker.process.poll() is not None,
                   f"the message to be dealt with when {call} {n} fails", 60)
        if broker.process.poll() is None:
            self.outcomes["went on"] += 1
            self.kill(broker)
        else:
            self.end_well(broker, f"{call} {n}")
            self.outcomes["ended later, and said why"] += 1
        self.finish_producer(producer)
        return os.path.exists(mark)

    def end_well(self, broker, what):
        done = broker.wait()
        self.assertIn(done.code, (1, 2, 3, 4), f"{what}: {done}")
        self.assertRegex(done.err, r"B005|B032|troupe-broker: ", what)

    def finish_producer(self, producer):
        """One that still waits gets its answer from a broker that works."""
        if producer.process.poll() is not None:
            return
        self.start()
        wait_until(lambda: producer.process.poll() is not None, "the producer to end", 60)
        self.kill()

    def begin_anew(self, n):
        """The first life of a journal, in which the n-th allocation fails: what it leaves is a journal, or nothing."""
        journal = self.path(f"journal-{n}")
        broker = self.broken(journal, "malloc", errno.ENOMEM, "", n, self.path("mark"))
        consumer = self.consumer(f"first-{n}", wait=False) if broker.ready else None
        if consumer:
            wait_until(lambda: self.ledger.read().happened("begin", f"first-{n}") or broker.process.poll() is not None or
                       consumer.process.poll() is not None, f"an agent to join or to be refused when malloc {n} fails")
            self.kill(consumer)
        if broker.ready and broker.process.poll() is None:
            self.kill(broker)
        else:
            self.end_well(broker, f"malloc {n}")
        self.kill(self.ready("broker", "--listen", self.endpoint, "--stream", self.stream, "--http", self.http, "--journal", journal))

    def count(self, call, code, part):
        """How many such calls there are, about: by doubling."""
        n = 1
        while n < STEPS_MAX and self.attempt(call, code, part, n):
            n *= 2
        return n

    def test_nth(self):
        self.start()
        self.stop(self.consumer("away"))
        self.kill()
        dice, words = random.Random(1), []
        for call, code, part, places in CALLS:
            before, most = self.outcomes.total(), self.count(call, code, part)
            chosen = range(1, most) if LONG else sorted(dice.sample(range(1, most + 1), min(places, most)))
            struck = sum(self.attempt(call, code, part, n) for n in chosen)
            words.append(f"{call} ({errno.errorcode[code]}) {self.outcomes.total() - before} times of some {most // 2} to {most}")
            self.assertGreater(struck, 0)
        for n in range(10, 60) if LONG else (20, 24, 25, 26, 27, 28, 29, 30):
            self.begin_anew(n)
        self.start()
        consumer = self.consumer("away")
        self.arrive(60)
        self.stop(consumer)
        self.judge()
        figure("nth-call", f"{'; '.join(words)}: {', '.join(f'{n} {what}' for what, n in self.outcomes.items())}; "
               f"{len(self.ledger.stored)} of {self.number} messages stored, 0 lost, 0 wrong, no crash, nobody hung")


if __name__ == "__main__":
    faults.main()
