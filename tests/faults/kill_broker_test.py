#!/usr/bin/env python3
"""kill -9 of the broker, again and again, under durable messages: what was acknowledged is delivered, and it is soon back."""
import time

import faults
from faults import LONG, figure, percentile

RATE = 5000  # messages a second, of all producers
EVERY = 2.0  # seconds between two kills
SECONDS = 300 if LONG else 60
BACK = 1.0  # seconds until the broker is ready again


class KillBroker(faults.FaultTest):
    def test_kill_broker(self):
        self.start()
        consumers = [self.consumer(name) for name in ("east", "west")]
        producers = [self.producer(name, ["east", "west"], rate=RATE // 2) for name in ("anna", "ben")]
        kills, end = [], time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(EVERY)  # the rhythm of the fault: nothing is waited for
            kills.append(time.monotonic_ns())
            self.kill()
            self.start()
        for child in producers + consumers:
            if child in producers:
                self.stop(child)
                continue
            self.arrive()
            self.stop(child)
        self.judge()
        ledger = self.ledger
        service = [ledger.served_again(at) for at in kills]
        restarts = self.seconds_to_ready[1:]
        figure("kill-broker", f"{len(kills)} kills, {len(ledger.stored):,} stored of {len(ledger.sent):,} sent, 0 lost, "
               f"{len(ledger.refused)} refused, {ledger.redelivered():,} redelivered, slowest restart {max(restarts):.2f} s, "
               f"first stored again after {percentile(service, .5):.0f} ms (p50), {max(service):.0f} ms (most), {self.latency()}")
        self.assertGreater(len(ledger.stored), 100 * len(kills))
        self.assertGreaterEqual(ledger.happened("disconnected"), len(kills))
        self.assertLessEqual(max(restarts), BACK)


if __name__ == "__main__":
    faults.main()
