#!/usr/bin/env python3
"""One of 100 subscribers takes 1 % of what comes: the others do not notice."""
import statistics

import faults
from faults import LONG, figure

SUBSCRIBERS = 100
PHASES = 40 if LONG else 10  # with and without the slow one, in turn, so that both see the same machine
MOST = 2.0  # times as long as without it


class Slow(faults.FaultTest):
    journal = False
    broker_options = ("--mailbox-records", "16")  # so that it is soon full

    def test_slow_subscriber(self):
        self.start()
        fan = self.agent("fan", "fan", wait=False, links=SUBSCRIBERS, phases=PHASES, phase="1500ms")
        self.assertEqual(fan.wait(60 + 3 * PHASES).code, 0, fan.err)
        phases = [rest for _, _, word, rest in self.ledger.read().events if word == "phase"]
        self.assertEqual(len(phases), PHASES)
        p50, p99, counts = ([int(phase[i]) for phase in phases] for i in (2, 3, 4))
        ratios = [slow / max(1, alone) for alone, slow in zip(p99[::2], p99[1::2])]
        gaps = sum(int(phase[5]) for phase in phases)
        ratio = statistics.median(ratios)
        figure("slow-subscriber", f"of {SUBSCRIBERS}, one at 1 %: the others' p99 is {ratio:.2f} times that without it (median of "
               f"{len(ratios)} pairs of phases; {statistics.median(p99[1::2]) / 1000:.1f} ms, p50 {statistics.median(p50[1::2]) / 1000:.1f} ms), "
               f"{sum(counts):,} deliveries, the slow one missed {gaps} and was told so")
        self.assertGreater(min(counts), SUBSCRIBERS)
        self.assertGreater(gaps, 0)
        self.assertLessEqual(ratio, MOST)


if __name__ == "__main__":
    faults.main()
