#!/usr/bin/env python3
"""Processes that are stopped for a while (SIGSTOP): nothing that was acknowledged is lost, and nobody else pays for it."""
import signal
import time

import faults
from faults import LONG, figure, wait_until

BROKER_STOPPED = 10 if LONG else 4  # seconds; longer than a lease
AGENT_STOPPED = 60 if LONG else 6


class Stop(faults.FaultTest):
    def pause(self, child, seconds):
        child.send_signal(signal.SIGSTOP)
        time.sleep(seconds)  # how long the fault lasts
        child.send_signal(signal.SIGCONT)

    def lost(self):
        return len(self.ledger.missing())

    def finish(self, producers, consumers):
        for child in producers:
            self.stop(child)
        self.arrive(60)
        for child in consumers:
            self.stop(child)
        self.judge()

    def test_stop_broker(self):
        self.start()
        consumers = [self.consumer(name) for name in ("east", "west")]
        producers = [self.producer(name, ["east", "west"], rate=1000) for name in ("anna", "ben")]
        wait_until(lambda: len(self.ledger.read().stored) > 1000, "messages to be stored")
        self.pause(self.running, BROKER_STOPPED)
        went_on = time.monotonic_ns()
        wait_until(lambda: self.ledger.read().served_again(went_on), "messages to be stored again")
        back = self.ledger.served_again(went_on)
        self.finish(producers, consumers)
        ledger = self.ledger
        figure("stop-broker", f"stopped for {BROKER_STOPPED} s under a flood: {len(ledger.stored):,} stored, {self.lost()} lost, "
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
        producers = [self.producer("anna", ["awake"], rate=1000), self.producer("ben", ["asleep"], rate=1000)]
        wait_until(lambda: len(self.ledger.read().stored) > 1000, "messages to be stored")
        self.pause(consumers[1], AGENT_STOPPED)
        self.finish(producers, consumers)
        ledger = self.ledger
        others = sum(ledger.happened("disconnected", name) for name in ("anna", "ben", "awake"))
        figure("stop-agent", f"stopped for {AGENT_STOPPED} s under a flood: {len(ledger.stored):,} stored, {self.lost()} lost, "
               f"{ledger.redelivered()} redelivered, {others} disconnects of others")
        self.assertEqual(others, 0)
        self.assertEqual(self.lost(), 0)
        self.assertEqual(len(ledger.returned), 0)
        self.assertGreater(ledger.happened("disconnected", "asleep"), 0)


if __name__ == "__main__":
    faults.main()
