#!/usr/bin/env python3
"""kill -9 of the broker, again and again, under durable messages: what was acknowledged is delivered, or a dead letter where its receiver
never dealt with it, and the broker is soon back."""
import signal
import time

import faults
from faults import LONG, figure, percentile
from harness import Share, processor_seconds, wait_until

RATE = 5000  # messages a second, of all producers
EVERY = 2.0  # seconds between two kills
SECONDS = 300 if LONG else 60
BACK = 1.0  # seconds until the broker is ready again, and its producers have something stored
PART = 0.6  # of RATE, on the part of the machine that others leave: kills, and the histories of all, take the rest
ALONE = 0.5  # of the machine: with less, times are those of the others
POISON = 10  # every so many messages to the one who cannot deal with them ...
TRIES = 3  # ... for so often


class KillBroker(faults.FaultTest):
    broker_options = ("--tries", TRIES)

    def letters(self):
        return self.troupe("dlq", "ls", "-o", "json", "--connect", self.endpoint).json()

    def finish(self, producers, consumers):
        for child in producers:
            child.send_signal(signal.SIGTERM)
        for child in producers:
            self.stop(child)
        self.arrive(faults.LINGER, self.letters)
        for child in consumers:
            self.stop(child)

    def test_kill_broker(self):
        self.start()
        consumers = [self.consumer(name) for name in ("east", "west")] + [self.consumer("sick", poison_every=POISON)]
        producers = [self.producer(name, ["east", "west"], rate=RATE // 2, linger=f"{faults.LINGER}s") for name in ("anna", "ben")]
        producers.append(self.producer("carl", ["sick"], rate=50, linger=f"{faults.LINGER}s"))
        clients = [child.pid for child in producers + consumers]
        share, starts, end = Share(clients), [], time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(EVERY)  # the rhythm of the fault: nothing is waited for
            self.brokers_used += processor_seconds(self.running.pid)
            self.kill()
            starts.append(time.monotonic_ns())
            self.start()
            self.progress.tell(lambda: f"{len(starts)} kills, {SECONDS} s are asked for")
        wait_until(lambda: self.ledger.read().newest >= starts[-1], "a message to be stored that was sent after the last kill", faults.LINGER)
        left = share.now(clients, self.brokers_used)
        rate = len(self.ledger.read().stored) / (SECONDS + time.monotonic() - end)
        self.finish(producers, consumers)
        self.judge()
        ledger = self.ledger
        service = ledger.served_again(starts)
        restarts = self.seconds_to_ready[1:]
        figure("kill-broker", f"{len(starts)} kills, {rate:,.0f} stored a second on {left * 100:.0f} % of the machine, "
               f"{len(ledger.stored):,} stored of {len(ledger.sent):,} sent, 0 lost, {len(ledger.dead)} dead letters, "
               f"{len(ledger.refused)} refused, {ledger.redelivered():,} redelivered, slowest restart {max(restarts):.2f} s, "
               f"first stored again after {percentile(service, .5):.0f} ms (p50), {max(service):.0f} ms (most), {self.latency()}")
        poison = {message for message in ledger.stored if message[0] == "carl" and message[1] % POISON == 0}
        self.assertEqual(set(ledger.dead), poison)
        self.assertGreaterEqual(len(ledger.dead), len(starts))
        self.assertEqual({(letter["reason"], letter["attempts"]) for letter in ledger.dead.values()}, {("too-many-tries", TRIES)})
        self.assertGreaterEqual(ledger.happened("disconnected"), len(starts))
        self.assertNotIn(0, service)
        if left < ALONE:
            print(f"others had the machine, so that its times are no measure: {left * 100:.0f} % of it were left, {ALONE * 100:.0f} % are needed")
            return
        self.assertGreaterEqual(rate, RATE * PART * left)
        self.assertLessEqual(max(restarts), BACK)
        self.assertLessEqual(percentile(service, .5) / 1e3 * left, BACK)


if __name__ == "__main__":
    faults.main()
