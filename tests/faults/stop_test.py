#!/usr/bin/env python3
"""Processes that are stopped for a while (SIGSTOP): nothing that was acknowledged is lost, and nobody else pays for it."""
import signal
import time

import faults
from faults import LONG, figure, wait_until

BROKER_STOPPED = 10  # seconds; longer than a lease
AGENT_STOPPED = 60
FLOOD = 10000 if LONG else 2000  # durable messages a second that each of the two producers sends, where they are taken
DRAIN = 600 if LONG else 240  # seconds, at most, until all of them have arrived


class Stop(faults.FaultTest):
    def pause(self, child, seconds):
        child.send_signal(signal.SIGSTOP)
        time.sleep(seconds)  # how long the fault lasts
        child.send_signal(signal.SIGCONT)

    def flooded(self, begun, stored):
        """Messages that were stored, and how many that were a second."""
        stored = len(self.ledger.read().stored) - stored
        return f"{stored:,} stored ({stored / (time.monotonic() - begun):,.0f}/s)"

    def lost(self):
        return len(self.ledger.missing())

    def finish(self, producers, consumers):
        for child in producers:
            self.stop(child)
        self.arrive(DRAIN)
        for child in consumers:
            self.stop(child)
        self.judge()

    def test_stop_broker(self):
        self.start()
        consumers = [self.consumer(name) for name in ("east", "west")]
        producers = [self.producer(name, ["east", "west"], rate=FLOOD) for name in ("anna", "ben")]
        wait_until(lambda: len(self.ledger.read().stored) > 1000, "messages to be stored")
        begun, before = time.monotonic(), len(self.ledger.stored)
        self.pause(self.running, BROKER_STOPPED)
        went_on = time.monotonic_ns()
        wait_until(lambda: self.ledger.read().served_again([went_on])[0], "messages to be stored again")
        back = self.ledger.served_again([went_on])[0]
        flooded = self.flooded(begun, before)
        self.finish(producers, consumers)
        ledger = self.ledger
        figure("stop-broker", f"stopped for {BROKER_STOPPED} s under a flood: {flooded}, {self.lost()} of all {len(ledger.stored):,} lost, "
               f"{ledger.redelivered()} redelivered, {ledger.happened('resumed')} of 4 links resumed, "
               f"{self.running.err.count('B012')} agents declared dead, stored again after {back:.0f} ms")
        self.assertEqual(self.lost(), 0)
        self.assertEqual((len(ledger.refused), len(ledger.returned)), (0, 0))
        self.assertEqual(ledger.happened("connected"), 4)  # none had to begin anew
        self.assertEqual(ledger.happened("resumed"), ledger.happened("disconnected"))
        self.assertEqual(self.running.err.count("B012"), 0, self.running.err)  # its own pause is nobody's death

    def test_stop_agent(self):
        self.start()
        consumers = [self.consumer(name) for name in ("awake", "asleep")]
        producers = [self.producer("anna", ["awake"], rate=FLOOD), self.producer("ben", ["asleep"], rate=FLOOD)]
        wait_until(lambda: len(self.ledger.read().stored) > 1000, "messages to be stored")
        begun, before = time.monotonic(), len(self.ledger.stored)
        self.pause(consumers[1], AGENT_STOPPED)
        flooded = self.flooded(begun, before)
        self.finish(producers, consumers)
        ledger = self.ledger
        others = sum(ledger.happened("disconnected", name) for name in ("anna", "ben", "awake"))
        figure("stop-agent", f"stopped for {AGENT_STOPPED} s under a flood: {flooded}, {self.lost()} of all {len(ledger.stored):,} lost, "
               f"{ledger.redelivered()} redelivered, {len(ledger.refused):,} refused, {others} disconnects of others")
        self.assertEqual(others, 0)
        self.assertEqual(self.lost(), 0)
        self.assertEqual(len(ledger.returned), 0)
        self.assertGreater(ledger.happened("disconnected", "asleep"), 0)


if __name__ == "__main__":
    faults.main()
